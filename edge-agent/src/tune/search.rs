//! Coordinate search: one knob after the other along all of its values, from several starts, until none does better.

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

use super::trial::{Choice, Trial};
use crate::evaluate::score::Counts;

/// Rounds over all knobs, at most.
const ROUNDS: usize = 5;

/// Starts somewhere, besides what is configured and what is usual.
const ELSEWHERE: usize = 2;

/// The best choice for these cases. The same seed finds the same.
pub(super) fn best(trial: &Trial, cases: &[usize], seed: u64) -> Choice {
    let mut starts = vec![trial.now.clone(), trial.usual()];
    let mut dice = StdRng::seed_from_u64(seed);
    for _ in 0..ELSEWHERE {
        let place = |values: &Vec<f64>| dice.random_range(0..values.len());
        starts.push(trial.values.iter().map(place).collect());
    }
    starts.dedup();
    let mut best: Option<(f64, Choice)> = None;
    for start in starts {
        let found = climb(trial, cases, start);
        let f1 = f1(trial, cases, std::slice::from_ref(&found))[0].unwrap_or(-1.0);
        // What is configured comes first and stays, where nothing is better.
        if best.as_ref().is_none_or(|(high, _)| f1 > high + 1e-9) {
            best = Some((f1, found));
        }
    }
    best.map_or_else(|| trial.now.clone(), |(_, choice)| choice)
}

fn climb(trial: &Trial, cases: &[usize], start: Choice) -> Choice {
    let mut at = start;
    for _ in 0..ROUNDS {
        let before = at.clone();
        for knob in 0..trial.knobs.len() {
            let line: Vec<Choice> = (0..trial.values[knob].len())
                .map(|value| {
                    let mut other = at.clone();
                    other[knob] = value;
                    other
                })
                .collect();
            at[knob] = middle(&f1(trial, cases, &line), at[knob]);
        }
        if at == before {
            break;
        }
    }
    at
}

fn f1(trial: &Trial, cases: &[usize], choices: &[Choice]) -> Vec<Option<f64>> {
    let scored = trial.counts(cases, choices);
    let sum = |counts: Vec<Counts>| counts.into_iter().sum::<Counts>().f1();
    scored.into_iter().map(|counts| counts.map(sum)).collect()
}

/// The place that is taken along a line of scores: where the best ones stand in a row, the middle of the longest row, for what
/// lies far from both of its ends holds for other days, too. What is right already and not at an end stays.
fn middle(line: &[Option<f64>], at: usize) -> usize {
    let top = line
        .iter()
        .flatten()
        .copied()
        .fold(f64::NEG_INFINITY, f64::max);
    let is_best = |place: usize| line[place].is_some_and(|f1| f1 >= top - 1e-9);
    let (mut rows, mut row): (Vec<Vec<usize>>, Vec<usize>) = (Vec::new(), Vec::new());
    for place in 0..line.len() {
        match is_best(place) {
            true => row.push(place),
            false => rows.push(std::mem::take(&mut row)),
        }
    }
    rows.push(row);
    let inside = |row: &&Vec<usize>| {
        let (first, last) = (row.first().copied(), row.last().copied());
        let clear =
            |end: Option<usize>, edge: usize| end.is_some_and(|end| end != at || end == edge);
        row.contains(&at) && clear(first, 0) && clear(last, line.len() - 1)
    };
    if rows.iter().any(|row| inside(&row)) {
        return at;
    }
    let mut longest: &[usize] = &[];
    for row in &rows {
        if row.len() > longest.len() {
            longest = row;
        }
    }
    longest
        .get(longest.len().saturating_sub(1) / 2)
        .copied()
        .unwrap_or(at)
}

#[cfg(test)]
mod tests {
    use super::middle;

    fn scores(line: &[f64]) -> Vec<Option<f64>> {
        line.iter().map(|f1| (*f1 >= 0.0).then_some(*f1)).collect()
    }

    #[test]
    fn the_middle_of_the_longest_best_row_is_taken() {
        assert_eq!(middle(&scores(&[0.1, 0.9, 0.2, 0.9, 0.9, 0.9, 0.3]), 0), 4);
        assert_eq!(middle(&scores(&[0.1, 0.9, 0.2]), 2), 1);
        // What makes no sense is no score.
        assert_eq!(middle(&scores(&[-1.0, -1.0, 0.4]), 0), 2);
        assert_eq!(middle(&scores(&[-1.0, -1.0]), 1), 1);
    }

    #[test]
    fn what_is_right_and_not_at_a_cliff_stays() {
        assert_eq!(middle(&scores(&[0.1, 0.9, 0.9, 0.9, 0.9, 0.9, 0.1]), 2), 2);
        assert_eq!(middle(&scores(&[0.1, 0.9, 0.9, 0.9, 0.9, 0.9, 0.1]), 1), 3);
        // Where nothing changes, nothing is changed; the end of all values is no cliff.
        assert_eq!(middle(&scores(&[0.9, 0.9, 0.9]), 0), 0);
        assert_eq!(middle(&scores(&[0.9, 0.9, 0.9, 0.2]), 0), 0);
    }
}
