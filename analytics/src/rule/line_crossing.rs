//! A foot point that crosses a line.

use std::time::Duration;

use super::{Direction, Log};
use crate::{
    geometry::{Line, Point, Rect},
    incident::IncidentNumber,
    track::{Track, TrackId},
};

/// How far beyond the line a track must be that was clearly on the other side before, as a share of the margin. One that
/// was not must go the whole margin.
const BEYOND: f32 = 0.25;

/// How fast a box becomes higher or lower by what the object does, in its height a second. What comes out from behind a
/// parked car does so at once: its foot point leaps, though it need not have moved.
const GROWTH: f32 = 1.0;

/// How much the boxes of one object differ in height anyway, as a share of it.
const FLICKER: f32 = 0.2;

/// How long a crossing that the height alone speaks for is held back, for the rest of the object to follow.
const DOUBT: Duration = Duration::from_millis(1000);

/// Who was not seen for longer than this before, or has come farther than so many mean sides of the boxes, may be somebody
/// else: a crossing counts once the track is seen on that side again.
const UNSEEN: Duration = Duration::from_millis(600);
const LEAP: f32 = 1.5;

/// A top edge so near to the picture's is cut by it, and says nothing.
const CUT: f32 = 0.02;

#[derive(Debug)]
pub(crate) struct LineCrossing {
    gate: Gate,
    direction: Direction,
    walkers: Vec<Walker>,
}

/// A line, and how near to it is not clearly beside it.
#[derive(Clone, Debug)]
pub(super) struct Gate {
    line: Line,
    hysteresis: f32,
}

/// What is remembered of a track.
#[derive(Clone, Debug)]
pub(super) struct Walker {
    /// As last seen.
    track: Track,
    /// The side it is on, small excursions over the line aside: whether right of the line.
    right: bool,
    /// How clearly it has been on that side, in margins; at most 1.
    clear: f32,
    /// Whether it met the segment when it last changed sides, excursions included.
    met: bool,
    /// Crossed before it was believed in, or seen again.
    pending: Option<bool>,
    /// Whether it is the same that was on the other side.
    same: bool,
    /// How high its boxes have been on its side, and when it was last there.
    height: (f32, Duration),
    /// Since when it is on the other side by its height alone.
    doubt: Option<Duration>,
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
            gate: Gate::new(line, hysteresis),
            direction,
            walkers: Vec::new(),
        })
    }

    pub(crate) fn evaluate<'t>(
        &mut self,
        tracks: impl Iterator<Item = &'t Track> + Clone,
        log: &mut Log<'_>,
    ) {
        for track in tracks.clone().filter(|t| t.seen) {
            let Some(walker) = self.walkers.iter_mut().find(|w| w.track.id == track.id) else {
                self.walkers.push(Walker::new(track, &self.gate, log.at));
                continue;
            };
            let crossed = walker.step(track, &self.gate, log.at);
            let wanted = match self.direction {
                Direction::Forward => crossed == Some(true),
                Direction::Backward => crossed == Some(false),
                Direction::Any => crossed.is_some(),
            };
            if wanted {
                walker.leave(log);
                walker.incident = Some(log.open(&[*track]));
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
}

impl Gate {
    pub(super) fn new(line: Line, hysteresis: f32) -> Self {
        Gate { line, hysteresis }
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
    pub(super) fn new(track: &Track, gate: &Gate, at: Duration) -> Self {
        let offset = gate.offset(&track.rect);
        Walker {
            track: *track,
            right: offset > 0.0,
            clear: offset.abs().min(1.0),
            met: false,
            pending: None,
            same: true,
            height: (track.detected.h, at),
            doubt: None,
            incident: None,
        }
    }

    pub(super) fn follows(&self, track: &Track) -> bool {
        self.track.id == track.id
    }

    /// Goes on to where the track is now; gives the direction (forward?) of a crossing that counts.
    pub(super) fn step(&mut self, track: &Track, gate: &Gate, at: Duration) -> Option<bool> {
        let line = &gate.line;
        let (before, now): (Point, Point) = (self.track.rect.foot(), track.rect.foot());
        if (line.side(before) > 0.0) != (line.side(now) > 0.0) {
            self.met = line.meets(before, now);
        }
        let same = self.is_same(track);
        self.track = *track;
        let offset = gate.offset(&track.rect);
        let beyond = if self.clear >= 1.0 { BEYOND } else { 1.0 };
        if (offset > 0.0) == self.right {
            self.clear = self.clear.max(offset.abs().min(1.0));
            self.same = true;
            self.measure(at);
        } else if offset.abs() >= beyond {
            let leapt = self.leapt(gate, beyond, at);
            let since = *self.doubt.get_or_insert(at);
            if !leapt || at.saturating_sub(since) >= DOUBT {
                self.right = offset > 0.0;
                self.clear = offset.abs().min(1.0);
                // Back from where it was not seen twice: it has not been there.
                let back = self.pending.is_some() && !self.same;
                self.pending = (self.met && !leapt && !back).then_some(self.right);
                self.same = same || back;
                self.height.0 = track.detected.h;
                self.measure(at);
            }
        }
        if track.confirmed && self.same && !track.may_be_scenery() {
            self.pending.take()
        } else {
            None
        }
    }

    /// Whether nothing speaks against it that the track still follows whom it followed.
    fn is_same(&self, track: &Track) -> bool {
        let (from, to) = (self.track.detected, track.detected);
        let (p, q) = (from.centre(), to.centre());
        let across = (p.x - q.x) / (from.w + to.w);
        let down = (p.y - q.y) / (from.h + to.h);
        let unseen = track.last_seen.saturating_sub(self.track.last_seen);
        unseen <= UNSEEN && 2.0 * across.hypot(down) <= LEAP
    }

    /// Notes how high the box is, no faster than it can become so.
    fn measure(&mut self, at: Duration) {
        let (height, measured) = self.height;
        let limit = GROWTH * height * at.saturating_sub(measured).as_secs_f32();
        let change = (self.track.detected.h - height).clamp(-limit, limit);
        self.height = (height + change, at);
        self.doubt = None;
    }

    /// Whether the foot point is on the other side only because the box has suddenly another height: with the old one,
    /// hung from its top edge, it would not be.
    fn leapt(&self, gate: &Gate, beyond: f32, at: Duration) -> bool {
        let (height, measured) = self.height;
        let now = self.track.detected;
        let likely = (FLICKER + GROWTH * at.saturating_sub(measured).as_secs_f32()) * height;
        let sudden = self.doubt.is_some() || (now.h - height).abs() > likely;
        let held = gate.offset(&Rect { h: height, ..now });
        sudden && now.y > CUT && ((held > 0.0) == self.right || held.abs() < beyond)
    }

    fn leave(&mut self, log: &mut Log<'_>) {
        if let Some(incident) = self.incident.take() {
            log.close(incident, &[self.track]);
        }
    }
}
