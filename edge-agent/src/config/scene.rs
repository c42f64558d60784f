//! Zones, lines and rules of a camera: from raw to [`SceneSettings`].

use std::collections::BTreeMap;

use analytics::{
    geometry::{Line, Point, Polygon},
    rule::{Direction, RuleKind, RuleSettings, RuleSpec},
    scene::SceneSettings,
    track::TrackerSettings,
};
use protocol::Severity;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{
    camera::unknown,
    check::{Check, hex},
    problem::At,
    raw::{RawCamera, RawLine, RawRule, RawZone},
    reader::Field,
    rule,
};

const DIRECTIONS: [&str; 3] = ["forward", "backward", "any"];
const SEVERITIES: [&str; 4] = ["info", "warning", "alarm", "critical"];

/// A camera's scene with what the wire says about its rules.
pub(super) struct CheckedScene {
    pub(super) settings: SceneSettings,
    pub(super) severities: BTreeMap<String, Severity>,
    pub(super) revisions: BTreeMap<String, String>,
}

/// Checks a camera's zones, lines and rules; what is wrong is noted and left out.
pub(super) fn check(check: &mut Check<'_>, camera: &RawCamera) -> CheckedScene {
    let zones = list(&camera.zones);
    let lines = list(&camera.lines);
    let rules = list(&camera.rules);
    check.unique("zone", zones.iter().filter_map(|zone| zone.id.given()));
    check.unique("line", lines.iter().filter_map(|line| line.id.given()));
    check.unique("rule", rules.iter().filter_map(|rule| rule.id.given()));
    let mut scene = CheckedScene {
        settings: SceneSettings {
            zones: zones
                .iter()
                .filter_map(|zone| check_zone(check, zone))
                .collect(),
            lines: lines
                .iter()
                .filter_map(|line| check_line(check, line))
                .collect(),
            rules: Vec::new(),
            tracker: TrackerSettings::default(),
        },
        severities: BTreeMap::new(),
        revisions: BTreeMap::new(),
    };
    // A zone that was refused is still known by its name: a rule that names it is not wrong as well.
    let names = Names {
        zones: zones
            .iter()
            .filter_map(|z| z.id.given())
            .map(|id| id.value.as_str())
            .collect(),
        lines: lines
            .iter()
            .filter_map(|l| l.id.given())
            .map(|id| id.value.as_str())
            .collect(),
    };
    for rule in rules {
        let Some((settings, severity)) = check_rule(check, rule, &names) else {
            continue;
        };
        scene.revisions.insert(
            settings.id.clone(),
            revision(&settings, severity, zones, lines),
        );
        scene.severities.insert(settings.id.clone(), severity);
        scene.settings.rules.push(settings);
    }
    scene
}

fn list<T>(field: &Field<Vec<At<T>>>) -> &[At<T>] {
    field.given().map_or(&[], |at| at.value.as_slice())
}

fn point([x, y]: [f64; 2]) -> Point {
    Point {
        x: x as f32,
        y: y as f32,
    }
}

fn check_zone(check: &mut Check<'_>, raw: &At<RawZone>) -> Option<(String, Polygon)> {
    let id = raw
        .id
        .required(&raw.place, "id", &mut check.problems)
        .cloned();
    let polygon = raw
        .polygon
        .required(&raw.place, "polygon", &mut check.problems)
        .cloned();
    let id = id.and_then(|id| check.name(&id));
    let polygon = polygon?;
    match Polygon::new(polygon.value.iter().map(|at| point(at.value)).collect()) {
        Ok(shape) => Some((id?.to_string(), shape)),
        Err(why) => check.refuse(&polygon, why.to_string()),
    }
}

fn check_line(check: &mut Check<'_>, raw: &At<RawLine>) -> Option<(String, Line)> {
    let id = raw
        .id
        .required(&raw.place, "id", &mut check.problems)
        .cloned();
    let from = raw
        .from
        .required(&raw.place, "from", &mut check.problems)
        .cloned();
    let to = raw
        .to
        .required(&raw.place, "to", &mut check.problems)
        .cloned();
    let id = id.and_then(|id| check.name(&id));
    let (from, to) = (from?, to?);
    match Line::new(point(from.value), point(to.value)) {
        Ok(line) => Some((id?.to_string(), line)),
        Err(why) => check.refuse(&from, why.to_string()),
    }
}

