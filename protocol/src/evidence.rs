//! Evidence on the wire: one line of JSON, a line feed, then the bytes of the chunk.
//!
//! Base64 inside JSON would cost a third more on a mobile link; a header line keeps the format readable with
//! `head -1` and independent of MQTT 5's properties.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::id::Name;

/// What a chunk belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct EvidenceHeader {
    /// The node's boot that `seq` counts in.
    pub bootid: Uuid,
    /// Place in the order of all durable messages of that boot.
    pub seq: u64,
    /// Which incident.
    pub incident_id: Uuid,
    /// Which part, for instance `snapshot`.
    pub part: Name,
    /// Media type of the whole part, for instance `image/jpeg`.
    pub content_type: String,
    /// SHA-256 of the whole part in hexadecimal.
    pub sha256: String,
    /// Length of the whole part in bytes.
    pub total: u64,
    /// Where this chunk begins in the part.
    pub offset: u64,
}

/// Why a payload is no evidence chunk.
#[derive(Debug, thiserror::Error)]
pub enum InvalidChunk {
    /// There is no line feed after a header.
    #[error("evidence chunk has no header line")]
    NoHeader,
    /// The header is not one of ours.
    #[error("evidence header: {0}")]
    Header(#[from] serde_json::Error),
    /// The chunk reaches past the part's end.
    #[error("evidence chunk ends at byte {end}, the part has {total}")]
    TooLong {
        /// Where the chunk ends.
        end: u64,
        /// Length of the part.
        total: u64,
    },
}

impl EvidenceHeader {
    /// Header and bytes as one payload.
    ///
    /// # Errors
    /// Never in practice: the header is plain data; the error of the serialiser is passed on.
    pub fn encode(&self, chunk: &[u8]) -> Result<Vec<u8>, serde_json::Error> {
        let mut payload = serde_json::to_vec(self)?;
        payload.push(b'\n');
        payload.extend_from_slice(chunk);
        Ok(payload)
    }

    /// Splits a payload into header and bytes.
    ///
    /// # Errors
    /// [`InvalidChunk`] says what is wrong.
    pub fn decode(payload: &[u8]) -> Result<(Self, &[u8]), InvalidChunk> {
        let end = payload
            .iter()
            .position(|b| *b == b'\n')
            .ok_or(InvalidChunk::NoHeader)?;
        let (line, rest) = payload.split_at(end);
        let header: EvidenceHeader = serde_json::from_slice(line)?;
        let chunk = rest.get(1..).unwrap_or_default();
        let end = header.offset.saturating_add(chunk.len() as u64);
        if end > header.total {
            return Err(InvalidChunk::TooLong {
                end,
                total: header.total,
            });
        }
        Ok((header, chunk))
    }
}
