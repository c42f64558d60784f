//! What a centre pushes, step by step: received, checked, in shadow, on one camera, on all, confirmed; or back to what was good, by
//! itself (docs/rollout.md).
//!
//! [`state`] is what survives a power cut, [`bounds`] what a trial may do, [`intake`] what is taken at all, [`shadow`] a second analysis beside the first, [`edit`] what
//! whoever edits a configuration wants to know. This file
//! walks from one to the next: each step is on the disk before anything acts on it, and until a push is confirmed the agent starts
//! with what was good before.

mod bounds;
mod edit;
mod intake;
mod shadow;
mod state;

pub(crate) use state::stays;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Duration,
};

use protocol::{CameraState, Name, NodePath, PinnedKey, PushStage, ReportedConfig};
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, sleep},
};

use crate::{
    agent::Agent,
    command::Asked,
    config::{self, ConfigErrors, Pushed, Settings, settings::CameraSettings},
    event_log::{Event as _, PushStepped},
    fleet,
    observed::replay::sees_the_same,
};
use bounds::{Bounds, Watched};
use shadow::Shadow;
use state::{State, Store};

/// How often a trial is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Cameras get so long to come to life before a trial begins.
const SETTLE: Duration = Duration::from_secs(30);

/// Under what faults of this room are told.
const PLACE: &str = "pushed_config";

/// See the module.
pub struct Rollout {
    path: PathBuf,
    node: NodePath,
    keys: Vec<PinnedKey>,
    store: Store,
    state: State,
    desired: Option<watch::Receiver<Option<Vec<u8>>>>,
    asked: Option<mpsc::Receiver<Asked>>,
    /// What is known of a trial that is under way; it begins anew with the process.
    trial: Option<Trial>,
    refused: Option<String>,
    /// A fault of the store or of what was good, until it is over.
    fault: Option<String>,
}

/// A trial under way.
struct Trial {
    /// Cameras that it changes.
    changed: Vec<Name>,
    since: Instant,
    shadows: Vec<Shadow>,
    watched: Watched,
}

/// Something to be done.
pub enum Due {
    /// A document came.
    Came(Vec<u8>),
    /// It is time to look at a trial.
    Look,
    /// The centre asks for something.
    Asked(Asked),
}

impl Rollout {
    /// What was pushed to this node so far, and the settings to start with: those of `path` under what was good. Where that no longer
    /// fits the node's own files, they go alone, and the health report says so.
    pub fn open(path: &Path, local: Settings) -> (Rollout, Settings) {
        let (store, mut state, mut fault) = Store::open(&local.state_dir);
        let interrupted = state.interrupted();
        let pushed = state.pushed();
        let settings = match pushed == Pushed::default() {
            true => local.clone(),
            false => config::load_under(path, &pushed).unwrap_or_else(|why| {
                fault = Some(format!(
                    "what was pushed does not fit the node's own files, which go alone: {why}"
                ));
                local.clone()
            }),
        };
        let mut rollout = Rollout {
            path: path.to_owned(),
            node: local.node,
            keys: local.command_keys,
            store,
            state,
            desired: None,
            asked: None,
            trial: None,
            refused: None,
            fault,
        };
        if interrupted {
            rollout.keep();
        }
        (rollout, settings)
    }

    /// The settings of the node's own files, as they are now, under what was pushed.
    ///
    /// # Errors
    /// Everything that is wrong in them.
    pub fn settings(&self) -> Result<Settings, ConfigErrors> {
        config::load_under(&self.path, &self.state.pushed())
    }

    /// Listens to this agent, and tells it what to say: after each start.
    pub fn attend(&mut self, agent: &mut Agent) {
        self.desired = Some(agent.desired());
        self.asked = Some(agent.take_asked());
        self.keys.clone_from(&agent.settings().command_keys);
        self.tell(agent);
    }

