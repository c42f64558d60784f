//! Which detection continues which track: affinities of pairs, and the assignment of the largest sum.

use pathfinding::{kuhn_munkres::kuhn_munkres, matrix::Matrix};

use crate::{detection::Detection, geometry::Rect};

/// Largest ratio between a predicted side and a detection's, as its natural logarithm.
const MAX_GROWTH: f32 = 0.75;
/// How many standard deviations from the predicted middle a detection may lie that overlaps too little.
const GATE: f32 = 2.6;
/// Overlap from which on a detection may continue a track however far its middle lies.
const SURE_OVERLAP: f32 = 0.3;
/// Share of the overlap in an affinity; the rest is nearness.
const OVERLAP_SHARE: f32 = 0.7;
/// How fast nearness falls with the squared distance in standard deviations.
const NEARNESS: f32 = 0.2;
/// How much of its affinity a detection of score 0 loses.
const SCORE_SHARE: f32 = 0.17;

/// How well a detection continues a track that is expected at `predicted`, give or take `reach` (standard deviations of its
/// middle along x and y); None where it cannot.
pub(super) fn affinity(predicted: &Rect, reach: (f32, f32), det: &Detection) -> Option<f32> {
    let growth = |a: f32, b: f32| (a / b).ln().abs();
    if growth(predicted.w, det.rect.w).max(growth(predicted.h, det.rect.h)) > MAX_GROWTH {
        return None;
    }
    let (a, b) = (predicted.centre(), det.rect.centre());
    let (dx, dy) = ((a.x - b.x) / reach.0, (a.y - b.y) / reach.1);
    let far = dx * dx + dy * dy;
    let overlap = predicted.iou(&det.rect);
    if far > GATE * GATE && overlap < SURE_OVERLAP {
        return None;
    }
    let near = (-NEARNESS * far).exp();
    let alike = OVERLAP_SHARE * overlap + (1.0 - OVERLAP_SHARE) * near;
    let affinity = alike * (1.0 - SCORE_SHARE + SCORE_SHARE * det.score);
    (affinity > 0.0).then_some(affinity)
}

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
