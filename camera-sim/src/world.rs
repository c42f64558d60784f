//! The street without its traffic: ground, markings, houses, trees, and where traffic may go.
//!
//! Plain data in metres, as scene files write it. Draws nothing.

use serde::Deserialize;

use crate::space::{V2, inside, v2};

/// What the ground is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Material {
    Grass,
    Soil,
    Paving,
    Slabs,
    Asphalt,
    Kerb,
    Paint,
}

/// A straight road with a pavement on either side.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Road {
    pub from: V2,
    pub to: V2,
    /// Kerb to kerb, metres.
    pub width: f32,
    /// Width of each pavement, metres; 0 for none.
    #[serde(default)]
    pub pavement: f32,
    /// Dashed line in the middle.
    #[serde(default = "yes")]
    pub marked: bool,
}

fn yes() -> bool {
    true
}

/// A zebra crossing over a road.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Crossing {
    /// Its middle.
    pub at: V2,
    /// Degrees counter-clockwise from east in which one walks over it.
    pub heading_deg: f32,
    /// Metres walked from kerb to kerb.
    pub length: f32,
    /// Metres across the way of walking.
    #[serde(default = "four")]
    pub width: f32,
}

fn four() -> f32 {
    4.0
}

/// A patch of ground.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Surface {
    pub material: Material,
    pub polygon: Vec<V2>,
    /// Whether people walk about on it (random scenes put them there).
    #[serde(default)]
    pub walkable: bool,
}

/// A house: a box with windows.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Building {
    /// Middle of its plan.
    pub at: V2,
    /// Metres to the east and to the north, before turning.
    pub size: V2,
    pub height: f32,
    /// Degrees counter-clockwise.
    #[serde(default)]
    pub turn_deg: f32,
    /// 0xRRGGBB; one is chosen where it is missing.
    pub colour: Option<u32>,
    /// Shop windows on the ground floor.
    #[serde(default)]
    pub shops: bool,
}

/// Things that stand on a spot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fixture {
    Tree,
    Bush,
    Lamp,
    Sign,
    Bollard,
    Flag,
}

/// A tree, lamp post and so on.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Standing {
    pub kind: Fixture,
    pub at: V2,
    /// Metres; the kind's usual height where it is missing.
    pub height: Option<f32>,
}

/// A railing or wall along a line.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fence {
    pub from: V2,
    pub to: V2,
    pub height: f32,
    /// A wall hides what is behind it, a railing only streaks it.
    #[serde(default)]
    pub wall: bool,
    pub colour: Option<u32>,
}

/// Everything that does not move.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct World {
    /// Ground where nothing else lies; grass where it is missing.
    pub base: Option<Material>,
    pub surfaces: Vec<Surface>,
    pub roads: Vec<Road>,
    pub crossings: Vec<Crossing>,
    pub buildings: Vec<Building>,
    pub standing: Vec<Standing>,
    pub fences: Vec<Fence>,
}

/// Half the distance between a car's wheels, metres.
const WHEELS_M: f32 = 0.75;
/// Width of a kerb stone and of a painted line, metres.
const KERB_M: f32 = 0.22;
const LINE_M: f32 = 0.14;

/// The rectangle along `from` -> `to` between `low` and `high` metres to its left.
fn strip(from: V2, to: V2, low: f32, high: f32) -> Vec<V2> {
    let left = (to - from).unit().left();
    vec![
        from + left * low,
        to + left * low,
        to + left * high,
        from + left * high,
    ]
}

/// Corners of a rectangle around `at`, its `size.x` side along `turn` radians.
pub fn rectangle(at: V2, size: V2, turn: f32) -> [V2; 4] {
    let u = V2::from_angle(turn) * (size.x / 2.0);
    let v = V2::from_angle(turn).left() * (size.y / 2.0);
    [at - u - v, at + u - v, at + u + v, at - u + v]
}

impl Road {
    /// Metres from `p` to the nearest track that wheels keep clear of snow.
    pub fn to_wheel_track(&self, p: V2) -> f32 {
        let along = (self.to - self.from).unit();
        let aside = along.cross(p - self.from).abs();
        let lane = (aside - self.width / 4.0).abs();
        (lane - WHEELS_M).abs()
    }

