//! Bicycles and motorcycles, and how somebody sits on them.

use std::f32::consts::TAU;

use super::person::{PersonLook, Skeleton, joint};
use super::{Blob, Sketch};
use crate::dice::Dice;
use crate::light::Rgb;
use crate::space::{V2, V3, v3};

const PAINT: [Rgb; 8] = [
    Rgb::hex(0x1b1c1f),
    Rgb::hex(0xb4232a),
    Rgb::hex(0x2456a0),
    Rgb::hex(0x2d7a46),
    Rgb::hex(0xd9d9d5),
    Rgb::hex(0xd98a1f),
    Rgb::hex(0x6c7075),
    Rgb::hex(0x7a3d8a),
];
const TYRE: Rgb = Rgb::hex(0x17171a);
const STEEL: Rgb = Rgb::hex(0x8f9296);

/// What one bicycle or motorcycle looks like.
#[derive(Clone, Copy, Debug)]
pub struct CycleLook {
    pub motor: bool,
    pub paint: Rgb,
    /// A scooter's step-through body instead of a tank.
    pub scooter: bool,
    pub basket: bool,
}

impl CycleLook {
    pub fn random(dice: &mut Dice, motor: bool) -> Self {
        Self {
            motor,
            paint: dice.pick(&PAINT).vary(dice, 0.2),
            scooter: dice.chance(0.4),
            basket: dice.chance(0.3),
        }
    }

    /// Distance from the middle to either wheel's axle and wheel radius, metres.
    fn wheels(&self) -> (f32, f32) {
        if self.motor {
            (0.68, 0.30)
        } else {
            (0.52, 0.34)
        }
    }
}

/// A frame of reference that stands on the ground and looks along a heading.
struct Axes {
    at: V2,
    front: V2,
    left: V2,
}

impl Axes {
    fn new(at: V2, heading: f32) -> Self {
        let front = V2::from_angle(heading);
        Self {
            at,
            front,
            left: front.left(),
        }
    }

    fn point(&self, x: f32, y: f32, z: f32) -> V3 {
        (self.at + self.front * x + self.left * y).up(z)
    }
}

/// Draws the machine without its rider.
pub fn sketch(look: &CycleLook, at: V2, heading: f32, rolled: f32, to: &mut Sketch<'_>) {
    let axes = Axes::new(at, heading);
    let (half, radius) = look.wheels();
    for x in [-half, half] {
        wheel(look, &axes, x, radius, rolled, to);
    }
    if look.motor {
        motor_body(look, &axes, to)
    } else {
        bicycle_body(look, &axes, to)
    }
}

fn wheel(look: &CycleLook, axes: &Axes, x: f32, radius: f32, rolled: f32, to: &mut Sketch<'_>) {
    let rim = |turn: f32, r: f32| {
        let a = V2::from_angle(turn) * r;
        axes.point(x + a.x, 0.0, radius + a.y)
    };
    let thick = if look.motor { 0.06 } else { 0.022 };
    if look.motor {
        to.disc(
            axes.point(x, 0.0, radius),
            axes.front.up(0.0),
            v3(0.0, 0.0, 1.0),
            radius * 0.62,
            STEEL.scale(0.6),
        );
    } else {
        for i in 0..6 {
            let turn = -rolled / radius + i as f32 * TAU / 12.0;
            to.rod(
                rim(turn, radius),
                rim(turn + TAU / 2.0, radius),
                0.004,
                STEEL,
            );
        }
    }
    for i in 0..16 {
        let (a, b) = (i as f32 / 16.0 * TAU, (i + 1) as f32 / 16.0 * TAU);
        to.rod(rim(a, radius - thick), rim(b, radius - thick), thick, TYRE);
    }
}

fn bicycle_body(look: &CycleLook, axes: &Axes, to: &mut Sketch<'_>) {
    let p = |x: f32, z: f32| axes.point(x, 0.0, z);
    let (rear, fore, crank, seat, head) = (
        p(-0.52, 0.34),
        p(0.52, 0.34),
        p(-0.08, 0.29),
        p(-0.22, 0.86),
        p(0.36, 0.84),
    );
    for (a, b) in [
        (rear, crank),
        (rear, seat),
        (crank, seat),
        (crank, head),
        (seat, head),
        (head, fore),
    ] {
        to.rod(a, b, 0.02, look.paint);
    }
    to.rod(head, p(0.32, 1.02), 0.016, STEEL);
    to.rod(
        axes.point(0.34, 0.28, 1.03),
        axes.point(0.34, -0.28, 1.03),
        0.017,
        TYRE,
    );
    to.rod(p(-0.34, 0.92), p(-0.10, 0.92), 0.04, TYRE);
    to.rod(
        crank - v3(0.0, 0.0, 0.09),
        crank + v3(0.0, 0.0, 0.09),
        0.03,
        STEEL.scale(0.5),
    );
    if look.basket {
        let corner = |x: f32, y: f32, z: f32| (axes.point(x, y, z), 0.03);
        let spheres = [0.78, 1.0]
            .iter()
            .flat_map(|&z| {
                [
                    corner(0.46, 0.14, z),
                    corner(0.46, -0.14, z),
                    corner(0.72, 0.14, z),
                    corner(0.72, -0.14, z),
                ]
            })
            .collect();
        to.blob(&Blob {
            spheres,
            colour: STEEL.scale(0.5),
        });
    }
}

