//! What a camera makes of a clean picture: softness, gain, noise, and planes of brightness and colour.

use tiny_skia::Pixmap;

use crate::dice::Dice;
use crate::space::Size;

/// A picture as an encoder takes it: I420, BT.709, limited range, rows without padding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    pub size: Size,
    /// Brightness, then the two colour planes of half width and height.
    pub data: Vec<u8>,
}

/// One camera's faults.
#[derive(Clone, Copy, Debug)]
pub struct Sensor {
    /// Standard deviation of the noise, steps of 255.
    pub noise: f32,
    /// Weight of each neighbour in the blur, 0..0.33.
    pub blur: f32,
    /// Brightness times this.
    pub gain: f32,
    /// Contrast around middle grey, 1 = unchanged.
    pub contrast: f32,
    /// Colour strength, 1 = unchanged.
    pub saturation: f32,
}

impl Sensor {
    /// The same sensor at work: the darker it is (`dark` 0 = day, 1 = night) the higher it amplifies, and its grain and
    /// loss of colour with it; `noise` 0..1 is grain beyond that.
    pub fn in_light(self, dark: f32, noise: f32) -> Self {
        Self {
            noise: self.noise + 2.6 * dark + 15.0 * noise,
            saturation: self.saturation * (1.0 - 0.15 * dark),
            ..self
        }
    }
}

impl Default for Sensor {
    fn default() -> Self {
        Self {
            noise: 2.2,
            blur: 0.12,
            gain: 1.0,
            contrast: 1.0,
            saturation: 0.95,
        }
    }
}

/// Samples of noise made once; each row of a picture reads on from another place.
const NOISE_TILE: usize = 1 << 16;

/// A sensor with its prepared tables.
pub struct Capture {
    sensor: Sensor,
    noise: Vec<i8>,
}

impl Capture {
    pub fn new(sensor: Sensor, widest: u32, seed: u64) -> Self {
        let mut dice = Dice::salted(seed, 0x4015e);
        let sample =
            |dice: &mut Dice| (dice.normal() * sensor.noise).round().clamp(-100.0, 100.0) as i8;
        let noise = (0..NOISE_TILE + widest as usize)
            .map(|_| sample(&mut dice))
            .collect();
        Self { sensor, noise }
    }

    /// The planes that `picture` leaves on the sensor, before anything is read from it.
    pub fn expose(&self, picture: &Pixmap) -> Frame {
        let size = Size {
            width: picture.width(),
            height: picture.height(),
        };
        let (w, h) = (size.width as usize, size.height as usize);
        let mut data = vec![0u8; w * h + 2 * (w / 2) * (h / 2)];
        let (luma, chroma) = data.split_at_mut(w * h);
        brightness(picture.data(), luma);
        colours(picture.data(), w, h, self.sensor.saturation, chroma);
        Frame { size, data }
    }

    /// Reads an exposed frame: softness, gain (times `gain`), contrast and noise; `moment` picks the noise.
    pub fn develop(&self, frame: &mut Frame, gain: f32, moment: u64) {
        let w = frame.size.width as usize;
        let (luma, _) = frame.planes_mut();
        soften(luma, w, self.sensor.blur);
        let plain = self.sensor.gain == 1.0 && self.sensor.contrast == 1.0;
        let curve = curve(&self.sensor, gain);
        let k = (gain * 128.0).round() as u16;
        let mut dice = Dice::salted(moment, 0x5e45);
        for row in luma.chunks_exact_mut(w) {
            let start = dice.below(NOISE_TILE);
            let pairs = row.iter_mut().zip(&self.noise[start..start + w]);
            if plain {
                // No table: eight pixels go at once. At most 239 * 255 before the shift, for gains below two.
                pairs.for_each(|(v, n)| {
                    let more = (u16::from(v.saturating_sub(16)) * k) >> 7;
                    *v = (more.min(219) as u8 + 16).saturating_add_signed(*n);
                });
            } else {
                pairs.for_each(|(v, n)| *v = curve[*v as usize].saturating_add_signed(*n));
            }
        }
    }

    /// The frame that the sensor gives for `picture`; `moment` picks the noise.
    pub fn take(&self, picture: &Pixmap, moment: u64) -> Frame {
        let mut frame = self.expose(picture);
        self.develop(&mut frame, 1.0, moment);
        frame
    }
}

/// Brightness after gain and contrast, video levels.
fn curve(sensor: &Sensor, gain: f32) -> [u8; 256] {
    std::array::from_fn(|i| {
        let v = ((i as f32 - 16.0) * sensor.gain * gain - 110.0) * sensor.contrast + 110.0;
        (v + 16.0).clamp(16.0, 235.0) as u8
    })
}

/// BT.709 brightness; one product takes red and blue, which lie in the halves of a word.
fn brightness(rgba: &[u8], luma: &mut [u8]) {
    for (y, p) in luma.iter_mut().zip(rgba.chunks_exact(4)) {
        let word = u32::from_le_bytes([p[0], p[1], p[2], p[3]]);
        let red_blue = (word & 0x00ff_00ff).wrapping_mul(47 << 16 | 16) >> 16;
        let green = 157 * (word >> 8 & 255);
        *y = ((red_blue + green + 128 + (16 << 8)) >> 8) as u8;
    }
}

