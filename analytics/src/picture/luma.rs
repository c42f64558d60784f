//! The luma of a picture on a grid of fixed size.

/// A picture's luma as means over a grid of [`Luma::COLUMNS`] x [`Luma::ROWS`] cells, in code values, row by row.
#[derive(Clone, PartialEq, Eq)]
pub struct Luma(Box<[u8]>);

impl Luma {
    /// Cells in a row: a bag of half a metre, twenty metres off, is four or five of them wide.
    pub const COLUMNS: usize = 320;
    /// Rows.
    pub const ROWS: usize = 180;

    /// From `cells[ROWS][COLUMNS]`; nothing where there are more or fewer.
    pub fn new(cells: Vec<u8>) -> Option<Luma> {
        (cells.len() == Luma::COLUMNS * Luma::ROWS).then(|| Luma(cells.into_boxed_slice()))
    }

    /// `[ROWS][COLUMNS]`, in code values.
    pub fn cells(&self) -> &[u8] {
        &self.0
    }

    pub(super) fn values(&self) -> Vec<f32> {
        self.0.iter().map(|cell| f32::from(*cell)).collect()
    }
}

impl std::fmt::Debug for Luma {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sum: u64 = self.0.iter().map(|cell| u64::from(*cell)).sum();
        f.debug_struct("Luma")
            .field("mean", &(sum / self.0.len().max(1) as u64))
            .finish()
    }
}
