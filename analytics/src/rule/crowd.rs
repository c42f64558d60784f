//! Many objects inside a zone at the same time.

use std::time::Duration;

use super::{Log, episode::Episode, hidden::Present};
use crate::{geometry::Polygon, track::Track};

/// One incident an episode, of all who are there.
#[derive(Debug)]
pub(crate) struct Crowd {
    present: Present,
    min_count: u32,
    episode: Episode,
}

impl Crowd {
    /// # Errors
    /// A count below 2.
    pub(crate) fn new(
        zone: Polygon,
        min_count: u32,
        min_duration: Duration,
    ) -> Result<Self, String> {
        if min_count < 2 {
            return Err(format!(
                "min_count {min_count} is no crowd: for one object use an intrusion"
            ));
        }
        Ok(Crowd {
            present: Present::new(zone),
            min_count,
            episode: Episode::new(min_duration),
        })
    }

    pub(crate) fn evaluate<'t>(
        &mut self,
        tracks: impl Iterator<Item = &'t Track> + Clone,
        log: &mut Log<'_>,
    ) {
        let here = self.present.step(tracks, log);
        let crowded = here.len() >= self.min_count as usize;
        self.episode.step(crowded, here, log);
    }
}
