//! Many vehicles inside a zone, and all of them slow.

use std::time::Duration;

use super::{Log, episode::Episode, hidden::Present};
use crate::{geometry::Polygon, track::Track};

/// One incident an episode, of all who are there.
#[derive(Debug)]
pub(crate) struct Congestion {
    present: Present,
    min_count: u32,
    /// Normalised widths a second.
    max_speed: f32,
    episode: Episode,
}

impl Congestion {
    /// # Errors
    /// A count of 0, or a speed that is none.
    pub(crate) fn new(
        zone: Polygon,
        min_count: u32,
        max_speed: f32,
        min_duration: Duration,
    ) -> Result<Self, String> {
        if min_count == 0 {
            return Err("min_count is 0: an empty road is not congested".to_owned());
        }
        if !(max_speed > 0.0 && max_speed.is_finite()) {
            return Err(format!("max_speed {max_speed} is no speed"));
        }
        Ok(Congestion {
            present: Present::new(zone),
            min_count,
            max_speed,
            episode: Episode::new(min_duration),
        })
    }

    pub(crate) fn evaluate<'t>(
        &mut self,
        tracks: impl Iterator<Item = &'t Track> + Clone,
        log: &mut Log<'_>,
    ) {
        let here = self.present.step(tracks, log);
        let speed = |track: &Track| track.velocity.0.hypot(track.velocity.1);
        let mean = here.iter().map(speed).sum::<f32>() / here.len().max(1) as f32;
        let congested = here.len() >= self.min_count as usize && mean < self.max_speed;
        self.episode.step(congested, here, log);
    }
}
