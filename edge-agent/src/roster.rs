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

/// Models by name: one of each for each inference session.
pub(crate) type Models = BTreeMap<String, Vec<Model>>;
/// Why cameras cannot be watched, by their names.
pub(crate) type CameraFaults = BTreeMap<String, String>;

/// Loads what the cameras use. A model that is refused fails the cameras that use it.
pub(crate) async fn load_models(settings: &Settings) -> (Models, CameraFaults) {
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
    let inference = settings.inference.clone();
    let loading = tokio::task::spawn_blocking(move || {
        let (mut models, mut faults) = (Models::new(), CameraFaults::new());
        for (name, cameras) in wanted {
            match load_model(&inference, &name) {
                Ok(sessions) => {
                    models.insert(name, sessions);
                }
                Err(why) => faults.extend(
                    cameras
                        .into_iter()
                        .map(|id| (id, format!("model {name}: {why}"))),
                ),
            }
        }
        (models, faults)
    });
    loading.await.unwrap_or_else(|e| {
        let all = settings
            .cameras
            .iter()
            .map(|camera| (camera.id.to_string(), format!("models: {e}")));
        (Models::new(), all.collect())
    })
}

fn load_model(inference: &InferenceSettings, name: &str) -> Result<Vec<Model>, String> {
    let runtime = inference.load_runtime().map_err(|e| e.to_string())?;
    let load = |_| (inference.folders.load(&runtime, name)).map_err(|e| e.to_string());
    (0..inference.sessions).map(load).collect()
}

/// An account of each camera, and those of them that can be watched; for the others `faults` says why not.
pub(crate) fn prepare(
    settings: &Settings,
    models: &Models,
    faults: &mut CameraFaults,
) -> (Vec<Ready>, Vec<Arc<CameraAccount>>) {
    let (mut ready, mut accounts) = (Vec::new(), Vec::new());
    for camera in &settings.cameras {
        let mut account = CameraAccount::new(
            camera.id.clone(),
            camera.name.clone(),
            camera.enabled,
            camera.analysis_fps,
        );
        account.frozen_after = camera.stream.frozen_after;
        account.evidence = camera.substream.is_some().then(Arc::default);
        let account = Arc::new(account);
        accounts.push(Arc::clone(&account));
        if !camera.enabled {
            continue;
        }
        if let Some(fault) = &camera.fault {
            faults.insert(camera.id.to_string(), fault.clone());
        }
        if faults.contains_key(camera.id.as_str()) {
            continue;
        }
        match scene(settings, camera, models) {
            Ok((analysis, reporter, privacy)) => ready.push(Ready {
                camera: camera.clone(),
                account,
                analysis,
                reporter,
                privacy,
            }),
            Err(why) => {
                faults.insert(camera.id.to_string(), why);
            }
        }
    }
    (ready, accounts)
}

fn scene(
    settings: &Settings,
    camera: &CameraSettings,
    models: &Models,
) -> Result<(Analysis, Reporter, Arc<Privacy>), String> {
    let fps = camera.analysis_fps;
    let loaded = |name: &str| {
        let sessions = models.get(name).and_then(|sessions| sessions.first());
        sessions.ok_or_else(|| format!("model {name}: not loaded"))
    };
    let model = loaded(&camera.model)?;
    model.check_role(Role::Objects).map_err(|e| e.to_string())?;
    let mut cascades = Vec::new();
    for cascade in &camera.cascades {
        let second = loaded(&cascade.model)?;
        second.check_role(Role::Crops).map_err(|e| e.to_string())?;
        let name = cascade
            .id
            .parse()
            .map_err(|e| format!("cascade {}: {e}", cascade.id))?;
        cascades.push((name, Arc::clone(second.labels())));
    }
    for look in &camera.looks {
        let model = loaded(&look.model)?;
        model
            .check_role(Role::Pictures)
            .map_err(|e| e.to_string())?;
    }
    if let Some(likeness) = &camera.likeness {
        let model = loaded(&likeness.model)?;
        model
            .check_role(Role::Likeness)
            .map_err(|e| e.to_string())?;
    }
    let known = |name: &str| loaded(name).map_or_else(|_| Vec::new(), |m| m.labels().to_vec());
    let looks = sources(&camera.cascades, &camera.looks, known);
    let analysis = Analysis::with_looks(&camera.scene, model.labels(), fps, &looks);
    let analysis = analysis.map_err(|errors| {
        errors
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join("; ")
    })?;
    let analysis = analysis
        .with_cascades(&camera.cascades, model.labels())?
        .with_schedules(camera.scheduled());
    let privacy = privacy(camera, model.labels())?;
    let reference = ModelRef {
        name: model.name().to_owned(),
        sha256: model.sha256().to_owned(),
    };
    let chunk = settings.mqtt.evidence_chunk();
    let reporter = Reporter::new(&settings.node, camera, reference, model.labels(), chunk)
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
