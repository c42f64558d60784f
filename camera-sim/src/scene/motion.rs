//! Where an actor is at any moment: along rounded corners, slowing down for its stops and speeding up after them.

use crate::actor::{Kind, Pose};
use crate::space::V2;

/// Steps a second in which a way is worked out once and for all.
const STEPS: f32 = 60.0;
/// m/s^2 with which a body comes to a stand for an act.
const STOPS_SHORT: f32 = 3.0;

/// A stop on the way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stop {
    /// Index of the waypoint.
    pub(super) at: usize,
    pub(super) seconds: f32,
}

/// What an actor is told about its way; the path has at least one point.
#[derive(Clone, Debug)]
pub(super) struct Orders<'p> {
    pub(super) kind: Kind,
    pub(super) path: &'p [V2],
    /// Scene time in seconds at which it appears; may lie before the scene's beginning.
    pub(super) start_s: f32,
    /// m/s.
    pub(super) speed: f32,
    /// (waypoint, m/s from there on), in order.
    pub(super) speeds: Vec<(usize, f32)>,
    pub(super) stops: Vec<Stop>,
    /// Scene times (from, until) in seconds during which it stands wherever it is.
    pub(super) holds: Vec<(f32, f32)>,
    /// Radians, for who has no way to go.
    pub(super) heading: f32,
    /// Stands at the end of its way; others leave.
    pub(super) stays: bool,
}

impl<'p> Orders<'p> {
    /// Along `path` from `start_s` at `speed`, and away.
    pub(super) fn new(kind: Kind, path: &'p [V2], start_s: f32, speed: f32) -> Self {
        Self {
            kind,
            path,
            start_s,
            speed,
            speeds: Vec::new(),
            stops: Vec::new(),
            holds: Vec::new(),
            heading: 0.0,
            stays: false,
        }
    }
}

/// What an actor does, worked out.
#[derive(Clone, Debug)]
pub(super) struct Motion {
    start_s: f32,
    /// Corners of the rounded way and the metres gone at each.
    way: Vec<(V2, f32)>,
    /// Metres gone after each step.
    gone: Vec<f32>,
    /// Steps a second.
    steps: f32,
    /// Seconds after the start at which it comes to a stand at each stop, in the way's order.
    halted: Vec<f32>,
    /// Direction when there is no way to go, radians.
    heading: f32,
    stays: bool,
}

/// m/s^2 with which a kind starts and stops.
fn agility(kind: Kind) -> f32 {
    if kind.is_vehicle() { 2.2 } else { 1.4 }
}

/// Metres before a corner at which a kind begins to turn.
fn turning(kind: Kind) -> f32 {
    match kind {
        Kind::Pedestrian | Kind::Child | Kind::Dog | Kind::Bag => 0.6,
        Kind::Wheelchair | Kind::Stroller => 1.2,
        Kind::Cyclist | Kind::Motorcyclist => 3.0,
        Kind::Bus | Kind::Truck => 9.0,
        Kind::Car | Kind::Van => 6.0,
    }
}

impl Motion {
    pub(super) fn new(orders: &Orders<'_>) -> Self {
        let (way, marks) = rounded(orders.path, turning(orders.kind));
        let total = way.last().map_or(0.0, |w| w.1);
        let mark = |at: usize| marks[at.min(marks.len() - 1)];
        let mut halts: Vec<(f32, f32)> = orders
            .stops
            .iter()
            .map(|s| (mark(s.at), s.seconds))
            .collect();
        if orders.stays && total > 0.0 {
            halts.push((total, f32::MAX));
        }
        halts.sort_by(|a, b| a.0.total_cmp(&b.0));
        let speeds: Vec<(f32, f32)> = orders.speeds.iter().map(|s| (mark(s.0), s.1)).collect();
        let clock = |t: f32| t - orders.start_s;
        let holds: Vec<(f32, f32)> = orders
            .holds
            .iter()
            .map(|h| (clock(h.0), clock(h.1)))
            .collect();
        let even = halts.is_empty() && speeds.is_empty() && holds.is_empty() && total > 0.0;
        let (steps, (gone, halted)) = if even {
            (orders.speed / total, (vec![0.0, total], Vec::new()))
        } else {
            let pace = Pace {
                speed: orders.speed,
                agility: agility(orders.kind),
                speeds: &speeds,
                halts: &halts,
                holds: &holds,
            };
            (STEPS, pace.over(total))
        };
        Self {
            start_s: orders.start_s,
            way,
            gone,
            steps,
            halted,
            heading: orders.heading,
            stays: orders.stays,
        }
    }

