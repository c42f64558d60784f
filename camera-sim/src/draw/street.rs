//! Trees, lamps, flags, signs and railings as sketches.

use super::{Blob, Sketch};
use crate::dice::Dice;
use crate::light::Rgb;
use crate::space::{V2, V3, v2, v3};
use crate::weather::Wind;
use crate::world::{Fence, Fixture, Standing, rectangle};

const UP: V3 = v3(0.0, 0.0, 1.0);

impl Standing {
    /// Metres.
    pub fn tall(&self) -> f32 {
        self.height.unwrap_or(match self.kind {
            Fixture::Tree => 7.0,
            Fixture::Bush => 1.2,
            Fixture::Lamp => 6.5,
            Fixture::Sign => 2.6,
            Fixture::Bollard => 0.9,
            Fixture::Flag => 7.5,
        })
    }

    /// Whether wind moves it.
    pub fn sways(&self) -> bool {
        matches!(self.kind, Fixture::Tree | Fixture::Bush | Fixture::Flag)
    }
}

/// Where the arm of lamp post number `index` of a world ends: the lamp's head.
pub fn lamp_head(thing: &Standing, index: usize, seed: u64) -> V3 {
    let mut dice = Dice::salted(standing_seed(index, seed), 0xa4);
    let arm = thing.at + V2::from_angle(dice.range(0.0, std::f32::consts::TAU)) * 1.4;
    arm.up(thing.tall() + 0.25)
}

/// Seed of standing thing number `index`.
pub fn standing_seed(index: usize, seed: u64) -> u64 {
    seed ^ (index as u64 + 1001)
}

/// Draws thing number `index` of those that stand on a spot.
pub fn standing(thing: &Standing, index: usize, seed: u64, to: &mut Sketch<'_>) {
    let mut dice = Dice::salted(standing_seed(index, seed), 0x57a);
    let (at, h) = (thing.at, thing.tall());
    let steel = Rgb::hex(0x5c6166);
    match thing.kind {
        Fixture::Tree => tree(at, h, &mut dice, to),
        Fixture::Bush => foliage(
            at.up(h * 0.5),
            v3(h * 0.9, h * 0.9, h * 0.5),
            220,
            &mut dice,
            to,
        ),
        Fixture::Lamp => lamp(at, h, lamp_head(thing, index, seed), to),
        Fixture::Flag => flag(thing, &Wind::new(0.0, seed), 0.0, index, to),
        Fixture::Sign => {
            to.rod(at.up(0.0), at.up(h), 0.035, steel);
            let face = (to.view().camera.eye() - at.up(h)).unit();
            let u = v3(-face.y, face.x, 0.0).unit();
            let middle = at.up(h - 0.3) + face * 0.06;
            to.disc(
                middle,
                u,
                UP,
                0.33,
                dice.pick(&[Rgb::hex(0xc1272d), Rgb::hex(0x1f57a4)]),
            );
            to.disc(middle + face * 0.02, u, UP, 0.22, Rgb::hex(0xf0f0ec));
        }
        Fixture::Bollard => {
            to.rod(at.up(0.0), at.up(h), 0.09, Rgb::hex(0x3a3d40));
            to.rod(at.up(h * 0.78), at.up(h * 0.86), 0.095, Rgb::hex(0xd8d8d2));
        }
    }
}

fn lamp(at: V2, h: f32, head: V3, to: &mut Sketch<'_>) {
    let steel = Rgb::hex(0x5c6166);
    to.rod(at.up(0.0), at.up(1.0), 0.10, steel);
    to.rod(at.up(0.0), at.up(h), 0.06, steel);
    to.rod(at.up(h), head, 0.04, steel);
    let d = 0.28;
    let corner = |x: f32, y: f32, z: f32| head + v3(x, y, z);
    let bowl = [
        corner(-d, -0.1, -0.05),
        corner(d, -0.1, -0.05),
        corner(d, 0.1, 0.05),
        corner(-d, 0.1, 0.05),
    ];
    if to.view().light.lamps > 0.0 {
        to.lamp(&bowl, Rgb::hex(0xffedb8));
    } else {
        to.glow(&bowl, Rgb::hex(0xb9bdc0));
    }
}

const STRIPES: [[Rgb; 3]; 4] = [
    [Rgb::hex(0x1e9fd4), Rgb::hex(0xf2f2ee), Rgb::hex(0x2fa04c)],
    [Rgb::hex(0xc62b30), Rgb::hex(0xeeeeea), Rgb::hex(0x27509a)],
    [Rgb::hex(0xe3b52c), Rgb::hex(0xe3b52c), Rgb::hex(0x356fb5)],
    [Rgb::hex(0xb5242d), Rgb::hex(0xb5242d), Rgb::hex(0xe8e6e0)],
];