fn motor_body(look: &CycleLook, axes: &Axes, to: &mut Sketch<'_>) {
    let p = |x: f32, z: f32| axes.point(x, 0.0, z);
    let mut blobs = vec![
        Blob::limb(p(-0.68, 0.30), 0.05, p(-0.15, 0.42), 0.07, STEEL.scale(0.5)),
        Blob::limb(p(0.68, 0.30), 0.045, p(0.42, 0.92), 0.05, STEEL),
        Blob::limb(p(-0.80, 0.82), 0.07, p(-0.15, 0.78), 0.11, TYRE),
        Blob::limb(p(-0.78, 0.70), 0.09, p(-0.25, 0.62), 0.13, look.paint),
        Blob::limb(p(0.62, 0.66), 0.07, p(0.78, 0.60), 0.05, look.paint),
    ];
    if look.scooter {
        blobs.push(Blob::limb(
            p(-0.2, 0.26),
            0.10,
            p(0.32, 0.26),
            0.10,
            look.paint.scale(0.8),
        ));
        blobs.push(Blob {
            spheres: vec![(p(0.36, 0.32), 0.14), (p(0.46, 0.92), 0.13)],
            colour: look.paint,
        });
    } else {
        blobs.push(Blob::limb(
            p(-0.12, 0.42),
            0.16,
            p(0.18, 0.44),
            0.17,
            STEEL.scale(0.55),
        ));
        blobs.push(Blob {
            spheres: vec![
                (p(-0.1, 0.76), 0.10),
                (p(0.22, 0.84), 0.15),
                (p(0.34, 0.78), 0.10),
            ],
            colour: look.paint,
        });
    }
    blobs.push(Blob::ball(p(0.56, 0.90), 0.10, Rgb::hex(0xd8dde0)));
    to.blobs(blobs);
    to.rod(
        axes.point(0.36, 0.34, 1.06),
        axes.point(0.36, -0.34, 1.06),
        0.02,
        TYRE,
    );
}

/// The rider's body: hands on the bar, feet on the pedals or rests.
pub fn riding(cycle: &CycleLook, look: &PersonLook, at: V2, heading: f32, rolled: f32) -> Skeleton {
    let axes = Axes::new(at, heading);
    let h = look.height.max(1.5);
    let (seat_x, seat_z) = if cycle.motor {
        (-0.28, 0.90)
    } else {
        (-0.20, 0.98)
    };
    let lean = if cycle.motor { 0.12 } else { 0.24 };
    let trunk = 0.30 * h;
    let (shoulder_x, shoulder_z) = (
        seat_x + trunk * lean / 0.3 * 0.9,
        seat_z + trunk * (1.0 - lean * 0.6),
    );
    let hip_half = 0.055 * h;
    let shoulder_half = 0.115 * h * look.build.min(1.2);
    let spin = rolled / 0.34 * 0.45;
    let foot = |i: usize| {
        let side = if i == 0 { 1.0 } else { -1.0 };
        if cycle.motor {
            return axes.point(0.02, side * 0.19, 0.30);
        }
        let a = V2::from_angle(-spin + i as f32 * TAU / 2.0) * 0.17;
        axes.point(-0.08 + a.x, side * 0.11, 0.30 + a.y)
    };
    let hip = |i: usize| axes.point(seat_x, if i == 0 { hip_half } else { -hip_half }, seat_z);
    let knee = |i: usize| joint(hip(i), foot(i), 0.245 * h, axes.front.up(0.6));
    let shoulder = |i: usize| {
        axes.point(
            shoulder_x,
            if i == 0 {
                shoulder_half
            } else {
                -shoulder_half
            },
            shoulder_z,
        )
    };
    let grip = |i: usize| axes.point(0.33, if i == 0 { 0.27 } else { -0.27 }, 1.06);
    let elbow = |i: usize| joint(shoulder(i), grip(i), 0.165 * h, v3(0.0, 0.0, -1.0));
    let toe = |i: usize| foot(i) + axes.front.up(0.0) * (0.1 * h);
    Skeleton {
        hips: [hip(0), hip(1)],
        knees: [knee(0), knee(1)],
        ankles: [foot(0), foot(1)],
        toes: [toe(0), toe(1)],
        shoulders: [shoulder(0), shoulder(1)],
        elbows: [elbow(0), elbow(1)],
        hands: [grip(0), grip(1)],
        neck: axes.point(shoulder_x + 0.03, 0.0, shoulder_z + 0.035 * h),
        head: axes.point(shoulder_x + 0.07, 0.0, shoulder_z + 0.115 * h),
        front: axes.front.up(0.0),
        left: axes.left.up(0.0),
        up: v3(0.0, 0.0, 1.0),
    }
}
