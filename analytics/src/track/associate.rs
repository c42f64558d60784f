//! Which detection continues which track: affinities of pairs, and the assignment of the largest sum.

use pathfinding::{kuhn_munkres::kuhn_munkres, matrix::Matrix};

/// A pair that may belong together.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pair {
    pub(super) track: usize,
    pub(super) det: usize,
    /// Larger is better; above 0.
    pub(super) affinity: f32,
}

/// Chooses pairs such that no track and no detection is used twice and the sum of affinities is the largest. Most scenes
/// fall apart into small groups in which anything competes at all; each group is solved on its own.
#[derive(Clone, Debug, Default)]
pub(super) struct Assignment {
    chosen: Vec<(usize, usize)>,
    group: Vec<Pair>,
}

impl Assignment {
    /// The chosen (track, detection) pairs.
    pub(super) fn solve(&mut self, pairs: &mut Vec<Pair>) -> &[(usize, usize)] {
        self.chosen.clear();
        while let Some(first) = pairs.pop() {
            self.take_group(first, pairs);
            match self.group.as_slice() {
                [only] => self.chosen.push((only.track, only.det)),
                group => solve_group(group, &mut self.chosen),
            }
        }
        &self.chosen
    }

    /// Moves all pairs that compete with `first`, directly or through others, to `self.group`.
    fn take_group(&mut self, first: Pair, pairs: &mut Vec<Pair>) {
        self.group.clear();
        self.group.push(first);
        let mut next = 0;
        while let Some(&member) = self.group.get(next) {
            next += 1;
            let mut i = 0;
            while let Some(&pair) = pairs.get(i) {
                if pair.track == member.track || pair.det == member.det {
                    self.group.push(pair);
                    pairs.swap_remove(i);
                } else {
                    i += 1;
                }
            }
        }
    }
}

fn solve_group(group: &[Pair], chosen: &mut Vec<(usize, usize)>) {
    let mut tracks: Vec<usize> = group.iter().map(|p| p.track).collect();
    let mut dets: Vec<usize> = group.iter().map(|p| p.det).collect();
    for list in [&mut tracks, &mut dets] {
        list.sort_unstable();
        list.dedup();
    }
    // The solver wants no more rows than columns, and whole numbers; a pair that may not be has weight 0.
    let swapped = tracks.len() > dets.len();
    let (rows, columns) = if swapped {
        (&dets, &tracks)
    } else {
        (&tracks, &dets)
    };
    let mut weights = Matrix::new(rows.len(), columns.len(), 0_i32);
    for pair in group {
        let (row, column) = if swapped {
            (pair.det, pair.track)
        } else {
            (pair.track, pair.det)
        };
        if let (Ok(r), Ok(c)) = (rows.binary_search(&row), columns.binary_search(&column))
            && let Some(weight) = weights.get_mut((r, c))
        {
            #[expect(
                clippy::cast_possible_truncation,
                reason = "saturates; affinities are about 1"
            )]
            let whole = (pair.affinity * 1e4) as i32;
            *weight = whole.max(1);
        }
    }
    let (_, assigned) = kuhn_munkres(&weights);
    for (r, c) in assigned.into_iter().enumerate() {
        let possible = weights.get((r, c)).is_some_and(|w| *w > 0);
        if let (true, Some(&row), Some(&column)) = (possible, rows.get(r), columns.get(c)) {
            chosen.push(if swapped {
                (column, row)
            } else {
                (row, column)
            });
        }
    }
}
