//! Fires: when and how large they burn, and what flames and smoke look like.
//!
//! Flames are a field of noise that rises, smoke a train of soft puffs that the wind takes; both follow from the time
//! alone, so that any picture can be painted without the ones before it.

use serde::Deserialize;
use tiny_skia::Pixmap;

use crate::actor::{Class, Part};
use crate::dice::{Dice, noise};
use crate::draw::{Bounds, Sprite, View};
use crate::lamps::Lamp;
use crate::light::Rgb;
use crate::space::{Size, V2, V3, v2, v3};
use crate::weather::Wind;
use crate::world::rectangle;

/// A fire on the ground.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fire {
    pub at: V2,
    /// First sign, seconds.
    pub from_s: f32,
    /// Out, seconds.
    pub until_s: f32,
    /// Width when it has grown, metres.
    pub size: f32,
    #[serde(default = "yes")]
    pub flames: bool,
    #[serde(default = "yes")]
    pub smoke: bool,
}

fn yes() -> bool {
    true
}

/// Seconds from the first flame to its full size, and to die down.
const GROW_S: f32 = 8.0;
const DIE_S: f32 = 2.5;
/// A flame is this many times as high as wide.
const SLENDER: f32 = 1.4;
/// Points of the field of flames, across and up.
const FIELD: (usize, usize) = (40, 64);
/// Seconds between two puffs of smoke, and that one lasts.
const PUFF_S: f32 = 0.22;
const LASTS_S: f32 = 5.5;
/// Points of the longer side of a cloud of smoke.
const SOFT: f32 = 110.0;
/// Less than this (of 255) of fire or smoke is not there.
const FAINT: u8 = 110;

/// Colours without premultiplication, red, green, blue, opacity, on a coarse grid.
struct Field {
    width: usize,
    height: usize,
    /// Premultiplied.
    points: Vec<[u8; 4]>,
    bounds: Bounds,
}

impl Fire {
    /// How far it has grown at `time`, 0 = not there, 1 = full.
    pub fn grown(&self, time: f32) -> f32 {
        if time < self.from_s || time >= self.until_s {
            return 0.0;
        }
        let up = 0.3 + 0.7 * (time - self.from_s) / GROW_S;
        let down = 0.25 + 0.75 * (self.until_s - time) / DIE_S;
        up.min(down).min(1.0)
    }

    /// The light that it throws around itself, or nothing where no flames are.
    pub fn lamp(&self, time: f32) -> Option<Lamp> {
        let size = self.size * self.grown(time);
        if !self.flames || size <= 0.0 {
            return None;
        }
        let flicker =
            0.88 + 0.12 * noise(time * 6.0, self.at.x, 71) + 0.08 * noise(time * 13.0, 1.0, 72);
        Some(Lamp {
            head: self.at.up(0.75 * size.max(0.4)),
            colour: Rgb(1.0, 0.56, 0.2),
            power: flicker * size.clamp(0.3, 1.4),
        })
    }

    /// Corners of the ground that it takes, metres.
    pub fn footprint(&self) -> [V2; 4] {
        rectangle(self.at, v2(0.7 * self.size, 0.7 * self.size), 0.0)
    }

    /// Its flames and its smoke as they show in the picture at `time`; smoke lies behind the flames.
    pub fn parts(&self, view: &View, wind: &Wind, time: f32) -> Vec<Part> {
        let grown = self.grown(time);
        if grown <= 0.0 {
            return Vec::new();
        }
        let size = view.camera.size();
        let smoke = self.smoke.then(|| self.smoke(view, wind, time)).flatten();
        let flames = self
            .flames
            .then(|| self.flames(view, grown, time))
            .flatten();
        [(Class::Smoke, smoke), (Class::Fire, flames)]
            .into_iter()
            .filter_map(|(class, field)| Some((class, field?)))
            .filter_map(|(class, field)| {
                let sprite = sprite(&field, size)?;
                Some(Part {
                    class: Some(class),
                    sprite,
                })
            })
            .collect()
    }

