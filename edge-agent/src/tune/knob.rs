//! What of a rule can be turned: its numbers by their keys, the margin of its zone, and the scores of its camera.

use std::time::Duration;

use analytics::{
    geometry::{Point, Polygon},
    rule::{RuleKind, RuleSettings, RuleSpec},
    scene::SceneSettings,
};

/// Something that can be turned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Knob {
    /// A number of the rule.
    Number(&'static str),
    /// How far the sides of its zone lie outside of where they were drawn, as a share of the picture.
    Margin,
    /// The camera's min_score.
    MinScore,
}

/// What is turned.
#[derive(Clone, Debug)]
pub(super) struct Setting {
    pub(super) scene: SceneSettings,
    /// Place of the rule in the scene.
    pub(super) rule: usize,
    /// The camera's own.
    pub(super) min_score: f32,
}

impl Setting {
    pub(super) fn rule(&self) -> &RuleSettings {
        &self.scene.rules[self.rule]
    }
}

/// Values that people set, from which the search takes its own.
const SECONDS: [f64; 23] = [
    0.0, 0.2, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 10.0, 12.0, 15.0, 20.0, 30.0, 45.0,
    60.0, 90.0, 120.0, 300.0, 600.0,
];
const SHARES: [f64; 19] = [
    0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85,
    0.9, 0.95,
];
const HYSTERESES: [f64; 13] = [
    0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0, 1.5,
];
const DISTANCES: [f64; 11] = [0.0, 0.01, 0.02, 0.03, 0.05, 0.07, 0.1, 0.15, 0.2, 0.3, 0.5];
const DEGREES: [f64; 9] = [15.0, 30.0, 45.0, 60.0, 75.0, 90.0, 105.0, 120.0, 150.0];
const METRES_A_SECOND: [f64; 12] = [1.0, 1.5, 1.8, 2.0, 2.2, 2.4, 2.6, 2.8, 3.0, 3.5, 4.0, 5.0];
const WIDTHS_A_SECOND: [f64; 12] = [
    0.002, 0.004, 0.006, 0.01, 0.015, 0.02, 0.03, 0.04, 0.06, 0.1, 0.2, 0.4,
];
const MARGINS: [f64; 13] = [
    -0.12, -0.09, -0.06, -0.04, -0.02, -0.01, 0.0, 0.01, 0.02, 0.04, 0.06, 0.09, 0.12,
];
const SCORES: [f64; 12] = [
    LEAST_SCORE,
    0.15,
    0.2,
    0.25,
    0.3,
    0.35,
    0.4,
    0.45,
    0.5,
    0.55,
    0.6,
    0.7,
];

/// Detections below this are not kept where the camera's score is to be turned.
pub(super) const LEAST_SCORE: f64 = 0.1;

impl Knob {
    /// What of a rule can be turned. What says what an incident *is* stays: how many people are a crowd, which speed is
    /// allowed, which way is the right one. `camera`: what the camera's other rules go by, too.
    pub(super) fn of(rule: &RuleSettings, camera: bool) -> Vec<Knob> {
        let kind = rule.rule.kind();
        let mut knobs: Vec<Knob> = (crate::config::rule::keys(kind).numbers.iter())
            .filter(|number| ladder(kind, number.key).is_some())
            .filter(|number| number_of(&mut rule.clone(), number.key).is_some())
            .map(|number| Knob::Number(number.key))
            .collect();
        if zone_of(&rule.rule).is_some() {
            knobs.push(Knob::Margin);
        }
        if camera {
            knobs.push(Knob::MinScore);
        }
        knobs
    }

