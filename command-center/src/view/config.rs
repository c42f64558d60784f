//! What nodes are configured as.

use protocol::{ReportedConfig, Trial, Utc};
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

/// What a node's cameras are told besides the node's own files.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ConfigView {
    /// What was pushed last.
    pub pushed: Option<PushView>,
    /// The push that is part of what the node goes by for good, if it came from this centre.
    pub good: Option<PushView>,
    /// What the node says that it goes by, and how far it has come.
    pub reported: Option<ReportedConfig>,
    /// When it said so.
    pub heard: Option<Utc>,
}

/// A document that was pushed to a node.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct PushView {
    /// Its identity.
    pub push: Uuid,
    /// Its number at the node.
    pub number: u64,
    /// TOML as a file of cameras.d/.
    pub document: String,
    /// How it is tried.
    pub trial: Trial,
    /// By whom.
    pub pushed_by: String,
    /// When.
    pub pushed: Utc,
    /// The node has it.
    pub taken: bool,
}
