//! Lamplight: how strongly street lamps, headlights and fires light a point.
//!
//! Knows where they hang and how strong they are, in display values like `light`; draws nothing.

use crate::dice::Dice;
use crate::draw::street::lamp_head;
use crate::light::Rgb;
use crate::space::{V2, V3, v3};
use crate::world::{Fixture, World};

/// Kinds of street lamps: sodium, warm and cold diodes.
const KINDS: [Rgb; 3] = [
    Rgb(1.0, 0.74, 0.44),
    Rgb(1.0, 0.87, 0.66),
    Rgb(0.93, 0.97, 1.0),
];
/// A headlight's beam ends here, metres.
const BEAM_M: f32 = 34.0;
/// A lamp lights nothing beyond this many times its height squared.
const DARK: f32 = 42.0;
/// Something that shines to all sides below it.
#[derive(Clone, Copy, Debug)]
pub struct Lamp {
    pub head: V3,
    pub colour: Rgb,
    /// Light on a white surface right below it, 0..1 and more.
    pub power: f32,
}

impl Lamp {
    /// Light on a surface at `p` that faces it.
    pub fn strength(&self, p: V3) -> f32 {
        let d = self.head - p;
        let h = self.head.z.max(0.3);
        let away = (d.dot(d) / (h * h)).max(0.55);
        if away > DARK {
            return 0.0;
        }
        let above = if p.z > self.head.z { 0.25 } else { 1.0 };
        self.power * above * (fallen(away) - fallen(DARK))
    }
}

/// What is left of light over the squared distance. Light itself falls like this for a lamp seen aslant; eyes and
/// cameras see it fall less steeply, but a lamp's shade gathers it below.
fn fallen(away: f32) -> f32 {
    1.0 / (away * away.sqrt())
}

/// The street lamps of a world; `seed` decides their kind.
pub fn street_lamps(world: &World, strength: f32, seed: u64) -> Vec<Lamp> {
    if strength <= 0.0 {
        return Vec::new();
    }
    let colour = Dice::salted(seed, 0x1a4b).pick(&KINDS);
    let lamps = world
        .standing
        .iter()
        .enumerate()
        .filter(|(_, thing)| thing.kind == Fixture::Lamp);
    lamps
        .map(|(i, thing)| Lamp {
            head: lamp_head(thing, i, seed),
            colour,
            power: 0.86 * strength,
        })
        .collect()
}

/// The common beam of a vehicle's headlights on the road.
#[derive(Clone, Copy, Debug)]
pub struct Beam {
    /// Point on the ground below the lamps.
    pub from: V2,
    /// Unit vector along the beam.
    pub front: V2,
    pub power: f32,
}

impl Beam {
    pub const COLOUR: Rgb = Rgb(1.0, 0.95, 0.82);

    /// Light on what stands or lies at `p` and faces it.
    pub fn strength(&self, p: V2) -> f32 {
        let d = p - self.from;
        let along = d.dot(self.front);
        if !(0.0..BEAM_M).contains(&along) {
            return 0.0;
        }
        let across = d.cross(self.front) / (0.95 + 0.23 * along);
        let spread = (1.0 - across * across).max(0.0);
        let left = 1.0 - along / BEAM_M;
        self.power * spread * spread * left * left * (along * 0.35 + 0.15).min(1.0)
    }

    /// Corners of the ground that it lights.
    pub fn reach(&self) -> [V3; 4] {
        let side = self.front.left();
        let far = self.from + self.front * BEAM_M;
        let wide = 0.95 + 0.23 * BEAM_M;
        [
            (self.from - side).up(0.0),
            (far - side * wide).up(0.0),
            (far + side * wide).up(0.0),
            (self.from + side).up(0.0),
        ]
    }
}

/// Lamplight at one place.
#[derive(Clone, Copy, Debug)]
pub struct Lamplight {
    /// Of all lamps together.
    pub colour: Rgb,
    /// Unit vector towards the strongest one, and its strength.
    pub towards: V3,
    pub strongest: f32,
}

impl Lamplight {
    /// What `lamps` and `beams` give at `p`.
    pub fn at(p: V3, lamps: &[Lamp], beams: &[Beam]) -> Self {
        let mut all = Self {
            colour: Rgb(0.0, 0.0, 0.0),
            towards: v3(0.0, 0.0, 1.0),
            strongest: 0.0,
        };
        for lamp in lamps {
            all.add(lamp.strength(p), lamp.colour, lamp.head - p);
        }
        for beam in beams {
            let from = beam.from.up(0.7);
            all.add(beam.strength(p.ground()), Beam::COLOUR, from - p);
        }
        all
    }

    fn add(&mut self, strength: f32, colour: Rgb, way: V3) {
        self.colour = self.colour.plus(colour.scale(strength));
        if strength > self.strongest {
            // Never level: a shadow must end.
            let low = 0.35 * way.ground().length();
            (self.strongest, self.towards) = (strength, v3(way.x, way.y, way.z.max(low)).unit());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::space::v2;

    #[test]
    fn a_lamp_lights_a_pool_and_not_the_whole_street() {
        let lamp = Lamp {
            head: v3(0.0, 0.0, 6.0),
            colour: KINDS[0],
            power: 1.0,
        };
        let at = |x: f32| lamp.strength(v3(x, 0.0, 0.0));
        assert!(at(0.0) > 0.9 && at(6.0) < 0.5 && at(18.0) < 0.09 && at(60.0) == 0.0);
    }

    #[test]
    fn a_beam_lights_the_road_ahead_and_nothing_behind() {
        let beam = Beam {
            from: v2(0.0, 0.0),
            front: v2(1.0, 0.0),
            power: 1.0,
        };
        assert!(beam.strength(v2(6.0, 0.0)) > 0.5);
        assert!(beam.strength(v2(6.0, 4.0)) == 0.0);
        assert!(beam.strength(v2(-1.0, 0.0)) == 0.0);
    }
}
