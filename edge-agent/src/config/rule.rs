//! Which keys each kind of rule has, and the rule that they make: one description, for cameras and for evaluation cases.

use std::{ops::RangeInclusive, time::Duration};

use analytics::rule::{DEFAULT_HYSTERESIS, DEFAULT_INTRUSION, Direction, RuleKind, RuleSpec};

/// What a kind of rule is told.
pub(crate) struct Keys {
    /// The key that says where: `zone` or `line`.
    pub(crate) place: &'static str,
    /// It has a `direction`.
    pub(crate) direction: bool,
    /// Its numbers.
    pub(crate) numbers: Vec<Number>,
}

/// A key whose value is a number.
pub(crate) struct Number {
    pub(crate) key: &'static str,
    pub(crate) allowed: RangeInclusive<f64>,
    /// Nothing: it must be given.
    pub(crate) default: Option<f64>,
}

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
    let numbers = match kind {
        RuleKind::LineCrossing => {
            let default = f64::from(DEFAULT_HYSTERESIS);
            vec![number("hysteresis", 0.0..=2.0, Some(default))]
        }
        RuleKind::Intrusion => vec![seconds(Some(DEFAULT_INTRUSION.as_secs_f64()))],
        RuleKind::Loitering | RuleKind::StoppedVehicle => vec![seconds(None)],
        RuleKind::Crowd => vec![count, seconds(Some(2.0))],
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
    let on_a_line = kind == RuleKind::LineCrossing;
    Keys {
        place: if on_a_line { "line" } else { "zone" },
        direction: on_a_line,
        numbers,
    }
}

/// The rule of a kind at a zone or line, with all of its numbers by key.
pub(crate) fn spec(
    kind: RuleKind,
    place: String,
    direction: Direction,
    number: impl Fn(&str) -> f64,
) -> RuleSpec {
    let min_duration = || Duration::from_secs_f64(number("min_seconds"));
    let min_count = || number("min_count") as u32;
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
