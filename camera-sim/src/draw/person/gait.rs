//! A body upright: standing, walking, running, pushing something.

use std::f32::consts::TAU;

use super::{PersonLook, Skeleton, Step};
use crate::space::{V2, V3, v3};

/// m/s at which walking begins to turn into running, and at which it has.
const RUNS_FROM: f32 = 2.3;
const RUNS: f32 = 2.8;

/// Metres covered in two steps at `speed` m/s (grows with speed as in a natural gait).
fn stride(speed: f32, height: f32) -> f32 {
    (0.62 + 0.55 * speed) * height / 1.72
}

/// How far legs, arms and trunk go in a gait; angles in radians.
struct Gait {
    phase: f32,
    swing: f32,
    /// 0 walks, 1 runs.
    run: f32,
    sway: f32,
}

impl Gait {
    fn new(look: &PersonLook, step: &Step) -> Self {
        let stands = step.speed < 0.05;
        Self {
            phase: step.walked / stride(step.speed.max(0.2), look.height) * TAU,
            swing: if stands {
                0.0
            } else {
                0.46 * (step.speed / 1.4).clamp(0.4, 1.45)
            },
            run: ((step.speed - RUNS_FROM) / (RUNS - RUNS_FROM)).clamp(0.0, 1.0),
            sway: if stands {
                0.015 * (step.clock * 1.3).sin()
            } else {
                0.0
            },
        }
    }

    /// Knee and ankle (forward, up) from the hip for a leg `turn` radians ahead; `bone` metres.
    fn leg(&self, turn: f32, bone: f32) -> [(f32, f32); 2] {
        let p = self.phase + turn;
        // A runner lifts the knee in front and folds the leg behind.
        let fore = self.swing * p.sin() + 0.14 * self.run;
        let stand = if self.swing == 0.0 { 0.04 } else { 0.0 };
        let fold = 1.5 + 1.0 * self.run;
        // The knee of a runner is still bent when it is farthest in front.
        let folded = (p - 0.55 * self.run).cos().max(0.0);
        let bend = self.swing * (0.25 + fold * folded) + stand;
        let knee = (bone * fore.sin(), -bone * fore.cos());
        let low = fore - bend;
        [knee, (knee.0 + bone * low.sin(), knee.1 - bone * low.cos())]
    }

    /// Elbow and hand (forward, up) from the shoulder, metres.
    fn arm(&self, turn: f32, h: f32) -> [(f32, f32); 2] {
        let a = -0.75 * self.swing * (self.phase + turn).sin() + self.sway;
        let walking = 0.18 + 0.5 * self.swing;
        let bend = walking + (1.5 - walking) * self.run;
        let elbow = (0.165 * h * a.sin(), -0.165 * h * a.cos());
        [
            elbow,
            (
                elbow.0 + 0.15 * h * (a + bend).sin(),
                elbow.1 - 0.15 * h * (a + bend).cos(),
            ),
        ]
    }
}

/// A body upright on its way, or standing where the speed is nought.
pub fn going(look: &PersonLook, step: &Step) -> Skeleton {
    let h = look.height;
    let front = V2::from_angle(step.heading);
    let left = front.left();
    let frame = |x: f32, y: f32, z: f32| (step.at + front * x + left * y).up(z);
    let gait = Gait::new(look, step);
    let (hip_half, shoulder_half) = (0.055 * h * look.build, 0.118 * h * (0.6 + 0.4 * look.build));
    let bone = look.bone * h;
    let legs = [gait.leg(0.0, bone), gait.leg(TAU / 2.0, bone)];
    // Between two steps a runner touches nothing.
    let flight = gait.run * 0.05 * h * gait.phase.sin().powi(2);
    let hip_z = 0.04 * h - legs[0][1].1.min(legs[1][1].1) + flight;
    let lean = 0.02 + 0.035 * gait.swing + 0.42 * gait.run;
    let trunk_x = lean * h * 0.3;
    let shoulder_z = hip_z + 0.288 * h - 0.02 * h * gait.run;
    let arms = [gait.arm(0.0, h), gait.arm(TAU / 2.0, h)];
    let side = |i: usize| if i == 0 { 1.0 } else { -1.0 };
    let leg = |i: usize, part: usize| {
        let (x, z) = legs[i][part];
        frame(x, side(i) * hip_half, hip_z + z)
    };
    let toe = |i: usize| leg(i, 1) + front.up(0.0) * (0.105 * h) + v3(0.0, 0.0, -0.018 * h);
    let arm = |i: usize, part: usize| {
        let (x, z) = arms[i][part];
        let out = side(i) * (shoulder_half + 0.03 * h);
        frame(trunk_x + x, out, shoulder_z + z)
    };
    let shoulder = |i: usize| frame(trunk_x, side(i) * shoulder_half, shoulder_z);
    Skeleton {
        hips: [frame(0.0, hip_half, hip_z), frame(0.0, -hip_half, hip_z)],
        knees: [leg(0, 0), leg(1, 0)],
        ankles: [leg(0, 1), leg(1, 1)],
        toes: [toe(0), toe(1)],
        shoulders: [shoulder(0), shoulder(1)],
        elbows: [arm(0, 0), arm(1, 0)],
        hands: [arm(0, 1), arm(1, 1)],
        neck: frame(lean * h * 0.34, 0.0, shoulder_z + 0.047 * h),
        head: frame(lean * h * 0.45 + 0.01, gait.sway, shoulder_z + 0.127 * h),
        front: front.up(0.0),
        left: left.up(0.0),
        up: v3(0.0, 0.0, 1.0),
    }
}

/// A body that walks with both hands on a bar whose ends are `bar` (left, right).
pub fn pushing(look: &PersonLook, step: &Step, bar: [V3; 2]) -> Skeleton {
    let mut body = going(look, step);
    for (i, grip) in bar.into_iter().enumerate() {
        let back = body.front * -0.4 + v3(0.0, 0.0, -1.0);
        body.reach(i, grip, look, back);
    }
    body
}
