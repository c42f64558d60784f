//! Commands from the centre to one node: an envelope with a detached Ed25519 signature (RFC 8032), and the receipt.
//!
//! The envelope is that of [`crate::signed`]. Says nothing of expiry, addressee or repetition: the receiver judges those.

use std::{fmt, str::FromStr};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    NodePath, Utc,
    id::Name,
    incident::EvidenceRef,
    push::Preview,
    signed::{self, Unsigned},
    verdict::{IgnoreArea, IgnoredArea, Verdict},
};

/// Set before the body when it is signed, so that the key's signature of anything else is no command.
const DOMAIN: &[u8] = b"safecity command v1\n";
/// What a public key begins with where people read or write it.
const ALGORITHM: &str = "ed25519:";

/// What is asked of which node, and until when.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct CommandRequest {
    /// Identity of the request (UUID v7): a repetition keeps it.
    pub request: Uuid,
    /// The only node that may carry it out.
    pub node: NodePath,
    /// When it was asked.
    pub issued: Utc,
    /// From when on it must not be carried out.
    pub expires: Utc,
    /// What is to be done.
    pub command: Command,
}

/// What a node can be asked to do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Command {
    /// Raise an incident that is marked as a test, and close it.
    TestAlarm {
        /// The camera to raise it for.
        camera: Name,
    },
    /// Send the latest picture.
    Snapshot {
        /// Whose picture.
        camera: Name,
    },
    /// Send the last seconds, masked and encoded again, or as the camera encoded them, sealed.
    FetchClip {
        /// Whose video.
        camera: Name,
        /// How many seconds, as far as the node still has them.
        seconds: u32,
        /// The original is wanted, sealed to the centre's key.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        original: Option<Original>,
    },
    /// Send the clip of an incident that the node keeps, masked and encoded again, or the sealed original.
    FetchIncidentClip {
        /// The camera that saw it.
        camera: Name,
        /// The incident.
        incident: Uuid,
        /// The original is wanted, sealed to the centre's key.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        original: Option<Original>,
    },
    /// Connect to a camera anew.
    RestartCamera {
        /// Which camera.
        camera: Name,
    },
    /// Take what an operator says of an incident. A later verdict on it takes the place of an earlier one.
    Verdict {
        /// The camera that saw it.
        camera: Name,
        /// The incident.
        incident: Uuid,
        /// What it was.
        verdict: Verdict,
        /// What is to be ignored from now on.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ignore: Option<IgnoreArea>,
    },
    /// Say in the receipt which areas of a camera are ignored.
    ListIgnored {
        /// Which camera.
        camera: Name,
    },
    /// Watch an area again that was ignored.
    Unignore {
        /// Its camera.
        camera: Name,
        /// The area, as a list of them names it.
        area: Uuid,
    },
    /// Say in the receipt what a camera would have raised in the last hour, had this been pushed.
    Preview {
        /// Which camera.
        camera: Name,
        /// As [`crate::DesiredConfig::document`].
        document: String,
    },
    /// Read the node's own files again, as at SIGHUP. What came of it is in `status` and `health`.
    ReloadConfig,
}

impl Command {
    /// Its name in messages and figures.
    pub fn kind(&self) -> &'static str {
        match self {
            Command::TestAlarm { .. } => "test_alarm",
            Command::Snapshot { .. } => "snapshot",
            Command::FetchClip { .. } => "fetch_clip",
            Command::FetchIncidentClip { .. } => "fetch_incident_clip",
            Command::RestartCamera { .. } => "restart_camera",
            Command::Verdict { .. } => "verdict",
            Command::ListIgnored { .. } => "list_ignored",
            Command::Unignore { .. } => "unignore",
            Command::Preview { .. } => "preview",
            Command::ReloadConfig => "reload_config",
        }
    }

    /// For whom an original is asked for, and why.
    pub fn original(&self) -> Option<&Original> {
        match self {
            Command::FetchClip { original, .. } | Command::FetchIncidentClip { original, .. } => {
                original.as_ref()
            }
            _ => None,
        }
    }

    /// The camera that it is about, if it is about one.
    pub fn camera(&self) -> Option<&Name> {
        match self {
            Command::TestAlarm { camera }
            | Command::Snapshot { camera }
            | Command::FetchClip { camera, .. }
            | Command::FetchIncidentClip { camera, .. }
            | Command::RestartCamera { camera }
            | Command::Verdict { camera, .. }
            | Command::ListIgnored { camera }
            | Command::Unignore { camera, .. }
            | Command::Preview { camera, .. } => Some(camera),
            Command::ReloadConfig => None,
        }
    }
}

