//! The command line of `edge-agent evaluate`.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context as _, bail};

use super::{
    baseline::Baseline,
    case::Case,
    html::html,
    report::{CaseReport, Report, Totals},
    run::{self, CaseRun},
    subject::{self, LoadModel, Subject, SubjectArgs, Whose, each},
    table::table,
};

/// Runs incident cases through the pipeline and scores what it raises.
#[derive(Debug, clap::Args)]
pub struct EvaluateArgs {
    #[command(flatten)]
    subject: SubjectArgs,
    /// Print JSON instead of a table
    #[arg(long)]
    json: bool,
    /// Write a report with time lines and pictures of every miss and false alarm
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Write one JSON-lines file a case with the alarms that were raised
    #[arg(long, value_name = "DIR")]
    alarms: Option<PathBuf>,
    /// Exit with 1 where F1 over all rules is below this
    #[arg(long, value_name = "F1")]
    min_f1: Option<f64>,
    /// An earlier --json report of the same cases: exit with 1, and say why, where a rule of a case does worse than in it
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
}

/// Runs the command.
///
/// # Errors
/// Where the cases, the settings or the library cannot be read; a single case that fails is reported in its place.
pub fn main(args: &EvaluateArgs) -> anyhow::Result<ExitCode> {
    let baseline = args.baseline.as_deref().map(Baseline::load).transpose()?;
    let subject = Subject::open(&args.subject)?;
    let runs = subject.each(&run::run_case);
    let cases = &subject.cases;
    let report = report(cases, &runs);
    let alarms: Vec<_> = runs
        .iter()
        .map(|run| run.as_ref().map(|r| r.alarms.clone()).unwrap_or_default())
        .collect();
    if let Some(folder) = &args.alarms {
        write_alarms(folder, cases, &runs)?;
    }
    if let Some(path) = &args.html {
        fs::write(path, html(&report, cases, &alarms))
            .with_context(|| path.display().to_string())?;
    }
    let text = match args.json {
        true => serde_json::to_string(&report)? + "\n",
        false => table(&report),
    };
    std::io::stdout().lock().write_all(text.as_bytes())?;
    let failed = report.cases.iter().any(|case| case.error.is_some());
    let low = args.min_f1.is_some_and(|min| report.micro.f1 < min);
    let worse = baseline
        .map(|baseline| baseline.worse(&report))
        .unwrap_or_default();
    let mut told = std::io::stderr().lock();
    for line in &worse {
        writeln!(told, "worse than the baseline: {line}")?;
    }
    Ok(ExitCode::from(u8::from(failed || low || !worse.is_empty())))
}

/// How one model does on the cases at these places.
///
/// # Errors
/// Where the cases or the settings cannot be read, or a case cannot be run.
pub(crate) fn score_model(
    places: &[PathBuf],
    settings: Option<&Path>,
    model: &str,
    load_model: LoadModel<'_>,
) -> anyhow::Result<Totals> {
    let mut cases = subject::load(places)?;
    let whose = Whose::Cases {
        settings: subject::settings(settings)?,
        model: Some(model.to_owned()),
        gate: None,
    };
    whose.leave_out(&mut cases);
    let runs = each(&cases, &whose, None, load_model, &run::run_case);
    let report = report(&cases, &runs);
    let failed = report.cases.iter().find_map(|case| {
        let why = case.error.as_ref()?;
        Some(format!("case {}: {why}", case.name))
    });
    match failed {
        Some(why) => bail!(why),
        None => Ok(report.micro),
    }
}

fn report(cases: &[Case], runs: &[Result<CaseRun, String>]) -> Report {
    let reports = cases.iter().zip(runs);
    let reports =
        reports.map(|(case, run)| CaseReport::new(case, run.as_ref().map_err(Clone::clone)));
    Report::new(reports.collect())
}

/// One line of an alarms file.
#[derive(serde::Serialize)]
struct AlarmLine<'a> {
    rule: &'a str,
    capture_s: f64,
}

fn write_alarms(
    folder: &Path,
    cases: &[Case],
    runs: &[Result<CaseRun, String>],
) -> anyhow::Result<()> {
    fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    for (case, run) in cases.iter().zip(runs) {
        let Ok(run) = run else { continue };
        let mut text = String::new();
        for alarm in &run.alarms {
            text += &serde_json::to_string(&AlarmLine {
                rule: &alarm.rule,
                capture_s: alarm.capture_s,
            })?;
            text.push('\n');
        }
        let path = folder.join(format!("{}.jsonl", case.name));
        fs::write(&path, text).with_context(|| path.display().to_string())?;
    }
    Ok(())
}
