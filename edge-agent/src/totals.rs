//! What a camera's rules count, in stretches of time that follow each other without gaps.
//!
//! Stretches end at whole multiples of their length by the node's clock, so that those of several cameras and nodes lie side by
//! side. What the spool does not take stays in the book and is in the next stretch. A crash loses what was counted since the last
//! stretch ended; its time is in no message, and the node's coverage has it.

use std::{collections::BTreeMap, time::Duration};

use analytics::{
    detection::ClassId,
    rule::{RuleIndex, RuleKind, RuleSettings, Total},
};
use protocol::Utc;
use tokio::time::Instant;

/// What one rule has counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// It is one that counts, and tells zeros too.
    pub counts: bool,
    /// Incidents that were told.
    pub opened: u64,
    /// Incidents that were held back.
    pub suppressed: u64,
    /// Who crossed its line, by class and whether forward.
    pub crossings: BTreeMap<(ClassId, bool), u64>,
}

/// A stretch of time.
#[derive(Clone, Debug, PartialEq)]
pub struct Stretch {
    /// When it began.
    pub from: Utc,
    /// When it ended.
    pub until: Utc,
    /// How long it was, by a clock that is never set.
    pub lasted: Duration,
    /// How much of it was analysed.
    pub analysed: Duration,
    /// Counts of all rules, in their order.
    pub rules: Vec<Count>,
}

/// A moment by both clocks.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// By the one that people read.
    pub time: Utc,
    /// By the one that is never set.
    pub at: Instant,
}

impl Moment {
    /// This one.
    pub fn now() -> Self {
        Moment {
            time: protocol::now(),
            at: Instant::now(),
        }
    }
}

/// One camera's book.
#[derive(Debug)]
pub struct Book {
    every: Duration,
    began: Moment,
    due: Instant,
    /// Since the camera's task began, by rule: now, and at the end of the last stretch.
    now: Vec<Count>,
    before: Vec<Count>,
    analysed_before: Duration,
}

impl Book {
    /// A book of a camera with these rules, told `every` so often.
    pub fn new(rules: &[RuleSettings], every: Duration, began: Moment) -> Self {
        let counts = |rule: &RuleSettings| Count {
            counts: rule.rule.kind() == RuleKind::Counting,
            ..Count::default()
        };
        let counts: Vec<Count> = rules.iter().map(counts).collect();
        Book {
            every,
            began,
            due: began.at + until_next(every, began.time),
            before: counts.clone(),
            now: counts,
            analysed_before: Duration::ZERO,
        }
    }

    /// When the stretch ends.
    pub fn due(&self) -> Instant {
        self.due
    }

    /// Notes an incident that was told.
    pub fn opened(&mut self, rule: RuleIndex) {
        if let Some(count) = self.now.get_mut(rule.0) {
            count.opened += 1;
        }
    }

    /// Takes how many incidents were held back and who crossed lines, since the start.
    pub fn note(
        &mut self,
        suppressed: impl Iterator<Item = (RuleIndex, u64)>,
        totals: impl Iterator<Item = (RuleIndex, Total)>,
    ) {
        for (rule, suppressed) in suppressed {
            if let Some(count) = self.now.get_mut(rule.0) {
                count.suppressed = suppressed;
            }
        }
        for (rule, total) in totals {
            if let Some(count) = self.now.get_mut(rule.0) {
                let who = (total.class, total.forward);
                count.crossings.insert(who, total.count);
            }
        }
    }

    /// The stretch that ends `now`; `analysed` is how much was analysed since the start. [`Book::told`] makes it the last one.
    pub fn stretch(&self, analysed: Duration, now: Moment) -> Stretch {
        let rules = self.now.iter().zip(&self.before);
        Stretch {
            from: self.began.time,
            until: now.time,
            lasted: now.at.saturating_duration_since(self.began.at),
            analysed: analysed.saturating_sub(self.analysed_before),
            rules: rules.map(|(now, before)| now.since(before)).collect(),
        }
    }

    /// The stretch was told, or there was nothing to tell: the next begins where it ended.
    pub fn told(&mut self, stretch: &Stretch) {
        self.before.clone_from(&self.now);
        self.analysed_before += stretch.analysed;
        self.began = Moment {
            time: stretch.until,
            at: self.began.at + stretch.lasted,
        };
        self.due = self.began.at + until_next(self.every, stretch.until);
    }

    /// It could not be told: it goes on until then.
    pub fn again(&mut self, now: Moment) {
        self.due = now.at + AGAIN;
    }
}

impl Count {
    fn since(&self, before: &Count) -> Count {
        let crossed = self.crossings.iter().map(|(who, count)| {
            let before = before.crossings.get(who).copied().unwrap_or_default();
            (*who, count.saturating_sub(before))
        });
        Count {
            counts: self.counts,
            opened: self.opened.saturating_sub(before.opened),
            suppressed: self.suppressed.saturating_sub(before.suppressed),
            crossings: crossed.filter(|(_, count)| *count > 0).collect(),
        }
    }
}

/// Until a stretch is tried again that the spool did not take.
const AGAIN: Duration = Duration::from_secs(10);

/// Time to the next whole multiple of `every`; never so short that a stretch is empty.
fn until_next(every: Duration, now: Utc) -> Duration {
    let every_ms = i64::try_from(every.as_millis()).unwrap_or(i64::MAX).max(1);
    let past = now.as_millisecond().rem_euclid(every_ms);
    let left = Duration::from_millis((every_ms - past).unsigned_abs());
    if left < every / 10 {
        left + every
    } else {
        left
    }
}

#[cfg(test)]
#[path = "totals_tests.rs"]
mod tests;
