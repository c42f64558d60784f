//! Measures of cars, vans, buses and lorries as prisms; draws nothing.

use super::{Body, GLASS, VehicleLook, lorry};
use crate::light::Rgb;

/// (x, z) in metres: x forward from the middle, z up.
pub(super) type Profile = Vec<(f32, f32)>;

/// A profile drawn out sideways; the profile runs up the tail, forward over the roof and down the front.
pub(super) struct Prism {
    /// Drawn after all of a lower level.
    pub(super) level: u8,
    pub(super) profile: Profile,
    pub(super) half_width: f32,
    /// Half width lost a metre above the profile's lowest point.
    pub(super) taper: f32,
    pub(super) colour: Rgb,
    /// Polygons on both sides: glass, stripes, doors.
    pub(super) side: Vec<(Profile, Rgb)>,
    /// Panes on the face from profile point i to i + 1, inset by a fraction.
    pub(super) panes: Vec<(usize, f32)>,
}

/// A whole vehicle, measures before `size`.
pub(super) struct Plan {
    pub(super) prisms: Vec<Prism>,
    pub(super) axles: Vec<f32>,
    pub(super) wheel: f32,
    pub(super) half_width: f32,
    pub(super) front: f32,
    pub(super) lamp_z: f32,
}

/// The shape of a vehicle that looks like this.
pub(super) fn plan(look: &VehicleLook) -> Plan {
    match look.body {
        Body::Hatchback => car(
            look.paint,
            &[(-1.95, 0.92), (-1.75, 1.42), (0.15, 1.47), (1.05, 0.93)],
            1.98,
            0.85,
            1.22,
        ),
        Body::Sedan => car(
            look.paint,
            &[(-1.72, 0.94), (-1.05, 1.40), (0.22, 1.43), (1.10, 0.92)],
            2.28,
            0.88,
            1.36,
        ),
        Body::Estate => car(
            look.paint,
            &[(-2.18, 0.94), (-1.85, 1.44), (0.22, 1.47), (1.15, 0.92)],
            2.32,
            0.88,
            1.38,
        ),
        Body::Suv => car(
            look.paint,
            &[(-2.05, 1.08), (-1.82, 1.68), (0.2, 1.72), (1.08, 1.07)],
            2.22,
            0.94,
            1.34,
        ),
        Body::Van => van(look.paint),
        Body::Bus => bus(look.paint),
        Body::BoxTruck | Body::Tipper => truck(look),
        Body::Lorry | Body::Tractor => lorry::tractor(look),
        Body::Trailer => lorry::trailer(look),
    }
}

fn car(paint: Rgb, roof: &[(f32, f32); 4], half: f32, half_width: f32, axle: f32) -> Plan {
    let waist = roof[0].1;
    let tail = roof[0].0;
    let lower = vec![
        (-half + 0.05, 0.24),
        (-half, 0.55),
        (tail.min(-half + 0.12), waist - 0.02),
        (roof[3].0, waist),
        (half - 0.35, waist - 0.14),
        (half, 0.58),
        (half - 0.04, 0.22),
    ];
    let post = (roof[1].0 + roof[2].0) * 0.5 + 0.1;
    let (low, high) = (waist + 0.03, roof[1].1 - 0.09);
    let at = |a: (f32, f32), b: (f32, f32), z: f32| a.0 + (b.0 - a.0) * (z - a.1) / (b.1 - a.1);
    let rear = vec![
        (at(roof[0], roof[1], low) + 0.14, low),
        (at(roof[0], roof[1], high) + 0.12, high),
        (post - 0.05, high),
        (post - 0.05, low),
    ];
    let fore = vec![
        (post + 0.05, low),
        (post + 0.05, high),
        (at(roof[3], roof[2], high) - 0.10, high),
        (at(roof[3], roof[2], low) - 0.14, low),
    ];
    let seam = |x: f32| {
        (
            vec![
                (x, 0.34),
                (x, waist - 0.02),
                (x + 0.025, waist - 0.02),
                (x + 0.025, 0.34),
            ],
            paint.scale(0.6),
        )
    };
    let sill = (
        vec![
            (-half + 0.08, 0.24),
            (-half + 0.04, 0.36),
            (half - 0.05, 0.36),
            (half - 0.07, 0.22),
        ],
        Rgb::hex(0x2a2b2e),
    );
    Plan {
        prisms: vec![
            Prism {
                level: 0,
                profile: lower,
                half_width,
                taper: 0.04,
                colour: paint,
                side: vec![sill, seam(post), seam(post - 0.95), seam(post + 0.98)],
                panes: vec![],
            },
            Prism {
                level: 1,
                profile: roof.to_vec(),
                half_width: half_width - 0.05,
                taper: 0.24,
                colour: paint,
                side: vec![(rear, GLASS), (fore, GLASS)],
                panes: vec![(0, 0.13), (2, 0.10)],
            },
        ],
        axles: vec![-axle, axle],
        wheel: if waist > 1.0 { 0.36 } else { 0.31 },
        half_width,
        front: half,
        lamp_z: waist - 0.28,
    }
}

