//! Things that are left behind or taken: what the background model sees, with whom the tracker saw at it.
//!
//! What a track of another class covers is that object, not a thing: people who stand still, parked vehicles. A thing that was
//! left counts from when its owner is gone: who was nearest when it appeared, farther from it now than some three metres, by their
//! own height.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use super::Log;
use crate::{
    detection::ClassId,
    geometry::{Polygon, Rect},
    incident::{IncidentNumber, IncidentObject},
    picture::{Change, Thing},
    track::{Track, TrackId},
};

/// Where everybody was is remembered for so long, at so many moments.
const PAST: Duration = Duration::from_secs(12);
const MOMENT: Duration = Duration::from_millis(190);
/// Who leaves a thing is at it within this time of its appearing.
const APPEARS: Duration = Duration::from_millis(1500);
/// What was taken may have been a track of its own until so long before.
const LEFT_BEFORE: Duration = Duration::from_secs(8);
/// A track whose box is so much that of the thing is the thing; or one that covers so much of it.
const SAME: f32 = 0.35;
const COVERS: f32 = 0.7;
/// An owner is near within so many of their heights, across and down the picture, where ground is foreshortened.
const NEAR: (f32, f32) = (1.8, 0.9);
/// Whoever is at a thing for less than so long passes by.
const PASSES: Duration = Duration::from_millis(2000);
/// What is taller than this share of people who stand there is no thing that people carry.
const TALL: f32 = 0.8;
/// Heights of people are known for so many bands of the picture, one above the other, each learned with this share of a look.
const BANDS: usize = 12;
const LEARN: f32 = 0.1;
/// Who appears so near to where an owner was lost, in heights, is the owner.
const AGAIN: f32 = 0.6;
/// and within this time.
const AGAIN_WITHIN: Duration = Duration::from_secs(3);

/// Things of one zone.
#[derive(Debug)]
pub(crate) struct Things {
    change: Change,
    zone: Polygon,
    min_duration: Duration,
    /// Classes that things may have.
    own: Vec<ClassId>,
    /// Things are smaller than people of this class; nothing: of any size.
    person: Option<ClassId>,
    /// Height of people by where their feet are; 0 where nobody was.
    heights: [f32; BANDS],
    past: VecDeque<(Duration, Vec<Track>)>,
    known: BTreeMap<u64, Known>,
}

#[derive(Debug)]
struct Known {
    owner: Option<Track>,
    /// Since when it has been alone, and since when somebody is at it.
    alone: Option<Duration>,
    minded: Option<Duration>,
    /// It is no thing.
    refused: bool,
    open: Option<(IncidentNumber, IncidentObject)>,
}

impl Things {
    /// `own`: classes whose tracks may be the thing itself; `person`: of those who carry things, where things are smaller.
    pub(crate) fn new(
        change: Change,
        zone: Polygon,
        min_duration: Duration,
        own: Vec<ClassId>,
        person: Option<ClassId>,
    ) -> Self {
        Things {
            change,
            zone,
            min_duration,
            own,
            person,
            heights: [0.0; BANDS],
            past: VecDeque::new(),
            known: BTreeMap::new(),
        }
    }

