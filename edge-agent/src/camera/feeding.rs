//! From access units to frames that are worth a look: [`Feeding`] gives a decoder what the gate lets through, and
//! [`Judge`] sees what comes out. One of each a stream; they run on different threads and share the gate.

use std::{
    sync::{Arc, Mutex, atomic::Ordering},
    time::Duration,
};

use gstreamer as gst;

use super::{
    decoder::{Decoded, Decoder},
    frame::{Frame, Stamps},
    gate::{FrameGate, GateKind, MotionDetector, Step, UnitGate, Use},
    held,
    in_flight::{InFlight, Role},
    pace::Pace,
    progress::Progress,
    reel::Reel,
    unit::AccessUnit,
};

/// Access units that may wait for a live decoder; about a second of video. What was replayed comes on top.
const WAITING: u64 = 30;
/// A decoder that has not given out one picture after so long never will.
const GIVEN_UP: Duration = Duration::from_secs(30);
/// After movement frames are looked at for so long, whether or not anything moves in them.
const HANG: Duration = Duration::from_millis(600);

/// What a stream's gate goes by.
#[derive(Clone, Debug, Default)]
pub struct GateSettings {
    /// What it goes by.
    pub kind: GateKind,
    /// Where movement counts for nothing.
    pub masks: Vec<analytics::geometry::Polygon>,
}

/// Both ends of one stream's decoder; `whole_groups` as for [`UnitGate::new`].
pub(super) fn gate(
    settings: &GateSettings,
    pace: Arc<Pace>,
    whole_groups: bool,
) -> (Feeding, Judge) {
    let gate = UnitGate::new(settings.kind, whole_groups);
    let gate = Arc::new(Mutex::new(gate));
    let in_flight = Arc::<InFlight>::default();
    let masks = settings.masks.clone();
    let masked = move |x, y| {
        let point = analytics::geometry::Point::new(x, y);
        masks.iter().any(|mask| mask.contains(point))
    };
    let judge = Judge {
        gate: Arc::clone(&gate),
        in_flight: Arc::clone(&in_flight),
        frames: FrameGate::at(Arc::clone(&pace)),
        pace,
        motion: (settings.kind != GateKind::Off).then(|| MotionDetector::new(masked)),
        last: None,
        moved: None,
    };
    let feeding = Feeding {
        gate,
        in_flight,
        shift: Duration::ZERO,
        reached: Duration::ZERO,
        extra: 0,
    };
    (feeding, judge)
}

/// The entry.
pub(super) struct Feeding {
    gate: Arc<Mutex<UnitGate>>,
    in_flight: Arc<InFlight>,
    /// What the decoder's clock is ahead of the camera's time line: a decoder must not see time step back.
    shift: Duration,
    /// The latest presentation time that the decoder was given.
    reached: Duration,
    /// Replayed units that may wait besides.
    extra: u64,
}

impl Feeding {
    /// Gives the decoder the next unit, which is in the reel already, or what the gate wants instead of it. Gives whether
    /// it is left out because nothing moves. `paused`: nothing of the camera is to be decoded for now.
    pub(super) fn unit(
        &mut self,
        unit: &AccessUnit,
        decoder: &Decoder,
        reel: &Mutex<Reel>,
        progress: &Progress,
        paused: bool,
    ) -> bool {
        let waiting = decoder.waiting();
        self.extra = self.extra.min(waiting);
        let full = paused || (!decoder.waits() && waiting >= WAITING + self.extra);
        let (step, rests) = {
            let mut gate = held(&self.gate);
            let step = gate.unit(unit.key, unit.bytes, unit.stamps.at, full);
            progress.gate_says(gate.verdict());
            (step, gate.rests())
        };
        let left_out = step == Step::Skip && rests;
        match step {
            Step::Skip => {
                progress.not_decoded.fetch_add(1, Ordering::Relaxed);
                if left_out {
                    progress.asleep.fetch_add(1, Ordering::Relaxed);
                    progress.rests();
                }
            }
            Step::Run => self.feed(decoder, unit, Role::Run),
            Step::Alone => {
                self.feed(decoder, unit, Role::Alone);
                if decoder.waits() {
                    decoder.drain_and_wait(GIVEN_UP);
                } else {
                    decoder.drain();
                }
            }
            Step::Replay(from) => {
                let units = held(reel).since(from);
                self.catch_up(decoder, &units, unit.stamps.at);
                progress.wakings.fetch_add(1, Ordering::Relaxed);
            }
        }
        left_out
    }

    fn catch_up(&mut self, decoder: &Decoder, units: &[Arc<AccessUnit>], now: Duration) {
        let Some(first) = units.first().map(|unit| unit.stamps.at) else {
            return;
        };
        // Units before the first in display order may follow it: room for them.
        let earliest = units.iter().map(|unit| unit.stamps.at).min();
        let earliest = earliest.unwrap_or(first);
        let next = self.reached + Duration::from_millis(1);
        self.shift = self.shift.max(next.saturating_sub(earliest));
        for unit in units {
            self.feed(decoder, unit, Role::Late(now));
        }
        self.extra = decoder.waiting();
    }

