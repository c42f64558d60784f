//! What a camera's rules have counted in a stretch of time.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    Name, Utc,
    incident::{ClockQuality, RuleRef},
};

/// A camera's figures of one stretch of time; the next begins where this one ends. Durable and numbered like an incident.
/// A stretch that is missing was not counted: the node was off, or ended before it could say so.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Totals {
    /// The boot that `seq` counts in.
    pub bootid: Uuid,
    /// Place of this message among the durable messages of its boot.
    pub seq: u64,
    /// The camera.
    pub camera: Name,
    /// When the stretch began.
    pub from: Utc,
    /// When it ended.
    pub until: Utc,
    /// Its length in seconds by a clock that is never set.
    pub seconds: f64,
    /// Seconds of it in which the camera was watched as the configuration asks for; still times count.
    pub analysed_s: f64,
    /// How far the node's clock can be trusted.
    pub clock: ClockQuality,
    /// Rules that count, and others that have told or held back something.
    pub rules: Vec<RuleTotals>,
}

/// One rule's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct RuleTotals {
    /// The rule.
    pub rule: RuleRef,
    /// Incidents that were told.
    pub opened: u64,
    /// Incidents that were held back: by a cool-down, the cap a minute, or an ignored area.
    pub suppressed: u64,
    /// Who crossed the line of a rule that counts.
    #[serde(default)]
    pub crossings: Vec<Crossings>,
}

/// How many of a class crossed a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Crossings {
    /// The class.
    pub class: String,
    /// From the left of the line to its right.
    pub forward: u64,
    /// The other way.
    pub backward: u64,
}
