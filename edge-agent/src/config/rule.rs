//! Which keys each kind of rule has, and the rule that they make: one description, for cameras and for evaluation cases.

use std::{ops::RangeInclusive, time::Duration};

use analytics::{
    picture::Tampering,
    rule::{
        DEFAULT_HYSTERESIS, DEFAULT_INTRUSION, DEFAULT_PER_MINUTE, Direction, LifeSettings,
        LookSpec, RuleKind, RuleSpec,
    },
};

/// What a kind of rule is told.
pub(crate) struct Keys {
    /// What says where it looks.
    pub(crate) place: Place,
    /// It has a `direction`.
    pub(crate) direction: bool,
    /// It has a `detect`.
    pub(crate) detect: bool,
    /// Its numbers.
    pub(crate) numbers: Vec<Number>,
    /// Its texts.
    pub(crate) texts: &'static [Text],
}

/// Where a kind of rule looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// At a `line`.
    Line,
    /// Inside a `zone`.
    Zone,
    /// Inside a `zone`, or everywhere where none is named.
    Anywhere,
    /// Everywhere.
    Everywhere,
}

impl Place {
    /// The key that says where.
    pub(crate) fn key(self) -> &'static str {
        match self {
            Place::Line => "line",
            Place::Zone | Place::Anywhere => "zone",
            Place::Everywhere => "nowhere",
        }
    }
}

/// A key whose value is a number.
pub(crate) struct Number {
    pub(crate) key: &'static str,
    pub(crate) allowed: RangeInclusive<f64>,
    /// Nothing: it must be given.
    pub(crate) default: Option<f64>,
}

/// A key whose value is a text.
pub(crate) struct Text {
    pub(crate) key: &'static str,
    /// Nothing: anything.
    pub(crate) allowed: &'static [&'static str],
    /// Nothing: it must be given.
    pub(crate) default: Option<&'static str>,
}

impl Text {
    const fn needed(key: &'static str) -> Text {
        Text {
            key,
            allowed: &[],
            default: None,
        }
    }
}

const CUSTOM: [Text; 1] = [Text::needed("when")];
const SEQUENCE: [Text; 3] = [
    Text::needed("first"),
    Text::needed("then"),
    Text {
        key: "object",
        allowed: &["same", "any"],
        default: Some("same"),
    },
];

/// The kind of this name.
pub(crate) fn kind(name: &str) -> Option<RuleKind> {
    RuleKind::ALL.into_iter().find(|kind| kind.as_str() == name)
}

/// The keys of a kind.
pub(crate) fn keys(kind: RuleKind) -> Keys {
    let number = |key, allowed, default| Number {
        key,
        allowed,
        default,
    };
    let seconds = |default| number("min_seconds", 0.0..=86_400.0, default);
    let count = number("min_count", 1.0..=1000.0, None);
    let mut numbers = match kind {
        RuleKind::LineCrossing => {
            let default = f64::from(DEFAULT_HYSTERESIS);
            vec![number("hysteresis", 0.0..=2.0, Some(default))]
        }
        RuleKind::Intrusion => vec![seconds(Some(DEFAULT_INTRUSION.as_secs_f64()))],
        RuleKind::Loitering | RuleKind::StoppedVehicle => vec![seconds(None)],
        RuleKind::Fall | RuleKind::FireSmoke => vec![seconds(Some(2.0))],
        RuleKind::Fight | RuleKind::Look => vec![
            number("within_seconds", 0.3..=300.0, Some(5.0)),
            number("min_score", 0.01..=1.0, Some(0.5)),
            number("min_share", 0.01..=1.0, Some(0.6)),
            number("end_share", 0.0..=0.99, Some(0.3)),
        ],
        RuleKind::Running => vec![
            number("min_speed_mps", 0.1..=20.0, Some(2.6)),
            seconds(Some(1.0)),
        ],
        RuleKind::Speeding => vec![number("limit_kmh", 1.0..=500.0, None)],
        RuleKind::Counting | RuleKind::Tamper => vec![],
        RuleKind::AbandonedObject => vec![seconds(Some(30.0))],
        RuleKind::RemovedObject => vec![seconds(Some(10.0))],
        RuleKind::Custom => vec![seconds(Some(1.0))],
        RuleKind::Sequence => vec![number("within_seconds", 0.1..=86_400.0, None)],
        RuleKind::Crowd => vec![count, seconds(Some(2.0))],
        RuleKind::Gathering => vec![count, seconds(Some(5.0))],
        RuleKind::Dispersal => vec![count, number("within_seconds", 1.0..=60.0, Some(5.0))],
        RuleKind::Occupancy => vec![
            number("min_count", 0.0..=1000.0, Some(0.0)),
            number("max_count", 0.0..=1000.0, Some(1000.0)),
            seconds(Some(2.0)),
        ],
        RuleKind::Congestion => vec![
            count,
            number("max_speed", 0.0001..=10.0, None),
            seconds(Some(10.0)),
        ],
        RuleKind::WrongWay => vec![
            number("direction_degrees", -360.0..=360.0, None),
            number("tolerance_degrees", 0.0..=179.0, Some(90.0)),
            number("min_distance", 0.001..=1.0, Some(0.1)),
        ],
    };
    numbers.push(number("cool_down_seconds", 0.0..=86_400.0, Some(0.0)));
    let per_minute = f64::from(DEFAULT_PER_MINUTE);
    numbers.push(number("max_per_minute", 1.0..=6000.0, Some(per_minute)));
    numbers.push(number("min_displacement", 0.0..=1.0, Some(0.0)));
    Keys {
        place: match kind {
            RuleKind::LineCrossing | RuleKind::Counting => Place::Line,
            RuleKind::Speeding
            | RuleKind::Running
            | RuleKind::Fall
            | RuleKind::FireSmoke
            | RuleKind::Fight
            | RuleKind::Look => Place::Anywhere,
            RuleKind::Tamper | RuleKind::Custom | RuleKind::Sequence => Place::Everywhere,
            _ => Place::Zone,
        },
        direction: kind == RuleKind::LineCrossing,
        detect: kind == RuleKind::Tamper,
        numbers,
        texts: match kind {
            RuleKind::Custom => &CUSTOM,
            RuleKind::Sequence => &SEQUENCE,
            _ => &[],
        },
    }
}

