//! What really happens in a scene, worked out from the actors' exact outlines and not from any picture.
//!
//! An object stands at its foot point, the middle of its box's lower edge. Meaning of the rules:
//! - `line_crossing`: the foot point passes the segment; it counts once, until the object has clearly left the line
//!   (`CLEAR` away from it, on either side).
//! - `intrusion`: inside the zone for `min_seconds`; starts at entry, ends at leaving.
//! - `loitering`: inside for longer than `min_seconds`; starts when the time is up, ends at leaving.
//!
//! A visit goes on over a gap shorter than `GAP_S`: a stride must not end it.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::actor::Class;
use crate::draw::Bounds;
use crate::scene::Scene;
use crate::scene::rules::{Direction, Line, Rule, RuleKind};
use crate::space::{Size, V2, inside, v2};

/// Distance from a line at which an object has clearly left it, parts of the picture.
const CLEAR: f32 = 0.008;
/// Seconds outside a zone that do not end a visit.
const GAP_S: f32 = 0.4;
/// Less than this many pixels of an object's width or height in the picture is not there.
const LEAST_PX: f32 = 4.0;

/// The truth about one scene.
#[derive(Clone, Debug)]
pub struct Truth {
    pub duration_s: f32,
    pub rules: Vec<Rule>,
    /// In order of `start_s`.
    pub incidents: Vec<TruthIncident>,
}

/// Something that a rule must report.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TruthIncident {
    pub rule: String,
    #[serde(skip)]
    pub kind: RuleKind,
    /// Media time, seconds.
    pub start_s: f32,
    pub end_s: f32,
    /// Who did it.
    pub note: String,
}

/// One object in one picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Presence {
    pub track: u32,
    pub class: Class,
    /// Index into `Scene::actors`.
    pub actor: usize,
    /// Tight around the object, cut to the picture, pixels.
    pub bounds: Bounds,
}

/// Track number of the `part`th object of an actor: the same in every picture.
pub fn track(actor: usize, part: usize) -> u32 {
    actor as u32 * 2 + part as u32 + 1
}

/// All objects in picture `frame`, hidden ones too.
pub fn presences(scene: &Scene, frame: usize) -> Vec<Presence> {
    let view = scene.view();
    let mut out = Vec::new();
    for (actor, posed) in scene.posed(scene.time(frame)) {
        for (part, (class, sketch)) in posed.sketches(&view).into_iter().enumerate() {
            let large = |b: &Bounds| b.right - b.left >= LEAST_PX && b.bottom - b.top >= LEAST_PX;
            out.extend(sketch.shown().filter(large).map(|bounds| Presence {
                track: track(actor, part),
                class,
                actor,
                bounds,
            }));
        }
    }
    out
}

/// Foot point of a box in parts of the picture.
pub fn foot(bounds: &Bounds, size: Size) -> V2 {
    v2(
        (bounds.left + bounds.right) / 2.0 / size.width as f32,
        bounds.bottom / size.height as f32,
    )
}

/// One object's way through the picture.
#[derive(Clone, Debug)]
pub struct Trail {
    pub class: Class,
    pub actor: usize,
    /// (seconds, foot point), one a picture in which it shows.
    pub feet: Vec<(f32, V2)>,
}

/// The truth about `scene`.
pub fn of(scene: &Scene) -> Truth {
    let mut trails: BTreeMap<u32, Trail> = BTreeMap::new();
    for frame in 0..scene.frames() {
        for p in presences(scene, frame) {
            let trail = trails.entry(p.track).or_insert_with(|| Trail {
                class: p.class,
                actor: p.actor,
                feet: Vec::new(),
            });
            trail
                .feet
                .push((scene.time(frame), foot(&p.bounds, scene.size)));
        }
    }
    let mut incidents = Vec::new();
    for rule in &scene.rules {
        for trail in trails.values().filter(|t| rule.classes.contains(&t.class)) {
            let note = &scene.actors[trail.actor].name;
            incidents.extend(
                spans(scene, rule, trail)
                    .into_iter()
                    .map(|(start_s, end_s)| TruthIncident {
                        rule: rule.id.clone(),
                        kind: rule.kind,
                        start_s,
                        end_s,
                        note: note.clone(),
                    }),
            );
        }
    }
    incidents.sort_by(|a, b| {
        a.start_s
            .total_cmp(&b.start_s)
            .then_with(|| a.rule.cmp(&b.rule))
    });
    Truth {
        duration_s: scene.duration_s,
        rules: scene.rules.clone(),
        incidents,
    }
}

/// When `trail` breaks `rule`: (start, end) in seconds.
fn spans(scene: &Scene, rule: &Rule, trail: &Trail) -> Vec<(f32, f32)> {
    if rule.kind == RuleKind::LineCrossing {
        let Some(line) = scene
            .lines
            .iter()
            .find(|l| Some(&l.id) == rule.line.as_ref())
        else {
            return Vec::new();
        };
        return crossings(line, rule.direction.unwrap_or(Direction::Any), &trail.feet)
            .into_iter()
            .map(|t| (t, t))
            .collect();
    }
    let Some(zone) = scene
        .zones
        .iter()
        .find(|z| Some(&z.id) == rule.zone.as_ref())
    else {
        return Vec::new();
    };
    let polygon: Vec<V2> = zone.polygon.iter().map(|&p| V2::from(p)).collect();
    let least = rule.min_seconds();
    let long = visits(&polygon, &trail.feet)
        .into_iter()
        .filter(|(from, to)| to - from >= least);
    if rule.kind == RuleKind::Loitering {
        long.map(|(from, to)| (from + least, to)).collect()
    } else {
        long.collect()
    }
}

/// Times at which the foot point goes clearly from one side of the segment to the other through it.
pub fn crossings(line: &Line, direction: Direction, feet: &[(f32, V2)]) -> Vec<f32> {
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

/// (entry, leaving) of each visit to the polygon, seconds.
pub fn visits(polygon: &[V2], feet: &[(f32, V2)]) -> Vec<(f32, f32)> {
    let mut out: Vec<(f32, f32)> = Vec::new();
    for &(t, _) in feet.iter().filter(|(_, p)| inside(polygon, *p)) {
        match out.last_mut() {
            Some(last) if t - last.1 < GAP_S => last.1 = t,
            _ => out.push((t, t)),
        }
    }
    out
}
