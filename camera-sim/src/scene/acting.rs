//! What an actor does beside going its way, as it changes a pose over time: falls, fights, waves, sits, mills about.
//!
//! Times are scene times in seconds. Knows nothing of files; draws nothing.

use crate::actor::{Act, Pose};
use crate::draw::person::Lying;
use crate::space::V2;

/// Seconds from standing to lying, and from lying to standing.
pub(crate) const GOES_DOWN_S: f32 = 0.8;
pub(crate) const GETS_UP_S: f32 = 1.6;
/// Seconds to sit down or to rise.
const SITS_DOWN_S: f32 = 0.9;
/// Seconds in which opponents close in, and in which they part.
const CLOSES_IN_S: f32 = 0.7;
/// Metres between a fighter and the middle of the fight.
const ARM_S_LENGTH: f32 = 0.36;
/// Metres by which the middle of a body moves forward as it falls.
const FALLS_FORWARD_M: f32 = 0.5;

/// One thing that an actor does for a while.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Doing {
    pub(crate) what: What,
    pub(crate) from_s: f32,
    pub(crate) until_s: f32,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum What {
    /// Lies from `GOES_DOWN_S` after its beginning to its end, and then gets up.
    Fall {
        lying: Lying,
        /// Radians by which the body turns as it falls.
        twist: f32,
    },
    Fight {
        /// Middle of the fight on the ground.
        middle: V2,
        /// Metres from the middle at which the opponents stand.
        apart: f32,
        /// So that no two opponents move alike, seconds.
        ahead_s: f32,
    },
    Wave,
    Sit,
    /// Stands about and shifts its weight, turned to `heading` radians on the whole.
    Mill {
        heading: f32,
    },
}

impl Doing {
    /// From when until when it keeps the actor from walking on, if it does.
    pub(crate) fn hold(&self) -> Option<(f32, f32)> {
        match self.what {
            What::Fall { .. } => Some((self.from_s, self.until_s + GETS_UP_S)),
            What::Fight { .. } | What::Sit => Some((self.from_s, self.until_s)),
            What::Wave | What::Mill { .. } => None,
        }
    }

    /// When the actor is itself again.
    pub(crate) fn over_s(&self) -> f32 {
        self.hold().map_or(self.until_s, |h| h.1)
    }

    /// 0 at its beginning and end, 1 in between, `rise` and `fall` seconds long at the edges.
    fn share(&self, t: f32, rise: f32, fall: f32, end: f32) -> f32 {
        ((t - self.from_s) / rise)
            .min((end - t) / fall)
            .clamp(0.0, 1.0)
    }
}

fn smooth(k: f32) -> f32 {
    k * k * (3.0 - 2.0 * k)
}

/// The pose with what is being done at `t`.
pub(crate) fn apply(pose: Pose, doings: &[Doing], t: f32) -> Pose {
    let Some(doing) = doings.iter().find(|d| (d.from_s..d.over_s()).contains(&t)) else {
        return pose;
    };
    match doing.what {
        What::Fall { lying, twist } => {
            let down = doing.share(t, GOES_DOWN_S, GETS_UP_S, doing.over_s());
            // It falls faster and faster and gets up slowly.
            let down = if t < doing.until_s {
                down.powf(1.6)
            } else {
                smooth(down)
            };
            let front = V2::from_angle(pose.heading);
            Pose {
                at: pose.at + front * (FALLS_FORWARD_M * down),
                heading: pose.heading + twist * down,
                act: Act::Down { down, lying },
                ..pose
            }
        }
        What::Fight {
            middle,
            apart,
            ahead_s,
        } => fight(pose, doing, t, (middle, apart, ahead_s)),
        What::Wave => Pose {
            act: Act::Waving,
            ..pose
        },
        What::Sit => Pose {
            act: Act::Sitting {
                low: doing.share(t, SITS_DOWN_S, SITS_DOWN_S, doing.until_s),
            },
            ..pose
        },
        What::Mill { heading } => {
            let sway = 0.45 * (t * 0.23 + heading * 3.0).sin();
            let k = smooth(doing.share(t, 1.0, 1.0, doing.until_s));
            Pose {
                heading: turned(pose.heading, heading + sway, k),
                ..pose
            }
        }
    }
}

/// Opponents face the middle, circle around it, close in and draw back.
fn fight(pose: Pose, doing: &Doing, t: f32, (middle, apart, ahead_s): (V2, f32, f32)) -> Pose {
    let k = smooth(doing.share(t, CLOSES_IN_S, CLOSES_IN_S, doing.until_s));
    let clock = t - doing.from_s;
    let out = pose.at - middle;
    let circle = 0.9 * (clock * 0.55).sin() * k;
    let angle = out.y.atan2(out.x) + circle;
    let near = apart + 0.07 * ((clock + ahead_s) * 1.9).sin();
    let radius = out.length() + (near - out.length()) * k;
    let at = middle + V2::from_angle(angle) * radius;
    let to_middle = V2::from_angle(angle) * -1.0;
    Pose {
        at,
        heading: turned(pose.heading, to_middle.y.atan2(to_middle.x), k),
        act: if k > 0.4 {
            Act::Fighting {
                clock: clock + ahead_s,
            }
        } else {
            Act::Going
        },
        ..pose
    }
}

/// Metres from the middle at which `count` opponents find room.
pub(crate) fn apart(count: usize) -> f32 {
    ARM_S_LENGTH.max(0.16 * count as f32)
}

/// From angle `a` towards angle `b` by share `k`, the shorter way round.
fn turned(a: f32, b: f32, k: f32) -> f32 {
    let gap =
        (b - a + std::f32::consts::PI).rem_euclid(std::f32::consts::TAU) - std::f32::consts::PI;
    a + gap * k
}

#[cfg(test)]
mod tests {
    use super::*;

    fn down(t: f32) -> f32 {
        let fall = Doing {
            what: What::Fall {
                lying: Lying::Prone,
                twist: 0.0,
            },
            from_s: 5.0,
            until_s: 9.0,
        };
        match apply(Pose::default(), &[fall], t).act {
            Act::Down { down, .. } => down,
            _ => 0.0,
        }
    }

    #[test]
    fn a_fall_takes_its_seconds_and_ends_upright() {
        assert_eq!(down(4.99), 0.0);
        assert!(down(5.4) > 0.0 && down(5.4) < 1.0);
        assert_eq!(down(5.0 + GOES_DOWN_S + 0.01), 1.0);
        assert_eq!(down(8.99), 1.0);
        assert!(down(9.0 + GETS_UP_S - 0.1) < 0.2);
        assert_eq!(down(9.0 + GETS_UP_S + 0.01), 0.0);
    }

    #[test]
    fn a_turn_takes_the_shorter_way() {
        assert!((turned(3.0, -3.0, 0.5).abs() - std::f32::consts::PI).abs() < 0.01);
    }
}
