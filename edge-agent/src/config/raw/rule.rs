//! The table of a rule. Which of its keys a kind of rule has, their bounds and their defaults stand in `config/rule.rs`.

use analytics::rule::RuleKind;

use crate::config::{problem::At, table::raw_table};

raw_table! {
    /// A rule: what a camera watches for
    RawRule {
        /// Its name in messages.
        id: String [required()],
        /// False leaves it out, where a preset has it.
        enabled: bool [default("true")],
        /// What it watches for: see docs/rules.md.
        kind: String [one_of(RuleKind::ALL.map(RuleKind::as_str))],
        /// The line that it looks at.
        line: String,
        /// The zone that it looks into.
        zone: String,
        /// Of a line: which crossings count.
        direction: String [one_of(["forward", "backward", "any"])],
        /// Labels of the model; left out: all of them.
        classes: Vec<At<String>>,
        /// Share of the object's height that it must leave the line by to count again.
        hysteresis: f64,
        /// For at least so long.
        min_seconds: f64,
        /// So many objects at least.
        min_count: f64,
        /// Their mean speed at most, in widths of the picture a second.
        max_speed: f64,
        /// Where traffic goes: 0 is to the right of the picture, 90 down.
        direction_degrees: f64,
        /// Ways that differ by more are wrong.
        tolerance_degrees: f64,
        /// Of the picture, that an object must go to be judged.
        min_distance: f64,
        /// Speed limit.
        limit_kmh: f64,
        /// From so many metres a second on.
        min_speed_mps: f64,
        /// More objects are too many.
        max_count: f64,
        /// Within so long.
        within_seconds: f64,
        /// After an alarm, none of the rule for so long.
        cool_down_seconds: f64,
        /// So many alarms a minute at most; what is held back is counted.
        max_per_minute: f64,
        /// Objects that have never been so far (of the picture) from where they were first seen are not looked at.
        min_displacement: f64,
        /// From this score on a look says so.
        min_score: f64,
        /// From such a share of looks on it is an incident,
        min_share: f64,
        /// and below such a share it is over.
        end_share: f64,
        /// Which second model tells of it.
        look: String,
        /// Its labels that count.
        labels: Vec<At<String>>,
        /// Who stands in one of these zones is told of only when coming out of it.
        ignore_zones: Vec<At<String>>,
        /// What counts as tampering; left out: all of it.
        detect: Vec<At<String>>,
        /// An expression in CEL: see docs/rules.md.
        when: String,
        /// Of a sequence: the rule that comes first.
        first: String,
        /// Of a sequence: the rule whose incident is told.
        then: String,
        /// Of a sequence: of one tracked object, or of whatever.
        object: String,
        /// It tells nothing itself, and serves sequences only.
        silent: bool [default("false")],
        /// It watches at these times only, as "mon-fri 22:00-06:00"; needs time_zone of the camera.
        schedule: Vec<At<String>>,
        /// How much it matters.
        severity: String [default("\"alarm\"").one_of(["info", "warning", "alarm", "critical"])],
        /// A clip of each incident is kept.
        clip: bool [default("true")],
    }
}
