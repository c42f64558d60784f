//! Cells that belong together.

use super::luma::Luma;
use crate::geometry::Rect;

/// Blobs are found among squares of two cells: a gap of one cell parts nothing.
const COLUMNS: usize = Luma::COLUMNS / 2;
const ROWS: usize = Luma::ROWS / 2;
/// Fewer squares are noise.
const LEAST: usize = 4;
/// More of the picture is no thing.
const MOST: usize = COLUMNS * ROWS / 12;
/// Cells around a blob that belong to its window.
const AROUND: usize = 3;

/// Cells that belong together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Blob {
    /// Where they are.
    pub(super) rect: Rect,
    /// In squares, last ones included.
    left: usize,
    top: usize,
    right: usize,
    bottom: usize,
}

impl Blob {
    /// First column and row, columns and rows of it and what is around it, in cells.
    pub(super) fn window(&self) -> (usize, usize, usize, usize) {
        let span = |from: usize, to: usize, length: usize| {
            let first = (2 * from).saturating_sub(AROUND);
            (first, (2 * to + 2 + AROUND).min(length) - first)
        };
        let (across, columns) = span(self.left, self.right, Luma::COLUMNS);
        let (down, rows) = span(self.top, self.bottom, Luma::ROWS);
        (across, down, columns, rows)
    }
}

/// Blobs of the cells whose value is at least `from`.
pub(super) fn blobs(cells: &[f32], from: f32) -> Vec<Blob> {
    let mut open = vec![false; COLUMNS * ROWS];
    let bands = cells
        .chunks_exact(2 * Luma::COLUMNS)
        .zip(open.chunks_exact_mut(COLUMNS));
    for (band, open) in bands {
        let (upper, lower) = band.split_at(Luma::COLUMNS);
        let squares = upper.chunks_exact(2).zip(lower.chunks_exact(2));
        for (open, (upper, lower)) in open.iter_mut().zip(squares) {
            *open = upper
                .iter()
                .chain(lower)
                .filter(|cell| **cell >= from)
                .count()
                >= 2;
        }
    }
    let mut found = Vec::new();
    for i in 0..open.len() {
        if open.get(i).copied().unwrap_or_default() {
            found.extend(blob(&mut open, i));
        }
    }
    found
}

/// Takes the blob around square `first` out of what is open.
fn blob(open: &mut [bool], first: usize) -> Option<Blob> {
    let mut waiting = vec![first];
    let (mut left, mut top, mut right, mut bottom) = (COLUMNS, ROWS, 0, 0);
    let mut count = 0;
    while let Some(i) = waiting.pop() {
        if !open.get_mut(i).map(std::mem::take).unwrap_or_default() {
            continue;
        }
        let (x, y) = (i % COLUMNS, i / COLUMNS);
        (left, right) = (left.min(x), right.max(x));
        (top, bottom) = (top.min(y), bottom.max(y));
        count += 1;
        for y in y.saturating_sub(1)..=(y + 1).min(ROWS - 1) {
            for x in x.saturating_sub(1)..=(x + 1).min(COLUMNS - 1) {
                waiting.push(y * COLUMNS + x);
            }
        }
    }
    let share = |from: usize, to: usize, all: usize| {
        (
            from as f32 / all as f32,
            (to + 1 - from) as f32 / all as f32,
        )
    };
    (LEAST..=MOST).contains(&count).then(|| {
        let (x, w) = share(left, right, COLUMNS);
        let (y, h) = share(top, bottom, ROWS);
        Blob {
            rect: Rect { x, y, w, h },
            left,
            top,
            right,
            bottom,
        }
    })
}
