//! The rules of a case, as typed and as they are evaluated.

use std::collections::BTreeMap;

use analytics::{
    picture::Tampering,
    rule::{Direction, RuleKind, RuleSettings},
};
use serde::Deserialize;
use toml::Spanned;

use super::{CaseRule, RawCase, Report};
use crate::config::{
    picture,
    rule::{self, Place},
};

/// Keys of all kinds; those that a kind needs are checked.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRule {
    pub(super) id: Spanned<String>,
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
    limit_kmh: Option<f64>,
    min_speed_mps: Option<f64>,
    max_count: Option<f64>,
    within_seconds: Option<f64>,
    cool_down_seconds: Option<f64>,
    max_per_minute: Option<f64>,
    min_displacement: Option<f64>,
    min_score: Option<f64>,
    min_share: Option<f64>,
    end_share: Option<f64>,
    #[serde(default)]
    detect: Vec<Spanned<String>>,
    #[serde(default)]
    ignore_zones: Vec<Spanned<String>>,
    when: Option<String>,
    first: Option<String>,
    then: Option<String>,
    object: Option<String>,
    #[serde(default)]
    silent: bool,
}

impl RawRule {
    /// All numbers that rules may have, by key.
    fn numbers(&self) -> [(&'static str, Option<f64>); 17] {
        [
            ("hysteresis", self.hysteresis),
            ("min_seconds", self.min_seconds),
            ("min_count", self.min_count),
            ("max_speed", self.max_speed),
            ("direction_degrees", self.direction_degrees),
            ("tolerance_degrees", self.tolerance_degrees),
            ("min_distance", self.min_distance),
            ("limit_kmh", self.limit_kmh),
            ("min_speed_mps", self.min_speed_mps),
            ("max_count", self.max_count),
            ("within_seconds", self.within_seconds),
            ("cool_down_seconds", self.cool_down_seconds),
            ("max_per_minute", self.max_per_minute),
            ("min_displacement", self.min_displacement),
            ("min_score", self.min_score),
            ("min_share", self.min_share),
            ("end_share", self.end_share),
        ]
    }

    /// All texts that rules may have, by key.
    fn texts(&self) -> [(&'static str, &Option<String>); 4] {
        [
            ("when", &self.when),
            ("first", &self.first),
            ("then", &self.then),
            ("object", &self.object),
        ]
    }

    /// Keys that are there and that `keys` has not.
    fn foreign(&self, keys: &rule::Keys) -> Vec<&'static str> {
        let known = |key: &str| keys.numbers.iter().any(|number| number.key == key);
        let numbers = self.numbers().into_iter();
        let numbers = numbers.filter_map(|(key, value)| value.map(|_| key));
        let others = [
            ("zone", self.zone.is_some() && keys.place.key() != "zone"),
            ("line", self.line.is_some() && keys.place.key() != "line"),
            ("direction", self.direction.is_some() && !keys.direction),
            ("detect", !self.detect.is_empty() && !keys.detect),
        ];
        let others = others.into_iter().filter(|(_, is)| *is).map(|(key, _)| key);
        let texts = self.texts().into_iter().filter(|(_, text)| text.is_some());
        let texts = texts.map(|(key, _)| key);
        let texts = texts.filter(|key| !keys.texts.iter().any(|text| text.key == *key));
        let numbers = numbers.filter(|key| !known(key));
        numbers.chain(others).chain(texts).collect()
    }
}

/// Reads a rule; nothing after a note of what is wrong with it.
pub(super) fn read(rule: &RawRule, raw: &RawCase, report: &mut Report<'_>) -> Option<CaseRule> {
    let id = rule.id.get_ref().clone();
    let kind = rule.kind.get_ref().clone();
    let twice = raw.rules.iter().filter(|r| *r.id.get_ref() == id).count() > 1;
    if twice {
        report.add(rule.id.span(), format_args!("two rules are named {id:?}"));
    }
    let settings = settings(rule, raw, report)?;
    Some(CaseRule {
        settings: Some(settings),
        id,
        kind,
    })
}

fn settings(rule: &RawRule, raw: &RawCase, report: &mut Report<'_>) -> Option<RuleSettings> {
    let name = rule.kind.get_ref().as_str();
    let Some(kind) = rule::kind(name) else {
        let kinds = RuleKind::ALL.map(RuleKind::as_str);
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
    let lines: Vec<&str> = raw.lines.iter().map(|l| l.id.as_str()).collect();
    let zones: Vec<&str> = raw.zones.iter().map(|z| z.id.as_str()).collect();
    let place = match keys.place {
        Place::Line => named(rule, "line", &rule.line, &lines, report).map(Some),
        Place::Everywhere => Some(None),
        Place::Anywhere if rule.zone.is_none() => Some(None),
        Place::Zone | Place::Anywhere => named(rule, "zone", &rule.zone, &zones, report).map(Some),
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
    let texts = texts(rule, keys.texts, report)?;
    let text = |key: &str| texts.get(key).cloned().unwrap_or_default();
    let number = |key: &str| values.get(key).copied().unwrap_or_default();
    let mut spec = rule::spec(kind, place?, direction, number, text);
    picture::set_detect(&mut spec, detected(rule, report));
    let settings = RuleSettings {
        id: id.clone(),
        classes: rule.classes.clone(),
        rule: spec,
        life: rule::life(number, ignored(rule, &zones, report), rule.silent),
    };
    whole.then_some(settings)
}

/// The rule's texts by key, those that were left out too.
fn texts(
    rule: &RawRule,
    keys: &[rule::Text],
    report: &mut Report<'_>,
) -> Option<BTreeMap<&'static str, String>> {
    let mut texts = BTreeMap::new();
    for rule::Text {
        key,
        allowed,
        default,
    } in keys
    {
        let given = rule.texts().into_iter().find(|(known, _)| known == key);
        let given = given.and_then(|(_, text)| text.as_deref()).or(*default);
        match given {
            Some(text) if allowed.is_empty() || allowed.contains(&text) => {
                texts.insert(*key, text.to_owned());
            }
            Some(other) => {
                let text = format_args!("{key} {other:?} is none of {}", allowed.join(", "));
                report.add(rule.id.span(), text);
            }
            None => report.add(
                rule.id.span(),
                format_args!("{} needs {key}", rule.kind.get_ref()),
            ),
        }
    }
    (texts.len() == keys.len()).then_some(texts)
}

/// The zones that a rule ignores.
fn ignored(rule: &RawRule, zones: &[&str], report: &mut Report<'_>) -> Vec<String> {
    let zone = |name| named(rule, "zone", &Some(name), zones, report);
    rule.ignore_zones.iter().cloned().filter_map(zone).collect()
}

/// What a rule is to watch for in the picture itself.
fn detected(rule: &RawRule, report: &mut Report<'_>) -> Vec<Tampering> {
    let kinds = (rule.detect.iter()).map(|name| picture::named(name.get_ref()));
    let kinds: Result<_, String> = kinds.collect();
    (kinds.map_err(|why| report.add(rule.id.span(), why))).unwrap_or_default()
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
