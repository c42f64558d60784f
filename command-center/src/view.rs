//! What the console is told. `console/src/lib/wire.ts` is generated from these types, and a test keeps it so.
//!
//! The store answers in these types too: nothing of its database shows in them.

mod config;
mod people;

use protocol::{
    CameraState, Coverage, Degradation, IgnoredArea, IncidentState, NodeState, Preview, Severity,
    Utc, Verdict, VerdictHealth,
    incident::{
        CameraRef, CaptureBasis, ClockQuality, EvidenceState, IncidentTime, ModelRef, ObjectRef,
        RuleRef,
    },
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use config::{ConfigView, PushView};
pub use people::{AuditCheck, AuditLine, AuditPage, MeView, SessionView, TotpSetup, UserView};

/// One line of the list of incidents.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct IncidentSummary {
    /// Its id.
    pub id: Uuid,
    /// Its place in the list: what comes after it is asked for with `before`.
    pub place: String,
    /// Where it is in its life, whatever order its messages came in.
    pub state: IncidentState,
    /// The highest severity that was said of it.
    pub severity: Severity,
    /// The highest confidence that was said of it, 0 to 1.
    pub confidence: f32,
    /// The rule that decided.
    pub rule: RuleRef,
    /// Region of the node.
    pub region: String,
    /// Site of the node.
    pub site: String,
    /// The node.
    pub node: String,
    /// The camera that saw it.
    pub camera: CameraRef,
    /// When the picture that began it was taken.
    pub captured: Utc,
    /// What `captured` rests on.
    pub capture_basis: CaptureBasis,
    /// When its first message was committed here.
    pub received: Utc,
    /// From `captured` to `received`, in milliseconds; below zero if the clocks disagree.
    pub delay_ms: i64,
    /// When it ended, if it has.
    pub ended: Option<Ending>,
    /// Classes of the objects that take part, each once.
    pub classes: Vec<String>,
    /// Its picture.
    pub snapshot: Snapshot,
    /// Who acknowledged it, if anybody has.
    pub acknowledged: Option<Acknowledgement>,
    /// What was last said of it, if anything.
    pub verdict: Option<VerdictView>,
    /// A test alarm.
    pub test: bool,
    /// How many incidents of this rule were suppressed before it.
    pub suppressed_before: u32,
}

/// How an incident ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Ending {
    /// When.
    pub at: Utc,
    /// How that is known.
    pub basis: EndingBasis,
}

/// How an incident's end is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EndingBasis {
    /// The node said so in a message of its own.
    Message,
    /// The node no longer lists it among its open incidents.
    NodeStatus,
}

/// The state of an incident's picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Snapshot {
    /// No message speaks of one.
    None,
    /// Announced, not here yet.
    Waiting,
    /// Its thumbnail is here, the picture itself not yet.
    Thumbnail,
    /// Here, and its SHA-256 is the one in the incident's message.
    Ready,
    /// The node keeps it until somebody asks.
    OnRequest,
    /// The node could not make it.
    Failed,
}

/// Who took an incident on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Acknowledgement {
    /// Name of the user.
    pub by: String,
    /// When.
    pub at: Utc,
}

/// What somebody said of an incident.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct VerdictView {
    /// What it was.
    pub verdict: Verdict,
    /// Its area is to be ignored for its rule.
    pub ignored: bool,
    /// Name of the user.
    pub by: String,
    /// When.
    pub at: Utc,
    /// What became of it on the node; absent where the centre has no key to tell it.
    pub told: Option<CommandState>,
    /// Until when the node is told, while it does not answer.
    pub expires: Option<Utc>,
    /// What was not done of it, in the node's words.
    pub reason: Option<String>,
}

/// How often a rule of a camera was right, as far as somebody has said so.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PrecisionView {
    /// Region of the node.
    pub region: String,
    /// Site of the node.
    pub site: String,
    /// The node.
    pub node: String,
    /// The camera's name in topics.
    pub camera: String,
    /// Its name for people.
    pub camera_name: Option<String>,
    /// The rule.
    pub rule: String,
    /// Its kind.
    pub kind: String,
    /// Incidents that were what the rule says.
    pub judged_true: u64,
    /// False alarms.
    pub judged_false: u64,
    /// Those of which nobody has said anything.
    pub unjudged: u64,
    /// Share of the true ones among the judged, 0 to 1; absent before the first verdict.
    pub precision: Option<f64>,
}

