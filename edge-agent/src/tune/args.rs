//! The command line of `edge-agent tune`, and what it prints.

use std::{
    fmt, fs,
    io::{self, Write as _},
    path::PathBuf,
    process::ExitCode,
};

use anyhow::{Context as _, bail};
use serde::Serialize;

use super::{
    knob::Knob,
    page::page,
    search::best,
    trial::{Choice, Trial},
    validate::{Figure, Scored, gain, unseen},
    write,
};
use crate::evaluate::{
    score::Counts,
    subject::{Subject, SubjectArgs},
};

/// Find the values of a rule that do best on cases, and say whether they hold on cases that they were not found on
#[derive(clap::Args)]
pub struct TuneArgs {
    #[command(flatten)]
    subject: SubjectArgs,
    /// The rule, by its name
    #[arg(long, value_name = "RULE")]
    rule: String,
    /// Turn these only, as min_seconds or "zone margin"; all that the rule has without it
    #[arg(long, value_name = "KEY", value_delimiter = ',')]
    only: Vec<String>,
    /// Turn the camera's min_score, too: all of its rules go by it
    #[arg(long)]
    scores: bool,
    /// So many times a part of the cases is kept aside
    #[arg(long, value_name = "N", default_value_t = 5)]
    folds: usize,
    /// Where the search and its intervals begin: the same seed gives the same
    #[arg(long, value_name = "SEED", default_value_t = 1)]
    seed: u64,
    /// Set what was found in the camera's own file; needs --config, and a gain on cases that were kept aside
    #[arg(long, requires = "config")]
    write: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Write a report with a precision-recall curve, time lines and pictures of every miss and false alarm that is left
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

/// What was found.
#[derive(Serialize)]
pub(super) struct Outcome {
    pub(super) rule: String,
    /// Cases, and incidents in them that count.
    pub(super) cases: usize,
    pub(super) incidents: usize,
    pub(super) values: Vec<Value>,
    /// As it is configured.
    pub(super) before: Scored,
    /// With what was found on all cases, on the same cases.
    pub(super) after: Scored,
    /// With what was found on other cases each; nothing for a single case.
    pub(super) unseen: Option<Scored>,
    /// F1 on unseen cases over F1 before, on the same cases.
    pub(super) gain: Option<Figure>,
}

/// A value that can be turned.
#[derive(Serialize)]
pub(super) struct Value {
    pub(super) key: &'static str,
    pub(super) before: f64,
    pub(super) after: f64,
    #[serde(skip)]
    knob: Knob,
}

/// Runs the command. Exit code 1: nothing was found that does better on cases that were kept aside.
///
/// # Errors
/// Cases or a configuration that cannot be used, a rule that is not there.
pub fn main(args: &TuneArgs) -> anyhow::Result<ExitCode> {
    if args.write && args.folds < 2 {
        bail!(
            "--write needs --folds 2 or more: only what holds on cases that were kept aside is written"
        );
    }
    let subject = Subject::open(&args.subject)?;
    let trial = Trial::observe(&subject, &args.rule, args.scores, &args.only, &|case| {
        say(format_args!("{case}: seen"));
    })?;
    let all: Vec<usize> = (0..trial.cases.len()).collect();
    let found = best(&trial, &all, args.seed);
    let counts = |choice: &Choice| {
        let counts = trial
            .counts(&all, std::slice::from_ref(choice))
            .pop()
            .flatten();
        counts.context("the configured values make no sense")
    };
    let (before, after) = (counts(&trial.now)?, counts(&found)?);
    let unseen = unseen(&trial, args.folds, args.seed, &|fold, folds| {
        say(format_args!("keeping part {} of {folds} aside", fold + 1));
    });
    let outcome = outcome(
        &trial,
        &found,
        [&before, &after, &unseen.unwrap_or_default()],
        args.seed,
    );
    if let Some(path) = &args.html {
        fs::write(path, page(&outcome, &trial, &found))
            .with_context(|| path.display().to_string())?;
    }
    let better = outcome.is_better();
    let mut out = io::stdout().lock();
    match args.json {
        true => writeln!(out, "{}", serde_json::to_string(&outcome)?)?,
        false => write!(out, "{outcome}")?,
    }
    if args.write && better {
        let config = args
            .subject
            .config
            .as_deref()
            .context("--write needs --config")?;
        let values: Vec<(Knob, f64)> = (outcome.changed())
            .map(|value| (value.knob, value.after))
            .collect();
        let file = write::write(config, args.subject.camera.as_deref(), &args.rule, &values)?;
        say(format_args!("written to {}", file.display()));
    } else if args.write {
        say(format_args!(
            "nothing is written: it does no better on cases that were kept aside"
        ));
    }
    Ok(ExitCode::from(u8::from(!better)))
}

/// Progress and what is done, beside what is printed.
fn say(text: fmt::Arguments<'_>) {
    // Where nobody reads, nothing can be said.
    drop(writeln!(io::stderr(), "{text}"));
}

fn outcome(
    trial: &Trial,
    found: &Choice,
    [before, after, unseen]: [&Vec<Counts>; 3],
    seed: u64,
) -> Outcome {
    let sum: Counts = before.iter().copied().sum();
    let values = trial.turned(&trial.now).zip(trial.turned(found));
    let validated = !unseen.is_empty();
    Outcome {
        rule: trial.rule.clone(),
        cases: trial.cases.len(),
        incidents: sum.tp + sum.fn_,
        values: values
            .map(|((knob, before), (_, after))| Value {
                key: knob.name(),
                before,
                after,
                knob,
            })
            .collect(),
        before: Scored::of(before, seed),
        after: Scored::of(after, seed),
        unseen: validated.then(|| Scored::of(unseen, seed)),
        gain: validated.then(|| gain(unseen, before, seed)),
    }
}

impl Outcome {
    /// Whether something else than what is configured does better on cases that it was not found on.
    pub(super) fn is_better(&self) -> bool {
        self.changed().next().is_some() && self.gain.is_some_and(|gain| gain.value > 0.0)
    }

    fn changed(&self) -> impl Iterator<Item = &Value> {
        self.values
            .iter()
            .filter(|value| value.before != value.after)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "rule {}: {} cases, {} incidents\n\n{:22}{:>10}{:>10}",
            self.rule, self.cases, self.incidents, "", "now", "found"
        )?;
        for value in &self.values {
            writeln!(f, "{:22}{:>10}{:>10}", value.key, value.before, value.after)?;
        }
        writeln!(
            f,
            "\n{:38}{:>6}   {:14}{:>10}{:>8}",
            "", "F1", "95 % interval", "precision", "recall"
        )?;
        let mut line = |what: &str, scored: &Scored| {
            let Figure { value, from, to } = scored.f1;
            let interval = format!("{from:.2} to {to:.2}");
            writeln!(
                f,
                "{what:38}{value:>6.3}   {interval:14}{:>10.3}{:>8.3}",
                scored.precision, scored.recall
            )
        };
        line("now", &self.before)?;
        line("found, on the same cases", &self.after)?;
        let Some((unseen, gain)) = self.unseen.as_ref().zip(self.gain) else {
            return writeln!(
                f,
                "\nNo case was kept aside: nothing says whether this holds on another day. Two cases or more are needed."
            );
        };
        line("found, on cases it was not found on", unseen)?;
        let Figure { value, from, to } = gain;
        writeln!(
            f,
            "\ngain of F1 on unseen cases {value:+.3}, 95 % interval {from:+.2} to {to:+.2}"
        )
    }
}
