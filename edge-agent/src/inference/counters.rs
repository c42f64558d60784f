//! What inference has done so far: counters that others may read at any time.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

/// Counters of one camera.
#[derive(Debug, Default)]
pub struct FeedCounters {
    /// Frames that gave way to a later one before their turn came: the mailbox counts here.
    pub gave_way: Arc<AtomicU64>,
    /// Frames whose turn came.
    pub turns: AtomicU64,
    /// Microseconds that those frames had waited for it, together.
    pub waited_us: AtomicU64,
    /// Microseconds that their turns took, together: what fair shares are reckoned by.
    pub inference_us: AtomicU64,
    /// Frames that were analysed.
    pub analysed: AtomicU64,
    /// Frames that the gate spared because nothing had moved since the one before: each stands for one that would have
    /// been analysed.
    pub still: AtomicU64,
    /// Crops that second models looked at.
    pub crops: AtomicU64,
    /// Whole pictures that second models looked at.
    pub looks: AtomicU64,
    /// Frames that could not be analysed.
    pub failed: AtomicU64,
    /// Results that the camera's analysis had no room for.
    pub results_dropped: AtomicU64,
    /// Something moved in the latest result.
    pub active: AtomicBool,
}

/// The counters of one camera at one moment, or what they grew by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// As [`FeedCounters::gave_way`].
    pub gave_way: u64,
    /// As [`FeedCounters::turns`].
    pub turns: u64,
    /// As [`FeedCounters::waited_us`].
    pub waited_us: u64,
    /// As [`FeedCounters::inference_us`].
    pub inference_us: u64,
    /// As [`FeedCounters::analysed`].
    pub analysed: u64,
    /// As [`FeedCounters::still`].
    pub still: u64,
    /// As [`FeedCounters::crops`].
    pub crops: u64,
    /// As [`FeedCounters::looks`].
    pub looks: u64,
    /// As [`FeedCounters::failed`].
    pub failed: u64,
    /// As [`FeedCounters::results_dropped`].
    pub results_dropped: u64,
}

impl FeedCounters {
    /// The counters now.
    pub fn tally(&self) -> Tally {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Tally {
            gave_way: get(&self.gave_way),
            turns: get(&self.turns),
            waited_us: get(&self.waited_us),
            inference_us: get(&self.inference_us),
            analysed: get(&self.analysed),
            still: get(&self.still),
            crops: get(&self.crops),
            looks: get(&self.looks),
            failed: get(&self.failed),
            results_dropped: get(&self.results_dropped),
        }
    }
}

impl Tally {
    /// What the counters grew by since `before`.
    pub fn since(self, before: Tally) -> Tally {
        Tally {
            gave_way: self.gave_way.saturating_sub(before.gave_way),
            turns: self.turns.saturating_sub(before.turns),
            waited_us: self.waited_us.saturating_sub(before.waited_us),
            inference_us: self.inference_us.saturating_sub(before.inference_us),
            analysed: self.analysed.saturating_sub(before.analysed),
            still: self.still.saturating_sub(before.still),
            crops: self.crops.saturating_sub(before.crops),
            looks: self.looks.saturating_sub(before.looks),
            failed: self.failed.saturating_sub(before.failed),
            results_dropped: self.results_dropped.saturating_sub(before.results_dropped),
        }
    }
}

/// Adds a time to a counter of microseconds.
pub(super) fn add_time(counter: &AtomicU64, time: Duration) {
    let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    counter.fetch_add(micros, Ordering::Relaxed);
}

/// So many of a worker's latest looks are remembered for percentiles. Loss policy: the oldest goes.
const LATEST: usize = 4096;

/// Counters of one worker. `turns` moves whenever the worker does, with or without frames: its heartbeat.
#[derive(Debug, Default)]
pub struct WorkerCounters {
    /// Times around the loop.
    pub turns: AtomicU64,
    /// Frames that were looked at.
    pub frames: AtomicU64,
    preprocess_us: AtomicU64,
    infer_us: AtomicU64,
    decode_us: AtomicU64,
    latest: Mutex<VecDeque<Duration>>,
}

impl WorkerCounters {
    /// Adds what a frame cost.
    pub(super) fn add(&self, cost: super::model::Cost) {
        self.frames.fetch_add(1, Ordering::Relaxed);
        self.add_crops(cost);
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        if latest.len() == LATEST {
            latest.pop_front();
        }
        latest.push_back(cost.took);
    }

    /// What looks at crops cost; no frame is counted.
    pub(super) fn add_crops(&self, cost: super::model::Cost) {
        add_time(&self.preprocess_us, cost.preprocess);
        add_time(&self.infer_us, cost.infer);
        add_time(&self.decode_us, cost.decode);
    }

    /// How long the model took for each of the latest looks, oldest first; they are forgotten.
    pub fn take_latest(&self) -> Vec<Duration> {
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        latest.drain(..).collect()
    }

    /// What all frames so far have cost of a core together.
    pub fn cost(&self) -> super::model::Cost {
        let get = |counter: &AtomicU64| Duration::from_micros(counter.load(Ordering::Relaxed));
        super::model::Cost {
            preprocess: get(&self.preprocess_us),
            infer: get(&self.infer_us),
            decode: get(&self.decode_us),
            took: Duration::ZERO,
        }
    }
}
