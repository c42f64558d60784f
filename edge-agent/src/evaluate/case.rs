//! `case.toml`: a clip, what its camera is told to watch for, and what really happens in it.
//!
//! Mistakes are reported with file and line. Rule kinds that this version does not evaluate are known by name, so that
//! they are told from spelling mistakes.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use analytics::{
    geometry::{Line, Point, Polygon},
    rule::{Direction, RuleKind, RuleSettings, RuleSpec},
};
use serde::Deserialize;
use toml::Spanned;

use crate::config::rule;

/// Name of the file that describes a case in its folder.
pub const FILE_NAME: &str = "case.toml";

/// Kinds of rules that cases may have and that are not evaluated yet.
const LATER: [&str; 8] = [
    "speeding",
    "abandoned_object",
    "removed_object",
    "fall",
    "running",
    "fight",
    "fire_smoke",
    "tamper",
];

/// A case, checked.
#[derive(Clone, Debug)]
pub struct Case {
    /// Name of its folder.
    pub name: String,
    /// One line for people.
    pub title: String,
    /// The clip.
    pub clip: PathBuf,
    /// Zones by name.
    pub zones: Vec<(String, Polygon)>,
    /// Lines by name.
    pub lines: Vec<(String, Line)>,
    /// Rules.
    pub rules: Vec<CaseRule>,
    /// What really happens.
    pub truth: Truth,
}

/// A rule of a case.
#[derive(Clone, Debug)]
pub struct CaseRule {
    /// Its name.
    pub id: String,
    /// Its kind, as the case names it.
    pub kind: String,
    /// As it is evaluated; nothing where this version cannot.
    pub settings: Option<RuleSettings>,
}

/// What really happens in a clip: for the scorer alone.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Truth {
    /// Seconds around a truth incident in which an alarm still belongs to it.
    pub tolerance_s: f64,
    /// The incidents.
    pub incidents: Vec<Span>,
    /// What counts neither way.
    pub ignore: Vec<Span>,
}

/// Something from one media time to another, in seconds.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Span {
    /// Name of the rule.
    pub rule: String,
    /// When it begins.
    pub start_s: f64,
    /// When it is over.
    pub end_s: f64,
    /// For people.
    #[serde(default)]
    pub note: String,
}

/// Why a case cannot be read: file, line, and everything that is wrong.
#[derive(Debug, thiserror::Error)]
#[error("{}", problems.join("\n"))]
pub struct CaseError {
    /// One line a problem.
    pub problems: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCase {
    clip: Spanned<PathBuf>,
    #[serde(default)]
    title: String,
    #[serde(default)]
    #[expect(dead_code, reason = "read by people, kept so that the key is known")]
    licence: String,
    #[serde(default = "tolerance")]
    tolerance_s: f64,
    #[serde(default)]
    zones: Vec<RawZone>,
    #[serde(default)]
    lines: Vec<RawLine>,
    #[serde(default)]
    rules: Vec<RawRule>,
    #[serde(default)]
    incidents: Vec<Spanned<Span>>,
    #[serde(default)]
    ignore: Vec<Spanned<Span>>,
    #[expect(
        dead_code,
        reason = "rules that need metres come later; the key is known"
    )]
    calibration: Option<toml::Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawZone {
    id: String,
    polygon: Spanned<Vec<(f32, f32)>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawLine {
    id: String,
    from: Spanned<(f32, f32)>,
    to: (f32, f32),
}

/// Keys of all kinds; those that a kind needs are checked, those of kinds that come later are left alone.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRule {
    id: Spanned<String>,
    kind: Spanned<String>,
    #[serde(default)]
    classes: Vec<String>,
    zone: Option<Spanned<String>>,
    line: Option<Spanned<String>>,
    direction: Option<Spanned<String>>,
    hysteresis: Option<f64>,
    min_seconds: Option<f64>,
    min_count: Option<f64>,
    max_speed: Option<f64>,
    direction_degrees: Option<f64>,
    tolerance_degrees: Option<f64>,
    min_distance: Option<f64>,
    limit_kmh: Option<toml::Value>,
    detect: Option<toml::Value>,
}

