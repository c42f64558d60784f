//! Where an actor is at any moment: along rounded corners, slowing down for its stops and speeding up after them.

use crate::actor::{Kind, Pose};
use crate::space::V2;

/// Steps a second in which a way is worked out once and for all.
const STEPS: f32 = 60.0;

/// A stop on the way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stop {
    /// Index of the waypoint.
    pub(super) at: usize,
    pub(super) seconds: f32,
}

/// What an actor does, worked out.
#[derive(Clone, Debug)]
pub(super) struct Motion {
    start_s: f32,
    /// Corners of the rounded way and the metres gone at each.
    way: Vec<(V2, f32)>,
    /// Metres gone after each step.
    gone: Vec<f32>,
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
        Kind::Pedestrian | Kind::Bag => 0.6,
        Kind::Cyclist | Kind::Motorcyclist => 3.0,
        Kind::Bus | Kind::Truck => 9.0,
        Kind::Car | Kind::Van => 6.0,
    }
}

impl Motion {
    /// A way along `path` (at least one point) from `start_s` at `speed` m/s with `stops`; an actor that `stays`
    /// stands at the end of its way, others leave.
    pub(super) fn new(
        kind: Kind,
        path: &[V2],
        start_s: f32,
        speed: f32,
        stops: &[Stop],
        heading: f32,
        stays: bool,
    ) -> Self {
        let (way, marks) = rounded(path, turning(kind));
        let total = way.last().map_or(0.0, |w| w.1);
        let mut halts: Vec<(f32, f32)> = stops
            .iter()
            .map(|s| (marks[s.at.min(marks.len() - 1)], s.seconds))
            .collect();
        if stays && total > 0.0 {
            halts.push((total, f32::MAX));
        }
        halts.sort_by(|a, b| a.0.total_cmp(&b.0));
        Self {
            start_s,
            gone: paced(total, speed, agility(kind), &halts),
            way,
            heading,
            stays,
        }
    }

    /// The pose at `t` seconds of the scene, or nothing before it comes and after it has left.
    pub(super) fn pose(&self, t: f32) -> Option<Pose> {
        let clock = t - self.start_s;
        if clock < 0.0 {
            return None;
        }
        let step = clock * STEPS;
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
            speed: (self.gone[next] - self.gone[i]) * STEPS,
            travelled,
            clock,
        })
    }

    fn place(&self, travelled: f32) -> (V2, f32) {
        let i = self
            .way
            .partition_point(|w| w.1 <= travelled)
            .clamp(1, self.way.len().max(2) - 1);
        let Some(&(b, gone_b)) = self.way.get(i) else {
            return (self.way[0].0, self.heading);
        };
        let (a, gone_a) = self.way[i - 1];
        let k = ((travelled - gone_a) / (gone_b - gone_a).max(1e-6)).clamp(0.0, 1.0);
        let along = b - a;
        (a + along * k, along.y.atan2(along.x))
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

/// Metres gone after each step, slowing down so as to stand at every halt for its seconds.
fn paced(total: f32, speed: f32, agility: f32, halts: &[(f32, f32)]) -> Vec<f32> {
    let dt = 1.0 / STEPS;
    let (mut at, mut v, mut wait, mut next) = (0.0f32, speed, 0.0f32, 0);
    let mut gone = vec![0.0];
    while at < total {
        if wait > 0.0 {
            wait -= dt;
        } else {
            let room = halts.get(next).map_or(f32::MAX, |h| h.0 - at);
            v = (v + agility * dt)
                .min(speed)
                .min((2.0 * agility * room.max(0.0)).sqrt().max(0.04));
            at += v * dt;
            if room <= v * dt + 0.01 {
                if halts[next].1 == f32::MAX {
                    gone.push(total);
                    break;
                }
                (at, v, wait) = (halts[next].0.max(gone[gone.len() - 1]), 0.0, halts[next].1);
                next += 1;
            }
        }
        gone.push(at.min(total));
    }
    gone
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::space::v2;

    fn walk(stops: &[Stop], stays: bool) -> Motion {
        Motion::new(
            Kind::Pedestrian,
            &[v2(0.0, 0.0), v2(10.0, 0.0), v2(10.0, 10.0)],
            2.0,
            1.25,
            stops,
            0.0,
            stays,
        )
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
