//! Who can be watched: loads the models that cameras use, builds their scenes, and says of each of the others why not.
//!
//! A model that is refused or a scene that does not suit its model fails its own cameras; the others go on.

use std::{collections::BTreeMap, sync::Arc};

use protocol::incident::ModelRef;

use crate::{
    analysis::Analysis,
    camera,
    config::{
        Settings,
        settings::{CameraSettings, InferenceSettings},
    },
    event_log::{CameraFailed, Event},
    evidence::privacy::Privacy,
    health::CameraAccount,
    inference::{
        cascade::sources,
        model::{Model, Role},
    },
    metrics::Metrics,
    report::Reporter,
};

/// A camera that can be watched, with what it needs of its model.
pub(crate) struct Ready {
    pub(crate) camera: CameraSettings,
    pub(crate) account: Arc<CameraAccount>,
    pub(crate) analysis: Analysis,
    pub(crate) reporter: Reporter,
    pub(crate) privacy: Arc<Privacy>,
}

/// Why cameras cannot be watched, by their names.
pub(crate) type CameraFaults = BTreeMap<String, String>;

/// What is known of a model that the sessions have.
#[derive(Clone, Debug)]
pub(crate) struct Sheet {
    name: String,
    labels: Arc<[String]>,
    sha256: String,
    roles: Vec<(Role, Option<String>)>,
}

impl Sheet {
    pub(crate) fn of(model: &Model) -> Sheet {
        let roles = Role::ALL.map(|role| (role, model.check_role(role).err()));
        let roles = roles.map(|(role, why)| (role, why.map(|e| e.to_string())));
        Sheet {
            name: model.name().to_owned(),
            labels: Arc::clone(model.labels()),
            sha256: model.sha256().to_owned(),
            roles: roles.into(),
        }
    }

    fn check_role(&self, role: Role) -> Result<(), String> {
        let refused = self.roles.iter().find(|(known, _)| *known == role);
        match refused.and_then(|(_, why)| why.clone()) {
            Some(why) => Err(why),
            None => Ok(()),
        }
    }
}

/// Models that were loaded, one of each for each session, and why others were not, by the cameras that want them.
#[derive(Default)]
pub(crate) struct Loaded {
    pub(crate) models: BTreeMap<String, (Sheet, Vec<Model>)>,
    pub(crate) faults: CameraFaults,
}

/// The models that cameras use, with the cameras that do.
pub(crate) fn wanted(settings: &Settings) -> BTreeMap<String, Vec<String>> {
    let mut wanted: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for camera in settings.cameras.iter().filter(|camera| camera.enabled) {
        let seconds = camera.cascades.iter().map(|cascade| &cascade.model);
        let looks = camera.looks.iter().map(|look| &look.model);
        let likeness = camera.likeness.iter().map(|likeness| &likeness.model);
        let seconds = seconds.chain(looks).chain(likeness);
        for model in seconds.chain([&camera.model]) {
            let cameras = wanted.entry(model.clone()).or_default();
            cameras.push(camera.id.to_string());
        }
    }
    wanted
}

/// Loads what the cameras use and is not there yet. A model that is refused fails the cameras that use it.
pub(crate) async fn load_models(settings: &Settings, there: &BTreeMap<String, Sheet>) -> Loaded {
    let mut wanted = wanted(settings);
    wanted.retain(|name, _| !there.contains_key(name));
    let inference = settings.inference.clone();
    let cameras: Vec<String> = wanted.values().flatten().cloned().collect();
    let loading = tokio::task::spawn_blocking(move || {
        let mut loaded = Loaded::default();
        for (name, cameras) in wanted {
            match load_model(&inference, &name) {
                Ok(model) => drop(loaded.models.insert(name, model)),
                Err(why) => loaded.faults.extend(
                    cameras
                        .into_iter()
                        .map(|id| (id, format!("model {name}: {why}"))),
                ),
            }
        }
        loaded
    });
    loading.await.unwrap_or_else(|e| Loaded {
        faults: cameras
            .into_iter()
            .map(|id| (id, format!("models: {e}")))
            .collect(),
        ..Loaded::default()
    })
}

fn load_model(inference: &InferenceSettings, name: &str) -> Result<(Sheet, Vec<Model>), String> {
    let runtime = inference.load_runtime().map_err(|e| e.to_string())?;
    let load = |_| (inference.folders.load(&runtime, name)).map_err(|e| e.to_string());
    let models: Vec<Model> = (0..inference.sessions)
        .map(load)
        .collect::<Result<_, _>>()?;
    let first = models.first().ok_or("there is no session")?;
    Ok((Sheet::of(first), models))
}

