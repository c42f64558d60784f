//! Chain of custody: signed manifests, each naming the one before it, and the bundle that carries them offline.
//!
//! A manifest says what an item is by its hash. It is signed over its canonical JSON (RFC 8785), and names the SHA-256 of
//! the signed manifest before it, so that a node's manifests stand in one order. Keeps nothing and knows no clock.

mod bundle;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ring::{
    digest::{SHA256, digest},
    signature::{ED25519, Ed25519KeyPair, UnparsedPublicKey},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use uuid::Uuid;

use crate::{NodePath, PinnedKey, Utc, incident::ClockQuality};

pub use bundle::{Bundle, Head, Verified, Wrong, verify};

/// Set before what is signed, so that a signature of anything else stands for none of these.
const DOMAIN: &[u8] = b"safecity custody v1\n";
/// What the first manifest of a chain names as the one before it.
pub const BEGINNING: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// What stands for one incident message or one item of evidence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The node whose chain it is part of.
    pub node: NodePath,
    /// Which of its chains: another begins where the key, or the spool that knew the end, was lost.
    pub chain: Uuid,
    /// Place in that chain, from 1 without gaps, over all boots.
    pub number: u64,
    /// SHA-256, in hexadecimal, of the signed manifest before it; [`BEGINNING`] for the first.
    pub previous: String,
    /// Which incident.
    pub incident: Uuid,
    /// `event-` and an event's id, or a part of evidence: letters, digits, `-`, `_` and `.` only.
    pub item: String,
    /// SHA-256 of the item in hexadecimal.
    pub sha256: String,
    /// Length of the item in bytes.
    pub bytes: u64,
    /// Revision of the configuration that was in force.
    pub config_revision: String,
    /// SHA-256 of the model that decided; empty where no model did.
    pub model_sha256: String,
    /// When what it is about was captured.
    pub capture: Utc,
    /// When the manifest was made.
    pub made: Utc,
    /// How far the node's clock could be trusted then.
    pub clock: ClockQuality,
}

/// Manifests on their way to the centre: those of one message and of the evidence that it announces. Durable and numbered
/// like an incident.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Custody {
    /// The boot that `seq` counts in.
    pub bootid: Uuid,
    /// Place of this message among the durable messages of its boot.
    pub seq: u64,
    /// The node's public key, as people write it.
    pub key: String,
    /// Signed manifests in the chain's order, each as canonical JSON: a signature is of these very bytes.
    pub manifests: Vec<String>,
}

/// Something signed, written as canonical JSON.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Envelope<T> {
    body: T,
    signature: String,
}

/// SHA-256 in hexadecimal.
pub fn sha256_hex(bytes: &[u8]) -> String {
    let hash = digest(&SHA256, bytes);
    hash.as_ref().iter().map(|b| format!("{b:02x}")).collect()
}

/// `body` with a signature, as canonical JSON.
///
/// # Errors
/// Never in practice: bodies are plain data; the error of the serialiser is passed on.
pub fn sign<T: Serialize>(body: T, key: &Ed25519KeyPair) -> Result<Vec<u8>, serde_json::Error> {
    let signed = [DOMAIN, &serde_json_canonicalizer::to_vec(&body)?].concat();
    let signature = STANDARD.encode(key.sign(&signed));
    serde_json_canonicalizer::to_vec(&Envelope { body, signature })
}

/// The body of what [`sign`] made, if `key` signed it and every byte is as it was written.
///
/// # Errors
/// What is wrong, in words for people.
pub fn open<T: Serialize + DeserializeOwned>(line: &[u8], key: &PinnedKey) -> Result<T, String> {
    let envelope: Envelope<T> =
        serde_json::from_slice(line).map_err(|e| format!("cannot be read: {e}"))?;
    let written = serde_json_canonicalizer::to_vec(&envelope).map_err(|e| e.to_string())?;
    if written != line {
        return Err("is not in canonical form".to_owned());
    }
    let body = serde_json_canonicalizer::to_vec(&envelope.body).map_err(|e| e.to_string())?;
    let signature = STANDARD.decode(&envelope.signature);
    let signature = signature.map_err(|_| "has a signature that cannot be read".to_owned())?;
    UnparsedPublicKey::new(&ED25519, key.bytes())
        .verify(&[DOMAIN, &body].concat(), &signature)
        .map_err(|_| "has a signature that does not fit".to_owned())?;
    Ok(envelope.body)
}