impl RawRule {
    /// All numbers that rules may have, by key.
    fn numbers(&self) -> [(&'static str, Option<f64>); 7] {
        [
            ("hysteresis", self.hysteresis),
            ("min_seconds", self.min_seconds),
            ("min_count", self.min_count),
            ("max_speed", self.max_speed),
            ("direction_degrees", self.direction_degrees),
            ("tolerance_degrees", self.tolerance_degrees),
            ("min_distance", self.min_distance),
        ]
    }

    /// Keys that are there and that `keys` has not.
    fn foreign(&self, keys: &rule::Keys) -> Vec<&'static str> {
        let known = |key: &str| keys.numbers.iter().any(|number| number.key == key);
        let numbers = self.numbers().into_iter();
        let numbers = numbers.filter_map(|(key, value)| value.map(|_| key));
        let others = [
            ("zone", self.zone.is_some() && keys.place != "zone"),
            ("line", self.line.is_some() && keys.place != "line"),
            ("direction", self.direction.is_some() && !keys.direction),
            ("limit_kmh", self.limit_kmh.is_some()),
            ("detect", self.detect.is_some()),
        ];
        let others = others.into_iter().filter(|(_, is)| *is).map(|(key, _)| key);
        numbers.filter(|key| !known(key)).chain(others).collect()
    }
}

fn tolerance() -> f64 {
    1.5
}

/// Collects problems with their lines.
struct Report<'t> {
    path: &'t Path,
    text: &'t str,
    problems: Vec<String>,
}

impl Report<'_> {
    fn add(&mut self, at: std::ops::Range<usize>, problem: impl std::fmt::Display) {
        let before = self.text.get(..at.start).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        self.problems
            .push(format!("{}:{line}: {problem}", self.path.display()));
    }
}

impl Case {
    /// Reads a case, given its folder or its file.
    ///
    /// # Errors
    /// Everything that is wrong in the file, by line.
    pub fn load(path: &Path) -> Result<Case, CaseError> {
        let path = if path.is_dir() {
            path.join(FILE_NAME)
        } else {
            path.to_owned()
        };
        let text = fs::read_to_string(&path).map_err(|e| CaseError {
            problems: vec![format!("{}: {e}", path.display())],
        })?;
        Case::parse(&path, &text)
    }

    fn parse(path: &Path, text: &str) -> Result<Case, CaseError> {
        let raw: RawCase = toml::from_str(text).map_err(|e| CaseError {
            problems: vec![format!("{}: {}", path.display(), e.to_string().trim_end())],
        })?;
        let mut report = Report {
            path,
            text,
            problems: Vec::new(),
        };
        let folder = path.parent().unwrap_or(Path::new("."));
        let zones = zones(&raw, &mut report);
        let lines = lines(&raw, &mut report);
        let rules = raw
            .rules
            .iter()
            .filter_map(|rule| read_rule(rule, &raw, &mut report))
            .collect();
        let truth = Truth {
            tolerance_s: raw.tolerance_s,
            incidents: spans(&raw, &raw.incidents, &mut report),
            ignore: spans(&raw, &raw.ignore, &mut report),
        };
        let name = folder.canonicalize().ok();
        let name = name.as_deref().unwrap_or(folder).file_name();
        let case = Case {
            name: name.unwrap_or_default().to_string_lossy().into_owned(),
            title: raw.title,
            clip: folder.join(raw.clip.get_ref()),
            zones,
            lines,
            rules,
            truth,
        };
        match report.problems.is_empty() {
            true => Ok(case),
            false => Err(CaseError {
                problems: report.problems,
            }),
        }
    }
}

fn point((x, y): (f32, f32)) -> Point {
    Point { x, y }
}

fn zones(raw: &RawCase, report: &mut Report<'_>) -> Vec<(String, Polygon)> {
    let mut zones = Vec::new();
    for zone in &raw.zones {
        let points = zone.polygon.get_ref().iter().map(|p| point(*p)).collect();
        match Polygon::new(points) {
            Ok(polygon) => zones.push((zone.id.clone(), polygon)),
            Err(e) => report.add(zone.polygon.span(), format_args!("zone {:?}: {e}", zone.id)),
        }
    }
    zones
}

fn lines(raw: &RawCase, report: &mut Report<'_>) -> Vec<(String, Line)> {
    let mut lines = Vec::new();
    for line in &raw.lines {
        match Line::new(point(*line.from.get_ref()), point(line.to)) {
            Ok(shape) => lines.push((line.id.clone(), shape)),
            Err(e) => report.add(line.from.span(), format_args!("line {:?}: {e}", line.id)),
        }
    }
    lines
}

