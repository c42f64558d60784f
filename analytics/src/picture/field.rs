//! Arithmetic on small pictures: means over squares, slopes, and how far two fields of slopes agree.

/// Blocks of the picture in which agreement is judged, across and down.
pub(super) const ACROSS: usize = 10;
pub(super) const DOWN: usize = 9;

/// Slopes of a picture, to the right and down, in code values a cell.
pub(super) type Slopes = Vec<[f32; 2]>;

/// Means over squares of `n` cells of a picture that is `columns` wide; what is left over at its end is left out.
pub(super) fn pool(cells: &[f32], columns: usize, n: usize) -> Vec<f32> {
    let mut means = Vec::with_capacity(cells.len() / (n * n));
    for band in cells.chunks_exact(columns * n) {
        let mut sums = vec![0.0_f32; columns / n];
        for row in band.chunks_exact(columns) {
            for (sum, part) in sums.iter_mut().zip(row.chunks_exact(n)) {
                *sum += part.iter().sum::<f32>();
            }
        }
        means.extend(sums.iter().map(|sum| sum / (n * n) as f32));
    }
    means
}

/// Central differences; none at the edges.
pub(super) fn slopes(cells: &[f32], columns: usize) -> Slopes {
    let rows: Vec<&[f32]> = cells.chunks_exact(columns).collect();
    let mut slopes = Vec::with_capacity(cells.len());
    slopes.resize(columns, [0.0; 2]);
    for three in rows.windows(3) {
        let [above, row, below] = three else { continue };
        let down = above.iter().zip(*below).skip(1).map(|(a, b)| 0.5 * (b - a));
        slopes.push([0.0; 2]);
        slopes.extend(row.windows(3).zip(down).map(|(beside, down)| match beside {
            [left, _, right] => [0.5 * (right - left), down],
            _ => [0.0; 2],
        }));
        slopes.push([0.0; 2]);
    }
    slopes.resize(cells.len(), [0.0; 2]);
    slopes
}

/// Moves `mean` by `share` of the way to `now`.
pub(super) fn approach(mean: &mut [[f32; 2]], now: &[[f32; 2]], share: f32) {
    for ([mx, my], [x, y]) in mean.iter_mut().zip(now) {
        *mx += share * (x - *mx);
        *my += share * (y - *my);
    }
}

/// Sums of products of two fields: how far `a` is like `b`.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Agreement {
    aa: f32,
    ab: f32,
    bb: f32,
    count: f32,
}

impl Agreement {
    pub(super) fn of(a: &[[f32; 2]], b: &[[f32; 2]]) -> Agreement {
        let mut sums = Agreement::default();
        sums.add(a, b);
        sums
    }

    fn add(&mut self, a: &[[f32; 2]], b: &[[f32; 2]]) {
        for ([ax, ay], [bx, by]) in a.iter().zip(b) {
            self.aa += ax * ax + ay * ay;
            self.ab += ax * bx + ay * by;
            self.bb += bx * bx + by * by;
        }
        self.count += a.len().min(b.len()) as f32;
    }

    /// -1..=1, whatever the contrast of either; 0 where one is flat.
    pub(super) fn correlation(&self) -> f32 {
        let norm = (self.aa * self.bb).sqrt();
        if norm > f32::EPSILON {
            self.ab / norm
        } else {
            0.0
        }
    }

    /// How much of `b` is in `a`: 1 where they are the same, 0.5 at half the contrast. Noise of `a` does not count.
    pub(super) fn gain(&self) -> f32 {
        if self.bb > f32::EPSILON {
            self.ab / self.bb
        } else {
            0.0
        }
    }

    /// Root mean square of the slopes of `a` by those of `b`.
    pub(super) fn energy(&self) -> f32 {
        if self.bb > f32::EPSILON {
            (self.aa / self.bb).sqrt()
        } else {
            0.0
        }
    }