/// A flag on its pole at `time` seconds: it hangs in still air and streams and ripples in wind.
pub fn flag(thing: &Standing, wind: &Wind, time: f32, index: usize, to: &mut Sketch<'_>) {
    let mut dice = Dice::salted(index as u64, 0xf1a6);
    let (stripes, phase) = (dice.pick(&STRIPES), dice.range(0.0, 6.0));
    let (at, h) = (thing.at, thing.tall());
    to.rod(at.up(0.0), at.up(h), 0.05, Rgb::hex(0xc9ccce));
    let gust = wind.strength * (0.85 + 0.15 * (time * 1.3 + phase).sin());
    let hang = 1.35 * (1.0 - gust).powi(2);
    let (long, high) = (0.26 * h, 0.16 * h);
    let cloth = |s: f32, k: f32| {
        let wave = (0.03 + 0.10 * wind.strength) * long * s;
        let ripple = wave * (s * 7.0 - time * (3.0 + 5.0 * wind.strength) + phase).sin();
        let out = wind.towards * (s * long * hang.cos()) + wind.towards.left() * (ripple * 1.6);
        (at + out).up(h - 0.1 - k * high - s * long * hang.sin() + ripple)
    };
    const STRIPS: usize = 8;
    for i in 0..STRIPS {
        let (s0, s1) = (i as f32 / STRIPS as f32, (i + 1) as f32 / STRIPS as f32);
        for (j, stripe) in stripes.iter().enumerate() {
            let (k0, k1) = (j as f32 / 3.0, (j + 1) as f32 / 3.0);
            let corners = [cloth(s0, k0), cloth(s1, k0), cloth(s1, k1), cloth(s0, k1)];
            let slope = (corners[1] - corners[0])
                .cross(corners[3] - corners[0])
                .unit();
            let toward = (to.view().camera.eye() - corners[0]).unit();
            let normal = if slope.dot(toward) < 0.0 {
                slope * -1.0
            } else {
                slope
            };
            to.face(&corners, *stripe, v3(normal.x, normal.y, 0.2 * normal.z));
        }
    }
}

fn tree(at: V2, h: f32, dice: &mut Dice, to: &mut Sketch<'_>) {
    let bark = Rgb::hex(0x5a4a3a).vary(dice, 0.2);
    let fork = h * dice.range(0.30, 0.42);
    to.blob(&Blob::limb(
        at.up(0.0),
        0.026 * h,
        at.up(fork + 0.1 * h),
        0.017 * h,
        bark,
    ));
    for i in 0..4 {
        let out = V2::from_angle(i as f32 * 1.6 + dice.range(0.0, 0.8)) * (h * 0.17);
        to.blob(&Blob::limb(
            at.up(fork),
            0.013 * h,
            (at + out).up(fork + h * 0.25),
            0.006 * h,
            bark,
        ));
    }
    let (wide, tall) = (h * dice.range(0.26, 0.34), (h - fork) * 0.52);
    foliage(at.up(h - tall), v3(wide, wide, tall), 850, dice, to);
}

/// A ball of leaves: many small clumps in a shell, lit from the sun's side.
fn foliage(middle: V3, half: V3, clumps: usize, dice: &mut Dice, to: &mut Sketch<'_>) {
    let green = dice.pick(&[
        Rgb::hex(0x4f6f35),
        Rgb::hex(0x5c7a3a),
        Rgb::hex(0x46663a),
        Rgb::hex(0x6d7f3c),
    ]);
    let camera = to.view().camera;
    let mut leaves: Vec<(V3, f32, Rgb, V3)> = (0..clumps)
        .map(|_| {
            let n = v3(
                dice.range(-1.0, 1.0),
                dice.range(-1.0, 1.0),
                dice.range(-1.0, 1.0),
            )
            .unit();
            let r = dice.range(0.55, 1.0);
            let at = middle + v3(n.x * half.x * r, n.y * half.y * r, n.z * half.z * r);
            (
                at,
                half.x * dice.range(0.055, 0.13),
                green.vary(dice, 0.28).scale(0.62 + 0.42 * r),
                n,
            )
        })
        .collect();
    leaves.sort_by(|a, b| camera.depth(b.0).total_cmp(&camera.depth(a.0)));
    for (at, radius, colour, n) in leaves {
        let colour = to.view().light.shade(colour, n);
        let to_eye = (camera.eye() - at).unit();
        let across = to_eye.cross(UP).unit();
        let upward = across.cross(to_eye);
        let corner = |i: usize| {
            let ragged = radius * (0.8 + 0.1 * ((i * 5 + 3) % 4) as f32);
            let a = V2::from_angle(i as f32 / 7.0 * std::f32::consts::TAU) * ragged;
            at + across * a.x + upward * a.y
        };
        to.glow(&(0..7).map(corner).collect::<Vec<_>>(), colour);
    }
}