fn spans(raw: &RawCase, spans: &[Spanned<Span>], report: &mut Report<'_>) -> Vec<Span> {
    let mut checked = Vec::new();
    for span in spans {
        let found = span.get_ref();
        if !raw
            .rules
            .iter()
            .any(|rule| *rule.id.get_ref() == found.rule)
        {
            report.add(
                span.span(),
                format_args!("no rule is named {:?}", found.rule),
            );
        } else if found
            .end_s
            .partial_cmp(&found.start_s)
            .is_none_or(|o| o.is_lt())
        {
            report.add(span.span(), "end_s lies before start_s");
        } else {
            checked.push(found.clone());
        }
    }
    checked
}

fn read_rule(rule: &RawRule, raw: &RawCase, report: &mut Report<'_>) -> Option<CaseRule> {
    let id = rule.id.get_ref().clone();
    let kind = rule.kind.get_ref().clone();
    let twice = raw.rules.iter().filter(|r| *r.id.get_ref() == id).count() > 1;
    if twice {
        report.add(rule.id.span(), format_args!("two rules are named {id:?}"));
    }
    if LATER.contains(&kind.as_str()) {
        return Some(CaseRule {
            id,
            kind,
            settings: None,
        });
    }
    let spec = spec(rule, raw, report)?;
    Some(CaseRule {
        settings: Some(RuleSettings {
            id: id.clone(),
            classes: rule.classes.clone(),
            rule: spec,
        }),
        id,
        kind,
    })
}

fn spec(rule: &RawRule, raw: &RawCase, report: &mut Report<'_>) -> Option<RuleSpec> {
    let name = rule.kind.get_ref().as_str();
    let Some(kind) = rule::kind(name) else {
        let kinds = RuleKind::ALL.map(RuleKind::as_str);
        let kinds: Vec<&str> = kinds.into_iter().chain(LATER).collect();
        let text = format!(
            "unknown kind {name:?}, expected one of {}",
            kinds.join(", ")
        );
        report.add(rule.kind.span(), text);
        return None;
    };
    let (id, keys) = (rule.id.get_ref(), rule::keys(kind));
    for key in rule.foreign(&keys) {
        let text = format_args!("rule {id:?}: {name} has no key {key:?}");
        report.add(rule.id.span(), text);
    }
    let place = if keys.place == "line" {
        let known: Vec<&str> = raw.lines.iter().map(|l| l.id.as_str()).collect();
        named(rule, "line", &rule.line, &known, report)
    } else {
        let known: Vec<&str> = raw.zones.iter().map(|z| z.id.as_str()).collect();
        named(rule, "zone", &rule.zone, &known, report)
    };
    let direction = direction(rule, report)?;
    let given = rule.numbers();
    let (mut values, mut whole) = (BTreeMap::new(), true);
    for rule::Number {
        key,
        allowed,
        default,
    } in keys.numbers
    {
        let given = given.iter().find(|(known, _)| *known == key);
        let value = given.and_then(|(_, value)| *value).or(default);
        match value {
            Some(value) if allowed.contains(&value) => {
                values.insert(key, value);
            }
            Some(value) => {
                let (least, most) = (allowed.start(), allowed.end());
                let text = format_args!("rule {id:?}: {key} {value} is outside {least} to {most}");
                report.add(rule.id.span(), text);
                whole = false;
            }
            None => {
                report.add(rule.id.span(), format_args!("{name} needs {key}"));
                whole = false;
            }
        }
    }
    let number = |key: &str| values.get(key).copied().unwrap_or_default();
    whole.then_some(rule::spec(kind, place?, direction, number))
}

/// The zone or line that a rule names, if there is one.
fn named(
    rule: &RawRule,
    what: &str,
    name: &Option<Spanned<String>>,
    known: &[&str],
    report: &mut Report<'_>,
) -> Option<String> {
    let Some(name) = name else {
        let kind = rule.kind.get_ref();
        report.add(rule.id.span(), format_args!("{kind} needs a {what}"));
        return None;
    };
    if known.contains(&name.get_ref().as_str()) {
        return Some(name.get_ref().clone());
    }
    report.add(
        name.span(),
        format_args!(
            "no {what} is named {:?}; there are {}",
            name.get_ref(),
            known.join(", ")
        ),
    );
    None
}

fn direction(rule: &RawRule, report: &mut Report<'_>) -> Option<Direction> {
    let Some(direction) = &rule.direction else {
        return Some(Direction::Any);
    };
    match direction.get_ref().as_str() {
        "forward" => Some(Direction::Forward),
        "backward" => Some(Direction::Backward),
        "any" => Some(Direction::Any),
        other => {
            report.add(
                direction.span(),
                format_args!("unknown direction {other:?}, expected forward, backward or any"),
            );
            None
        }
    }
}

#[cfg(test)]
#[path = "case_tests.rs"]
mod tests;
