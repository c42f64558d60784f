//! Inputs of the benchmarks: fixed, made by formula, no files.

pub mod uplink;

use analytics::{
    detection::{ClassId, Detection},
    geometry::Rect,
};
use edge_agent::camera::picture::{Colour, Format, Picture, Plane};

/// A sequence without structure, the same in every run (xorshift32).
pub struct Noise(u32);

impl Noise {
    /// Starts from a seed that is not 0.
    pub fn new(seed: u32) -> Noise {
        Noise(seed.max(1))
    }

    /// The next number of 0..1.
    pub fn next_unit(&mut self) -> f32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        (self.0 >> 8) as f32 / (1 << 24) as f32
    }
}

/// Planes of a 1080p I420 picture with gradients and noise.
pub struct FullHd {
    y: Vec<u8>,
    u: Vec<u8>,
    v: Vec<u8>,
}

impl FullHd {
    const WIDTH: usize = 1920;
    const HEIGHT: usize = 1080;

    /// Fills the planes.
    #[expect(clippy::new_without_default, reason = "a fixture is made on purpose")]
    pub fn new() -> FullHd {
        let mut noise = Noise::new(7);
        let mut plane = |width: usize, height: usize| -> Vec<u8> {
            let code = |i: usize| (i % width * 160 / width + i / width * 60 / height) as f32;
            (0..width * height)
                .map(|i| (code(i) + 16.0 * noise.next_unit()) as u8 + 16)
                .collect()
        };
        FullHd {
            y: plane(Self::WIDTH, Self::HEIGHT),
            u: plane(Self::WIDTH / 2, Self::HEIGHT / 2),
            v: plane(Self::WIDTH / 2, Self::HEIGHT / 2),
        }
    }

    /// The picture.
    pub fn picture(&self) -> Picture<'_> {
        let plane = |data, stride| Plane { data, stride };
        let planes = [
            plane(&self.y, Self::WIDTH),
            plane(&self.u, Self::WIDTH / 2),
            plane(&self.v, Self::WIDTH / 2),
        ];
        let size = (Self::WIDTH as u32, Self::HEIGHT as u32);
        Picture::new(size, Format::I420, planes, Colour::unsaid(size.1))
            .expect("the planes have the size that they were made with")
    }
}

/// `count` objects on a grid that walk to the right with some jitter, as seen in frame `frame`.
pub fn crowd(count: usize, frame: usize) -> Vec<Detection> {
    let mut noise = Noise::new(frame as u32 * 7919 + 1);
    (0..count)
        .map(|i| {
            let (column, row) = (i % 10, i / 10);
            let step = frame as f32 * 0.004;
            Detection {
                class: ClassId(0),
                score: 0.5 + 0.4 * noise.next_unit(),
                rect: Rect {
                    x: (0.02 + column as f32 * 0.095 + step) % 0.95 + 0.002 * noise.next_unit(),
                    y: 0.05 + row as f32 * 0.18 + 0.002 * noise.next_unit(),
                    w: 0.03,
                    h: 0.11,
                },
            }
        })
        .collect()
}
