//! Streams: seeded random traffic along a way for as long as one likes.
//!
//! Who walks or cycles keeps an even pace. Motor vehicles follow each other, and vehicles that the scene scripts on the same
//! lane, by the Intelligent Driver Model (Treiber, Hennecke, Helbing 2000), and never drive into the one in front.

use super::actor::{Actor, Course};
use super::motion::{Motion, Orders};
use super::raw::RawStream;
use crate::actor::{Kind, Look, Pose, Posed};
use crate::dice::Dice;
use crate::space::V2;

/// Steps a second in which a vehicle's way is worked out.
const STEPS: f32 = 10.0;
/// Comfortable acceleration and braking, m/s^2.
const ACCELERATES: f32 = 1.4;
const BRAKES: f32 = 2.2;
/// Metres to the vehicle in front at a standstill, and seconds to it on the move.
const GAP_M: f32 = 2.0;
const HEADWAY_S: f32 = 1.3;
/// Metres that are left in front whatever happens.
const LEAST_GAP_M: f32 = 0.7;
/// A vehicle farther from the lane than this, metres, or turned from it by more than this cosine is not in the way.
const LANE_M: f32 = 1.9;
const ALONG: f32 = 0.5;

/// Everybody in the stream until the scene ends at `duration_s`; `scripted` are the actors that the scene names.
pub(super) fn traffic(
    stream: &RawStream,
    scripted: &[Actor],
    duration_s: f32,
    dice: &mut Dice,
) -> Vec<Actor> {
    let until_s = stream.until_s.unwrap_or(duration_s).min(duration_s);
    let kinds = stream.kinds();
    let lane = Lane::new(&kinds, &stream.path);
    let mut queue = lane.map(|lane| Queue::new(lane, scripted, duration_s));
    let mut out: Vec<Actor> = Vec::new();
    let mut t = stream.from_s;
    loop {
        // Arrivals are independent of each other: exponential gaps.
        t += -(1.0 - dice.unit()).ln() * 60.0 / stream.per_minute;
        if t >= until_s {
            return out;
        }
        let kind = dice.pick(&kinds);
        let look = Look::random(kind, dice);
        let speed = dice.range(stream.speed[0], stream.speed[1]);
        let aside = dice.range(-stream.spread, stream.spread);
        let mut path = shifted(&stream.path, aside);
        if stream.both_ways && dice.chance(0.5) {
            path.reverse();
        }
        let motion = Motion::new(&Orders::new(kind, &path, t, speed));
        let motion = match queue.as_mut().filter(|_| drives(kind)) {
            None => Some(motion),
            Some(queue) => queue.join(motion, half_length(kind, look), t, speed, until_s),
        };
        out.extend(motion.map(|motion| Actor {
            name: format!("{} {}", stream.name, out.len() + 1),
            kind,
            look,
            course: Course::Way(motion),
            doings: Vec::new(),
        }));
    }
}

/// Whether it takes the whole lane and follows the one in front.
fn drives(kind: Kind) -> bool {
    kind.is_vehicle() || kind == Kind::Motorcyclist
}

fn half_length(kind: Kind, look: Look) -> f32 {
    let pose = Pose::default();
    Posed { kind, look, pose }.half_extent().x
}

/// The path moved by `aside` metres to its left.
fn shifted(path: &[V2], aside: f32) -> Vec<V2> {
    let left = |i: usize| {
        let before = path[i.max(1)] - path[i.max(1) - 1];
        let after = path[(i + 1).min(path.len() - 1)] - path[i.min(path.len() - 2)];
        (before.unit() + after.unit()).unit().left()
    };
    (0..path.len()).map(|i| path[i] + left(i) * aside).collect()
}

/// The middle line of a stream of vehicles.
struct Lane(Motion);

impl Lane {
    fn new(kinds: &[Kind], path: &[V2]) -> Option<Self> {
        let kind = *kinds.iter().find(|k| drives(**k))?;
        Some(Self(Motion::new(&Orders::new(kind, path, 0.0, 1.0))))
    }
}

/// A vehicle on the lane as others see it: middle in metres along the lane at each step from `start_s` on.
struct Ahead {
    start_s: f32,
    /// Not a number where it is not on the lane.
    middle: Vec<f32>,
    half: f32,
}

impl Ahead {
    /// (rear end, m/s) at `t`, if it is on the lane then.
    fn rear(&self, t: f32) -> Option<(f32, f32)> {
        let step = (t - self.start_s) * STEPS;
        if step < 0.0 {
            return None;
        }
        let i = step.round() as usize;
        let here = self.middle.get(i).copied().filter(|m| m.is_finite())?;
        let next = self.middle.get(i + 1).copied().filter(|m| m.is_finite());
        Some((here - self.half, (next.unwrap_or(here) - here) * STEPS))
    }

    /// Whether the two ever share a part of the lane.
    fn meets(&self, o: &Self) -> bool {
        let apart = self.half + o.half + LEAST_GAP_M / 2.0;
        o.middle.iter().enumerate().any(|(i, middle)| {
            let there = self.rear(o.start_s + i as f32 / STEPS);
            there.is_some_and(|(rear, _)| (rear + self.half - middle).abs() < apart)
        })
    }
}

