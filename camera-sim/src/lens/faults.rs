//! Scripted faults of a lens: covered, sprayed, turned, defocused, frozen, dark; and what a tamper rule should say.

use serde::Deserialize;

use crate::dice::{Dice, noise};
use crate::scene::rules::Tampering;
use crate::sensor::Frame;
use crate::space::Size;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Covered,
    Sprayed,
    Turned,
    Defocused,
    Frozen,
    Dark,
}

impl Kind {
    /// As it stands in a scene file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Covered => "covered",
            Self::Sprayed => "sprayed",
            Self::Turned => "turned",
            Self::Defocused => "defocused",
            Self::Frozen => "frozen",
            Self::Dark => "dark",
        }
    }

    /// What a tamper rule should call it.
    pub fn tampering(self) -> Tampering {
        match self {
            Self::Covered | Self::Sprayed => Tampering::Covered,
            Self::Turned => Tampering::Moved,
            Self::Defocused => Tampering::Blurred,
            Self::Frozen => Tampering::Frozen,
            Self::Dark => Tampering::Dark,
        }
    }

    /// Seconds until it is complete; it ends twice as fast.
    fn onset_s(self) -> f32 {
        match self {
            Self::Covered => 0.4,
            Self::Sprayed => 1.6,
            Self::Turned | Self::Frozen => 0.0,
            Self::Defocused => 1.0,
            Self::Dark => 0.6,
        }
    }
}

/// One fault, from its first sign to its end.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    pub kind: Kind,
    pub from_s: f32,
    pub until_s: f32,
    /// Degrees clockwise, of a turned camera.
    pub turn_deg: Option<f32>,
}

impl Fault {
    pub fn lasts_at(&self, time: f32) -> bool {
        time >= self.from_s && time < self.until_s
    }

    /// How far it has come at `time`, 0 = nothing, 1 = all.
    fn part(&self, time: f32) -> f32 {
        if !self.lasts_at(time) {
            return 0.0;
        }
        let onset = self.kind.onset_s().max(1e-3);
        let (since, left) = (time - self.from_s, self.until_s - time);
        (since / onset).min(2.0 * left / onset).min(1.0)
    }
}

/// The time of the picture that a frozen camera shows at `time`.
pub(super) fn frozen(faults: &[Fault], time: f32) -> Option<f32> {
    let lasting = |f: &&Fault| f.kind == Kind::Frozen && f.lasts_at(time);
    faults.iter().find(lasting).map(|f| f.from_s)
}

/// Puts `fault` on a picture taken at `time`.
pub(super) fn apply(fault: &Fault, spray: Option<&Spray>, frame: &mut Frame, time: f32, seed: u64) {
    let part = fault.part(time);
    if part <= 0.0 {
        return;
    }
    match fault.kind {
        Kind::Covered => cover(frame, part, time, seed),
        Kind::Sprayed => {
            if let Some(spray) = spray {
                spray.over(frame, part);
            }
        }
        Kind::Defocused => defocus(frame, part),
        Kind::Dark => darken(frame, part),
        Kind::Turned | Kind::Frozen => {}
    }
}

/// Something soft and dark right before the lens, coming in from one side; some light leaks past it.
fn cover(frame: &mut Frame, part: f32, time: f32, seed: u64) {
    let size = frame.size;
    let (w, h) = (size.width as usize, size.height as usize);
    let mut dice = Dice::salted(seed, 0xc0e4);
    let (left, warm) = (dice.chance(0.5), dice.below(8) as u8);
    let leak = dice.range(0.05, 0.2);
    // Its rim lies a little beyond the picture when it is all there.
    let rim = part * 1.25;
    let tremble = 0.01 * (time * 2.3).sin();
    let columns: Vec<(i32, i32)> = (0..w)
        .map(|x| {
            let across = x as f32 / w as f32;
            let across = if left { across } else { 1.0 - across };
            let opacity = ((rim - across + tremble) * 6.0).clamp(0.0, 1.0);
            let tone = 24.0 + 40.0 * leak * (across + tremble).powi(3).max(0.0);
            ((opacity * 256.0) as i32, tone as i32)
        })
        .collect();
    let (luma, chroma) = frame.planes_mut();
    for (y, row) in luma.chunks_exact_mut(w).enumerate() {
        let fold = (6 * y / h) as i32;
        for (v, (opacity, tone)) in row.iter_mut().zip(&columns) {
            let was = i32::from(*v);
            *v = (was + (((tone + fold - was) * opacity) >> 8)) as u8;
        }
    }
    let (blue, red) = chroma.split_at_mut((w / 2) * (h / 2));
    for (plane, to) in [(blue, 126 - warm / 2), (red, 129 + warm)] {
        for row in plane.chunks_exact_mut(w / 2) {
            for (v, (opacity, _)) in row.iter_mut().zip(columns.iter().step_by(2)) {
                let was = i32::from(*v);
                *v = (was + (((i32::from(to) - was) * opacity) >> 8)) as u8;
            }
        }
    }
}

