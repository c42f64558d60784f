//! Something that is so for a while: an incident of several objects that begins once it has been so for long enough, and ends
//! once it has not been so for a while. Short gaps do not count: detectors lose people in a crowd for a moment.

use std::time::Duration;

use super::Log;
use crate::{geometry::Polygon, incident::IncidentNumber, track::Track};

/// Not so for longer, and the time before that counts no more.
const GAP: Duration = Duration::from_millis(1000);

/// Not so for longer, and it is over.
const OVER: Duration = Duration::from_millis(3000);

/// An object that was not seen for so long is still there.
const LINGERS: Duration = Duration::from_millis(600);

#[derive(Debug)]
pub(super) struct Episode {
    min_duration: Duration,
    /// Since when it is so.
    since: Option<Duration>,
    /// When it was so last.
    last: Duration,
    open: Option<(IncidentNumber, Vec<Track>)>,
}

impl Episode {
    pub(super) fn new(min_duration: Duration) -> Self {
        Episode {
            min_duration,
            since: None,
            last: Duration::ZERO,
            open: None,
        }
    }

    /// Takes whether it `is` so now, and who makes it so.
    pub(super) fn step(&mut self, is: bool, members: Vec<Track>, log: &mut Log<'_>) {
        let at = log.at;
        if is {
            let since = *self.since.get_or_insert(at);
            self.last = at;
            match &mut self.open {
                Some((_, known)) => *known = members,
                None if at.saturating_sub(since) >= self.min_duration => {
                    self.open = Some((log.open(&members), members));
                }
                None => {}
            }
        } else if self.open.is_none() && at.saturating_sub(self.last) > GAP {
            self.since = None;
        }
        let over = at.saturating_sub(self.last) > OVER || log.ends;
        if over {
            self.since = None;
            if let Some((incident, members)) = self.open.take() {
                log.close(incident, &members);
            }
        }
    }
}

/// Who stands in the zone: seen just now, or so lately that they are still there.
pub(super) fn inside<'t>(
    zone: &Polygon,
    tracks: impl Iterator<Item = &'t Track>,
    at: Duration,
) -> Vec<Track> {
    let here = tracks.filter(|track| {
        track.confirmed
            && at.saturating_sub(track.last_seen) <= LINGERS
            && zone.contains(track.detected.foot())
    });
    here.copied().collect()
}
