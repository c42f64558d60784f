//! Line crossings: the foot point passes the segment; it counts once, until the object has clearly left the line.

use super::{TruthIncident, Watch};
use crate::scene::rules::{Direction, Line, RuleKind};
use crate::space::V2;

/// Distance from a line at which an object has clearly left it, parts of the picture.
const CLEAR: f32 = 0.008;

/// Crossings of all such rules.
pub(super) fn incidents(watch: &Watch<'_>) -> Vec<TruthIncident> {
    let mut out = Vec::new();
    for rule in watch.rules(RuleKind::LineCrossing) {
        let lines = &watch.scene.lines;
        let Some(line) = lines.iter().find(|l| Some(&l.id) == rule.line.as_ref()) else {
            continue;
        };
        let direction = rule.direction.unwrap_or(Direction::Any);
        for trail in watch.trails(rule) {
            let feet: Vec<(f32, V2)> = trail.steps.iter().map(|s| (s.t, s.foot)).collect();
            let times = crossings(line, direction, &feet);
            out.extend(times.into_iter().map(|t| watch.by(rule, trail, t, t)));
        }
    }
    out
}

/// Times at which the foot point goes clearly from one side of the segment to the other through it.
fn crossings(line: &Line, direction: Direction, feet: &[(f32, V2)]) -> Vec<f32> {
    let (from, to) = (V2::from(line.from), V2::from(line.to));
    // Above nought on the right hand of someone walking from -> to (picture axes).
    let side = |p: V2| (to - from).unit().cross(p - from);
    let mut out = Vec::new();
    let mut stood: Option<f32> = None;
    let mut met: Option<f32> = None;
    for (i, &(t, p)) in feet.iter().enumerate() {
        let here = side(p);
        if i > 0 {
            let (before, q) = feet[i - 1];
            let there = side(q);
            if (there < 0.0) != (here < 0.0) {
                let k = there / (there - here);
                let along = (q + (p - q) * k - from).dot((to - from).unit());
                if (0.0..=(to - from).length()).contains(&along) {
                    met.get_or_insert(before + (t - before) * k);
                }
            }
        }
        if here.abs() < CLEAR {
            continue;
        }
        let wanted = match direction {
            Direction::Forward => here > 0.0,
            Direction::Backward => here < 0.0,
            Direction::Any => true,
        };
        if stood.is_some_and(|s| s * here < 0.0) && wanted {
            out.extend(met);
        }
        (stood, met) = (Some(here), None);
    }
    out
}