/// A page of incidents, newest first.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct IncidentPage {
    /// The incidents.
    pub incidents: Vec<IncidentSummary>,
    /// Give this as `before` for the next page; absent at the end.
    pub next: Option<String>,
}

/// All that is known of one incident.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct IncidentDetail {
    /// Its line in the list.
    pub incident: IncidentSummary,
    /// Time stamps of the message that began it.
    pub time: IncidentTime,
    /// The objects that take part.
    pub objects: Vec<ObjectRef>,
    /// The model that saw it.
    pub model: ModelRef,
    /// The evidence, part by part.
    pub evidence: Vec<EvidenceView>,
    /// Signed manifests of it that are here: with any, a bundle can be had.
    pub manifests: u64,
    /// Its messages in the order of their life.
    pub messages: Vec<MessageView>,
    /// What users did about it, oldest first.
    pub history: Vec<AuditEntry>,
}

/// One part of the evidence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EvidenceView {
    /// Which part.
    pub part: String,
    /// What the node said of it.
    pub announced: EvidenceState,
    /// Why there is none, if the node could not make it.
    pub error: Option<String>,
    /// SHA-256 that the incident's message names.
    pub sha256: Option<String>,
    /// Length in bytes.
    pub bytes: Option<u64>,
    /// Bytes that are here.
    pub received_bytes: u64,
    /// When it was complete here and its SHA-256 was found to be the one that was announced.
    pub verified: Option<Utc>,
}

/// One message of an incident.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MessageView {
    /// Its id.
    pub id: Uuid,
    /// Which change it told.
    pub state: IncidentState,
    /// Severity it told.
    pub severity: Severity,
    /// Boot of the node.
    pub bootid: Uuid,
    /// Its place in that boot.
    pub seq: u64,
    /// When the node decided.
    pub decided: Utc,
    /// When it was committed here.
    pub received: Utc,
}

/// One line of the audit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AuditEntry {
    /// When.
    pub at: Utc,
    /// Name of the user.
    pub user: String,
    /// What was done, for instance `acknowledged`.
    pub action: String,
    /// What the user wrote, if anything.
    pub note: Option<String>,
}

/// The state of the whole.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Overview {
    /// All nodes that were ever heard of.
    pub nodes: Vec<NodeView>,
    /// The centre's own state.
    pub centre: CentreView,
}

/// The centre's own state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CentreView {
    /// Its clock now.
    pub now: Utc,
    /// Its connection to the broker stands.
    pub broker_connected: bool,
    /// Messages set aside since the centre was installed.
    pub parked: u64,
    /// It has a key, so that nodes can be asked to do something.
    pub can_command: bool,
    /// A node that says nothing for this many seconds is silent.
    pub silent_after_s: u64,
}

/// One node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NodeView {
    /// Its number here.
    pub id: i64,
    /// Its region.
    pub region: String,
    /// Its site.
    pub site: String,
    /// Its name.
    pub node: String,
    /// What it last said of itself; absent before its first status.
    pub state: Option<NodeState>,
    /// Version of its agent.
    pub version: Option<String>,
    /// Hash of the configuration it runs on.
    pub config_revision: Option<String>,
    /// Safety that was switched off on it.
    pub insecure: Vec<String>,
    /// What is wrong with it, in its own words.
    pub faults: Vec<String>,
    /// What became of operators' verdicts on it; absent where it takes none.
    pub verdicts: Option<VerdictHealth>,
    /// What it leaves out for now because it has too much to do or is too hot.
    pub degradation: Option<Degradation>,
    /// When anything was last heard of it.
    pub heard: Utc,
    /// Its clock's quality.
    pub clock: Option<ClockQuality>,
    /// Seconds since its agent started.
    pub uptime_s: Option<u64>,
    /// Messages that wait in it for the broker.
    pub spool_pending: Option<u64>,
    /// Its cameras.
    pub cameras: Vec<CameraView>,
    /// Numbers of its messages that never came.
    pub gaps: Vec<Gap>,
    /// What it gave up and said so, most first.
    pub given_up: Vec<GivenUp>,
    /// Its chains of signed manifests, the newest first; none where it does not sign.
    pub chains: Vec<ChainView>,
    /// Messages of it that came more than once, and changed nothing.
    pub duplicates: u64,
    /// What it was asked to do, newest first, the latest few.
    pub commands: Vec<CommandView>,
    /// Commands that it did not heed since its agent started.
    pub commands_refused: u64,
    /// Why the latest of them was not heeded, in its own words.
    pub last_refusal: Option<String>,
}

