//! Dogs: several coats, ears, tails and sizes; the legs go in diagonal pairs.

use std::f32::consts::TAU;

use super::Blob;
use super::person::Step;
use crate::dice::Dice;
use crate::light::Rgb;
use crate::space::{V2, V3, v2};

/// Coat, and chest, snout and feet.
const COATS: [(Rgb, Rgb); 9] = [
    (Rgb::hex(0x1c1a19), Rgb::hex(0x1c1a19)),
    (Rgb::hex(0x1f1c1a), Rgb::hex(0x9a6a3a)),
    (Rgb::hex(0x1f1e1e), Rgb::hex(0xdedad2)),
    (Rgb::hex(0x5b3a22), Rgb::hex(0x6e4a2d)),
    (Rgb::hex(0xb58347), Rgb::hex(0xd9b98a)),
    (Rgb::hex(0xc9a873), Rgb::hex(0xe6d9bf)),
    (Rgb::hex(0xe4e0d6), Rgb::hex(0xe4e0d6)),
    (Rgb::hex(0x77777a), Rgb::hex(0xc9c7c2)),
    (Rgb::hex(0x8a6238), Rgb::hex(0x2a2320)),
];
const NOSE: Rgb = Rgb::hex(0x121112);

/// What one dog looks like.
#[derive(Clone, Copy, Debug)]
pub struct DogLook {
    /// Metres from the ground to the withers.
    pub height: f32,
    /// Girth, 1 = usual.
    pub build: f32,
    pub coat: Rgb,
    pub marks: Rgb,
    pub pricked_ears: bool,
    pub tail_up: bool,
    pub collar: Rgb,
}

impl DogLook {
    pub fn random(dice: &mut Dice) -> Self {
        let (coat, marks) = dice.pick(&COATS);
        Self {
            height: if dice.chance(0.3) {
                dice.range(0.28, 0.4)
            } else {
                dice.range(0.42, 0.68)
            },
            build: dice.range(0.85, 1.2),
            coat: coat.vary(dice, 0.12),
            marks: marks.vary(dice, 0.12),
            pricked_ears: dice.chance(0.5),
            tail_up: dice.chance(0.6),
            collar: dice.pick(&[0xb3202c, 0x24508f, 0x202020, 0xd9a928].map(Rgb::hex)),
        }
    }

    /// Half length and half width on the ground, metres.
    pub fn half_extent(&self) -> V2 {
        v2(0.85 * self.height, 0.22 * self.height)
    }
}

/// The dog in mid-step.
pub fn blobs(look: &DogLook, step: &Step) -> Vec<Blob> {
    let s = look.height;
    let front = V2::from_angle(step.heading);
    let at =
        |x: f32, y: f32, z: f32| (step.at + front * (x * s) + front.left() * (y * s)).up(z * s);
    let mut out = Vec::with_capacity(22);
    legs(look, step, &at, &mut out);
    let b = look.build;
    let bob = 0.02 * (step.walked / s * 5.0).sin();
    out.push(Blob {
        spheres: vec![
            (at(0.40, 0.0, 0.78 + bob), 0.20 * s * b),
            (at(0.30, 0.0, 0.72 + bob), 0.23 * s * b),
            (at(-0.10, 0.0, 0.79 + bob), 0.16 * s * b),
            (at(-0.46, 0.0, 0.80 - bob), 0.16 * s * b),
        ],
        colour: look.coat,
    });
    let tail = if look.tail_up { 1.22 } else { 0.62 };
    let wag = 0.13 * (step.clock * 7.0).sin();
    out.push(Blob::limb(
        at(-0.58, 0.0, 0.86),
        0.05 * s,
        at(-0.92, wag, tail),
        0.03 * s,
        look.coat.scale(0.95),
    ));
    head(look, &at, bob, &mut out);
    out
}

fn head(look: &DogLook, at: &dyn Fn(f32, f32, f32) -> V3, bob: f32, out: &mut Vec<Blob>) {
    let s = look.height;
    let neck = at(0.50, 0.0, 0.90 + bob);
    let skull = at(0.76, 0.0, 1.20 + bob);
    out.push(Blob::limb(neck, 0.15 * s, skull, 0.11 * s, look.coat));
    out.push(Blob {
        spheres: (0..6)
            .map(|i| {
                let a = V2::from_angle(i as f32 / 6.0 * TAU) * 0.125;
                // In the plane across the neck, which rises at about 50 degrees.
                let middle = at(0.61 - 0.75 * a.y, a.x, 1.03 + 0.65 * a.y + bob);
                (middle, 0.028 * s)
            })
            .collect(),
        colour: look.collar,
    });
    out.push(Blob::ball(skull, 0.145 * s, look.coat));
    let nose = at(1.07, 0.0, 1.10 + bob);
    out.push(Blob::limb(
        at(0.86, 0.0, 1.15 + bob),
        0.085 * s,
        nose,
        0.06 * s,
        look.marks,
    ));
    out.push(Blob::ball(at(1.12, 0.0, 1.12 + bob), 0.032 * s, NOSE));
    for side in [-1.0, 1.0] {
        let (from, to, thick) = if look.pricked_ears {
            (
                at(0.70, side * 0.10, 1.28),
                at(0.68, side * 0.13, 1.47),
                0.05,
            )
        } else {
            (
                at(0.70, side * 0.13, 1.27),
                at(0.72, side * 0.18, 1.06),
                0.055,
            )
        };
        out.push(Blob::limb(
            from,
            thick * s,
            to,
            0.025 * s,
            look.coat.scale(0.8),
        ));
    }
}

/// Diagonal pairs swing together, a trot; a dog that stands has its feet under it.
fn legs(look: &DogLook, step: &Step, at: &dyn Fn(f32, f32, f32) -> V3, out: &mut Vec<Blob>) {
    let s = look.height;
    let stride = s * (0.9 + 0.75 * step.speed.min(5.0));
    let phase = step.walked / stride * TAU;
    let reach = if step.speed < 0.05 {
        0.0
    } else {
        (stride / s * 0.22).clamp(0.15, 0.5)
    };
    for (i, (x, side)) in [(0.40, 1.0), (0.40, -1.0), (-0.46, 1.0), (-0.46, -1.0f32)]
        .into_iter()
        .enumerate()
    {
        let turn = if i == 0 || i == 3 { 0.0 } else { TAU / 2.0 };
        let (swing, lift) = ((phase + turn).sin(), (phase + turn).cos().max(0.0));
        let moving = if reach > 0.0 { 1.0 } else { 0.0 };
        let hind = x < 0.0;
        let paw_z = 0.04 + 0.14 * lift * moving;
        let paw = at(x + reach * swing + 0.03, side * 0.11, paw_z);
        // A foreleg bends backwards at its middle; a hind leg forwards above and backwards below.
        let middle = reach * swing * 0.45
            + if hind {
                -0.12
            } else {
                -0.03 - 0.05 * lift * moving
            };
        let knee = at(x + middle, side * 0.12, 0.34 + 0.05 * lift * moving);
        let top = at(x, side * 0.11, 0.68);
        let thick = if hind { 0.12 } else { 0.085 };
        out.push(Blob::limb(
            top,
            thick * s,
            knee,
            0.055 * s,
            look.coat.scale(0.95),
        ));
        out.push(Blob::limb(knee, 0.05 * s, paw, 0.04 * s, look.marks));
    }
}
