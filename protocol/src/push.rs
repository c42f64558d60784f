//! What a centre wants a node's cameras to be told besides the node's own files, and how far the node has come with it. Both are
//! retained: `config/desired` is signed by the centre, `config/reported` is the node's.

use std::collections::BTreeMap;

use ring::signature::Ed25519KeyPair;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    NodePath, PinnedKey, Utc,
    id::Name,
    incident::{ObjectRef, RuleRef},
    signed,
};

/// Set before the body when it is signed.
const DOMAIN: &[u8] = b"safecity config v1\n";

/// A document is so long at most, in bytes.
pub const MAX_DOCUMENT: usize = 256 << 10;

/// What a centre wants. It takes the place of what was pushed before, as a whole.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct DesiredConfig {
    /// Identity of the push (UUID v7).
    pub push: Uuid,
    /// Counts up from push to push of a node: an earlier one is not taken again.
    pub number: u64,
    /// The only node that may take it.
    pub node: NodePath,
    /// When it was pushed.
    pub issued: Utc,
    /// TOML as a file of cameras.d/: what its `[[cameras]]` say lies over the cameras of the same `id` in the node's own files, rule
    /// by rule. Where pictures come from, who may log in, and what pictures show to nobody is not pushed. Empty: nothing is.
    pub document: String,
    /// How it is tried before it stays.
    #[serde(default)]
    pub trial: Trial,
}

/// How a push is tried before it stays.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default)]
pub struct Trial {
    /// It decides beside what is in force for so long, and tells nothing.
    pub shadow_seconds: u32,
    /// The camera that takes it over first; without one, the first that it changes.
    pub canary: Option<Name>,
    /// That camera is watched for so long,
    pub canary_seconds: u32,
    /// and then all of them for so long.
    pub watch_seconds: u32,
    /// Alarms in a stage may be so many times those that were raised without it in the same time,
    pub max_alarm_factor: f32,
    /// and so many more.
    pub max_more_alarms: u32,
    /// A camera that was live may be without pictures for so long.
    pub max_lost_seconds: u32,
}

impl Default for Trial {
    fn default() -> Trial {
        Trial {
            shadow_seconds: 600,
            canary: None,
            canary_seconds: 600,
            watch_seconds: 600,
            max_alarm_factor: 3.0,
            max_more_alarms: 5,
            max_lost_seconds: 20,
        }
    }
}

/// How far a push has come.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum PushStage {
    /// It is signed by the centre for this node, and kept.
    Received,
    /// It fits the node's own files and models.
    Checked,
    /// It decides beside what is in force.
    Shadow,
    /// One camera goes by it.
    Canary,
    /// All cameras go by it.
    Everywhere,
    /// It stays.
    Confirmed,
    /// It was refused before any camera went by it.
    Rejected,
    /// It was taken back: what was in force before is again.
    RolledBack,
}

impl PushStage {
    /// Whether nothing more will come of it.
    pub fn is_final(self) -> bool {
        self >= PushStage::Confirmed
    }

    /// Its name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            PushStage::Received => "received",
            PushStage::Checked => "checked",
            PushStage::Shadow => "shadow",
            PushStage::Canary => "canary",
            PushStage::Everywhere => "everywhere",
            PushStage::Confirmed => "confirmed",
            PushStage::Rejected => "rejected",
            PushStage::RolledBack => "rolled_back",
        }
    }
}

/// One step of a push.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct PushStep {
    /// What it came to.
    pub stage: PushStage,
    /// When.
    pub time: Utc,
    /// What was found, in words for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// A push, as far as the node has come with it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct PushReport {
    /// Which push.
    pub push: Uuid,
    /// Its number.
    pub number: u64,
    /// How far it has come.
    pub stage: PushStage,
    /// All steps so far, the first one first.
    pub steps: Vec<PushStep>,
    /// What is wrong in the document, a line each, with its line and column.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<String>,
}

/// What a node goes by. Retained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ReportedConfig {
    /// The boot that says so.
    pub bootid: Uuid,
    /// When it was said.
    pub time: Utc,
    /// `sha256:` and the hash of what is in force.
    pub revision: String,
    /// Number of the push that is part of it for good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirmed: Option<u64>,
    /// The push that came last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub push: Option<PushReport>,
    /// What each camera goes by: its zones, lines, rules and calibration as they were typed and pushed, over its preset.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub cameras: BTreeMap<Name, serde_json::Value>,
    /// Why the latest document was not even taken: its signature, its addressee.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
}

/// What a camera would have raised, had something else been pushed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Preview {
    /// What the node remembers of the camera begins here,
    pub from: Utc,
    /// and ends here.
    pub until: Utc,
    /// Alarms that would have been raised, the first ones first; not more than a receipt may hold.
    pub alarms: Vec<PreviewAlarm>,
    /// How many there are in all.
    pub count: u64,
    /// How many would have been raised in the same time by what is in force.
    pub now: u64,
    /// Rules that look at the picture itself: no picture is remembered, and nothing can be said of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<String>,
}

/// An alarm that would have been raised.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct PreviewAlarm {
    /// By which rule.
    pub rule: RuleRef,
    /// When.
    pub time: Utc,
    /// Who takes part.
    pub objects: Vec<ObjectRef>,
}

/// Why a payload is no push to be taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPush {
    /// It is not signed by who may.
    #[error(transparent)]
    Unsigned(#[from] signed::Unsigned),
    /// Rightly signed, but not understood by this version.
    #[error("this version does not understand it: {0}")]
    Body(String),
}

impl DesiredConfig {
    /// The signed envelope.
    ///
    /// # Errors
    /// Never in practice: it is plain data; the error of the serialiser is passed on.
    pub fn sign(&self, key: &Ed25519KeyPair) -> Result<Vec<u8>, serde_json::Error> {
        signed::sign(DOMAIN, self, key)
    }

    /// Checks the signature by one of `pinned`, then reads the body.
    ///
    /// # Errors
    /// [`InvalidPush`].
    pub fn open(payload: &[u8], pinned: &[PinnedKey]) -> Result<Self, InvalidPush> {
        let body = signed::open(DOMAIN, payload, pinned)?;
        serde_json::from_slice(body).map_err(|why| InvalidPush::Body(why.to_string()))
    }
}