    /// What is to be done next, as soon as there is something.
    pub async fn due(&mut self) -> Due {
        let trying = self.state.stage().is_some();
        let (Some(desired), Some(asked)) = (&mut self.desired, &mut self.asked) else {
            return std::future::pending().await;
        };
        tokio::select! {
            Ok(()) = desired.changed() => {
                let came = desired.borrow_and_update().clone();
                Due::Came(came.unwrap_or_default())
            }
            Some(asked) = asked.recv() => Due::Asked(asked),
            () = sleep(LOOK_EVERY), if trying => Due::Look,
            else => std::future::pending().await,
        }
    }

    /// Does it.
    pub async fn step(&mut self, due: Due, agent: &mut Agent) {
        match due {
            Due::Came(payload) if payload.is_empty() => {}
            Due::Came(payload) => self.take(&payload, agent).await,
            Due::Look => self.advance(agent).await,
            Due::Asked(Asked::Preview {
                camera,
                document,
                answer,
            }) => {
                // Who asked may have given up.
                drop(answer.send(self.preview(agent, &camera, document)));
            }
            // Whoever owns the agent does that.
            Due::Asked(Asked::Reload) => {}
        }
        self.tell(agent);
    }

    async fn advance(&mut self, agent: &mut Agent) {
        match self.state.stage() {
            Some(PushStage::Received) => self.check(agent),
            Some(PushStage::Checked) => self.begin_shadow(agent),
            Some(PushStage::Shadow) => self.look_at_shadow(agent).await,
            Some(PushStage::Canary | PushStage::Everywhere) => self.watch(agent).await,
            _ => {}
        }
    }

    /// Whether it fits the node's own files, and which cameras it changes.
    fn check(&mut self, agent: &Agent) {
        let new = match config::load_under(&self.path, &self.state.everywhere()) {
            Ok(new) => new,
            Err(errors) => {
                let lines = errors.to_string();
                let lines: Vec<String> = lines.lines().map(str::to_owned).collect();
                let note = match lines.as_slice() {
                    [one] => one.clone(),
                    many => format!("{} things are wrong in it", many.len()),
                };
                return self.finish(agent, PushStage::Rejected, &note, lines);
            }
        };
        let changed: Vec<Name> = changed(&agent.settings(), &new)
            .map(|(_, camera)| camera.id.clone())
            .collect();
        let names: Vec<&str> = changed.iter().map(Name::as_str).collect();
        let names = names.join(", ");
        if changed.is_empty() {
            return self.finish(agent, PushStage::Confirmed, "changes nothing", Vec::new());
        }
        if let Some(canary) = &self.state.trial().canary
            && !changed.contains(canary)
        {
            let note = format!("camera {canary} is to go first, and it changes only {names}");
            return self.finish(agent, PushStage::Rejected, &note, Vec::new());
        }
        self.trial = None;
        self.enter(agent, PushStage::Checked, Some(format!("changes {names}")));
    }

    /// Begins a second analysis beside each camera that it changes, once they are live.
    fn begin_shadow(&mut self, agent: &Agent) {
        let Ok(new) = config::load_under(&self.path, &self.state.everywhere()) else {
            // The node's own files have changed under it.
            return self.check(agent);
        };
        let now = agent.settings();
        let pairs: Vec<(CameraSettings, CameraSettings)> = changed(&now, &new)
            .map(|(old, new)| (old.clone(), new.clone()))
            .collect();
        let trial = self.trial.get_or_insert_with(|| Trial {
            changed: pairs.iter().map(|(_, new)| new.id.clone()).collect(),
            since: Instant::now(),
            shadows: Vec::new(),
            watched: Watched::default(),
        });
        let states = states(agent);
        let live = |id: &Name| states.get(id) == Some(&CameraState::Watching);
        let waiting = pairs.iter().any(|(_, new)| new.enabled && !live(&new.id));
        if waiting && trial.since.elapsed() < SETTLE {
            return;
        }
        let mut unseen = Vec::new();
        let mut shadows = Vec::new();
        for (old, camera) in pairs.iter().filter(|(_, new)| new.enabled) {
            let tap = agent.tap(&camera.id).filter(|_| sees_the_same(old, camera));
            let Some(tap) = tap else {
                unseen.push(camera.id.as_str());
                continue;
            };
            match agent.rehearse(&new, camera) {
                Ok((analysis, _)) => {
                    shadows.push(Shadow::begin(&camera.id, tap, analysis, camera.min_score))
                }
                Err(why) => {
                    let note = format!("camera {}: {why}", camera.id);
                    return self.finish(agent, PushStage::Rejected, &note, Vec::new());
                }
            }
        }
        let note = (!unseen.is_empty()).then(|| {
            format!(
                "not for {}: it looks at pictures otherwise now",
                unseen.join(", ")
            )
        });
        trial.shadows = shadows;
        trial.since = Instant::now();
        trial.watched = Watched::begin(&trial.changed, &states);
        self.enter(agent, PushStage::Shadow, note);
    }

