//! Alarms against the truth. One to one: truth incidents in order of their start each take the earliest free alarm that
//! fits; what lies inside an `[[ignore]]` of its rule counts neither way.

use super::case::{Span, Truth};

/// How one rule did.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Score {
    /// Truth incidents that count.
    pub truth: usize,
    /// Alarms that count.
    pub alarms: usize,
    /// Delays of the matched ones in seconds, opened - start.
    pub delays_s: Vec<f64>,
    /// Truth incidents that no alarm belongs to.
    pub missed: Vec<Span>,
    /// Times of alarms that belong to no truth incident, in seconds.
    pub false_alarms_s: Vec<f64>,
}

/// Counts over any number of rules.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Matched.
    pub tp: usize,
    /// False alarms.
    pub fp: usize,
    /// Misses.
    pub fn_: usize,
}

impl Score {
    /// Scores one rule: `alarms` are the media times in seconds at which its incidents opened.
    pub fn new(rule: &str, truth: &Truth, alarms: &[f64]) -> Score {
        let ignored = |from: f64, to: f64| {
            truth
                .ignore
                .iter()
                .any(|i| i.rule == rule && i.start_s <= from && to <= i.end_s)
        };
        let mut incidents: Vec<&Span> = (truth.incidents.iter())
            .filter(|t| t.rule == rule && !ignored(t.start_s, t.end_s))
            .collect();
        incidents.sort_by(|a, b| a.start_s.total_cmp(&b.start_s));
        let mut free: Vec<f64> = (alarms.iter().copied())
            .filter(|alarm| !ignored(*alarm, *alarm))
            .collect();
        free.sort_by(f64::total_cmp);
        let mut score = Score {
            truth: incidents.len(),
            alarms: free.len(),
            ..Score::default()
        };
        for incident in incidents {
            let from = incident.start_s - truth.tolerance_s;
            let to = incident.end_s + truth.tolerance_s;
            match free.iter().position(|alarm| (from..=to).contains(alarm)) {
                Some(at) => score.delays_s.push(free.remove(at) - incident.start_s),
                None => score.missed.push(incident.clone()),
            }
        }
        score.false_alarms_s = free;
        score
    }

    /// Its counts.
    pub fn counts(&self) -> Counts {
        Counts {
            tp: self.delays_s.len(),
            fp: self.false_alarms_s.len(),
            fn_: self.missed.len(),
        }
    }

    /// Mean delay in seconds of what was matched.
    pub fn mean_delay_s(&self) -> Option<f64> {
        let count = self.delays_s.len();
        (count > 0).then(|| self.delays_s.iter().sum::<f64>() / count as f64)
    }
}

impl Counts {
    /// Share of the alarms that were right; 1 without alarms.
    pub fn precision(&self) -> f64 {
        share(self.tp, self.tp + self.fp)
    }

    /// Share of the truth that was seen; 1 without truth.
    pub fn recall(&self) -> f64 {
        share(self.tp, self.tp + self.fn_)
    }

    /// Harmonic mean of both; 1 where nothing happened and nothing was said.
    pub fn f1(&self) -> f64 {
        share(2 * self.tp, 2 * self.tp + self.fp + self.fn_)
    }
}

fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 {
        1.0
    } else {
        part as f64 / whole as f64
    }
}

impl std::ops::Add for Counts {
    type Output = Counts;

    fn add(self, other: Counts) -> Counts {
        Counts {
            tp: self.tp + other.tp,
            fp: self.fp + other.fp,
            fn_: self.fn_ + other.fn_,
        }
    }
}

impl std::iter::Sum for Counts {
    fn sum<I: Iterator<Item = Counts>>(counts: I) -> Counts {
        counts.fold(Counts::default(), |a, b| a + b)
    }
}

#[cfg(test)]
#[path = "score_tests.rs"]
mod tests;
