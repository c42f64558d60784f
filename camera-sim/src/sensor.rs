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
        // Most sensors change nothing; a table is slow next to that.
        let curve = (gain != 1.0 || self.sensor.gain != 1.0 || self.sensor.contrast != 1.0)
            .then(|| curve(&self.sensor, gain));
        let mut dice = Dice::salted(moment, 0x5e45);
        for row in luma.chunks_exact_mut(w) {
            let start = dice.below(NOISE_TILE);
            let noise = &self.noise[start..start + w];
            match &curve {
                Some(curve) => {
                    for (v, n) in row.iter_mut().zip(noise) {
                        *v = curve[*v as usize].saturating_add_signed(*n);
                    }
                }
                None => {
                    for (v, n) in row.iter_mut().zip(noise) {
                        *v = (*v).clamp(16, 235).saturating_add_signed(*n);
                    }
                }
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

/// BT.709 brightness, in sixteen bits throughout so that eight pixels go at once.
fn brightness(rgba: &[u8], luma: &mut [u8]) {
    let of = |p: &[u8]| {
        ((47 * u16::from(p[0]) + 157 * u16::from(p[1]) + 16 * u16::from(p[2]) + 128 + (16 << 8))
            >> 8) as u8
    };
    let eights = luma.len() / 8 * 8;
    let (most, rest) = luma.split_at_mut(eights);
    for (y, p) in most.chunks_exact_mut(8).zip(rgba.chunks_exact(32)) {
        for i in 0..8 {
            y[i] = of(&p[4 * i..4 * i + 4]);
        }
    }
    for (y, p) in rest.iter_mut().zip(rgba[eights * 4..].chunks_exact(4)) {
        *y = of(p);
    }
}

/// Averages 2x2 pixels into the two colour planes; whole numbers of sixteen bits suffice: weights are of 128.
fn colours(rgba: &[u8], w: usize, h: usize, saturation: f32, chroma: &mut [u8]) {
    let (blue, red) = chroma.split_at_mut((w / 2) * (h / 2));
    let k = |v: f32| (v * saturation.min(1.9) * 0.5).round() as i16;
    let (ub, ur) = (k(112.0), k(-26.0));
    let (vr, vb) = (k(112.0), k(-10.0));
    // Grey stays grey: the weights of each plane add up to nought.
    let (ug, vg) = (-ub - ur, -vr - vb);
    for y in 0..h / 2 {
        let top = &rgba[2 * y * w * 4..(2 * y + 1) * w * 4];
        let low = &rgba[(2 * y + 1) * w * 4..(2 * y + 2) * w * 4];
        let planes = blue[y * (w / 2)..]
            .iter_mut()
            .zip(red[y * (w / 2)..].iter_mut());
        for ((u, v), (a, b)) in planes.zip(top.chunks_exact(8).zip(low.chunks_exact(8))) {
            let mean = |c: usize| {
                let four = [a[c], a[c + 4], b[c], b[c + 4]].map(u16::from);
                ((four[0] + four[1] + four[2] + four[3] + 2) >> 2) as i16
            };
            let (r, g, b) = (mean(0), mean(1), mean(2));
            *u = (((ub * b + ur * r + ug * g + 64) >> 7) + 128).clamp(16, 240) as u8;
            *v = (((vr * r + vb * b + vg * g + 64) >> 7) + 128).clamp(16, 240) as u8;
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
