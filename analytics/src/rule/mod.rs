//! Rules: tracks -> incidents. One file a rule: its settings with a checked constructor, and how it evaluates.

use std::time::Duration;

/// A rule as its place in [`crate::scene::SceneSettings::rules`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RuleIndex(pub usize);

/// What a rule looks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RuleKind {
    /// An object's foot point crosses a line.
    LineCrossing,
    /// An object stands inside a zone.
    Intrusion,
    /// An object stays inside a zone for long.
    Loitering,
}

impl RuleKind {
    /// Its name in configurations and messages.
    pub fn as_str(self) -> &'static str {
        match self {
            RuleKind::LineCrossing => "line_crossing",
            RuleKind::Intrusion => "intrusion",
            RuleKind::Loitering => "loitering",
        }
    }
}

/// A rule as configured.
#[derive(Clone, Debug, PartialEq)]
pub struct RuleSettings {
    /// Its name, unique in a scene.
    pub id: String,
    /// Labels of the classes it looks at, as the model names them; none means all.
    pub classes: Vec<String>,
    /// What it looks for.
    pub rule: RuleSpec,
}

/// What a rule looks for, and where.
#[derive(Clone, Debug, PartialEq)]
pub enum RuleSpec {
    /// See [`RuleKind::LineCrossing`].
    LineCrossing {
        /// Name of the line.
        line: String,
        /// Which way counts.
        direction: Direction,
        /// How far from the line, as a share of the object's height, a track must have gone before its next crossing
        /// counts; see [`DEFAULT_HYSTERESIS`].
        hysteresis: f32,
    },
    /// See [`RuleKind::Intrusion`].
    Intrusion {
        /// Name of the zone.
        zone: String,
        /// How long the object must be inside; see [`DEFAULT_INTRUSION`].
        min_duration: Duration,
    },
    /// See [`RuleKind::Loitering`].
    Loitering {
        /// Name of the zone.
        zone: String,
        /// How long the object must stay.
        min_duration: Duration,
    },
}

impl RuleSpec {
    /// The rule's kind.
    pub fn kind(&self) -> RuleKind {
        match self {
            RuleSpec::LineCrossing { .. } => RuleKind::LineCrossing,
            RuleSpec::Intrusion { .. } => RuleKind::Intrusion,
            RuleSpec::Loitering { .. } => RuleKind::Loitering,
        }
    }
}

/// Usual hysteresis of a line crossing, as a share of the object's height.
pub const DEFAULT_HYSTERESIS: f32 = 0.15;

/// Usual time after which an object inside a zone is an intrusion.
pub const DEFAULT_INTRUSION: Duration = Duration::from_millis(500);

/// Which crossings of a line count. `Forward` is from the left hand to the right hand of someone who walks along the line
/// from its first point to its second, as seen on the picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From left to right of the line.
    Forward,
    /// From right to left of the line.
    Backward,
    /// Both.
    Any,
}