    fn feed(&mut self, decoder: &Decoder, unit: &AccessUnit, role: Role) {
        let pts = unit.stamps.at + self.shift;
        self.reached = self.reached.max(pts);
        self.in_flight.remember(pts, unit.stamps, role);
        match self.shift.is_zero() {
            true => decoder.feed(unit.sample()),
            false => restamped(unit.sample(), pts).is_some_and(|sample| decoder.feed(&sample)),
        };
    }
}

/// The exit.
pub(super) struct Judge {
    gate: Arc<Mutex<UnitGate>>,
    in_flight: Arc<InFlight>,
    frames: FrameGate,
    pace: Arc<Pace>,
    motion: Option<MotionDetector>,
    /// Time of the last frame that was handed on.
    last: Option<Duration>,
    /// When something last moved.
    moved: Option<Duration>,
}

impl Judge {
    /// For pictures that [`Feeding`] does not feed: a file's.
    pub(super) fn alone_with(frames: FrameGate, pace: Arc<Pace>) -> Judge {
        Judge {
            gate: Arc::new(Mutex::new(UnitGate::new(GateKind::Off, true))),
            in_flight: Arc::default(),
            frames,
            pace,
            motion: None,
            last: None,
            moved: None,
        }
    }

    /// Stamps and role of a picture that [`Feeding`] fed.
    pub(super) fn recall(&self, decoded: &Decoded<'_>) -> Option<(Stamps, Role)> {
        self.in_flight.recall(decoded.pts?)
    }

    /// Takes a picture from the decoder; gives it back as a frame where it is due.
    ///
    /// # Errors
    /// A format that is not handled, in words.
    pub(super) fn picture(
        &mut self,
        decoded: Decoded<'_>,
        (stamps, role): (Stamps, Role),
    ) -> Result<Option<Frame>, String> {
        let frame = match (role, self.motion.is_some()) {
            (_, false) => self.due(decoded, stamps)?,
            (Role::Alone, true) => self.alone(decoded, stamps)?,
            (Role::Run | Role::Late(_), true) => self.among_others(decoded, stamps)?,
        };
        Ok(frame.map(|frame| match role {
            Role::Late(until) => frame.left_out_until(until),
            Role::Run | Role::Alone => frame,
        }))
    }

    fn due(&mut self, decoded: Decoded<'_>, mut stamps: Stamps) -> Result<Option<Frame>, String> {
        stamps.at = stamps.at.max(self.last.unwrap_or_default());
        self.last = Some(stamps.at);
        match self.frames.picks(stamps.at) {
            true => decoded.into_frame(stamps).map(Some),
            false => Ok(None),
        }
    }

    fn among_others(
        &mut self,
        decoded: Decoded<'_>,
        stamps: Stamps,
    ) -> Result<Option<Frame>, String> {
        let at = stamps.at;
        if self.last.is_some_and(|last| at <= last) || !self.frames.picks(at) {
            return Ok(None);
        }
        self.last = Some(at);
        let frame = decoded.into_frame(stamps)?;
        let moving = self.moving(&frame, true);
        held(&self.gate).judged(at, moving, false);
        if moving {
            self.moved = Some(at);
        }
        // Under load what has just stopped is not looked at any longer.
        let hang = if self.pace.strictness() > 0 {
            Duration::ZERO
        } else {
            HANG
        };
        let rests = self
            .moved
            .is_none_or(|moved| at.saturating_sub(moved) > hang);
        Ok(Some(if rests { frame.still(at) } else { frame }))
    }

    fn alone(&mut self, decoded: Decoded<'_>, stamps: Stamps) -> Result<Option<Frame>, String> {
        let frame = decoded.into_frame(stamps)?;
        let moving = self.moving(&frame, false);
        let Use::Still(since) = held(&self.gate).judged(stamps.at, moving, true) else {
            return Ok(None);
        };
        if let Some(motion) = &mut self.motion {
            motion.learn(stamps.at);
        }
        let due = self.frames.picks(stamps.at);
        self.last = self.last.max(Some(stamps.at));
        Ok(Some(frame.still(since)).filter(|_| due))
    }

    fn moving(&mut self, frame: &Frame, learn: bool) -> bool {
        let Some(motion) = &mut self.motion else {
            return true;
        };
        let picture = frame.picture();
        let size = (picture.width, picture.height);
        let moving = motion.look(frame.luma(), size, frame.stamps().at).moving;
        if learn {
            motion.learn(frame.stamps().at);
        }
        moving
    }
}

/// The unit with another presentation time. Its bytes are shared, not copied.
pub(super) fn restamped(sample: &gst::Sample, at: Duration) -> Option<gst::Sample> {
    let mut buffer = sample.buffer_owned()?;
    let stamps = buffer.make_mut();
    stamps.set_pts(gst::ClockTime::try_from(at).ok()?);
    stamps.set_dts(None);
    let (caps, segment) = (
        sample.caps_owned(),
        gst::FormattedSegment::<gst::ClockTime>::new(),
    );
    let whole = gst::Sample::builder().buffer(&buffer).segment(&segment);
    Some(whole.caps_if_some(caps.as_ref()).build())
}
