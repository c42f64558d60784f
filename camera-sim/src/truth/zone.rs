//! Who is in a zone and for how long: intrusion, loitering, crowd.
//!
//! Intrusion starts at entry; loitering and crowd when `min_seconds` are up. All end when the zone is left.

use super::{TruthIncident, Watch, merged};
use crate::scene::rules::RuleKind;

/// Seconds for which fewer people do not end a crowd.
const LULL_S: f32 = 1.0;

/// Incidents of all such rules.
pub(super) fn incidents(watch: &Watch<'_>) -> Vec<TruthIncident> {
    let mut out = Vec::new();
    for kind in [RuleKind::Intrusion, RuleKind::Loitering] {
        for rule in watch.rules(kind) {
            let least = rule.min_seconds();
            let late = if kind == RuleKind::Loitering {
                least
            } else {
                0.0
            };
            for trail in watch.trails(rule) {
                let visits = watch.visits(rule, trail).into_iter();
                let long = visits.filter(|(from, to)| to - from >= least);
                out.extend(long.map(|(from, to)| watch.by(rule, trail, from + late, to)));
            }
        }
    }
    for rule in watch.rules(RuleKind::Crowd) {
        let visits = watch.trails(rule).flat_map(|t| watch.visits(rule, t));
        let full = crowded(&visits.collect::<Vec<_>>(), rule.min_count.unwrap_or(1));
        for (from, to) in merged(full, LULL_S) {
            if to - from >= rule.min_seconds() {
                let most = format!("{} or more", rule.min_count.unwrap_or(1));
                out.push(watch.incident(rule, from + rule.min_seconds(), to, most));
            }
        }
    }
    out
}

/// When at least `count` of the visits go on at the same time.
pub(super) fn crowded(visits: &[(f32, f32)], count: usize) -> Vec<(f32, f32)> {
    // At equal times entries come first: a visit includes both its ends.
    let mut turns: Vec<(f32, i32)> = visits.iter().flat_map(|v| [(v.0, 1), (v.1, -1)]).collect();
    turns.sort_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(&a.1)));
    let (mut there, mut since, mut out) = (0i32, None, Vec::new());
    for (t, turn) in turns {
        there += turn;
        let full = there >= count as i32;
        match since {
            None if full => since = Some(t),
            Some(from) if !full => {
                out.push((from, t));
                since = None;
            }
            _ => {}
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn visits_that_overlap_are_a_crowd_while_they_do() {
        let visits = [(1.0, 9.0), (3.0, 7.0), (4.0, 12.0)];
        assert_eq!(crowded(&visits, 2), [(3.0, 9.0)]);
        assert_eq!(crowded(&visits, 3), [(4.0, 7.0)]);
        assert!(crowded(&visits, 4).is_empty());
    }
}