    fn carriageway(&self) -> Vec<V2> {
        strip(self.from, self.to, -self.width / 2.0, self.width / 2.0)
    }

    /// Where people walk along it: right and left pavement.
    pub fn pavements(&self) -> [Vec<V2>; 2] {
        let inner = self.width / 2.0 + KERB_M;
        let outer = self.width / 2.0 + self.pavement;
        [
            strip(self.from, self.to, -outer, -inner),
            strip(self.from, self.to, inner, outer),
        ]
    }

    /// Middle lines of its two lanes in driving direction (traffic keeps to the right).
    pub fn lanes(&self) -> [(V2, V2); 2] {
        let right = (self.to - self.from).unit().left() * (-self.width / 4.0);
        [
            (self.from + right, self.to + right),
            (self.to - right, self.from - right),
        ]
    }
}

impl World {
    /// All patches of ground in the order in which they are laid.
    pub fn ground(&self) -> Vec<(Material, Vec<V2>)> {
        let mut out: Vec<_> = self
            .surfaces
            .iter()
            .map(|s| (s.material, s.polygon.clone()))
            .collect();
        for road in self.roads.iter().filter(|r| r.pavement > 0.0) {
            let half = road.width / 2.0;
            out.push((
                Material::Paving,
                strip(
                    road.from,
                    road.to,
                    -half - road.pavement,
                    half + road.pavement,
                ),
            ));
        }
        for road in &self.roads {
            let half = road.width / 2.0 + KERB_M;
            out.push((Material::Kerb, strip(road.from, road.to, -half, half)));
        }
        out.extend(
            self.roads
                .iter()
                .map(|r| (Material::Asphalt, r.carriageway())),
        );
        out.extend(self.markings().into_iter().map(|m| (Material::Paint, m)));
        out
    }

    /// Lines in the middle of roads (not on junctions or crossings) and zebra stripes.
    fn markings(&self) -> Vec<Vec<V2>> {
        let mut out = Vec::new();
        for (i, road) in self.roads.iter().enumerate().filter(|(_, r)| r.marked) {
            let (along, length) = ((road.to - road.from).unit(), (road.to - road.from).length());
            for step in 0..(length / 6.0) as usize {
                let a = road.from + along * (step as f32 * 6.0 + 1.0);
                let dash = strip(a, a + along * 3.0, -LINE_M / 2.0, LINE_M / 2.0);
                let middle = a + along * 1.5;
                let junction = self.roads.iter().enumerate().any(|(j, r)| {
                    j != i
                        && inside(
                            &strip(r.from, r.to, -r.width / 2.0 - 3.0, r.width / 2.0 + 3.0),
                            middle,
                        )
                });
                let crossed = self
                    .crossings
                    .iter()
                    .any(|c| (c.at - middle).length() < c.width / 2.0 + 3.5);
                if !junction && !crossed {
                    out.push(dash);
                }
            }
        }
        for crossing in &self.crossings {
            let walk = V2::from_angle(crossing.heading_deg.to_radians());
            for i in 0..crossing.length as usize {
                let at = crossing.at + walk * (i as f32 + 0.5 - crossing.length / 2.0);
                out.push(
                    rectangle(
                        at,
                        v2(0.5, crossing.width),
                        crossing.heading_deg.to_radians(),
                    )
                    .to_vec(),
                );
            }
        }
        out
    }

    /// Polygons on which people walk: pavements, crossings, walkable surfaces.
    pub fn walks(&self) -> Vec<Vec<V2>> {
        let pavements = self
            .roads
            .iter()
            .filter(|r| r.pavement > 0.5)
            .flat_map(Road::pavements);
        let crossings = self
            .crossings
            .iter()
            .map(|c| rectangle(c.at, v2(c.length, c.width), c.heading_deg.to_radians()).to_vec());
        let open = self
            .surfaces
            .iter()
            .filter(|s| s.walkable)
            .map(|s| s.polygon.clone());
        pavements.chain(crossings).chain(open).collect()
    }
}