/// A new account of a camera.
pub(crate) fn account(camera: &CameraSettings) -> Arc<CameraAccount> {
    let mut account = CameraAccount::new(
        camera.id.clone(),
        camera.name.clone(),
        camera.enabled,
        camera.analysis_fps,
    );
    account.frozen_after = camera.stream.frozen_after;
    account.evidence = camera.substream.is_some().then(Arc::default);
    Arc::new(account)
}

/// A camera that can be watched.
///
/// # Errors
/// Why it cannot.
pub(crate) fn ready(
    settings: &Settings,
    camera: &CameraSettings,
    account: Arc<CameraAccount>,
    models: &BTreeMap<String, Sheet>,
) -> Result<Ready, String> {
    let (analysis, reporter, privacy) = scene(settings, camera, models)?;
    Ok(Ready {
        camera: camera.clone(),
        account,
        analysis,
        reporter,
        privacy,
    })
}

/// The analysis of a camera, its messages, and what its pictures show to nobody.
///
/// # Errors
/// What does not suit the models.
pub(crate) fn scene(
    settings: &Settings,
    camera: &CameraSettings,
    models: &BTreeMap<String, Sheet>,
) -> Result<(Analysis, Reporter, Arc<Privacy>), String> {
    let fps = camera.analysis_fps;
    let loaded = |name: &str| {
        let sheet = models.get(name);
        sheet.ok_or_else(|| format!("model {name}: not loaded"))
    };
    let model = loaded(&camera.model)?;
    model.check_role(Role::Objects)?;
    let mut cascades = Vec::new();
    for cascade in &camera.cascades {
        let second = loaded(&cascade.model)?;
        second.check_role(Role::Crops)?;
        let name = cascade
            .id
            .parse()
            .map_err(|e| format!("cascade {}: {e}", cascade.id))?;
        cascades.push((name, Arc::clone(&second.labels)));
    }
    for look in &camera.looks {
        loaded(&look.model)?.check_role(Role::Pictures)?;
    }
    if let Some(likeness) = &camera.likeness {
        loaded(&likeness.model)?.check_role(Role::Likeness)?;
    }
    let known = |name: &str| loaded(name).map_or_else(|_| Vec::new(), |m| m.labels.to_vec());
    let looks = sources(&camera.cascades, &camera.looks, known);
    let analysis = Analysis::with_looks(&camera.scene, &model.labels, fps, &looks);
    let analysis = analysis.map_err(|errors| {
        errors
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join("; ")
    })?;
    let analysis = analysis
        .with_cascades(&camera.cascades, &model.labels)?
        .with_schedules(camera.scheduled());
    let privacy = privacy(camera, &model.labels)?;
    let reference = ModelRef {
        name: model.name.clone(),
        sha256: model.sha256.clone(),
    };
    let chunk = settings.mqtt.evidence_chunk();
    let reporter = Reporter::new(&settings.node, camera, reference, &model.labels, chunk)
        .map_err(|e| e.to_string())?;
    Ok((analysis, reporter.with_cascades(cascades), privacy))
}

/// What the camera's pictures show to nobody; where people are shown the log says so.
fn privacy(camera: &CameraSettings, labels: &[String]) -> Result<Arc<Privacy>, String> {
    let settings = &camera.privacy;
    let privacy = Privacy::new(
        settings
            .masks
            .iter()
            .map(|(_, mask)| mask.clone())
            .collect(),
        settings.classes(labels)?,
        settings.cell,
    );
    let id = &camera.id;
    if settings.shows_people() {
        tracing::warn!(camera = %id, "people are not pixelated: privacy.pixelate is empty");
    } else if !privacy.hides_any() {
        tracing::warn!(camera = %id, "people are not pixelated: the model knows no class of theirs");
    }
    Ok(Arc::new(privacy))
}

pub(crate) fn report_faults(
    faults: &CameraFaults,
    accounts: &[Arc<CameraAccount>],
    metrics: &Metrics,
) {
    for account in accounts {
        let id = account.health().id.to_string();
        if let Some(why) = faults.get(&id) {
            account.failed(camera::Part::Whole, why);
            CameraFailed {
                camera: &id,
                cause: "configuration",
                why,
                retry_in: None,
            }
            .emit(metrics);
        }
    }
}
