//! A gate for changes: an earlier report of the same cases, that no rule may fall behind.

use std::{fs, path::Path};

use anyhow::Context as _;
use serde::Deserialize;

use super::report::Report;

/// What of an earlier `--json` report counts.
#[derive(Debug, Deserialize)]
pub(super) struct Baseline {
    cases: Vec<Case>,
}

#[derive(Debug, Deserialize)]
struct Case {
    name: String,
    rules: Vec<Rule>,
}

#[derive(Debug, Deserialize)]
struct Rule {
    id: String,
    fp: usize,
    #[serde(rename = "fn")]
    fn_: usize,
    f1: Option<f64>,
}

impl Baseline {
    /// Reads a report.
    ///
    /// # Errors
    /// It cannot be read, or is none.
    pub(super) fn load(path: &Path) -> anyhow::Result<Baseline> {
        let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
        serde_json::from_str(&text)
            .with_context(|| format!("{}: is no report of evaluate --json", path.display()))
    }

    /// One line for each rule of a case that does worse now, or is not evaluated any more.
    pub(super) fn worse(&self, now: &Report) -> Vec<String> {
        let mut worse = Vec::new();
        for case in &self.cases {
            for rule in &case.rules {
                let Some(before) = rule.f1 else { continue };
                let found = now.cases.iter().find(|one| one.name == case.name);
                let found = found.and_then(|one| one.rules.iter().find(|one| one.id == rule.id));
                let place = format!("{}, rule {}", case.name, rule.id);
                match found.and_then(|found| Some((found, found.f1?))) {
                    None => worse.push(format!("{place}: not evaluated now, F1 was {before:.3}")),
                    Some((found, f1)) if f1 < before - 1e-9 => worse.push(format!(
                        "{place}: F1 {before:.3} -> {f1:.3}, false alarms {} -> {}, missed {} -> {}",
                        rule.fp, found.fp, rule.fn_, found.fn_
                    )),
                    Some(_) => {}
                }
            }
        }
        worse
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::{
        case::Truth,
        report::{CaseReport, RuleReport},
        score::Score,
    };

    fn report(rules: &[(&str, usize, usize, Option<f64>)]) -> Report {
        let rules = rules.iter().map(|(id, fp, fn_, f1)| RuleReport {
            id: (*id).to_owned(),
            kind: "intrusion".to_owned(),
            supported: f1.is_some(),
            truth: 4,
            alarms: 4,
            tp: 4 - fn_,
            fp: *fp,
            fn_: *fn_,
            f1: *f1,
            mean_delay_s: None,
            false_alarms_per_hour: None,
            score: Score::new(id, &Truth::default(), &[]),
        });
        Report::new(vec![CaseReport {
            name: "gate".to_owned(),
            rules: rules.collect(),
            f1: None,
            error: None,
            duration_s: 60.0,
            frames: 0,
            looked: 0,
            decoded: 0,
            crops: 0,
            looks: 0,
            held_back_s: Vec::new(),
        }])
    }

    #[test]
    fn a_rule_that_falls_behind_or_away_is_told() {
        let before = report(&[
            ("in", 1, 0, Some(0.9)),
            ("out", 0, 1, Some(0.8)),
            ("new", 0, 0, None),
        ]);
        let text = serde_json::to_string(&before).unwrap();
        let baseline: Baseline = serde_json::from_str(&text).unwrap();
        assert_eq!(baseline.worse(&before), Vec::<String>::new());
        let now = report(&[("in", 2, 1, Some(0.7)), ("new", 9, 0, Some(0.3))]);
        insta::assert_snapshot!(baseline.worse(&now).join("\n"), @"
        gate, rule in: F1 0.900 -> 0.700, false alarms 1 -> 2, missed 0 -> 1
        gate, rule out: not evaluated now, F1 was 0.800
        ");
    }
}
