//! A body that does something other than going its way: falls and lies, sits, fights, waves.

use super::{PersonLook, Skeleton, Step, going};
use crate::space::{V2, V3, v3};

/// How somebody lies on the ground.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lying {
    #[default]
    Prone,
    Supine,
    OnSide,
}

const UP: V3 = v3(0.0, 0.0, 1.0);

/// The body on its way down (`down` from 0, upright, to 1, on the ground), around the middle of where it will lie.
pub fn falling(look: &PersonLook, step: &Step, down: f32, lying: Lying) -> Skeleton {
    // The feet stay about where they stood while the head goes forward.
    let back = V2::from_angle(step.heading) * (-0.35 * look.height * down);
    let upright = going(
        look,
        &Step {
            at: step.at + back,
            speed: step.speed * (1.0 - down),
            ..*step
        },
    );
    // It gives way in the knees first: the way down is no straight line for the trunk.
    let mut body = upright.mix(
        &on_the_ground(look, step, lying),
        down * down * (3.0 - 2.0 * down),
    );
    let fold = (down * (1.0 - down)).max(0.0) * 0.8 * look.height;
    for knee in &mut body.knees {
        *knee = *knee + body.front * (fold * 0.5) + UP * (fold * 0.15);
    }
    body
}

/// Points of a lying body are (along the spine, to its left, up) in parts of the height.
type Places = [(f32, f32, f32); 14];

/// Hips, knees, ankles, toes, shoulders, elbows, hands; left, then right.
const PRONE: Places = [
    (-0.03, 0.055, 0.055),
    (-0.03, -0.055, 0.055),
    (-0.26, 0.10, 0.04),
    (-0.27, -0.06, 0.04),
    (-0.47, 0.15, 0.035),
    (-0.49, -0.07, 0.035),
    (-0.56, 0.19, 0.02),
    (-0.59, -0.08, 0.02),
    (0.28, 0.115, 0.06),
    (0.28, -0.115, 0.06),
    (0.36, 0.25, 0.035),
    (0.16, -0.23, 0.035),
    (0.50, 0.20, 0.025),
    (0.03, -0.28, 0.025),
];
const SUPINE: Places = [
    (-0.03, 0.055, 0.055),
    (-0.03, -0.055, 0.055),
    (-0.22, 0.08, 0.16),
    (-0.27, -0.08, 0.045),
    (-0.30, 0.09, 0.035),
    (-0.49, -0.12, 0.04),
    (-0.38, 0.11, 0.03),
    (-0.51, -0.17, 0.09),
    (0.28, 0.115, 0.055),
    (0.28, -0.115, 0.055),
    (0.24, 0.28, 0.035),
    (0.18, -0.25, 0.035),
    (0.33, 0.40, 0.025),
    (0.04, -0.33, 0.025),
];
/// On the right side, knees drawn up: `to its left` is upwards here, and up is to the front.
const ON_SIDE: Places = [
    (-0.03, 0.165, 0.0),
    (-0.03, 0.055, 0.0),
    (-0.13, 0.14, 0.20),
    (-0.18, 0.045, 0.15),
    (-0.30, 0.08, 0.08),
    (-0.38, 0.035, 0.03),
    (-0.36, 0.06, 0.14),
    (-0.45, 0.03, 0.10),
    (0.27, 0.22, 0.01),
    (0.27, 0.05, 0.02),
    (0.18, 0.13, 0.14),
    (0.33, 0.03, 0.16),
    (0.27, 0.03, 0.24),
    (0.40, 0.025, 0.26),
];

fn on_the_ground(look: &PersonLook, step: &Step, lying: Lying) -> Skeleton {
    let h = look.height;
    let spine = V2::from_angle(step.heading);
    let aside = spine.left();
    let (spine3, aside3) = (spine.up(0.0), aside.up(0.0));
    // Front and left of the body; with the spine they are right-handed as in one who stands.
    let (front, left, places) = match lying {
        Lying::Prone => (UP * -1.0, aside3, &PRONE),
        Lying::Supine => (UP, aside3 * -1.0, &SUPINE),
        Lying::OnSide => (aside3, UP, &ON_SIDE),
    };
    let girth = 0.85 + 0.15 * look.build;
    let point = |(along, to_left, up): (f32, f32, f32)| {
        let base = step.at.up(0.0) + spine3 * (along * h);
        match lying {
            Lying::OnSide => base + UP * (to_left * h * girth) + aside3 * (up * h),
            _ => base + left * (to_left * h) + UP * (up * h * girth),
        }
    };
    let pair = |i: usize| [point(places[2 * i]), point(places[2 * i + 1])];
    let (neck, head) = match lying {
        Lying::OnSide => ((0.325, 0.12, 0.01), (0.41, 0.085, 0.03)),
        _ => ((0.325, 0.0, 0.06), (0.405, 0.0, 0.065)),
    };
    Skeleton {
        hips: pair(0),
        knees: pair(1),
        ankles: pair(2),
        toes: pair(3),
        shoulders: pair(4),
        elbows: pair(5),
        hands: pair(6),
        neck: point(neck),
        head: point(head),
        front,
        left,
        up: spine3,
    }
}

