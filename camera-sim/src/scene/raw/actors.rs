//! Actors as they are typed, and what can be wrong with one of them by itself.

use serde::Deserialize;

use crate::actor::Kind;
use crate::draw::person::Carried;
use crate::draw::vehicle::Body;
use crate::space::V2;

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::scene) struct RawActor {
    pub name: String,
    pub kind: Kind,
    #[serde(default)]
    pub start_s: f32,
    /// m/s; the kind's usual speed where it is missing.
    pub speed: Option<f32>,
    #[serde(default)]
    pub path: Vec<V2>,
    #[serde(default)]
    pub speeds: Vec<RawSpeed>,
    #[serde(default)]
    pub stops: Vec<RawStop>,
    #[serde(default)]
    pub acts: Vec<RawAct>,
    /// Degrees counter-clockwise from east, for those that do not move.
    #[serde(default)]
    pub heading_deg: f32,
    /// Stands at the end of its path until the scene ends.
    #[serde(default)]
    pub stays: bool,
    /// Of a bag: who carries it until `left_s`, and who takes it up at `taken_s`.
    pub owner: Option<String>,
    pub left_s: Option<f32>,
    pub taken_by: Option<String>,
    pub taken_s: Option<f32>,
    #[serde(default)]
    pub look: RawLook,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::scene) struct RawStop {
    /// Index of the waypoint, the first is 0.
    pub at: usize,
    pub seconds: f32,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::scene) struct RawSpeed {
    /// Index of the waypoint from which on it holds.
    pub at: usize,
    /// m/s.
    pub speed: f32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::scene) enum Deed {
    Fall,
    Fight,
    Wave,
    Sit,
}

/// Something done for a while; scene times in seconds.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::scene) struct RawAct {
    #[serde(rename = "do")]
    pub what: Deed,
    pub from_s: f32,
    pub until_s: f32,
}

/// What is said about an actor's looks; the rest follows from the seed.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::scene) struct RawLook {
    /// 0xRRGGBB: paint, coat or bag.
    pub colour: Option<u32>,
    /// 0xRRGGBB: trousers or skirt.
    pub legs: Option<u32>,
    /// Metres, of a person, or of a dog at its withers.
    pub height: Option<f32>,
    pub carries: Option<Carried>,
    pub body: Option<Body>,
}

/// What is wrong with each of them.
pub(super) fn problems(actors: &[RawActor]) -> Vec<String> {
    let one = |(i, a): (usize, &RawActor)| {
        let of = way_problems(a).into_iter().chain(deed_problems(a));
        of.chain(bag_problems(a))
            .map(|(key, what)| format!("actors[{i}].{key} ({}): {what}", a.name))
            .collect::<Vec<_>>()
    };
    actors.iter().enumerate().flat_map(one).collect()
}

/// A key and what is wrong with its value.
type Problem = (&'static str, String);

fn way_problems(a: &RawActor) -> Vec<Problem> {
    let mut out: Vec<Problem> = Vec::new();
    let mut need = |good: bool, key: &'static str, what: &str| {
        if !good {
            out.push((key, what.to_owned()));
        }
    };
    let owned = a.owner.is_some();
    need(
        owned || !a.path.is_empty(),
        "path",
        "needs at least one point",
    );
    need(
        a.path.windows(2).all(|p| (p[1] - p[0]).length() > 0.05),
        "path",
        "two points in a row are the same; use stops to stand",
    );
    need(
        a.path.len() != 1 || a.stays,
        "path",
        "one point only; add stays = true or another point",
    );
    let good = |v: f32| v > 0.0 && v < 70.0;
    need(
        a.speed.is_none_or(good),
        "speed",
        "must be above 0 and below 70 m/s",
    );
    need(a.start_s >= 0.0, "start_s", "must not be negative");
    need(
        a.speeds
            .iter()
            .all(|s| s.at < a.path.len() && good(s.speed)),
        "speeds",
        "each needs a waypoint of the path (the first is 0) and a speed above 0 and below 70 m/s",
    );
    need(
        a.speeds.windows(2).all(|s| s[0].at < s[1].at),
        "speeds",
        "must stand in the order of their waypoints",
    );
    for s in &a.stops {
        let what = format!(
            "waypoint {} of {} (the first is 0), {} s",
            s.at,
            a.path.len(),
            s.seconds
        );
        need(s.at < a.path.len() && s.seconds > 0.0, "stops", &what);
    }
    out
}

fn deed_problems(a: &RawActor) -> Vec<Problem> {
    let mut out: Vec<Problem> = Vec::new();
    if !a.acts.is_empty() && !a.kind.is_on_foot() {
        out.push(("acts", "only a pedestrian or a child acts".to_owned()));
    }
    for act in a.acts.iter().filter(|act| act.until_s <= act.from_s) {
        let what = format!(
            "from {} s until {} s ends before it begins",
            act.from_s, act.until_s
        );
        out.push(("acts", what));
    }
    out
}

fn bag_problems(a: &RawActor) -> Vec<Problem> {
    let mut out: Vec<Problem> = Vec::new();
    let mut need = |good: bool, key: &'static str, what: &str| {
        if !good {
            out.push((key, what.to_owned()));
        }
    };
    let bag = a.kind == Kind::Bag;
    let owned = a.owner.is_some();
    need(bag || !owned, "owner", "only a bag has an owner");
    need(
        bag || a.taken_by.is_none() && a.taken_s.is_none(),
        "taken_by",
        "only a bag is taken",
    );
    need(
        !owned || a.path.is_empty(),
        "path",
        "who owns it decides where it is: take the path away",
    );
    need(owned || a.left_s.is_none(), "left_s", "needs an owner");
    need(
        a.taken_by.is_some() == a.taken_s.is_some(),
        if a.taken_by.is_some() {
            "taken_by"
        } else {
            "taken_s"
        },
        "taken_by and taken_s need each other",
    );
    need(
        a.taken_s.is_none() || owned || a.path.len() == 1,
        "taken_s",
        "needs an owner, or a path of one point where it lies",
    );
    need(
        a.taken_s.is_none_or(|t| t > a.left_s.unwrap_or(a.start_s)),
        "taken_s",
        "must come after left_s and start_s",
    );
    out
}
