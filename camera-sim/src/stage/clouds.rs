//! Shadows of clouds that move over the ground.

use tiny_skia::Pixmap;

use crate::dice::noise;
use crate::space::{Camera, V2, v2};
use crate::weather::Wind;

/// Pixels between two points at which the clouds are asked.
const CELL: usize = 16;
/// Clouds farther than this are not told apart, metres.
const FAR_M: f32 = 500.0;

/// The same street under a cloud, and where on the ground each part of the picture lies.
pub(super) struct Clouds {
    shaded: Pixmap,
    /// Row by row; nothing above the horizon.
    nodes: Vec<Option<V2>>,
    columns: usize,
    /// Part of the ground in shade, 0..1.
    part: f32,
    /// m/s.
    drift: V2,
    seed: u32,
}

impl Clouds {
    pub(super) fn new(shaded: Pixmap, camera: &Camera, part: f32, wind: &Wind, seed: u64) -> Self {
        let (w, h) = (shaded.width() as usize, shaded.height() as usize);
        let (columns, rows) = (w.div_ceil(CELL) + 1, h.div_ceil(CELL) + 1);
        let eye = camera.eye().ground();
        let node = |i: usize| {
            let p = v2((i % columns * CELL) as f32, (i / columns * CELL) as f32);
            camera.ground_at(p).filter(|g| (*g - eye).length() < FAR_M)
        };
        Self {
            shaded,
            nodes: (0..columns * rows).map(node).collect(),
            columns,
            part,
            drift: wind.towards * (3.5 + 9.0 * wind.strength),
            seed: seed as u32 ^ 0xc10d,
        }
    }

    /// How deep `p` lies in shade at `time` seconds, 0..1.
    pub(super) fn shade(&self, p: V2, time: f32) -> f32 {
        let at = p - self.drift * time;
        let n = 0.7 * noise(at.x / 34.0, at.y / 34.0, self.seed)
            + 0.3 * noise(at.x / 13.0, at.y / 13.0, self.seed ^ 1);
        ((n + 1.2 * self.part - 0.6) * 3.0 + 0.5).clamp(0.0, 1.0)
    }

    /// The street with its clouds at `time` seconds; `sunny` is the one without.
    pub(super) fn over(&self, sunny: &Pixmap, time: f32) -> Pixmap {
        let deep =
            |p: &Option<V2>| (p.map_or(0.5 * self.part, |p| self.shade(p, time)) * 256.0) as i32;
        let nodes: Vec<i32> = self.nodes.iter().map(deep).collect();
        let mut out = sunny.clone();
        let width = sunny.width() as usize;
        let mut line = vec![0u16; (self.columns - 1) * CELL * 4];
        // There is no ground, and no shade on it, in the sky.
        let ground = self.nodes.iter().position(Option::is_some);
        let sky = ground.map_or(0, |i| (i / self.columns).saturating_sub(1) * CELL);
        let rows = out.data_mut().chunks_exact_mut(width * 4);
        let both = rows.zip(self.shaded.data().chunks_exact(width * 4));
        for (y, (row, dark)) in both.enumerate().skip(sky) {
            let (upper, k) = (y / CELL * self.columns, (y % CELL) as i32);
            let at = |i: usize| {
                let (a, b) = (nodes[upper + i], nodes[upper + self.columns + i]);
                a * 16 + (b - a) * k
            };
            for (i, cell) in line.chunks_exact_mut(CELL * 4).enumerate() {
                let (a, b) = (at(i), at(i + 1));
                for (x, v) in cell.chunks_exact_mut(4).enumerate() {
                    v.fill(((a * 16 + (b - a) * x as i32) >> 8) as u16);
                }
            }
            for ((v, d), k) in row.iter_mut().zip(dark).zip(&line) {
                *v = ((u16::from(*v) * (256 - k) + u16::from(*d) * k) >> 8) as u8;
            }
        }
        out
    }
}
