//! The cameras at work: started, changed and stopped one by one, while the others go on.
//!
//! A change of what is watched for begins a camera's analysis anew and leaves its stream alone; a change of where its pictures
//! come from begins both. Nothing is touched before all that the new configuration needs is there.

mod camera;

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    sync::Arc,
    time::Duration,
};

use protocol::Name;
use tokio::sync::watch;
use uuid::Uuid;

use crate::{
    analysis::Analysis,
    archive::Archive,
    command::{Posts, verdict::Tellers},
    config::{Settings, settings::CameraSettings},
    health::CameraAccount,
    inference::{scheduler::Scheduler, worker::Shelf},
    ladder::relief::Relieved,
    metrics::Metrics,
    observed::tap::Tap,
    report::Reporter,
    roster::{self, CameraFaults, Loaded, Ready, Sheet},
    spool::Spool,
};
use camera::AtWork;

/// Who is at work, for those who look on: figures, commands, the ladder.
#[derive(Clone, Default)]
pub struct Lineup {
    /// Accounts of all cameras, in the order of the configuration.
    pub accounts: Vec<Arc<CameraAccount>>,
    /// Those that take orders.
    pub posts: Posts,
    /// Those that the ladder may come to.
    pub relieved: Vec<Relieved>,
    /// Where others hear what the analyses are told.
    pub taps: BTreeMap<Name, Arc<Tap>>,
}

/// What every camera works with.
pub(crate) struct Means {
    pub(crate) scheduler: Arc<Scheduler>,
    /// One for each inference session.
    pub(crate) shelves: Vec<Arc<Shelf>>,
    pub(crate) archive: Arc<Archive>,
    pub(crate) tellers: Tellers,
    pub(crate) spool: Spool,
    pub(crate) open_incidents: watch::Sender<Vec<Uuid>>,
    pub(crate) metrics: Metrics,
}

/// See the module.
pub(crate) struct Fleet {
    means: Means,
    at_work: BTreeMap<Name, AtWork>,
    accounts: BTreeMap<Name, (CameraSettings, Arc<CameraAccount>)>,
    /// Models that the sessions have.
    sheets: BTreeMap<String, Sheet>,
    lineup: watch::Sender<Lineup>,
}

/// What has to be begun anew when a camera's settings change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    Nothing,
    Analysis,
    Everything,
}

/// Whether a camera would be another with other settings.
pub(crate) fn differ(old: &CameraSettings, new: &CameraSettings) -> bool {
    change(old, new) != Change::Nothing
}

fn change(old: &CameraSettings, new: &CameraSettings) -> Change {
    let streams = |camera: &CameraSettings| {
        let CameraSettings {
            name,
            enabled,
            stream,
            substream,
            decoding,
            gate,
            analysis_fps,
            reel,
            fault,
            ..
        } = camera.clone();
        (
            stream,
            substream,
            format!("{name:?} {enabled} {decoding:?} {gate:?} {analysis_fps} {reel:?} {fault:?}"),
        )
    };
    if streams(old) != streams(new) {
        Change::Everything
    } else if format!("{old:?}") == format!("{new:?}") {
        Change::Nothing
    } else {
        Change::Analysis
    }
}

impl Fleet {
    /// Nobody is at work yet; `lineup` hears who is.
    pub(crate) fn new(means: Means, lineup: watch::Sender<Lineup>) -> Fleet {
        Fleet {
            means,
            at_work: BTreeMap::new(),
            accounts: BTreeMap::new(),
            sheets: BTreeMap::new(),
            lineup,
        }
    }

    /// Sets the cameras of a configuration to work. Who cannot be watched is a failed camera; the others go on.
    ///
    /// # Errors
    /// If the operating system gives no more threads.
    pub(crate) async fn begin(&mut self, settings: &Settings) -> io::Result<CameraFaults> {
        let loaded = roster::load_models(settings, &self.sheets).await;
        let prepared = self.prepare(settings, &loaded);
        let faults = prepared.faults.clone();
        self.set(settings, loaded, prepared).await?;
        Ok(faults)
    }

    /// Changes to the cameras of another configuration, where all of those that it changes can be watched; else nothing is
    /// changed.
    ///
    /// # Errors
    /// Why cameras cannot be watched, by their names.
    pub(crate) async fn change(&mut self, settings: &Settings) -> Result<(), CameraFaults> {
        let loaded = roster::load_models(settings, &self.sheets).await;
        let prepared = self.prepare(settings, &loaded);
        if !prepared.faults.is_empty() {
            return Err(prepared.faults);
        }
        let outcome = self.set(settings, loaded, prepared).await;
        outcome.map_err(|e| CameraFaults::from([("all".to_owned(), e.to_string())]))
    }

