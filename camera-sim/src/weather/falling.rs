//! Rain and snow in the air: streaks and flakes over the finished picture.
//!
//! Both are tiles painted once. Snow layers glide, so that a flake falls from picture to picture; drops fall so far
//! between two pictures that each picture gets its own place in the tile.

use super::{Weather, Wind};
use crate::dice::Dice;
use crate::light::Light;
use crate::sensor::Frame;
use crate::space::{Size, V2, v2};

/// One layer of things that fall at one distance.
struct Layer {
    /// Opacity, 0..255, rows of `width`; continues over its edges.
    tile: Vec<u8>,
    width: usize,
    height: usize,
    /// Pixels a second; nothing where every picture has its own place.
    glide: Option<V2>,
}

/// All that falls in a scene.
pub struct Falling {
    layers: Vec<Layer>,
    /// Brightness of drops and flakes, video level.
    bright: u8,
    seed: u64,
}

impl Falling {
    /// What falls in `weather` through pictures of `size`, lit by `light`.
    pub fn new(weather: &Weather, light: &Light, size: Size, seed: u64) -> Self {
        let mut dice = Dice::salted(seed, 0xfa11);
        let unit = size.height as f32 / 720.0;
        let wind = Wind::new(weather.wind, seed);
        let mut layers = Vec::new();
        if weather.rain > 0.0 {
            // Slant, length in pixels, thickness, opacity and drops a megapixel, near and far.
            for (long, thick, opacity, count) in [
                (22.0, 0.7, 58.0, 2600.0),
                (46.0, 1.0, 66.0, 700.0),
                (95.0, 1.7, 52.0, 110.0),
            ] {
                let lean = wind.towards.x * wind.strength * 0.45 + dice.range(-0.04, 0.04);
                let drop = Drop {
                    long: long * unit,
                    thick: thick * unit.max(0.6),
                    lean,
                    opacity,
                };
                layers.push(rain(
                    &drop,
                    (count * weather.rain) as usize,
                    unit,
                    &mut dice,
                ));
            }
        }
        if weather.snow > 0.0 {
            for (radius, opacity, count, fall) in [
                (0.9, 130.0, 2300.0, 75.0),
                (1.7, 175.0, 620.0, 150.0),
                (3.6, 165.0, 90.0, 310.0),
                (9.0, 95.0, 9.0, 620.0),
            ] {
                let drift = wind.towards.x * (0.15 + 2.2 * wind.strength);
                let glide = v2(drift, 1.0) * (fall * unit);
                let flakes = (count * weather.snow) as usize;
                layers.push(snow(
                    radius * unit.max(0.5),
                    opacity,
                    flakes,
                    glide,
                    &mut dice,
                ));
            }
        }
        let daylight = light.sky_low.scale(0.92).fade(1.0).0;
        let bright = daylight.max(0.30 * light.lamps).clamp(0.1, 0.95);
        Self {
            layers,
            bright: (16.0 + 219.0 * bright) as u8,
            seed,
        }
    }

    /// Adds drops and flakes to picture number `index`, taken at `time` seconds.
    pub fn over(&self, frame: &mut Frame, index: u64, time: f32) {
        let width = frame.size.width as usize;
        for (i, layer) in self.layers.iter().enumerate() {
            let (x, y) = layer.place(self.seed ^ (i as u64), index, time);
            let (luma, _) = frame.planes_mut();
            for (row, line) in luma.chunks_exact_mut(width).enumerate() {
                let start = (row + y) % layer.height * layer.width;
                blend(
                    line,
                    &layer.tile[start..start + layer.width],
                    x,
                    self.bright,
                );
            }
        }
    }
}

impl Layer {
    /// Column and row of the tile that lie at the picture's top left.
    fn place(&self, seed: u64, index: u64, time: f32) -> (usize, usize) {
        match self.glide {
            None => {
                let mut dice = Dice::salted(seed, index);
                (dice.below(self.width), dice.below(self.height))
            }
            Some(glide) => {
                let wrap = |v: f32, n: usize| (-v).rem_euclid(n as f32) as usize % n;
                // Flakes dance a little from side to side.
                let dance = 6.0 * (time * 0.9 + seed as f32 % 7.0).sin();
                (
                    wrap(glide.x * time + dance, self.width),
                    wrap(glide.y * time, self.height),
                )
            }
        }
    }
}

/// Mixes `bright` into a line of brightness by a tile's line that starts at column `x` and repeats.
fn blend(mut line: &mut [u8], tile: &[u8], x: usize, bright: u8) {
    let mut opacity = &tile[x..];
    let bright = i16::from(bright);
    while !line.is_empty() {
        let n = line.len().min(opacity.len());
        let (now, rest) = line.split_at_mut(n);
        for (v, a) in now.iter_mut().zip(opacity) {
            let (was, a) = (i16::from(*v), i16::from(*a >> 1));
            *v = (was + (((bright - was) * a) >> 7)) as u8;
        }
        (line, opacity) = (rest, tile);
    }
}

