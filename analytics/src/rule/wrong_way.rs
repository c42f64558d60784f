//! An object that goes through a zone against its direction.

use std::time::Duration;

use super::Log;
use crate::{
    geometry::{Point, Polygon},
    incident::IncidentNumber,
    track::Track,
};

/// Seen outside the zone, or not at all, for so long, it is over.
const GONE_AFTER: Duration = Duration::from_millis(1500);

/// One incident an object and visit.
#[derive(Debug)]
pub(crate) struct WrongWay {
    zone: Polygon,
    /// Where it goes here: a direction of length 1, y downwards.
    direction: (f32, f32),
    /// Cosine of the angle to it from which on it is the wrong way.
    wrong: f32,
    min_distance: f32,
    drivers: Vec<Driver>,
}

#[derive(Debug)]
struct Driver {
    /// As last seen inside.
    track: Track,
    last_inside: Duration,
    /// Where the way that is judged began.
    from: Point,
    incident: Option<IncidentNumber>,
}

impl WrongWay {
    /// `degrees`: where it goes here, 0 to the right and 90 down; another direction by more than `tolerance` over at least
    /// `min_distance` (normalised) is wrong.
    ///
    /// # Errors
    /// Angles or distances that are none.
    pub(crate) fn new(
        zone: Polygon,
        degrees: f32,
        tolerance: f32,
        min_distance: f32,
    ) -> Result<Self, String> {
        if !degrees.is_finite() {
            return Err(format!("direction_degrees {degrees} is no angle"));
        }
        if !(0.0..180.0).contains(&tolerance) {
            return Err(format!(
                "tolerance_degrees {tolerance} is not from 0 to below 180"
            ));
        }
        if !(min_distance > 0.0 && min_distance <= 1.0) {
            return Err(format!("min_distance {min_distance} is not above 0 to 1"));
        }
        let (y, x) = degrees.to_radians().sin_cos();
        Ok(WrongWay {
            zone,
            direction: (x, y),
            wrong: tolerance.to_radians().cos(),
            min_distance,
            drivers: Vec::new(),
        })
    }

    pub(crate) fn evaluate<'t>(
        &mut self,
        tracks: impl Iterator<Item = &'t Track> + Clone,
        log: &mut Log<'_>,
    ) {
        for track in tracks.filter(|t| t.seen && t.confirmed) {
            let foot = track.rect.foot();
            if !self.zone.contains(foot) {
                continue;
            }
            let known = self.drivers.iter().position(|d| d.track.id == track.id);
            let place = known.unwrap_or_else(|| {
                self.drivers.push(Driver {
                    track: *track,
                    last_inside: log.at,
                    from: foot,
                    incident: None,
                });
                self.drivers.len() - 1
            });
            let judged = self
                .drivers
                .get(place)
                .map(|driver| self.judge(driver.from, foot, log.aspect));
            if let Some(driver) = self.drivers.get_mut(place) {
                driver.go_on(track, judged.flatten(), log);
            }
        }
        self.drivers.retain(|driver| {
            let over = log.at.saturating_sub(driver.last_inside) > GONE_AFTER || log.ends;
            if let (true, Some(incident)) = (over, driver.incident) {
                log.close(incident, &[driver.track]);
            }
            !over
        });
    }

    /// Whether the way from one point to another is wrong; nothing where it is too short to tell.
    fn judge(&self, from: Point, to: Point, aspect: f32) -> Option<bool> {
        let (x, y) = (to.x - from.x, to.y - from.y);
        let far = x.hypot(y) >= self.min_distance;
        // An angle is what it looks like: in widths of the picture both ways.
        let y = y / aspect;
        let along = x * self.direction.0 + y * self.direction.1;
        far.then_some(along < self.wrong * x.hypot(y))
    }
}

impl Driver {
    fn go_on(&mut self, track: &Track, wrong: Option<bool>, log: &mut Log<'_>) {
        self.track = *track;
        self.last_inside = log.at;
        match wrong {
            Some(true) if self.incident.is_none() => {
                self.incident = Some(log.open(&[*track]));
            }
            // It may turn round from here.
            Some(false) => self.from = track.rect.foot(),
            _ => {}
        }
    }
}
