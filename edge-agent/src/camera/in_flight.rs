//! Pictures that are in the decoder, found again by their presentation time.

use std::{sync::Mutex, time::Duration};

use super::{frame::Stamps, held};

/// Pictures remembered at most, more than any decoder holds with what waits for it; the oldest is forgotten first.
const CAPACITY: usize = 512;

/// How a picture went into the decoder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// After the one before it.
    Run,
    /// In a run that is late: it had been left out until this time of the camera's line.
    Late(Duration),
    /// Alone.
    Alone,
}

/// What has gone into the decoder and not come out.
#[derive(Debug, Default)]
pub(super) struct InFlight(Mutex<Vec<(Duration, Stamps, Role)>>);

impl InFlight {
    /// Remembers a picture that goes in.
    pub(super) fn remember(&self, pts: Duration, stamps: Stamps, role: Role) {
        let mut pictures = held(&self.0);
        if pictures.len() >= CAPACITY {
            pictures.remove(0);
        }
        pictures.push((pts, stamps, role));
    }

    /// Stamps and role of the picture with this presentation time; those of pictures before it that never came out are
    /// forgotten.
    pub(super) fn recall(&self, pts: Duration) -> Option<(Stamps, Role)> {
        let mut pictures = held(&self.0);
        let found = pictures.iter().find(|(p, ..)| *p == pts);
        let found = found.map(|(_, stamps, role)| (*stamps, *role));
        pictures.retain(|(p, ..)| *p > pts);
        found
    }
}
