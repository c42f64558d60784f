//! Who is inside a zone, and for how long: visits, and the incidents that come of them.
//!
//! A visit outlives what trackers and detectors do to objects that stand still: a foot point that jitters over the zone's
//! border, an object hidden for a moment, a track that breaks and begins anew at the same place.

use std::time::Duration;

use super::Log;
use crate::{
    geometry::{Polygon, Rect},
    incident::IncidentNumber,
    track::Track,
};

/// Seen outside for so long, an object has left.
const LEFT_AFTER: Duration = Duration::from_millis(1000);

/// Not seen for so long, an object is gone; until then a new track at the same place takes over its visit.
const GONE_AFTER: Duration = Duration::from_millis(3000);

#[derive(Debug)]
pub(super) struct Presence {
    zone: Polygon,
    min_duration: Duration,
    visits: Vec<Visit>,
}

/// One object's stay in the zone.
#[derive(Clone, Debug)]
struct Visit {
    /// As last seen.
    track: Track,
    /// Time inside, gaps in which it was not seen included, time seen outside not.
    dwell: Duration,
    /// When it was last seen inside.
    last_inside: Duration,
    /// Whether it was inside when last seen.
    inside: bool,
    /// Whether it may be a piece of the scenery.
    doubtful: bool,
    incident: Option<IncidentNumber>,
}

impl Presence {
    pub(super) fn new(zone: Polygon, min_duration: Duration) -> Self {
        Presence {
            zone,
            min_duration,
            visits: Vec::new(),
        }
    }

    pub(super) fn evaluate<'t>(
        &mut self,
        tracks: impl Iterator<Item = &'t Track> + Clone,
        log: &mut Log<'_>,
    ) {
        for track in tracks.filter(|t| t.seen && t.confirmed) {
            let inside = self.zone.contains(track.rect.foot());
            match self.visit_of(track, inside) {
                Some(visit) => visit.go_on(track, inside, log.at),
                None if inside => self.visits.push(Visit {
                    track: *track,
                    dwell: Duration::ZERO,
                    last_inside: log.at,
                    inside,
                    doubtful: track.may_be_scenery(),
                    incident: None,
                }),
                None => {}
            }
        }
        for visit in &mut self.visits {
            let here = visit.inside && visit.track.last_seen == log.at;
            let believed = visit.dwell >= self.min_duration && !visit.doubtful;
            if here && visit.incident.is_none() && believed {
                visit.incident = Some(log.open(&[visit.track]));
            }
        }
        self.visits.retain(|visit| {
            let over = visit.is_over(log.at) || log.ends;
            if let (true, Some(incident)) = (over, visit.incident) {
                log.close(incident, &[visit.track]);
            }
            !over
        });
    }

    /// The track's own visit; else, if it is inside, that of a track lost at the same place.
    fn visit_of(&mut self, track: &Track, inside: bool) -> Option<&mut Visit> {
        let own = self.visits.iter().position(|v| v.track.id == track.id);
        let lost = |v: &Visit| {
            v.track.last_seen < track.first_seen && is_same_place(&v.track.rect, &track.rect)
        };
        let inherited = || {
            self.visits
                .iter()
                .position(|v| inside && v.inside && lost(v))
        };
        let place = own.or_else(inherited)?;
        self.visits.get_mut(place)
    }
}

impl Visit {
    fn go_on(&mut self, track: &Track, inside: bool, at: Duration) {
        if inside {
            if self.inside {
                self.dwell += at.saturating_sub(self.last_inside);
            }
            self.last_inside = at;
        }
        self.inside = inside;
        self.doubtful &= track.may_be_scenery();
        self.track = *track;
    }

    fn is_over(&self, at: Duration) -> bool {
        let unseen = at.saturating_sub(self.track.last_seen);
        let outside = at.saturating_sub(self.last_inside);
        unseen > GONE_AFTER || (!self.inside && outside > LEFT_AFTER)
    }
}

/// Whether an object that was last seen at `a` may be the one that now is at `b`.
pub(super) fn is_same_place(a: &Rect, b: &Rect) -> bool {
    let (p, q) = (a.foot(), b.foot());
    (p.x - q.x).abs() < (a.w + b.w) / 2.0 && (p.y - q.y).abs() < (a.h + b.h) / 4.0
}
