//! How long things have been so: objects inside zones, standing still; zones with somebody inside.

use std::{collections::BTreeMap, time::Duration};

use crate::{
    geometry::{Point, Polygon},
    track::{Track, TrackId},
};

/// Outside for longer, an object has left.
const LEFT: Duration = Duration::from_millis(1000);

/// An object that has come farther than this share of its height from where it stood moves.
const STIRS: f32 = 0.25;

/// What the scene does not say of itself.
#[derive(Debug)]
pub(super) struct Memory {
    objects: BTreeMap<TrackId, Past>,
    /// A zone: since when somebody is inside, when somebody last was, and since when nobody is.
    zones: Vec<Times>,
}

#[derive(Debug)]
struct Past {
    /// A zone.
    inside: Vec<Times>,
    stood_at: Point,
    stands_since: Duration,
}

/// Since when something is so, and when it last was.
#[derive(Clone, Copy, Debug, Default)]
struct Times {
    span: Option<(Duration, Duration)>,
}

impl Times {
    fn note(&mut self, is: bool, at: Duration) {
        self.span = match self.span {
            Some((since, _)) if is => Some((since, at)),
            None if is => Some((at, at)),
            Some((_, last)) if at.saturating_sub(last) > LEFT => None,
            other => other,
        };
    }

    /// Seconds that it has been so; 0: it is not.
    fn seconds(&self, at: Duration) -> f64 {
        let long = |(since, _)| at.saturating_sub(since).as_secs_f64();
        self.span.map_or(0.0, long)
    }
}

impl Memory {
    pub(super) fn new(zones: usize) -> Self {
        Memory {
            objects: BTreeMap::new(),
            zones: vec![Times::default(); zones],
        }
    }

    /// Takes the tracks of a moment; those that are gone are forgotten.
    pub(super) fn note(&mut self, tracks: &[Track], zones: &[Polygon], at: Duration) {
        self.objects
            .retain(|id, _| tracks.iter().any(|track| track.id == *id));
        for track in tracks.iter().filter(|track| track.seen) {
            let foot = track.rect.foot();
            let past = self.objects.entry(track.id).or_insert_with(|| Past {
                inside: vec![Times::default(); zones.len()],
                stood_at: foot,
                stands_since: at,
            });
            let way = (foot.x - past.stood_at.x).hypot(foot.y - past.stood_at.y);
            if way > STIRS * track.rect.h {
                (past.stood_at, past.stands_since) = (foot, at);
            }
            for (times, zone) in past.inside.iter_mut().zip(zones) {
                times.note(zone.contains(foot), at);
            }
        }
        for (place, times) in self.zones.iter_mut().enumerate() {
            let here = |past: &Past| past.inside.get(place).is_some_and(|t| t.span.is_some());
            times.note(self.objects.values().any(here), at);
        }
    }

    /// Seconds for which an object is inside a zone.
    pub(super) fn inside(&self, track: TrackId, zone: usize, at: Duration) -> f64 {
        let past = self.objects.get(&track);
        let times = past.and_then(|past| past.inside.get(zone));
        times.map_or(0.0, |times| times.seconds(at))
    }

    /// Seconds for which an object stands still.
    pub(super) fn still(&self, track: TrackId, at: Duration) -> f64 {
        let past = self.objects.get(&track);
        past.map_or(0.0, |past| {
            at.saturating_sub(past.stands_since).as_secs_f64()
        })
    }

    /// Seconds for which somebody is inside a zone.
    pub(super) fn occupied(&self, zone: usize, at: Duration) -> f64 {
        self.zones.get(zone).map_or(0.0, |times| times.seconds(at))
    }
}
