//! What a trial found.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::split::Split;

/// The middle and the slow end of many durations, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Spread {
    pub(super) p50: f64,
    pub(super) p95: f64,
    /// Of so many.
    pub(super) count: usize,
}

impl Spread {
    /// Of `took`; nothing if there are none.
    pub(super) fn of(mut took: Vec<Duration>) -> Option<Spread> {
        took.sort_unstable();
        let at = |share: f64| {
            let place = (share * took.len() as f64) as usize;
            took.get(place.min(took.len().saturating_sub(1)))
                .map(|took| took.as_secs_f64() * 1000.0)
        };
        Some(Spread {
            p50: at(0.5)?,
            p95: at(0.95)?,
            count: took.len(),
        })
    }
}

/// Frames that were lost in the window, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Lost {
    /// They gave way to a later one before inference came to them.
    pub(super) gave_way: u64,
    /// They were not decoded: the decoder could not keep up, or waited for a key unit. What a gate left out on purpose is none.
    pub(super) not_decoded: u64,
    /// Their packets never came.
    pub(super) packets: u64,
}

/// What cannot be left out, each alone: CPU seconds per camera-minute.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Limit {
    /// Receiving and decoding every picture.
    pub(super) decode: f64,
    /// The model, as often as was asked for.
    pub(super) infer: f64,
}

/// A row of the table. CPU is in seconds per camera-minute.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Row {
    pub(super) cameras: usize,
    pub(super) seconds: f64,
    /// Analysed pictures a second, of each camera.
    pub(super) fps: Vec<f64>,
    /// Share of the looks that were due, of each camera: those that a gate spares count as done.
    pub(super) kept: Vec<f64>,
    pub(super) cpu: Split,
    pub(super) infer: Option<Spread>,
    /// From capture to the broker's acknowledgement; nothing without a broker.
    pub(super) delivery: Option<Spread>,
    pub(super) lost: Lost,
    pub(super) resident_mb: f64,
    pub(super) limit: Option<Limit>,
}

impl Row {
    /// Whether every camera got the looks that were due.
    pub(super) fn holds(&self) -> bool {
        /// What a frame at either end of the window may make of it.
        const ENOUGH: f64 = 0.97;
        self.kept.len() == self.cameras && self.kept.iter().all(|kept| *kept >= ENOUGH)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slow_end_is_that_of_one_in_twenty() {
        let took = (1..=100).rev().map(Duration::from_millis).collect();
        let spread = Spread::of(took).unwrap();
        assert_eq!((spread.p50, spread.p95, spread.count), (51.0, 96.0, 100));
        assert_eq!(Spread::of(Vec::new()), None);
    }
}
