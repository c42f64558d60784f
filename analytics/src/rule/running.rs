//! A person who runs.

use std::{collections::VecDeque, time::Duration};

use super::{Log, bouts::Bouts, within};
use crate::{
    detection::ClassId,
    geometry::{Point, Polygon},
    track::{Track, TrackId},
};

/// Out of breath for longer, and it is over.
const BREATH: Duration = Duration::from_millis(2000);

/// A pace without calibration is taken over this time, and needs so much of it.
const WINDOW: Duration = Duration::from_millis(1000);
const LEAST: Duration = Duration::from_millis(600);

/// Metres that a person's box is high, where the ground is not calibrated.
const HEIGHT: f32 = 1.7;

/// Nobody runs faster, in metres a second: the best sprinters reach 12.4.
const FASTEST: f32 = 12.5;

/// One incident a bout of running.
#[derive(Debug)]
pub(crate) struct Running {
    zone: Option<Polygon>,
    /// Metres a second.
    min_speed: f32,
    /// What people ride on.
    cycles: Vec<ClassId>,
    strides: Vec<(TrackId, VecDeque<(Duration, Point)>)>,
    bouts: Bouts,
}

impl Running {
    /// # Errors
    /// A speed that is none.
    pub(crate) fn new(
        zone: Option<Polygon>,
        min_speed: f32,
        min_duration: Duration,
        cycles: Vec<ClassId>,
    ) -> Result<Self, String> {
        if !(min_speed > 0.0 && min_speed <= 20.0) {
            return Err(format!("min_speed_mps {min_speed} is not above 0 to 20"));
        }
        Ok(Running {
            zone,
            min_speed,
            cycles,
            strides: Vec::new(),
            bouts: Bouts::moving(min_duration, BREATH),
        })
    }

    pub(crate) fn evaluate<'t>(
        &mut self,
        tracks: impl Iterator<Item = &'t Track> + Clone,
        log: &mut Log<'_>,
    ) {
        self.strides
            .retain(|(id, _)| tracks.clone().any(|track| track.id == *id));
        let mut running = Vec::new();
        for track in tracks.filter(|t| t.seen && t.confirmed) {
            let pace = self.pace(track, log);
            let runs = match track.speed {
                Some(speed) => (self.min_speed..FASTEST).contains(&(speed.mps - speed.error_mps)),
                None => pace.is_some_and(|pace| (self.min_speed..FASTEST).contains(&pace)),
            };
            let on_foot = || !log.all.iter().any(|other| self.carries(other, track));
            if runs && on_foot() && within(&self.zone, track.rect.foot()) {
                running.push(*track);
            }
        }
        self.bouts.step(&running, log);
    }

    /// Whether somebody sits on it: its middle lies in the lower part of their box, or shortly below it.
    fn carries(&self, cycle: &Track, track: &Track) -> bool {
        let (rider, centre) = (track.rect, cycle.rect.centre());
        let beside = (centre.x - rider.centre().x).abs() < (rider.w + cycle.rect.w) / 2.0;
        let below = centre.y > rider.y + rider.h / 3.0 && centre.y < rider.y + 1.3 * rider.h;
        self.cycles.contains(&cycle.class) && beside && below
    }

    /// How fast it goes by the height of its box: metres a second across the view; towards the camera it seems slower.
    fn pace(&mut self, track: &Track, log: &Log<'_>) -> Option<f32> {
        let known = self.strides.iter().position(|(id, _)| *id == track.id);
        let place = known.unwrap_or_else(|| {
            self.strides.push((track.id, VecDeque::new()));
            self.strides.len() - 1
        });
        let (_, steps) = self.strides.get_mut(place)?;
        steps.retain(|(at, _)| log.at.saturating_sub(*at) <= WINDOW);
        let centre = track.rect.centre();
        steps.push_back((log.at, centre));
        let (since, from) = *steps.front()?;
        let seconds = log.at.saturating_sub(since);
        let way = ((centre.x - from.x) * log.aspect).hypot(centre.y - from.y);
        let heights = way / track.rect.h.max(1e-3) / seconds.as_secs_f32();
        (seconds >= LEAST).then_some(heights * HEIGHT)
    }
}