/// For whom an original leaves a node, and why. The centre says both and keeps them; the node has the last word.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Original {
    /// The role of who asks, as the node's configuration knows it.
    pub role: Name,
    /// Why, in words for people.
    pub reason: String,
}

/// What became of a command. Durable and numbered like an incident; a repeated request gets the same words again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Receipt {
    /// The boot that `seq` counts in.
    pub bootid: Uuid,
    /// Place of this message among the durable messages of its boot.
    pub seq: u64,
    /// The request that is answered.
    pub request: Uuid,
    /// What became of it.
    pub outcome: CommandOutcome,
    /// Why, where it was not done or not all of it was, in words for people.
    #[serde(default)]
    pub reason: Option<String>,
    /// The incident that was raised, or under whose id evidence follows.
    #[serde(default)]
    pub incident: Option<Uuid>,
    /// Evidence that follows.
    #[serde(default)]
    pub evidence: Vec<EvidenceRef>,
    /// Areas that are ignored: the one that was asked for, or all of a camera where a list was.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ignored: Vec<IgnoredArea>,
    /// What a camera would have raised.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preview: Option<Preview>,
    /// When the request came.
    pub received: Utc,
    /// When it was answered.
    pub answered: Utc,
}

/// What became of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CommandOutcome {
    /// It was carried out.
    Done,
    /// It was not begun.
    Refused,
    /// It was begun and did not succeed.
    Failed,
}

/// A public key that may sign commands, written `ed25519:` and its 32 bytes in base64.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PinnedKey([u8; 32]);

/// A text is no public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is no public key: expected \"{ALGORITHM}\" and 32 bytes in base64")]
pub struct InvalidKey;

impl PinnedKey {
    /// The public half of a key.
    pub fn of(key: &Ed25519KeyPair) -> Self {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(key.public_key().as_ref());
        PinnedKey(bytes)
    }

    /// Its 32 bytes.
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// What an envelope calls it: the beginning of its SHA-256, in hexadecimal.
    pub fn id(&self) -> String {
        let hash = ring::digest::digest(&ring::digest::SHA256, &self.0);
        let hash = hash.as_ref().iter().take(8);
        hash.map(|byte| format!("{byte:02x}")).collect()
    }
}

impl fmt::Display for PinnedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{ALGORITHM}{}", STANDARD.encode(self.0))
    }
}

impl FromStr for PinnedKey {
    type Err = InvalidKey;

    fn from_str(text: &str) -> Result<Self, InvalidKey> {
        let bytes = text.strip_prefix(ALGORITHM).ok_or(InvalidKey)?;
        let bytes = STANDARD.decode(bytes).map_err(|_| InvalidKey)?;
        bytes.try_into().map(PinnedKey).map_err(|_| InvalidKey)
    }
}

/// Why a payload is no command to be heeded.
#[derive(Debug, thiserror::Error)]
pub enum InvalidCommand {
    /// It is not signed by who may.
    #[error(transparent)]
    Unsigned(#[from] Unsigned),
    /// Rightly signed, but not understood by this version.
    #[error("this version does not understand it: {why}")]
    Body {
        /// The request, if so much can be read.
        request: Option<Uuid>,
        /// What is not understood.
        why: String,
    },
}

impl CommandRequest {
    /// The signed envelope.
    ///
    /// # Errors
    /// Never in practice: the request is plain data; the error of the serialiser is passed on.
    pub fn sign(&self, key: &Ed25519KeyPair) -> Result<Vec<u8>, serde_json::Error> {
        signed::sign(DOMAIN, self, key)
    }

    /// Checks the signature by one of `pinned`, then reads the body.
    ///
    /// # Errors
    /// [`InvalidCommand`]; only [`InvalidCommand::Body`] came from a pinned key.
    pub fn open(payload: &[u8], pinned: &[PinnedKey]) -> Result<Self, InvalidCommand> {
        let body = signed::open(DOMAIN, payload, pinned)?;
        serde_json::from_slice(body).map_err(|why| InvalidCommand::Body {
            request: serde_json::from_slice::<Identity>(body)
                .ok()
                .map(|identity| identity.request),
            why: why.to_string(),
        })
    }
}

/// As much of a request as every version understands.
#[derive(Deserialize)]
struct Identity {
    request: Uuid,
}
