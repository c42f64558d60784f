//! Chain of custody on the node: its key, what is to be signed of a message, and the check of a bundle.
//!
//! Signs nothing by itself: `spool::chain` does, in the transaction that keeps what is signed, so that a message and
//! what stands for it are kept together or not at all (docs/evidence.md, docs/decisions/0019).

mod key;
mod verify;

use protocol::{IncidentEvent, Utc, custody::Manifest, incident::ClockQuality};
use uuid::Uuid;

pub use key::{Custodian, KeyError};
pub use verify::{VerifyArgs, verify};

/// What manifests are to say of a message and of the evidence that it announces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attest {
    incident: Uuid,
    item: String,
    /// Name, SHA-256 and length of each part of evidence whose bytes are known.
    evidence: Vec<(String, String, u64)>,
    config_revision: String,
    model_sha256: String,
    capture: Utc,
    clock: ClockQuality,
}

/// Where in which chain a manifest stands.
pub(crate) struct Link {
    /// Which chain.
    pub chain: Uuid,
    /// Its place, from 1.
    pub number: u64,
    /// Hash of the signed manifest before it.
    pub previous: String,
}

impl Attest {
    /// Of a message, once its bytes are known, and of the evidence that it names.
    pub fn of(event: &IncidentEvent) -> Self {
        let data = &event.data;
        let evidence = data.evidence.iter().filter_map(|part| {
            let sha256 = part.sha256.clone()?;
            Some((part.part.to_string(), sha256, part.bytes?))
        });
        Attest {
            incident: data.incident_id,
            item: format!("event-{}", event.id),
            evidence: evidence.collect(),
            config_revision: data.rule.revision.clone(),
            model_sha256: data.model.sha256.clone(),
            capture: data.time.capture,
            clock: data.time.clock,
        }
    }

    /// Name, SHA-256 and length of what manifests are made of: the message, then its evidence.
    pub(crate) fn items(&self, sha256: String, bytes: u64) -> Vec<(String, String, u64)> {
        let message = (self.item.clone(), sha256, bytes);
        std::iter::once(message)
            .chain(self.evidence.iter().cloned())
            .collect()
    }

    /// The manifest of one of [`Attest::items`].
    pub(crate) fn manifest(
        &self,
        (item, sha256, bytes): (String, String, u64),
        custodian: &Custodian,
        link: Link,
    ) -> Manifest {
        Manifest {
            node: custodian.node.clone(),
            chain: link.chain,
            number: link.number,
            previous: link.previous,
            incident: self.incident,
            item,
            sha256,
            bytes,
            config_revision: self.config_revision.clone(),
            model_sha256: self.model_sha256.clone(),
            capture: self.capture,
            made: protocol::now(),
            clock: self.clock,
        }
    }
}