    async fn look_at_shadow(&mut self, agent: &mut Agent) {
        let Some(trial) = &mut self.trial else {
            return self.check(agent);
        };
        let (asked, elapsed) = (self.state.trial(), trial.since.elapsed());
        trial.shadows.iter_mut().for_each(Shadow::follow);
        let counted: Vec<(u64, u64)> = trial.shadows.iter().map(Shadow::counted).collect();
        let (new, old) = counted
            .iter()
            .fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
        let found = format!("in shadow {new} alarms, {old} without it");
        if let Err(why) = Bounds::of(asked).alarms(new, old as f64) {
            let missed: u64 = trial.shadows.iter().map(Shadow::missed).sum();
            let note = match missed {
                0 => format!("in shadow: {why}"),
                n => format!("in shadow: {why}; {n} pictures were not looked at"),
            };
            return self.finish(agent, PushStage::Rejected, &note, Vec::new());
        }
        if elapsed < Duration::from_secs(asked.shadow_seconds.into()) {
            return;
        }
        let usual = trial
            .shadows
            .iter()
            .map(|one| (one.camera.clone(), one.counted().1 as f64));
        trial.watched.usual(usual, elapsed);
        trial.shadows.clear();
        let canary = asked
            .canary
            .clone()
            .or_else(|| trial.changed.first().cloned());
        let Some(canary) = canary else { return };
        let note = format!("{canary}; {found}");
        self.state.name_canary(canary);
        if self.enter(agent, PushStage::Canary, Some(note)) {
            self.put_in_force(agent).await;
        }
    }

    /// Watches cameras that go by it, and takes it back where they leave the bounds.
    async fn watch(&mut self, agent: &mut Agent) {
        let Some(trial) = &mut self.trial else {
            return self.check(agent);
        };
        let (asked, elapsed) = (self.state.trial().clone(), trial.since.elapsed());
        let everywhere = self.state.stage() == Some(PushStage::Everywhere);
        let whom: Vec<Name> = match &asked.canary {
            Some(canary) if !everywhere => vec![canary.clone()],
            _ => trial.changed.clone(),
        };
        let opened: BTreeMap<Name, u64> = (whom.iter())
            .filter_map(|id| Some((id.clone(), agent.tap(id)?.opened())))
            .collect();
        let judged =
            trial
                .watched
                .judge(&Bounds::of(&asked), &whom, &opened, &states(agent), elapsed);
        if let Err(why) = judged {
            return self.back(agent, &why).await;
        }
        let seconds = if everywhere {
            asked.watch_seconds
        } else {
            asked.canary_seconds
        };
        if elapsed < Duration::from_secs(seconds.into()) {
            return;
        }
        let raised: u64 = trial.watched.raised(&opened);
        let note = format!("{raised} alarms in {seconds} s");
        if everywhere {
            return self.finish(agent, PushStage::Confirmed, &note, Vec::new());
        }
        if self.enter(agent, PushStage::Everywhere, Some(note)) {
            self.put_in_force(agent).await;
        }
    }