    pub(crate) fn evaluate<'t>(
        &mut self,
        tracks: impl Iterator<Item = &'t Track>,
        log: &mut Log<'_>,
    ) {
        let others: Vec<Track> = (tracks.filter(|t| t.confirmed && !self.own.contains(&t.class)))
            .copied()
            .collect();
        let things: Vec<Thing> = (log.sight.things.iter())
            .filter(|t| !log.ends && t.change == self.change && self.zone.contains(t.rect.foot()))
            .copied()
            .collect();
        self.remember(&others, log.at);
        for thing in &things {
            let known = self.known.remove(&thing.id);
            let mut known = known.unwrap_or_else(|| self.meet(thing, log.aspect));
            self.watch(thing, &mut known, &others, log);
            self.known.insert(thing.id, known);
        }
        let gone = |id: &u64| !things.iter().any(|thing| thing.id == *id);
        for (_, known) in self.known.extract_if(.., |id, _| gone(id)) {
            if let Some((incident, object)) = known.open {
                log.close_of(incident, vec![object]);
            }
        }
    }

    fn remember(&mut self, others: &[Track], at: Duration) {
        if (self.past.back()).is_none_or(|(then, _)| at >= *then + MOMENT) {
            let seen = others.iter().filter(|track| track.seen);
            let seen: Vec<Track> = seen.copied().collect();
            self.measure(&seen);
            self.past.push_back((at, seen));
        }
        while (self.past.front()).is_some_and(|(then, _)| at.saturating_sub(*then) > PAST) {
            self.past.pop_front();
        }
    }

    fn measure(&mut self, seen: &[Track]) {
        for track in seen.iter().filter(|track| Some(track.class) == self.person) {
            if let Some(height) = self.heights.get_mut(band(&track.detected)) {
                let known = if *height > 0.0 {
                    *height
                } else {
                    track.detected.h
                };
                *height = known + LEARN * (track.detected.h - known);
            }
        }
    }

    /// Whether it is as tall as people who stand there; not where none have been seen.
    fn is_tall(&self, thing: &Rect) -> bool {
        let height = self.heights.get(band(thing)).copied().unwrap_or_default();
        height > 0.0 && thing.h > TALL * height
    }

    /// A thing that was not there: whose it is, or that it is none.
    fn meet(&self, thing: &Thing, aspect: f32) -> Known {
        let around = |before: Duration| {
            let from = thing.since.saturating_sub(before);
            let to = thing.since + APPEARS;
            let past = self
                .past
                .iter()
                .filter(move |(at, _)| (from..=to).contains(at));
            past.flat_map(|(_, tracks)| tracks)
        };
        let nearest = around(APPEARS)
            .filter(|track| is_near(track, &thing.rect, aspect))
            .min_by(|a, b| {
                let far = |track: &Track| distance(track, &thing.rect, aspect);
                far(a).total_cmp(&far(b))
            });
        Known {
            owner: nearest.copied(),
            alone: None,
            minded: None,
            refused: self.change == Change::Taken && self.was_somebody(thing),
            open: None,
        }
    }

    /// Whether what is missing was a track of its own that has gone: it had been covered for most of the time before. Who takes
    /// something is at it for a moment.
    fn was_somebody(&self, thing: &Thing) -> bool {
        let from = thing.since.saturating_sub(LEFT_BEFORE);
        let to = thing.since.saturating_sub(APPEARS);
        let before = self.past.iter().filter(|(at, _)| (from..=to).contains(at));
        let (mut covered, mut looks) = (0_u32, 0_u32);
        for (_, tracks) in before {
            looks += 1;
            covered += u32::from(tracks.iter().any(|track| covers(track, &thing.rect)));
        }
        covered * 2 > looks
    }

    fn watch(&self, thing: &Thing, known: &mut Known, others: &[Track], log: &mut Log<'_>) {
        let covered = others
            .iter()
            .any(|track| track.seen && covers(track, &thing.rect));
        if let Some((_, object)) = &mut known.open {
            object.rect = thing.rect;
            return;
        }
        if known.refused || self.is_tall(&thing.rect) {
            return;
        }
        let minded = is_minded(known, thing, others, log) || covered;
        if self.change == Change::Left && minded {
            let since = *known.minded.get_or_insert(log.at);
            if log.at.saturating_sub(since) >= PASSES || known.alone.is_none() {
                known.alone = None;
                return;
            }
        } else {
            known.minded = None;
        }
        let alone = *known.alone.get_or_insert(match self.change {
            Change::Taken => thing.since,
            Change::Left if known.owner.is_none() => thing.since,
            Change::Left => log.at,
        });
        if log.at.saturating_sub(alone) >= self.min_duration {
            let object = IncidentObject {
                track: TrackId(0),
                class: ClassId::OBJECT,
                score: 1.0,
                rect: thing.rect,
                speed: None,
            };
            known.open = Some((log.open_of(vec![object]), object));
        }
    }
}

/// Whether the thing's owner is at it still; finds them again who were lost.
fn is_minded(known: &mut Known, thing: &Thing, others: &[Track], log: &Log<'_>) -> bool {
    let Some(owner) = &mut known.owner else {
        return false;
    };
    if let Some(track) = others.iter().find(|track| track.id == owner.id) {
        *owner = *track;
    } else {
        let lost = log.at.saturating_sub(owner.last_seen);
        let again = others.iter().find(|track| {
            track.seen
                && lost <= AGAIN_WITHIN
                && track.first_seen + APPEARS >= owner.last_seen
                && distance(track, &owner.detected, log.aspect) < AGAIN * owner.rect.h
        });
        match again {
            Some(track) => *owner = *track,
            None => return false,
        }
    }
    is_near(owner, &thing.rect, log.aspect)
}

/// Whether the track's box is that of the thing, or hides it.
fn covers(track: &Track, thing: &Rect) -> bool {
    let rect = &track.detected;
    rect.iou(thing) > SAME || rect.shared(thing) > COVERS * thing.area()
}

fn band(rect: &Rect) -> usize {
    let band = rect.foot().y.clamp(0.0, 0.999) * BANDS as f32;
    (0..BANDS)
        .rev()
        .find(|i| band >= *i as f32)
        .unwrap_or_default()
}

/// Between foot points, in heights of the picture.
fn distance(track: &Track, rect: &Rect, aspect: f32) -> f32 {
    let (a, b) = (track.detected.foot(), rect.foot());
    ((a.x - b.x) * aspect).hypot(a.y - b.y)
}

fn is_near(track: &Track, rect: &Rect, aspect: f32) -> bool {
    let (a, b) = (track.detected.foot(), rect.foot());
    let high = track.rect.h.max(rect.h);
    ((a.x - b.x) * aspect / (NEAR.0 * high)).hypot((a.y - b.y) / (NEAR.1 * high)) <= 1.0
}