/// How one drop is drawn, pixels.
struct Drop {
    long: f32,
    thick: f32,
    lean: f32,
    opacity: f32,
}

/// Width and height of a tile of rain, parts of the height of a picture.
const RAIN_TILE: (f32, f32) = (1.42, 0.89);

fn rain(drop: &Drop, per_megapixel: usize, unit: f32, dice: &mut Dice) -> Layer {
    let side = |part: f32| (part * unit * 720.0).ceil() as usize;
    let (width, height) = (side(RAIN_TILE.0), side(RAIN_TILE.1));
    let area = (width * height) as f32 / (unit * unit * 1e6);
    let mut tile = vec![0u8; width * height];
    for _ in 0..(per_megapixel as f32 * area) as usize {
        let (x, y) = (dice.unit() * width as f32, dice.unit() * height as f32);
        let (long, opacity) = (
            drop.long * dice.range(0.6, 1.3),
            drop.opacity * dice.range(0.4, 1.0),
        );
        let steps = long.max(1.0) as usize;
        for i in 0..steps {
            let t = i as f32 / steps as f32;
            let fade = (4.0 * t * (1.0 - t)).min(1.0);
            dot(
                &mut tile,
                (width, height),
                v2(x + drop.lean * long * t, y + long * t),
                drop.thick,
                opacity * fade,
            );
        }
    }
    Layer {
        tile,
        width,
        height,
        glide: None,
    }
}

fn snow(radius: f32, opacity: f32, per_megapixel: usize, glide: V2, dice: &mut Dice) -> Layer {
    // Sides without a common measure: the layers never line up twice.
    let (width, height) = (600 + 2 * dice.below(90) + 1, 520 + 2 * dice.below(90) + 1);
    let mut tile = vec![0u8; width * height];
    let count = per_megapixel as f32 * (width * height) as f32 / 1e6;
    for _ in 0..count.ceil() as usize {
        let at = v2(dice.unit() * width as f32, dice.unit() * height as f32);
        let r = radius * dice.range(0.6, 1.3);
        dot(
            &mut tile,
            (width, height),
            at,
            r,
            opacity * dice.range(0.5, 1.0),
        );
    }
    Layer {
        tile,
        width,
        height,
        glide: Some(glide),
    }
}

/// A soft round dot on a tile that continues over its edges.
fn dot(tile: &mut [u8], (width, height): (usize, usize), at: V2, radius: f32, opacity: f32) {
    let reach = (radius + 1.0).ceil() as i32;
    for dy in -reach..=reach {
        for dx in -reach..=reach {
            let (x, y) = (at.x.floor() as i32 + dx, at.y.floor() as i32 + dy);
            let d = v2(x as f32 + 0.5 - at.x, y as f32 + 0.5 - at.y).length();
            let k = (radius + 0.5 - d).clamp(0.0, radius.max(1.0)) / radius.max(1.0);
            let i =
                y.rem_euclid(height as i32) as usize * width + x.rem_euclid(width as i32) as usize;
            tile[i] = tile[i].max((opacity * k.min(1.0)) as u8);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::light::Daylight;

    const SIZE: Size = Size {
        width: 320,
        height: 180,
    };

    fn grey() -> Frame {
        Frame {
            size: SIZE,
            data: vec![90; 320 * 180 * 3 / 2],
        }
    }

    fn fallen(weather: Weather, index: u64) -> usize {
        let light = Light::new(Daylight::Dull, 0.0, 45.0).under(&weather);
        let mut frame = grey();
        Falling::new(&weather, &light, SIZE, 5).over(&mut frame, index, index as f32 / 10.0);
        frame.data.iter().filter(|v| **v > 92).count()
    }

    #[test]
    fn more_rain_and_more_snow_show_more() {
        let rain = |rain| {
            fallen(
                Weather {
                    rain,
                    ..Weather::default()
                },
                3,
            )
        };
        let snow = |snow| {
            fallen(
                Weather {
                    snow,
                    ..Weather::default()
                },
                3,
            )
        };
        assert_eq!(rain(0.0), 0);
        assert!(
            2 * rain(1.0) > 3 * rain(0.3) && rain(0.3) > 100,
            "{} {}",
            rain(1.0),
            rain(0.3)
        );
        assert!(
            2 * snow(1.0) > 3 * snow(0.3) && snow(0.3) > 50,
            "{} {}",
            snow(1.0),
            snow(0.3)
        );
    }
}