    /// Everybody who is not at work as these settings say, ready for it.
    fn prepare(&self, settings: &Settings, loaded: &Loaded) -> Prepared {
        let mut prepared = Prepared::default();
        let sheets: BTreeMap<String, Sheet> = (self.sheets.iter())
            .chain(loaded.models.iter().map(|(name, (sheet, _))| (name, sheet)))
            .map(|(name, sheet)| (name.clone(), sheet.clone()))
            .collect();
        for camera in &settings.cameras {
            let id = &camera.id;
            let before = self.accounts.get(id);
            let change = before.map_or(Change::Everything, |(old, _)| change(old, camera));
            let account = match before {
                Some((_, account)) if change != Change::Everything => Arc::clone(account),
                _ => roster::account(camera),
            };
            prepared
                .accounts
                .push((camera.clone(), Arc::clone(&account)));
            let works = self.at_work.contains_key(id);
            if !camera.enabled || (works && change == Change::Nothing) {
                continue;
            }
            let failed = loaded.faults.get(id.as_str()).or(camera.fault.as_ref());
            let ready = match failed {
                Some(why) => Err(why.clone()),
                None => roster::ready(settings, camera, account, &sheets),
            };
            match ready {
                Ok(ready) => prepared.ready.push((ready, change)),
                Err(why) => drop(prepared.faults.insert(id.to_string(), why)),
            }
        }
        prepared
    }

    async fn set(
        &mut self,
        settings: &Settings,
        loaded: Loaded,
        prepared: Prepared,
    ) -> io::Result<()> {
        self.stock(loaded);
        let stay = |id: &Name| settings.cameras.iter().any(|c| c.id == *id && c.enabled);
        let leaving: Vec<Name> = (self.at_work.keys())
            .filter(|id| !stay(id))
            .cloned()
            .collect();
        for id in leaving {
            if let Some(camera) = self.at_work.remove(&id) {
                camera.stop().await;
            }
        }
        for (ready, change) in prepared.ready {
            let id = ready.camera.id.clone();
            let before = self.at_work.remove(&id);
            let camera = match (before, change) {
                (Some(camera), Change::Analysis) => camera.watch_for(ready, &self.means).await,
                (before, _) => {
                    if let Some(camera) = before {
                        camera.stop().await;
                    }
                    AtWork::start(ready, &self.means)?
                }
            };
            self.at_work.insert(id, camera);
        }
        self.accounts = (prepared.accounts.iter())
            .map(|(camera, account)| (camera.id.clone(), (camera.clone(), Arc::clone(account))))
            .collect();
        self.clear_shelves(settings);
        let working = |id: &Name| self.at_work.get(id);
        self.lineup.send_replace(Lineup {
            posts: (self.at_work.iter())
                .map(|(id, camera)| (id.clone(), camera.post()))
                .collect(),
            taps: (self.at_work.iter())
                .map(|(id, camera)| (id.clone(), camera.tap()))
                .collect(),
            relieved: (prepared.accounts.iter())
                .filter(|(camera, _)| working(&camera.id).is_some())
                .map(|(camera, account)| camera::relieved(camera, account))
                .collect(),
            accounts: prepared.accounts.into_iter().map(|(_, a)| a).collect(),
        });
        Ok(())
    }

    /// Hands new models to the sessions.
    fn stock(&mut self, loaded: Loaded) {
        for (name, (sheet, sessions)) in loaded.models {
            for (shelf, model) in self.means.shelves.iter().zip(sessions) {
                shelf.put(name.clone(), model);
            }
            self.sheets.insert(name, sheet);
        }
    }

    /// Takes models from the sessions that nobody uses any more.
    fn clear_shelves(&mut self, settings: &Settings) {
        let used: BTreeSet<String> = roster::wanted(settings).into_keys().collect();
        self.sheets.retain(|name, _| used.contains(name));
        for shelf in &self.means.shelves {
            shelf.keep(used.clone());
        }
    }

    /// The analysis that a camera would have with other settings, and its messages, with the models that are there.
    ///
    /// # Errors
    /// What does not suit them.
    pub(crate) fn rehearse(
        &self,
        settings: &Settings,
        camera: &CameraSettings,
    ) -> Result<(Analysis, Reporter), String> {
        let (analysis, reporter, _) = roster::scene(settings, camera, &self.sheets)?;
        Ok((analysis, reporter))
    }

    /// How many cameras are at work.
    pub(crate) fn at_work(&self) -> usize {
        self.at_work.len()
    }

    /// Stops everybody, all at the same time.
    pub(crate) async fn stop(mut self) {
        let mut stopping = tokio::task::JoinSet::new();
        for (_, camera) in std::mem::take(&mut self.at_work) {
            stopping.spawn(camera.stop());
        }
        drop(stopping.join_all().await);
    }
}

#[derive(Default)]
struct Prepared {
    ready: Vec<(Ready, Change)>,
    accounts: Vec<(CameraSettings, Arc<CameraAccount>)>,
    faults: CameraFaults,
}

/// How long each step of stopping a camera may take.
const GRACE: Duration = Duration::from_secs(8);
