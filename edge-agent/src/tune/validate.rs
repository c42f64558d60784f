//! Whether values hold where they were not found: folds of cases, and intervals.

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng, seq::SliceRandom as _};
use serde::Serialize;

use super::{
    search::best,
    trial::{Choice, Trial},
};
use crate::evaluate::score::Counts;

/// Draws of a bootstrap (Efron and Tibshirani, An Introduction to the Bootstrap, 1993): percentile intervals want a thousand or
/// more.
const DRAWS: usize = 2000;

/// Share of the draws that lie inside an interval.
const INSIDE: f64 = 0.95;

/// A figure, with the interval that 95 % of the draws of as many cases lie in.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(super) struct Figure {
    pub(super) value: f64,
    pub(super) from: f64,
    pub(super) to: f64,
}

/// How a rule did, all cases together.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Scored {
    pub(super) f1: Figure,
    pub(super) precision: f64,
    pub(super) recall: f64,
}

impl Scored {
    pub(super) fn of(counts: &[Counts], seed: u64) -> Scored {
        let sum: Counts = counts.iter().copied().sum();
        Scored {
            f1: interval(counts.len(), seed, &|drawn| {
                drawn.map(|case| counts[case]).sum::<Counts>().f1()
            }),
            precision: sum.precision(),
            recall: sum.recall(),
        }
    }
}

/// F1 of one minus F1 of the other on the same cases.
pub(super) fn gain(after: &[Counts], before: &[Counts], seed: u64) -> Figure {
    interval(after.len(), seed, &|drawn| {
        let drawn: Vec<usize> = drawn.collect();
        let of = |counts: &[Counts]| drawn.iter().map(|case| counts[*case]).sum::<Counts>().f1();
        of(after) - of(before)
    })
}

/// A figure of cases, and what it would be with other cases of the same kind.
fn interval(
    cases: usize,
    seed: u64,
    figure: &dyn Fn(&mut dyn Iterator<Item = usize>) -> f64,
) -> Figure {
    let mut dice = StdRng::seed_from_u64(seed);
    let mut drawn: Vec<f64> = (0..DRAWS)
        .map(|_| figure(&mut (0..cases).map(|_| dice.random_range(0..cases))))
        .collect();
    drawn.sort_by(f64::total_cmp);
    let at = |share: f64| drawn[((DRAWS - 1) as f64 * share).round() as usize];
    Figure {
        value: figure(&mut (0..cases)),
        from: at((1.0 - INSIDE) / 2.0),
        to: at((1.0 + INSIDE) / 2.0),
    }
}

/// What values that were found on the other cases score in each case: `folds` times a part of the cases is kept aside. Nothing
/// for a single case.
pub(super) fn unseen(
    trial: &Trial,
    folds: usize,
    seed: u64,
    told: &dyn Fn(usize, usize),
) -> Option<Vec<Counts>> {
    let count = trial.cases.len();
    let folds = folds.min(count);
    if folds < 2 {
        return None;
    }
    let mut order: Vec<usize> = (0..count).collect();
    order.shuffle(&mut StdRng::seed_from_u64(seed));
    let mut scored = vec![Counts::default(); count];
    for fold in 0..folds {
        told(fold, folds);
        let (mut kept, mut rest) = (Vec::new(), Vec::new());
        for (place, case) in order.iter().enumerate() {
            match place % folds == fold {
                true => kept.push(*case),
                false => rest.push(*case),
            }
        }
        let found: Choice = best(trial, &rest, seed);
        // A choice that makes no sense in a case it has not seen leaves that case as it is.
        for case in kept {
            let there = trial.counts(&[case], &[found.clone(), trial.now.clone()]);
            let there = there.into_iter().flatten().next();
            scored[case] = there
                .and_then(|counts| counts.first().copied())
                .unwrap_or_default();
        }
    }
    Some(scored)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(tp: usize, fp: usize, fn_: usize) -> Counts {
        Counts { tp, fp, fn_ }
    }

    #[test]
    fn an_interval_holds_the_figure_and_is_none_where_all_cases_are_alike() {
        let alike = vec![counts(3, 1, 0); 10];
        let scored = Scored::of(&alike, 7);
        assert_eq!(
            (scored.f1.from, scored.f1.to),
            (scored.f1.value, scored.f1.value)
        );
        let mut unlike = vec![counts(3, 0, 0); 5];
        unlike.extend(vec![counts(0, 2, 3); 5]);
        let f1 = Scored::of(&unlike, 7).f1;
        assert!(f1.from < f1.value - 0.1 && f1.value + 0.1 < f1.to, "{f1:?}");
        assert_eq!(
            f1,
            Scored::of(&unlike, 7).f1,
            "the same seed draws the same"
        );
    }

    #[test]
    fn a_gain_is_told_of_the_same_cases() {
        let (before, after) = (vec![counts(0, 0, 2); 8], vec![counts(2, 0, 0); 8]);
        let gain = gain(&after, &before, 1);
        assert_eq!((gain.from, gain.value, gain.to), (1.0, 1.0, 1.0));
    }
}
