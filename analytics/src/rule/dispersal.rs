//! People who were many in a zone, and within seconds are few: they run from something.

use std::{collections::VecDeque, time::Duration};

use super::{Log, episode::Episode, hidden::Present};
use crate::{geometry::Polygon, track::Track};

/// So many of them remain at most.
const REMAIN: f32 = 0.5;

/// A detector may lose people for so long: the most within this time are there.
const LOST: Duration = Duration::from_millis(800);

/// One incident an episode, of those who remain.
#[derive(Debug)]
pub(crate) struct Dispersal {
    present: Present,
    min_count: u32,
    within: Duration,
    counts: VecDeque<(Duration, usize)>,
    episode: Episode,
}

impl Dispersal {
    /// # Errors
    /// A count below 2, or no time.
    pub(crate) fn new(zone: Polygon, min_count: u32, within: Duration) -> Result<Self, String> {
        if min_count < 2 {
            return Err(format!("min_count {min_count}: one alone cannot disperse"));
        }
        if within <= LOST {
            let least = LOST.as_secs_f32();
            return Err(format!("within_seconds must be more than {least}"));
        }
        Ok(Dispersal {
            present: Present::new(zone),
            min_count,
            within,
            counts: VecDeque::new(),
            episode: Episode::new(Duration::ZERO),
        })
    }

    pub(crate) fn evaluate<'t>(
        &mut self,
        tracks: impl Iterator<Item = &'t Track> + Clone,
        log: &mut Log<'_>,
    ) {
        let here = self.present.step(tracks, log);
        let age = |at: Duration| log.at.saturating_sub(at);
        self.counts.retain(|(at, _)| age(*at) <= self.within);
        self.counts.push_back((log.at, here.len()));
        let most = |newest: Duration| {
            let counts = self.counts.iter().filter(|(at, _)| age(*at) <= newest);
            counts.map(|(_, count)| *count).max().unwrap_or_default()
        };
        let (were, are) = (most(self.within), most(LOST));
        let many = were >= self.min_count as usize;
        let dispersed = !log.ends && many && are as f32 <= REMAIN * were as f32;
        if log.ends {
            self.counts.clear();
        }
        self.episode.step(dispersed, here, log);
    }
}