    fn flames(&self, view: &View, grown: f32, time: f32) -> Option<Field> {
        let foot = view.camera.project(self.at.up(0.0))?;
        let depth = view.camera.depth(self.at.up(0.0));
        let wide = self.size * grown * view.camera.scale(depth);
        let tall = wide * SLENDER;
        let (width, height) = FIELD;
        let seed = (self.at.x * 13.0 + self.at.y * 7.0) as i32 as u32;
        let point = |i: usize| {
            let across = ((i % width) as f32 + 0.5) / width as f32 * 2.0 - 1.0;
            let up = 1.0 - ((i / width) as f32 + 0.5) / height as f32;
            flame_colour(flame(across * 1.15, up, time, seed))
        };
        Some(Field {
            width,
            height,
            points: (0..width * height).map(point).collect(),
            bounds: Bounds {
                left: foot.x - wide * 0.575,
                top: foot.y - tall,
                right: foot.x + wide * 0.575,
                bottom: foot.y + wide * 0.06,
            },
        })
    }

    /// Middle, radius (metres) and opacity of each puff at `time`, the oldest first.
    fn puffs(&self, wind: &Wind, time: f32) -> Vec<(V3, f32, f32, u64)> {
        let last = (time / PUFF_S).floor() as i64;
        let first = ((time - LASTS_S) / PUFF_S).ceil() as i64;
        let puff = |n: i64| {
            let born = n as f32 * PUFF_S;
            let grown = self.grown(born);
            if grown <= 0.0 {
                return None;
            }
            let (age, size) = (time - born, self.size * (0.45 + 0.55 * grown));
            let mut dice = Dice::salted(n as u64, self.at.x.to_bits().into());
            let mut off = |k: f32| k * dice.range(-1.0, 1.0);
            let aside = v2(off(0.22), off(0.22)) * (size + 0.25 * age);
            let blown = wind.towards * (age * (0.15 + 2.2 * wind.strength));
            let rise = (1.0 + 0.45 * size) * age * (1.0 - 0.035 * age);
            let ground = self.at + aside + blown;
            let start = if self.flames { 0.75 * size } else { 0.1 };
            let radius = (0.34 + 0.25 * age) * (0.5 + 0.5 * size);
            let fade = (age / 0.4).min(1.0) * (1.0 - (age / LASTS_S).powi(2)).max(0.0);
            let opacity = 0.85 * fade * (0.55 + 0.45 * grown) / (1.0 + 0.09 * age);
            Some((
                v3(ground.x, ground.y, start + rise),
                radius,
                opacity,
                n as u64,
            ))
        };
        (first..=last).filter_map(puff).collect()
    }

    fn smoke(&self, view: &View, wind: &Wind, time: f32) -> Option<Field> {
        let camera = &view.camera;
        let mut dice = Dice::salted(self.at.y.to_bits().into(), 0x50e);
        let dark = dice.range(0.18, 0.62);
        let light = &view.light;
        let skylight = light.tint.scale(light.ambient + 0.35 * light.direct);
        let puffs: Vec<(V2, f32, f32, u64)> = (self.puffs(wind, time).into_iter())
            .filter_map(|(p, r, opacity, n)| {
                let at = camera.project(p)?;
                Some((at, r * camera.scale(camera.depth(p)), opacity, n))
            })
            .collect();
        let around = puffs.iter().map(|&(at, r, ..)| Bounds {
            left: at.x - r,
            top: at.y - r,
            right: at.x + r,
            bottom: at.y + r,
        });
        let bounds = around.reduce(|a, b| a.join(&b))?;
        let (wide, tall) = (bounds.right - bounds.left, bounds.bottom - bounds.top);
        let step = (wide.max(tall) / SOFT).max(1.0);
        let (width, height) = ((wide / step).ceil() as usize, (tall / step).ceil() as usize);
        let mut cover = Cover::new(width, height);
        for (at, r, opacity, n) in puffs {
            let middle = v2(at.x - bounds.left, at.y - bounds.top) * (1.0 / step);
            cover.puff(middle, r / step, opacity, n as u32);
        }
        let air = light.air(camera.depth(self.at.up(0.0)).max(0.0));
        let colour = |i: usize| {
            let up = 1.0 - (i / width) as f32 / height as f32;
            let grey = dark + 0.10 * up + 0.10 * cover.rough[i];
            let mut tone = Rgb(grey, grey * 0.99, grey * 0.98).times(skylight);
            if let Some(lamp) = self.lamp(time) {
                let near = (0.30 - up).max(0.0) * (0.5 + 2.5 * light.lamps);
                tone = tone.plus(lamp.colour.scale(near * 0.6 * lamp.power));
            }
            let alpha = cover.opacity[i];
            let [r, g, b] = tone.mix(light.sky_low, air).scale(alpha).bytes();
            let a = (alpha * 255.0) as u8;
            [r.min(a), g.min(a), b.min(a), a]
        };
        Some(Field {
            width,
            height,
            points: (0..width * height).map(colour).collect(),
            bounds,
        })
    }
}