/// Paint on the glass, out of focus.
pub(super) struct Spray {
    /// When each pixel is reached, 0 = at once, 255 = never.
    order: Vec<u8>,
    /// Video levels of the paint.
    paint: [u8; 3],
}

impl Spray {
    pub(super) fn new(size: Size, seed: u64) -> Self {
        let mut dice = Dice::salted(seed, 0x5b4a);
        let paint = dice.pick(&[
            [34, 128, 128],
            [62, 112, 178],
            [58, 170, 116],
            [150, 128, 128],
        ]);
        let salt = dice.roll() as u32;
        let tall = size.height as f32;
        let point = |i: u32| {
            let (x, y) = (
                (i % size.width) as f32 / tall,
                (i / size.width) as f32 / tall,
            );
            let blot = noise(x * 2.6, y * 2.6, salt) + 0.5 * noise(x * 6.5, y * 6.5, salt ^ 1);
            // Paint runs down.
            let run = noise(x * 17.0, y * 1.1, salt ^ 2).max(0.0) * 0.5;
            let middle = (x - 0.5 * size.width as f32 / tall).hypot(y - 0.5);
            ((0.34 + 0.30 * middle - 0.30 * blot - 0.25 * run) * 255.0).clamp(0.0, 255.0) as u8
        };
        Self {
            order: (0..size.width * size.height).map(point).collect(),
            paint,
        }
    }

    fn over(&self, frame: &mut Frame, part: f32) {
        let size = frame.size;
        let (w, h) = (size.width as usize, size.height as usize);
        let level = (part * 0.86 * 255.0) as i32;
        let opacity = |order: u8| ((level - i32::from(order)) * 5).clamp(0, 250);
        let mix = |v: &mut u8, to: u8, k: i32| {
            let was = i32::from(*v);
            *v = (was + (((i32::from(to) - was) * k) >> 8)) as u8;
        };
        let (luma, chroma) = frame.planes_mut();
        for (v, order) in luma.iter_mut().zip(&self.order) {
            mix(v, self.paint[0], opacity(*order));
        }
        let (blue, red) = chroma.split_at_mut((w / 2) * (h / 2));
        for (plane, to) in [(blue, self.paint[1]), (red, self.paint[2])] {
            for (i, v) in plane.iter_mut().enumerate() {
                let order = self.order[(i / (w / 2) * 2) * w + i % (w / 2) * 2];
                mix(v, to, opacity(order));
            }
        }
    }
}

/// Out of focus by up to a fiftieth of the picture's width.
fn defocus(frame: &mut Frame, part: f32) {
    let size = frame.size;
    let (w, h) = (size.width as usize, size.height as usize);
    let radius = (part * w as f32 / 60.0).round() as usize;
    let (luma, chroma) = frame.planes_mut();
    blur(luma, w, radius);
    let (blue, red) = chroma.split_at_mut((w / 2) * (h / 2));
    for plane in [blue, red] {
        blur(plane, w / 2, radius / 2);
    }
}