/// Averages 2x2 pixels into the two colour planes.
fn colours(rgba: &[u8], w: usize, h: usize, saturation: f32, chroma: &mut [u8]) {
    let (blue, red) = chroma.split_at_mut((w / 2) * (h / 2));
    let k = |v: f32| (v * saturation) as i32;
    let (ub, ur, ug) = (k(112.0 * 64.0), k(-26.0 * 64.0), k(-86.0 * 64.0));
    let (vr, vg, vb) = (k(112.0 * 64.0), k(-102.0 * 64.0), k(-10.0 * 64.0));
    let word = |p: &[u8], i: usize| u32::from_le_bytes([p[i], p[i + 1], p[i + 2], p[i + 3]]);
    for y in 0..h / 2 {
        let top = &rgba[2 * y * w * 4..(2 * y + 1) * w * 4];
        let low = &rgba[(2 * y + 1) * w * 4..(2 * y + 2) * w * 4];
        let row = y * (w / 2)..(y + 1) * (w / 2);
        let planes = blue[row.clone()].iter_mut().zip(&mut red[row]);
        for ((u, v), (a, b)) in planes.zip(top.chunks_exact(8).zip(low.chunks_exact(8))) {
            // Red and blue are summed in the halves of one word.
            let four = [word(a, 0), word(a, 4), word(b, 0), word(b, 4)];
            let both: u32 = four.iter().map(|p| p & 0x00ff_00ff).sum();
            let green: u32 = four.iter().map(|p| (p >> 8) & 255).sum();
            let (r, g, b) = ((both & 0xffff) as i32, green as i32, (both >> 16) as i32);
            *u = (((ub * b + ur * r + ug * g) >> 16) + 128).clamp(16, 240) as u8;
            *v = (((vr * r + vg * g + vb * b) >> 16) + 128).clamp(16, 240) as u8;
        }
    }
}

/// Three-tap blur, first along rows, then along columns.
fn soften(luma: &mut [u8], w: usize, weight: f32) {
    let side = (weight * 256.0) as u16;
    let middle = 256 - 2 * side;
    if side == 0 {
        return;
    }
    // At most 256 * 255 + 128: sixteen bits hold it.
    let mix = |a: u8, b: u8, c: u8| {
        ((side * (u16::from(a) + u16::from(c)) + middle * u16::from(b) + 128) >> 8) as u8
    };
    let mut old = vec![0u8; w];
    for row in luma.chunks_exact_mut(w) {
        old.copy_from_slice(row);
        let around = old.iter().zip(&old[1..]).zip(&old[2..]);
        for (v, ((a, b), c)) in row[1..w - 1].iter_mut().zip(around) {
            *v = mix(*a, *b, *c);
        }
    }
    let mut above = luma[..w].to_vec();
    let rows = luma.len() / w;
    for y in 1..rows - 1 {
        let (head, tail) = luma.split_at_mut((y + 1) * w);
        let here = &mut head[y * w..];
        old.copy_from_slice(here);
        for (((v, a), b), c) in here.iter_mut().zip(&above).zip(&old).zip(&tail[..w]) {
            *v = mix(*a, *b, *c);
        }
        std::mem::swap(&mut above, &mut old);
    }
}

impl Frame {
    /// Brightness, and both colour planes one after the other.
    pub fn planes_mut(&mut self) -> (&mut [u8], &mut [u8]) {
        let pixels = self.size.width as usize * self.size.height as usize;
        self.data.split_at_mut(pixels)
    }

    /// Red, green, blue bytes, for stills.
    pub fn to_rgb(&self) -> Vec<u8> {
        let (w, h) = (self.size.width as usize, self.size.height as usize);
        let (luma, chroma) = self.data.split_at(w * h);
        let (blue, red) = chroma.split_at((w / 2) * (h / 2));
        let mut out = Vec::with_capacity(w * h * 3);
        for (i, &y) in luma.iter().enumerate() {
            let c = (i / w / 2).min(h / 2 - 1) * (w / 2) + (i % w / 2).min(w / 2 - 1);
            let l = (y as i32 - 16) * 298;
            let (u, v) = (blue[c] as i32 - 128, red[c] as i32 - 128);
            let byte = |v: i32| ((v + 128) >> 8).clamp(0, 255) as u8;
            out.extend([
                byte(l + 459 * v),
                byte(l - 55 * u - 136 * v),
                byte(l + 541 * u),
            ]);
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(colour: [u8; 3]) -> Pixmap {
        let mut p = Pixmap::new(32, 16).unwrap();
        p.fill(tiny_skia::Color::from_rgba8(
            colour[0], colour[1], colour[2], 255,
        ));
        p
    }

    #[test]
    fn colours_survive_the_planes() {
        let clean = Sensor {
            noise: 0.0,
            blur: 0.1,
            saturation: 1.0,
            ..Sensor::default()
        };
        for colour in [
            [200, 40, 30],
            [20, 90, 200],
            [128, 128, 128],
            [240, 240, 240],
        ] {
            let rgb = Capture::new(clean, 32, 1)
                .take(&picture(colour), 0)
                .to_rgb();
            for (got, want) in rgb[..3].iter().zip(colour) {
                assert!(
                    (*got as i32 - want as i32).abs() <= 4,
                    "{:?} became {:?}",
                    colour,
                    &rgb[..3]
                );
            }
        }
    }

    #[test]
    fn noise_has_its_strength_and_differs_from_moment_to_moment() {
        let capture = Capture::new(
            Sensor {
                noise: 5.0,
                ..Sensor::default()
            },
            32,
            1,
        );
        let (a, b) = (
            capture.take(&picture([128; 3]), 1),
            capture.take(&picture([128; 3]), 2),
        );
        assert_ne!(a, b);
        let luma = &a.data[..32 * 16];
        let mean = luma.iter().map(|&v| v as f32).sum::<f32>() / luma.len() as f32;
        let spread = (luma.iter().map(|&v| (v as f32 - mean).powi(2)).sum::<f32>()
            / luma.len() as f32)
            .sqrt();
        assert!((3.5..6.5).contains(&spread), "{spread}");
    }
}
