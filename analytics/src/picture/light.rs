//! How the light on a scene changed, place by place: clouds, lamps, shadows, exposure. Not what was put there.

use super::{field::pool, luma::Luma};

/// Light is told for squares of so many cells,
const SQUARE: usize = 8;
const COLUMNS: usize = Luma::COLUMNS / SQUARE;
const ROWS: usize = Luma::ROWS / SQUARE;
/// by the middle one of those around, so many to each side: what covers less than half of that is a thing and no light.
const REACH: usize = 2;
/// Code value of no light, a little below that of television, so that noise in the dark is no gain.
const BLACK: f32 = 12.0;
/// Least light that tells a gain, above that.
const DIM: f32 = 4.0;

/// What `before` would look like in the light of `after`: cells as `Luma`'s.
pub(super) fn relit(before: &[f32], after: &[f32]) -> Vec<f32> {
    let (was, is) = (
        pool(before, Luma::COLUMNS, SQUARE),
        pool(after, Luma::COLUMNS, SQUARE),
    );
    let gains: Vec<f32> = (was.iter().zip(&is))
        .map(|(was, is)| ((is - BLACK).max(DIM) / (was - BLACK).max(DIM)).clamp(0.2, 5.0))
        .collect();
    let gains = medians(&gains);
    let mut cells = Vec::with_capacity(before.len());
    for (y, row) in before.chunks_exact(Luma::COLUMNS).enumerate() {
        let (upper, lower, down) = between(y, ROWS);
        let of = |row: usize| {
            gains
                .get(row * COLUMNS..(row + 1) * COLUMNS)
                .unwrap_or_default()
        };
        let line: Vec<f32> = (of(upper).iter().zip(of(lower)))
            .map(|(upper, lower)| upper + down * (lower - upper))
            .collect();
        cells.extend(row.iter().enumerate().map(|(x, cell)| {
            let (left, right, across) = between(x, COLUMNS);
            let gain = |i: usize| line.get(i).copied().unwrap_or(1.0);
            let gain = gain(left) + across * (gain(right) - gain(left));
            BLACK + gain * (cell - BLACK)
        }));
    }
    cells
}

/// The squares on either side of a cell, and how far it is from the first to the second.
fn between(cell: usize, squares: usize) -> (usize, usize, f32) {
    let place = ((cell as f32 + 0.5) / SQUARE as f32 - 0.5).max(0.0);
    let first = (cell.saturating_sub(SQUARE / 2) / SQUARE).min(squares - 1);
    let second = (first + 1).min(squares - 1);
    (first, second, (place - first as f32).clamp(0.0, 1.0))
}

/// The median around each square, cut at the edges.
fn medians(gains: &[f32]) -> Vec<f32> {
    let rows: Vec<&[f32]> = gains.chunks_exact(COLUMNS).collect();
    let mut around = Vec::with_capacity((2 * REACH + 1).pow(2));
    let mut medians = Vec::with_capacity(gains.len());
    for y in 0..rows.len() {
        for x in 0..COLUMNS {
            around.clear();
            let band = rows
                .iter()
                .skip(y.saturating_sub(REACH))
                .take(REACH + 1 + y.min(REACH));
            let near = |row: &&[f32]| {
                let row = row.iter().skip(x.saturating_sub(REACH));
                row.take(REACH + 1 + x.min(REACH))
                    .copied()
                    .collect::<Vec<_>>()
            };
            around.extend(band.flat_map(near));
            around.sort_by(f32::total_cmp);
            medians.push(around.get(around.len() / 2).copied().unwrap_or(1.0));
        }
    }
    medians
}
