//! People: what somebody looks like, how the body stands or moves, and the blobs that make it.

mod look;

use std::f32::consts::TAU;

pub use look::{Bottom, Carried, Headwear, PersonLook, Top};

use super::Blob;
use crate::space::{V2, V3, v3};

/// The joints of a body in the world, metres; pairs are left, right.
#[derive(Clone, Copy, Debug)]
pub struct Skeleton {
    pub hips: [V3; 2],
    pub knees: [V3; 2],
    pub ankles: [V3; 2],
    pub toes: [V3; 2],
    pub shoulders: [V3; 2],
    pub elbows: [V3; 2],
    pub hands: [V3; 2],
    pub neck: V3,
    pub head: V3,
    /// Unit vectors of the body.
    pub front: V3,
    pub left: V3,
}

/// Metres that a walker at `speed` m/s covers in two steps (grows with speed as in a natural gait).
fn stride(speed: f32, height: f32) -> f32 {
    (0.62 + 0.55 * speed) * height / 1.72
}

/// A body upright at `at`, facing `heading` radians, after `walked` metres at `speed` m/s; `clock` moves those who stand.
pub fn walking(
    look: &PersonLook,
    at: V2,
    heading: f32,
    speed: f32,
    walked: f32,
    clock: f32,
) -> Skeleton {
    let h = look.height;
    let front = V2::from_angle(heading);
    let left = front.left();
    let frame = |x: f32, y: f32, z: f32| (at + front * x + left * y).up(z);
    let phase = walked / stride(speed.max(0.2), h) * TAU;
    let swing = if speed < 0.05 {
        0.0
    } else {
        0.46 * (speed / 1.4).clamp(0.4, 1.7)
    };
    let sway = if speed < 0.05 {
        0.015 * (clock * 1.3).sin()
    } else {
        0.0
    };
    let (thigh, shank) = (0.245 * h, 0.245 * h);
    let (hip_half, shoulder_half) = (0.055 * h * look.build, 0.118 * h * (0.6 + 0.4 * look.build));

    let leg = |turn: f32| {
        let p = phase + turn;
        let fore = swing * p.sin();
        let bend = swing * (0.25 + 1.5 * p.cos().max(0.0)) + if swing == 0.0 { 0.04 } else { 0.0 };
        let knee = (thigh * fore.sin(), -thigh * fore.cos());
        let low = fore - bend;
        (
            knee,
            (knee.0 + shank * low.sin(), knee.1 - shank * low.cos()),
        )
    };
    let legs = [leg(0.0), leg(TAU / 2.0)];
    let hip_z = 0.04 * h - legs[0].1.1.min(legs[1].1.1);
    let lean = 0.02 + 0.035 * swing;
    let arm = |side: f32, turn: f32| {
        let a = -0.75 * swing * (phase + turn).sin() + sway;
        let bend = 0.18 + 0.5 * swing;
        let top = frame(lean * h * 0.3, side * shoulder_half, hip_z + 0.288 * h);
        let out = side * (shoulder_half + 0.03 * h);
        let (ex, ez) = (0.165 * h * a.sin(), -0.165 * h * a.cos());
        let elbow = frame(lean * h * 0.3 + ex, out, hip_z + 0.288 * h + ez);
        let (hx, hz) = (
            ex + 0.15 * h * (a + bend).sin(),
            ez - 0.15 * h * (a + bend).cos(),
        );
        (
            top,
            elbow,
            frame(lean * h * 0.3 + hx, out, hip_z + 0.288 * h + hz),
        )
    };
    let arms = [arm(1.0, 0.0), arm(-1.0, TAU / 2.0)];
    let side = |i: usize| if i == 0 { hip_half } else { -hip_half };
    let knee = |i: usize| frame(legs[i].0.0, side(i), hip_z + legs[i].0.1);
    let ankle = |i: usize| frame(legs[i].1.0, side(i), hip_z + legs[i].1.1);
    let toe = |i: usize| ankle(i) + front.up(0.0) * (0.105 * h) + v3(0.0, 0.0, -0.018 * h);
    Skeleton {
        hips: [frame(0.0, hip_half, hip_z), frame(0.0, -hip_half, hip_z)],
        knees: [knee(0), knee(1)],
        ankles: [ankle(0), ankle(1)],
        toes: [toe(0), toe(1)],
        shoulders: [arms[0].0, arms[1].0],
        elbows: [arms[0].1, arms[1].1],
        hands: [arms[0].2, arms[1].2],
        neck: frame(lean * h * 0.34, 0.0, hip_z + 0.335 * h),
        head: frame(lean * h * 0.45 + 0.01, sway, hip_z + 0.415 * h),
        front: front.up(0.0),
        left: left.up(0.0),
    }
}

