//! A vehicle that is faster than allowed. Needs the camera's calibrated ground.

use std::time::Duration;

use super::{Log, bouts::Bouts, within};
use crate::{geometry::Polygon, track::Track};

/// Within the limit for longer, and it is over.
const BREATH: Duration = Duration::from_millis(1500);

/// One look may err: so long it must be too fast. Not longer, for at 140 km/h it has passed the camera within a second.
const SURE: Duration = Duration::from_millis(150);

/// One incident a bout; an object is too fast where its speed less its error is.
#[derive(Debug)]
pub(crate) struct Speeding {
    zone: Option<Polygon>,
    /// Metres a second.
    limit: f32,
    bouts: Bouts,
}

impl Speeding {
    /// # Errors
    /// A limit that is none.
    pub(crate) fn new(zone: Option<Polygon>, limit_kmh: f32) -> Result<Self, String> {
        if !(limit_kmh > 0.0 && limit_kmh <= 500.0) {
            return Err(format!("limit_kmh {limit_kmh} is not above 0 to 500"));
        }
        Ok(Speeding {
            zone,
            limit: limit_kmh / 3.6,
            bouts: Bouts::moving(SURE, BREATH),
        })
    }

    pub(crate) fn evaluate<'t>(
        &mut self,
        tracks: impl Iterator<Item = &'t Track> + Clone,
        log: &mut Log<'_>,
    ) {
        let here = tracks.filter(|t| t.seen && t.confirmed && within(&self.zone, t.rect.foot()));
        let limit = self.limit;
        let too_fast = |track: &&Track| {
            let speed = track.speed;
            speed.is_some_and(|speed| speed.mps - speed.error_mps > limit)
        };
        let fast: Vec<Track> = here.filter(too_fast).copied().collect();
        self.bouts.step(&fast, log);
    }
}