/// What a rule may name.
struct Names<'n> {
    zones: Vec<&'n str>,
    lines: Vec<&'n str>,
}

fn check_rule(
    check: &mut Check<'_>,
    raw: &At<RawRule>,
    names: &Names<'_>,
) -> Option<(RuleSettings, Severity)> {
    let id = raw
        .id
        .required(&raw.place, "id", &mut check.problems)
        .cloned();
    let id = id.and_then(|id| check.name(&id));
    let severity = severity(check, raw);
    let classes = classes(check, raw);
    let kind = raw
        .kind
        .required(&raw.place, "kind", &mut check.problems)
        .cloned()?;
    let Some(known) = rule::kind(&kind.value) else {
        let kinds = RuleKind::ALL.map(RuleKind::as_str);
        return check.refuse(&kind, unknown("kind of rule", &kind.value, &kinds));
    };
    let rule = spec(check, raw, known, names)?;
    let settings = RuleSettings {
        id: id?.to_string(),
        classes: classes?,
        rule,
    };
    Some((settings, severity))
}

/// What the rule looks for, from the keys of its kind; others are refused.
fn spec(
    check: &mut Check<'_>,
    raw: &At<RawRule>,
    kind: RuleKind,
    names: &Names<'_>,
) -> Option<RuleSpec> {
    let (keys, name) = (rule::keys(kind), kind.as_str());
    let fields = numbers(raw);
    for (key, field) in fields {
        if !keys.numbers.iter().any(|number| number.key == key) {
            foreign(check, name, key, field);
        }
    }
    if !keys.direction {
        foreign(check, name, "direction", &raw.direction);
    }
    let place = if keys.place == "line" {
        foreign(check, name, "zone", &raw.zone);
        named(check, raw, "line", &raw.line, &names.lines)
    } else {
        foreign(check, name, "line", &raw.line);
        named(check, raw, "zone", &raw.zone, &names.zones)
    };
    let direction = direction(check, raw);
    let (mut values, mut whole) = (BTreeMap::new(), true);
    for number in keys.numbers {
        let field = fields.iter().find(|(key, _)| *key == number.key);
        let (key, field) = *field.expect("the raw rule has all keys");
        if number.default.is_none() {
            let given = field.required(&raw.place, key, &mut check.problems);
            whole &= given.is_some();
        }
        let value = check.number(field, number.allowed, number.default.unwrap_or_default());
        values.insert(key, value);
    }
    let number = |key: &str| values.get(key).copied().unwrap_or_default();
    whole.then_some(rule::spec(kind, place?, direction, number))
}

