//! Commands from the centre to one node: an envelope with a detached Ed25519 signature (RFC 8032).
//!
//! One line of JSON, a line feed, then the body. The signature covers the body's bytes as they came, so that
//! no canonical form of JSON is needed, and nothing of the body is read before it has been checked. Says nothing
//! of expiry, addressee or repetition: the receiver judges those.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ring::signature::{ED25519, Ed25519KeyPair, UnparsedPublicKey};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{NodePath, Utc, id::Name};

/// Set before the body when it is signed, so that the key's signature of anything else is no command.
const DOMAIN: &[u8] = b"safecity command v1\n";

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
    /// Raise an incident marked as a test.
    TestAlarm {
        /// The camera to raise it for; without it the node chooses.
        #[serde(default)]
        camera: Option<Name>,
    },
    /// Send the latest picture.
    Snapshot {
        /// Whose picture.
        camera: Name,
    },
    /// Connect to a camera anew.
    RestartCamera {
        /// Which camera.
        camera: Name,
    },
}

/// First line of a signed command.
#[derive(Serialize, Deserialize)]
struct Header {
    key_id: String,
    signature: String,
}

/// A public key that may sign commands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PinnedKey {
    /// What the envelope calls it.
    pub id: String,
    /// The Ed25519 public key.
    pub key: [u8; 32],
}

/// Why a payload is no command to be heeded.
#[derive(Debug, thiserror::Error)]
pub enum InvalidCommand {
    /// No header line, or not one of ours.
    #[error("command envelope is malformed")]
    Malformed,
    /// The key is not pinned.
    #[error("command is signed by a key that is not pinned")]
    UnknownKey,
    /// The signature does not fit the body.
    #[error("command signature does not fit its body")]
    Signature,
    /// Rightly signed, but not understood by this version.
    #[error("command body: {0}")]
    Body(serde_json::Error),
}

impl CommandRequest {
    /// The signed envelope.
    ///
    /// # Errors
    /// Never in practice: the request is plain data; the error of the serialiser is passed on.
    pub fn sign(&self, key_id: &str, key: &Ed25519KeyPair) -> Result<Vec<u8>, serde_json::Error> {
        let body = serde_json::to_vec(self)?;
        let mut payload = serde_json::to_vec(&Header {
            key_id: key_id.to_owned(),
            signature: STANDARD.encode(key.sign(&[DOMAIN, &body].concat())),
        })?;
        payload.push(b'\n');
        payload.extend_from_slice(&body);
        Ok(payload)
    }

    /// Checks the signature by one of `pinned`, then reads the body.
    ///
    /// # Errors
    /// [`InvalidCommand`]; only [`InvalidCommand::Body`] came from a pinned key.
    pub fn open(payload: &[u8], pinned: &[PinnedKey]) -> Result<Self, InvalidCommand> {
        let end = payload.iter().position(|b| *b == b'\n');
        let (line, rest) = payload.split_at(end.ok_or(InvalidCommand::Malformed)?);
        let body = rest.get(1..).unwrap_or_default();
        let header: Header = serde_json::from_slice(line).map_err(|_| InvalidCommand::Malformed)?;
        let signature = STANDARD.decode(&header.signature);
        let signature = signature.map_err(|_| InvalidCommand::Malformed)?;
        let pin = pinned.iter().find(|pin| pin.id == header.key_id);
        let pin = pin.ok_or(InvalidCommand::UnknownKey)?;
        UnparsedPublicKey::new(&ED25519, pin.key)
            .verify(&[DOMAIN, body].concat(), &signature)
            .map_err(|_| InvalidCommand::Signature)?;
        serde_json::from_slice(body).map_err(InvalidCommand::Body)
    }
}