fn van(paint: Rgb) -> Plan {
    let lower = vec![
        (-2.55, 0.28),
        (-2.6, 1.15),
        (1.9, 1.15),
        (2.5, 1.0),
        (2.6, 0.6),
        (2.56, 0.26),
    ];
    let upper = vec![(-2.6, 1.15), (-2.55, 2.15), (1.05, 2.18), (1.95, 1.15)];
    let door = vec![(0.35, 1.2), (0.35, 1.85), (1.2, 1.85), (1.75, 1.2)];
    let seam = |x: f32, low: f32, high: f32| {
        (
            vec![(x, low), (x, high), (x + 0.03, high), (x + 0.03, low)],
            paint.scale(0.62),
        )
    };
    Plan {
        prisms: vec![
            Prism {
                level: 0,
                profile: lower,
                half_width: 0.97,
                taper: 0.02,
                colour: paint,
                side: vec![seam(0.25, 0.4, 1.1), seam(-1.1, 0.4, 1.1)],
                panes: vec![],
            },
            Prism {
                level: 1,
                profile: upper,
                half_width: 0.96,
                taper: 0.08,
                colour: paint,
                side: vec![(door, GLASS), seam(-1.1, 1.15, 2.05)],
                panes: vec![(0, 0.26), (2, 0.08)],
            },
        ],
        axles: vec![-1.6, 1.6],
        wheel: 0.34,
        half_width: 0.97,
        front: 2.6,
        lamp_z: 0.78,
    }
}

fn bus(paint: Rgb) -> Plan {
    let body = vec![
        (-5.7, 0.30),
        (-5.75, 2.75),
        (-5.55, 3.0),
        (5.45, 3.0),
        (5.72, 2.75),
        (5.80, 1.15),
        (5.75, 0.28),
    ];
    let mut side = vec![(
        vec![(-5.7, 0.35), (-5.72, 0.85), (5.78, 0.85), (5.75, 0.35)],
        paint.scale(0.55),
    )];
    for i in 0..7 {
        let x = -5.45 + i as f32 * 1.48;
        side.push((
            vec![(x, 1.35), (x, 2.45), (x + 1.34, 2.45), (x + 1.34, 1.35)],
            GLASS,
        ));
    }
    for x in [4.35, -0.55] {
        side.push((
            vec![(x, 0.45), (x, 2.5), (x + 1.05, 2.5), (x + 1.05, 0.45)],
            GLASS.mix(paint, 0.18),
        ));
        side.push((
            vec![
                (x + 0.5, 0.45),
                (x + 0.5, 2.5),
                (x + 0.56, 2.5),
                (x + 0.56, 0.45),
            ],
            Rgb::hex(0x505458),
        ));
    }
    Plan {
        prisms: vec![Prism {
            level: 0,
            profile: body,
            half_width: 1.25,
            taper: 0.02,
            colour: paint,
            side,
            panes: vec![(0, 0.18), (4, 0.06)],
        }],
        axles: vec![-3.3, 3.0],
        wheel: 0.48,
        half_width: 1.25,
        front: 5.8,
        lamp_z: 0.75,
    }
}

fn truck(look: &VehicleLook) -> Plan {
    let tipper = look.body == Body::Tipper;
    let chassis = vec![
        (-3.7, 0.65),
        (-3.7, 1.05),
        (3.7, 1.05),
        (3.72, 0.5),
        (3.6, 0.42),
    ];
    let cab = vec![
        (1.75, 0.95),
        (1.75, 2.65),
        (3.35, 2.72),
        (3.68, 1.75),
        (3.75, 0.95),
    ];
    let window = vec![(2.25, 1.75), (2.25, 2.45), (3.2, 2.45), (3.42, 1.75)];
    let door = (
        vec![(2.15, 0.95), (2.15, 1.72), (2.18, 1.72), (2.18, 0.95)],
        look.paint.scale(0.6),
    );
    let cargo = if tipper {
        vec![(-3.75, 1.25), (-3.9, 2.35), (1.55, 2.45), (1.5, 1.15)]
    } else {
        vec![(-3.8, 1.1), (-3.8, 3.25), (1.55, 3.25), (1.55, 1.1)]
    };
    let ribs = if tipper { 7 } else { 2 };
    let rib = |i: usize| {
        let x = -3.6 + i as f32 * 5.0 / (ribs as f32 - 0.5);
        (
            vec![(x, 1.3), (x, 2.3), (x + 0.1, 2.3), (x + 0.1, 1.3)],
            look.cargo.scale(0.75),
        )
    };
    Plan {
        prisms: vec![
            Prism {
                level: 0,
                profile: chassis,
                half_width: 1.1,
                taper: 0.0,
                colour: Rgb::hex(0x33363a),
                side: vec![],
                panes: vec![],
            },
            Prism {
                level: 1,
                profile: cab,
                half_width: 1.18,
                taper: 0.05,
                colour: look.paint,
                side: vec![(window, GLASS), door],
                panes: vec![(2, 0.08)],
            },
            Prism {
                level: 1,
                profile: cargo,
                half_width: 1.24,
                taper: if tipper { -0.05 } else { 0.0 },
                colour: look.cargo,
                side: (0..ribs).map(rib).collect(),
                panes: vec![],
            },
        ],
        axles: vec![-2.7, -1.5, 2.65],
        wheel: 0.5,
        half_width: 1.2,
        front: 3.75,
        lamp_z: 0.75,
    }
}
