//! The incident message: a CloudEvents 1.0 event in structured JSON mode.
//!
//! Every message stands alone. `source` and `id` identify it: a re-send keeps both, and consumers must drop
//! duplicates by them. `seq` counts without gaps within a `bootid` over all durable messages of a node.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Utc, id::Name};

/// An incident message with its picture left out is at most this long, in bytes.
pub const MAX_BYTES: usize = 4096;

/// CloudEvents `dataschema` of [`IncidentData`], and the name of its file in `schema/`.
pub const DATA_SCHEMA: &str = "urn:safecity:schema:incident-v1";

/// CloudEvents envelope around [`IncidentData`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct IncidentEvent {
    /// CloudEvents version, `1.0`.
    pub specversion: String,
    /// Identity of this message (UUID v7), kept by a re-send.
    pub id: Uuid,
    /// `/safecity/{region}/{site}/{node}/{camera}`.
    pub source: String,
    /// `city.safe.incident.{opened|updated|closed}.v1`.
    pub r#type: String,
    /// When the node decided.
    pub time: Utc,
    /// `application/json`.
    pub datacontenttype: String,
    /// Name of the schema of `data`.
    pub dataschema: String,
    /// The node's boot that `seq` counts in.
    pub bootid: Uuid,
    /// Place in the order of all durable messages of that boot, from 1, without gaps.
    pub seq: u64,
    /// W3C trace context.
    pub traceparent: String,
    /// What happened.
    pub data: IncidentData,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct IncidentData {
    /// The incident that this message is one change of (UUID v7).
    pub incident_id: Uuid,
    /// Which change.
    pub state: IncidentState,
    /// The rule that decided.
    pub rule: RuleRef,
    /// How much it matters.
    pub severity: Severity,
    /// 0 to 1.
    pub confidence: f32,
    /// The camera that saw it.
    pub camera: CameraRef,
    /// The objects that take part.
    pub objects: Vec<ObjectRef>,
    /// Its time stamps.
    pub time: IncidentTime,
    /// What stands as evidence, and where it is.
    #[serde(default)]
    pub evidence: Vec<EvidenceRef>,
    /// The model that saw it.
    pub model: ModelRef,
    /// A test alarm.
    #[serde(default)]
    pub test: bool,
    /// How many incidents of this rule were suppressed since the last one that was sent.
    #[serde(default)]
    pub suppressed_before: u32,
}

/// The life of an incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum IncidentState {
    /// It began.
    Opened,
    /// Its severity or evidence changed.
    Updated,
    /// It is over.
    Closed,
}

impl IncidentState {
    /// The CloudEvents `type` of a message about this change.
    pub fn event_type(self) -> &'static str {
        match self {
            IncidentState::Opened => "city.safe.incident.opened.v1",
            IncidentState::Updated => "city.safe.incident.updated.v1",
            IncidentState::Closed => "city.safe.incident.closed.v1",
        }
    }
}

/// How much an incident matters, least first.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// To be known.
    Info,
    /// To be looked at.
    Warning,
    /// To be acted upon.
    Alarm,
    /// To be acted upon at once.
    Critical,
}

/// The rule that decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct RuleRef {
    /// Its name in the camera's configuration.
    pub id: Name,
    /// Its kind, for instance `line_crossing`.
    pub kind: Name,
    /// `sha256:` and the hash of its configuration.
    pub revision: String,
}

/// The camera that saw it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct CameraRef {
    /// Its name in topics.
    pub id: Name,
    /// Its name for people.
    #[serde(default)]
    pub name: Option<String>,
    /// Degrees north (WGS 84).
    #[serde(default)]
    pub latitude: Option<f64>,
    /// Degrees east (WGS 84).
    #[serde(default)]
    pub longitude: Option<f64>,
}

/// An object that takes part.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ObjectRef {
    /// Track number on this camera in this boot.
    pub track_id: u64,
    /// Class label, for instance `person`.
    pub class: String,
    /// Detection score, 0 to 1.
    pub score: f32,
    /// x, y, width, height; normalised to 0..1, origin at the top left.
    pub r#box: [f32; 4],
    /// Metres per second, where the camera's ground is calibrated.
    #[serde(default)]
    pub speed_mps: Option<f32>,
    /// The speed lies within so many metres per second of that in 95 of 100 cases.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub speed_error_mps: Option<f32>,
    /// What second models say of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attributes: Vec<Attribute>,
}

/// What a second model says of an object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Attribute {
    /// The cascade's name in the camera's configuration, for instance `colour`.
    pub name: Name,
    /// Its label, for instance `white`.
    pub label: String,
    /// Share of all votes on the track, 0 to 1.
    pub score: f32,
}

/// Time stamps of an incident message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct IncidentTime {
    /// When the picture was taken, as far as `capture_basis` tells.
    pub capture: Utc,
    /// Where `capture` comes from.
    pub capture_basis: CaptureBasis,
    /// When the picture reached the node.
    pub arrival: Utc,
    /// When the rule decided.
    pub decided: Utc,
    /// How far the node's clock can be trusted.
    pub clock: ClockQuality,
    /// In an `updated` that corrects times which were said before the clock was synchronised: milliseconds that were added
    /// to them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub corrected_by_ms: Option<i64>,
}

/// Where a capture time comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CaptureBasis {
    /// The camera's RTCP sender reports.
    RtcpSr,
    /// The time of arrival: the camera sent no reports.
    Arrival,
}

/// How far the node's clock can be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ClockQuality {
    /// The operating system says that it is synchronised.
    pub synchronised: bool,
    /// Estimated error in milliseconds, where the operating system gives one.
    #[serde(default)]
    pub estimated_error_ms: Option<u32>,
}

/// A part of the evidence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct EvidenceRef {
    /// For instance `snapshot`.
    pub part: Name,
    /// SHA-256 in hexadecimal.
    #[serde(default)]
    pub sha256: Option<String>,
    /// Length in bytes.
    #[serde(default)]
    pub bytes: Option<u64>,
    /// Where it is.
    pub state: EvidenceState,
    /// Why there is none, with [`EvidenceState::Failed`].
    #[serde(default)]
    pub error: Option<String>,
}

/// Where a part of the evidence is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EvidenceState {
    /// On its way.
    Queued,
    /// Sent before.
    Sent,
    /// Kept on the node until somebody asks.
    OnRequest,
    /// Could not be made; `error` says why.
    Failed,
}

/// The model that saw it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ModelRef {
    /// Its name in `models/`.
    pub name: String,
    /// SHA-256 of its file in hexadecimal.
    pub sha256: String,
}
