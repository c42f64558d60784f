//! Fewer objects inside a zone than there must be, or more than there may be.

use std::time::Duration;

use super::{Log, episode::Episode, hidden::Present};
use crate::{geometry::Polygon, track::Track};

/// One incident an episode, of all who are there.
#[derive(Debug)]
pub(crate) struct Occupancy {
    present: Present,
    min_count: u32,
    max_count: u32,
    episode: Episode,
}

impl Occupancy {
    /// # Errors
    /// A least count above the largest.
    pub(crate) fn new(
        zone: Polygon,
        min_count: u32,
        max_count: u32,
        min_duration: Duration,
    ) -> Result<Self, String> {
        if min_count > max_count {
            return Err(format!(
                "min_count {min_count} is more than max_count {max_count}"
            ));
        }
        Ok(Occupancy {
            present: Present::new(zone),
            min_count,
            max_count,
            episode: Episode::new(min_duration),
        })
    }

    pub(crate) fn evaluate<'t>(
        &mut self,
        tracks: impl Iterator<Item = &'t Track> + Clone,
        log: &mut Log<'_>,
    ) {
        let here = self.present.step(tracks, log);
        let allowed = self.min_count as usize..=self.max_count as usize;
        let wrong = !log.ends && !allowed.contains(&here.len());
        self.episode.step(wrong, here, log);
    }
}
