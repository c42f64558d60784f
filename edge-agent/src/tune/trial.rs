//! What was seen in cases, and how a rule scores on it with one set of values or another.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use analytics::{rule::RuleKind, scene::SceneSettings};
use anyhow::bail;

use super::knob::{Knob, LEAST_SCORE, Setting};
use crate::{
    evaluate::{
        camera_settings::CaseCamera,
        case::Case,
        run::{self, Alarm, CaseRun},
        score::{Counts, Score},
        subject::Subject,
    },
    observed::{Step, decide},
};

/// For each knob which of its values is meant.
pub(super) type Choice = Vec<usize>;

/// A case, and what was seen in it.
pub(super) struct Observed {
    pub(super) case: Case,
    at: Setting,
    camera: CaseCamera,
    /// The labels of its models, by their names.
    labels: BTreeMap<String, Arc<[String]>>,
    steps: Vec<Step>,
    /// What came out of it as it is.
    pub(super) run: CaseRun,
}

/// What was seen in cases, what can be turned, and what came of it so far.
pub(super) struct Trial {
    pub(super) cases: Vec<Observed>,
    pub(super) rule: String,
    pub(super) knobs: Vec<Knob>,
    /// What each knob can be turned to.
    pub(super) values: Vec<Vec<f64>>,
    /// As it is configured.
    pub(super) now: Choice,
    /// Counts by case and choice; nothing where the choice makes no sense.
    scored: Mutex<BTreeMap<(usize, Choice), Option<Counts>>>,
}

impl Trial {
    /// Shows all cases that have the rule, once, to what watches them. `scores`: the camera's score may be turned, too; `only`
    /// names what may be turned.
    ///
    /// # Errors
    /// A case that cannot be run, or none; cases that differ in what is to be turned; nothing to turn.
    pub(super) fn observe(
        subject: &Subject,
        rule: &str,
        scores: bool,
        only: &[String],
        told: &(dyn Fn(&str) + Sync),
    ) -> anyhow::Result<Trial> {
        let seen = subject.each(&|case, scene, camera, models| {
            let has = case
                .rules
                .iter()
                .any(|one| one.id == rule && one.settings.is_some());
            let place = scene
                .rules
                .iter()
                .position(|one| one.id == rule)
                .filter(|_| has);
            let Some(place) = place else { return Ok(None) };
            let scene = alone(scene, place);
            let place = scene
                .rules
                .iter()
                .position(|one| one.id == rule)
                .unwrap_or_default();
            let labels = models
                .iter()
                .map(|(name, model)| (name.clone(), Arc::clone(model.labels())));
            let labels = labels.collect();
            let mut analysis = run::analysis(&scene, camera, &labels)?;
            let at = Setting {
                scene,
                rule: place,
                min_score: camera.min_score,
            };
            let mut camera = camera.clone();
            if scores {
                camera.min_score = camera.min_score.min(LEAST_SCORE as f32);
            }
            let (mut run, mut steps, mut alarms) = (CaseRun::default(), Vec::new(), Vec::new());
            run::watch(
                &case.clip,
                &camera,
                models,
                &mut analysis,
                &mut run,
                &mut |step, decisions| {
                    steps.push(step);
                    alarms.extend(run::opened(&at.scene, decisions));
                },
            )?;
            run.alarms = alarms;
            told(&case.name);
            Ok(Some(Observed {
                case: case.clone(),
                at,
                camera,
                labels,
                steps,
                run,
            }))
        });
        let mut cases = Vec::new();
        for (case, seen) in subject.cases.iter().zip(seen) {
            let seen = seen.map_err(|why| anyhow::anyhow!("case {}: {why}", case.name))?;
            cases.extend(seen);
        }
        let Some(first) = cases.first() else {
            bail!(
                "no case has a rule {rule:?} that can be evaluated; {}",
                known(&subject.cases)
            );
        };
        let knobs = Knob::of(first.at.rule(), scores);
        let knobs = chosen(knobs, only)?;
        for knob in &knobs {
            let value = |one: &Observed| knob.value(&one.at);
            if let Some(other) = cases.iter().find(|one| value(one) != value(first)) {
                bail!(
                    "rule {rule:?} has {} {} in case {} and {} in case {}: name the camera that is to be tuned with --config, or \
                     leave the value out with --only",
                    knob.name(),
                    value(first),
                    first.case.name,
                    value(other),
                    other.case.name
                );
            }
        }
        let values: Vec<Vec<f64>> = (knobs.iter()).map(|knob| knob.values(&first.at)).collect();
        let now = knobs
            .iter()
            .zip(&values)
            .map(|(knob, values)| nearest(values, knob.value(&first.at)));
        Ok(Trial {
            now: now.collect(),
            rule: rule.to_owned(),
            knobs,
            values,
            cases,
            scored: Mutex::new(BTreeMap::new()),
        })
    }

