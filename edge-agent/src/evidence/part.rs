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

use super::{
    snapshot::{MAX_BYTES, MAX_WIDTH, Snapshot, SnapshotError, THUMBNAIL, snapshot_within},
    veil::Veiled,
};
use crate::{
    inference::manifest::sha256_hex,
    spool::{Class, NewRecord},
};

/// One part, whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// What it is to the spool.
    pub class: Class,
    /// Its name in topics and messages.
    pub name: Name,
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
            name: name(class),
            content_type: "image/jpeg",
            bytes: picture.jpeg,
            sha256: picture.sha256,
        }
    }

    /// A video in MP4.
    pub fn clip(mp4: Vec<u8>) -> Part {
        Part::of_clip(name(Class::Clip), "video/mp4", mp4)
    }

    /// A video as it was filmed, sealed with age.
    pub fn original(sealed: Vec<u8>) -> Part {
        Part::of_clip(plain("original"), "application/x-age", sealed)
    }

    /// What stands beside a video, in JSON: where everything was in it.
    pub fn trail(json: Vec<u8>) -> Part {
        Part::of_clip(plain("trail"), "application/json", json)
    }

    fn of_clip(name: Name, content_type: &'static str, bytes: Vec<u8>) -> Part {
        Part {
            class: Class::Clip,
            name,
            content_type,
            sha256: sha256_hex(&bytes),
            bytes,
        }
    }

    /// What the message says of it.
    pub fn announced(&self) -> EvidenceRef {
        EvidenceRef {
            part: self.name.clone(),
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
            part: self.name.clone(),
        });
        let header = EvidenceHeader {
            bootid: Uuid::nil(),
            seq: 0,
            incident_id: incident,
            part: self.name.clone(),
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
                attest: None,
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

/// Pictures of these classes, thumbnail or snapshot, with `boxes` drawn.
///
/// # Errors
/// Where the encoder refuses.
pub fn pictures(
    picture: &Veiled<'_>,
    boxes: &[Rect],
    classes: &[Class],
) -> Result<Vec<Part>, SnapshotError> {
    let take = |class: &Class| {
        let (width, bytes) = match class {
            Class::Thumbnail => THUMBNAIL,
            _ => (MAX_WIDTH, MAX_BYTES),
        };
        let picture = snapshot_within(picture, boxes, width, bytes);
        picture.map(|picture| Part::picture(*class, picture))
    };
    classes.iter().map(take).collect()
}

/// The name that evidence of a class has in topics and messages.
pub fn name(class: Class) -> Name {
    plain(class.as_str())
}

fn plain(word: &str) -> Name {
    word.parse().expect("a plain word is a name")
}
