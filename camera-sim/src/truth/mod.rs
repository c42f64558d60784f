//! What really happens in a scene, worked out from its script and its actors' exact outlines, never from a picture and
//! never by the code that analyses pictures.
//!
//! An object stands at its foot point, the middle of its box's lower edge. Each family of rules has a file of its own
//! with one function that returns its incidents; `FAMILIES` lists them. A visit goes on over a gap shorter than
//! `GAP_S`: a stride must not end it.

mod body;
mod group;
mod line;
mod object;
mod staged;
mod traffic;
mod zone;

use std::collections::BTreeMap;

use serde::Serialize;

use crate::actor::{Class, Kind};
use crate::draw::Bounds;
use crate::scene::Scene;
use crate::scene::rules::{Rule, RuleKind};
use crate::space::{Size, V2, inside, v2};

/// Seconds outside a zone that do not end a visit.
const GAP_S: f32 = 0.4;
/// Less than this many pixels of an object's width or height in the picture is not there.
const LEAST_PX: f32 = 4.0;

/// Incidents of a scene by the rules of one family.
type Family = fn(&Watch<'_>) -> Vec<TruthIncident>;

const FAMILIES: [Family; 7] = [
    line::incidents,
    zone::incidents,
    group::incidents,
    traffic::incidents,
    object::incidents,
    body::incidents,
    staged::incidents,
];

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
    /// Where its actor is, metres.
    pub at: V2,
    /// m/s over the ground.
    pub speed: f32,
}

/// Track number of the `part`th object of an actor: the same in every picture.
pub fn track(actor: usize, part: usize) -> u32 {
    actor as u32 * 2 + part as u32 + 1
}

/// Which of its actor's objects an object of `class` is, for `track`. `actor` counts on into the fires.
pub fn part(scene: &Scene, actor: usize, class: Class) -> usize {
    match scene.actors.get(actor) {
        // Who has fallen is the person they were.
        Some(a) => (a.kind.classes().iter().position(|c| *c == class)).unwrap_or(0),
        None => usize::from(class == Class::Smoke),
    }
}

/// All objects in picture `frame`, hidden ones too.
pub fn presences(scene: &Scene, frame: usize) -> Vec<Presence> {
    presences_of(scene, frame, &|_| true)
}

