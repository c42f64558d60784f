//! What was said of incidents before the clock was known to be right is corrected once it is: never rewritten, but told
//! again in an `updated` with the corrected times and by how much they were wrong.
//!
//! The wall clock's distance from the monotonic one changes only where somebody sets it; so the difference between then
//! and now is how wrong the times were. Pure: both are given.

use std::collections::VecDeque;

use jiff::SignedDuration;
use protocol::{IncidentState, Utc, incident::ClockQuality};
use tokio::time::Instant;

use crate::report::Report;

/// Incidents of one camera that wait for the clock. Loss policy: the oldest stays as it was said, marked as unsynchronised.
const MOST: usize = 256;

/// See the module.
#[derive(Debug, Default)]
pub struct Corrections {
    waiting: VecDeque<(Report, SignedDuration)>,
}

impl Corrections {
    /// Notes what was reported, if its clock was not to be trusted and it opened an incident. `offset`: see [`offset`].
    pub fn note(&mut self, report: &Report, offset: SignedDuration) {
        let data = &report.event.data;
        if data.time.clock.synchronised || data.state != IncidentState::Opened {
            return;
        }
        if self.waiting.len() == MOST {
            self.waiting.pop_front();
        }
        self.waiting.push_back((report.clone(), offset));
    }

    /// Whether anything waits for the clock.
    pub fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// The corrections, once the clock is right; nothing before.
    pub fn due(&mut self, clock: ClockQuality, offset: SignedDuration) -> Vec<Report> {
        if !clock.synchronised {
            return Vec::new();
        }
        let waiting = std::mem::take(&mut self.waiting).into_iter();
        waiting
            .map(|(report, then)| report.corrected(offset - then, clock))
            .collect()
    }
}

/// How far the wall clock is ahead of a monotonic one that began at `began`.
pub fn offset(began: Instant) -> SignedDuration {
    let monotonic = SignedDuration::try_from(began.elapsed()).unwrap_or(SignedDuration::MAX);
    Utc::now().duration_since(Utc::UNIX_EPOCH) - monotonic
}
