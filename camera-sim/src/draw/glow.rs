//! Glow: light that a lens and the air spread around something bright, added to a picture.

use tiny_skia::Pixmap;

use crate::light::Rgb;
use crate::space::V2;

/// A round glow.
#[derive(Clone, Copy, Debug)]
pub struct Glow {
    /// Middle, pixels.
    pub at: V2,
    /// Where it has faded away, pixels.
    pub radius: f32,
    pub colour: Rgb,
}

/// Steps of the falloff over the squared distance.
const STEPS: usize = 256;

/// Strength of a glow over the squared distance from its middle, parts of the squared radius; 256 is full.
pub struct Falloff([u16; STEPS]);

impl Default for Falloff {
    fn default() -> Self {
        Self(std::array::from_fn(|i| {
            let q = i as f32 / STEPS as f32;
            let halo = (1.0 - q.sqrt()).powi(2);
            ((0.62 * (-q * 34.0).exp() + 0.38 * halo) * 256.0) as u16
        }))
    }
}

impl Falloff {
    /// Adds `glow` to the picture.
    pub fn add(&self, glow: &Glow, onto: &mut Pixmap) {
        self.stretched(glow, V2 { x: 1.0, y: 1.0 }, None, onto);
    }

    /// Adds `glow`, its radius times `stretch` each way; `mask` (0..255 a pixel) says how much of it shows where.
    pub fn stretched(&self, glow: &Glow, stretch: V2, mask: Option<&[u8]>, onto: &mut Pixmap) {
        let (w, h) = (onto.width() as i32, onto.height() as i32);
        let (rx, ry) = (glow.radius * stretch.x, glow.radius * stretch.y);
        if rx < 0.5 || ry < 0.5 || !glow.at.x.is_finite() || !glow.at.y.is_finite() {
            return;
        }
        let from = |at: f32, r: f32| (at - r).floor().max(0.0) as i32;
        let to = |at: f32, r: f32, end: i32| (at + r).ceil().clamp(0.0, end as f32) as i32;
        let rgb = [glow.colour.0, glow.colour.1, glow.colour.2].map(|c| (c * 255.0) as u32);
        for y in from(glow.at.y, ry)..to(glow.at.y, ry, h) {
            let dy = (y as f32 + 0.5 - glow.at.y) / ry;
            let wide = rx * (1.0 - dy * dy).max(0.0).sqrt();
            let right = to(glow.at.x, wide, w);
            let left = from(glow.at.x, wide).min(right);
            let row = (y * w + left) as usize..(y * w + right) as usize;
            let open = mask.map(|m| &m[row.clone()]);
            let pixels = onto.data_mut()[row.start * 4..row.end * 4].chunks_exact_mut(4);
            for (i, pixel) in pixels.enumerate() {
                let open = open.map_or(255, |m| u32::from(m[i]));
                let dx = ((left + i as i32) as f32 + 0.5 - glow.at.x) / rx;
                let q = ((dx * dx + dy * dy) * STEPS as f32) as usize;
                if open == 0 || q >= STEPS {
                    continue;
                }
                let k = u32::from(self.0[q]) * open;
                for (p, c) in pixel.iter_mut().zip(rgb) {
                    *p = (u32::from(*p) + ((c * k) >> 16)).min(255) as u8;
                }
            }
        }
    }
}
