//! How many are where: gathering, dispersal, occupancy.
//!
//! Gathering and occupancy start when `min_seconds` are up, dispersal with the first moment at which half are gone.

use super::{Step, TruthIncident, Watch, merged};
use crate::scene::rules::{Rule, RuleKind};

/// Metres between two people who stand together: an arm's length for each.
const NEAR_M: f32 = 1.7;
/// m/s from which somebody passes by.
const PASSES: f32 = 0.5;
/// Seconds for which it is otherwise that do not end it.
const LULL_S: f32 = 1.0;

/// Incidents of all such rules. Counting makes none.
pub(super) fn incidents(watch: &Watch<'_>) -> Vec<TruthIncident> {
    let mut out = Vec::new();
    for rule in watch.rules(RuleKind::Gathering) {
        let least = rule.min_count.unwrap_or(2);
        let there = present(watch, rule);
        let gathered = there.iter().map(|steps| largest_group(steps) >= least);
        let note = format!("{least} or more stand together");
        out.extend(episodes(watch, rule, gathered, &note));
    }
    for rule in watch.rules(RuleKind::Occupancy) {
        let allowed = rule.min_count.unwrap_or(0)..=rule.max_count.unwrap_or(usize::MAX);
        let there = present(watch, rule);
        let wrong = there.iter().map(|steps| !allowed.contains(&steps.len()));
        out.extend(episodes(watch, rule, wrong, "too few or too many"));
    }
    for rule in watch.rules(RuleKind::Dispersal) {
        let counts: Vec<usize> = present(watch, rule).iter().map(Vec::len).collect();
        let back = watch.frame(rule.within_seconds.unwrap_or(0.0));
        let least = rule.min_count.unwrap_or(2);
        let apart = counts.iter().enumerate().map(|(i, are)| {
            let lately = counts[i.saturating_sub(back)..=i].iter();
            let were = lately.max().copied().unwrap_or(0);
            were >= least && 2 * are <= were
        });
        out.extend(episodes(watch, rule, apart, "half are gone"));
    }
    out
}

/// Who is in the rule's zone, a list for each picture.
fn present<'w>(watch: &'w Watch<'_>, rule: &'w Rule) -> Vec<Vec<&'w Step>> {
    let mut there = vec![Vec::new(); watch.scene.frames()];
    for trail in watch.trails(rule) {
        let visits = watch.visits(rule, trail);
        let inside = |s: &&Step| visits.iter().any(|v| (v.0..=v.1).contains(&s.t));
        for step in trail.steps.iter().filter(inside) {
            there[watch.frame(step.t)].push(step);
        }
    }
    there
}

/// One incident for each time at which it `is` so, a truth for each picture, for `min_seconds`.
fn episodes(
    watch: &Watch<'_>,
    rule: &Rule,
    is: impl Iterator<Item = bool>,
    note: &str,
) -> Vec<TruthIncident> {
    let moments = is.enumerate().filter(|(_, is)| *is);
    let moments = moments.map(|(frame, _)| (watch.scene.time(frame), watch.scene.time(frame)));
    let mut spans = merged(moments.collect(), LULL_S);
    let least = rule.min_seconds();
    spans.retain(|(from, to)| to - from >= least);
    let incident = |(from, to)| watch.incident(rule, from + least, to, note.to_owned());
    spans.into_iter().map(incident).collect()
}

/// The most of those who stand that are linked by neighbours.
fn largest_group(steps: &[&Step]) -> usize {
    let mut left: Vec<&Step> = steps.iter().copied().filter(|s| s.speed < PASSES).collect();
    let mut most = 0;
    while let Some(first) = left.pop() {
        let (mut group, mut next) = (vec![first], 0);
        while next < group.len() {
            let at = group[next].at;
            let (near, far) = left.iter().partition(|s| (s.at - at).length() <= NEAR_M);
            left = far;
            group.extend::<Vec<&Step>>(near);
            next += 1;
        }
        most = most.max(group.len());
    }
    most
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::space::v2;

    #[test]
    fn neighbours_are_a_group_and_who_passes_is_not_in_it() {
        let person = |x: f32, speed: f32| Step {
            t: 0.0,
            foot: v2(0.5, 0.5),
            at: v2(x, 10.0),
            speed,
        };
        let row = [person(0.0, 0.0), person(1.5, 0.1), person(3.0, 0.0)];
        let others = [person(6.0, 0.0), person(4.0, 1.3)];
        let all: Vec<&Step> = row.iter().chain(&others).collect();
        assert_eq!(largest_group(&all), 3);
        assert_eq!(largest_group(&[]), 0);
    }
}
