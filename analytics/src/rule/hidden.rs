//! Who is inside a zone, those among them too whom somebody in front hides: detectors see one of two who stand behind each other,
//! and a crowd would be half as large as it is.
//!
//! Who stood and was lost behind another is still there for as long as that one covers the place, and until somebody turns up
//! there whom nobody knows.

use std::time::Duration;

use super::{Log, episode::inside};
use crate::{
    geometry::Polygon,
    track::{Track, TrackId},
};

/// So much of a box is covered by another's that it cannot be seen.
const COVERED: f32 = 0.25;

/// Who goes faster, in own heights a second, has gone on.
const STANDS: f32 = 0.8;

/// Scores below this share of a track's median show a part of it, or another.
const SURE: f32 = 0.5;

/// What covers the place may itself be lost for so long.
const FLICKERS: Duration = Duration::from_millis(800);

/// Nobody is believed to be hidden for longer.
const LONGEST: Duration = Duration::from_secs(60);

/// Who turns up within so many own heights of where one was hidden, is that one.
const TURNS_UP: f32 = 1.0;

/// The people of a zone.
#[derive(Debug)]
pub(super) struct Present {
    zone: Polygon,
    /// As last surely seen, and when the place was last covered since then.
    known: Vec<(Track, Option<Duration>)>,
}

impl Present {
    pub(super) fn new(zone: Polygon) -> Self {
        Present {
            zone,
            known: Vec::new(),
        }
    }

    /// Who is inside now: seen lately, or hidden.
    pub(super) fn step<'t>(
        &mut self,
        tracks: impl Iterator<Item = &'t Track> + Clone,
        log: &Log<'_>,
    ) -> Vec<Track> {
        let mut here = inside(&self.zone, tracks.clone(), log.at);
        let mut hidden: Vec<(Track, Option<Duration>)> = Vec::new();
        for (track, covered) in &self.known {
            let seen = |other: &Track| other.id == track.id && other.seen;
            if here.iter().any(|t| t.id == track.id) || log.all.iter().any(seen) {
                continue;
            }
            let now = is_covered(track, log.all).then_some(log.at);
            let covered = now.or(*covered);
            let lately = covered.is_some_and(|at| log.at.saturating_sub(at) <= FLICKERS);
            let long = log.at.saturating_sub(track.last_seen) > LONGEST;
            if lately && !long && stands(track, log.aspect) {
                hidden.push((*track, covered));
            }
        }
        let known = |id: TrackId| self.known.iter().any(|(track, _)| track.id == id);
        for new in here.iter().filter(|track| !known(track.id)) {
            let near = hidden.iter().map(|(track, _)| away(track, new, log.aspect));
            let nearest = near.enumerate().min_by(|a, b| f32::total_cmp(&a.1, &b.1));
            if let Some((place, _)) = nearest.filter(|(_, away)| *away < TURNS_UP) {
                hidden.swap_remove(place);
            }
        }
        let sure = |track: &Track| {
            let before = self.known.iter().find(|(known, _)| known.id == track.id);
            let before = before.filter(|_| track.score < SURE * track.score_median);
            (before.map_or(*track, |(known, _)| *known), None)
        };
        let seen: Vec<_> = here.iter().map(sure).collect();
        self.known = seen;
        self.known.extend(&hidden);
        here.extend(hidden.iter().map(|(track, _)| *track));
        if log.ends {
            self.known.clear();
        }
        here
    }
}

/// Whether somebody who is seen covers the place of one who is not.
fn is_covered(track: &Track, all: &[Track]) -> bool {
    let others = all
        .iter()
        .filter(|other| other.seen && other.id != track.id);
    let (place, area) = (track.detected, track.detected.area());
    let mut shared = others.map(|other| other.detected.shared(&place));
    shared.any(|shared| shared >= COVERED * area)
}

fn stands(track: &Track, aspect: f32) -> bool {
    let (x, y) = track.velocity;
    (x * aspect).hypot(y) < STANDS * track.rect.h
}

/// Distance of feet in the first's heights.
fn away(a: &Track, b: &Track, aspect: f32) -> f32 {
    let (p, q) = (a.detected.foot(), b.detected.foot());
    ((p.x - q.x) * aspect).hypot(p.y - q.y) / a.detected.h.max(f32::MIN_POSITIVE)
}
