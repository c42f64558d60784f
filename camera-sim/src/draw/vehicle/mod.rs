//! Cars, vans, buses and lorries: convex prisms along the driving direction, with glass, wheels and lamps.

mod lorry;
mod plan;

use serde::Deserialize;

pub use self::lorry::{WHEELBASE, bend, units};
use self::plan::{Plan, Prism, Profile, plan};
use super::Sketch;
use crate::dice::Dice;
use crate::light::Rgb;
use crate::space::{V2, V3, v2, v3};

/// Paint as it is on the road: mostly white, grey and black.
const CAR_PAINT: [Rgb; 16] = [
    Rgb::hex(0xe9eaea),
    Rgb::hex(0xf2f2ef),
    Rgb::hex(0xe4e5e3),
    Rgb::hex(0xb5b9bd),
    Rgb::hex(0x8d9297),
    Rgb::hex(0x5d6267),
    Rgb::hex(0x3a3d42),
    Rgb::hex(0x1d1f23),
    Rgb::hex(0x25282d),
    Rgb::hex(0x223a66),
    Rgb::hex(0x3d6ea8),
    Rgb::hex(0x8e1f27),
    Rgb::hex(0xb83a2c),
    Rgb::hex(0x2f5a45),
    Rgb::hex(0xc9b98f),
    Rgb::hex(0xd9a928),
];
const BUS_PAINT: [Rgb; 7] = [
    Rgb::hex(0x2f8f55),
    Rgb::hex(0x2b62b0),
    Rgb::hex(0xc2372e),
    Rgb::hex(0xe8e8e4),
    Rgb::hex(0xe0a526),
    Rgb::hex(0x6fb23c),
    Rgb::hex(0x1f6f86),
];
const CARGO_PAINT: [Rgb; 6] = [
    Rgb::hex(0xe6e6e2),
    Rgb::hex(0xd4d6d6),
    Rgb::hex(0x2d5b9a),
    Rgb::hex(0xb0552b),
    Rgb::hex(0x55625a),
    Rgb::hex(0xa02c30),
];
const TYRE: Rgb = Rgb::hex(0x1a1a1c);
const RIM: Rgb = Rgb::hex(0x9b9ea2);
const GLASS: Rgb = Rgb::hex(0x20282f);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Body {
    Hatchback,
    Sedan,
    Estate,
    Suv,
    Van,
    Bus,
    BoxTruck,
    Tipper,
    /// A tractor with a semitrailer behind it.
    Lorry,
    /// The two halves of a lorry.
    #[serde(skip)]
    Tractor,
    #[serde(skip)]
    Trailer,
}

/// What one vehicle looks like.
#[derive(Clone, Copy, Debug)]
pub struct VehicleLook {
    pub body: Body,
    pub paint: Rgb,
    pub cargo: Rgb,
    /// All measures times this.
    pub size: f32,
    pub braking: bool,
}

impl VehicleLook {
    pub fn random(dice: &mut Dice, bodies: &[Body]) -> Self {
        let body = dice.pick(bodies);
        let paint = if body == Body::Bus {
            dice.pick(&BUS_PAINT)
        } else {
            dice.pick(&CAR_PAINT)
        };
        Self {
            body,
            paint: paint.vary(dice, 0.12),
            cargo: dice.pick(&CARGO_PAINT).vary(dice, 0.12),
            size: dice.range(0.95, 1.06),
            braking: dice.chance(0.25),
        }
    }

    /// Half length and half width on the ground, metres.
    pub fn half_extent(&self) -> V2 {
        if self.body == Body::Lorry {
            return lorry::HALF_EXTENT * self.size;
        }
        let plan = plan(self);
        v2(plan.front, plan.half_width) * self.size
    }
}

/// A placed vehicle: turns its own measures into world points.
struct Placed {
    at: V2,
    front: V2,
    left: V2,
    size: f32,
    /// The eye in the vehicle's own axes.
    eye: V3,
}

impl Placed {
    fn point(&self, x: f32, y: f32, z: f32) -> V3 {
        (self.at + self.front * (x * self.size) + self.left * (y * self.size)).up(z * self.size)
    }

    fn turn(&self, n: V3) -> V3 {
        (self.front * n.x + self.left * n.y).up(n.z)
    }
}

