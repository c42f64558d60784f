//! Which of several brokers is used. Pure: it is told how attempts end, and knows nothing of connections.

use std::time::Duration;

use crate::supervisor::HEALTHY;

/// After so many failures in a row the next broker gets its turn.
const FAILURES: u32 = 3;
/// So many good probes in a row let the preferred broker be used again.
const PROBES: u32 = 3;
/// A preferred broker that answers probes and then fails is believed ever later, at most after so many.
const MOST_PROBES: u32 = 96;

/// The brokers' places in their order of preference; 0 is preferred.
#[derive(Debug)]
pub(super) struct Brokers {
    count: usize,
    current: usize,
    /// In a row, at the current one.
    failures: u32,
    /// Good probes that lead back.
    probes: u32,
    /// The current one is the preferred again, since probes were good.
    returned: bool,
}

impl Brokers {
    pub(super) fn new(count: usize) -> Self {
        Brokers {
            count,
            current: 0,
            failures: 0,
            probes: PROBES,
            returned: false,
        }
    }

    /// The place of the one to use.
    pub(super) fn current(&self) -> usize {
        self.current
    }

    /// How many good probes in a row lead back to the preferred one; `None` while it is used.
    pub(super) fn probes(&self) -> Option<u32> {
        (self.current != 0).then_some(self.probes)
    }

    /// A connection was not made, or broke after it had been good for `healthy`. `true`: it is the turn of another.
    pub(super) fn failed(&mut self, healthy: Duration) -> bool {
        if healthy >= HEALTHY {
            self.failures = 0;
            if self.current == 0 {
                (self.probes, self.returned) = (PROBES, false);
            }
        }
        self.failures += 1;
        if self.failures < FAILURES || self.count == 1 {
            return false;
        }
        if self.returned {
            self.probes = (self.probes * 2).min(MOST_PROBES);
        }
        self.failures = 0;
        self.returned = false;
        self.current = (self.current + 1) % self.count;
        true
    }

    /// The preferred one answers again.
    pub(super) fn go_back(&mut self) {
        (self.current, self.failures, self.returned) = (0, 0, true);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Duration = Duration::ZERO;

    fn fail_over(brokers: &mut Brokers) {
        assert!(!brokers.failed(SHORT) && !brokers.failed(SHORT) && brokers.failed(SHORT));
    }

    #[test]
    fn three_failures_in_a_row_are_the_next_ones_turn_and_the_last_leads_to_the_first() {
        let mut brokers = Brokers::new(3);
        for place in [1, 2, 0] {
            fail_over(&mut brokers);
            assert_eq!(brokers.current(), place);
        }
        assert!(!brokers.failed(SHORT) && !brokers.failed(SHORT));
        assert!(!brokers.failed(HEALTHY), "it had been good in between");
        assert_eq!(brokers.current(), 0);
    }

    #[test]
    fn a_single_broker_keeps_its_turn() {
        let mut brokers = Brokers::new(1);
        assert!((0..10).all(|_| !brokers.failed(SHORT)));
        assert_eq!((brokers.current(), brokers.probes()), (0, None));
    }

    #[test]
    fn a_preferred_broker_that_only_answers_probes_is_believed_ever_later() {
        let mut brokers = Brokers::new(2);
        fail_over(&mut brokers);
        assert_eq!(brokers.probes(), Some(3));
        for wanted in [6, 12, 24, 48, 96, 96] {
            brokers.go_back();
            assert_eq!((brokers.current(), brokers.probes()), (0, None));
            fail_over(&mut brokers);
            assert_eq!(brokers.probes(), Some(wanted));
        }
        brokers.go_back();
        assert!(!brokers.failed(HEALTHY) && !brokers.failed(SHORT) && brokers.failed(SHORT));
        assert_eq!(brokers.probes(), Some(3), "it was good again");
    }
}
