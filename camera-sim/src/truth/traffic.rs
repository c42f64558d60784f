//! What vehicles do that they should not: stop, go the wrong way, speed, jam.
//!
//! Speeds come from the scene in m/s, ways and directions from the picture, as the rules have them.

use super::{Step, Trail, TruthIncident, Watch, merged};
use crate::scene::rules::{Rule, RuleKind};
use crate::space::{Size, V2, v2};

/// m/s below which a vehicle stands, and above which it has moved.
const STANDS: f32 = 0.15;
const MOVED: f32 = 0.5;
/// Seconds within the limit that do not end a speeding.
const BREATH_S: f32 = 1.0;
/// Seconds over which a speed in the picture is taken.
const WINDOW_S: f32 = 1.0;
/// Seconds for which free traffic does not end a jam.
const LULL_S: f32 = 2.0;
/// Seconds that a jam lasts at least.
const JAM_S: f32 = 1.0;

/// Incidents of all such rules.
pub(super) fn incidents(watch: &Watch<'_>) -> Vec<TruthIncident> {
    let mut out = Vec::new();
    for rule in watch.rules(RuleKind::StoppedVehicle) {
        let spans = |trail: &Trail| stops(watch, rule, trail);
        out.extend(watch.each(rule, &spans));
    }
    for rule in watch.rules(RuleKind::WrongWay) {
        let spans = |trail: &Trail| against(watch, rule, trail);
        out.extend(watch.each(rule, &spans));
    }
    for rule in watch.rules(RuleKind::Speeding) {
        let limit = rule.limit_kmh.unwrap_or(f32::MAX) / 3.6;
        let spans = |trail: &Trail| {
            let fast = watch.while_in(rule, trail, &|s| s.speed > limit);
            merged(fast, BREATH_S)
        };
        out.extend(watch.each(rule, &spans));
    }
    for rule in watch.rules(RuleKind::Congestion) {
        out.extend(jams(watch, rule));
    }
    out
}

/// From when `min_seconds` of standing in the zone are up until it moves on, for a vehicle that has moved before.
fn stops(watch: &Watch<'_>, rule: &Rule, trail: &Trail) -> Vec<(f32, f32)> {
    let Some(moved) = trail.steps.iter().find(|s| s.speed > MOVED).map(|s| s.t) else {
        return Vec::new();
    };
    let stands = watch.while_in(rule, trail, &|s| s.speed < STANDS && s.t > moved);
    let least = rule.min_seconds();
    let long = stands.into_iter().filter(|(from, to)| to - from >= least);
    long.map(|(from, to)| (from + least, to)).collect()
}

/// Visits in which it goes `min_distance` in a direction that differs too much from the one that is allowed.
fn against(watch: &Watch<'_>, rule: &Rule, trail: &Trail) -> Vec<(f32, f32)> {
    let allowed = V2::from_angle(rule.direction_degrees.unwrap_or(0.0).to_radians());
    let least = rule.min_distance.unwrap_or(0.0);
    let tolerance = rule.tolerance_degrees.unwrap_or(90.0);
    let visits = watch.visits(rule, trail).into_iter();
    visits
        .filter(|(from, to)| {
            let inside = trail.steps.iter().filter(|s| (*from..=*to).contains(&s.t));
            let mut feet: Vec<V2> = Vec::new();
            for foot in inside.map(|s| s.foot) {
                if feet
                    .last()
                    .is_none_or(|f| (foot - *f).length() > least / 6.0)
                {
                    feet.push(foot);
                }
            }
            let wrong = |a: V2, b: V2| {
                let way = b - a;
                way.length() >= least
                    && angle(in_widths(way, watch.scene.size), allowed) > tolerance
            };
            (1..feet.len()).any(|j| (0..j).any(|i| wrong(feet[i], feet[j])))
        })
        .collect()
}

/// A way in the picture in widths of the picture, so that angles are what they look like.
fn in_widths(way: V2, size: Size) -> V2 {
    v2(way.x, way.y * size.height as f32 / size.width as f32)
}

/// Degrees between two directions, 0 to 180.
fn angle(a: V2, b: V2) -> f32 {
    a.cross(b).atan2(a.dot(b)).to_degrees().abs()
}

/// When at least `min_count` vehicles in the zone are slower than `max_speed`; others may pass them in another lane.
fn jams(watch: &Watch<'_>, rule: &Rule) -> Vec<TruthIncident> {
    let size = watch.scene.size;
    let (count, most) = (rule.min_count.unwrap_or(1), rule.max_speed.unwrap_or(0.0));
    let mut slow = vec![0usize; watch.scene.frames()];
    for trail in watch.trails(rule) {
        let visits = watch.visits(rule, trail);
        let mut behind = 0;
        for (i, step) in trail.steps.iter().enumerate() {
            while step.t - trail.steps[behind].t > WINDOW_S {
                behind += 1;
            }
            let there = visits.iter().any(|v| (v.0..=v.1).contains(&step.t));
            if there && pace(&trail.steps[behind..=i], size) < most {
                slow[watch.frame(step.t)] += 1;
            }
        }
    }
    let jammed = slow.iter().enumerate().filter(|(_, n)| **n >= count.max(1));
    let moments = jammed.map(|(frame, _)| (watch.scene.time(frame), watch.scene.time(frame)));
    let spans = merged(moments.collect(), LULL_S);
    let least = rule.min_seconds();
    let long = spans
        .into_iter()
        .filter(|(from, to)| to - from >= least.max(JAM_S));
    long.map(|(from, to)| watch.incident(rule, from + least, to, format!("{count} or more")))
        .collect()
}

/// Widths of the picture a second over some steps.
fn pace(steps: &[Step], size: Size) -> f32 {
    let (first, last) = (&steps[0], &steps[steps.len() - 1]);
    let seconds = last.t - first.t;
    if seconds < WINDOW_S / 2.0 {
        // Too short a look to call anything slow.
        return f32::MAX;
    }
    in_widths(last.foot - first.foot, size).length() / seconds
}