    /// The same way gone in another manner: `gone` metres at each of `steps` steps a second from `start_s`.
    pub(super) fn paced(self, start_s: f32, steps: f32, gone: Vec<f32>) -> Self {
        Self {
            start_s,
            gone,
            steps,
            halted: Vec::new(),
            stays: false,
            ..self
        }
    }

    /// Length of the way, metres.
    pub(super) fn length(&self) -> f32 {
        self.way.last().map_or(0.0, |w| w.1)
    }

    /// Seconds after its start at which it stands at its first stop.
    pub(super) fn first_halt(&self) -> Option<f32> {
        self.halted.first().copied()
    }

    /// Scene time from which and until which it is there, seconds.
    pub(super) fn span(&self) -> (f32, f32) {
        let last = (self.gone.len() - 1) as f32 / self.steps;
        let until = if self.stays {
            f32::MAX
        } else {
            self.start_s + last
        };
        (self.start_s, until)
    }

    /// The pose at `t` seconds of the scene, or nothing before it comes and after it has left.
    pub(super) fn pose(&self, t: f32) -> Option<Pose> {
        let clock = t - self.start_s;
        if clock < 0.0 {
            return None;
        }
        let step = clock * self.steps;
        let last = self.gone.len() - 1;
        if step > last as f32 && !self.stays {
            return None;
        }
        let i = (step as usize).min(last);
        let next = (i + 1).min(last);
        let travelled =
            self.gone[i] + (self.gone[next] - self.gone[i]) * (step - i as f32).clamp(0.0, 1.0);
        let (at, heading) = self.place(travelled);
        Some(Pose {
            at,
            heading,
            speed: (self.gone[next] - self.gone[i]) * self.steps,
            travelled,
            clock,
            ..Pose::default()
        })
    }

    /// Point and direction after so many metres; the first stretch goes on backwards beyond the start.
    pub(super) fn place(&self, travelled: f32) -> (V2, f32) {
        let i = self
            .way
            .partition_point(|w| w.1 <= travelled)
            .clamp(1, self.way.len().max(2) - 1);
        let Some(&(b, gone_b)) = self.way.get(i) else {
            return (self.way[0].0, self.heading);
        };
        let (a, gone_a) = self.way[i - 1];
        let k = ((travelled - gone_a) / (gone_b - gone_a).max(1e-6)).min(1.0);
        let along = b - a;
        (a + along * k, along.y.atan2(along.x))
    }

    /// Metres along the way at which it passes nearest to `p`, and how far away that is.
    pub(super) fn nearest(&self, p: V2) -> (f32, f32) {
        let mut best = (0.0, (p - self.way[0].0).length());
        for pair in self.way.windows(2) {
            let ((a, gone), (b, _)) = (pair[0], pair[1]);
            let (along, length) = ((b - a).unit(), (b - a).length());
            let x = (p - a).dot(along).clamp(0.0, length);
            let off = (p - (a + along * x)).length();
            if off < best.1 {
                best = (gone + x, off);
            }
        }
        best
    }
}

/// The path with its corners rounded: points with the metres gone, and the metres gone at each waypoint.
fn rounded(path: &[V2], turn: f32) -> (Vec<(V2, f32)>, Vec<f32>) {
    let mut points = vec![path[0]];
    let mut nearest = vec![0];
    for i in 1..path.len() {
        let (a, b) = (path[i - 1], path[i]);
        let Some(&c) = path.get(i + 1) else {
            points.push(b);
            nearest.push(points.len() - 1);
            continue;
        };
        let reach = turn
            .min((b - a).length() * 0.45)
            .min((c - b).length() * 0.45);
        let (from, to) = (b - (b - a).unit() * reach, b + (c - b).unit() * reach);
        for k in 0..=8 {
            let t = k as f32 / 8.0;
            let (p, q) = (from + (b - from) * t, b + (to - b) * t);
            points.push(p + (q - p) * t);
        }
        nearest.push(points.len() - 5);
    }
    let mut gone = 0.0;
    let mut way = Vec::with_capacity(points.len());
    for (i, &p) in points.iter().enumerate() {
        if i > 0 {
            gone += (p - points[i - 1]).length();
        }
        way.push((p, gone));
    }
    let marks = nearest.iter().map(|&i| way[i].1).collect();
    (way, marks)
}

/// How a way is gone: places in metres along it, times in seconds after the start.
struct Pace<'a> {
    speed: f32,
    agility: f32,
    /// (from this place on, m/s).
    speeds: &'a [(f32, f32)],
    /// (place, seconds), in order.
    halts: &'a [(f32, f32)],
    /// (from, until) during which it stands wherever it is.
    holds: &'a [(f32, f32)],
}