    /// Sum of the squares of the slopes of `a`.
    pub(super) fn energy_of_a(&self) -> f32 {
        self.aa
    }

    /// Root mean square of the slopes of `b`, in code values a cell.
    pub(super) fn strength_of_b(&self) -> f32 {
        (self.bb / self.count.max(1.0)).sqrt()
    }
}

/// Agreement block by block of two fields that are `columns` wide; `columns` is a multiple of [`ACROSS`], rows of [`DOWN`].
pub(super) fn by_block(a: &[[f32; 2]], b: &[[f32; 2]], columns: usize) -> Vec<Agreement> {
    let (wide, high) = (columns / ACROSS, a.len() / columns / DOWN);
    let mut blocks = Vec::with_capacity(ACROSS * DOWN);
    for (a, b) in a
        .chunks_exact(columns * high)
        .zip(b.chunks_exact(columns * high))
    {
        let mut band = [Agreement::default(); ACROSS];
        for (a, b) in a.chunks_exact(columns).zip(b.chunks_exact(columns)) {
            let parts = a.chunks_exact(wide).zip(b.chunks_exact(wide));
            band.iter_mut()
                .zip(parts)
                .for_each(|(sums, (a, b))| sums.add(a, b));
        }
        blocks.extend(band);
    }
    blocks
}

/// The field moved to the right and down by so many cells; flat where that leaves nothing.
pub(super) fn shifted(field: &[[f32; 2]], columns: usize, across: i8, down: i8) -> Slopes {
    let by = isize::from(down) * columns.cast_signed() + isize::from(across);
    let mut moved: Slopes = field.to_vec();
    let blank = by.unsigned_abs().min(moved.len());
    if by >= 0 {
        moved.rotate_right(blank);
        moved
            .iter_mut()
            .take(blank)
            .for_each(|slope| *slope = [0.0; 2]);
    } else {
        moved.rotate_left(blank);
        moved
            .iter_mut()
            .rev()
            .take(blank)
            .for_each(|slope| *slope = [0.0; 2]);
    }
    // What went over the side comes in at the other one: edges of a cell or two there are no matter.
    moved
}

/// The best agreement of `a` with `b` moved by up to `reach` cells across and down, of those moved at all.
pub(super) fn best_shift(
    a: &[[f32; 2]],
    b: &[[f32; 2]],
    columns: usize,
    reach: (usize, usize),
) -> f32 {
    let a: Vec<&[[f32; 2]]> = a.chunks_exact(columns).collect();
    let b: Vec<&[[f32; 2]]> = b.chunks_exact(columns).collect();
    let mut best = 0.0_f32;
    for down in 0..=reach.1 {
        for across in 0..=reach.0 {
            if (across, down) == (0, 0) {
                continue;
            }
            // All four ways: each field moved against the other, to the right and to the left.
            for (first, second) in [(&a, &b), (&b, &a)] {
                let mut right = Agreement::default();
                let mut left = Agreement::default();
                for (f, s) in first.iter().skip(down).zip(second.iter()) {
                    right.add(f.get(across..).unwrap_or_default(), s);
                    left.add(f, s.get(across..).unwrap_or_default());
                }
                best = best.max(right.correlation()).max(left.correlation());
            }
        }
    }
    best
}

/// Correlation of two pictures' brightness, whatever the exposure of either; 0 where one is flat.
pub(super) fn likeness(a: &[f32], b: &[f32]) -> f32 {
    let n = a.len().min(b.len()).max(1) as f32;
    let (ma, mb) = (a.iter().sum::<f32>() / n, b.iter().sum::<f32>() / n);
    let (mut aa, mut ab, mut bb) = (0.0, 0.0, 0.0);
    for (a, b) in a.iter().zip(b) {
        let (a, b) = (a - ma, b - mb);
        aa += a * a;
        ab += a * b;
        bb += b * b;
    }
    let norm: f32 = f32::sqrt(aa * bb);
    if norm > f32::EPSILON { ab / norm } else { 0.0 }
}
