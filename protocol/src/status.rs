//! The retained status of a node (also its last will) and its periodic health.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Utc, id::Name, incident::ClockQuality};

/// Whether a node is there. Retained; the last will says `offline`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct NodeStatus {
    /// Is it there.
    pub state: NodeState,
    /// The boot that is meant.
    pub bootid: Uuid,
    /// Version of the agent.
    pub version: String,
    /// `sha256:` and the hash of the configuration it runs on.
    pub config_revision: String,
    /// When this was said; a last will carries the time at which the connection was made.
    pub time: Utc,
    /// Incidents still open: what is not in this list is over.
    #[serde(default)]
    pub open_incidents: Vec<Uuid>,
    /// Safety that was switched off on purpose, for instance `mqtt_tls_unverified`.
    #[serde(default)]
    pub insecure: Vec<String>,
    /// `host:port` of the broker that this was said to, as the node knows it: a node may have several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub broker: Option<String>,
}

/// Is a node there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NodeState {
    /// Connected.
    Online,
    /// The connection was lost.
    Offline,
    /// Stopping on purpose.
    Stopping,
}

/// Periodic figures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Health {
    /// The boot that is meant.
    pub bootid: Uuid,
    /// When this was said.
    pub time: Utc,
    /// How far the node's clock can be trusted.
    pub clock: ClockQuality,
    /// Seconds since the agent started.
    pub uptime_s: u64,
    /// Durable messages that wait for the broker.
    pub spool_pending: u64,
    /// Highest `seq` that was given out in this boot.
    pub last_seq: u64,
    /// What is wrong with the node itself, in words for people: a disk that fails, a port in use.
    #[serde(default)]
    pub faults: Vec<String>,
    /// Commands that were not heeded since the agent started: unsigned, stale, or for somebody else.
    #[serde(default)]
    pub commands_refused: u64,
    /// Why the latest of them was not, in words for people.
    #[serde(default)]
    pub last_refusal: Option<String>,
    /// What the node leaves out for now because it has too much to do or is too hot; absent while it does all that is
    /// asked of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub degradation: Option<Degradation>,
    /// Clips of incidents on the node's disk; absent where none are kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archive: Option<ArchiveHealth>,
    /// What became of operators' verdicts; absent from nodes that take none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdicts: Option<VerdictHealth>,
    /// The cameras.
    pub cameras: Vec<CameraHealth>,
}

/// Clips of incidents on a node's disk.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default)]
pub struct ArchiveHealth {
    /// How many there are.
    pub clips: u64,
    /// What they take, in bytes.
    pub bytes: u64,
    /// What they may take, in bytes.
    pub max_bytes: u64,
    /// Deleted for want of room or for their age since the agent started.
    pub given_up: u64,
    /// Not kept although they should have been since the agent started: no room, or the disk failed.
    pub lost: u64,
    /// When the oldest incident of them came.
    pub oldest: Option<Utc>,
}

/// What became of operators' verdicts on a node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default)]
pub struct VerdictHealth {
    /// Areas that are ignored for a rule because somebody said so.
    pub ignored_areas: u64,
    /// Incidents in ignored areas, those of the configuration too, that were held back since the agent started.
    pub suppressed: u64,
    /// Areas that were dropped since the agent started, because their rule is no longer there.
    pub areas_dropped: u64,
    /// Why the latest of them was, in words for people.
    pub last_dropped: Option<String>,
    /// Cases in the node's replay set.
    pub cases: u64,
    /// What they take, in bytes.
    pub case_bytes: u64,
    /// Cases that were deleted for want of room or for their age since the agent started.
    pub cases_given_up: u64,
}

/// What a node leaves out for now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Degradation {
    /// How far it has gone: 1 less important cameras are analysed at a lower rate, 2 all are, 3 gates let less through
    /// as well, 4 less important cameras are paused as well.
    pub step: u8,
    /// Why, and what is left out, in words for people.
    pub reason: String,
    /// Since when it is so.
    pub since: Utc,
}

/// Where a camera's time since the agent started went, in milliseconds. Each has gone to one of the reasons: their sum is
/// the wall time. A second in which 3 of 5 frames were analysed and 2 gave way counts as 600 ms and 400 ms.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default)]
pub struct Coverage {
    /// Analysed at the rate that was asked for.
    pub analysed_ms: u64,
    /// Not analysed because nothing moved.
    pub still_ms: u64,
    /// Not analysed because the node had too much to do: frames gave way to later ones.
    pub starved_ms: u64,
    /// Not analysed because the node had lowered the rate.
    pub reduced_ms: u64,
    /// Not analysed because the node had paused the camera.
    pub paused_ms: u64,
    /// A connection was being made, or no frame came.
    pub connecting_ms: u64,
    /// The camera or its model failed.
    pub failed_ms: u64,
    /// The very same picture came again and again.
    pub frozen_ms: u64,
    /// The configuration keeps it off.
    pub disabled_ms: u64,
}

/// One camera's figures since the agent started.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct CameraHealth {
    /// Which camera.
    pub id: Name,
    /// Its name for people.
    #[serde(default)]
    pub name: Option<String>,
    /// Is it seen.
    pub state: CameraState,
    /// Why, where it is not `watching`, in words for people.
    #[serde(default)]
    pub reason: Option<String>,
    /// Frames decoded.
    pub frames_decoded: u64,
    /// Frames analysed.
    pub frames_analysed: u64,
    /// Frames that gave way to a later one.
    pub frames_dropped: u64,
    /// Connections made.
    pub connections: u64,
    /// Seconds in which it was watched.
    pub watched_s: u64,
    /// Seconds in which it should have been watched.
    pub expected_s: u64,
    /// Where its time went; absent from nodes that do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coverage: Option<Coverage>,
}

/// Is a camera seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CameraState {
    /// A connection is being made.
    Connecting,
    /// Frames come and are analysed.
    Watching,
    /// It failed; the next attempt waits.
    Failed,
    /// The configuration keeps it off.
    Disabled,
}
