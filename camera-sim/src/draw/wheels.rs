//! Things on small wheels with a person to them: a wheelchair with its user, a stroller and where it is held.

use std::f32::consts::TAU;

use super::Blob;
use super::person::{PersonLook, Skeleton, Step, joint};
use crate::dice::Dice;
use crate::light::Rgb;
use crate::space::{V2, V3, v3};

const TYRE: Rgb = Rgb::hex(0x1b1b1d);
const STEEL: Rgb = Rgb::hex(0x9a9da1);
const CLOTH: [Rgb; 7] = [
    Rgb::hex(0x1d1f23),
    Rgb::hex(0x24344f),
    Rgb::hex(0x8f2430),
    Rgb::hex(0x2f6b5a),
    Rgb::hex(0x6f7378),
    Rgb::hex(0xb59a72),
    Rgb::hex(0x5a2f63),
];

/// What one wheelchair looks like.
#[derive(Clone, Copy, Debug)]
pub struct ChairLook {
    pub frame: Rgb,
    pub seat: Rgb,
}

impl ChairLook {
    pub fn random(dice: &mut Dice) -> Self {
        Self {
            frame: dice.pick(&[STEEL, STEEL, Rgb::hex(0x2a2c30), Rgb::hex(0x8e2a2f)]),
            seat: dice.pick(&[Rgb::hex(0x1c1d20), Rgb::hex(0x1f2b44)]),
        }
    }
}

/// What one stroller looks like.
#[derive(Clone, Copy, Debug)]
pub struct StrollerLook {
    pub cloth: Rgb,
    pub frame: Rgb,
    pub blanket: Rgb,
    /// A cot with a hood instead of a seat.
    pub cot: bool,
}

impl StrollerLook {
    pub fn random(dice: &mut Dice) -> Self {
        Self {
            cloth: dice.pick(&CLOTH).vary(dice, 0.15),
            frame: dice.pick(&[STEEL, Rgb::hex(0x2a2c30)]),
            blanket: dice.pick(&[0xe6e0d2, 0xd7a9b5, 0xa9c3d7, 0xd9c98a].map(Rgb::hex)),
            cot: dice.chance(0.4),
        }
    }
}

/// Turns a thing's own measures (forward, to the left, up; metres) into world points.
struct Axes {
    at: V2,
    front: V2,
}

impl Axes {
    fn new(at: V2, heading: f32) -> Self {
        Self {
            at,
            front: V2::from_angle(heading),
        }
    }

    fn point(&self, x: f32, y: f32, z: f32) -> V3 {
        (self.at + self.front * x + self.front.left() * y).up(z)
    }

    /// A wheel as a ring of short rods, with spokes that have turned by `roll` radians.
    fn wheel(&self, middle: (f32, f32), radius: f32, thick: f32, roll: f32, out: &mut Vec<Blob>) {
        let (x, y) = middle;
        let rim = |turn: f32, r: f32| {
            let a = V2::from_angle(turn) * r;
            self.point(x + a.x, y, radius + a.y)
        };
        for i in 0..12 {
            let (a, b) = (i as f32 / 12.0 * TAU, (i + 1) as f32 / 12.0 * TAU);
            let r = radius - thick;
            out.push(Blob::limb(rim(a, r), thick, rim(b, r), thick, TYRE));
        }
        for i in 0..3 {
            let turn = i as f32 / 6.0 * TAU - roll;
            let (a, b) = (rim(turn, radius * 0.9), rim(turn + TAU / 2.0, radius * 0.9));
            out.push(Blob::limb(a, 0.006, b, 0.006, STEEL));
        }
    }
}

/// The wheelchair alone.
pub fn chair(look: &ChairLook, step: &Step) -> Vec<Blob> {
    let axes = Axes::new(step.at, step.heading);
    let p = |x: f32, y: f32, z: f32| axes.point(x, y, z);
    let mut out = Vec::with_capacity(50);
    for side in [-1.0, 1.0] {
        axes.wheel(
            (-0.08, side * 0.31),
            0.31,
            0.02,
            step.walked / 0.31,
            &mut out,
        );
        let rod = |a: V3, b: V3| Blob::limb(a, 0.014, b, 0.014, look.frame);
        out.extend([
            rod(p(-0.25, side * 0.22, 0.95), p(-0.22, side * 0.22, 0.30)),
            rod(p(-0.25, side * 0.22, 0.95), p(-0.40, side * 0.22, 0.96)),
            rod(p(-0.22, side * 0.22, 0.70), p(0.18, side * 0.23, 0.70)),
            rod(p(0.18, side * 0.23, 0.70), p(0.20, side * 0.22, 0.46)),
            rod(p(-0.22, side * 0.22, 0.46), p(0.32, side * 0.21, 0.46)),
            rod(p(0.32, side * 0.21, 0.46), p(0.46, side * 0.16, 0.14)),
            rod(p(0.24, side * 0.21, 0.46), p(0.34, side * 0.21, 0.12)),
            // Caster and foot plate.
            Blob::limb(
                p(0.36, side * 0.21, 0.09),
                0.085,
                p(0.36, side * 0.235, 0.09),
                0.085,
                TYRE,
            ),
            Blob::limb(
                p(0.44, side * 0.07, 0.11),
                0.02,
                p(0.52, side * 0.16, 0.11),
                0.02,
                TYRE,
            ),
        ]);
    }
    let slab = |corners: [(f32, f32, f32); 2], half: f32, colour: Rgb| Blob {
        spheres: corners
            .iter()
            .flat_map(|&(x, y, z)| [(p(x, y - half, z), 0.03), (p(x, y + half, z), 0.03)])
            .collect(),
        colour,
    };
    out.push(slab(
        [(-0.2, 0.0, 0.47), (0.28, 0.0, 0.48)],
        0.19,
        look.seat,
    ));
    out.push(slab(
        [(-0.25, 0.0, 0.52), (-0.28, 0.0, 0.90)],
        0.19,
        look.seat,
    ));
    out
}

