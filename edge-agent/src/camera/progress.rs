//! What a camera's stream has done so far: figures that others may read at any time.

use std::{
    hash::{DefaultHasher, Hasher},
    sync::{
        Mutex,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use jiff::SignedDuration;

use super::{gate::Verdict, held, picture::Picture};

/// Rows of a picture that are compared with the last picture's: every so many-th. A live sensor's noise is everywhere.
const ROWS: usize = 4;

/// No report of the camera's clock has come yet.
const UNSAID: i64 = i64::MIN;

/// Figures of one camera over all its connections.
#[derive(Debug)]
pub struct Progress {
    epoch: Instant,
    /// Access units received.
    pub units: AtomicU64,
    /// Encoded bytes received.
    pub bytes: AtomicU64,
    /// Packets that were sent and did not come, as far as their numbers show it.
    pub packets_lost: AtomicU64,
    /// Access units that the gate did not hand to the decoder.
    pub not_decoded: AtomicU64,
    /// Those among them that were left out because nothing moved.
    pub asleep: AtomicU64,
    /// Times that the gate was woken and what it had left out was decoded after all.
    pub wakings: AtomicU64,
    /// Frames decoded.
    pub decoded: AtomicU64,
    /// Frames that the gate picked for analysis, still ones included.
    pub picked: AtomicU64,
    /// Picked frames in which nothing moved.
    pub still: AtomicU64,
    /// Microseconds of a core that looking at decoded pictures took.
    pub gate_us: AtomicU64,
    /// Connections that were made.
    pub connections: AtomicU64,
    /// Pipelines that did not stop in time and were left to themselves.
    pub abandoned: AtomicU64,
    /// Milliseconds from `epoch` to the last frame that was decoded, or left out on purpose; 0 before the first.
    last_frame: AtomicU64,
    /// Nanoseconds: how far the time line has come.
    line_end: AtomicU64,
    /// Milliseconds that the camera's clock is ahead of this node's.
    clock_ahead: AtomicI64,
    /// Whether going by encoded units pays.
    verdict: Mutex<Verdict>,
    /// What decodes, once that is known: whether it is hardware.
    hardware: Mutex<Option<bool>>,
    unchanged: Mutex<Option<Still>>,
}

/// A picture that has come again and again.
#[derive(Debug)]
struct Still {
    hash: u64,
    since: Instant,
    last: Instant,
}

impl Progress {
    /// All zero. `epoch` is the zero of the camera's time line.
    pub fn new(epoch: Instant) -> Progress {
        Progress {
            epoch,
            units: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            packets_lost: AtomicU64::new(0),
            not_decoded: AtomicU64::new(0),
            asleep: AtomicU64::new(0),
            wakings: AtomicU64::new(0),
            decoded: AtomicU64::new(0),
            picked: AtomicU64::new(0),
            still: AtomicU64::new(0),
            gate_us: AtomicU64::new(0),
            connections: AtomicU64::new(0),
            abandoned: AtomicU64::new(0),
            last_frame: AtomicU64::new(0),
            line_end: AtomicU64::new(0),
            clock_ahead: AtomicI64::new(UNSAID),
            verdict: Mutex::new(Verdict::Worth),
            hardware: Mutex::default(),
            unchanged: Mutex::default(),
        }
    }

    /// Zero of the camera's time line.
    pub fn epoch(&self) -> Instant {
        self.epoch
    }

    /// How long ago the last frame was decoded, or left out because nothing moved; nothing before the first.
    pub fn frame_age(&self) -> Option<Duration> {
        let last = self.last_frame.load(Ordering::Relaxed);
        (last > 0).then(|| {
            self.epoch
                .elapsed()
                .saturating_sub(Duration::from_millis(last))
        })
    }

    /// How long the very same picture has been coming, to the last bit. A live sensor never gives the same picture twice.
    pub fn still_for(&self) -> Duration {
        let still = held(&self.unchanged);
        still
            .as_ref()
            .map_or(Duration::ZERO, |still| still.last - still.since)
    }

    /// How far the camera's clock is ahead of this node's, by its last sender report; negative where it is late.
    pub fn clock_ahead(&self) -> Option<SignedDuration> {
        let ms = self.clock_ahead.load(Ordering::Relaxed);
        (ms != UNSAID).then(|| SignedDuration::from_millis(ms))
    }

    /// What the camera's gate found of going by encoded units.
    pub fn verdict(&self) -> Verdict {
        *held(&self.verdict)
    }

    /// Whether hardware decodes the stream.
    pub fn is_decoded_by_hardware(&self) -> bool {
        held(&self.hardware).unwrap_or(false)
    }

    /// Notes what decodes; gives whether that is new.
    pub(super) fn decodes(&self, hardware: bool) -> bool {
        held(&self.hardware).replace(hardware) != Some(hardware)
    }

    pub(super) fn gate_says(&self, verdict: Verdict) {
        *held(&self.verdict) = verdict;
    }

    /// Notes a decoded frame.
    pub(crate) fn decoded_now(&self) {
        self.decoded.fetch_add(1, Ordering::Relaxed);
        self.watched_now();
    }

    /// Notes a unit that came and that nothing was to be decoded of.
    pub(super) fn rests(&self) {
        self.watched_now();
    }

    fn watched_now(&self) {
        let now = u64::try_from(self.epoch.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last_frame.store(now.max(1), Ordering::Relaxed);
    }

    /// Notes what is to be seen now.
    pub(crate) fn seen(&self, picture: &Picture<'_>, now: Instant) {
        let hash = hash(picture);
        let mut still = held(&self.unchanged);
        match &mut *still {
            Some(still) if still.hash == hash => still.last = now,
            still => {
                *still = Some(Still {
                    hash,
                    since: now,
                    last: now,
                });
            }
        }
    }

    /// Where the time line has come to.
    pub(super) fn line_end(&self) -> Duration {
        Duration::from_nanos(self.line_end.load(Ordering::Relaxed))
    }

    pub(super) fn line_reached(&self, at: Duration) {
        let at = u64::try_from(at.as_nanos()).unwrap_or(u64::MAX);
        self.line_end.fetch_max(at, Ordering::Relaxed);
    }

    pub(super) fn clock_said(&self, ahead: SignedDuration) {
        let ms = i64::try_from(ahead.as_millis()).unwrap_or(i64::MAX);
        self.clock_ahead.store(ms, Ordering::Relaxed);
    }
}

/// Of the first plane: luma, or all colours.
fn hash(picture: &Picture<'_>) -> u64 {
    let (row, rows) = picture.format.plane_size(0, picture.width, picture.height);
    let plane = picture.planes[0];
    let mut hasher = DefaultHasher::new();
    for y in (0..rows).step_by(ROWS) {
        let start = y * plane.stride;
        hasher.write(plane.data.get(start..start + row).unwrap_or_default());
    }
    hasher.finish()
}

impl Default for Progress {
    fn default() -> Self {
        Progress::new(Instant::now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_still_from_its_first_time_until_another_comes() {
        let progress = Progress::default();
        let (mut data, begun) = (vec![7; 16 * 8 * 3], Instant::now());
        let see = |at: u64, data: &[u8]| {
            let picture = Picture::rgb((16, 8), data).expect("long enough");
            progress.seen(&picture, begun + Duration::from_secs(at));
            progress.still_for()
        };
        assert_eq!(see(0, &data), Duration::ZERO);
        assert_eq!(see(9, &data), Duration::from_secs(9));
        data[5] += 1;
        assert_eq!(
            see(10, &data),
            Duration::ZERO,
            "one sample is another picture"
        );
        assert_eq!(see(12, &data), Duration::from_secs(2));
    }
}
