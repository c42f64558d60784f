//! What a centre signs for a node: one line of JSON with a detached Ed25519 signature (RFC 8032), a line feed, then the body.
//!
//! The signature covers a domain and the body's bytes as they came, so that no canonical form of JSON is needed, nothing of the body is
//! read before it has been checked, and what was signed as one thing is no other.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ring::signature::{ED25519, Ed25519KeyPair, UnparsedPublicKey};
use serde::{Deserialize, Serialize};

use crate::PinnedKey;

/// Why a payload was not signed by who may.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unsigned {
    /// No header line, or not one of ours.
    #[error("its envelope is malformed or not signed")]
    Malformed,
    /// The key is not pinned.
    #[error("it is signed by a key that this node does not trust ({0:?})")]
    UnknownKey(String),
    /// The signature does not fit the body.
    #[error("its signature does not fit its body")]
    Signature,
}

#[derive(Serialize, Deserialize)]
struct Header {
    key_id: String,
    signature: String,
}

/// The envelope of a message.
pub(crate) fn sign(
    domain: &[u8],
    message: &impl Serialize,
    key: &Ed25519KeyPair,
) -> Result<Vec<u8>, serde_json::Error> {
    let body = serde_json::to_vec(message)?;
    let mut payload = serde_json::to_vec(&Header {
        key_id: PinnedKey::of(key).id(),
        signature: STANDARD.encode(key.sign(&[domain, &body].concat())),
    })?;
    payload.push(b'\n');
    payload.extend_from_slice(&body);
    Ok(payload)
}

/// The body, if one of `pinned` signed it.
pub(crate) fn open<'p>(
    domain: &[u8],
    payload: &'p [u8],
    pinned: &[PinnedKey],
) -> Result<&'p [u8], Unsigned> {
    let end = payload.iter().position(|b| *b == b'\n');
    let (line, rest) = payload.split_at(end.ok_or(Unsigned::Malformed)?);
    let body = rest.get(1..).unwrap_or_default();
    let header: Header = serde_json::from_slice(line).map_err(|_| Unsigned::Malformed)?;
    let signature = STANDARD.decode(&header.signature);
    let signature = signature.map_err(|_| Unsigned::Malformed)?;
    let pin = pinned.iter().find(|pin| pin.id() == header.key_id);
    let pin = pin.ok_or(Unsigned::UnknownKey(header.key_id))?;
    UnparsedPublicKey::new(&ED25519, pin.bytes())
        .verify(&[domain, body].concat(), &signature)
        .map_err(|_| Unsigned::Signature)?;
    Ok(body)
}