/// The body and its clothes as blobs.
pub fn blobs(look: &PersonLook, s: &Skeleton) -> Vec<Blob> {
    let mut out = Vec::with_capacity(24);
    legs(look, s, &mut out);
    torso(look, s, &mut out);
    arms(look, s, &mut out);
    head(look, s, &mut out);
    carried(look, s, &mut out);
    out
}

fn legs(look: &PersonLook, s: &Skeleton, out: &mut Vec<Blob>) {
    let (h, b) = (look.height, look.build);
    let bare = look.bottom != Bottom::Trousers;
    for i in 0..2 {
        let shin = if bare { look.skin } else { look.bottom_colour };
        let thigh = if look.bottom == Bottom::Skirt {
            look.skin
        } else {
            look.bottom_colour
        };
        out.push(Blob::limb(
            s.knees[i],
            0.031 * h * b,
            s.ankles[i],
            0.022 * h,
            shin,
        ));
        out.push(Blob::limb(
            s.hips[i],
            0.05 * h * b,
            s.knees[i],
            0.036 * h * b,
            thigh,
        ));
        out.push(Blob::limb(
            s.ankles[i],
            0.026 * h,
            s.toes[i],
            0.02 * h,
            look.shoes,
        ));
    }
    if look.bottom == Bottom::Skirt {
        let hem = |i: usize| s.hips[i].mix(s.knees[i], 0.92);
        let spheres = vec![
            (s.hips[0], 0.05 * h * b),
            (s.hips[1], 0.05 * h * b),
            (hem(0), 0.062 * h),
            (hem(1), 0.062 * h),
        ];
        out.push(Blob {
            spheres,
            colour: look.bottom_colour,
        });
    }
}

fn torso(look: &PersonLook, s: &Skeleton, out: &mut Vec<Blob>) {
    let (h, b) = (look.height, look.build);
    let girth = 0.055 * h * b;
    let drop = v3(0.0, 0.0, 0.012 * h);
    let mut spheres = vec![
        (s.shoulders[0] - drop, 0.036 * h),
        (s.shoulders[1] - drop, 0.036 * h),
        (s.hips[0] + drop * 2.0, girth),
        (s.hips[1] + drop * 2.0, girth),
        (
            s.hips[0].mix(s.shoulders[1], 0.5) + s.front * (0.02 * h * b),
            girth,
        ),
    ];
    // The shoulders slope down from the neck.
    spheres.push((s.neck - drop * 1.6, 0.034 * h));
    if look.top == Top::Coat {
        spheres.extend((0..2).map(|i| (s.hips[i].mix(s.knees[i], 0.75), 0.056 * h * b)));
    }
    out.push(Blob {
        spheres,
        colour: look.top_colour,
    });
}

fn arms(look: &PersonLook, s: &Skeleton, out: &mut Vec<Blob>) {
    let (h, b) = (look.height, look.build);
    let sleeve = if look.top == Top::Shirt {
        look.skin
    } else {
        look.top_colour
    };
    for i in 0..2 {
        out.push(Blob::limb(
            s.shoulders[i],
            0.034 * h * b,
            s.elbows[i],
            0.026 * h * b,
            look.top_colour.scale(0.93),
        ));
        out.push(Blob::limb(
            s.elbows[i],
            0.024 * h * b,
            s.hands[i],
            0.018 * h,
            sleeve.scale(0.97),
        ));
        out.push(Blob::ball(s.hands[i], 0.024 * h, look.skin));
    }
}

