//! An object that stays inside a zone.

use std::time::Duration;

use super::{Log, presence::Presence};
use crate::{geometry::Polygon, track::Track};

/// A visit becomes an incident once it has lasted longer than `min_duration`.
#[derive(Debug)]
pub(crate) struct Loitering {
    presence: Presence,
}

impl Loitering {
    /// # Errors
    /// No duration, or one of a day or more.
    pub(crate) fn new(zone: Polygon, min_duration: Duration) -> Result<Self, String> {
        if min_duration.is_zero() {
            return Err(
                "min_duration is 0: loitering takes time, for less use an intrusion".to_owned(),
            );
        }
        if min_duration >= Duration::from_secs(86_400) {
            return Err("min_duration is a day or more: no track lives as long".to_owned());
        }
        let presence = Presence::new(zone, min_duration);
        Ok(Loitering { presence })
    }

    pub(crate) fn evaluate<'t>(
        &mut self,
        tracks: impl Iterator<Item = &'t Track> + Clone,
        log: &mut Log<'_>,
    ) {
        self.presence.evaluate(tracks, log);
    }
}