/// All numbers that rules may have, by key.
fn numbers(raw: &RawRule) -> [(&'static str, &Field<f64>); 7] {
    [
        ("hysteresis", &raw.hysteresis),
        ("min_seconds", &raw.min_seconds),
        ("min_count", &raw.min_count),
        ("max_speed", &raw.max_speed),
        ("direction_degrees", &raw.direction_degrees),
        ("tolerance_degrees", &raw.tolerance_degrees),
        ("min_distance", &raw.min_distance),
    ]
}

/// Notes a key that means nothing for this kind of rule.
fn foreign<T>(check: &mut Check<'_>, kind: &str, key: &str, field: &Field<T>) {
    if let Some(at) = field.given() {
        check
            .problems
            .push(at.problem(format!("{key} means nothing for {kind}")));
    }
}

/// The zone or line that a rule names.
fn named(
    check: &mut Check<'_>,
    rule: &At<RawRule>,
    what: &str,
    field: &Field<String>,
    known: &[&str],
) -> Option<String> {
    let at = field
        .required(&rule.place, what, &mut check.problems)?
        .clone();
    if known.contains(&at.value.as_str()) {
        Some(at.value)
    } else {
        let text = unknown(&format!("{what} of this camera"), &at.value, known);
        check.refuse(&at, text)
    }
}

fn direction(check: &mut Check<'_>, raw: &At<RawRule>) -> Direction {
    match raw.direction.given().map(|at| (at, at.value.as_str())) {
        None | Some((_, "any")) => Direction::Any,
        Some((_, "forward")) => Direction::Forward,
        Some((_, "backward")) => Direction::Backward,
        Some((at, other)) => check
            .refuse(at, unknown("direction", other, &DIRECTIONS))
            .unwrap_or(Direction::Any),
    }
}

fn severity(check: &mut Check<'_>, raw: &At<RawRule>) -> Severity {
    match raw.severity.given().map(|at| (at, at.value.as_str())) {
        None | Some((_, "alarm")) => Severity::Alarm,
        Some((_, "info")) => Severity::Info,
        Some((_, "warning")) => Severity::Warning,
        Some((_, "critical")) => Severity::Critical,
        Some((at, other)) => check
            .refuse(at, unknown("severity", other, &SEVERITIES))
            .unwrap_or(Severity::Alarm),
    }
}

/// Labels of the classes that the rule looks at; none means all.
fn classes(check: &mut Check<'_>, raw: &At<RawRule>) -> Option<Vec<String>> {
    let Some(at) = raw.classes.given().cloned() else {
        return raw.classes.is_absent().then(Vec::new);
    };
    if at.value.is_empty() {
        return check.refuse(
            &at,
            "is empty: name classes of the model, or leave it out for all of them",
        );
    }
    Some(at.value.into_iter().map(|class| class.value).collect())
}

/// `sha256:` and the hash of a rule as it runs, with the shape that it names.
fn revision(
    rule: &RuleSettings,
    severity: Severity,
    zones: &[At<RawZone>],
    lines: &[At<RawLine>],
) -> String {
    let zone = |id: &str| -> Value {
        let raw = zones
            .iter()
            .find(|z| z.id.given().is_some_and(|at| at.value == id));
        let points = raw.map(|z| list(&z.polygon)).unwrap_or_default();
        points.iter().map(|at| json!(at.value)).collect()
    };
    let line = |id: &str| -> Value {
        let raw = lines
            .iter()
            .find(|l| l.id.given().is_some_and(|at| at.value == id));
        json!(raw.map(|l| [l.from.or([0.0; 2]), l.to.or([0.0; 2])]))
    };
    let spec = match &rule.rule {
        RuleSpec::LineCrossing {
            line: id,
            direction,
            hysteresis,
        } => {
            json!({"kind": "line_crossing", "line": line(id), "direction": format!("{direction:?}"),
                   "hysteresis": hysteresis})
        }
        RuleSpec::Intrusion {
            zone: id,
            min_duration,
        } => {
            json!({"kind": "intrusion", "zone": zone(id), "min_seconds": min_duration.as_secs_f64()})
        }
        RuleSpec::Loitering {
            zone: id,
            min_duration,
        } => {
            json!({"kind": "loitering", "zone": zone(id), "min_seconds": min_duration.as_secs_f64()})
        }
        RuleSpec::StoppedVehicle {
            zone: id,
            min_duration,
        } => {
            json!({"kind": "stopped_vehicle", "zone": zone(id), "min_seconds": min_duration.as_secs_f64()})
        }
        RuleSpec::Crowd {
            zone: id,
            min_count,
            min_duration,
        } => {
            json!({"kind": "crowd", "zone": zone(id), "min_count": min_count,
                   "min_seconds": min_duration.as_secs_f64()})
        }
        RuleSpec::Congestion {
            zone: id,
            min_count,
            max_speed,
            min_duration,
        } => {
            json!({"kind": "congestion", "zone": zone(id), "min_count": min_count, "max_speed": max_speed,
                   "min_seconds": min_duration.as_secs_f64()})
        }
        RuleSpec::WrongWay {
            zone: id,
            direction_degrees,
            tolerance_degrees,
            min_distance,
        } => {
            json!({"kind": "wrong_way", "zone": zone(id), "direction_degrees": direction_degrees,
                   "tolerance_degrees": tolerance_degrees, "min_distance": min_distance})
        }
    };
    let whole = json!({"id": rule.id, "classes": rule.classes, "severity": severity, "rule": spec});
    format!("sha256:{}", hex(&Sha256::digest(whole.to_string())))
}
