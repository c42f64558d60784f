//! A borrowed view of a decoded picture's planes: what the other rooms see of a frame. No GStreamer type is in it.

/// How the samples of a picture are laid out. All samples have 8 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// Three planes: luma, then both chroma planes at half the width and height (rounded up).
    I420,
    /// Two planes: luma, then interleaved chroma at half the width and height (rounded up).
    Nv12,
    /// One packed plane, three bytes a pixel: red, green, blue.
    Rgb,
    /// One plane, luma alone.
    Gray,
}

/// The matrix between colour differences and primaries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Matrix {
    /// ITU-R BT.601.
    Bt601,
    /// ITU-R BT.709.
    Bt709,
}

/// The range of code values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Range {
    /// Luma 16..=235, chroma 16..=240.
    Limited,
    /// 0..=255.
    Full,
}

/// How luma and chroma become red, green and blue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Colour {
    /// Matrix.
    pub matrix: Matrix,
    /// Range.
    pub range: Range,
}

impl Colour {
    /// What a stream that says nothing about its colours most likely means: BT.709 from 720 lines up, BT.601 below.
    pub fn unsaid(height: u32) -> Colour {
        let matrix = if height >= 720 {
            Matrix::Bt709
        } else {
            Matrix::Bt601
        };
        Colour {
            matrix,
            range: Range::Limited,
        }
    }

    /// Factors of `r = y*(Y-y0) + rv*V`, `g = y*(Y-y0) + gu*U + gv*V`, `b = y*(Y-y0) + bu*U` with U and V centred on 128.
    /// Derived from Kr and Kb of ITU-R BT.601-7 and BT.709-6.
    pub fn factors(self) -> Factors {
        let (kr, kb) = match self.matrix {
            Matrix::Bt601 => (0.299_f32, 0.114_f32),
            Matrix::Bt709 => (0.2126, 0.0722),
        };
        let kg = 1.0 - kr - kb;
        let (y, y0, c) = match self.range {
            Range::Limited => (255.0 / 219.0, 16.0, 255.0 / 224.0),
            Range::Full => (1.0, 0.0, 1.0),
        };
        Factors {
            y,
            y0,
            rv: 2.0 * (1.0 - kr) * c,
            gu: -2.0 * (1.0 - kb) * kb / kg * c,
            gv: -2.0 * (1.0 - kr) * kr / kg * c,
            bu: 2.0 * (1.0 - kb) * c,
        }
    }
}

/// See [`Colour::factors`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Factors {
    /// Gain of luma.
    pub y: f32,
    /// Code value of black.
    pub y0: f32,
    /// V in red.
    pub rv: f32,
    /// U in green.
    pub gu: f32,
    /// V in green.
    pub gv: f32,
    /// U in blue.
    pub bu: f32,
}

/// One plane of samples.
#[derive(Clone, Copy, Debug)]
pub struct Plane<'a> {
    /// Rows, each `stride` bytes apart; the last one may be shorter.
    pub data: &'a [u8],
    /// Bytes from one row to the next.
    pub stride: usize,
}

impl Plane<'_> {
    /// No samples at all: the place of a plane that a format has not.
    pub const NONE: Plane<'static> = Plane {
        data: &[],
        stride: 0,
    };
}

/// A decoded picture.
#[derive(Clone, Copy, Debug)]
pub struct Picture<'a> {
    /// Width in pixels, at least 1.
    pub width: u32,
    /// Height in pixels, at least 1.
    pub height: u32,
    /// Layout of the planes.
    pub format: Format,
    /// Planes that the format has; the others are [`Plane::NONE`].
    pub planes: [Plane<'a>; 3],
    /// Meaning of the code values; unused where the format is RGB.
    pub colour: Colour,
}

/// A picture whose planes are too short for its size.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "plane {plane} of a {width}x{height} {format:?} picture has {found} bytes, expected at least {expected}"
)]
pub struct ShortPlane {
    plane: usize,
    width: u32,
    height: u32,
    format: Format,
    found: usize,
    expected: usize,
}

impl<'a> Picture<'a> {
    /// Checks that every plane holds the rows that the size says.
    ///
    /// # Errors
    /// [`ShortPlane`] names the plane.
    pub fn new(
        (width, height): (u32, u32),
        format: Format,
        planes: [Plane<'a>; 3],
        colour: Colour,
    ) -> Result<Self, ShortPlane> {
        let picture = Picture {
            width,
            height,
            format,
            planes,
            colour,
        };
        for (plane, samples) in planes.iter().enumerate().take(format.planes()) {
            let (row, rows) = format.plane_size(plane, width, height);
            let Plane { data, stride } = *samples;
            let expected = stride * (rows - 1) + row;
            if data.len() < expected || stride < row {
                return Err(ShortPlane {
                    plane,
                    width,
                    height,
                    format,
                    found: data.len(),
                    expected: expected.max(row * rows),
                });
            }
        }
        Ok(picture)
    }

    /// A packed RGB picture without padding.
    ///
    /// # Errors
    /// [`ShortPlane`] where `data` is shorter than `width * height * 3`.
    pub fn rgb(size: (u32, u32), data: &'a [u8]) -> Result<Self, ShortPlane> {
        let plane = Plane {
            data,
            stride: size.0 as usize * 3,
        };
        Picture::new(
            size,
            Format::Rgb,
            [plane, Plane::NONE, Plane::NONE],
            Colour::unsaid(size.1),
        )
    }
}

impl Format {
    /// How many planes it has.
    pub fn planes(self) -> usize {
        match self {
            Format::I420 => 3,
            Format::Nv12 => 2,
            Format::Rgb | Format::Gray => 1,
        }
    }

    /// Bytes in a row and number of rows of a plane.
    pub fn plane_size(self, plane: usize, width: u32, height: u32) -> (usize, usize) {
        let (width, height) = (width.max(1) as usize, height.max(1) as usize);
        let chroma = (width.div_ceil(2), height.div_ceil(2));
        match (self, plane) {
            (Format::I420, 1 | 2) => chroma,
            (Format::Nv12, 1) => (chroma.0 * 2, chroma.1),
            (Format::Rgb, _) => (width * 3, height),
            _ => (width, height),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_and_black_come_out_as_such_in_either_range() {
        for (range, black, white) in [(Range::Limited, 16.0, 235.0), (Range::Full, 0.0, 255.0)] {
            for matrix in [Matrix::Bt601, Matrix::Bt709] {
                let f = Colour { matrix, range }.factors();
                assert!((f.y * (black - f.y0)).abs() < 1e-4);
                assert!((f.y * (white - f.y0) - 255.0).abs() < 1e-3);
            }
        }
    }

    #[test]
    fn a_short_plane_is_named() {
        let luma = [0_u8; 16];
        let error = Picture::new(
            (4, 4),
            Format::I420,
            [
                Plane {
                    data: &luma,
                    stride: 4,
                },
                Plane {
                    data: &luma[..3],
                    stride: 2,
                },
                Plane::NONE,
            ],
            Colour::unsaid(4),
        )
        .expect_err("plane 1 is short");
        assert_eq!(
            error.to_string(),
            "plane 1 of a 4x4 I420 picture has 3 bytes, expected at least 4"
        );
    }
}