    /// Has the cameras go by what the present stage says.
    async fn put_in_force(&mut self, agent: &mut Agent) {
        let changed = match self.settings() {
            Ok(settings) => agent
                .change_cameras(settings)
                .await
                .map_err(|why| why.to_string()),
            Err(why) => Err(why.to_string()),
        };
        if let Err(why) = changed {
            return self.back(agent, &why).await;
        }
        if let Some(trial) = &mut self.trial {
            trial.since = Instant::now();
            let taps = trial
                .changed
                .iter()
                .filter_map(|id| Some((id.clone(), agent.tap(id)?.opened())));
            trial.watched.counting_from(taps.collect());
        }
    }

    /// Back to what was good.
    async fn back(&mut self, agent: &mut Agent, why: &str) {
        let in_force = self.state.stage() >= Some(PushStage::Canary);
        let stage = if in_force {
            PushStage::RolledBack
        } else {
            PushStage::Rejected
        };
        self.finish(agent, stage, why, Vec::new());
        if in_force {
            // Where it cannot be kept on the disk, it goes back all the same: the agent starts with what is good.
            let good = config::load_under(&self.path, &self.state.good());
            let changed = match good {
                Ok(good) => agent
                    .change_cameras(good)
                    .await
                    .map_err(|why| why.to_string()),
                Err(why) => Err(why.to_string()),
            };
            if let Err(why) = changed {
                self.fault = Some(format!(
                    "what was good before cannot be put in force again: {why}"
                ));
            }
        }
    }

    /// Notes a step. `false`: it cannot be kept on the disk, and is tried again.
    fn enter(&mut self, agent: &Agent, stage: PushStage, note: Option<String>) -> bool {
        let before = self.state.clone();
        self.state.enter(stage, note);
        if !self.keep() {
            self.state = before;
            return false;
        }
        self.said(agent);
        true
    }

    fn finish(&mut self, agent: &Agent, stage: PushStage, note: &str, problems: Vec<String>) {
        let before = self.state.clone();
        self.state.finish(stage, note, problems);
        // A push that was refused is over, even if the disk does not take it; one that is confirmed is not.
        if !self.keep() && stage == PushStage::Confirmed {
            self.state = before;
            return;
        }
        self.trial = None;
        self.said(agent);
    }

    /// Says the latest step in the log.
    fn said(&self, agent: &Agent) {
        if let Some(report) = self.state.report()
            && let Some(step) = report.steps.last()
        {
            PushStepped {
                number: report.number,
                stage: step.stage.as_str(),
                note: step.note.as_deref().unwrap_or_default(),
                problems: &report.problems,
            }
            .emit(&agent.metrics);
        }
    }

    fn keep(&mut self) -> bool {
        match self.store.write(&self.state) {
            Ok(()) => {
                self.fault = None;
                true
            }
            Err(why) => {
                self.fault = Some(format!("{why}; what was pushed waits"));
                false
            }
        }
    }

    /// Has the agent say how far it has come.
    fn tell(&self, agent: &Agent) {
        agent.faults().set(PLACE, self.fault.clone());
        agent.report(ReportedConfig {
            bootid: agent.bootid,
            time: protocol::now(),
            revision: agent.settings().revision.clone(),
            confirmed: self.state.confirmed(),
            push: self.state.report(),
            cameras: edit::typed(&agent.settings()),
            refused: self.refused.clone(),
        });
    }
}

/// Cameras that differ, as they are and as they would be.
fn changed<'s>(
    now: &'s Settings,
    new: &'s Settings,
) -> impl Iterator<Item = (&'s CameraSettings, &'s CameraSettings)> {
    new.cameras.iter().filter_map(|camera| {
        let old = now.cameras.iter().find(|old| old.id == camera.id)?;
        fleet::differ(old, camera).then_some((old, camera))
    })
}

fn states(agent: &Agent) -> BTreeMap<Name, CameraState> {
    let accounts = agent.cameras().into_iter();
    accounts
        .map(|account| (account.id().clone(), account.health().state))
        .collect()
}