/// The body in a wheelchair, its hands pushing the rims.
pub fn seated(look: &PersonLook, step: &Step) -> Skeleton {
    let axes = Axes::new(step.at, step.heading);
    let h = look.height;
    let pair = |x: f32, y: f32, z: f32| [axes.point(x, y, z), axes.point(x, -y, z)];
    let bone = look.bone * h;
    let push = if step.speed < 0.05 {
        0.2
    } else {
        (step.walked * 2.4).sin()
    };
    let lean = 0.03 * h * push.max(0.0);
    let hips = pair(-0.12, 0.055 * h, 0.56);
    let ankles = pair(0.46, 0.10, 0.18);
    let shoulders = pair(-0.15 + lean, 0.118 * h, 0.56 + 0.27 * h);
    let hands = pair(0.02 + 0.17 * push, 0.32, 0.60 - 0.04 * push.abs());
    let front = axes.front.up(0.0);
    let knee = |i: usize| joint(hips[i], ankles[i], bone, front + v3(0.0, 0.0, 1.2));
    let elbow = |i: usize| joint(shoulders[i], hands[i], 0.165 * h, front * -1.0);
    Skeleton {
        hips,
        knees: [knee(0), knee(1)],
        ankles,
        toes: pair(0.46 + 0.105 * h, 0.11, 0.15),
        shoulders,
        elbows: [elbow(0), elbow(1)],
        hands,
        neck: axes.point(-0.13 + lean, 0.0, 0.56 + 0.315 * h),
        head: axes.point(-0.10 + lean * 1.3, 0.0, 0.56 + 0.395 * h),
        front,
        left: axes.front.left().up(0.0),
        up: v3(0.0, 0.0, 1.0),
    }
}

/// Ends (left, right) of the bar of a stroller at `at`.
pub fn handle(at: V2, heading: f32) -> [V3; 2] {
    let axes = Axes::new(at, heading);
    [axes.point(-0.56, 0.2, 1.0), axes.point(-0.56, -0.2, 1.0)]
}

/// The stroller alone, its middle at `at`.
pub fn stroller(look: &StrollerLook, at: V2, heading: f32) -> Vec<Blob> {
    let axes = Axes::new(at, heading);
    let p = |x: f32, y: f32, z: f32| axes.point(x, y, z);
    let mut out = Vec::with_capacity(40);
    for side in [-1.0, 1.0] {
        let rod = |a: V3, b: V3| Blob::limb(a, 0.014, b, 0.014, look.frame);
        for (x, y, r) in [(-0.30, 0.27, 0.14), (0.36, 0.22, 0.11)] {
            let y = side * y;
            let (a, b) = (p(x, y - 0.015, r), p(x, y + 0.015, r));
            out.push(Blob::limb(a, r, b, r, TYRE));
            out.push(Blob::ball(p(x, y + side * 0.03, r), r * 0.5, STEEL));
        }
        out.extend([
            rod(p(-0.30, side * 0.25, 0.14), p(0.10, side * 0.22, 0.58)),
            rod(p(0.36, side * 0.20, 0.11), p(-0.10, side * 0.22, 0.52)),
            rod(p(0.05, side * 0.22, 0.45), p(-0.56, side * 0.20, 1.0)),
        ]);
    }
    out.push(Blob::limb(
        p(-0.56, 0.22, 1.0),
        0.022,
        p(-0.56, -0.22, 1.0),
        0.022,
        TYRE,
    ));
    shell(look, &axes, &mut out);
    out
}

/// Seat or cot, hood, blanket and child of a stroller.
fn shell(look: &StrollerLook, axes: &Axes, out: &mut Vec<Blob>) {
    let p = |x: f32, y: f32, z: f32| axes.point(x, y, z);
    let wide = |x: f32, y: f32, z: f32, r: f32| [(p(x, y, z), r), (p(x, -y, z), r)];
    let hull = |rows: &[(f32, f32, f32, f32)], colour: Rgb| Blob {
        spheres: rows
            .iter()
            .flat_map(|&(x, y, z, r)| wide(x, y, z, r))
            .collect(),
        colour,
    };
    let far = if look.cot { 0.36 } else { 0.22 };
    out.push(hull(
        &[
            (-0.24, 0.12, 0.55, 0.09),
            (far, 0.12, 0.52, 0.09),
            (-0.26, 0.13, 0.72, 0.07),
            (far, 0.13, 0.64, 0.07),
        ],
        look.cloth,
    ));
    if !look.cot {
        out.push(hull(
            &[(0.26, 0.09, 0.50, 0.05), (0.38, 0.09, 0.28, 0.04)],
            look.cloth.scale(0.8),
        ));
    }
    out.push(hull(
        &[
            (-0.30, 0.14, 0.74, 0.06),
            (-0.22, 0.13, 0.98, 0.06),
            (0.04, 0.13, 1.0, 0.05),
        ],
        look.cloth.scale(1.15),
    ));
    out.push(hull(
        &[(0.06, 0.06, 0.70, 0.06), (far - 0.04, 0.08, 0.66, 0.06)],
        look.blanket,
    ));
    out.push(Blob::ball(p(-0.06, 0.0, 0.78), 0.075, Rgb::hex(0xd9a67f)));
}