    /// What people call it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Knob::Number(key) => key,
            Knob::Margin => "zone margin",
            Knob::MinScore => "camera min_score",
        }
    }

    /// What it can be turned to, in order, with the value that it has.
    pub(super) fn values(self, at: &Setting) -> Vec<f64> {
        let kind = at.rule().rule.kind();
        let ladder: &[f64] = match self {
            Knob::Number(key) => ladder(kind, key).unwrap_or_default(),
            Knob::Margin => &MARGINS,
            Knob::MinScore => &SCORES,
        };
        let now = self.value(at);
        let mut values: Vec<f64> = ladder.to_vec();
        if let Knob::Number(key) = self {
            let keys = crate::config::rule::keys(kind).numbers;
            let allowed = keys.into_iter().find(|number| number.key == key);
            values.retain(|value| allowed.as_ref().is_none_or(|n| n.allowed.contains(value)));
        }
        values.retain(|value| (value - now).abs() > 1e-6);
        values.push(now);
        values.sort_by(f64::total_cmp);
        values
    }

    /// What it is turned to.
    pub(super) fn value(self, at: &Setting) -> f64 {
        match self {
            Knob::Number(key) => {
                number_of(&mut at.rule().clone(), key).map_or(0.0, |number| number.value())
            }
            Knob::Margin => 0.0,
            Knob::MinScore => rounded(at.min_score),
        }
    }

    /// Turns it; what makes no sense together with the rest (a zone that is gone, shares that cross) is refused.
    pub(super) fn turn(self, at: &mut Setting, value: f64) -> Result<(), ()> {
        match self {
            Knob::Number(key) => {
                let rule = &mut at.scene.rules[at.rule];
                number_of(rule, key).ok_or(())?.set(value);
                match &rule.rule {
                    RuleSpec::Look(look) if look.end_share >= look.min_share => Err(()),
                    _ => Ok(()),
                }
            }
            Knob::Margin => {
                let name = zone_of(&at.rule().rule).ok_or(())?.to_owned();
                let zone = at.scene.zones.iter_mut().find(|(id, _)| *id == name);
                let (_, polygon) = zone.ok_or(())?;
                *polygon = widened(polygon, value as f32).ok_or(())?;
                Ok(())
            }
            Knob::MinScore => {
                at.min_score = value as f32;
                Ok(())
            }
        }
    }
}

/// The zone that a rule looks into.
pub(super) fn zone_of(rule: &RuleSpec) -> Option<&str> {
    match rule {
        RuleSpec::Intrusion { zone, .. }
        | RuleSpec::Loitering { zone, .. }
        | RuleSpec::Crowd { zone, .. }
        | RuleSpec::Congestion { zone, .. }
        | RuleSpec::WrongWay { zone, .. }
        | RuleSpec::StoppedVehicle { zone, .. }
        | RuleSpec::Occupancy { zone, .. }
        | RuleSpec::Gathering { zone, .. }
        | RuleSpec::Dispersal { zone, .. }
        | RuleSpec::AbandonedObject { zone, .. }
        | RuleSpec::RemovedObject { zone, .. } => Some(zone),
        RuleSpec::Speeding { zone, .. }
        | RuleSpec::Running { zone, .. }
        | RuleSpec::Fall { zone, .. }
        | RuleSpec::FireSmoke { zone, .. } => zone.as_deref(),
        RuleSpec::Look(look) => look.zone.as_deref(),
        RuleSpec::LineCrossing { .. }
        | RuleSpec::Counting { .. }
        | RuleSpec::Tamper { .. }
        | RuleSpec::Custom { .. }
        | RuleSpec::Sequence { .. } => None,
    }
}

fn ladder(kind: RuleKind, key: &str) -> Option<&'static [f64]> {
    match (kind, key) {
        // What is asked of the two rules is theirs.
        (RuleKind::Sequence, "within_seconds") => None,
        (_, "min_seconds" | "within_seconds") => Some(&SECONDS),
        (_, "min_score" | "min_share" | "end_share") => Some(&SHARES),
        (_, "hysteresis") => Some(&HYSTERESES),
        (_, "min_distance" | "min_displacement") => Some(&DISTANCES),
        (_, "tolerance_degrees") => Some(&DEGREES),
        (_, "min_speed_mps") => Some(&METRES_A_SECOND),
        (_, "max_speed") => Some(&WIDTHS_A_SECOND),
        _ => None,
    }
}

/// A number of a rule, where it stands.
enum Number<'r> {
    Seconds(&'r mut Duration),
    Plain(&'r mut f32),
}

impl Number<'_> {
    fn value(&self) -> f64 {
        match self {
            Number::Seconds(time) => time.as_secs_f64(),
            Number::Plain(number) => rounded(**number),
        }
    }

    fn set(self, value: f64) {
        match self {
            Number::Seconds(time) => *time = Duration::from_secs_f64(value),
            Number::Plain(number) => *number = value as f32,
        }
    }
}

/// As somebody would have typed it: single precision keeps seven digits.
fn rounded(number: f32) -> f64 {
    (f64::from(number) * 1e6).round() / 1e6
}

