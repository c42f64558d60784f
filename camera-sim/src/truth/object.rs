//! Things that are left behind or carried off.
//!
//! A bag is left while it lies and its owner is gone: off the street, or farther than `NEAR_M` from it. It is removed
//! when somebody takes it that has lain long enough to belong there. Both start when `min_seconds` are up.

use super::{Trail, TruthIncident, Watch};
use crate::scene::actor::place;
use crate::scene::rules::{Rule, RuleKind};

/// Metres within which an owner still minds a bag (as in the PETS 2006 data set).
const NEAR_M: f32 = 3.0;
/// Seconds after which a bag that was left has become part of the street.
const SETTLED_S: f32 = 10.0;

/// Incidents of all such rules.
pub(super) fn incidents(watch: &Watch<'_>) -> Vec<TruthIncident> {
    let mut out = Vec::new();
    for rule in watch.rules(RuleKind::AbandonedObject) {
        let spans = |trail: &Trail| abandoned(watch, rule, trail);
        out.extend(watch.each(rule, &spans));
    }
    for rule in watch.rules(RuleKind::RemovedObject) {
        let spans = |trail: &Trail| removed(watch, rule, trail);
        out.extend(watch.each(rule, &spans));
    }
    out
}

/// Times (from, until) at which the bag lies in the zone; no end where nobody takes it.
fn lies(watch: &Watch<'_>, rule: &Rule, trail: &Trail) -> Option<(f32, Option<f32>)> {
    let (from, until) = watch.scene.actors[trail.actor].custody()?.lies()?;
    let end = until.unwrap_or(f32::MAX);
    let there = watch.while_in(rule, trail, &|s| (from..end).contains(&s.t));
    (!there.is_empty()).then_some((from, until))
}

fn abandoned(watch: &Watch<'_>, rule: &Rule, trail: &Trail) -> Vec<(f32, f32)> {
    let scene = watch.scene;
    let custody = scene.actors[trail.actor].custody();
    let Some((custody, (from, until))) = custody.zip(lies(watch, rule, trail)) else {
        return Vec::new();
    };
    // What lies there from the beginning is part of the street.
    if custody.owner.is_none() && from <= 0.0 {
        return Vec::new();
    }
    let until = until.unwrap_or(scene.duration_s).min(scene.duration_s);
    let at = custody.left.map(|(_, pose)| pose.at).unwrap_or_default();
    let minded = |t: f32| {
        let owner = custody.owner.and_then(|o| place(&scene.actors, o, t));
        owner.is_some_and(|p| (p - at).length() <= NEAR_M)
    };
    let (mut out, mut gone_s) = (Vec::new(), None);
    let times = (0..scene.frames()).map(|f| scene.time(f));
    for t in times.filter(|t| (from..until).contains(t)) {
        match gone_s {
            None if !minded(t) => gone_s = Some(t),
            Some(gone) if minded(t) => {
                out.push((gone, t));
                gone_s = None;
            }
            _ => {}
        }
    }
    out.extend(gone_s.map(|gone| (gone, until)));
    let least = rule.min_seconds();
    out.retain(|(gone, back)| back - gone >= least);
    out.into_iter()
        .map(|(gone, back)| (gone + least, back))
        .collect()
}

fn removed(watch: &Watch<'_>, rule: &Rule, trail: &Trail) -> Vec<(f32, f32)> {
    let Some((from, Some(taken))) = lies(watch, rule, trail) else {
        return Vec::new();
    };
    let (start, end) = (taken + rule.min_seconds(), watch.scene.duration_s);
    let settled = from <= 0.0 || taken - from >= SETTLED_S;
    if settled && start < end {
        vec![(start, end)]
    } else {
        Vec::new()
    }
}