/// The vehicles of a stream, one after the other.
struct Queue {
    scripted: Vec<Ahead>,
    last: Option<Ahead>,
    duration_s: f32,
}

impl Queue {
    fn new(Lane(lane): Lane, scripted: &[Actor], duration_s: f32) -> Self {
        let vehicles = scripted.iter().filter(|a| drives(a.kind));
        let on_lane = |a: &Actor| {
            let Course::Way(motion) = &a.course else {
                return None;
            };
            let (from, until) = motion.span();
            let (from, until) = (from.max(0.0), until.min(duration_s));
            let steps = ((until - from) * STEPS).max(0.0) as usize;
            let middle: Vec<f32> = (0..=steps)
                .map(|i| {
                    let Some(pose) = motion.pose(from + i as f32 / STEPS) else {
                        return f32::NAN;
                    };
                    let (gone, off) = lane.nearest(pose.at);
                    let turned =
                        V2::from_angle(lane.place(gone).1).dot(V2::from_angle(pose.heading));
                    if off < LANE_M && turned > ALONG {
                        gone
                    } else {
                        f32::NAN
                    }
                })
                .collect();
            middle.iter().any(|m| m.is_finite()).then(|| Ahead {
                start_s: from,
                middle,
                half: half_length(a.kind, a.look),
            })
        };
        Self {
            scripted: vehicles.filter_map(on_lane).collect(),
            last: None,
            duration_s,
        }
    }

    /// (rear end, m/s) of the nearest vehicle in front of `at` metres at `t` seconds.
    fn ahead(&self, at: f32, t: f32) -> Option<(f32, f32)> {
        let last = self.last.as_ref().and_then(|a| a.rear(t));
        let scripted = self
            .scripted
            .iter()
            .filter_map(|a| a.rear(t).filter(|(rear, _)| rear + a.half > at));
        scripted.chain(last).min_by(|a, b| a.0.total_cmp(&b.0))
    }

    /// Sends the vehicle whose way is `motion` after the others, at `t` seconds or as soon as there is room; nothing
    /// where there is none until `until_s`.
    fn join(
        &mut self,
        motion: Motion,
        half: f32,
        t: f32,
        speed: f32,
        until_s: f32,
    ) -> Option<Motion> {
        // In turn, and on the beat of all others, so that positions are compared at equal times.
        let turn = self.last.as_ref().map_or(0.0, |a| a.start_s);
        let mut start_s = (t.max(turn) * STEPS).ceil() / STEPS;
        while start_s <= until_s {
            let gap = self
                .ahead(0.0, start_s)
                .map_or(f32::MAX, |(rear, _)| rear - half);
            if gap >= GAP_M + 1.0 {
                let middle = self.drive(motion.length(), half, start_s, speed);
                let way = Ahead {
                    start_s,
                    middle,
                    half,
                };
                // A scripted vehicle does not brake: who would be run into comes later.
                if !self.scripted.iter().any(|a| a.meets(&way)) {
                    let motion = motion.paced(start_s, STEPS, way.middle.clone());
                    self.last = Some(way);
                    return Some(motion);
                }
            }
            start_s += 2.0 / STEPS;
        }
        None
    }

    /// Metres gone over `total` metres at each step from `start_s` on, behind whatever is in front.
    fn drive(&self, total: f32, half: f32, start_s: f32, speed: f32) -> Vec<f32> {
        let dt = 1.0 / STEPS;
        let first = self.ahead(0.0, start_s);
        let safe = first.map_or(f32::MAX, |(rear, w)| {
            0.8 * (2.0 * BRAKES * (rear - half - GAP_M)).sqrt() + w
        });
        let (mut at, mut v, mut now) = (0.0f32, speed.min(safe), start_s);
        let mut gone = vec![0.0];
        while at < total && now < self.duration_s {
            let front = self.ahead(at, now).map(|(rear, w)| (rear - at - half, w));
            v = (v + driven(v, speed, front) * dt).max(0.0);
            now += dt;
            let most = self
                .ahead(at, now)
                .map_or(f32::MAX, |(rear, _)| rear - half - LEAST_GAP_M);
            let next = (at + v * dt).min(most.max(at));
            (v, at) = ((next - at) / dt, next.min(total));
            gone.push(at);
        }
        gone
    }
}

/// Acceleration in m/s^2 at `v` m/s for who would drive `wanted` m/s and has (gap in metres, m/s) in front.
fn driven(v: f32, wanted: f32, front: Option<(f32, f32)>) -> f32 {
    let free = 1.0 - (v / wanted).powi(4);
    let near = front.map_or(0.0, |(gap, w)| {
        let closing = v * (v - w) / (2.0 * (ACCELERATES * BRAKES).sqrt());
        let safe = GAP_M + (v * HEADWAY_S + closing).max(0.0);
        (safe / gap.max(0.1)).powi(2)
    });
    (ACCELERATES * (free - near)).max(-8.0)
}