/// Heat of a flame at `across` (-1..1) and `up` (0..1), 0..1: the hottest of a few tongues.
fn flame(across: f32, up: f32, time: f32, seed: u32) -> f32 {
    let gust =
        noise(up * 1.4 - time * 1.3, 3.3, seed) + 0.5 * noise(up * 4.0 - time * 3.1, 8.1, seed);
    let x = across + 0.42 * up * gust + 0.05 * noise(across * 4.0, up * 7.0 - time * 5.0, seed ^ 5);
    let rough = 0.55 * noise(x * 2.6 + 5.0, up * 2.6 + time * 2.6, seed ^ 1)
        + 0.45 * noise(x * 6.0, up * 5.0 + time * 4.6, seed ^ 2);
    let tongue = |i: u32| {
        let k = i as f32;
        let middle = 0.42 * (k - 1.5) + 0.16 * noise(time * 1.1, k, seed ^ 3);
        let tall =
            0.62 + 0.16 * (1.5 - (k - 1.5).abs()) + 0.28 * noise(time * 2.3, 9.0 * k, seed ^ 4);
        let above = (up / tall.max(0.2)).min(1.2);
        let wide = 0.36 * (1.0 - above).max(0.0).sqrt() + 0.02;
        1.0 - (x - middle * (1.0 - 0.45 * above)).abs() / wide - 0.45 * above * above
    };
    let body = (0..4).map(tongue).fold(-1.0, f32::max);
    let bed = 0.9 - (x / 0.8).powi(2) - up * 5.5;
    let heat = body.max(bed);
    if heat <= -0.6 {
        return 0.0;
    }
    // Ragged at the ground: it burns out of what lies there.
    let root = (up * 9.0 + 0.35 + 0.4 * rough).clamp(0.0, 1.0);
    ((heat + 0.16 + rough * (0.3 + 0.6 * up)) * root).clamp(0.0, 1.0)
}

/// Premultiplied colour of a flame of some heat.
fn flame_colour(heat: f32) -> [u8; 4] {
    let opacity = ((heat - 0.10) * 3.2).clamp(0.0, 0.96);
    let (red, orange, white) = (Rgb::hex(0xc23a0c), Rgb::hex(0xff9a24), Rgb::hex(0xfff2b8));
    let colour = if heat < 0.62 {
        red.mix(orange, ((heat - 0.15) / 0.4).clamp(0.0, 1.0))
    } else {
        orange.mix(white, ((heat - 0.62) / 0.38).clamp(0.0, 1.0))
    };
    let [r, g, b] = colour.scale(opacity).bytes();
    [r, g, b, (opacity * 255.0) as u8]
}

/// Smoke on a coarse grid.
struct Cover {
    width: usize,
    height: usize,
    opacity: Vec<f32>,
    /// Brightness of the last puff's own shape, -1..1.
    rough: Vec<f32>,
}

impl Cover {
    fn new(width: usize, height: usize) -> Self {
        Self {
            width,
            height,
            opacity: vec![0.0; width * height],
            rough: vec![0.0; width * height],
        }
    }

    /// A puff over what is there: round, ragged at the rim, lighter above than below.
    fn puff(&mut self, at: V2, radius: f32, opacity: f32, seed: u32) {
        let low = |v: f32| (v - radius).max(0.0) as usize;
        let high = |v: f32, end: usize| ((v + radius).ceil().max(0.0) as usize).min(end);
        for y in low(at.y)..high(at.y, self.height) {
            for x in low(at.x)..high(at.x, self.width) {
                let (dx, dy) = ((x as f32 - at.x) / radius, (y as f32 - at.y) / radius);
                let ragged = 0.45 * noise(dx * 2.1 + 7.0, dy * 2.1, seed);
                let inner = (1.0 - (dx * dx + dy * dy) * (1.0 + ragged)) * 1.6;
                if inner <= 0.0 {
                    continue;
                }
                let (i, k) = (y * self.width + x, inner.min(1.0) * opacity);
                self.opacity[i] += (1.0 - self.opacity[i]) * k;
                self.rough[i] += (ragged * 1.6 - 0.7 * dy - self.rough[i]) * k;
            }
        }
    }
}

