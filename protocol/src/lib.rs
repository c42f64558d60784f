//! What is said between a node at the edge and the command centre.
//!
//! Owns message shapes, topics, identifiers and their versions. Within v1 changes are additive only: readers
//! tolerate unknown fields, and `samples/` keeps one message of every released shape, which a test loads.
//! Knows nothing of how incidents are found (`analytics`) or stored (`command-center`).

pub mod command;
pub mod custody;
pub mod evidence;
pub mod id;
pub mod incident;
pub mod onvif;
pub mod push;
pub mod signed;
pub mod status;
pub mod tombstone;
pub mod topic;
pub mod totals;
pub mod verdict;

pub use command::{Command, CommandOutcome, CommandRequest, Original, PinnedKey, Receipt};
pub use evidence::EvidenceHeader;
pub use id::{InvalidName, Name};
pub use incident::{IncidentEvent, IncidentState, Severity};
pub use push::{
    DesiredConfig, Preview, PreviewAlarm, PushReport, PushStage, PushStep, ReportedConfig, Trial,
};
pub use status::{
    ArchiveHealth, CameraHealth, CameraState, Coverage, Degradation, Health, NodeState, NodeStatus,
    VerdictHealth,
};
pub use tombstone::Tombstone;
pub use topic::{NodePath, Topic};
pub use totals::Totals;
pub use verdict::{IgnoreArea, IgnoredArea, Verdict};

/// A point in time as it stands on the wire: UTC, RFC 3339, written with milliseconds.
pub type Utc = jiff::Timestamp;

/// The time of this moment as it is written on the wire.
pub fn now() -> Utc {
    in_milliseconds(Utc::now())
}

/// `time` without what is finer than a millisecond.
pub fn in_milliseconds(time: Utc) -> Utc {
    // Within a day of the ends of what a timestamp can hold it is left as it is.
    Utc::from_millisecond(time.as_millisecond()).unwrap_or(time)
}
