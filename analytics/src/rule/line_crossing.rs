//! A foot point that crosses a line.

use super::{Direction, Log};
use crate::{
    geometry::{Line, Point, Rect},
    incident::IncidentNumber,
    track::{Track, TrackId},
};

/// How far beyond the line a track must be that was clearly on the other side before, as a share of the margin. One that
/// was not must go the whole margin.
const BEYOND: f32 = 0.25;

#[derive(Debug)]
pub(crate) struct LineCrossing {
    line: Line,
    direction: Direction,
    hysteresis: f32,
    walkers: Vec<Walker>,
}

/// What is remembered of a track.
#[derive(Clone, Debug)]
struct Walker {
    /// As last seen.
    track: Track,
    /// The side it is on, small excursions over the line aside: whether right of the line.
    right: bool,
    /// How clearly it has been on that side, in margins; at most 1.
    clear: f32,
    /// Whether it met the segment when it last changed sides, excursions included.
    met: bool,
    /// Crossed before it was believed in.
    pending: Option<bool>,
    incident: Option<IncidentNumber>,
}

impl LineCrossing {
    /// # Errors
    /// A hysteresis below 0 or above 2, or not a number.
    pub(crate) fn new(line: Line, direction: Direction, hysteresis: f32) -> Result<Self, String> {
        if !(0.0..=2.0).contains(&hysteresis) {
            return Err(format!(
                "hysteresis {hysteresis} is not between 0 and 2 box extents"
            ));
        }
        Ok(LineCrossing {
            line,
            direction,
            hysteresis,
            walkers: Vec::new(),
        })
    }

    pub(crate) fn evaluate<'t>(
        &mut self,
        tracks: impl Iterator<Item = &'t Track> + Clone,
        log: &mut Log<'_>,
    ) {
        for track in tracks.clone().filter(|t| t.seen) {
            let offset = self.offset(&track.rect);
            let Some(walker) = self.walkers.iter_mut().find(|w| w.track.id == track.id) else {
                self.walkers.push(Walker::new(track, offset));
                continue;
            };
            let crossed = walker.step(track, offset, &self.line);
            let wanted = match self.direction {
                Direction::Forward => crossed == Some(true),
                Direction::Backward => crossed == Some(false),
                Direction::Any => crossed.is_some(),
            };
            if wanted {
                walker.leave(log);
                walker.incident = Some(log.open(track));
            } else if walker.clear >= 1.0 {
                walker.leave(log);
            }
        }
        self.walkers.retain_mut(|walker| {
            let alive = |id: TrackId| tracks.clone().any(|t| t.id == id);
            let stays = !log.ends && alive(walker.track.id);
            if !stays {
                walker.leave(log);
            }
            stays
        });
    }

    /// Distance of a foot point from the line in margins, positive on the right.
    fn offset(&self, rect: &Rect) -> f32 {
        let (along_x, along_y) = (
            self.line.to().x - self.line.from().x,
            self.line.to().y - self.line.from().y,
        );
        // The box's extent across the line, times the line's length, as side() is.
        let extent = rect.w * along_y.abs() + rect.h * along_x.abs();
        let margin = (self.hysteresis * extent).max(f32::MIN_POSITIVE);
        self.line.side(rect.foot()) / margin
    }
}

impl Walker {
    fn new(track: &Track, offset: f32) -> Self {
        Walker {
            track: *track,
            right: offset > 0.0,
            clear: offset.abs().min(1.0),
            met: false,
            pending: None,
            incident: None,
        }
    }

    /// Goes on to where the track is now; gives the direction (forward?) of a crossing that counts.
    fn step(&mut self, track: &Track, offset: f32, line: &Line) -> Option<bool> {
        let (before, now): (Point, Point) = (self.track.rect.foot(), track.rect.foot());
        if (line.side(before) > 0.0) != (line.side(now) > 0.0) {
            self.met = line.meets(before, now);
        }
        self.track = *track;
        let beyond = if self.clear >= 1.0 { BEYOND } else { 1.0 };
        if (offset > 0.0) == self.right {
            self.clear = self.clear.max(offset.abs().min(1.0));
        } else if offset.abs() >= beyond {
            self.right = offset > 0.0;
            self.clear = offset.abs().min(1.0);
            self.pending = self.met.then_some(self.right);
        }
        if track.confirmed {
            self.pending.take()
        } else {
            None
        }
    }

    fn leave(&mut self, log: &mut Log<'_>) {
        if let Some(incident) = self.incident.take() {
            log.close(incident, &self.track);
        }
    }
}
