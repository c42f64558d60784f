//! Who is seen and for how long: accounts of each camera, and the periodic figures of the node.
//!
//! What is watched is progress, not life: a camera counts as watched while decoded frames come, whatever its
//! connection says.

mod account;

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use protocol::{CameraState, Degradation, Health};
use tokio::{
    sync::watch,
    time::{Instant, MissedTickBehavior, interval},
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub use account::{CameraAccount, FROZEN, Share};

use crate::{
    archive::Archive,
    clock,
    command::{Refusals, verdict::figures::VerdictFigures},
    event_log::{Event, GateJudged},
    fleet::Lineup,
    ladder::{Load, heat::Heat, relief::Relief},
    metrics::Metrics,
    spool::SpoolStats,
};

/// Figures are sent so often, and as soon as there is news.
const SAID_EVERY: Duration = Duration::from_secs(10);
/// So often time is added to the accounts, and the ladder looks at the load.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Faults of the node itself, by the place that they belong to; a place has one fault at a time.
#[derive(Debug, Default)]
pub struct Faults(Mutex<std::collections::BTreeMap<String, String>>);

impl Faults {
    /// Sets or, with `None`, clears the fault of `place`.
    pub fn set(&self, place: &str, fault: Option<String>) {
        let mut faults = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match fault {
            Some(why) => faults.insert(place.to_owned(), why),
            None => faults.remove(place),
        };
    }

    /// What is at fault, each with its place.
    pub fn told(&self) -> Vec<String> {
        let faults = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        faults
            .iter()
            .map(|(place, why)| format!("{place}: {why}"))
            .collect()
    }
}

/// The accounts of the node.
#[derive(Clone)]
pub struct Accounts {
    bootid: Uuid,
    started: Instant,
    lineup: watch::Receiver<Lineup>,
    faults: Arc<Faults>,
    refusals: Arc<Refusals>,
    archive: Option<Arc<Archive>>,
    verdicts: Option<VerdictFigures>,
}

impl Accounts {
    /// Accounts that begin now.
    pub fn new(bootid: Uuid, lineup: watch::Receiver<Lineup>, faults: Arc<Faults>) -> Self {
        Accounts {
            bootid,
            started: Instant::now(),
            lineup,
            faults,
            refusals: Arc::default(),
            archive: None,
            verdicts: None,
        }
    }

    fn cameras(&self) -> Vec<Arc<CameraAccount>> {
        self.lineup.borrow().accounts.clone()
    }

    /// With the commands that were not heeded.
    pub fn with_refusals(self, refusals: Arc<Refusals>) -> Self {
        Accounts { refusals, ..self }
    }

    /// With the clips on the disk.
    pub fn with_archive(self, archive: Arc<Archive>) -> Self {
        Accounts {
            archive: Some(archive),
            ..self
        }
    }

    /// With what became of verdicts.
    pub fn with_verdicts(self, figures: VerdictFigures) -> Self {
        Accounts {
            verdicts: Some(figures),
            ..self
        }
    }

    /// Adds `passed` to every camera's account, and gives the load of `workers` inference workers in it. How hot the
    /// box is, others know.
    pub fn pass(&self, passed: Duration, workers: usize) -> Load {
        let cameras = self.cameras();
        let shares = cameras.iter().map(|camera| camera.pass(passed));
        let all = shares.fold(Share::default(), |a, b| Share {
            looks: a.looks + b.looks,
            gave_way: a.gave_way + b.gave_way,
            turns: a.turns + b.turns,
            waited: a.waited + b.waited,
            inference: a.inference + b.inference,
        });
        let time = passed.as_secs_f32() * workers.max(1) as f32;
        Load {
            gave_way: all.gave_way as f32 / all.looks.max(1) as f32,
            waited: all.waited as f32 / all.turns.max(1) as f32,
            busy: all.inference.as_secs_f32() / time.max(f32::MIN_POSITIVE),
            heat: Heat::Cool,
        }
    }

    /// Shows the figures of the cameras that go into `health`, and those that only this node's own page has.
    pub fn show(&self, health: &Health, metrics: &Metrics) {
        for camera in &health.cameras {
            metrics.set_camera(camera);
        }
        for camera in &self.cameras() {
            let frozen = camera.frozen().is_some();
            metrics.set_stream(camera.id().as_str(), &camera.progress, frozen);
            let (coverage, tally) = (camera.coverage(), camera.feed.tally());
            (metrics.load).set_camera(camera.id().as_str(), &coverage, &tally);
            (metrics.load).set_gate(camera.id().as_str(), &camera.progress);
            if let Some(verdict) = camera.new_verdict() {
                let camera = camera.id().as_str();
                GateJudged { camera, verdict }.emit(metrics);
            }
        }
    }

    /// The figures of this moment.
    pub fn health(&self, spool: &SpoolStats, degradation: Option<&Degradation>) -> Health {
        self.faults.set("spool", spool.fault.clone());
        self.faults.set("spool.damaged", spool.damage());
        let (commands_refused, last_refusal) = self.refusals.told();
        Health {
            bootid: self.bootid,
            time: protocol::now(),
            clock: clock::quality(),
            uptime_s: self.started.elapsed().as_secs(),
            spool_pending: spool.pending,
            last_seq: spool.last_seq,
            faults: self.faults.told(),
            commands_refused,
            last_refusal,
            degradation: degradation.cloned(),
            archive: self.archive.as_ref().and_then(|archive| archive.told()),
            verdicts: self.verdicts.as_ref().map(VerdictFigures::told),
            cameras: self
                .cameras()
                .iter()
                .map(|camera| camera.health())
                .collect(),
        }
    }
}

/// Keeps the accounts and says the figures until `stop`.
pub struct HealthTask {
    /// The accounts.
    pub accounts: Accounts,
    /// Inference workers.
    pub workers: usize,
    /// The ladder, where it is wanted.
    pub relief: Option<Relief>,
    /// The spool's figures.
    pub spool: watch::Receiver<SpoolStats>,
    /// All figures.
    pub metrics: Metrics,
    /// Where the figures go.
    pub said: watch::Sender<Option<Health>>,
}

impl HealthTask {
    /// Runs until `stop`.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut ticks = interval(LOOK_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut passed, mut said) = (self.accounts.started, Instant::now());
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = stop.cancelled() => return,
            }
            // One reading of the clock ends a stretch and begins the next: no time is lost between them.
            let now = Instant::now();
            let stretch = now - std::mem::replace(&mut passed, now);
            let load = self.accounts.pass(stretch, self.workers);
            if let Some(relief) = &mut self.relief {
                if self.accounts.lineup.has_changed().unwrap_or_default() {
                    let lineup = self.accounts.lineup.borrow_and_update();
                    relief.relieve(lineup.relieved.clone());
                }
                relief.look(stretch, load).await;
            }
            let stats = self.spool.borrow().clone();
            let degradation = self.relief.as_ref().and_then(Relief::degradation);
            let health = self.accounts.health(&stats, degradation);
            self.metrics.set_spool(&stats);
            self.accounts.show(&health, &self.metrics);
            let news = self
                .said
                .borrow()
                .as_ref()
                .is_none_or(|old: &Health| is_news(old, &health));
            if news || said.elapsed() >= SAID_EVERY {
                said = Instant::now();
                self.said.send_replace(Some(health));
            }
        }
    }
}

/// Whether a camera began or ceased to be watched, or the node's faults changed. Attempts at a dead camera are no news.
fn is_news(old: &Health, new: &Health) -> bool {
    let watched = |health: &Health| {
        let states = health
            .cameras
            .iter()
            .map(|camera| camera.state == CameraState::Watching);
        states.collect::<Vec<bool>>()
    };
    old.faults != new.faults || old.degradation != new.degradation || watched(old) != watched(new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_of_the_node_is_said_until_it_is_over() {
        let faults = Arc::new(Faults::default());
        let accounts = Accounts::new(
            Uuid::nil(),
            watch::channel(Lineup::default()).1,
            Arc::clone(&faults),
        );
        faults.set("http.listen", Some("port in use".to_owned()));
        let full = SpoolStats {
            fault: Some("disk full".to_owned()),
            ..SpoolStats::default()
        };
        assert_eq!(
            accounts.health(&full, None).faults,
            ["http.listen: port in use", "spool: disk full"]
        );
        faults.set("http.listen", None);
        let health = accounts.health(&SpoolStats::default(), None);
        assert!(health.faults.is_empty());
    }
}
