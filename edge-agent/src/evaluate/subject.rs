//! What is evaluated: cases, and whose rules watch them. Either what each case says of its own camera, or one camera as it is
//! configured on its node.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
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
    ignored::Ignored,
};
use crate::{
    camera::gate::GateKind,
    config::{self, settings::CameraSettings},
    inference::{
        folders::{FolderArgs, ModelFolders},
        model::{Model, ModelError},
        runtime::Runtime,
    },
};

/// How a thread gets a model of its own, by its name.
pub(crate) type LoadModel<'l> = &'l (dyn Fn(&str) -> Result<Model, ModelError> + Sync);

/// Models by name.
pub(crate) type Models = BTreeMap<String, Model>;

/// Cases, and whose rules watch them.
#[derive(Debug, clap::Args)]
pub(crate) struct SubjectArgs {
    /// Case folders, case.toml files, or folders of cases
    #[arg(required = true, value_name = "CASE")]
    pub cases: Vec<PathBuf>,
    /// Use this model for every case; without it, what the camera settings say, else street-nano
    #[arg(long, value_name = "NAME")]
    pub model: Option<String>,
    /// Gate every case's camera so: off, motion or encoded; without it, what the camera settings say, else off
    #[arg(long, value_name = "GATE", value_parser = gate)]
    pub gate: Option<GateKind>,
    /// What an integrator would set for each case's camera (TOML, one table a case)
    #[arg(long, value_name = "FILE")]
    pub camera_settings: Option<PathBuf>,
    /// The rules, zones and models of a camera of this edge-agent.toml, in place of what the cases say
    #[arg(long, value_name = "FILE", conflicts_with_all = ["camera_settings", "model", "gate"])]
    pub config: Option<PathBuf>,
    /// The camera that is meant; may be left out where there is one only
    #[arg(long, value_name = "ID", requires = "config")]
    pub camera: Option<String>,
    /// Have rules ignore what a node ignores for them (its replay/ignored.toml)
    #[arg(long, value_name = "FILE")]
    pub ignored: Option<PathBuf>,
    /// Cases that run at the same time; all cores by default
    #[arg(long, value_name = "N")]
    pub jobs: Option<usize>,
    /// Where models are
    #[command(flatten)]
    pub places: FolderArgs,
}

fn gate(name: &str) -> Result<GateKind, String> {
    let found = GateKind::NAMES.iter().find(|(known, _)| *known == name);
    found
        .map(|(_, kind)| *kind)
        .ok_or_else(|| "allowed are off, motion and encoded".to_owned())
}

/// Whose rules watch.
pub(crate) enum Whose {
    /// What each case says, with what an integrator would set for its camera.
    Cases {
        settings: CameraSettingsFile,
        model: Option<String>,
        gate: Option<GateKind>,
    },
    /// A camera as it is configured.
    Camera(Box<CameraSettings>),
}

impl Whose {
    /// What runs over a case.
    pub(crate) fn on(&self, case: &Case) -> (SceneSettings, CaseCamera) {
        match self {
            Whose::Camera(camera) => (camera.scene.clone(), CaseCamera::of(camera)),
            Whose::Cases {
                settings,
                model,
                gate,
            } => {
                let mut camera = settings.camera(&case.name, model.as_deref());
                camera.gate = gate.unwrap_or(camera.gate);
                let scene = SceneSettings {
                    zones: case.zones.clone(),
                    lines: case.lines.clone(),
                    rules: camera.rules(case),
                    tracker: camera.tracker.clone(),
                    ground: case.ground.clone(),
                };
                (scene, camera)
            }
        }
    }

    /// Leaves rules of cases out that are not watched: the camera has none of the name, or no second model that they go by.
    /// They are told as not supported.
    pub(crate) fn leave_out(&self, cases: &mut [Case]) {
        for case in cases {
            let (scene, camera) = self.on(case);
            for rule in &mut case.rules {
                let own = scene.rules.iter().find(|own| own.id == rule.id);
                let own = own.filter(|own| camera.can_see(own)).cloned();
                rule.settings = own.filter(|_| rule.settings.is_some());
            }
        }
    }
}

/// Cases with whose rules watch them, and models to do it with.
pub(crate) struct Subject {
    pub(crate) cases: Vec<Case>,
    pub(crate) whose: Whose,
    runtime: Runtime,
    folders: ModelFolders,
    jobs: Option<usize>,
}

