//! Whether anything moves in a picture: its luma as means of a coarse grid, against what was there a moment ago.
//!
//! A change counts by how far it differs from the change around it, so that lamps, clouds, a hunting exposure and the
//! soft edges of their shadows do not: they change neighbours alike. What is written into the picture's upper and lower
//! margin, a clock above all, is learned and left out. Reads the luma that rules on the picture itself read too.

use std::time::Duration;

use analytics::picture::Luma;

/// Cells of the grid.
const COLUMNS: usize = 64;
const ROWS: usize = 36;
const CELLS: usize = COLUMNS * ROWS;

/// A cell is a square of so many of the luma's: enough to average a sensor's noise out.
const SIDE: usize = Luma::COLUMNS / COLUMNS;
/// A picture is compared with one that is so old at least, and not twice as old where looks are frequent: long enough for
/// what creeps to differ, short enough for what stopped to be soon part of it.
const AGE: Duration = Duration::from_millis(500);
/// A cell's usual unrest is learned with this share of each look.
const LEARN: f32 = 0.02;
/// A change is not taken for larger than this, in code values: a small strong one is no change of its neighbourhood.
const STRONG: f32 = 12.0;
/// Half side, in cells, of the neighbourhood whose common change does not count.
const REACH: usize = 4;
/// A cell has changed when it differs by so many times its usual unrest,
const UNREST: f32 = 8.0;
/// and by so many code values of luma at least.
const LEAST: f32 = 2.0;
/// Unrest is never taken for larger than this: else a road would learn its traffic.
const CALM: f32 = 1.0;
/// Share of the picture's height at the top and the bottom in which cameras write.
const MARGIN: f32 = 0.12;
/// A cell of the margin that has changed in this share of the looks at an otherwise quiet picture is written text.
const TEXT: f32 = 0.3;
/// Share of each quiet look in that.
const TEXT_LEARN: f32 = 0.04;
/// Cells beside written text that are text too: the date and the minutes beside the seconds.
const TEXT_REACH: usize = 20;

/// What a look at a picture says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Motion {
    /// Something moves.
    pub moving: bool,
    /// Share of cells that have changed, text left out.
    pub share: f32,
}

/// The memory of one camera's picture.
#[derive(Debug)]
pub struct MotionDetector {
    size: (u32, u32),
    now: Vec<f32>,
    older: Snapshot,
    newer: Snapshot,
    unrest: Vec<f32>,
    change: Vec<f32>,
    around: Vec<f32>,
    changed: Vec<bool>,
    text: Vec<f32>,
    masked: Vec<bool>,
}

/// A picture as it was.
#[derive(Debug, Default)]
struct Snapshot {
    at: Option<Duration>,
    cells: Vec<f32>,
}

impl Snapshot {
    fn take(&mut self, cells: &[f32], at: Duration) {
        self.at = Some(at);
        self.cells.clear();
        self.cells.extend_from_slice(cells);
    }
}

impl Default for MotionDetector {
    fn default() -> Self {
        MotionDetector::new(|_, _| false)
    }
}

impl MotionDetector {
    /// A detector that has seen nothing. `masked` says of a point (0..=1 from the left and the top) whether movement
    /// there counts for nothing.
    pub fn new(masked: impl Fn(f32, f32) -> bool) -> MotionDetector {
        let middle = |i: usize, n: usize| (i as f32 + 0.5) / n as f32;
        let masked = (0..CELLS)
            .map(|i| masked(middle(i % COLUMNS, COLUMNS), middle(i / COLUMNS, ROWS)))
            .collect();
        MotionDetector {
            size: (0, 0),
            now: vec![0.0; CELLS],
            older: Snapshot::default(),
            newer: Snapshot::default(),
            unrest: vec![CALM; CELLS],
            change: vec![0.0; CELLS],
            around: vec![0.0; CELLS],
            changed: vec![false; CELLS],
            text: vec![0.0; CELLS],
            masked,
        }
    }

