//! Models that look at whole pictures, and what second models are to see, as camera settings of cases name them.

use std::time::Duration;

use analytics::rule::{RuleKind, RuleSettings, RuleSpec};
use serde::Deserialize;

use crate::config::{
    rule,
    settings::{LikenessSettings, LookSettings},
};

/// One of `looks`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawLook {
    id: String,
    model: String,
    every_seconds: Option<f32>,
}

/// `seen_by` of a rule: which second model sees it, and when that is believed.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawLookRule {
    look: Option<String>,
    #[serde(default)]
    labels: Vec<String>,
    within_seconds: Option<f32>,
    min_score: Option<f32>,
    min_share: Option<f32>,
    end_share: Option<f32>,
}

/// `likeness`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawLikeness {
    model: String,
    crops_per_frame: Option<u8>,
}

impl RawLikeness {
    pub(super) fn settings(&self) -> LikenessSettings {
        LikenessSettings {
            model: self.model.clone(),
            crops_per_frame: usize::from(self.crops_per_frame.unwrap_or(4)),
        }
    }
}

impl RawLook {
    pub(super) fn settings(&self) -> LookSettings {
        LookSettings {
            id: self.id.clone(),
            model: self.model.clone(),
            every: Duration::from_secs_f32(self.every_seconds.unwrap_or(1.0)),
        }
    }

    pub(super) fn check(&self) -> Result<(), String> {
        match (0.1..=60.0).contains(&self.every_seconds.unwrap_or(1.0)) {
            true => Ok(()),
            false => Err("looks.every_seconds: expected 0.1 to 60".to_owned()),
        }
    }
}

impl RawLookRule {
    pub(super) fn check(&self) -> Result<(), String> {
        let bounds = [
            ("within_seconds", self.within_seconds, 300.0),
            ("min_score", self.min_score, 1.0),
            ("min_share", self.min_share, 1.0),
            ("end_share", self.end_share, 1.0),
        ];
        for (key, value, most) in bounds {
            if value.is_some_and(|value| !(0.0..=most).contains(&value)) {
                return Err(format!("rules.seen_by.{key}: expected 0 to {most}"));
            }
        }
        Ok(())
    }

    /// Tells the rule of a case, if it is of a kind that second models can see.
    pub(super) fn tell(&self, settings: &mut RuleSettings) {
        if let RuleSpec::FireSmoke { zone, .. } = &settings.rule {
            settings.rule = by_look(zone.clone());
        }
        let RuleSpec::Look(spec) = &mut settings.rule else {
            return;
        };
        spec.look = self.look.clone().or(spec.look.take());
        if !self.labels.is_empty() {
            spec.labels = self.labels.clone();
        }
        let within = self.within_seconds.map(Duration::from_secs_f32);
        spec.within = within.unwrap_or(spec.within);
        spec.min_score = self.min_score.unwrap_or(spec.min_score);
        spec.min_share = self.min_share.unwrap_or(spec.min_share);
        spec.end_share = self.end_share.unwrap_or(spec.end_share);
    }
}

/// Fire and smoke as a second model sees them, with the usual numbers.
fn by_look(zone: Option<String>) -> RuleSpec {
    let keys = rule::keys(RuleKind::Fight);
    let usual = |key: &str| {
        let number = keys.numbers.iter().find(|number| number.key == key);
        number.and_then(|number| number.default).unwrap_or_default()
    };
    let direction = analytics::rule::Direction::Any;
    let mut spec = rule::spec(RuleKind::Fight, zone, direction, usual, |_| String::new());
    if let RuleSpec::Look(look) = &mut spec {
        look.kind = RuleKind::FireSmoke;
    }
    spec
}
