//! Bilinear samples of a plane: which neighbours, how much of each, and the arithmetic on whole rows of them.
//!
//! The four neighbours of a sample are picked one by one, which no vector unit does well, and packed into one word; what
//! is done to the words is plain arithmetic on rows, which the compiler turns into vector instructions. It knows nothing
//! of colours and models.

/// Where samples lie along a row: between the source sample `at` and the one after it.
pub(super) struct Taps {
    at: Vec<u32>,
    /// How far from the first neighbour to the second, 0..=1.
    fraction: Vec<f32>,
}

/// Where a row of samples lies: between two rows of the source.
#[derive(Clone, Copy)]
pub(super) struct RowTap {
    rows: [u32; 2],
    fraction: f32,
}

/// Places that scale `length` samples to `out` samples, centres aligned, edges repeated: first neighbour and fraction.
fn places(length: u32, out: u32) -> impl Iterator<Item = (u32, f32)> {
    let step = f64::from(length) / f64::from(out);
    let last = f64::from(length - 1);
    (0..out).map(move |i| {
        let at = ((f64::from(i) + 0.5) * step - 0.5).clamp(0.0, last);
        let first = at as u32;
        (first, (at - f64::from(first)) as f32)
    })
}

impl Taps {
    /// Scales `length` samples from `start` on, in rows of `width` samples, to `out` samples.
    pub(super) fn new(start: u32, length: u32, width: u32, out: u32) -> Taps {
        let last_pair = width.saturating_sub(2);
        let (at, fraction) = places(length, out)
            .map(|(first, fraction)| match start + first {
                // The last sample of a row has none after it: it is all of the one before its own place.
                at if at > last_pair => (last_pair, 1.0),
                at => (at, fraction),
            })
            .unzip();
        Taps { at, fraction }
    }

    /// Number of samples.
    pub(super) fn len(&self) -> usize {
        self.at.len()
    }
}

/// Rows that scale `length` rows from `start` on to `out` rows.
pub(super) fn row_taps(start: u32, length: u32, out: u32) -> Vec<RowTap> {
    places(length, out)
        .map(|(first, fraction)| RowTap {
            rows: [start + first, start + (first + 1).min(length - 1)],
            fraction,
        })
        .collect()
}

/// The samples of one colour component.
#[derive(Clone, Copy)]
pub(super) struct Component<'a> {
    /// Rows of the plane.
    pub(super) data: &'a [u8],
    /// Bytes from one row to the next.
    pub(super) stride: usize,
    /// Bytes that a row has samples in.
    pub(super) row: usize,
    /// The byte of a row with the first sample.
    pub(super) offset: usize,
    /// Bytes from one sample to the next: 1, 2 or 3.
    pub(super) step: usize,
}

impl<'a> Component<'a> {
    fn row(self, y: u32) -> &'a [u8] {
        let from = self.stride * y as usize;
        &self.data[from + self.offset..from + self.row]
    }

    /// Picks the four neighbours of every sample of a row into `words`, as long as `x`: upper left first, in the lowest
    /// byte, then upper right, lower left, lower right.
    pub(super) fn pick(self, x: &Taps, y: RowTap, words: &mut [u32]) {
        let rows = y.rows.map(|y| self.row(y));
        match self.step {
            1 => pick::<1>(rows, &x.at, words),
            2 => pick::<2>(rows, &x.at, words),
            _ => pick::<3>(rows, &x.at, words),
        }
    }
}

fn pick<const STEP: usize>([upper, lower]: [&[u8]; 2], at: &[u32], words: &mut [u32]) {
    if upper.len() <= STEP {
        // A row of one sample.
        words.fill(u32::from_le_bytes([upper[0], upper[0], lower[0], lower[0]]));
        return;
    }
    // Of one length, one check is enough for both; pairs of bytes are read as such where they lie side by side.
    let lower = &lower[..upper.len()];
    let pair = |row: &[u8]| u32::from(u16::from_le_bytes([row[0], row[STEP]]));
    for (word, at) in words.iter_mut().zip(at) {
        let at = *at as usize * STEP;
        *word = pair(&upper[at..=at + STEP]) | pair(&lower[at..=at + STEP]) << 16;
    }
}

/// The samples of a row of words, each `* gain + bias`.
#[inline(always)]
pub(super) fn blend(words: &[u32], x: &Taps, y: RowTap, (gain, bias): (f32, f32), out: &mut [f32]) {
    for ((out, word), fraction) in out.iter_mut().zip(words).zip(&x.fraction) {
        let byte = |n: u32| (word >> (8 * n) & 255) as i32 as f32;
        let upper = byte(0) + (byte(1) - byte(0)) * fraction;
        let lower = byte(2) + (byte(3) - byte(2)) * fraction;
        *out = (upper + (lower - upper) * y.fraction) * gain + bias;
    }
}