/// Draws the vehicle standing at `at` (middle of its plan), nose towards `heading` radians.
pub fn sketch(look: &VehicleLook, at: V2, heading: f32, to: &mut Sketch<'_>) {
    let plan = plan(look);
    let front = V2::from_angle(heading);
    let eye = to.view().camera.eye();
    let off = eye.ground() - at;
    let local = v3(off.dot(front), off.dot(front.left()), eye.z) * (1.0 / look.size);
    let placed = Placed {
        at,
        front,
        left: front.left(),
        size: look.size,
        eye: local,
    };
    let distance = |p: &Prism| {
        let middle = p.profile.iter().map(|c| c.0).sum::<f32>() / p.profile.len() as f32;
        (local.x - middle).abs()
    };
    let mut prisms: Vec<&Prism> = plan.prisms.iter().collect();
    prisms.sort_by(|a, b| {
        a.level
            .cmp(&b.level)
            .then(distance(b).total_cmp(&distance(a)))
    });
    under(&plan, &placed, to);
    for prism in prisms.iter().filter(|p| p.level == 0) {
        draw_prism(prism, &placed, to);
    }
    wheels(&plan, &placed, to);
    for prism in prisms.iter().filter(|p| p.level > 0) {
        draw_prism(prism, &placed, to);
    }
    ends(&plan, look, &placed, to);
}

/// The dark under the floor, and the far wheels' tread seen there.
fn under(plan: &Plan, placed: &Placed, to: &mut Sketch<'_>) {
    let (l, w) = (plan.front - 0.25, plan.half_width - 0.05);
    for z in [0.06, plan.wheel * 0.8] {
        to.glow(
            &[
                placed.point(-l, -w, z),
                placed.point(l, -w, z),
                placed.point(l, w, z),
                placed.point(-l, w, z),
            ],
            Rgb::hex(0x101113),
        );
    }
    for &x in &plan.axles {
        for y in [-w, w] {
            let r = plan.wheel;
            to.glow(
                &[
                    placed.point(x - r * 0.7, y, 0.02),
                    placed.point(x + r * 0.7, y, 0.02),
                    placed.point(x + r * 0.7, y, r),
                    placed.point(x - r * 0.7, y, r),
                ],
                TYRE.scale(0.6),
            );
        }
    }
}

fn draw_prism(prism: &Prism, placed: &Placed, to: &mut Sketch<'_>) {
    let floor = prism.profile.iter().map(|p| p.1).fold(f32::MAX, f32::min);
    let half = |z: f32| prism.half_width - prism.taper * (z - floor);
    let n = prism.profile.len();
    for i in 0..n - 1 {
        let (a, b) = (prism.profile[i], prism.profile[i + 1]);
        let normal = v3(-(b.1 - a.1), 0.0, b.0 - a.0).unit();
        let seen = (placed.eye - v3(a.0, 0.0, a.1)).dot(normal) > 0.0;
        if !seen {
            continue;
        }
        let quad = |grow: f32, inset: f32| {
            let mix = |t: f32| (a.0 + (b.0 - a.0) * t, a.1 + (b.1 - a.1) * t);
            let (p, q) = (mix(inset), mix(1.0 - inset));
            let (wp, wq) = (half(p.1) * (1.0 - inset), half(q.1) * (1.0 - inset));
            let lift = |c: (f32, f32)| (c.0 + normal.x * grow, c.1 + normal.z * grow);
            let (p, q) = (lift(p), lift(q));
            [
                placed.point(p.0, wp, p.1),
                placed.point(p.0, -wp, p.1),
                placed.point(q.0, -wq, q.1),
                placed.point(q.0, wq, q.1),
            ]
        };
        to.face(&quad(0.0, 0.0), prism.colour, placed.turn(normal));
        if let Some(&(_, inset)) = prism.panes.iter().find(|pane| pane.0 == i) {
            let glass = glass(to, placed.turn(normal));
            to.glow(&quad(0.01, inset), glass);
        }
    }
    for side in [-1.0f32, 1.0] {
        if placed.eye.y * side <= half(floor) {
            continue;
        }
        let normal = placed.turn(v3(0.0, side, prism.taper.max(0.0)).unit());
        let corners = |outline: &Profile, out: f32| -> Vec<V3> {
            outline
                .iter()
                .map(|p| placed.point(p.0, side * (half(p.1) + out), p.1))
                .collect()
        };
        to.face(&corners(&prism.profile, 0.0), prism.colour, normal);
        for (outline, colour) in &prism.side {
            if *colour == GLASS {
                let glass = glass(to, normal);
                to.glow(&corners(outline, 0.006), glass);
            } else {
                to.face(&corners(outline, 0.006), *colour, normal);
            }
        }
    }
}

/// Glass mirrors the sky more the further it leans back.
fn glass(to: &Sketch<'_>, normal: V3) -> Rgb {
    let light = &to.view().light;
    let dark = GLASS.scale(0.5 + 0.5 * light.ambient);
    dark.mix(light.sky_low, 0.10 + 0.30 * normal.z.max(0.0))
}