/// Sitting on the ground with the knees drawn up (`low` = 1), or on the way there.
pub fn sitting(look: &PersonLook, step: &Step, low: f32) -> Skeleton {
    let h = look.height;
    let upright = going(look, step);
    let front = V2::from_angle(step.heading);
    let point =
        |x: f32, y: f32, z: f32| (step.at + front * (x * h) + front.left() * (y * h)).up(z * h);
    let pair = |x: f32, y: f32, z: f32| [point(x, y, z), point(x, -y, z)];
    let (thigh, breath) = (look.bone / 0.245, 0.006 * (step.clock * 1.1).sin());
    let seated = Skeleton {
        hips: pair(-0.12, 0.055, 0.06),
        knees: pair(0.06 * thigh, 0.075, 0.22 * thigh),
        ankles: pair(0.14 * thigh, 0.06, 0.04),
        toes: pair(0.24, 0.07, 0.02),
        shoulders: pair(-0.13 + breath, 0.115, 0.34),
        elbows: pair(0.02, 0.16, 0.24),
        hands: pair(0.12, 0.03, 0.17),
        neck: point(-0.12 + breath, 0.0, 0.385),
        head: point(-0.10 + breath, 0.0, 0.465),
        ..upright
    };
    upright.mix(&seated, low * low * (3.0 - 2.0 * low))
}

/// Grappling and punching an opponent half a metre to a metre ahead, `clock` seconds into the fight.
pub fn fighting(look: &PersonLook, step: &Step, clock: f32) -> Skeleton {
    let h = look.height;
    let lunge = (clock * 2.3).sin();
    let mut body = going(look, step);
    let (front, left) = (body.front, body.left);
    // Feet apart, knees bent, the trunk thrown forward and back.
    let low = UP * (-0.035 * h * (1.2 + lunge.abs()));
    for i in 0..2 {
        let side = if i == 0 { 1.0 } else { -1.0 };
        let foot = front * (0.13 * h * side * (0.8 + 0.4 * lunge)) + left * (side * 0.045 * h);
        body.ankles[i] = body.ankles[i] + foot;
        body.toes[i] = body.toes[i] + foot;
        body.hips[i] = body.hips[i] + low;
        body.knees[i] = super::joint(body.hips[i], body.ankles[i], look.bone * h, front);
    }
    let trunk =
        low + front * (0.05 * h + 0.05 * h * lunge) + left * (0.03 * h * (clock * 1.7).sin());
    body.shoulders = body.shoulders.map(|p| p + trunk);
    (body.neck, body.head) = (body.neck + trunk * 1.1, body.head + trunk * 1.25);
    let grapples = (clock * 0.8).sin() > 0.35;
    for i in 0..2 {
        let side = if i == 0 { 1.0 } else { -1.0 };
        let punch = (clock * 5.2 + i as f32 * 3.1).sin().max(0.0).powi(2);
        let (reach, high) = match grapples {
            true => (0.25, 0.03),
            false => (0.12 + 0.2 * punch, 0.06 + 0.03 * punch),
        };
        let to =
            body.shoulders[i] + front * (reach * h) + UP * (high * h) - left * (side * 0.04 * h);
        body.reach(i, to, look, left * side - UP);
    }
    body
}

/// Going or standing with the left arm high, waving: the right hand may hold a bag.
pub fn waving(look: &PersonLook, step: &Step) -> Skeleton {
    let h = look.height;
    let mut body = going(look, step);
    let out = body.left * ((0.05 + 0.09 * (step.clock * 6.5).sin()) * h);
    let to = body.shoulders[0] + UP * (0.27 * h) + out + body.front * (0.03 * h);
    body.reach(0, to, look, body.left);
    body
}
