//! The command line of `edge-agent evaluate`.

use std::{
    collections::BTreeMap,
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use analytics::scene::SceneSettings;
use anyhow::{Context as _, bail};

use super::{
    camera_settings::{CameraSettingsFile, CaseCamera},
    case::{Case, FILE_NAME},
    html::html,
    ignored::Ignored,
    report::{CaseReport, Report, Totals},
    run::{self, CaseRun},
    table::table,
};
use crate::{
    camera::gate::GateKind,
    inference::{
        folders::FolderArgs,
        model::{Model, ModelError},
        runtime::Runtime,
    },
};

/// How a thread gets a model of its own, by its name.
type LoadModel<'l> = &'l (dyn Fn(&str) -> Result<Model, ModelError> + Sync);

/// How cases are run.
struct How<'h> {
    settings: &'h CameraSettingsFile,
    /// The model for all of them, before what the settings say.
    model: Option<&'h str>,
    /// Cases at the same time; all cores by default.
    jobs: Option<usize>,
    /// The gate of all of them, before what the settings say.
    gate: Option<GateKind>,
}

/// Runs incident cases through the pipeline and scores what it raises.
#[derive(Debug, clap::Args)]
pub struct EvaluateArgs {
    /// Case folders, case.toml files, or folders of cases
    #[arg(required = true, value_name = "CASE")]
    pub cases: Vec<PathBuf>,
    /// Print JSON instead of a table
    #[arg(long)]
    pub json: bool,
    /// Write a report with time lines and pictures of every miss and false alarm
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// Write one JSON-lines file a case with the alarms that were raised
    #[arg(long, value_name = "DIR")]
    pub alarms: Option<PathBuf>,
    /// Use this model for every case; without it, what the camera settings say, else street-nano
    #[arg(long, value_name = "NAME")]
    pub model: Option<String>,
    /// Gate every case's camera so: off, motion or encoded; without it, what the camera settings say, else off
    #[arg(long, value_name = "GATE", value_parser = gate)]
    pub gate: Option<GateKind>,
    /// What an integrator would set for each case's camera (TOML, one table a case)
    #[arg(long, value_name = "FILE")]
    pub camera_settings: Option<PathBuf>,
    /// Have rules ignore what a node ignores for them (its replay/ignored.toml)
    #[arg(long, value_name = "FILE")]
    pub ignored: Option<PathBuf>,
    /// Exit with 1 where F1 over all rules is below this
    #[arg(long, value_name = "F1")]
    pub min_f1: Option<f64>,
    /// Cases that run at the same time; all cores by default
    #[arg(long, value_name = "N")]
    pub jobs: Option<usize>,
    /// Where models are
    #[command(flatten)]
    pub places: FolderArgs,
}

/// Runs the command.
///
/// # Errors
/// Where the cases, the settings or the library cannot be read; a single case that fails is reported in its place.
pub fn main(args: EvaluateArgs) -> anyhow::Result<ExitCode> {
    let mut cases = load(&args.cases)?;
    if let Some(path) = &args.ignored {
        let ignored = Ignored::load(path).map_err(anyhow::Error::msg)?;
        for case in &mut cases {
            ignored.apply(case).map_err(anyhow::Error::msg)?;
        }
    }
    let settings = match &args.camera_settings {
        Some(path) => CameraSettingsFile::load(path).map_err(anyhow::Error::msg)?,
        None => CameraSettingsFile::default(),
    };
    let settings = settings.with_own(&cases).map_err(anyhow::Error::msg)?;
    let runtime = Runtime::load(args.places.runtime.as_deref())?;
    let folders = args.places.folders();
    let load_model = |name: &str| folders.load(&runtime, name);
    let how = How {
        settings: &settings,
        model: args.model.as_deref(),
        jobs: args.jobs,
        gate: args.gate,
    };
    leave_out(&mut cases, &how);
    let runs = run_all(&how, &cases, &load_model);
    let report = report(&cases, &runs);
    let alarms: Vec<_> = runs
        .iter()
        .map(|run| run.as_ref().map(|r| r.alarms.clone()).unwrap_or_default())
        .collect();
    if let Some(folder) = &args.alarms {
        write_alarms(folder, &cases, &runs)?;
    }
    if let Some(path) = &args.html {
        fs::write(path, html(&report, &cases, &alarms))
            .with_context(|| path.display().to_string())?;
    }
    let text = match args.json {
        true => serde_json::to_string(&report)? + "\n",
        false => table(&report),
    };
    std::io::stdout().lock().write_all(text.as_bytes())?;
    let failed = report.cases.iter().any(|case| case.error.is_some());
    let low = args.min_f1.is_some_and(|min| report.micro.f1 < min);
    Ok(ExitCode::from(u8::from(failed || low)))
}

