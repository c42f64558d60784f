//! What people do that calls for help: fall, fight, run. Starts at the first sign of it.

use super::zone::crowded;
use super::{Trail, TruthIncident, Watch, merged};
use crate::scene::acting::{Doing, GOES_DOWN_S, What};
use crate::scene::rules::{Rule, RuleKind};
use crate::space::V2;

/// m/s from which a person on foot runs.
const RUNS: f32 = 2.8;
/// Seconds of a slower pace that do not end a run, and for which somebody must run at all.
const BREATH_S: f32 = 0.5;
const RUN_S: f32 = 1.0;
/// Metres between the middles of what is still one fight.
const SAME_FIGHT_M: f32 = 3.0;

/// Incidents of all such rules.
pub(super) fn incidents(watch: &Watch<'_>) -> Vec<TruthIncident> {
    let mut out = Vec::new();
    for rule in watch.rules(RuleKind::Fall) {
        let spans = |trail: &Trail| falls(watch, rule, trail);
        out.extend(watch.each(rule, &spans));
    }
    for rule in watch.rules(RuleKind::Running) {
        let least = rule.min_seconds.unwrap_or(RUN_S);
        let spans = |trail: &Trail| {
            if !watch.scene.actors[trail.actor].kind.is_on_foot() {
                return Vec::new();
            }
            let fast = watch.while_in(rule, trail, &|s| s.speed >= RUNS);
            let mut runs = merged(fast, BREATH_S);
            runs.retain(|(from, to)| to - from >= least);
            runs
        };
        out.extend(watch.each(rule, &spans));
    }
    for rule in watch.rules(RuleKind::Fight) {
        out.extend(fights(watch, rule));
    }
    out
}

/// From the first stagger until they get up, for who lies in the zone for `min_seconds`.
fn falls(watch: &Watch<'_>, rule: &Rule, trail: &Trail) -> Vec<(f32, f32)> {
    let doings = &watch.scene.actors[trail.actor].doings;
    let lies_there = |d: &&Doing| {
        let lying = (d.from_s + GOES_DOWN_S)..d.until_s;
        let last = lying.end.min(watch.scene.duration_s);
        last - lying.start >= rule.min_seconds()
            && watch
                .while_in(rule, trail, &|_| true)
                .iter()
                .any(|v| v.0 < lying.end && v.1 > lying.start)
    };
    let falls = doings
        .iter()
        .filter(|d| matches!(d.what, What::Fall { .. }));
    falls
        .filter(lies_there)
        .map(|d| (d.from_s, d.until_s.min(watch.scene.duration_s)))
        .collect()
}

/// While at least two people fight around the same middle, one of them in the zone.
fn fights(watch: &Watch<'_>, rule: &Rule) -> Vec<TruthIncident> {
    let mut rounds: Vec<(V2, f32, f32, &str)> = Vec::new();
    for trail in watch.trails(rule) {
        let actor = &watch.scene.actors[trail.actor];
        let inside = watch.while_in(rule, trail, &|_| true);
        for doing in &actor.doings {
            let What::Fight { middle, .. } = doing.what else {
                continue;
            };
            let (from, to) = (doing.from_s, doing.until_s.min(watch.scene.duration_s));
            if inside.iter().any(|v| v.0 < to && v.1 > from) {
                rounds.push((middle, from, to, &actor.name));
            }
        }
    }
    let mut out = Vec::new();
    while let Some(&(middle, ..)) = rounds.first() {
        let (here, others): (Vec<_>, Vec<_>) = rounds
            .into_iter()
            .partition(|r| (r.0 - middle).length() < SAME_FIGHT_M);
        rounds = others;
        let spans: Vec<(f32, f32)> = here.iter().map(|r| (r.1, r.2)).collect();
        for (from, to) in merged(crowded(&spans, 2), BREATH_S) {
            if to - from >= rule.min_seconds() {
                let took_part = here.iter().filter(|r| r.1 < to && r.2 > from);
                let names: Vec<&str> = took_part.map(|r| r.3).collect();
                out.push(watch.incident(rule, from, to, names.join(", ")));
            }
        }
    }
    out
}
