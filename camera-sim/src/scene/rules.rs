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
    Crowd,
    StoppedVehicle,
    WrongWay,
    Speeding,
    AbandonedObject,
    RemovedObject,
    Fall,
    Running,
    Fight,
    FireSmoke,
    Congestion,
    Gathering,
    Dispersal,
    Occupancy,
    Counting,
    Tamper,
}

/// Where in the picture a kind of rule looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Line,
    Zone,
    /// A zone, or the whole picture where none is named.
    Anywhere,
    /// The picture as such.
    None,
}

impl RuleKind {
    /// As it stands in a configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            RuleKind::LineCrossing => "line_crossing",
            RuleKind::Intrusion => "intrusion",
            RuleKind::Loitering => "loitering",
            RuleKind::Crowd => "crowd",
            RuleKind::StoppedVehicle => "stopped_vehicle",
            RuleKind::WrongWay => "wrong_way",
            RuleKind::Speeding => "speeding",
            RuleKind::AbandonedObject => "abandoned_object",
            RuleKind::RemovedObject => "removed_object",
            RuleKind::Fall => "fall",
            RuleKind::Running => "running",
            RuleKind::Fight => "fight",
            RuleKind::FireSmoke => "fire_smoke",
            RuleKind::Congestion => "congestion",
            RuleKind::Gathering => "gathering",
            RuleKind::Dispersal => "dispersal",
            RuleKind::Occupancy => "occupancy",
            RuleKind::Counting => "counting",
            RuleKind::Tamper => "tamper",
        }
    }

    pub fn place(self) -> Place {
        match self {
            RuleKind::LineCrossing | RuleKind::Counting => Place::Line,
            RuleKind::Intrusion
            | RuleKind::Loitering
            | RuleKind::Crowd
            | RuleKind::StoppedVehicle
            | RuleKind::WrongWay
            | RuleKind::Congestion
            | RuleKind::Gathering
            | RuleKind::Dispersal
            | RuleKind::Occupancy => Place::Zone,
            RuleKind::Tamper => Place::None,
            _ => Place::Anywhere,
        }
    }

    /// Keys without which a rule of this kind says too little.
    pub fn needs(self) -> &'static [&'static str] {
        match self {
            RuleKind::Loitering
            | RuleKind::StoppedVehicle
            | RuleKind::AbandonedObject
            | RuleKind::RemovedObject
            | RuleKind::Fall
            | RuleKind::Occupancy => &["min_seconds"],
            RuleKind::Crowd | RuleKind::Gathering => &["min_count", "min_seconds"],
            RuleKind::Dispersal => &["min_count", "within_seconds"],
            RuleKind::WrongWay => &["direction_degrees", "tolerance_degrees", "min_distance"],
            RuleKind::Speeding => &["limit_kmh"],
            RuleKind::Congestion => &["min_count", "max_speed"],
            RuleKind::Tamper => &["detect"],
            _ => &[],
        }
    }

    /// Whether a rule of this kind may have `key`.
    pub fn knows(self, key: &str) -> bool {
        let more: &[&str] = match self {
            RuleKind::LineCrossing => &["direction"],
            RuleKind::Intrusion | RuleKind::Running | RuleKind::Fight | RuleKind::FireSmoke => {
                &["min_seconds"]
            }
            RuleKind::Congestion => &["min_seconds"],
            RuleKind::Occupancy => &["min_count", "max_count"],
            _ => &[],
        };
        self.needs().contains(&key) || more.contains(&key)
    }

    /// Classes that a rule of this kind is about where it names none.
    fn usual_classes(self) -> &'static [Class] {
        match self {
            RuleKind::Crowd
            | RuleKind::Gathering
            | RuleKind::Dispersal
            | RuleKind::Occupancy
            | RuleKind::Fall
            | RuleKind::Running
            | RuleKind::Fight => &[Class::Person],
            RuleKind::StoppedVehicle
            | RuleKind::WrongWay
            | RuleKind::Speeding
            | RuleKind::Congestion => &[Class::Car, Class::Bus, Class::Truck, Class::Motorcycle],
            RuleKind::AbandonedObject | RuleKind::RemovedObject => &[Class::Bag],
            RuleKind::FireSmoke => &[Class::Fire, Class::Smoke],
            RuleKind::LineCrossing
            | RuleKind::Intrusion
            | RuleKind::Loitering
            | RuleKind::Counting
            | RuleKind::Tamper => &[],
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

/// What a tamper rule may be told to watch for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tampering {
    Covered,
    Blurred,
    Moved,
    Frozen,
    Dark,
    SignalLoss,
}

/// One rule. Keys that its kind does not know are refused when a scene is read.
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
    /// Those that the kind is usually about where there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<Class>,
    /// Seconds for which it must last; 0.5 for an intrusion where it is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_seconds: Option<f32>,
    /// Objects at the same time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_count: Option<usize>,
    /// Objects at the same time that are still allowed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_count: Option<usize>,
    /// Seconds in which people go apart.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub within_seconds: Option<f32>,
    /// Direction in the picture in which traffic may go: 0 to the right, 90 down.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub direction_degrees: Option<f32>,
    /// Degrees by which it may differ from that direction.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tolerance_degrees: Option<f32>,
    /// Parts of the picture.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_distance: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit_kmh: Option<f32>,
    /// Widths of the picture a second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_speed: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detect: Option<Vec<Tampering>>,
}

impl Rule {
    /// Seconds for which it must last: half a second for an intrusion that says nothing, nought for all others.
    pub fn min_seconds(&self) -> f32 {
        self.min_seconds.unwrap_or(match self.kind {
            RuleKind::Intrusion => 0.5,
            _ => 0.0,
        })
    }

    /// Classes it is about.
    pub fn classes(&self) -> &[Class] {
        if self.classes.is_empty() {
            self.kind.usual_classes()
        } else {
            &self.classes
        }
    }

    /// The rule with its classes named, as a case file has it.
    pub fn spelled_out(&self) -> Self {
        Self {
            classes: self.classes().to_vec(),
            ..self.clone()
        }
    }

    /// Names of the keys that it has beside those that every kind knows.
    pub fn given(&self) -> Vec<&'static str> {
        let keys = [
            ("direction", self.direction.is_some()),
            ("min_seconds", self.min_seconds.is_some()),
            ("min_count", self.min_count.is_some()),
            ("max_count", self.max_count.is_some()),
            ("within_seconds", self.within_seconds.is_some()),
            ("direction_degrees", self.direction_degrees.is_some()),
            ("tolerance_degrees", self.tolerance_degrees.is_some()),
            ("min_distance", self.min_distance.is_some()),
            ("limit_kmh", self.limit_kmh.is_some()),
            ("max_speed", self.max_speed.is_some()),
            ("detect", self.detect.is_some()),
        ];
        let there = keys.into_iter().filter(|(_, there)| *there);
        there.map(|(key, _)| key).collect()
    }
}
