//! Fire or smoke, as a model sees it: told once it was seen for long enough, since lamps and mist look like either for a moment.

use std::time::Duration;

use super::{Log, episode::Episode, within};
use crate::{geometry::Polygon, track::Track};

/// Flames flicker: what was seen so lately still burns.
const FLICKERS: Duration = Duration::from_millis(600);

/// Labels of what burns.
pub(crate) const FIRES: [&str; 2] = ["fire", "smoke"];

/// One incident an episode, of all that burns.
#[derive(Debug)]
pub(crate) struct FireSmoke {
    zone: Option<Polygon>,
    episode: Episode,
}

impl FireSmoke {
    /// # Errors
    /// No duration.
    pub(crate) fn new(zone: Option<Polygon>, min_duration: Duration) -> Result<Self, String> {
        if min_duration.is_zero() {
            return Err(
                "min_duration is 0: every lamp that is taken for a fire would be one".to_owned(),
            );
        }
        Ok(FireSmoke {
            zone,
            episode: Episode::new(min_duration),
        })
    }

    pub(crate) fn evaluate<'t>(
        &mut self,
        tracks: impl Iterator<Item = &'t Track> + Clone,
        log: &mut Log<'_>,
    ) {
        let burns = |track: &&Track| {
            let lately = log.at.saturating_sub(track.last_seen) <= FLICKERS;
            // Smoke stands on nothing: its middle says where it is.
            track.confirmed && lately && within(&self.zone, track.detected.centre())
        };
        let here: Vec<Track> = tracks.filter(burns).copied().collect();
        self.episode.step(!here.is_empty(), here, log);
    }
}
