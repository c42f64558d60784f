//! Houses, trees, lamps and railings as sketches.

use super::{Blob, Sketch};
use crate::dice::Dice;
use crate::light::Rgb;
use crate::space::{V2, V3, v2, v3};
use crate::world::{Building, Fence, Fixture, Standing, rectangle};

const FACADE: [Rgb; 10] = [
    Rgb::hex(0xcdbfa6),
    Rgb::hex(0xb8a48a),
    Rgb::hex(0xd8d0c0),
    Rgb::hex(0xa98468),
    Rgb::hex(0x9a5f4a),
    Rgb::hex(0xc2b7a8),
    Rgb::hex(0x8f9390),
    Rgb::hex(0xbfc4c4),
    Rgb::hex(0xd9c9a0),
    Rgb::hex(0x7f6a5a),
];
const SHOP: [Rgb; 6] = [
    Rgb::hex(0xa8322d),
    Rgb::hex(0x24508a),
    Rgb::hex(0x2f6e4a),
    Rgb::hex(0xd39a2c),
    Rgb::hex(0x444a50),
    Rgb::hex(0x70407a),
];
const UP: V3 = v3(0.0, 0.0, 1.0);

/// A wall of a house seen from outside: a point on it by metres along and up.
struct Wall {
    foot: V2,
    along: V2,
    length: f32,
    normal: V3,
}

impl Wall {
    fn patch(&self, x: f32, z: f32, w: f32, h: f32, out: f32) -> [V3; 4] {
        let shift = self.normal.ground() * out;
        let at = |x: f32, z: f32| (self.foot + self.along * x + shift).up(z);
        [at(x, z), at(x + w, z), at(x + w, z + h), at(x, z + h)]
    }
}

/// A house with rows of windows; a flat or a shallow roof.
pub fn building(building: &Building, seed: u64, to: &mut Sketch<'_>) {
    let mut dice = Dice::salted(seed, 0xb1d);
    let colour = building
        .colour
        .map_or_else(|| dice.pick(&FACADE).vary(&mut dice, 0.1), Rgb::hex);
    let corners = rectangle(building.at, building.size, building.turn_deg.to_radians());
    let eye = to.view().camera.eye();
    let roof: Vec<V3> = corners.iter().map(|c| c.up(building.height)).collect();
    if eye.z > building.height {
        to.face(&roof, Rgb::hex(0x77736c), UP);
    }
    let (storey, bay) = (dice.range(2.8, 3.4), dice.range(2.2, 3.6));
    let window = (dice.range(0.9, 1.5), dice.range(1.2, 1.7));
    let frame = if dice.chance(0.6) {
        Rgb::hex(0xe6e4de)
    } else {
        colour.scale(0.6)
    };
    for i in 0..4 {
        let (a, b) = (corners[i], corners[(i + 1) % 4]);
        let along = (b - a).unit();
        let normal = (along.left() * -1.0).up(0.0);
        if (eye - a.up(0.0)).dot(normal) <= 0.0 {
            continue;
        }
        let wall = Wall {
            foot: a,
            along,
            length: (b - a).length(),
            normal,
        };
        to.face(
            &wall.patch(0.0, 0.0, wall.length, building.height, 0.0),
            colour,
            normal,
        );
        to.face(
            &wall.patch(0.0, 0.0, wall.length, 0.6, 0.02),
            colour.scale(0.7),
            normal,
        );
        to.face(
            &wall.patch(0.0, building.height - 0.35, wall.length, 0.35, 0.05),
            colour.scale(0.82),
            normal,
        );
        windows(&wall, building, (storey, bay, window), frame, &mut dice, to);
        if building.shops {
            shops(&wall, &mut dice, to);
        }
    }
}

