//! Movement as the encoder sees it: predicted pictures cost more bytes.

/// Sizes that are remembered: some seconds of them.
const REMEMBERED: usize = 128;
/// Sizes below which nothing is said.
const ENOUGH: usize = 24;
/// Outliers in a row that count: a single one is often the encoder's own doing (scene refresh, rate control).
const IN_A_ROW: u32 = 2;
/// Spreads (1.48 median absolute deviations) above the median at which a size is an outlier, at first.
const SPREADS: f32 = 6.0;
/// Most of them: beyond, sizes say nothing.
const MOST: f32 = 60.0;
/// A size is no outlier below this many times the median.
const LEAST: f32 = 1.25;
/// Spread, in bytes, that is taken for granted: a perfectly still picture costs next to nothing, give or take.
const LEAST_SPREAD: f32 = 40.0;
/// The first units after a key unit repair what that one left coarse, and tell nothing.
const AFTER_KEY: u32 = 4;
/// A false call raises the bar by this factor, a quiet group of pictures lowers it by the other.
const RAISE: f32 = 1.5;
const LOWER: f32 = 0.995;

/// Sizes of one camera's predicted units while nothing moves.
#[derive(Debug)]
pub(super) struct Sizes {
    ring: Vec<u32>,
    next: usize,
    sorted: Vec<u32>,
    median: f32,
    spread: f32,
    bar: f32,
    outliers: u32,
    /// Units since the last key unit.
    since_key: u32,
}

impl Default for Sizes {
    fn default() -> Self {
        Sizes {
            ring: Vec::with_capacity(REMEMBERED),
            next: 0,
            sorted: Vec::with_capacity(REMEMBERED),
            median: 0.0,
            spread: 0.0,
            bar: SPREADS,
            outliers: 0,
            since_key: 0,
        }
    }
}

impl Sizes {
    /// Takes the size of a predicted unit, in bytes, while nothing is known to move; whether it calls.
    pub(super) fn calls(&mut self, bytes: usize) -> bool {
        let size = u32::try_from(bytes).unwrap_or(u32::MAX);
        self.since_key += 1;
        if self.since_key <= AFTER_KEY {
            return false;
        }
        let above = self.bar * self.spread.max(LEAST_SPREAD);
        let limit = (self.median + above).max(self.median * LEAST);
        let outlier = self.ring.len() >= ENOUGH && self.median > 0.0 && size as f32 > limit;
        self.outliers = if outlier { self.outliers + 1 } else { 0 };
        if !outlier {
            self.remember(size);
        }
        self.outliers >= IN_A_ROW
    }

    /// A key unit has come.
    pub(super) fn key(&mut self) {
        (self.since_key, self.outliers) = (0, 0);
    }

    /// A group of pictures is over in which nothing moved: what is usual is worked out anew.
    pub(super) fn settle(&mut self) {
        self.bar = (self.bar * LOWER).max(SPREADS);
        self.outliers = 0;
        if self.ring.is_empty() {
            return;
        }
        self.median = median(&mut self.sorted, self.ring.iter().copied());
        let middle = self.median;
        let off = self
            .ring
            .iter()
            .map(|size| (*size as f32 - middle).abs() as u32);
        self.spread = 1.48 * median(&mut self.sorted, off);
    }

    /// It called, and nothing moved.
    pub(super) fn was_wrong(&mut self) {
        self.bar = (self.bar * RAISE).min(MOST);
        self.outliers = 0;
    }

    fn remember(&mut self, size: u32) {
        if self.ring.len() < REMEMBERED {
            self.ring.push(size);
        } else {
            self.ring[self.next] = size;
            self.next = (self.next + 1) % REMEMBERED;
        }
    }
}

fn median(sorted: &mut Vec<u32>, values: impl Iterator<Item = u32>) -> f32 {
    sorted.clear();
    sorted.extend(values);
    let middle = sorted.len() / 2;
    let (_, median, _) = sorted.select_nth_unstable(middle);
    *median as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A camera whose predicted units have some 10 kB, give or take.
    fn usual(i: usize) -> usize {
        10_000 + (i * 7919) % 1500
    }

    fn settled() -> Sizes {
        let mut sizes = Sizes::default();
        for i in 0..100 {
            if i % 50 == 0 {
                sizes.key();
            }
            assert!(!sizes.calls(usual(i)));
            if i % 50 == 49 {
                sizes.settle();
            }
        }
        sizes
    }

    #[test]
    fn two_large_units_in_a_row_call_and_one_does_not() {
        let mut sizes = settled();
        assert!(!sizes.calls(30_000));
        assert!(!sizes.calls(usual(1)));
        assert!(!sizes.calls(30_000));
        assert!(sizes.calls(25_000));
    }

    #[test]
    fn false_calls_raise_the_bar_and_quiet_lowers_it_again() {
        let mut sizes = settled();
        for _ in 0..8 {
            sizes.was_wrong();
        }
        assert!(!sizes.calls(16_000) && !sizes.calls(16_000) && !sizes.calls(16_000));
        for _ in 0..2000 {
            sizes.settle();
        }
        sizes.calls(16_000);
        assert!(sizes.calls(16_000));
    }

    #[test]
    fn what_follows_a_key_unit_tells_nothing() {
        let mut sizes = settled();
        sizes.key();
        assert!((0..AFTER_KEY).all(|_| !sizes.calls(30_000)));
        sizes.calls(30_000);
        assert!(sizes.calls(30_000));
    }

    #[test]
    fn nothing_is_said_before_enough_has_been_seen() {
        let mut sizes = Sizes::default();
        assert!((0..10).all(|i| !sizes.calls(usual(i))));
        sizes.settle();
        assert!((0..9).all(|_| !sizes.calls(1_000_000)));
    }
}