impl Pace<'_> {
    /// Metres gone after each step over `total` metres, and when each halt was reached.
    fn over(&self, total: f32) -> (Vec<f32>, Vec<f32>) {
        let dt = 1.0 / STEPS;
        let (mut at, mut v, mut wait, mut next) = (0.0f32, self.speed, 0.0f32, 0);
        let (mut gone, mut halted) = (vec![0.0], Vec::new());
        while at < total {
            let clock = gone.len() as f32 * dt;
            let held = self.holds.iter().any(|h| (h.0..h.1).contains(&clock));
            if wait > 0.0 {
                wait -= dt;
            } else if held {
                v = (v - STOPS_SHORT * dt).max(0.0);
                at += v * dt;
            } else {
                let room = self.halts.get(next).map_or(f32::MAX, |h| h.0 - at);
                v = self
                    .wanted(at, v, dt)
                    .min((2.0 * self.agility * room.max(0.0)).sqrt().max(0.04));
                at += v * dt;
                if room <= v * dt + 0.01 {
                    halted.push(clock);
                    if self.halts[next].1 == f32::MAX {
                        gone.push(total);
                        break;
                    }
                    let place = self.halts[next].0.max(gone[gone.len() - 1]);
                    (at, v, wait) = (place, 0.0, self.halts[next].1);
                    next += 1;
                }
            }
            gone.push(at.min(total));
        }
        (gone, halted)
    }

    /// Speed one step later when nothing is in the way: up or down to what holds at this place.
    fn wanted(&self, at: f32, v: f32, dt: f32) -> f32 {
        let passed = self.speeds.partition_point(|s| s.0 <= at);
        let goal = if passed == 0 {
            self.speed
        } else {
            self.speeds[passed - 1].1
        };
        if v > goal {
            (v - self.agility * dt).max(goal)
        } else {
            (v + self.agility * dt).min(goal)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::space::v2;

    fn walk(stops: &[Stop], stays: bool) -> Motion {
        let path = [v2(0.0, 0.0), v2(10.0, 0.0), v2(10.0, 10.0)];
        Motion::new(&Orders {
            stops: stops.to_vec(),
            stays,
            ..Orders::new(Kind::Pedestrian, &path, 2.0, 1.25)
        })
    }

    #[test]
    fn a_new_speed_holds_from_its_waypoint_on() {
        let path = [v2(0.0, 0.0), v2(20.0, 0.0), v2(60.0, 0.0)];
        let m = Motion::new(&Orders {
            speeds: vec![(1, 4.0)],
            ..Orders::new(Kind::Pedestrian, &path, 0.0, 1.0)
        });
        assert!((m.pose(19.0).unwrap().speed - 1.0).abs() < 0.01);
        let after = m.pose(24.0).unwrap();
        assert!((after.speed - 4.0).abs() < 0.01, "{after:?}");
    }

    #[test]
    fn who_is_held_stands_and_then_goes_on() {
        let path = [v2(0.0, 0.0), v2(20.0, 0.0)];
        let m = Motion::new(&Orders {
            holds: vec![(6.0, 10.0)],
            ..Orders::new(Kind::Pedestrian, &path, 2.0, 1.2)
        });
        let at = |t: f32| m.pose(t).unwrap();
        assert!((at(5.9).speed - 1.2).abs() < 0.01);
        assert!(at(7.0).speed < 0.01 && at(9.9).speed < 0.01);
        assert!((at(12.0).speed - 1.2).abs() < 0.01);
    }

    #[test]
    fn metres_and_seconds_are_true() {
        let m = walk(&[], false);
        assert!(m.pose(1.9).is_none());
        let p = m.pose(2.0 + 4.0).unwrap();
        assert!(
            (p.at - v2(5.0, 0.0)).length() < 0.05 && (p.speed - 1.25).abs() < 0.01,
            "{p:?}"
        );
        assert!(m.pose(2.0 + 17.0).is_none(), "it has left");
    }

    #[test]
    fn a_stop_lasts_as_long_as_it_says() {
        let m = walk(
            &[Stop {
                at: 1,
                seconds: 6.0,
            }],
            false,
        );
        let standing = (0..3000)
            .filter(|i| m.pose(*i as f32 / 100.0).is_some_and(|p| p.speed < 0.01))
            .count();
        assert!(
            (580..660).contains(&standing),
            "{standing} hundredths of a second"
        );
        let p = m.pose(2.0 + 11.0).unwrap();
        assert!((p.at - v2(10.0, 0.0)).length() < 0.5, "{p:?}");
    }

    #[test]
    fn who_stays_stands_at_the_end() {
        let p = walk(&[], true).pose(500.0).unwrap();
        assert!(
            (p.at - v2(10.0, 10.0)).length() < 0.05 && p.speed < 0.01,
            "{p:?}"
        );
    }
}
