//! Zones, lines and rules of a camera: from raw to [`SceneSettings`].

use std::collections::BTreeMap;

use analytics::{
    geometry::{Line, Point, Polygon},
    picture::Tampering,
    rule::{Direction, RuleKind, RuleSettings},
    scene::SceneSettings,
    track::TrackerSettings,
};
use jiff::tz::TimeZone;
use protocol::Severity;

use super::{
    calibration,
    camera::unknown,
    check::Check,
    look::{self, Known},
    picture,
    problem::At,
    raw::{RawCamera, RawLine, RawRule, RawZone},
    reader::Field,
    revision,
    rule::{self, Place},
    schedule::Schedule,
};

const DIRECTIONS: [&str; 3] = ["forward", "backward", "any"];
const SEVERITIES: [&str; 4] = ["info", "warning", "alarm", "critical"];

/// A camera's scene with what the wire says about its rules.
pub(super) struct CheckedScene {
    pub(super) settings: SceneSettings,
    pub(super) severities: BTreeMap<String, Severity>,
    pub(super) revisions: BTreeMap<String, String>,
    pub(super) schedules: BTreeMap<String, Schedule>,
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
            ground: calibration::check(check, camera),
        },
        severities: BTreeMap::new(),
        revisions: BTreeMap::new(),
        schedules: BTreeMap::new(),
    };
    let time_zone = time_zone(check, camera);
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
        looks: look::known(camera),
    };
    for raw in rules {
        let schedule = schedule(check, raw, time_zone.as_ref());
        let Some(typed) = check_rule(check, raw, &names) else {
            continue;
        };
        if typed.settings.rule.kind() == RuleKind::Speeding && camera.calibration.is_absent() {
            let kind = raw.place.of_key("kind");
            let text = "speeding needs metres: give the camera a [cameras.calibration]";
            check.problems.push(kind.problem(text));
        }
        let id = typed.settings.id.clone();
        scene.revisions.insert(
            id.clone(),
            revision::of(&typed, raw, camera, &scene.settings.ground),
        );
        scene.severities.insert(id.clone(), typed.severity);
        scene
            .schedules
            .extend(schedule.map(|schedule| (id, schedule)));
        scene.settings.rules.push(typed.settings);
    }
    scene
}

pub(super) fn list<T>(field: &Field<Vec<At<T>>>) -> &[At<T>] {
    field.given().map_or(&[], |at| at.value.as_slice())
}

fn point([x, y]: [f64; 2]) -> Point {
    Point {
        x: x as f32,
        y: y as f32,
    }
}

pub(super) fn check_zone(check: &mut Check<'_>, raw: &At<RawZone>) -> Option<(String, Polygon)> {
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
    looks: Vec<Known<'n>>,
}

/// A rule as it was typed.
pub(super) struct Typed {
    pub(super) settings: RuleSettings,
    pub(super) severity: Severity,
    /// Its numbers by key, those that were left out too.
    pub(super) numbers: BTreeMap<&'static str, f64>,
    /// Its texts, likewise.
    pub(super) texts: BTreeMap<&'static str, String>,
}

fn check_rule(check: &mut Check<'_>, raw: &At<RawRule>, names: &Names<'_>) -> Option<Typed> {
    let id = raw
        .id
        .required(&raw.place, "id", &mut check.problems)
        .cloned();
    let id = id.and_then(|id| check.name(&id));
    let severity = severity(check, raw);
    let classes = classes(check, raw);
    let ignore = ignored(check, raw, names);
    let kind = raw
        .kind
        .required(&raw.place, "kind", &mut check.problems)
        .cloned()?;
    let Some(kind) = rule::kind(&kind.value) else {
        let kinds = RuleKind::ALL.map(RuleKind::as_str);
        return check.refuse(&kind, unknown("kind of rule", &kind.value, &kinds));
    };
    let shape = look::keyed_as(kind, raw);
    let keys = rule::keys(shape);
    let place = place(check, raw, kind, &keys, names);
    let direction = direction(check, raw);
    let texts = texts(check, raw, kind, keys.texts);
    let numbers = values(check, raw, kind, keys.numbers)?;
    let texts = texts?;
    let text = |key: &str| texts.get(key).cloned().unwrap_or_default();
    let number = |key: &str| numbers.get(key).copied().unwrap_or_default();
    let mut spec = rule::spec(shape, place?, direction, number, text);
    picture::set_detect(&mut spec, detected(check, raw));
    look::complete(check, raw, kind, &names.looks, &mut spec);
    let settings = RuleSettings {
        id: id?.to_string(),
        classes: classes?,
        rule: spec,
        life: rule::life(number, ignore, raw.silent.or(false)),
    };
    Some(Typed {
        settings,
        severity,
        numbers,
        texts,
    })
}

/// The zone or line of the rule, if it has one; `None` after a note. Other places are refused.
fn place(
    check: &mut Check<'_>,
    raw: &At<RawRule>,
    kind: RuleKind,
    keys: &rule::Keys,
    names: &Names<'_>,
) -> Option<Option<String>> {
    let name = kind.as_str();
    if !keys.direction {
        foreign(check, name, "direction", &raw.direction);
    }
    if keys.place != Place::Line {
        foreign(check, name, "line", &raw.line);
    }
    if matches!(keys.place, Place::Line | Place::Everywhere) {
        foreign(check, name, "zone", &raw.zone);
    }
    if !keys.detect {
        foreign(check, name, "detect", &raw.detect);
    }
    match keys.place {
        Place::Line => named(check, raw, "line", &raw.line, &names.lines).map(Some),
        Place::Everywhere => Some(None),
        Place::Anywhere if raw.zone.is_absent() => Some(None),
        Place::Zone | Place::Anywhere => {
            named(check, raw, "zone", &raw.zone, &names.zones).map(Some)
        }
    }
}

