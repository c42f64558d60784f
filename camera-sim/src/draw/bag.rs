//! A bag that stands by itself: suitcase, holdall, rucksack, carrier bag.

use super::Blob;
use crate::dice::Dice;
use crate::light::Rgb;
use crate::space::{V2, V3, v3};

const COLOURS: [Rgb; 9] = [
    Rgb::hex(0x1e1f22),
    Rgb::hex(0x24344f),
    Rgb::hex(0x8f2430),
    Rgb::hex(0x3f5f3a),
    Rgb::hex(0x5b4632),
    Rgb::hex(0x777b80),
    Rgb::hex(0xd8d5cc),
    Rgb::hex(0xc46b2c),
    Rgb::hex(0x2d7f96),
];

/// Half length, half width, height in metres, and whether it has a pull-out handle.
const SHAPES: [(f32, f32, f32, bool); 4] = [
    (0.22, 0.13, 0.62, true),
    (0.30, 0.15, 0.34, false),
    (0.17, 0.13, 0.46, false),
    (0.15, 0.09, 0.36, false),
];

/// What one bag looks like.
#[derive(Clone, Copy, Debug)]
pub struct BagLook {
    pub half_length: f32,
    pub half_width: f32,
    pub height: f32,
    pub handle: bool,
    pub colour: Rgb,
}

impl BagLook {
    pub fn random(dice: &mut Dice) -> Self {
        let (half_length, half_width, height, handle) = dice.pick(&SHAPES);
        let size = dice.range(0.9, 1.25);
        Self {
            half_length: half_length * size,
            half_width: half_width * size,
            height: height * size,
            handle,
            colour: dice.pick(&COLOURS).vary(dice, 0.2),
        }
    }
}

/// The bag standing at `at`, its long side along `heading`, `lift` metres above the ground.
pub fn blobs(look: &BagLook, at: V2, heading: f32, lift: f32) -> Vec<Blob> {
    let long = V2::from_angle(heading);
    let wide = long.left();
    let r = look.half_width * 0.55;
    let corner = |x: f32, y: f32, z: f32| -> V3 { (at + long * x + wide * y).up(z + lift) };
    let box_of = |inset: f32, low: f32, high: f32| -> Vec<(V3, f32)> {
        let (x, y) = (look.half_length - r - inset, look.half_width - r);
        [(-x, -y), (x, -y), (x, y), (-x, y)]
            .iter()
            .flat_map(|&(a, b)| [(corner(a, b, low + r), r), (corner(a, b, high - r), r)])
            .collect()
    };
    let mut out = vec![Blob {
        spheres: box_of(0.0, 0.0, look.height),
        colour: look.colour,
    }];
    let top = corner(0.0, 0.0, look.height);
    if look.handle {
        let dark = Rgb::hex(0x303236);
        for side in [-0.07, 0.07] {
            out.push(Blob::limb(
                corner(side, 0.0, look.height),
                0.012,
                corner(side, 0.0, look.height + 0.34),
                0.012,
                dark,
            ));
        }
        out.push(Blob::limb(
            corner(-0.07, 0.0, look.height + 0.34),
            0.018,
            corner(0.07, 0.0, look.height + 0.34),
            0.018,
            dark,
        ));
    } else {
        let grip = top + v3(0.0, 0.0, 0.05);
        out.push(Blob::limb(
            grip - long.up(0.0) * 0.07,
            0.014,
            grip + long.up(0.0) * 0.07,
            0.014,
            look.colour.scale(0.6),
        ));
    }
    out
}
