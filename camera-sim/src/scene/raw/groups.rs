//! Crowds and streams as they are typed, and what can be wrong with them.

use serde::Deserialize;

use crate::actor::Kind;
use crate::space::V2;

/// People who gather, stand and disperse; scene times in seconds, metres.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::scene) struct RawCrowd {
    pub name: String,
    pub count: usize,
    /// Middle of the place where they stand.
    pub at: V2,
    #[serde(default = "three")]
    pub radius: f32,
    /// All of them are there between these.
    pub from_s: f32,
    pub until_s: f32,
    /// Where they come from and go to.
    pub from: Vec<V2>,
    /// They run apart within a second, frightened; otherwise they walk away one after the other.
    #[serde(default)]
    pub scatters: bool,
}

fn three() -> f32 {
    3.0
}

/// Random traffic along a path; scene times in seconds, metres.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::scene) struct RawStream {
    pub name: String,
    kind: Option<Kind>,
    #[serde(default)]
    kinds: Vec<Kind>,
    pub per_minute: f32,
    #[serde(default)]
    pub from_s: f32,
    /// The scene's end where it is missing.
    pub until_s: Option<f32>,
    pub path: Vec<V2>,
    /// Metres to either side of the path.
    #[serde(default)]
    pub spread: f32,
    /// Slowest and fastest, m/s.
    pub speed: [f32; 2],
    #[serde(default)]
    pub both_ways: bool,
}

impl RawStream {
    /// Kinds that occur in it, each as often as it is named.
    pub(in crate::scene) fn kinds(&self) -> Vec<Kind> {
        self.kind.iter().chain(&self.kinds).copied().collect()
    }
}

/// What is wrong with each of them.
pub(super) fn problems(crowds: &[RawCrowd], streams: &[RawStream]) -> Vec<String> {
    let crowds = crowds.iter().enumerate().flat_map(|(i, c)| {
        let place = format!("crowds[{i}]");
        of_crowd(c)
            .into_iter()
            .map(move |(key, what)| format!("{place}.{key} ({}): {what}", c.name))
    });
    let streams = streams.iter().enumerate().flat_map(|(i, s)| {
        let place = format!("streams[{i}]");
        of_stream(s)
            .into_iter()
            .map(move |(key, what)| format!("{place}.{key} ({}): {what}", s.name))
    });
    crowds.chain(streams).collect()
}

/// A key and what is wrong with its value.
type Problem = (&'static str, String);

fn of_crowd(c: &RawCrowd) -> Vec<Problem> {
    let mut out: Vec<Problem> = Vec::new();
    let mut need = |good: bool, key: &'static str, what: String| {
        if !good {
            out.push((key, what));
        }
    };
    need(
        (1..=200).contains(&c.count),
        "count",
        "must be from 1 to 200".into(),
    );
    // Half a metre between two people: 0.3 m of radius for the root of their number.
    let least = 0.3 * (c.count as f32).sqrt();
    need(
        c.radius >= least,
        "radius",
        format!("{} people need at least {least:.1} m", c.count),
    );
    need(
        c.until_s > c.from_s,
        "until_s",
        "must come after from_s".into(),
    );
    need(
        !c.from.is_empty(),
        "from",
        "needs at least one point where they come from".into(),
    );
    need(
        c.from.iter().all(|p| (*p - c.at).length() > c.radius + 2.0),
        "from",
        "every point must lie 2 m or more outside the crowd".into(),
    );
    out
}

fn of_stream(s: &RawStream) -> Vec<Problem> {
    let mut out: Vec<Problem> = Vec::new();
    let mut need = |good: bool, key: &'static str, what: &str| {
        if !good {
            out.push((key, what.to_owned()));
        }
    };
    let kinds = s.kinds();
    need(
        s.kind.is_some() == s.kinds.is_empty(),
        "kind",
        "needs either kind or kinds",
    );
    need(
        !kinds.contains(&Kind::Bag),
        "kind",
        "a bag does not go by itself",
    );
    need(
        s.per_minute > 0.0 && s.per_minute <= 240.0,
        "per_minute",
        "must be above 0 and at most 240",
    );
    need(s.from_s >= 0.0, "from_s", "must not be negative");
    need(
        s.until_s.is_none_or(|t| t > s.from_s),
        "until_s",
        "must come after from_s",
    );
    need(s.path.len() >= 2, "path", "needs at least two points");
    need(
        s.path.windows(2).all(|p| (p[1] - p[0]).length() > 0.05),
        "path",
        "two points in a row are the same",
    );
    need(s.spread >= 0.0, "spread", "must not be negative");
    need(
        s.speed[0] > 0.0 && s.speed[1] >= s.speed[0] && s.speed[1] < 70.0,
        "speed",
        "needs the slowest and the fastest, above 0 and below 70 m/s",
    );
    need(
        !s.both_ways
            || !kinds
                .iter()
                .any(|k| k.is_vehicle() || *k == Kind::Motorcyclist),
        "both_ways",
        "a lane has one direction; write a second stream for the other",
    );
    out
}
