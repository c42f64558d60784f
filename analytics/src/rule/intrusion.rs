//! An object inside a zone.

use std::time::Duration;

use super::{Log, presence::Presence};
use crate::{geometry::Polygon, track::Track};

/// A visit becomes an incident once it has lasted `min_duration`.
#[derive(Debug)]
pub(crate) struct Intrusion {
    presence: Presence,
}

impl Intrusion {
    /// # Errors
    /// A duration of a day or more.
    pub(crate) fn new(zone: Polygon, min_duration: Duration) -> Result<Self, String> {
        if min_duration >= Duration::from_secs(86_400) {
            return Err(
                "min_duration is a day or more: an intrusion is told of at once".to_owned(),
            );
        }
        let presence = Presence::new(zone, min_duration);
        Ok(Intrusion { presence })
    }

    pub(crate) fn evaluate<'t>(
        &mut self,
        tracks: impl Iterator<Item = &'t Track> + Clone,
        log: &mut Log<'_>,
    ) {
        self.presence.evaluate(tracks, log);
    }
}