/// Which incidents of a rule are told, with all of its numbers by key; `ignore` names zones.
pub(crate) fn life(
    number: impl Fn(&str) -> f64,
    ignore: Vec<String>,
    silent: bool,
) -> LifeSettings {
    LifeSettings {
        cool_down: Duration::from_secs_f64(number("cool_down_seconds")),
        max_per_minute: number("max_per_minute") as u32,
        min_displacement: number("min_displacement") as f32,
        ignore,
        silent,
    }
}

/// The rule of a kind at a zone or line, with all of its numbers and texts by key. A kind that needs a place is given one.
pub(crate) fn spec(
    kind: RuleKind,
    named: Option<String>,
    direction: Direction,
    number: impl Fn(&str) -> f64,
    text: impl Fn(&str) -> String,
) -> RuleSpec {
    let min_duration = || Duration::from_secs_f64(number("min_seconds"));
    let min_count = || number("min_count") as u32;
    let place = named.clone().unwrap_or_default();
    match kind {
        RuleKind::LineCrossing => RuleSpec::LineCrossing {
            line: place,
            direction,
            hysteresis: number("hysteresis") as f32,
        },
        RuleKind::Intrusion => RuleSpec::Intrusion {
            zone: place,
            min_duration: min_duration(),
        },
        RuleKind::Loitering => RuleSpec::Loitering {
            zone: place,
            min_duration: min_duration(),
        },
        RuleKind::StoppedVehicle => RuleSpec::StoppedVehicle {
            zone: place,
            min_duration: min_duration(),
        },
        RuleKind::Speeding => RuleSpec::Speeding {
            zone: named,
            limit_kmh: number("limit_kmh") as f32,
        },
        RuleKind::Running => RuleSpec::Running {
            zone: named,
            min_speed: number("min_speed_mps") as f32,
            min_duration: min_duration(),
        },
        RuleKind::Fall => RuleSpec::Fall {
            zone: named,
            min_duration: min_duration(),
        },
        RuleKind::FireSmoke => RuleSpec::FireSmoke {
            zone: named,
            min_duration: min_duration(),
        },
        RuleKind::Fight | RuleKind::Look => RuleSpec::Look(LookSpec {
            kind,
            look: None,
            labels: Vec::new(),
            zone: named,
            within: Duration::from_secs_f64(number("within_seconds")),
            min_score: number("min_score") as f32,
            min_share: number("min_share") as f32,
            end_share: number("end_share") as f32,
        }),
        RuleKind::Counting => RuleSpec::Counting { line: place },
        RuleKind::AbandonedObject => RuleSpec::AbandonedObject {
            zone: place,
            min_duration: min_duration(),
        },
        RuleKind::RemovedObject => RuleSpec::RemovedObject {
            zone: place,
            min_duration: min_duration(),
        },
        RuleKind::Tamper => RuleSpec::Tamper {
            detect: Tampering::ALL.to_vec(),
        },
        RuleKind::Custom => RuleSpec::Custom {
            when: text("when"),
            min_duration: min_duration(),
        },
        RuleKind::Sequence => RuleSpec::Sequence {
            first: text("first"),
            then: text("then"),
            within: Duration::from_secs_f64(number("within_seconds")),
            same_object: text("object") == "same",
        },
        RuleKind::Occupancy => RuleSpec::Occupancy {
            zone: place,
            min_count: min_count(),
            max_count: number("max_count") as u32,
            min_duration: min_duration(),
        },
        RuleKind::Gathering => RuleSpec::Gathering {
            zone: place,
            min_count: min_count(),
            min_duration: min_duration(),
        },
        RuleKind::Dispersal => RuleSpec::Dispersal {
            zone: place,
            min_count: min_count(),
            within: Duration::from_secs_f64(number("within_seconds")),
        },
        RuleKind::Crowd => RuleSpec::Crowd {
            zone: place,
            min_count: min_count(),
            min_duration: min_duration(),
        },
        RuleKind::Congestion => RuleSpec::Congestion {
            zone: place,
            min_count: min_count(),
            max_speed: number("max_speed") as f32,
            min_duration: min_duration(),
        },
        RuleKind::WrongWay => RuleSpec::WrongWay {
            zone: place,
            direction_degrees: number("direction_degrees") as f32,
            tolerance_degrees: number("tolerance_degrees") as f32,
            min_distance: number("min_distance") as f32,
        },
    }
}
