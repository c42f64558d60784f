//! What a camera's stream has done so far: counters that others may read at any time.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

/// Counters of one camera over all its connections, and the age of its last decoded frame.
#[derive(Debug)]
pub struct Progress {
    epoch: Instant,
    /// Access units received.
    pub units: AtomicU64,
    /// Encoded bytes received.
    pub bytes: AtomicU64,
    /// Access units that the gate did not hand to the decoder.
    pub not_decoded: AtomicU64,
    /// Frames decoded.
    pub decoded: AtomicU64,
    /// Frames that the gate picked for analysis.
    pub picked: AtomicU64,
    /// Connections that were made.
    pub connections: AtomicU64,
    /// Pipelines that did not stop in time and were left to themselves.
    pub abandoned: AtomicU64,
    /// Milliseconds from `epoch` to the last decoded frame; 0 before the first.
    last_frame: AtomicU64,
}

impl Progress {
    /// All zero. `epoch` is the zero of the camera's time line.
    pub fn new(epoch: Instant) -> Progress {
        Progress {
            epoch,
            units: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            not_decoded: AtomicU64::new(0),
            decoded: AtomicU64::new(0),
            picked: AtomicU64::new(0),
            connections: AtomicU64::new(0),
            abandoned: AtomicU64::new(0),
            last_frame: AtomicU64::new(0),
        }
    }

    /// Zero of the camera's time line.
    pub fn epoch(&self) -> Instant {
        self.epoch
    }

    /// How long ago the last frame was decoded; nothing before the first.
    pub fn frame_age(&self) -> Option<Duration> {
        let last = self.last_frame.load(Ordering::Relaxed);
        (last > 0).then(|| {
            self.epoch
                .elapsed()
                .saturating_sub(Duration::from_millis(last))
        })
    }

    /// Notes a decoded frame.
    pub(super) fn decoded_now(&self) {
        self.decoded.fetch_add(1, Ordering::Relaxed);
        let now = u64::try_from(self.epoch.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last_frame.store(now.max(1), Ordering::Relaxed);
    }
}

impl Default for Progress {
    fn default() -> Self {
        Progress::new(Instant::now())
    }
}
