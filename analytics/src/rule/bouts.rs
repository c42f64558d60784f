//! Something that an object does for a while, as running: one incident a bout. A bout begins once it has been done for long
//! enough, and ends once it has not been done for a while.

use std::time::Duration;

use super::{Log, presence::is_same_place};
use crate::{incident::IncidentNumber, track::Track};

/// What is done on the move and has not been told yet is over after this: one wrong box now and then is no run.
const STEADY: Duration = Duration::from_millis(450);

/// Seen for so long, what lasts is believed to go on.
const SURE: Duration = Duration::from_millis(1000);

#[derive(Debug)]
pub(super) struct Bouts {
    min_duration: Duration,
    /// Not done for longer, and it is over.
    over: Duration,
    /// It is done on the move.
    moving: bool,
    /// It goes on while nobody is seen at the place.
    lasting: bool,
    bouts: Vec<Bout>,
}

#[derive(Debug)]
struct Bout {
    /// As last seen doing it.
    track: Track,
    since: Duration,
    last: Duration,
    incident: Option<IncidentNumber>,
}

impl Bout {
    /// Whether its object, no longer seen as itself, may have come to where this one is: half as fast, or half as fast again.
    fn may_be_at(&self, track: &Track, at: Duration) -> bool {
        let on = at.saturating_sub(self.last).as_secs_f32();
        let (right, down) = self.track.velocity;
        let (from, to) = (self.track.rect, track.rect);
        let slack = right.hypot(down).max(from.h) * on / 2.0;
        let (p, q) = (from.foot(), to.foot());
        let away = (p.x + right * on - q.x, p.y + down * on - q.y);
        away.0.abs() < (from.w + to.w) / 2.0 + slack && away.1.abs() < (from.h + to.h) / 4.0 + slack
    }

    /// Whether it was seen for long enough, and nobody is seen at its place who does something else.
    fn goes_on_unseen(&self, all: &[Track]) -> bool {
        let here = |track: &&Track| {
            track.id == self.track.id || is_same_place(&self.track.rect, &track.rect)
        };
        let of_its_kind = all.iter().filter(|t| t.class == self.track.class);
        let seen = of_its_kind.filter(here).any(|track| track.seen);
        !seen && self.last.saturating_sub(self.since) >= SURE
    }
}

impl Bouts {
    pub(super) fn new(min_duration: Duration, over: Duration) -> Self {
        Bouts {
            min_duration,
            over,
            moving: false,
            lasting: false,
            bouts: Vec::new(),
        }
    }

    /// Of what is done on the spot, and goes on unseen once it has been seen for [`SURE`]: who lies is hard to see.
    pub(super) fn lasting(min_duration: Duration, over: Duration) -> Self {
        Bouts {
            lasting: true,
            ..Bouts::new(min_duration, over)
        }
    }

    /// Of what is done on the move.
    pub(super) fn moving(min_duration: Duration, over: Duration) -> Self {
        Bouts {
            moving: true,
            ..Bouts::new(min_duration, over)
        }
    }

    /// Takes who does it now.
    pub(super) fn step(&mut self, doing: &[Track], log: &mut Log<'_>) {
        for track in doing {
            let place = self.bout_of(track, log.at).unwrap_or_else(|| {
                self.bouts.push(Bout {
                    track: *track,
                    since: log.at,
                    last: log.at,
                    incident: None,
                });
                self.bouts.len() - 1
            });
            let Some(bout) = self.bouts.get_mut(place) else {
                continue;
            };
            (bout.track, bout.last) = (*track, log.at);
        }
        let (lasting, min_duration) = (self.lasting, self.min_duration);
        for bout in &mut self.bouts {
            let long = log.at.saturating_sub(bout.since) >= min_duration;
            let now = bout.last == log.at || (lasting && bout.goes_on_unseen(log.all));
            if long && now && bout.incident.is_none() {
                bout.incident = Some(log.open(&[bout.track]));
            }
        }
        let (over, moving) = (self.over, self.moving);
        self.bouts.retain(|bout| {
            let untold = moving && bout.incident.is_none();
            let over = if untold { over.min(STEADY) } else { over };
            let ended = log.ends || log.at.saturating_sub(bout.last) > over;
            if let (true, Some(incident)) = (ended, bout.incident) {
                log.close(incident, &[bout.track]);
            }
            !ended
        });
    }

    /// The track's own bout; else that of a track lost at the same place, or one that was told of and would be there by now.
    fn bout_of(&self, track: &Track, at: Duration) -> Option<usize> {
        let own = |bout: &Bout| bout.track.id == track.id;
        let lost = |bout: &Bout| {
            let gone = bout.last < track.first_seen;
            gone && is_same_place(&bout.track.rect, &track.rect)
        };
        let went_on = |bout: &Bout| {
            let told = bout.incident.is_some() && bout.last < at;
            self.moving && told && bout.may_be_at(track, at)
        };
        let bouts = || self.bouts.iter();
        let another = |bout: &Bout| lost(bout) || went_on(bout);
        bouts().position(own).or_else(|| bouts().position(another))
    }
}
