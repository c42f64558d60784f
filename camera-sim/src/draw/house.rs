//! Houses as sketches: walls, windows, shops; by dusk and at night some windows are lit.

use super::Sketch;
use crate::dice::Dice;
use crate::light::Rgb;
use crate::space::{V2, V3, v3};
use crate::world::{Building, rectangle};

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
    // The later and darker, the more windows are lit.
    let lit = 0.5 * to.view().light.lamps.min(0.75);
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
            let pane = wall.patch(x, z, w, h, 0.05);
            if dice.chance(lit) {
                let warm = dice.pick(&[Rgb::hex(0xf2d28a), Rgb::hex(0xe8b873), Rgb::hex(0xd9dfe0)]);
                to.lamp(&pane, warm.scale(dice.range(0.55, 1.0)));
            } else {
                to.glow(&pane, dark);
            }
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
        let window = wall.patch(x, 0.5, width - 1.5, 2.0, 0.06);
        let door = wall.patch(x + width - 1.3, 0.05, 1.0, 2.4, 0.06);
        // At night some shops are shut and dark.
        if light.lamps > 0.0 && dice.chance(0.7) {
            let inside = Rgb::hex(0xe8d7a4).scale(dice.range(0.75, 1.0));
            to.lamp(&window, inside);
            to.lamp(&door, inside.scale(0.7));
        } else {
            let inside = Rgb::hex(0x3a4248)
                .mix(light.sky_low, 0.2)
                .scale(light.ambient + 0.3);
            to.glow(&window, inside);
            to.glow(&door, inside.scale(0.7));
        }
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