/// The numbers of the rule by key; others are refused.
fn values(
    check: &mut Check<'_>,
    raw: &At<RawRule>,
    kind: RuleKind,
    keys: Vec<rule::Number>,
) -> Option<BTreeMap<&'static str, f64>> {
    let fields = numbers(raw);
    for (key, field) in fields {
        if !keys.iter().any(|number| number.key == key) {
            foreign(check, kind.as_str(), key, field);
        }
    }
    let (mut values, mut whole) = (BTreeMap::new(), true);
    for number in keys {
        let field = fields.iter().find(|(key, _)| *key == number.key);
        let (key, field) = *field.expect("the raw rule has all keys");
        if number.default.is_none() {
            let given = field.required(&raw.place, key, &mut check.problems);
            whole &= given.is_some();
        }
        let value = check.number(field, number.allowed, number.default.unwrap_or_default());
        values.insert(key, value);
    }
    whole.then_some(values)
}

/// The texts of the rule by key; others are refused.
fn texts(
    check: &mut Check<'_>,
    raw: &At<RawRule>,
    kind: RuleKind,
    keys: &'static [rule::Text],
) -> Option<BTreeMap<&'static str, String>> {
    let fields = [
        ("when", &raw.when),
        ("first", &raw.first),
        ("then", &raw.then),
        ("object", &raw.object),
    ];
    for (key, field) in fields {
        if !keys.iter().any(|text| text.key == key) {
            foreign(check, kind.as_str(), key, field);
        }
    }
    let mut texts = BTreeMap::new();
    for text in keys {
        let field = fields.iter().find(|(key, _)| *key == text.key);
        let (key, field) = *field.expect("the raw rule has all keys");
        if let (Some(default), true) = (text.default, field.is_absent()) {
            texts.insert(key, default.to_owned());
        } else if let Some(at) = field
            .required(&raw.place, key, &mut check.problems)
            .cloned()
        {
            if !text.allowed.is_empty() && !text.allowed.contains(&at.value.as_str()) {
                let why = unknown("choice", &at.value, text.allowed);
                check.problems.push(at.problem(why));
            }
            texts.insert(key, at.value);
        }
    }
    (texts.len() == keys.len()).then_some(texts)
}

/// What a rule is to watch for in the picture itself.
fn detected(check: &mut Check<'_>, raw: &At<RawRule>) -> Vec<Tampering> {
    let kinds = list(&raw.detect).iter().filter_map(|at| {
        let kind = picture::named(&at.value);
        kind.map_err(|why| check.problems.push(at.problem(why)))
            .ok()
    });
    kinds.collect()
}

/// The zones that the rule ignores.
fn ignored(check: &mut Check<'_>, raw: &At<RawRule>, names: &Names<'_>) -> Vec<String> {
    let mut zones = Vec::new();
    for at in list(&raw.ignore_zones) {
        if names.zones.contains(&at.value.as_str()) {
            zones.push(at.value.clone());
        } else {
            let text = unknown("zone of this camera", &at.value, &names.zones);
            check.problems.push(at.problem(text));
        }
    }
    zones
}

/// The camera's time zone, in which schedules are read.
fn time_zone(check: &mut Check<'_>, camera: &RawCamera) -> Option<TimeZone> {
    let at = camera.time_zone.given()?;
    match TimeZone::get(&at.value) {
        Ok(zone) => Some(zone),
        Err(_) => {
            let text = format!("{:?} is no time zone, as in \"Asia/Tashkent\"", at.value);
            check.refuse(at, text)
        }
    }
}

/// When the rule watches; nothing: always.
fn schedule(
    check: &mut Check<'_>,
    raw: &At<RawRule>,
    time_zone: Option<&TimeZone>,
) -> Option<Schedule> {
    let at = raw.schedule.given()?;
    let Some(zone) = time_zone else {
        return check.refuse(at, "needs time_zone in [[cameras]]");
    };
    match Schedule::new(
        zone.clone(),
        at.value.iter().map(|span| span.value.as_str()),
    ) {
        Ok(schedule) => Some(schedule),
        Err((place, why)) => match at.value.get(place) {
            Some(span) => check.refuse(span, why),
            None => check.refuse(at, why),
        },
    }
}

/// All numbers that rules may have, by key.
fn numbers(raw: &RawRule) -> [(&'static str, &Field<f64>); 17] {
    [
        ("hysteresis", &raw.hysteresis),
        ("min_seconds", &raw.min_seconds),
        ("min_count", &raw.min_count),
        ("max_speed", &raw.max_speed),
        ("direction_degrees", &raw.direction_degrees),
        ("tolerance_degrees", &raw.tolerance_degrees),
        ("min_distance", &raw.min_distance),
        ("limit_kmh", &raw.limit_kmh),
        ("min_speed_mps", &raw.min_speed_mps),
        ("max_count", &raw.max_count),
        ("within_seconds", &raw.within_seconds),
        ("cool_down_seconds", &raw.cool_down_seconds),
        ("max_per_minute", &raw.max_per_minute),
        ("min_displacement", &raw.min_displacement),
        ("min_score", &raw.min_score),
        ("min_share", &raw.min_share),
        ("end_share", &raw.end_share),
    ]
}

/// Notes a key that means nothing for this kind of rule.
pub(super) fn foreign<T>(check: &mut Check<'_>, kind: &str, key: &str, field: &Field<T>) {
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