    /// Looks at the luma of the picture of `at`, which is of `size` pixels, without remembering it; see
    /// [`MotionDetector::learn`]. The first picture, and the first of another size, counts as moving.
    pub fn look(&mut self, luma: &Luma, size: (u32, u32), at: Duration) -> Motion {
        cells(luma, &mut self.now);
        if self.newer.at.is_none() || self.size != size {
            self.size = size;
            (self.older.at, self.newer.at) = (None, None);
            return Motion {
                moving: true,
                share: 1.0,
            };
        }
        let recent = (self.newer.at).is_none_or(|newer| at.saturating_sub(newer) < AGE);
        self.compare(recent && self.older.at.is_some());
        self.verdict()
    }

    /// Remembers the picture that was looked at last, which was shown at `at`.
    pub fn learn(&mut self, at: Duration) {
        let first = self.newer.at.is_none();
        if self
            .newer
            .at
            .is_none_or(|newer| at.saturating_sub(newer) >= AGE)
        {
            std::mem::swap(&mut self.older, &mut self.newer);
            self.newer.take(&self.now, at);
        }
        if first {
            return;
        }
        for (unrest, change) in self.unrest.iter_mut().zip(&self.change) {
            let seen = change.abs().min(CALM);
            *unrest += LEARN * (seen - *unrest);
        }
        self.learn_text();
    }

    /// How far each cell has changed, what the picture did as a whole and what its neighbourhood did alike taken off.
    fn compare(&mut self, older: bool) {
        let before = match older {
            true => &self.older.cells,
            false => &self.newer.cells,
        };
        let mut exposure = Exposure::fit(before, &self.now, f32::INFINITY, Exposure::SAME);
        for _ in 0..2 {
            let off = exposure.unlike(before, &self.now);
            exposure = Exposure::fit(before, &self.now, 2.0 * off, exposure);
        }
        for ((change, now), before) in self.change.iter_mut().zip(&self.now).zip(before) {
            *change = (now - exposure.of(*before)).clamp(-STRONG, STRONG);
        }
        blur(&self.change, &mut self.around);
        for (change, around) in self.change.iter_mut().zip(&self.around) {
            *change -= around;
        }
        for ((changed, change), unrest) in
            (self.changed.iter_mut().zip(&self.change)).zip(&self.unrest)
        {
            *changed = change.abs() > (UNREST * unrest).max(LEAST);
        }
    }

    fn verdict(&self) -> Motion {
        let mut count = 0_u16;
        for i in 0..CELLS {
            count += u16::from(self.changed[i] && !self.masked[i] && !self.is_text(i));
        }
        Motion {
            moving: count > 0,
            share: f32::from(count) / CELLS as f32,
        }
    }

    /// Whether cell `i` or one beside it in its row is written text.
    fn is_text(&self, i: usize) -> bool {
        let (row, column) = (i / COLUMNS, i % COLUMNS);
        if !in_margin(row) {
            return false;
        }
        let from = row * COLUMNS + column.saturating_sub(TEXT_REACH);
        let to = row * COLUMNS + (column + TEXT_REACH).min(COLUMNS - 1);
        self.text[from..=to].iter().any(|text| *text > TEXT)
    }

    /// Text is learned from pictures in which nothing else changes: else traffic at the margin would be.
    fn learn_text(&mut self) {
        let inner = |i: &usize| !in_margin(i / COLUMNS) && !self.masked[*i];
        if (0..CELLS).filter(inner).any(|i| self.changed[i]) {
            return;
        }
        for (i, text) in self.text.iter_mut().enumerate() {
            let seen = f32::from(u8::from(self.changed[i] && in_margin(i / COLUMNS)));
            *text += TEXT_LEARN * (seen - *text);
        }
    }
}

/// How a picture as a whole became lighter or darker: `gain * before + lift`.
#[derive(Clone, Copy)]
struct Exposure {
    gain: f32,
    lift: f32,
}

