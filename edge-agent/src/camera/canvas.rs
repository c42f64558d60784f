//! A decoded picture that may be painted over: luma and both chroma planes, as the encoder will take them.
//!
//! No GStreamer type is in it: what is covered, and why, is decided in other rooms.

/// One plane of samples that may be changed.
#[derive(Debug)]
pub struct PlaneMut<'a> {
    /// Rows, each `stride` bytes apart; the last one may be shorter.
    pub data: &'a mut [u8],
    /// Bytes from one row to the next.
    pub stride: usize,
    /// Samples in a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
}

/// A picture of three planes with 8 bits a sample, chroma at half the width and height, rounded up (I420).
#[derive(Debug)]
pub struct Canvas<'a> {
    /// Width in pixels.
    pub width: usize,
    /// Height in pixels.
    pub height: usize,
    /// Luma, then both chroma planes.
    pub planes: [PlaneMut<'a>; 3],
}

impl PlaneMut<'_> {
    /// The samples of a row, those of `columns` alone; both are cut to the plane.
    pub fn row(&mut self, y: usize, columns: std::ops::Range<usize>) -> &mut [u8] {
        let (from, to) = (columns.start.min(self.width), columns.end.min(self.width));
        let begin = y.min(self.height) * self.stride;
        let range = begin + from..begin + to.max(from);
        if y < self.height {
            self.data.get_mut(range).unwrap_or_default()
        } else {
            &mut []
        }
    }
}