fn windows(
    wall: &Wall,
    building: &Building,
    (storey, bay, (w, h)): (f32, f32, (f32, f32)),
    frame: Rgb,
    dice: &mut Dice,
    to: &mut Sketch<'_>,
) {
    let columns = ((wall.length - 0.8) / bay).floor() as i32;
    let margin = (wall.length - columns as f32 * bay) / 2.0;
    let first = if building.shops { 1 } else { 0 };
    let lamps = to.view().light.lamps;
    for floor in first..((building.height - 0.6) / storey) as i32 {
        let z = floor as f32 * storey + 0.95;
        for column in 0..columns {
            let x = margin + column as f32 * bay + (bay - w) / 2.0;
            to.face(
                &wall.patch(x - 0.1, z - 0.12, w + 0.2, h + 0.22, 0.03),
                frame,
                wall.normal,
            );
            let light = to.view().light;
            let dark = Rgb::hex(0x2a333b)
                .mix(light.sky_low, dice.range(0.05, 0.35))
                .scale(0.45 + 0.55 * light.ambient);
            let pane = if lamps && dice.chance(0.35) {
                Rgb::hex(0xf2d28a).scale(dice.range(0.7, 1.0))
            } else {
                dark
            };
            to.glow(&wall.patch(x, z, w, h, 0.05), pane);
            to.face(
                &wall.patch(x + w / 2.0 - 0.03, z, 0.06, h, 0.06),
                frame,
                wall.normal,
            );
            if dice.chance(0.2) {
                to.glow(
                    &wall.patch(x, z + h * 0.4, w, h * 0.6, 0.055),
                    Rgb::hex(0xbfb8a8).scale(light.ambient),
                );
            }
        }
    }
}

fn shops(wall: &Wall, dice: &mut Dice, to: &mut Sketch<'_>) {
    let light = to.view().light;
    let mut x = 0.6;
    while x + 4.0 < wall.length {
        let width = dice.range(3.4, 6.0).min(wall.length - x - 0.5);
        let sign = dice.pick(&SHOP);
        let inside = if light.lamps {
            Rgb::hex(0xe8d7a4)
        } else {
            Rgb::hex(0x3a4248)
                .mix(light.sky_low, 0.2)
                .scale(light.ambient + 0.3)
        };
        to.glow(&wall.patch(x, 0.5, width - 1.5, 2.0, 0.06), inside);
        to.glow(
            &wall.patch(x + width - 1.3, 0.05, 1.0, 2.4, 0.06),
            inside.scale(0.7),
        );
        to.face(
            &wall.patch(x - 0.1, 2.6, width, 0.6, 0.15),
            sign,
            wall.normal,
        );
        let text = dice.range(0.3, 0.6);
        to.face(
            &wall.patch(
                x + width * (0.5 - text / 2.0),
                2.78,
                width * text,
                0.24,
                0.17,
            ),
            Rgb::hex(0xeeeae0),
            wall.normal,
        );
        x += width + dice.range(0.4, 1.6);
    }
}

impl Standing {
    fn tall(&self) -> f32 {
        self.height.unwrap_or(match self.kind {
            Fixture::Tree => 7.0,
            Fixture::Bush => 1.2,
            Fixture::Lamp => 6.5,
            Fixture::Sign => 2.6,
            Fixture::Bollard => 0.9,
        })
    }
}

/// Draws what stands on a spot.
pub fn standing(thing: &Standing, seed: u64, to: &mut Sketch<'_>) {
    let mut dice = Dice::salted(seed, 0x57a);
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
        Fixture::Lamp => {
            to.rod(at.up(0.0), at.up(1.0), 0.10, steel);
            to.rod(at.up(0.0), at.up(h), 0.06, steel);
            let arm = at + V2::from_angle(dice.range(0.0, std::f32::consts::TAU)) * 1.4;
            to.rod(at.up(h), arm.up(h + 0.25), 0.04, steel);
            let glow = if to.view().light.lamps {
                Rgb::hex(0xffedb8)
            } else {
                Rgb::hex(0xb9bdc0)
            };
            let d = 0.28;
            to.glow(
                &[
                    (arm + v2(-d, -0.1)).up(h + 0.2),
                    (arm + v2(d, -0.1)).up(h + 0.2),
                    (arm + v2(d, 0.1)).up(h + 0.3),
                    (arm + v2(-d, 0.1)).up(h + 0.3),
                ],
                glow,
            );
        }
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

/// Hulls that shape the shadow of a thing on a spot.
pub fn standing_hulls(thing: &Standing) -> Vec<Vec<(V3, f32)>> {
    let h = thing.tall();
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
        _ => vec![vec![(thing.at.up(0.0), 0.05), (thing.at.up(h), 0.05)]],
    }
}