impl Exposure {
    const SAME: Exposure = Exposure {
        gain: 1.0,
        lift: 0.0,
    };

    fn of(self, before: f32) -> f32 {
        self.gain * before + self.lift
    }

    /// Mean difference from what it would make of `before`.
    fn unlike(self, before: &[f32], after: &[f32]) -> f32 {
        let differences = before.iter().zip(after);
        let sum: f32 = differences.map(|(b, a)| (a - self.of(*b)).abs()).sum();
        sum / before.len() as f32
    }

    /// By least squares over the cells that `known` misses by less than `limit`: what moves is left out so.
    fn fit(before: &[f32], after: &[f32], limit: f32, known: Exposure) -> Exposure {
        let (mut n, mut sb, mut sa, mut sbb, mut sba) = (0.0, 0.0, 0.0, 0.0, 0.0);
        for (b, a) in before.iter().zip(after) {
            if (a - known.of(*b)).abs() <= limit {
                n += 1.0;
                sb += b;
                sa += a;
                sbb += b * b;
                sba += b * a;
            }
        }
        let spread: f32 = n * sbb - sb * sb;
        // A picture of one grey tells a lift, but no gain.
        if n < CELLS as f32 / 4.0 || spread < n * n {
            let lift = if n > 0.0 { (sa - sb) / n } else { 0.0 };
            return Exposure { gain: 1.0, lift };
        }
        let gain = (n * sba - sb * sa) / spread;
        Exposure {
            gain,
            lift: (sa - gain * sb) / n,
        }
    }
}

fn in_margin(row: usize) -> bool {
    let middle = (row as f32 + 0.5) / ROWS as f32;
    !(MARGIN..=1.0 - MARGIN).contains(&middle)
}

/// Means of the luma over the cells, `[ROWS][COLUMNS]`, in code values.
fn cells(luma: &Luma, out: &mut [f32]) {
    let bands = luma.cells().chunks_exact(Luma::COLUMNS * SIDE);
    for (band, out) in bands.zip(out.chunks_exact_mut(COLUMNS)) {
        let mut sums = [0_u32; COLUMNS];
        for row in band.chunks_exact(Luma::COLUMNS) {
            for (sum, part) in sums.iter_mut().zip(row.chunks_exact(SIDE)) {
                *sum += part.iter().map(|v| u32::from(*v)).sum::<u32>();
            }
        }
        for (out, sum) in out.iter_mut().zip(sums) {
            *out = sum as f32 / (SIDE * SIDE) as f32;
        }
    }
}

/// Means over squares of `2 * REACH + 1` cells, cut at the edges.
fn blur(from: &[f32], out: &mut [f32]) {
    let mut sums = [0.0_f32; CELLS];
    for (row, sums) in from
        .chunks_exact(COLUMNS)
        .zip(sums.chunks_exact_mut(COLUMNS))
    {
        running(row.iter().copied(), COLUMNS, |i, mean| sums[i] = mean);
    }
    for column in 0..COLUMNS {
        let values = sums[column..].iter().step_by(COLUMNS).copied();
        running(values, ROWS, |i, mean| out[i * COLUMNS + column] = mean);
    }
}

/// Running means of `count` values over `REACH` neighbours on either side.
fn running(
    values: impl Iterator<Item = f32> + Clone,
    count: usize,
    mut set: impl FnMut(usize, f32),
) {
    let mut ahead = values.clone();
    let mut behind = values;
    let (mut sum, mut from, mut to) = (0.0, 0, 0);
    for i in 0..count {
        while to < (i + REACH + 1).min(count) {
            sum += ahead.next().unwrap_or_default();
            to += 1;
        }
        while from + REACH < i {
            sum -= behind.next().unwrap_or_default();
            from += 1;
        }
        set(i, sum / (to - from) as f32);
    }
}

#[cfg(test)]
#[path = "motion_tests.rs"]
mod tests;