/// As `presences`, of some kinds of actors only.
fn presences_of(scene: &Scene, frame: usize, wanted: &dyn Fn(Kind) -> bool) -> Vec<Presence> {
    let view = scene.view();
    let large = |b: &Bounds| b.right - b.left >= LEAST_PX && b.bottom - b.top >= LEAST_PX;
    let mut out = Vec::new();
    let there = scene.posed(scene.time(frame)).into_iter();
    for (actor, posed) in there.filter(|(_, p)| wanted(p.kind)) {
        let objects = posed.sketches(&view).into_iter();
        let objects = objects.filter_map(|(class, sketch)| class.map(|c| (c, sketch)));
        for (part, (class, sketch)) in objects.enumerate() {
            out.extend(sketch.shown().filter(large).map(|bounds| Presence {
                track: track(actor, part),
                class,
                actor,
                bounds,
                at: posed.pose.at,
                speed: posed.pose.speed,
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

/// One object in one picture, as far as rules ask.
#[derive(Clone, Copy, Debug)]
struct Step {
    /// Media time, seconds.
    t: f32,
    /// Foot point in parts of the picture.
    foot: V2,
    /// Metres.
    at: V2,
    /// m/s over the ground.
    speed: f32,
}

/// One object's way through the picture.
#[derive(Clone, Debug)]
struct Trail {
    /// What it is when it does not lie on the ground.
    class: Class,
    actor: usize,
    /// One a picture in which it shows.
    steps: Vec<Step>,
}

/// A scene under watch: its rules, and everything that moves through its picture.
struct Watch<'s> {
    scene: &'s Scene,
    trails: BTreeMap<u32, Trail>,
}

/// The truth about `scene`.
pub fn of(scene: &Scene) -> Truth {
    let mut incidents = Vec::new();
    if !scene.rules.is_empty() {
        let watch = Watch::over(scene);
        incidents.extend(FAMILIES.iter().flat_map(|family| family(&watch)));
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

impl<'s> Watch<'s> {
    fn over(scene: &'s Scene) -> Self {
        let asked: Vec<Class> = scene
            .rules
            .iter()
            .flat_map(Rule::classes)
            .copied()
            .collect();
        let person = asked.contains(&Class::Fallen);
        let wanted = |kind: Kind| {
            let asked = |c: &Class| asked.contains(c) || person && *c == Class::Person;
            kind.classes().iter().any(asked)
        };
        let mut trails: BTreeMap<u32, Trail> = BTreeMap::new();
        for frame in 0..scene.frames() {
            for p in presences_of(scene, frame, &wanted) {
                let class = if p.class == Class::Fallen {
                    Class::Person
                } else {
                    p.class
                };
                let trail = trails.entry(p.track).or_insert_with(|| Trail {
                    class,
                    actor: p.actor,
                    steps: Vec::new(),
                });
                trail.steps.push(Step {
                    t: scene.time(frame),
                    foot: foot(&p.bounds, scene.size),
                    at: p.at,
                    speed: p.speed,
                });
            }
        }
        Self { scene, trails }
    }

    fn rules(&self, kind: RuleKind) -> impl Iterator<Item = &'s Rule> + use<'s> {
        self.scene.rules.iter().filter(move |r| r.kind == kind)
    }

    /// Everything of the classes that `rule` is about; a fall is a person's, whichever of the two names it uses.
    fn trails<'w>(&'w self, rule: &'w Rule) -> impl Iterator<Item = &'w Trail> {
        let falls = rule.kind == RuleKind::Fall && rule.classes().contains(&Class::Fallen);
        let about = move |t: &&Trail| {
            rule.classes().contains(&t.class) || falls && t.class == Class::Person
        };
        self.trails.values().filter(about)
    }

    /// One incident for each of the (from, to) that `spans` finds for an object.
    fn each(&self, rule: &Rule, spans: &dyn Fn(&Trail) -> Vec<(f32, f32)>) -> Vec<TruthIncident> {
        let of_one = |trail| {
            let spans = spans(trail).into_iter();
            spans.map(move |(from, to)| self.by(rule, trail, from, to))
        };
        self.trails(rule).flat_map(of_one).collect()
    }

    /// (entry, leaving) of each visit to the rule's zone, or to the picture where it names none; seconds.
    fn visits(&self, rule: &Rule, trail: &Trail) -> Vec<(f32, f32)> {
        self.while_in(rule, trail, &|_| true)
    }

    /// Times (from, to) at which an object is in the rule's zone and does what `does` asks.
    fn while_in(
        &self,
        rule: &Rule,
        trail: &Trail,
        does: &dyn Fn(&Step) -> bool,
    ) -> Vec<(f32, f32)> {
        let named = |z: &&crate::scene::rules::Zone| Some(&z.id) == rule.zone.as_ref();
        let zone: Option<Vec<V2>> = (self.scene.zones.iter().find(named))
            .map(|z| z.polygon.iter().map(|&p| V2::from(p)).collect());
        let there = |s: &&Step| zone.as_ref().is_none_or(|z| inside(z, s.foot)) && does(s);
        let moments = trail.steps.iter().filter(there).map(|s| (s.t, s.t));
        merged(moments.collect(), GAP_S)
    }

    /// Number of the picture at `t` seconds.
    fn frame(&self, t: f32) -> usize {
        (t * self.scene.fps).round() as usize
    }

    fn incident(&self, rule: &Rule, start_s: f32, end_s: f32, note: String) -> TruthIncident {
        TruthIncident {
            rule: rule.id.clone(),
            kind: rule.kind,
            start_s,
            end_s,
            note,
        }
    }

    /// An incident that one object is the cause of.
    fn by(&self, rule: &Rule, trail: &Trail, start_s: f32, end_s: f32) -> TruthIncident {
        let name = self.scene.actors[trail.actor].name.clone();
        self.incident(rule, start_s, end_s, name)
    }
}

/// Spans in order of time, those that are less than `gap` seconds apart made one.
fn merged(mut spans: Vec<(f32, f32)>, gap: f32) -> Vec<(f32, f32)> {
    spans.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut out: Vec<(f32, f32)> = Vec::new();
    for (from, to) in spans {
        match out.last_mut() {
            Some(last) if from - last.1 < gap => last.1 = last.1.max(to),
            _ => out.push((from, to)),
        }
    }
    out
}
