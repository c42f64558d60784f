//! Appearance as a second cue beside place: embeddings of a few detections a frame, and whose they may be.
//!
//! Place alone decides nearly everything; a look costs a run of a second model. So looks go where place leaves a doubt, then to
//! tracks that are hardly known yet, and never more than a few a frame. Without embeddings nothing here changes anything.

use std::time::Duration;

use super::Track;
use crate::{attributes::unit, detection::Detection, geometry::Rect};

/// How a detection of the next frame looks.
#[derive(Clone, Debug, PartialEq)]
pub struct Appearance {
    /// The detection's box.
    pub rect: Rect,
    /// Of length 1: those of one object lie close to each other.
    pub embedding: Vec<f32>,
}

/// What is known of a track's looks, by whoever chooses the detections that are looked at.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sketch {
    /// The track as the latest frame left it.
    pub track: Track,
    /// How often it has been looked at.
    pub looks: u32,
    /// When last.
    pub looked: Duration,
}

/// A track's memory of how it looks.
#[derive(Clone, Debug, Default)]
pub(super) struct Memory {
    /// Mean of what was seen, newer looks weighing more; of length 1.
    mean: Vec<f32>,
    pub(super) looks: u32,
    pub(super) looked: Duration,
}

/// Share of a new look in a memory that has some.
const NEW: f32 = 0.2;

/// So many looks make a memory that others are judged by.
const KNOWN: u32 = 2;

/// A known track is looked at again after so long: light and side change.
const AGAIN: Duration = Duration::from_secs(2);

/// Boxes that overlap by so much leave a doubt whose is whose, and each shows something of the other.
const MIXED: f32 = 0.25;

/// How alike two unlike objects are, about: the cue says nothing here,
const INDIFFERENT: f32 = 0.4;
/// and what a likeness beyond that adds to the affinity of a pair, or takes from it.
const WEIGHT: f32 = 0.1;
/// Below this likeness a pair cannot be one object, unless its place leaves no doubt.
const FOREIGN: f32 = 0.15;

/// From this likeness on a lost track is found again where it can have got to.
const FOUND: f32 = 0.7;

impl Memory {
    pub(super) fn note(&mut self, now: Duration, embedding: &[f32]) {
        (self.looks, self.looked) = (self.looks.saturating_add(1), now);
        if self.mean.len() != embedding.len() {
            self.mean = embedding.to_vec();
            return;
        }
        let share = NEW.max(1.0 / self.looks as f32);
        for (mean, new) in self.mean.iter_mut().zip(embedding) {
            *mean += share * (new - *mean);
        }
        if let Some(mean) = unit(&self.mean) {
            self.mean = mean;
        }
    }

    /// -1 to 1, where enough is known: the cosine.
    fn likeness(&self, embedding: &[f32]) -> Option<f32> {
        let known = self.looks >= KNOWN && self.mean.len() == embedding.len();
        known.then(|| self.mean.iter().zip(embedding).map(|(a, b)| a * b).sum())
    }

    /// What the cue makes of the affinity of a pair whose boxes overlap by `overlap`; None where it cannot be.
    pub(super) fn judge(&self, affinity: f32, overlap: f32, seen: Option<&[f32]>) -> Option<f32> {
        let Some(alike) = seen.and_then(|seen| self.likeness(seen)) else {
            return Some(affinity);
        };
        if alike < FOREIGN && overlap < 0.5 {
            return None;
        }
        Some((affinity + WEIGHT * (alike - INDIFFERENT)).max(0.01))
    }

    /// Whether it is surely the same object; then how alike.
    pub(super) fn recognises(&self, seen: &[f32]) -> Option<f32> {
        self.likeness(seen).filter(|alike| *alike >= FOUND)
    }
}

/// Which detections of a frame at `now` are worth a look, the most needed first, at most `most`: boxes of tracks that are
/// lost or contested, then those of tracks that are hardly known, then of those not looked at for long. Boxes that cover each
/// other are left alone where nothing is in doubt, since they show both.
pub fn worth_a_look(
    sketches: &[Sketch],
    now: Duration,
    dets: &[Detection],
    most: usize,
) -> Vec<Rect> {
    let lost = sketches.iter().any(|s| !s.track.seen && s.looks >= KNOWN);
    let mut wanted: Vec<(u32, Duration, Rect)> = Vec::new();
    for det in dets {
        let near = |s: &&Sketch| s.track.class == det.class && s.track.rect.iou(&det.rect) > MIXED;
        let near: Vec<&Sketch> = sketches.iter().filter(near).collect();
        let others = dets.iter().filter(|other| other.rect != det.rect);
        let covered = others.filter(|other| other.rect.iou(&det.rect) > MIXED);
        let covered = covered.count() > 0;
        let known = near.iter().filter(|s| s.looks >= KNOWN).count();
        let rank = match near[..] {
            [] if lost => Some((0, Duration::ZERO)),
            [_, _, ..] if known > 0 => Some((0, Duration::ZERO)),
            [one] if !one.track.seen && one.looks >= KNOWN => Some((0, Duration::ZERO)),
            [one] if !covered && one.looks < KNOWN => Some((1 + one.looks, one.looked)),
            [one] if !covered && now.saturating_sub(one.looked) >= AGAIN => {
                Some((1 + KNOWN, one.looked))
            }
            _ => None,
        };
        wanted.extend(rank.map(|(rank, looked)| (rank, looked, det.rect)));
    }
    wanted.sort_by_key(|(rank, looked, _)| (*rank, *looked));
    wanted.truncate(most);
    wanted.into_iter().map(|(_, _, rect)| rect).collect()
}

/// How far an object can have got from where it was lost, in its own heights a second.
const FASTEST: f32 = 2.5;

/// Whether an object lost at `from` can be at `to` after `gap`.
pub(super) fn can_reach(from: &Rect, to: &Rect, gap: Duration) -> bool {
    let (a, b) = (from.centre(), to.centre());
    let far = (a.x - b.x).hypot(a.y - b.y);
    let grown = (from.h / to.h).ln().abs();
    far <= from.h.max(to.h) * (0.5 + FASTEST * gap.as_secs_f32()) && grown < 0.5
}

/// A track with what is remembered of its looks, for [`worth_a_look`].
pub(super) fn sketch(track: Track, memory: &Memory) -> Sketch {
    Sketch {
        track,
        looks: memory.looks,
        looked: memory.looked,
    }
}