/// A railing with posts and bars, or a wall with a coping.
pub fn fence(fence: &Fence, to: &mut Sketch<'_>) {
    let colour = fence.colour.map_or(
        if fence.wall {
            Rgb::hex(0xa8a196)
        } else {
            Rgb::hex(0x4a5258)
        },
        Rgb::hex,
    );
    let (along, length) = (
        (fence.to - fence.from).unit(),
        (fence.to - fence.from).length(),
    );
    let toward = to.view().camera.eye().ground() - fence.from;
    let left = along.left();
    let normal = if left.dot(toward) >= 0.0 {
        left
    } else {
        left * -1.0
    };
    if fence.wall {
        let out = normal * 0.12;
        to.face(
            &[
                (fence.from + out).up(0.0),
                (fence.to + out).up(0.0),
                (fence.to + out).up(fence.height),
                (fence.from + out).up(fence.height),
            ],
            colour,
            normal.up(0.0),
        );
        let top = |p: V2, k: f32| (p + normal * k).up(fence.height);
        to.face(
            &[
                top(fence.from, 0.16),
                top(fence.to, 0.16),
                top(fence.to, -0.16),
                top(fence.from, -0.16),
            ],
            colour.scale(1.1),
            UP,
        );
        return;
    }
    for z in [0.12, fence.height - 0.04] {
        to.rod(fence.from.up(z), fence.to.up(z), 0.03, colour);
    }
    for i in 0..=(length / 0.16) as usize {
        let at = fence.from + along * (i as f32 * 0.16);
        let radius = if i % 12 == 0 { 0.045 } else { 0.011 };
        to.rod(at.up(0.0), at.up(fence.height), radius, colour);
    }
}

/// Ground that a thing on a spot takes, for the order of drawing.
pub fn spot(thing: &Standing) -> [V2; 4] {
    let r = if thing.kind == Fixture::Bush {
        thing.tall() * 0.8
    } else {
        0.2
    };
    rectangle(thing.at, v2(2.0 * r, 2.0 * r), 0.0)
}

/// Hulls that shape the shadow of a thing on a spot, its top bent by `bend` metres.
pub fn standing_hulls(thing: &Standing, bend: V2) -> Vec<Vec<(V3, f32)>> {
    let h = thing.tall();
    let mut hulls = upright_hulls(thing, h);
    for (p, _) in hulls.iter_mut().flatten() {
        let k = (p.z / h).powi(2);
        *p = *p + (bend * k).up(0.0);
    }
    hulls
}

fn upright_hulls(thing: &Standing, h: f32) -> Vec<Vec<(V3, f32)>> {
    match thing.kind {
        Fixture::Tree => {
            let crown = |x: f32, y: f32, z: f32| ((thing.at + v2(x, y) * h).up(z * h), 0.14 * h);
            let mut hulls = vec![vec![
                (thing.at.up(0.0), 0.02 * h),
                (thing.at.up(0.6 * h), 0.02 * h),
            ]];
            for (x, y) in [
                (0.0, 0.0),
                (0.17, 0.05),
                (-0.15, 0.1),
                (0.03, -0.17),
                (-0.1, -0.1),
            ] {
                hulls.push(vec![crown(x, y, 0.55), crown(x * 0.7, y * 0.7, 0.85)]);
            }
            hulls
        }
        Fixture::Bush => vec![vec![
            (thing.at.up(0.3 * h), 0.7 * h),
            (thing.at.up(0.8 * h), 0.5 * h),
        ]],
        Fixture::Flag => {
            let out = V2::from_angle(0.2) * (0.2 * h);
            let cloth = |z: f32| [(thing.at.up(z), 0.0), ((thing.at + out).up(z), 0.0)];
            vec![
                vec![(thing.at.up(0.0), 0.05), (thing.at.up(h), 0.05)],
                [cloth(0.84 * h), cloth(h)].concat(),
            ]
        }
        _ => vec![vec![(thing.at.up(0.0), 0.05), (thing.at.up(h), 0.05)]],
    }
}
