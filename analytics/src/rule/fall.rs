//! A person who stood lies. Seen by a model that has a class for it, or by the box: it becomes low where it was high, and
//! its top comes down. What is hidden from below keeps its top; what the picture cuts says nothing.

use std::time::Duration;

use super::{Log, bouts::Bouts, within};
use crate::{
    detection::ClassId,
    geometry::{Polygon, Rect},
    track::{Track, TrackId},
};

/// Up again, or not seen, for longer, and it is over.
const UP_AGAIN: Duration = Duration::from_millis(2500);

/// Who lies has a box whose height by width is at most this share of what it was,
const FLAT: f32 = 0.5;

/// whose height is at most this share of what it was,
const LOW: f32 = 0.7;

/// and whose top came down by at least this share of the height.
const CAME_DOWN: f32 = 0.3;

/// Who lies stays: goes less far than this in a second, in sides of the box. Whoever pushes a pram may look fallen.
const STAYS: f32 = 0.8;

/// Stands: the box is at least so high for its width, as a share of the most that was seen.
const STANDS: f32 = 0.75;

/// So near to the picture's border, a box is cut by it.
const CUT: f32 = 0.01;

/// One incident a fall.
#[derive(Debug)]
pub(crate) struct Fall {
    zone: Option<Polygon>,
    /// The model's class of who lies, where it has one.
    fallen: Option<ClassId>,
    stood: Vec<Stood>,
    bouts: Bouts,
}

/// How somebody stood when last standing.
#[derive(Debug)]
struct Stood {
    track: TrackId,
    rect: Rect,
    /// Most height by width.
    slender: f32,
}

impl Fall {
    /// # Errors
    /// No duration.
    pub(crate) fn new(
        zone: Option<Polygon>,
        min_duration: Duration,
        fallen: Option<ClassId>,
    ) -> Result<Self, String> {
        if min_duration.is_zero() {
            return Err("min_duration is 0: who stumbles gets up again".to_owned());
        }
        Ok(Fall {
            zone,
            fallen,
            stood: Vec::new(),
            bouts: Bouts::lasting(min_duration, UP_AGAIN),
        })
    }

    pub(crate) fn evaluate<'t>(
        &mut self,
        tracks: impl Iterator<Item = &'t Track> + Clone,
        log: &mut Log<'_>,
    ) {
        self.stood
            .retain(|stood| tracks.clone().any(|track| track.id == stood.track));
        let mut lying = Vec::new();
        for track in tracks.filter(|t| t.seen && t.confirmed) {
            let named = self.fallen.is_some_and(|class| class == track.seen_as);
            let lies = (self.lies(track) || named) && stays(track);
            if lies && within(&self.zone, track.rect.foot()) {
                lying.push(*track);
            }
        }
        self.bouts.step(&lying, log);
    }

    /// Whether its box says so, by how it stood.
    fn lies(&mut self, track: &Track) -> bool {
        let rect = track.detected;
        let (right, lower) = (rect.x + rect.w, rect.y + rect.h);
        let cut = rect.x < CUT || rect.y < CUT || right > 1.0 - CUT || lower > 1.0 - CUT;
        let slender = rect.h / rect.w.max(1e-4);
        let Some(stood) = self.stood.iter_mut().find(|s| s.track == track.id) else {
            if !cut {
                self.stood.push(Stood {
                    track: track.id,
                    rect,
                    slender,
                });
            }
            return false;
        };
        if cut {
            return false;
        }
        if slender >= STANDS * stood.slender {
            stood.slender = stood.slender.max(slender);
            stood.rect = rect;
        }
        let was = stood.rect;
        slender <= FLAT * stood.slender
            && rect.h <= LOW * was.h
            && rect.y - was.y >= CAME_DOWN * was.h
    }
}

fn stays(track: &Track) -> bool {
    let (right, down) = track.velocity;
    let (w, h) = (track.detected.w.max(1e-4), track.detected.h.max(1e-4));
    (right / w).hypot(down / h) < STAYS
}
