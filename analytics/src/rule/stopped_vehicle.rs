//! A vehicle that moved and then stands still inside a zone. One that was parked before anybody looked is none.

use std::time::Duration;

use super::{Log, presence::is_same_place};
use crate::{
    geometry::{Point, Polygon, Rect},
    incident::IncidentNumber,
    track::Track,
};

/// It has moved once it has gone so far from where it was first seen, in mean sides of its box.
const MOVED: f32 = 0.6;

/// and no longer covers so much of where it was first seen, or that of it: what hides a part of a parked car moves its box's
/// middle, not the car.
const STILL_THERE: f32 = 0.5;

/// It stands as long as it stays so near to where it stopped, in mean sides of its box: boxes tremble.
const TREMBLES: f32 = 0.2;

/// Driving on is more than trembling, too.
const DRIVES_ON: f32 = 0.5;

/// Boxes of one vehicle share so much of what both cover; those of two in a queue do not.
const SAME: f32 = 0.4;
/// What has stood for so long since it was first seen is parked.
const PARKED: Duration = Duration::from_millis(5000);

/// Not seen for so long, it is gone; until then a new track at the same place goes on for it.
const GONE_AFTER: Duration = Duration::from_millis(5000);

/// One incident a stop.
#[derive(Debug)]
pub(crate) struct StoppedVehicle {
    zone: Polygon,
    min_duration: Duration,
    vehicles: Vec<Vehicle>,
}

#[derive(Debug)]
struct Vehicle {
    /// As last seen.
    track: Track,
    /// Where it was first seen.
    origin: Rect,
    moved: bool,
    /// Where it has stood from the first, and when it was last seen there. A track that goes over to who drives by takes
    /// this along, and leaves the place to that one's track.
    parked: Option<(Rect, Duration)>,
    /// Where it stands, and since when.
    place: Point,
    since: Duration,
    incident: Option<IncidentNumber>,
}

impl StoppedVehicle {
    /// # Errors
    /// No duration.
    pub(crate) fn new(zone: Polygon, min_duration: Duration) -> Result<Self, String> {
        if min_duration.is_zero() {
            return Err("min_duration is 0: every vehicle stands for a moment".to_owned());
        }
        Ok(StoppedVehicle {
            zone,
            min_duration,
            vehicles: Vec::new(),
        })
    }

    pub(crate) fn evaluate<'t>(
        &mut self,
        tracks: impl Iterator<Item = &'t Track> + Clone,
        log: &mut Log<'_>,
    ) {
        for track in tracks.filter(|t| t.seen && t.confirmed) {
            let parked = self.is_parked_at(track, log.at);
            match self.vehicle_of(track) {
                Some(vehicle) => vehicle.go_on(track, parked, log),
                None => self.vehicles.push(Vehicle::new(track, log.at)),
            }
        }
        for vehicle in &mut self.vehicles {
            let stood = log.at.saturating_sub(vehicle.since) >= self.min_duration;
            let inside = self.zone.contains(vehicle.track.detected.foot());
            let seen = vehicle.track.last_seen == log.at;
            if vehicle.incident.is_none() && vehicle.moved && stood && inside && seen {
                vehicle.incident = Some(log.open(&[vehicle.track]));
            }
        }
        self.vehicles.retain_mut(|vehicle| {
            let unseen = log.at.saturating_sub(vehicle.track.last_seen);
            let over = unseen > GONE_AFTER || log.ends;
            if over {
                vehicle.end(log);
            }
            !over
        });
    }

    /// Whether a vehicle has stood there from the first, until just now: two are never at one place, so that the track has
    /// gone over from who drives by to who is parked, or back.
    fn is_parked_at(&self, track: &Track, at: Duration) -> bool {
        let mut parked = self.vehicles.iter().filter_map(|v| v.parked);
        parked.any(|(place, seen)| {
            at.saturating_sub(seen) <= GONE_AFTER && place.iou(&track.detected) >= SAME
        })
    }

    /// The track's own vehicle; else one that was lost at the same place.
    fn vehicle_of(&mut self, track: &Track) -> Option<&mut Vehicle> {
        let own = self.vehicles.iter().position(|v| v.track.id == track.id);
        let lost = |v: &Vehicle| {
            v.track.last_seen < track.first_seen && is_same_place(&v.track.rect, &track.rect)
        };
        let place = own.or_else(|| self.vehicles.iter().position(lost))?;
        self.vehicles.get_mut(place)
    }
}

impl Vehicle {
    fn new(track: &Track, at: Duration) -> Self {
        let centre = track.detected.centre();
        Vehicle {
            track: *track,
            origin: track.detected,
            moved: false,
            parked: None,
            place: centre,
            since: at,
            incident: None,
        }
    }

    /// Takes where its track is now; `parked`: at a parked vehicle's place.
    fn go_on(&mut self, track: &Track, parked: bool, log: &mut Log<'_>) {
        self.track = *track;
        let centre = track.detected.centre();
        if parked && self.incident.is_none() {
            (self.moved, self.origin) = (false, track.detected);
        }
        self.moved |= has_moved(&self.origin, &track.detected);
        let gone = far(self.place, centre, &track.detected);
        let stays = if self.incident.is_some() {
            DRIVES_ON
        } else {
            TREMBLES
        };
        if gone > stays {
            self.end(log);
            self.place = centre;
            self.since = log.at;
        }
        if !self.moved && log.at.saturating_sub(self.since) >= PARKED {
            self.parked = Some((track.detected, log.at));
        }
    }

    fn end(&mut self, log: &mut Log<'_>) {
        if let Some(incident) = self.incident.take() {
            log.close(incident, &[self.track]);
        }
    }
}

fn has_moved(from: &Rect, to: &Rect) -> bool {
    let smaller = from.area().min(to.area());
    far(from.centre(), to.centre(), to) > MOVED && from.shared(to) < STILL_THERE * smaller
}

/// Distance in mean sides of the box, its width and height taken apart.
fn far(a: Point, b: Point, rect: &Rect) -> f32 {
    let (w, h) = (rect.w.max(1e-3), rect.h.max(1e-3));
    ((a.x - b.x) / w).hypot((a.y - b.y) / h)
}