/// A field as pixels, or nothing where none of it lies in the picture.
fn sprite(field: &Field, size: Size) -> Option<Sprite> {
    let whole = tight(field)?;
    let shown = whole.clip(size);
    if shown.area() < 1.0 {
        return None;
    }
    let (left, top) = (shown.left.floor() as u32, shown.top.floor() as u32);
    let (right, bottom) = (shown.right.ceil() as u32, shown.bottom.ceil() as u32);
    let mut pixmap = Pixmap::new(right - left, bottom - top)?;
    let b = &field.bounds;
    let (kx, ky) = (
        field.width as f32 / (b.right - b.left),
        field.height as f32 / (b.bottom - b.top),
    );
    // Point before a pixel and the way on to the next one, of 256.
    let between = |at: f32, n: usize| {
        let at = at.clamp(0.0, (n - 1) as f32);
        (at as usize, ((at - at.floor()) * 256.0) as u16)
    };
    let columns: Vec<(usize, u16)> = (left..right)
        .map(|x| between((x as f32 + 0.5 - b.left) * kx - 0.5, field.width))
        .collect();
    let mut line = vec![[0u16; 4]; field.width + 1];
    let rows = pixmap.data_mut().chunks_exact_mut(columns.len() * 4);
    for (y, row) in (top..bottom).zip(rows) {
        let (upper, fy) = between((y as f32 + 0.5 - b.top) * ky - 0.5, field.height);
        let lower = (upper + 1).min(field.height - 1);
        let at = |row: usize| &field.points[row * field.width..(row + 1) * field.width];
        for (l, (p, q)) in line.iter_mut().zip(at(upper).iter().zip(at(lower))) {
            *l =
                std::array::from_fn(|i| (u16::from(p[i]) * (256 - fy) + u16::from(q[i]) * fy) >> 8);
        }
        line[field.width] = line[field.width - 1];
        for (pixel, &(a, fx)) in row.chunks_exact_mut(4).zip(&columns) {
            let (p, q) = (&line[a], &line[a + 1]);
            for (i, v) in pixel.iter_mut().enumerate() {
                *v = ((p[i] * (256 - fx) + q[i] * fx) >> 8) as u8;
            }
        }
    }
    Some(Sprite {
        left,
        top,
        pixmap,
        whole,
        shown,
    })
}

/// The part of a field's bounds in which something is to be seen.
fn tight(field: &Field) -> Option<Bounds> {
    let seen = |i: &usize| field.points[*i][3] >= FAINT;
    let (w, h) = (field.width, field.height);
    let rows = (0..h).filter(|y| (0..w).any(|x| seen(&(y * w + x))));
    let columns = (0..w).filter(|x| (0..h).any(|y| seen(&(y * w + x))));
    let (top, bottom) = (rows.clone().min()?, rows.max()?);
    let (left, right) = (columns.clone().min()?, columns.max()?);
    let b = &field.bounds;
    let x = |v: usize| b.left + (b.right - b.left) * v as f32 / w as f32;
    let y = |v: usize| b.top + (b.bottom - b.top) * v as f32 / h as f32;
    Some(Bounds {
        left: x(left),
        top: y(top),
        right: x(right + 1),
        bottom: y(bottom + 1),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRE: Fire = Fire {
        at: v2(0.0, 15.0),
        from_s: 5.0,
        until_s: 30.0,
        size: 1.2,
        flames: true,
        smoke: true,
    };

    #[test]
    fn a_fire_grows_burns_and_goes_out() {
        assert_eq!(FIRE.grown(4.9), 0.0);
        assert!(FIRE.grown(5.1) < 0.4 && FIRE.grown(20.0) == 1.0);
        assert!(FIRE.grown(29.9) < 0.4 && FIRE.grown(30.0) == 0.0);
        assert!(FIRE.lamp(20.0).is_some() && FIRE.lamp(31.0).is_none());
    }

    #[test]
    fn smoke_rises_and_the_wind_takes_it() {
        let still = FIRE.puffs(&Wind::new(0.0, 1), 25.0);
        let windy = FIRE.puffs(&Wind::new(0.8, 1), 25.0);
        let highest =
            |puffs: &[(V3, f32, f32, u64)]| puffs.iter().map(|p| p.0.z).fold(0.0, f32::max);
        let farthest =
            |puffs: &[(V3, f32, f32, u64)]| puffs.iter().map(|p| p.0.x).fold(0.0, f32::max);
        assert!(highest(&still) > 4.0);
        assert!(farthest(&windy) > farthest(&still) + 3.0);
    }
}