fn wheels(plan: &Plan, placed: &Placed, to: &mut Sketch<'_>) {
    let side = if placed.eye.y > 0.0 { 1.0 } else { -1.0 };
    if placed.eye.y * side <= plan.half_width {
        return;
    }
    let (u, v) = (placed.front.up(0.0) * side, v3(0.0, 0.0, 1.0));
    for &x in &plan.axles {
        let at = |out: f32| placed.point(x, side * (plan.half_width + out), plan.wheel);
        let r = plan.wheel * placed.size;
        to.disc(at(0.0), u, v, r * 1.13, TYRE.scale(0.5));
        to.disc(at(0.015), u, v, r, TYRE);
        to.disc(at(0.02), u, v, r * 0.62, RIM);
        to.disc(at(0.022), u, v, r * 0.22, RIM.scale(0.5));
    }
}

/// Lamps, grille and number plates on the end that shows.
fn ends(plan: &Plan, look: &VehicleLook, placed: &Placed, to: &mut Sketch<'_>) {
    let fore = placed.eye.x > plan.front;
    if !fore && placed.eye.x > -plan.front || fore && look.body == Body::Trailer {
        return;
    }
    let x = if fore {
        plan.front + 0.02
    } else {
        -plan.front - 0.02
    };
    let (z, w) = (plan.lamp_z, plan.half_width);
    let patch = |y0: f32, y1: f32, z0: f32, z1: f32| {
        [
            placed.point(x, y0, z0),
            placed.point(x, y1, z0),
            placed.point(x, y1, z1),
            placed.point(x, y0, z1),
        ]
    };
    let lit = to.view().light.headlights;
    let lamp = match (fore, lit) {
        (true, true) => Rgb::hex(0xfff6d8),
        (true, false) => Rgb::hex(0xd7dde0),
        (false, true) => Rgb::hex(0xff3a2a),
        (false, false) if look.braking => Rgb::hex(0xf0301f),
        (false, false) => Rgb::hex(0xa01c1c),
    };
    for side in [-1.0, 1.0] {
        let (a, b) = (side * (w - 0.42), side * (w - 0.06));
        to.lamp(&patch(a, b, z - 0.07, z + 0.09), lamp);
    }
    let normal = placed.turn(v3(if fore { 1.0 } else { -1.0 }, 0.0, 0.0));
    if fore {
        to.face(
            &patch(-w * 0.45, w * 0.45, z - 0.1, z + 0.07),
            Rgb::hex(0x1b1c1f),
            normal,
        );
    }
    to.face(
        &patch(-w + 0.1, w - 0.1, 0.28, 0.42),
        Rgb::hex(0x2a2b2e),
        normal,
    );
    to.face(
        &patch(-0.26, 0.26, z - 0.26, z - 0.14),
        Rgb::hex(0xe8e8e4),
        normal,
    );
}

/// Where a vehicle's lamps are.
#[derive(Clone, Copy, Debug)]
pub struct Lights {
    pub heads: [V3; 2],
    pub tails: [V3; 2],
    /// Unit vector along which it drives.
    pub front: V2,
    pub braking: bool,
}

/// The lamps of the vehicle standing at `at`, nose towards `heading` radians, its trailer turned by `bend` against it.
pub fn lights(look: &VehicleLook, at: V2, heading: f32, bend: f32) -> Lights {
    let units = units(look, at, heading, bend);
    let lamps = |(look, at, heading): &(VehicleLook, V2, f32), fore: bool| {
        let (plan, front) = (plan(look), V2::from_angle(*heading));
        let x = (plan.front + 0.04) * if fore { look.size } else { -look.size };
        [1.0, -1.0].map(|side| {
            let aside = front.left() * (side * (plan.half_width - 0.24) * look.size);
            (*at + front * x + aside).up(plan.lamp_z * look.size)
        })
    };
    // The trailer comes first and the tractor last.
    let (rear, fore) = (units.first(), units.last());
    Lights {
        heads: fore.map(|u| lamps(u, true)).unwrap_or_default(),
        tails: rear.map(|u| lamps(u, false)).unwrap_or_default(),
        front: V2::from_angle(heading),
        braking: look.braking,
    }
}

/// Points of the body that shape its shadow, (point, 0), a hull a prism.
pub fn hulls(look: &VehicleLook, at: V2, heading: f32) -> Vec<Vec<(V3, f32)>> {
    let front = V2::from_angle(heading);
    let placed = Placed {
        at,
        front,
        left: front.left(),
        size: look.size,
        eye: V3::default(),
    };
    let hull = |prism: &Prism| {
        let w = prism.half_width;
        prism
            .profile
            .iter()
            .flat_map(|&(x, z)| [(placed.point(x, w, z), 0.0), (placed.point(x, -w, z), 0.0)])
            .collect()
    };
    plan(look).prisms.iter().map(hull).collect()
}
