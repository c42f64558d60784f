//! Scripted against seen: which incidents reached the centre, which were missed, and what was raised without cause.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use crate::harness::Rule;

/// As in an incident case: an alarm may lie this far outside of its incident.
const TOLERANCE: SignedDuration = SignedDuration::from_millis(1500);
/// A track needs a few pictures before anything can be said of it.
const WARM_UP: SignedDuration = SignedDuration::from_secs(3);
/// An alarm may take this long from the end of its incident to the centre.
const TAIL: SignedDuration = SignedDuration::from_secs(5);

/// What the script made happen.
#[derive(Clone, Debug, PartialEq, serde::Deserialize)]
pub(super) struct Scripted {
    pub(super) camera: String,
    pub(super) rule: String,
    pub(super) start: Timestamp,
    pub(super) end: Timestamp,
}

/// What the centre knows of.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Alarm {
    pub(super) camera: String,
    pub(super) rule: String,
    /// When the picture was taken.
    pub(super) at: Timestamp,
    /// When the centre had it.
    pub(super) received: Timestamp,
}

/// From when to when each camera was watched.
pub(super) type Windows = BTreeMap<String, (Timestamp, Timestamp)>;

/// One rule's line of the table.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Row {
    pub(super) rule: Rule,
    pub(super) scripted: usize,
    pub(super) seen: usize,
    pub(super) false_alarms: usize,
    /// Mean time from the picture to the centre, of the incidents that were seen.
    pub(super) delay: Option<SignedDuration>,
}

impl Row {
    pub(super) fn missed(&self) -> usize {
        self.scripted - self.seen
    }
}

/// Something happened, and nothing was missed.
pub(super) fn is_good(rows: &[Row]) -> bool {
    rows.iter().any(|row| row.scripted > 0) && rows.iter().all(|row| row.missed() == 0)
}

/// One row a rule. Only what lies well inside of the time watched counts; an incident that began before still takes
/// its alarm, so that the alarm is not called false.
pub(super) fn judge(
    rules: Vec<Rule>,
    scripted: &[Scripted],
    alarms: &[Alarm],
    windows: &Windows,
) -> Vec<Row> {
    let judged = rules.into_iter().map(|rule| {
        let mine = |camera: &str, id: &str| camera == rule.camera && id == rule.id;
        let truths = scripted
            .iter()
            .filter(|s| mine(&s.camera, &s.rule))
            .collect();
        let alarms = alarms.iter().filter(|a| mine(&a.camera, &a.rule)).collect();
        judge_rule(rule.clone(), truths, alarms, windows.get(&rule.camera))
    });
    judged.collect()
}

fn judge_rule(
    rule: Rule,
    mut truths: Vec<&Scripted>,
    mut alarms: Vec<&Alarm>,
    window: Option<&(Timestamp, Timestamp)>,
) -> Row {
    truths.sort_by_key(|truth| truth.start);
    alarms.sort_by_key(|alarm| alarm.at);
    let mut row = Row {
        rule,
        scripted: 0,
        seen: 0,
        false_alarms: 0,
        delay: None,
    };
    let Some((from, to)) = window else {
        return row;
    };
    let from = later(*from, WARM_UP);
    let lasting = SignedDuration::from_secs_f64(row.rule.min_seconds);
    let mut taken = BTreeSet::new();
    let mut delays = SignedDuration::ZERO;
    for truth in truths {
        let fits = |alarm: &Alarm| {
            later(alarm.at, TOLERANCE) >= truth.start && alarm.at <= later(truth.end, TOLERANCE)
        };
        let found = (0..alarms.len()).find(|n| !taken.contains(n) && fits(alarms[*n]));
        taken.extend(found);
        if truth.start < later(from, lasting) || later(truth.end, TAIL) > *to {
            continue;
        }
        row.scripted += 1;
        if let Some(n) = found {
            row.seen += 1;
            delays += alarms[n].received.duration_since(alarms[n].at);
        }
    }
    if let Ok(seen) = i32::try_from(row.seen)
        && seen > 0
    {
        row.delay = Some(delays / seen);
    }
    let counts =
        |(n, alarm): &(usize, &&Alarm)| !taken.contains(n) && alarm.at >= from && alarm.at <= *to;
    row.false_alarms = alarms.iter().enumerate().filter(counts).count();
    row
}

