//! Insects and spider threads on the glass: far out of focus, dark by day, bright under a camera's lamp at night.

use std::f32::consts::TAU;

use crate::dice::Dice;
use crate::sensor::Frame;
use crate::space::{Size, V2, v2};

/// Time is cut into slots of this many seconds; each has its own insects.
const SLOT_S: f32 = 4.0;
/// An insect lasts two slots at most.
const SLOTS_BACK: i64 = 2;
/// Points of a side of an insect's mask.
const MASK: usize = 64;

/// What is on the glass in the course of a scene.
pub struct Insects {
    strength: f32,
    size: Size,
    /// Video level of what is on the glass.
    level: u8,
    /// Opacities of an insect, seen from below.
    masks: [Vec<u8>; 3],
    threads: Vec<Thread>,
    seed: u64,
}

/// A spider's thread: sags from one edge of the picture to another.
struct Thread {
    /// Height at the left and right edge and sag in the middle, parts of the height.
    left: f32,
    right: f32,
    sag: f32,
    /// Pixels.
    thick: f32,
    opacity: f32,
    phase: f32,
}

/// One insect at one moment, pixels.
struct Spot {
    at: V2,
    /// Half length and half width.
    half: V2,
    turn: f32,
    opacity: f32,
    /// Which mask; nothing for a smear.
    mask: Option<usize>,
}

impl Insects {
    /// Insects for pictures of `size`; `bright` is 0 by night and 1 by day.
    pub fn new(strength: f32, size: Size, bright: f32, seed: u64) -> Self {
        let mut dice = Dice::salted(seed, 0x1c5ec7);
        let unit = size.height as f32 / 720.0;
        let count = (strength * dice.range(1.0, 4.5)) as usize;
        let threads = (0..count).map(|_| Thread {
            left: dice.range(-0.4, 1.2),
            right: dice.range(-0.4, 1.2),
            sag: dice.range(-0.25, 0.25),
            thick: dice.range(2.0, 6.5) * unit,
            opacity: dice.range(0.10, 0.34),
            phase: dice.range(0.0, TAU),
        });
        Self {
            strength,
            size,
            level: if bright > 0.5 { 26 } else { 188 },
            threads: threads.collect(),
            masks: std::array::from_fn(|i| mask(&mut Dice::salted(seed, i as u64))),
            seed,
        }
    }

    /// Lays all that is on the glass at `time` over a picture.
    pub fn over(&self, frame: &mut Frame, time: f32) {
        for thread in &self.threads {
            self.thread(thread, frame, time);
        }
        let slot = (time / SLOT_S).floor() as i64;
        for back in 0..=SLOTS_BACK {
            for spot in self.spots(slot - back, time) {
                self.stamp(&spot, frame);
            }
        }
    }

    /// The insects of one slot as they are at `time`.
    fn spots(&self, slot: i64, time: f32) -> Vec<Spot> {
        let mut dice = Dice::salted(self.seed, slot as u64);
        let (w, h) = (self.size.width as f32, self.size.height as f32);
        let mut out = Vec::new();
        for _ in 0..3 {
            let (crawls, comes) = (dice.chance(0.4), dice.chance(self.strength));
            let from_s = (slot as f32 + dice.unit()) * SLOT_S;
            let lasts = if crawls {
                dice.range(2.5, SLOT_S)
            } else {
                dice.range(0.35, 1.1)
            };
            let along = (time - from_s) / lasts;
            let start = v2(dice.unit() * w, dice.unit() * h);
            let way = V2::from_angle(dice.range(0.0, TAU));
            let (size, wobble) = (h * dice.range(0.022, 0.075), dice.range(0.0, TAU));
            let mask = dice.below(3);
            if !comes || !(0.0..1.0).contains(&along) {
                continue;
            }
            let fade = (8.0 * along * (1.0 - along)).min(1.0);
            if crawls {
                let bend = 0.5 * (along * 9.0 + wobble).sin();
                let at = start + way * (h * 0.16 * along) + way.left() * (h * 0.012 * bend);
                let turn = way.y.atan2(way.x) + 0.4 * bend;
                out.push(Spot {
                    at,
                    half: v2(size, size),
                    turn,
                    opacity: 0.92 * fade.sqrt(),
                    mask: Some(mask),
                });
            } else {
                let curve = 0.25 * h * (along * 3.0 + wobble).sin();
                let at = start + way * ((along - 0.5) * 1.3 * h) + way.left() * curve;
                let turn = way.y.atan2(way.x);
                out.push(Spot {
                    at,
                    half: v2(1.6 * size, 0.45 * size),
                    turn,
                    opacity: 0.55,
                    mask: None,
                });
            }
        }
        out
    }

