//! A part of an incident's evidence on its way: announced in the message, then sent in chunks.
//!
//! Each chunk is a record of its own. What a lost connection or a restart interrupts goes on with the next chunk, and
//! an alert waits behind the chunks on their way, not behind a whole picture.

use protocol::{
    EvidenceHeader, Name, NodePath, Severity, Topic,
    incident::{EvidenceRef, EvidenceState},
};
use uuid::Uuid;

use analytics::geometry::Rect;

use super::snapshot::{MAX_BYTES, MAX_WIDTH, Snapshot, SnapshotError, THUMBNAIL, snapshot_within};
use crate::{
    camera::picture::Picture,
    inference::manifest::sha256_hex,
    spool::{Class, NewRecord},
};

/// One part, whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// What it is to the spool.
    pub class: Class,
    /// Media type of `bytes`.
    pub content_type: &'static str,
    /// What it holds.
    pub bytes: Vec<u8>,
    /// SHA-256 of `bytes` in hexadecimal.
    pub sha256: String,
}

impl Part {
    /// A picture.
    pub fn picture(class: Class, picture: Snapshot) -> Part {
        Part {
            class,
            content_type: "image/jpeg",
            bytes: picture.jpeg,
            sha256: picture.sha256,
        }
    }

    /// A video in MP4.
    pub fn clip(mp4: Vec<u8>) -> Part {
        Part {
            class: Class::Clip,
            content_type: "video/mp4",
            sha256: sha256_hex(&mp4),
            bytes: mp4,
        }
    }

    /// Its name in topics: that of its class.
    pub fn name(&self) -> Name {
        name(self.class)
    }

    /// What the message says of it.
    pub fn announced(&self) -> EvidenceRef {
        EvidenceRef {
            part: self.name(),
            sha256: Some(self.sha256.clone()),
            bytes: Some(self.bytes.len() as u64),
            state: EvidenceState::Queued,
            error: None,
        }
    }

    /// Its chunks of at most `chunk` bytes, in order, as evidence of `incident`.
    pub fn records(
        self,
        node: &NodePath,
        incident: Uuid,
        severity: Severity,
        chunk: usize,
    ) -> Vec<NewRecord> {
        let topic = node.topic(&Topic::Evidence {
            incident,
            part: self.name(),
        });
        let header = EvidenceHeader {
            bootid: Uuid::nil(),
            seq: 0,
            incident_id: incident,
            part: self.name(),
            content_type: self.content_type.to_owned(),
            sha256: self.sha256,
            total: self.bytes.len() as u64,
            offset: 0,
        };
        let pieces = self.bytes.chunks(chunk.max(1)).enumerate();
        let record = |(i, bytes): (usize, &[u8])| {
            let header = EvidenceHeader {
                offset: (i * chunk.max(1)) as u64,
                ..header.clone()
            };
            let bytes = bytes.to_vec();
            NewRecord {
                class: self.class,
                severity,
                topic: topic.clone(),
                payload: Box::new(move |bootid, seq| {
                    let header = EvidenceHeader {
                        bootid,
                        seq,
                        ..header
                    };
                    header
                        .encode(&bytes)
                        .expect("plain data with text keys becomes JSON")
                }),
            }
        };
        pieces.map(record).collect()
    }
}

/// The thumbnail and the snapshot of a picture, with `boxes` drawn.
///
/// # Errors
/// Where the encoder refuses.
pub fn pictures(picture: &Picture<'_>, boxes: &[Rect]) -> Result<Vec<Part>, SnapshotError> {
    let take = |class, (width, bytes)| {
        let picture = snapshot_within(picture, boxes, width, bytes);
        picture.map(|picture| Part::picture(class, picture))
    };
    Ok(vec![
        take(Class::Thumbnail, THUMBNAIL)?,
        take(Class::Snapshot, (MAX_WIDTH, MAX_BYTES))?,
    ])
}

/// The name that evidence of a class has in topics and messages.
pub fn name(class: Class) -> Name {
    class.as_str().parse().expect("a plain word is a name")
}