fn gate(name: &str) -> Result<GateKind, String> {
    let found = GateKind::NAMES.iter().find(|(known, _)| *known == name);
    found
        .map(|(_, kind)| *kind)
        .ok_or_else(|| "allowed are off, motion and encoded".to_owned())
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
    let mut cases = load(places)?;
    let settings = match settings {
        Some(path) => CameraSettingsFile::load(path).map_err(anyhow::Error::msg)?,
        None => CameraSettingsFile::default(),
    };
    let how = How {
        settings: &settings,
        model: Some(model),
        jobs: None,
        gate: None,
    };
    leave_out(&mut cases, &how);
    let runs = run_all(&how, &cases, load_model);
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

/// All cases at these places, by name.
fn load(places: &[PathBuf]) -> anyhow::Result<Vec<Case>> {
    let mut files = Vec::new();
    for place in places {
        if place.is_dir() && !place.join(FILE_NAME).is_file() {
            let entries = fs::read_dir(place).with_context(|| place.display().to_string())?;
            let mut found: Vec<PathBuf> = entries
                .filter_map(|entry| Some(entry.ok()?.path()))
                .filter(|path| path.join(FILE_NAME).is_file())
                .collect();
            if found.is_empty() {
                bail!("{}: no folder in it has a {FILE_NAME}", place.display());
            }
            found.sort();
            files.append(&mut found);
        } else {
            files.push(place.clone());
        }
    }
    let mut cases: Vec<Case> = Vec::new();
    let mut problems = Vec::new();
    for file in files {
        match Case::load(&file) {
            Ok(case) => cases.push(case),
            Err(e) => problems.push(e.to_string()),
        }
    }
    if !problems.is_empty() {
        bail!("{}", problems.join("\n"));
    }
    Ok(cases)
}

/// Leaves rules out that go by a second model where the case's camera has none: they are told as not supported.
fn leave_out(cases: &mut [Case], how: &How<'_>) {
    for case in cases {
        let camera = how.settings.camera(&case.name, how.model);
        for rule in &mut case.rules {
            rule.settings = rule.settings.take().filter(|rule| camera.can_see(rule));
        }
    }
}

/// Runs the cases on several threads, each with models of its own. Results are in the order of `cases`.
fn run_all(
    how: &How<'_>,
    cases: &[Case],
    load_model: LoadModel<'_>,
) -> Vec<Result<CaseRun, String>> {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let jobs = how.jobs.unwrap_or(cores).clamp(1, cases.len().max(1));
    let next = AtomicUsize::new(0);
    let results = Mutex::new(BTreeMap::new());
    thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| {
                let mut models = BTreeMap::new();
                loop {
                    let i = next.fetch_add(1, Ordering::Relaxed);
                    let Some(case) = cases.get(i) else { break };
                    let mut camera = how.settings.camera(&case.name, how.model);
                    camera.gate = how.gate.unwrap_or(camera.gate);
                    let result = run_one(case, &camera, load_model, &mut models);
                    let mut results = results.lock().unwrap_or_else(PoisonError::into_inner);
                    results.insert(i, result);
                }
            });
        }
    });
    let results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    results.into_values().collect()
}

fn run_one(
    case: &Case,
    camera: &CaseCamera,
    load_model: LoadModel<'_>,
    models: &mut BTreeMap<String, Model>,
) -> Result<CaseRun, String> {
    let scene = SceneSettings {
        zones: case.zones.clone(),
        lines: case.lines.clone(),
        rules: camera.rules(case),
        tracker: camera.tracker.clone(),
        ground: case.ground.clone(),
    };
    if scene.rules.is_empty() {
        return Ok(CaseRun::default());
    }
    if !case.clip.is_file() {
        return Err(format!(
            "the clip {} is not there; the README beside the cases says how clips are made",
            case.clip.display()
        ));
    }
    for (role, name) in camera.models() {
        if !models.contains_key(name) {
            let model = load_model(name).map_err(|e| e.to_string())?;
            models.insert(name.to_owned(), model);
        }
        let model = models.get(name).ok_or("no model")?;
        model.check_role(role).map_err(|e| e.to_string())?;
    }
    run::run(&case.clip, &scene, camera, models)
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