fn head(look: &PersonLook, s: &Skeleton, out: &mut Vec<Blob>) {
    let h = look.height;
    let up = v3(0.0, 0.0, 1.0);
    // A child's head is larger for its body.
    let r = 0.058 * h.max(1.45);
    out.push(Blob::limb(
        s.neck,
        0.03 * h,
        s.head,
        0.03 * h,
        look.skin.scale(0.9),
    ));
    out.push(Blob {
        spheres: vec![
            (s.head + up * (0.012 * h), r),
            (s.head + s.front * 0.02 - up * (0.025 * h), r * 0.72),
        ],
        colour: look.skin,
    });
    let back = s.head - s.front * (0.022 * h) + up * (0.022 * h);
    match look.headwear {
        Headwear::Bald => {}
        Headwear::ShortHair => out.push(Blob {
            spheres: vec![
                (back, r * 0.98),
                (back + s.front * (0.03 * h) + up * 0.01, r * 0.8),
            ],
            colour: look.hair,
        }),
        Headwear::LongHair => out.push(Blob {
            spheres: vec![
                (back, r),
                (back + s.front * (0.028 * h) + up * 0.012, r * 0.8),
                (back - up * (0.09 * h), r * 0.85),
            ],
            colour: look.hair,
        }),
        Headwear::Cap => {
            out.push(Blob::ball(back + up * (0.008 * h), r, look.bag_colour));
            let brow = s.head + s.front * (0.05 * h) + up * (0.045 * h);
            out.push(Blob::limb(
                brow - s.left * 0.04,
                0.018,
                brow + s.left * 0.04,
                0.018,
                look.bag_colour.scale(0.8),
            ));
        }
        Headwear::Scarf => out.push(Blob {
            spheres: vec![
                (back, r * 1.08),
                (back + s.front * (0.02 * h), r),
                (s.neck, 0.06 * h),
            ],
            colour: look.bag_colour,
        }),
        Headwear::Helmet => out.push(Blob {
            spheres: vec![(s.head + up * (0.03 * h), r * 1.18), (back, r * 1.15)],
            colour: look.bag_colour,
        }),
    }
}

fn carried(look: &PersonLook, s: &Skeleton, out: &mut Vec<Blob>) {
    let h = look.height;
    let up = v3(0.0, 0.0, 1.0);
    match look.carried {
        Carried::Nothing => {}
        Carried::Backpack => {
            let back =
                s.shoulders[0].mix(s.shoulders[1], 0.5) - s.front * (0.085 * h) - up * (0.03 * h);
            let low = back - up * (0.17 * h);
            let wide = s.left * (0.055 * h);
            out.push(Blob {
                spheres: vec![
                    (back, 0.06 * h),
                    (low + wide, 0.055 * h),
                    (low - wide, 0.055 * h),
                ],
                colour: look.bag_colour,
            });
        }
        Carried::Shoulder => {
            let side = s.hips[0] + s.left * (0.07 * h) + up * (0.03 * h);
            out.push(Blob::limb(
                s.shoulders[0] + up * (0.03 * h),
                0.009 * h,
                side,
                0.009 * h,
                look.bag_colour.scale(0.8),
            ));
            let long = s.front * (0.05 * h);
            out.push(Blob {
                spheres: vec![
                    (side + long, 0.035 * h),
                    (side - long, 0.035 * h),
                    (side - up * (0.08 * h) + long, 0.035 * h),
                    (side - up * (0.08 * h) - long, 0.035 * h),
                ],
                colour: look.bag_colour,
            });
        }
        Carried::InHand => {
            let grip = s.hands[1];
            out.push(Blob::limb(
                grip,
                0.006 * h,
                grip - up * (0.05 * h),
                0.006 * h,
                look.bag_colour.scale(0.7),
            ));
            let long = s.front * (0.05 * h);
            let low = grip - up * (0.15 * h);
            let high = grip - up * (0.075 * h);
            out.push(Blob {
                spheres: vec![
                    (high + long, 0.022 * h),
                    (high - long, 0.022 * h),
                    (low + long, 0.028 * h),
                    (low - long, 0.028 * h),
                ],
                colour: look.bag_colour,
            });
        }
    }
}
