//! What inference has done so far: counters that others may read at any time.

use std::{
    collections::VecDeque,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

/// Counters of one camera.
#[derive(Debug, Default)]
pub struct FeedCounters {
    /// Frames that were analysed.
    pub analysed: AtomicU64,
    /// Frames that could not be analysed.
    pub failed: AtomicU64,
    /// Results that the camera's analysis had no room for.
    pub results_dropped: AtomicU64,
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
        let add = |counter: &AtomicU64, time: Duration| {
            let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
            counter.fetch_add(micros, Ordering::Relaxed);
        };
        self.frames.fetch_add(1, Ordering::Relaxed);
        add(&self.preprocess_us, cost.preprocess);
        add(&self.infer_us, cost.infer);
        add(&self.decode_us, cost.decode);
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        if latest.len() == LATEST {
            latest.pop_front();
        }
        latest.push_back(cost.took);
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
