//! The sky with soft clouds, and a hazy skyline of trees and roofs above the horizon.

use tiny_skia::Pixmap;

use super::View;
use crate::dice::{lattice, noise};
use crate::light::Rgb;

/// How far away the skyline stands, metres.
const SKYLINE_M: f32 = 170.0;
/// Thickness of a layer of fog over the ground, metres.
const LAYER_M: f32 = 45.0;

/// A picture with the sky in its rows down to `rows`, the rest empty.
pub fn paint(view: &View, rows: u32, seed: u32) -> Pixmap {
    let size = view.camera.size();
    let (light, horizon) = (&view.light, view.camera.horizon());
    let tall = size.height as f32;
    let mut picture = Pixmap::new(size.width, size.height).expect("a checked size is never nought");
    let (rows, wide) = (rows as usize, size.width as usize);
    // By night the skyline is a black cut-out with some windows.
    let bright = light.ambient + 0.25 * (1.0 - light.lamps);
    let veil = light.air(SKYLINE_M).max(0.35);
    for (i, pixel) in picture.data_mut()[..rows * wide * 4]
        .chunks_exact_mut(4)
        .enumerate()
    {
        let (x, y) = ((i % wide) as f32 / tall, (i / wide) as f32);
        let above = ((horizon - y) / tall).max(0.0);
        let mut colour = light.sky_low.mix(light.sky_top, (above * 1.6).min(1.0));
        let cloud =
            noise(x * 2.2, above * 7.0, seed) * 0.6 + noise(x * 5.5, above * 16.0, seed ^ 77) * 0.4;
        colour = colour.mix(light.sky_low.scale(1.08), (cloud * 1.4).clamp(0.0, 0.75));
        colour = colour.mix(light.sky_low, light.air(LAYER_M / (above + 0.05)) * 0.9);
        let treetop =
            0.020 + 0.018 * noise(x * 9.0, 0.5, seed ^ 5) + 0.006 * noise(x * 60.0, 0.5, seed ^ 6);
        let roof = 0.05 * (lattice((x * 11.0) as i32, 3, seed ^ 8) - 0.45);
        if above < roof {
            let window = lattice((x * 160.0) as i32, (above * 160.0) as i32, seed ^ 10);
            colour = if window > 1.0 - 0.12 * light.lamps {
                Rgb::hex(0xc9a86a).mix(light.sky_low, veil)
            } else {
                let wall = Rgb::hex(0x8f8d8a).scale(bright);
                wall.mix(light.sky_low, (veil + 0.1).min(1.0))
            };
        }
        if above < treetop {
            let rough = 0.9 + 0.12 * noise(x * 160.0, above * 160.0, seed ^ 7);
            let leaves = Rgb::hex(0x566646).mix(Rgb::hex(0xc5cacb), 0.6 * light.snow);
            colour = leaves.scale(bright * rough).mix(light.sky_low, veil);
        }
        let [r, g, b] = colour.bytes();
        pixel.copy_from_slice(&[r, g, b, 255]);
    }
    picture
}