/// A node's chain of signed manifests, as far as it is here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ChainView {
    /// Public key that signs it; whoever checks evidence has to know it from elsewhere, too.
    pub key: String,
    /// When its first manifest came.
    pub begun: Utc,
    /// Manifests that are here.
    pub manifests: u64,
    /// Manifests between them that are not.
    pub missing: u64,
    /// Places where one does not follow the one before it: somebody changed something.
    pub breaks: u64,
}

/// What a node was asked to do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CommandView {
    /// Its identity.
    pub request: Uuid,
    /// What, for instance `snapshot`.
    pub kind: String,
    /// The camera that it is about.
    pub camera: String,
    /// Who asked.
    pub asked_by: String,
    /// When.
    pub asked: Utc,
    /// From when on the node does not carry it out.
    pub expires: Utc,
    /// How often it was sent.
    pub attempts: u64,
    /// What became of it; past `expires`, `waiting` means that no answer came.
    pub state: CommandState,
    /// Why it was not done, in the node's words.
    pub reason: Option<String>,
    /// The incident that was raised.
    pub incident: Option<Uuid>,
    /// What was sent for it.
    pub evidence: Vec<CommandEvidence>,
    /// Areas that are ignored, where it was about them.
    pub ignored: Vec<IgnoredArea>,
    /// What a camera would have raised.
    pub preview: Option<Preview>,
    /// When the answer came.
    pub answered: Option<Utc>,
}

/// What became of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CommandState {
    /// No answer has come.
    Waiting,
    /// It was carried out.
    Done,
    /// The node did not begin it.
    Refused,
    /// The node did not succeed.
    Failed,
}

/// A picture or video that a command brings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CommandEvidence {
    /// Which part, for instance `snapshot`.
    pub part: String,
    /// Its length.
    pub bytes: Option<u64>,
    /// What of it is here.
    pub received_bytes: u64,
    /// It is here, and its hash is right.
    pub complete: bool,
}

/// Messages that a node will never send: its disk was full, or the broker does not take them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GivenUp {
    /// What they were, for instance `clip`.
    pub class: String,
    /// Why, in the node's words.
    pub reason: String,
    /// How many.
    pub messages: u64,
    /// When the latest of them was heard of.
    pub latest: Utc,
}

/// Messages that never came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Gap {
    /// Boot of the node.
    pub bootid: Uuid,
    /// First number that is missing.
    pub first: u64,
    /// Last number that is missing.
    pub last: u64,
    /// When the gap was noticed.
    pub since: Utc,
}

/// One camera.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CameraView {
    /// Its name in topics.
    pub id: String,
    /// Its name for people.
    pub name: Option<String>,
    /// Is it seen.
    pub state: CameraState,
    /// Why not, if it is not.
    pub reason: Option<String>,
    /// Frames decoded a second, between the last two reports.
    pub decoded_fps: Option<f64>,
    /// Frames analysed a second, between the last two reports.
    pub analysed_fps: Option<f64>,
    /// Frames decoded since the agent started.
    pub frames_decoded: u64,
    /// Frames analysed since the agent started.
    pub frames_analysed: u64,
    /// Frames that gave way to a later one since the agent started.
    pub frames_dropped: u64,
    /// Connections made since the agent started.
    pub connections: u64,
    /// Seconds in which it was watched.
    pub watched_s: u64,
    /// Seconds in which it should have been watched.
    pub expected_s: u64,
    /// Where its time went, from nodes that say so.
    pub coverage: Option<Coverage>,
}

/// A message that was set aside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ParkedMessage {
    /// When it came.
    pub received: Utc,
    /// Its topic.
    pub topic: String,
    /// Why it could not be taken.
    pub reason: String,
    /// Its length in bytes.
    pub bytes: u64,
    /// Its beginning, as far as it is text.
    pub excerpt: String,
}

/// Why a request was refused, in words for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Refusal {
    /// What is wrong and what to do.
    pub error: String,
}