/// Two means over squares of side `2 * radius + 1`, one after the other; the edges are repeated.
pub fn blur(plane: &mut [u8], w: usize, radius: usize) {
    if radius == 0 || w == 0 {
        return;
    }
    let h = plane.len() / w;
    for _ in 0..2 {
        let mut line = vec![0u8; w];
        for row in plane.chunks_exact_mut(w) {
            line.copy_from_slice(row);
            let at = |x: i64| u32::from(line[x.clamp(0, w as i64 - 1) as usize]);
            let r = radius as i64;
            let mut sum: u32 = (-r..=r).map(at).sum();
            for (x, v) in row.iter_mut().enumerate() {
                *v = (sum / (2 * radius as u32 + 1)) as u8;
                sum = sum + at(x as i64 + r + 1) - at(x as i64 - r);
            }
        }
        let old = plane.to_vec();
        let row_at = |y: i64| {
            let y = y.clamp(0, h as i64 - 1) as usize;
            &old[y * w..(y + 1) * w]
        };
        let r = radius as i64;
        let mut sums = vec![0u32; w];
        for y in -r..=r {
            sums.iter_mut()
                .zip(row_at(y))
                .for_each(|(s, v)| *s += u32::from(*v));
        }
        for (y, row) in plane.chunks_exact_mut(w).enumerate() {
            let (next, last) = (row_at(y as i64 + r + 1), row_at(y as i64 - r));
            for ((v, s), (n, l)) in row.iter_mut().zip(&mut sums).zip(next.iter().zip(last)) {
                *v = (*s / (2 * radius as u32 + 1)) as u8;
                *s = *s + u32::from(*n) - u32::from(*l);
            }
        }
    }
}

/// The light has gone: next to nothing is left of the picture.
fn darken(frame: &mut Frame, part: f32) {
    let keep = ((1.0 - 0.96 * part) * 256.0) as i32;
    let (luma, chroma) = frame.planes_mut();
    luma.iter_mut()
        .for_each(|v| *v = (16 + (((i32::from(*v) - 16).max(0) * keep) >> 8)) as u8);
    chroma
        .iter_mut()
        .for_each(|v| *v = (128 + (((i32::from(*v) - 128) * keep) >> 8)) as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: Size = Size {
        width: 128,
        height: 72,
    };

    fn stripes() -> Frame {
        let mut frame = Frame {
            size: SIZE,
            data: vec![128; 128 * 72 * 3 / 2],
        };
        let luma = &mut frame.data[..128 * 72];
        luma.iter_mut()
            .enumerate()
            .for_each(|(i, v)| *v = if i / 4 % 2 == 0 { 60 } else { 200 });
        frame
    }

    /// Mean and spread of brightness after `kind` has been there for `since` seconds of ten.
    fn after(kind: Kind, since: f32) -> (f32, f32) {
        let fault = Fault {
            kind,
            from_s: 5.0,
            until_s: 15.0,
            turn_deg: None,
        };
        let mut frame = stripes();
        apply(
            &fault,
            Some(&Spray::new(SIZE, 3)),
            &mut frame,
            5.0 + since,
            3,
        );
        let luma = &frame.data[..128 * 72];
        let mean = luma.iter().map(|v| f32::from(*v)).sum::<f32>() / luma.len() as f32;
        let spread = luma
            .iter()
            .map(|v| (f32::from(*v) - mean).powi(2))
            .sum::<f32>();
        (mean, (spread / luma.len() as f32).sqrt())
    }

    #[test]
    fn each_fault_does_what_its_name_says_within_its_time_only() {
        let clean = after(Kind::Frozen, 4.0);
        for kind in [Kind::Covered, Kind::Sprayed, Kind::Defocused, Kind::Dark] {
            assert_eq!(after(kind, -0.1), clean, "{kind:?} before its time");
            assert_eq!(after(kind, 10.0), clean, "{kind:?} after its time");
        }
        let (mean, spread) = after(Kind::Covered, 4.0);
        assert!(mean < 50.0 && spread < 8.0, "covered: {mean} {spread}");
        assert!(after(Kind::Dark, 4.0).0 < 25.0);
        let (mean, spread) = after(Kind::Defocused, 4.0);
        assert!(
            (mean - clean.0).abs() < 4.0 && spread < 0.4 * clean.1,
            "defocused: {mean} {spread}"
        );
        assert!(after(Kind::Sprayed, 4.0).1 < 0.75 * clean.1);
    }

    #[test]
    fn a_frozen_camera_shows_its_first_frozen_picture() {
        let faults = [Fault {
            kind: Kind::Frozen,
            from_s: 3.0,
            until_s: 6.0,
            turn_deg: None,
        }];
        assert_eq!(frozen(&faults, 2.9), None);
        assert_eq!(frozen(&faults, 4.2), Some(3.0));
        assert_eq!(frozen(&faults, 6.0), None);
    }
}
