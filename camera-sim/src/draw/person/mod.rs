//! People: what somebody looks like, how the body stands or moves, and the blobs that make it.

mod gait;
mod look;
mod posture;

pub use gait::{going, pushing};
pub use look::{Bottom, Carried, Headwear, PersonLook, Top};
pub use posture::{Lying, falling, fighting, sitting, waving};

use super::Blob;
use crate::space::{V2, V3};

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
    /// From the hips to the head.
    pub up: V3,
}

/// Where and how a body takes its steps.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    /// Ground point under it, metres.
    pub at: V2,
    /// Radians counter-clockwise from east.
    pub heading: f32,
    /// m/s.
    pub speed: f32,
    /// Metres gone: drives the legs.
    pub walked: f32,
    /// Seconds: moves those who stand.
    pub clock: f32,
}

impl Skeleton {
    /// Between this body (`k` = 0) and another (`k` = 1), joint by joint.
    fn mix(&self, o: &Self, k: f32) -> Self {
        let pair = |a: [V3; 2], b: [V3; 2]| [a[0].mix(b[0], k), a[1].mix(b[1], k)];
        Self {
            hips: pair(self.hips, o.hips),
            knees: pair(self.knees, o.knees),
            ankles: pair(self.ankles, o.ankles),
            toes: pair(self.toes, o.toes),
            shoulders: pair(self.shoulders, o.shoulders),
            elbows: pair(self.elbows, o.elbows),
            hands: pair(self.hands, o.hands),
            neck: self.neck.mix(o.neck, k),
            head: self.head.mix(o.head, k),
            front: self.front.mix(o.front, k).unit(),
            left: self.left.mix(o.left, k).unit(),
            up: self.up.mix(o.up, k).unit(),
        }
    }

    /// Brings hand `i` as near to `to` as the arm reaches, its elbow bent towards `bend`.
    fn reach(&mut self, i: usize, to: V3, look: &PersonLook, bend: V3) {
        let bone = 0.165 * look.height;
        let arm = to - self.shoulders[i];
        let far = arm.dot(arm).sqrt();
        let to = self.shoulders[i] + arm * (1.9 * bone / far.max(1.9 * bone));
        self.elbows[i] = joint(self.shoulders[i], to, bone, bend);
        self.hands[i] = to;
    }
}

/// The middle joint of a limb of two bones of length `bone` from `a` to `b`, bent towards `bend`.
pub fn joint(a: V3, b: V3, bone: f32, bend: V3) -> V3 {
    let half = (b - a) * 0.5;
    let reach = half.dot(half);
    let along = half.unit();
    let aside = (bend - along * bend.dot(along)).unit();
    a + half + aside * (bone * bone - reach).max(0.0).sqrt()
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
    let drop = s.up * (0.012 * h);
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
    let up = s.up;
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
    let up = s.up;
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
