//! A lorry in two halves that bend at the fifth wheel: measures of both, and where each stands.

use super::plan::{Plan, Prism};
use super::{Body, GLASS, VehicleLook};
use crate::light::Rgb;
use crate::space::{V2, v2};

/// Half length and half width of a lorry that stands straight, metres before `size`.
pub(super) const HALF_EXTENT: V2 = v2(8.3, 1.27);

/// Metres from the middle of a straight lorry forward to the fifth wheel; from there forward to the tractor's middle
/// and back to the trailer's.
const HITCH: f32 = 3.6;
const TRACTOR: f32 = 1.7;
const TRAILER: f32 = 5.5;
/// Metres from the fifth wheel back to the trailer's axles: what follows the road.
pub const WHEELBASE: f32 = 8.6;

/// What stands where, (look, middle, heading): the vehicle itself, or the halves of a lorry whose trailer is turned by
/// `bend` radians against its tractor.
pub fn units(look: &VehicleLook, at: V2, heading: f32, bend: f32) -> Vec<(VehicleLook, V2, f32)> {
    if look.body != Body::Lorry {
        return vec![(*look, at, heading)];
    }
    let half = |body: Body| VehicleLook { body, ..*look };
    let hitch = at + V2::from_angle(heading) * (HITCH * look.size);
    let behind = heading + bend;
    vec![
        (
            half(Body::Trailer),
            hitch - V2::from_angle(behind) * (TRAILER * look.size),
            behind,
        ),
        (
            half(Body::Tractor),
            hitch + V2::from_angle(heading) * (TRACTOR * look.size),
            heading,
        ),
    ]
}

/// Radians by which the trailer turns against a tractor at `at` that looks along `heading`, when its axles are at `rear`.
pub fn bend(at: V2, heading: f32, rear: V2) -> f32 {
    let front = V2::from_angle(heading);
    let along = at + front * HITCH - rear;
    let turn = front.cross(along).atan2(front.dot(along));
    // More would put the trailer through the cab.
    turn.clamp(-1.2, 1.2)
}

pub(super) fn tractor(look: &VehicleLook) -> Plan {
    let chassis = vec![
        (-2.9, 0.6),
        (-2.9, 1.0),
        (2.8, 1.0),
        (2.9, 0.55),
        (2.8, 0.38),
    ];
    let cab = vec![
        (0.55, 0.9),
        (0.55, 3.3),
        (1.3, 3.55),
        (2.55, 3.1),
        (2.85, 1.9),
        (2.9, 0.9),
    ];
    let window = vec![(1.5, 1.85), (1.5, 2.65), (2.5, 2.65), (2.72, 1.85)];
    let door = (
        vec![(1.4, 0.95), (1.4, 1.8), (1.44, 1.8), (1.44, 0.95)],
        look.paint.scale(0.6),
    );
    Plan {
        prisms: vec![
            Prism {
                level: 0,
                profile: chassis,
                half_width: 1.05,
                taper: 0.0,
                colour: Rgb::hex(0x2d3034),
                side: vec![],
                panes: vec![],
            },
            Prism {
                level: 1,
                profile: cab,
                half_width: 1.22,
                taper: 0.03,
                colour: look.paint,
                side: vec![(window, GLASS), door],
                panes: vec![(3, 0.08)],
            },
        ],
        axles: vec![-2.0, 1.85],
        wheel: 0.5,
        half_width: 1.22,
        front: 2.9,
        lamp_z: 0.75,
    }
}

pub(super) fn trailer(look: &VehicleLook) -> Plan {
    let chassis = vec![(-6.5, 0.75), (-6.5, 1.15), (6.4, 1.15), (6.4, 0.95)];
    let body = vec![(-6.5, 1.1), (-6.5, 3.95), (6.5, 3.95), (6.5, 1.15)];
    let post = |i: usize| {
        let x = -6.5 + 13.0 / 6.0 * i as f32;
        (
            vec![
                (x - 0.03, 1.15),
                (x - 0.03, 3.9),
                (x + 0.03, 3.9),
                (x + 0.03, 1.15),
            ],
            look.cargo.scale(0.82),
        )
    };
    Plan {
        prisms: vec![
            Prism {
                level: 0,
                profile: chassis,
                half_width: 1.1,
                taper: 0.0,
                colour: Rgb::hex(0x2d3034),
                side: vec![],
                panes: vec![],
            },
            Prism {
                level: 1,
                profile: body,
                half_width: 1.27,
                taper: 0.0,
                colour: look.cargo,
                side: (1..6).map(post).collect(),
                panes: vec![],
            },
        ],
        axles: vec![-5.2, -3.9, -2.6],
        wheel: 0.5,
        half_width: 1.24,
        front: 6.5,
        lamp_z: 0.9,
    }
}