/// These are times of today plus seconds: they cannot leave the calendar.
fn later(time: Timestamp, by: SignedDuration) -> Timestamp {
    time.checked_add(by).unwrap_or(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(s: f64) -> Timestamp {
        let noon: Timestamp = "2026-07-01T12:00:00Z".parse().unwrap();
        noon + SignedDuration::from_secs_f64(s)
    }

    fn scripted(start: f64, end: f64) -> Scripted {
        Scripted {
            camera: "gate".to_owned(),
            rule: "in".to_owned(),
            start: second(start),
            end: second(end),
        }
    }

    fn alarm(at: f64) -> Alarm {
        Alarm {
            camera: "gate".to_owned(),
            rule: "in".to_owned(),
            at: second(at),
            received: second(at + 0.5),
        }
    }

    fn judged(min_seconds: f64, scripted: &[Scripted], alarms: &[Alarm]) -> (usize, usize, usize) {
        let rule = Rule {
            camera: "gate".to_owned(),
            id: "in".to_owned(),
            kind: "line_crossing".to_owned(),
            min_seconds,
        };
        let windows = Windows::from([("gate".to_owned(), (second(0.0), second(60.0)))]);
        let rows = judge(vec![rule], scripted, alarms, &windows);
        assert_eq!(rows[0].delay.is_some(), rows[0].seen > 0);
        (rows[0].scripted, rows[0].seen, rows[0].false_alarms)
    }

    #[test]
    fn one_alarm_answers_one_incident() {
        let twice = [scripted(10.0, 10.5), scripted(11.0, 11.5)];
        assert_eq!(judged(0.0, &twice, &[alarm(10.6)]), (2, 1, 0));
        assert_eq!(judged(0.0, &twice, &[alarm(10.6), alarm(10.7)]), (2, 2, 0));
        assert_eq!(
            judged(0.0, &twice, &[alarm(10.6), alarm(10.7), alarm(10.8)]),
            (2, 2, 1)
        );
    }

    #[test]
    fn what_lies_at_the_edge_of_the_time_watched_counts_neither_way() {
        let early = [scripted(1.0, 2.0)];
        assert_eq!(judged(0.0, &early, &[alarm(3.4)]), (0, 0, 0));
        assert_eq!(judged(0.0, &early, &[]), (0, 0, 0));
        let late = [scripted(57.0, 58.0)];
        assert_eq!(judged(0.0, &late, &[alarm(57.5)]), (0, 0, 0));
        assert_eq!(judged(0.0, &[], &[alarm(0.5)]), (0, 0, 0));
        assert_eq!(judged(0.0, &[], &[alarm(30.0)]), (0, 0, 1));
    }

    #[test]
    fn what_must_last_must_have_begun_while_watched() {
        let loitering = [scripted(10.0, 15.0)];
        assert_eq!(judged(8.0, &loitering, &[]), (0, 0, 0));
        assert_eq!(judged(6.0, &loitering, &[]), (1, 0, 0));
    }

    #[test]
    fn nothing_scripted_is_no_success() {
        assert!(!is_good(&[]));
        let rule = Rule {
            camera: String::new(),
            id: String::new(),
            kind: String::new(),
            min_seconds: 0.0,
        };
        let row = Row {
            rule,
            scripted: 2,
            seen: 2,
            false_alarms: 3,
            delay: None,
        };
        assert!(is_good(std::slice::from_ref(&row)));
        assert!(!is_good(&[row.clone(), Row { seen: 1, ..row }]));
    }
}