    fn stamp(&self, spot: &Spot, frame: &mut Frame) {
        let (width, height) = (self.size.width as i32, self.size.height as i32);
        let reach = spot.half.x.max(spot.half.y) * 1.05;
        let (along, (luma, chroma)) = (V2::from_angle(spot.turn), frame.planes_mut());
        let range = |at: f32, end: i32| {
            (at - reach).max(0.0) as i32..((at + reach) as i32 + 1).clamp(0, end)
        };
        for y in range(spot.at.y, height) {
            for x in range(spot.at.x, width) {
                let d = v2(x as f32 + 0.5, y as f32 + 0.5) - spot.at;
                let (u, v) = (d.dot(along) / spot.half.x, along.cross(d) / spot.half.y);
                let k = match spot.mask {
                    Some(mask) => self.masked(mask, u, v),
                    None => (1.0 - u * u - v * v).max(0.0),
                };
                let opacity = (k * spot.opacity * 256.0) as i32;
                if opacity > 0 {
                    mix(&mut luma[(y * width + x) as usize], self.level, opacity);
                    grey(chroma, self.size, (x, y), opacity);
                }
            }
        }
    }

    fn masked(&self, mask: usize, u: f32, v: f32) -> f32 {
        let at = |c: f32| ((c + 1.0) * 0.5 * MASK as f32) as i64;
        let (x, y) = (at(u), at(v));
        let inside = (0..MASK as i64).contains(&x) && (0..MASK as i64).contains(&y);
        if inside {
            f32::from(self.masks[mask][y as usize * MASK + x as usize]) / 255.0
        } else {
            0.0
        }
    }

    fn thread(&self, thread: &Thread, frame: &mut Frame, time: f32) {
        let (width, height) = (self.size.width as usize, self.size.height as f32);
        let sway = 0.006 * (time * 1.1 + thread.phase).sin();
        let (luma, _) = frame.planes_mut();
        for x in 0..width {
            let k = x as f32 / width as f32;
            let sag = (thread.sag + sway) * 4.0 * k * (1.0 - k);
            let y = (thread.left + (thread.right - thread.left) * k + sag) * height;
            let (from, to) = (y - thread.thick, y + thread.thick);
            for row in
                from.max(0.0) as usize..(to.max(0.0) as usize + 1).min(self.size.height as usize)
            {
                let off = (row as f32 + 0.5 - y) / thread.thick;
                let opacity = (1.0 - off * off).max(0.0) * thread.opacity;
                mix(
                    &mut luma[row * width + x],
                    self.level.max(170),
                    (opacity * 256.0) as i32,
                );
            }
        }
    }
}

fn mix(value: &mut u8, to: u8, opacity: i32) {
    let was = i32::from(*value);
    *value = (was + (((i32::from(to) - was) * opacity) >> 8)).clamp(0, 255) as u8;
}

/// Takes the colour from the pixel at (x, y); each point of colour has four pixels and is asked at one of them.
fn grey(chroma: &mut [u8], size: Size, (x, y): (i32, i32), opacity: i32) {
    if x % 2 != 0 || y % 2 != 0 {
        return;
    }
    let (wide, high) = ((size.width / 2) as usize, (size.height / 2) as usize);
    let i = (y / 2) as usize * wide + (x / 2) as usize;
    for plane in [0, wide * high] {
        if let Some(v) = chroma.get_mut(plane + i) {
            mix(v, 128, opacity);
        }
    }
}

/// An insect from below, out of focus: a body of three balls and six bent legs.
fn mask(dice: &mut Dice) -> Vec<u8> {
    let mut balls: Vec<(V2, f32)> = vec![
        (v2(0.42, 0.0), 0.10),
        (v2(0.18, 0.0), 0.15),
        (v2(-0.22, 0.0), 0.24 * dice.range(0.8, 1.2)),
    ];
    for i in 0..3 {
        for side in [-1.0, 1.0] {
            let (root, lean) = (0.28 - 0.2 * i as f32, 0.35 - 0.4 * i as f32);
            let knee = v2(root + 0.5 * lean, side * dice.range(0.3, 0.42));
            let toe = v2(root + lean * 1.5, side * dice.range(0.55, 0.75));
            for j in 0..8 {
                let t = j as f32 / 8.0;
                balls.push((v2(root, 0.0) * (1.0 - t) + knee * t, 0.035));
                balls.push((knee * (1.0 - t) + toe * t, 0.028));
            }
        }
    }
    let soft = dice.range(0.09, 0.18);
    let point = |i: usize| {
        let at = |v: usize| (v as f32 + 0.5) / MASK as f32 * 2.0 - 1.0;
        let p = v2(at(i % MASK), at(i / MASK));
        let cover = balls.iter().map(|(b, r)| {
            ((r + soft - (p - *b).length()) / (2.0 * soft)).clamp(0.0, 1.0) * (r / 0.06).min(1.0)
        });
        (cover.fold(0.0, f32::max) * 255.0) as u8
    };
    (0..MASK * MASK).map(point).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn insects_come_and_go_and_darken_the_day() {
        let size = Size {
            width: 320,
            height: 180,
        };
        let insects = Insects::new(1.0, size, 1.0, 4);
        let changed = |time: f32| {
            let mut frame = Frame {
                size,
                data: vec![140; 320 * 180 * 3 / 2],
            };
            insects.over(&mut frame, time);
            frame.data[..320 * 180].iter().filter(|v| **v < 110).count()
        };
        let counts: Vec<usize> = (0..40).map(|i| changed(i as f32 * 0.5)).collect();
        assert!(counts.iter().any(|c| *c > 60), "{counts:?}");
        assert!(counts.contains(&0), "{counts:?}");
        assert_eq!(changed(3.0), changed(3.0));
    }
}
