//! What an evaluation found, in the shape in which it is written as JSON.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{
    case::Case,
    run::CaseRun,
    score::{Counts, Score},
};

/// All cases.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Case by case.
    pub cases: Vec<CaseReport>,
    /// All rules of a kind together.
    pub by_kind: BTreeMap<String, Totals>,
    /// All rules together.
    pub micro: Totals,
}

/// One case.
#[derive(Clone, Debug, Serialize)]
pub struct CaseReport {
    /// Its name.
    pub name: String,
    /// Rule by rule.
    pub rules: Vec<RuleReport>,
    /// All its rules together; nothing where none was evaluated.
    pub f1: Option<f64>,
    /// Why it could not be run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Media time of the clip in seconds.
    pub duration_s: f64,
    /// Frames that were analysed.
    pub frames: u64,
    /// Frames that the model looked at: the gate found something moving in them.
    pub looked: u64,
    /// Pictures that were decoded.
    pub decoded: u64,
    /// Crops that second models looked at.
    pub crops: u64,
    /// Whole pictures that second models looked at.
    pub looks: u64,
    /// What the gate held each alarm back by, in seconds of media time.
    pub held_back_s: Vec<f64>,
}

/// One rule of a case.
#[derive(Clone, Debug, Serialize)]
pub struct RuleReport {
    /// Its name.
    pub id: String,
    /// Its kind.
    pub kind: String,
    /// Whether this version evaluates it; it counts nowhere where not.
    pub supported: bool,
    /// Truth incidents that count.
    pub truth: usize,
    /// Alarms that count.
    pub alarms: usize,
    /// Matched.
    pub tp: usize,
    /// False alarms.
    pub fp: usize,
    /// Misses.
    #[serde(rename = "fn")]
    pub fn_: usize,
    /// Nothing where the rule was not evaluated.
    pub f1: Option<f64>,
    /// Mean of opened - start over the matched, in seconds.
    pub mean_delay_s: Option<f64>,
    /// Nothing where the rule was not evaluated.
    pub false_alarms_per_hour: Option<f64>,
    /// The score itself, for reports with pictures.
    #[serde(skip)]
    pub score: Score,
}

/// Several rules together.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Totals {
    /// Share of the alarms that were right.
    pub precision: f64,
    /// Share of the truth that was seen.
    pub recall: f64,
    /// Harmonic mean of both.
    pub f1: f64,
    /// Matched.
    pub tp: usize,
    /// False alarms.
    pub fp: usize,
    /// Misses.
    #[serde(rename = "fn")]
    pub fn_: usize,
}

impl From<Counts> for Totals {
    fn from(counts: Counts) -> Totals {
        Totals {
            precision: counts.precision(),
            recall: counts.recall(),
            f1: counts.f1(),
            tp: counts.tp,
            fp: counts.fp,
            fn_: counts.fn_,
        }
    }
}

impl RuleReport {
    fn counts(&self) -> Counts {
        self.score.counts()
    }
}

impl CaseReport {
    /// Scores what came out of a case; `Err` says why it could not be run.
    pub fn new(case: &Case, run: Result<&CaseRun, String>) -> CaseReport {
        let (run, error) = match run {
            Ok(run) => (run.clone(), None),
            Err(error) => (CaseRun::default(), Some(error)),
        };
        let rules: Vec<RuleReport> = (case.rules.iter())
            .map(|rule| {
                let evaluated = rule.settings.is_some() && error.is_none();
                rule_report(case, rule.id.clone(), rule.kind.clone(), &run, evaluated)
            })
            .collect();
        let supported = rules.iter().filter(|rule| rule.f1.is_some());
        let counts: Counts = supported.clone().map(RuleReport::counts).sum();
        CaseReport {
            name: case.name.clone(),
            f1: (supported.count() > 0).then(|| counts.f1()),
            rules,
            error,
            duration_s: run.duration_s,
            frames: run.frames,
            looked: run.looked,
            decoded: run.decoded,
            crops: run.crops,
            looks: run.looks,
            held_back_s: run.alarms.iter().map(|alarm| alarm.held_back_s).collect(),
        }
    }
}

fn rule_report(
    case: &Case,
    id: String,
    kind: String,
    run: &CaseRun,
    evaluated: bool,
) -> RuleReport {
    let alarms: Vec<f64> = (run.alarms.iter())
        .filter(|alarm| alarm.rule == id)
        .map(|alarm| alarm.capture_s)
        .collect();
    let score = Score::new(&id, &case.truth, &alarms);
    let supported = case
        .rules
        .iter()
        .any(|rule| rule.id == id && rule.settings.is_some());
    if !evaluated {
        return RuleReport {
            id,
            kind,
            supported,
            truth: score.truth,
            alarms: 0,
            tp: 0,
            fp: 0,
            fn_: 0,
            f1: None,
            mean_delay_s: None,
            false_alarms_per_hour: None,
            score: Score::default(),
        };
    }
    let counts = score.counts();
    let hours = run.duration_s / 3600.0;
    RuleReport {
        id,
        kind,
        supported,
        truth: score.truth,
        alarms: score.alarms,
        tp: counts.tp,
        fp: counts.fp,
        fn_: counts.fn_,
        f1: Some(counts.f1()),
        mean_delay_s: score.mean_delay_s(),
        false_alarms_per_hour: (hours > 0.0).then(|| counts.fp as f64 / hours),
        score,
    }
}

impl Report {
    /// Sums up the cases.
    pub fn new(cases: Vec<CaseReport>) -> Report {
        let mut kinds: BTreeMap<String, Counts> = BTreeMap::new();
        let evaluated = |rule: &&RuleReport| rule.f1.is_some();
        for rule in cases.iter().flat_map(|c| &c.rules).filter(evaluated) {
            let kind = kinds.entry(rule.kind.clone()).or_default();
            *kind = *kind + rule.counts();
        }
        Report {
            micro: kinds.values().copied().sum::<Counts>().into(),
            by_kind: kinds.into_iter().map(|(k, c)| (k, c.into())).collect(),
            cases,
        }
    }
}