impl Subject {
    /// What the command line names.
    ///
    /// # Errors
    /// Where the cases, the settings or the library cannot be read.
    pub(crate) fn open(args: &SubjectArgs) -> anyhow::Result<Subject> {
        let mut cases = load(&args.cases)?;
        if let Some(path) = &args.ignored {
            let ignored = Ignored::load(path).map_err(anyhow::Error::msg)?;
            for case in &mut cases {
                ignored.apply(case).map_err(anyhow::Error::msg)?;
            }
        }
        let (whose, runtime, folders) = match &args.config {
            Some(path) => configured(path, args.camera.as_deref())?,
            None => {
                let settings = settings(args.camera_settings.as_deref())?;
                let whose = Whose::Cases {
                    settings: settings.with_own(&cases).map_err(anyhow::Error::msg)?,
                    model: args.model.clone(),
                    gate: args.gate,
                };
                let runtime = Runtime::load(args.places.runtime.as_deref())?;
                (whose, runtime, args.places.folders())
            }
        };
        whose.leave_out(&mut cases);
        Ok(Subject {
            cases,
            whose,
            runtime,
            folders,
            jobs: args.jobs,
        })
    }

    /// Does something with each case that can be run, on several threads, as [`each`].
    pub(crate) fn each<T: Send>(&self, work: Work<'_, T>) -> Vec<Result<T, String>> {
        let load_model = |name: &str| self.folders.load(&self.runtime, name);
        each(&self.cases, &self.whose, self.jobs, &load_model, work)
    }
}

/// What an integrator would set for the cameras of cases.
///
/// # Errors
/// The file cannot be read.
pub(crate) fn settings(path: Option<&Path>) -> anyhow::Result<CameraSettingsFile> {
    Ok(match path {
        Some(path) => CameraSettingsFile::load(path).map_err(anyhow::Error::msg)?,
        None => CameraSettingsFile::default(),
    })
}

fn configured(path: &Path, camera: Option<&str>) -> anyhow::Result<(Whose, Runtime, ModelFolders)> {
    let settings = config::load(path)?;
    let camera = the_camera(&settings.cameras, camera)?.clone();
    let runtime = settings.inference.load_runtime()?;
    Ok((
        Whose::Camera(Box::new(camera)),
        runtime,
        settings.inference.folders,
    ))
}

/// The camera of this name, or the only one.
///
/// # Errors
/// There is none of the name, or there are several and none is named.
pub(crate) fn the_camera<'s>(
    cameras: &'s [CameraSettings],
    id: Option<&str>,
) -> anyhow::Result<&'s CameraSettings> {
    let known: Vec<&str> = cameras.iter().map(|camera| camera.id.as_str()).collect();
    match (id, cameras) {
        (Some(id), cameras) => (cameras.iter().find(|camera| camera.id.as_str() == id))
            .with_context(|| {
                format!(
                    "there is no camera {id}; these are there: {}",
                    known.join(", ")
                )
            }),
        (None, [camera]) => Ok(camera),
        (None, _) => bail!(
            "name one of the cameras with --camera: {}",
            known.join(", ")
        ),
    }
}

/// All cases at these places, by name.
///
/// # Errors
/// Everything that is wrong in any of them.
pub(crate) fn load(places: &[PathBuf]) -> anyhow::Result<Vec<Case>> {
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

/// What is done with one case.
pub(crate) type Work<'w, T> =
    &'w (dyn Fn(&Case, &SceneSettings, &CaseCamera, &mut Models) -> Result<T, String> + Sync);

/// Does something with each case on several threads, each with models of its own. Results are in the order of `cases`.
pub(crate) fn each<T: Send>(
    cases: &[Case],
    whose: &Whose,
    jobs: Option<usize>,
    load_model: LoadModel<'_>,
    work: Work<'_, T>,
) -> Vec<Result<T, String>> {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let jobs = jobs.unwrap_or(cores).clamp(1, cases.len().max(1));
    let next = AtomicUsize::new(0);
    let results = Mutex::new(BTreeMap::new());
    thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| {
                let mut models = Models::new();
                loop {
                    let i = next.fetch_add(1, Ordering::Relaxed);
                    let Some(case) = cases.get(i) else { break };
                    let (scene, camera) = whose.on(case);
                    let ready = ready(case, &scene, &camera, load_model, &mut models);
                    let result = ready.and_then(|()| work(case, &scene, &camera, &mut models));
                    let mut results = results.lock().unwrap_or_else(PoisonError::into_inner);
                    results.insert(i, result);
                }
            });
        }
    });
    let results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    results.into_values().collect()
}

/// Has everything at hand that a case needs.
fn ready(
    case: &Case,
    scene: &SceneSettings,
    camera: &CaseCamera,
    load_model: LoadModel<'_>,
    models: &mut Models,
) -> Result<(), String> {
    if scene.rules.is_empty() {
        return Ok(());
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
    Ok(())
}
