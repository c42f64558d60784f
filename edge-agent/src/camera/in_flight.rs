//! Stamps of pictures that are in the decoder, found again by their presentation time.

use std::{sync::Mutex, time::Duration};

use super::{frame::Stamps, held};

/// Pictures remembered at most; the oldest is forgotten first.
const CAPACITY: usize = 128;

/// What has gone into the decoder and not come out.
#[derive(Debug, Default)]
pub(super) struct InFlight(Mutex<Vec<(Duration, Stamps)>>);

impl InFlight {
    /// Remembers a picture that goes in.
    pub(super) fn remember(&self, pts: Duration, stamps: Stamps) {
        let mut pictures = held(&self.0);
        if pictures.len() >= CAPACITY {
            pictures.remove(0);
        }
        pictures.push((pts, stamps));
    }

    /// Stamps of the picture with this presentation time; those of pictures before it that never came out are
    /// forgotten.
    pub(super) fn recall(&self, pts: Duration) -> Option<Stamps> {
        let mut pictures = held(&self.0);
        let found = pictures.iter().find(|(p, _)| *p == pts).map(|(_, s)| *s);
        pictures.retain(|(p, _)| *p > pts);
        found
    }
}
