//! What a camera is told to watch for, in picture coordinates, as in a case file.

use serde::{Deserialize, Serialize};

use crate::actor::Class;

/// A polygon in the picture, 0..1 from the top left.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Zone {
    pub id: String,
    pub polygon: Vec<[f32; 2]>,
}

/// A line with a direction in the picture, 0..1 from the top left.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    pub id: String,
    pub from: [f32; 2],
    pub to: [f32; 2],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RuleKind {
    LineCrossing,
    Intrusion,
    Loitering,
}

impl RuleKind {
    /// As it stands in a configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            RuleKind::LineCrossing => "line_crossing",
            RuleKind::Intrusion => "intrusion",
            RuleKind::Loitering => "loitering",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// From the left hand to the right hand of someone walking from -> to.
    Forward,
    Backward,
    Any,
}

/// One rule.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    pub id: String,
    pub kind: RuleKind,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub direction: Option<Direction>,
    pub classes: Vec<Class>,
    /// Seconds inside the zone; 0.5 for an intrusion where it is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_seconds: Option<f32>,
}

impl Rule {
    pub fn min_seconds(&self) -> f32 {
        self.min_seconds.unwrap_or(0.5)
    }
}