fn number_of<'r>(rule: &'r mut RuleSettings, key: &str) -> Option<Number<'r>> {
    if key == "min_displacement" {
        return Some(Number::Plain(&mut rule.life.min_displacement));
    }
    match (&mut rule.rule, key) {
        (
            RuleSpec::Intrusion { min_duration, .. }
            | RuleSpec::Loitering { min_duration, .. }
            | RuleSpec::Crowd { min_duration, .. }
            | RuleSpec::Congestion { min_duration, .. }
            | RuleSpec::StoppedVehicle { min_duration, .. }
            | RuleSpec::Running { min_duration, .. }
            | RuleSpec::Fall { min_duration, .. }
            | RuleSpec::Occupancy { min_duration, .. }
            | RuleSpec::Gathering { min_duration, .. }
            | RuleSpec::AbandonedObject { min_duration, .. }
            | RuleSpec::RemovedObject { min_duration, .. }
            | RuleSpec::FireSmoke { min_duration, .. }
            | RuleSpec::Custom { min_duration, .. },
            "min_seconds",
        ) => Some(Number::Seconds(min_duration)),
        (RuleSpec::Dispersal { within, .. }, "within_seconds") => Some(Number::Seconds(within)),
        (RuleSpec::LineCrossing { hysteresis, .. }, "hysteresis") => {
            Some(Number::Plain(hysteresis))
        }
        (RuleSpec::Congestion { max_speed, .. }, "max_speed") => Some(Number::Plain(max_speed)),
        (RuleSpec::Running { min_speed, .. }, "min_speed_mps") => Some(Number::Plain(min_speed)),
        (
            RuleSpec::WrongWay {
                tolerance_degrees, ..
            },
            "tolerance_degrees",
        ) => Some(Number::Plain(tolerance_degrees)),
        (RuleSpec::WrongWay { min_distance, .. }, "min_distance") => {
            Some(Number::Plain(min_distance))
        }
        (RuleSpec::Look(look), "within_seconds") => Some(Number::Seconds(&mut look.within)),
        (RuleSpec::Look(look), "min_score") => Some(Number::Plain(&mut look.min_score)),
        (RuleSpec::Look(look), "min_share") => Some(Number::Plain(&mut look.min_share)),
        (RuleSpec::Look(look), "end_share") => Some(Number::Plain(&mut look.end_share)),
        _ => None,
    }
}

/// The polygon with each side moved outwards (inwards where `by` is negative) along its normal; what leaves the picture is cut
/// off at its edge. Nothing where no simple polygon is left. Lengths are shares of the picture, on both axes alike.
pub(super) fn widened(polygon: &Polygon, by: f32) -> Option<Polygon> {
    let vertices = polygon.vertices();
    let count = vertices.len();
    // Twice the area, positive where the vertices go round with the clock on a picture.
    let area: f32 = (0..count)
        .map(|i| {
            let (a, b) = (vertices[i], vertices[(i + 1) % count]);
            a.x * b.y - b.x * a.y
        })
        .sum();
    let out = by * area.signum();
    let side = |i: usize| {
        let (a, b) = (vertices[i % count], vertices[(i + 1) % count]);
        let (dx, dy) = (b.x - a.x, b.y - a.y);
        let length = dx.hypot(dy);
        (dx / length, dy / length)
    };
    let moved = (0..count).map(|i| {
        let (before, after) = (side(i + count - 1), side(i));
        // The corner goes along the bisector, so far that both sides move by the same: not farther than thrice that at a spike.
        let (nx, ny) = ((before.1 + after.1) / 2.0, -(before.0 + after.0) / 2.0);
        let square = (nx * nx + ny * ny).max(1.0 / 9.0);
        Point {
            x: (vertices[i].x + nx / square * out).clamp(0.0, 1.0),
            y: (vertices[i].y + ny / square * out).clamp(0.0, 1.0),
        }
    });
    let moved: Vec<Point> = moved.collect();
    let turned = (0..count).any(|i| {
        let (a, b) = (moved[i], moved[(i + 1) % count]);
        let (dx, dy) = side(i);
        (b.x - a.x) * dx + (b.y - a.y) * dy <= 0.0
    });
    if turned {
        return None;
    }
    Polygon::new(moved).ok()
}

#[cfg(test)]
#[path = "knob_tests.rs"]
mod tests;