    /// The value of each knob.
    pub(super) fn turned<'t>(
        &'t self,
        choice: &'t Choice,
    ) -> impl Iterator<Item = (Knob, f64)> + 't {
        let knobs = self.knobs.iter().zip(&self.values).zip(choice);
        knobs.map(|((knob, values), place)| (*knob, values[*place]))
    }

    /// The usual choice: what holds where nobody says anything, as far as there is such a value.
    pub(super) fn usual(&self) -> Choice {
        let kind = self.cases[0].at.rule().rule.kind();
        let keys = crate::config::rule::keys(kind).numbers;
        let knobs = self.knobs.iter().zip(&self.values).zip(&self.now);
        let usual = knobs.map(|((knob, values), now)| match knob {
            Knob::Number(key) => (keys.iter().find(|number| number.key == *key))
                .and_then(|number| number.default)
                .map_or(*now, |value| nearest(values, value)),
            Knob::Margin | Knob::MinScore => *now,
        });
        usual.collect()
    }

    /// What the rule scores in each of these cases; nothing where the choice makes no sense in one of them.
    pub(super) fn counts(&self, cases: &[usize], choices: &[Choice]) -> Vec<Option<Vec<Counts>>> {
        let mut wanted: Vec<(usize, &Choice)> = Vec::new();
        {
            let scored = self.scored.lock().unwrap_or_else(PoisonError::into_inner);
            for choice in choices {
                let open = cases
                    .iter()
                    .filter(|case| !scored.contains_key(&(**case, choice.clone())));
                wanted.extend(open.map(|case| (*case, choice)));
            }
        }
        let next = AtomicUsize::new(0);
        thread::scope(|scope| {
            for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
                scope.spawn(|| {
                    while let Some((case, choice)) =
                        wanted.get(next.fetch_add(1, Ordering::Relaxed))
                    {
                        let counts = self
                            .alarms(*case, choice)
                            .map(|alarms| self.score(*case, &alarms).counts());
                        let mut scored = self.scored.lock().unwrap_or_else(PoisonError::into_inner);
                        scored.insert((*case, (*choice).clone()), counts);
                    }
                });
            }
        });
        let scored = self.scored.lock().unwrap_or_else(PoisonError::into_inner);
        let of = |choice: &Choice| {
            let each = cases
                .iter()
                .map(|case| scored.get(&(*case, choice.clone())).copied().flatten());
            each.collect()
        };
        choices.iter().map(of).collect()
    }

    /// Alarms of the rule in a case; nothing where the choice makes no sense there.
    pub(super) fn alarms(&self, case: usize, choice: &Choice) -> Option<Vec<Alarm>> {
        let one = &self.cases[case];
        let mut at = one.at.clone();
        for (place, (knob, value)) in self.turned(choice).enumerate() {
            if choice[place] != self.now[place] {
                knob.turn(&mut at, value).ok()?;
            }
        }
        let mut analysis = run::analysis(&at.scene, &one.camera, &one.labels).ok()?;
        let decided = decide(&one.steps, &mut analysis, at.min_score);
        let alarms = run::opened(&at.scene, &decided);
        Some(alarms.filter(|alarm| alarm.rule == self.rule).collect())
    }

    /// Alarms of the rule against what really happens in the case.
    pub(super) fn score(&self, case: usize, alarms: &[Alarm]) -> Score {
        let times: Vec<f64> = alarms.iter().map(|alarm| alarm.capture_s).collect();
        Score::new(&self.rule, &self.cases[case].case.truth, &times)
    }

    /// Precision and recall over all cases of everything that was tried on all of them, without repetitions.
    pub(super) fn tried(&self) -> Vec<Counts> {
        let scored = self.scored.lock().unwrap_or_else(PoisonError::into_inner);
        let mut sums: BTreeMap<&Choice, (usize, Counts)> = BTreeMap::new();
        for ((_, choice), counts) in scored.iter() {
            if let Some(counts) = counts {
                let (cases, sum) = sums.entry(choice).or_default();
                (*cases, *sum) = (*cases + 1, *sum + *counts);
            }
        }
        let whole = sums
            .into_values()
            .filter(|(cases, _)| *cases == self.cases.len());
        let mut tried: Vec<Counts> = whole.map(|(_, counts)| counts).collect();
        tried.sort_by_key(|counts| (counts.tp, counts.fp, counts.fn_));
        tried.dedup();
        tried
    }
}

/// The scene with this rule only, where it stands on its own: the others need not be asked again and again.
fn alone(scene: &SceneSettings, rule: usize) -> SceneSettings {
    let mut scene = scene.clone();
    if scene.rules[rule].rule.kind() != RuleKind::Sequence {
        scene.rules = vec![scene.rules.swap_remove(rule)];
    }
    scene
}

fn nearest(values: &[f64], value: f64) -> usize {
    let near = |(_, a): &(usize, &f64), (_, b): &(usize, &f64)| {
        (*a - value).abs().total_cmp(&(*b - value).abs())
    };
    values
        .iter()
        .enumerate()
        .min_by(near)
        .map_or(0, |(place, _)| place)
}

fn chosen(knobs: Vec<Knob>, only: &[String]) -> anyhow::Result<Vec<Knob>> {
    let names: Vec<&str> = knobs.iter().map(|knob| knob.name()).collect();
    if let Some(other) = only.iter().find(|name| !names.contains(&name.as_str())) {
        bail!(
            "--only {other:?}: of this rule can be turned: {}",
            names.join(", ")
        );
    }
    if knobs.is_empty() {
        bail!("nothing of this rule can be turned");
    }
    let wanted = |knob: &Knob| only.is_empty() || only.iter().any(|name| name == knob.name());
    Ok(knobs.into_iter().filter(wanted).collect())
}

fn known(cases: &[Case]) -> String {
    let rules = cases
        .iter()
        .flat_map(|case| &case.rules)
        .filter(|rule| rule.settings.is_some());
    let mut names: Vec<&str> = rules.map(|rule| rule.id.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    match names.is_empty() {
        true => "they have none at all".to_owned(),
        false => format!("they have {}", names.join(", ")),
    }
}
