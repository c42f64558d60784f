//! Who is seen and for how long: accounts of each camera, and the periodic figures of the node.
//!
//! What is watched is progress, not life: a camera counts as watched while decoded frames come, whatever its
//! connection says.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use protocol::{CameraHealth, CameraState, Health, Name};
use tokio::time::Instant;
use uuid::Uuid;

use crate::{
    camera::progress::Progress, clock, command::Refusals, metrics::Metrics, spool::SpoolStats,
};

/// A camera whose last decoded frame is older than this is not being watched at this moment.
const FRESH: Duration = Duration::from_secs(2);
/// The very same picture for so long is a frozen one, unless the configuration says otherwise.
pub const FROZEN: Duration = Duration::from_secs(60);

/// What a camera's owner last said of it.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Phase {
    Disabled,
    /// With what went wrong the last time.
    Trying(Option<String>),
    Failed(String),
}

/// One camera's account. Shared between its stream, its analysis and the health task.
#[derive(Debug)]
pub struct CameraAccount {
    id: Name,
    name: Option<String>,
    phase: Mutex<Phase>,
    /// What its stream has done.
    pub progress: Arc<Progress>,
    /// Frames analysed.
    pub analysed: AtomicU64,
    /// Frames that gave way to a later one.
    pub dropped: AtomicU64,
    /// The very same picture for so long is a frozen one.
    pub frozen_after: Duration,
    watched_ms: AtomicU64,
    expected_ms: AtomicU64,
}

impl CameraAccount {
    /// An account of a camera that is `enabled` or not.
    pub fn new(id: Name, name: Option<String>, enabled: bool) -> Self {
        CameraAccount {
            id,
            name,
            phase: Mutex::new(if enabled {
                Phase::Trying(None)
            } else {
                Phase::Disabled
            }),
            progress: Arc::default(),
            analysed: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            frozen_after: FROZEN,
            watched_ms: AtomicU64::new(0),
            expected_ms: AtomicU64::new(0),
        }
    }

    /// A connection is being made or stands.
    pub fn trying(&self) {
        let mut phase = self.phase.lock().unwrap_or_else(PoisonError::into_inner);
        let last = match &*phase {
            Phase::Failed(why) => Some(why.clone()),
            Phase::Trying(last) => last.clone(),
            Phase::Disabled => None,
        };
        *phase = Phase::Trying(last);
    }

    /// It failed because of `why`.
    pub fn failed(&self, why: &str) {
        let mut phase = self.phase.lock().unwrap_or_else(PoisonError::into_inner);
        *phase = Phase::Failed(why.to_owned());
    }

    fn state(&self) -> (CameraState, Option<String>) {
        let phase = self
            .phase
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        match phase {
            Phase::Disabled => (CameraState::Disabled, None),
            Phase::Failed(why) => (CameraState::Failed, Some(why)),
            Phase::Trying(last) => match self.progress.frame_age() {
                Some(age) if age < FRESH => match self.frozen() {
                    Some(why) => (CameraState::Failed, Some(why)),
                    None => (CameraState::Watching, None),
                },
                Some(age) => {
                    let why = last.unwrap_or_else(|| format!("no frame for {} s", age.as_secs()));
                    (CameraState::Connecting, Some(why))
                }
                None => (CameraState::Connecting, last),
            },
        }
    }

    /// Why its picture is taken for frozen. It is analysed on all the same: a picture without any noise, as after heavy
    /// noise reduction at night, may look so too.
    fn frozen(&self) -> Option<String> {
        let still = self.progress.still_for();
        (still >= self.frozen_after).then(|| {
            format!(
                "the picture is frozen: not one sample of it has changed for {} s; restart the camera",
                still.as_secs()
            )
        })
    }

    /// Adds `passed` to the account.
    fn pass(&self, passed: Duration) {
        let ms = passed.as_millis() as u64;
        let (state, _) = self.state();
        if state != CameraState::Disabled {
            self.expected_ms.fetch_add(ms, Ordering::Relaxed);
        }
        if state == CameraState::Watching {
            self.watched_ms.fetch_add(ms, Ordering::Relaxed);
        }
    }

    /// Its figures.
    pub fn health(&self) -> CameraHealth {
        let (state, reason) = self.state();
        let seconds = |ms: &AtomicU64| ms.load(Ordering::Relaxed) / 1000;
        CameraHealth {
            id: self.id.clone(),
            name: self.name.clone(),
            state,
            reason,
            frames_decoded: self.progress.decoded.load(Ordering::Relaxed),
            frames_analysed: self.analysed.load(Ordering::Relaxed),
            frames_dropped: self.dropped.load(Ordering::Relaxed),
            connections: self.progress.connections.load(Ordering::Relaxed),
            watched_s: seconds(&self.watched_ms),
            expected_s: seconds(&self.expected_ms),
        }
    }
}

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
    cameras: Vec<Arc<CameraAccount>>,
    faults: Arc<Faults>,
    refusals: Arc<Refusals>,
}

impl Accounts {
    /// Accounts that begin now.
    pub fn new(bootid: Uuid, cameras: Vec<Arc<CameraAccount>>, faults: Arc<Faults>) -> Self {
        Accounts {
            bootid,
            started: Instant::now(),
            cameras,
            faults,
            refusals: Arc::default(),
        }
    }

    /// With the commands that were not heeded.
    pub fn with_refusals(self, refusals: Arc<Refusals>) -> Self {
        Accounts { refusals, ..self }
    }

    /// Adds `passed` to every camera's account.
    pub fn pass(&self, passed: Duration) {
        self.cameras.iter().for_each(|camera| camera.pass(passed));
    }

    /// Shows the figures of the cameras that go into `health`, and those that only this node's own page has.
    pub fn show(&self, health: &Health, metrics: &Metrics) {
        for camera in &health.cameras {
            metrics.set_camera(camera);
        }
        for camera in &self.cameras {
            let frozen = camera.frozen().is_some();
            metrics.set_stream(camera.id.as_str(), &camera.progress, frozen);
        }
    }

    /// The figures of this moment.
    pub fn health(&self, spool: &SpoolStats) -> Health {
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
            cameras: self.cameras.iter().map(|camera| camera.health()).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::camera::picture::Picture;

    fn account(enabled: bool) -> CameraAccount {
        CameraAccount::new("gate".parse().unwrap(), None, enabled)
    }

    #[test]
    fn time_counts_as_watched_only_while_frames_come() {
        let camera = account(true);
        camera.pass(Duration::from_secs(5));
        let health = camera.health();
        assert_eq!(
            (health.state, health.watched_s, health.expected_s),
            (CameraState::Connecting, 0, 5)
        );
        camera.failed("unplugged");
        camera.pass(Duration::from_secs(5));
        let health = camera.health();
        assert_eq!(
            (health.state, health.reason.as_deref()),
            (CameraState::Failed, Some("unplugged"))
        );
        assert_eq!((health.watched_s, health.expected_s), (0, 10));
        camera.trying();
        let health = camera.health();
        assert_eq!(health.state, CameraState::Connecting);
        assert_eq!(
            health.reason.as_deref(),
            Some("unplugged"),
            "what went wrong is said until frames come"
        );
    }

    #[test]
    fn a_camera_whose_picture_never_changes_is_not_watched() {
        let camera = CameraAccount {
            frozen_after: Duration::from_secs(5),
            ..account(true)
        };
        let picture = Picture::rgb((2, 2), &[9; 12]).unwrap();
        let begun = std::time::Instant::now();
        let state_at = |seconds| {
            camera.progress.decoded_now();
            let now = begun + Duration::from_secs(seconds);
            camera.progress.seen(&picture, now);
            camera.health().state
        };
        assert_eq!(state_at(0), CameraState::Watching);
        assert_eq!(state_at(4), CameraState::Watching);
        assert_eq!(state_at(6), CameraState::Failed);
        let why = camera.health().reason.unwrap();
        assert!(why.contains("frozen") && why.contains("6 s"), "{why}");
    }

    #[test]
    fn nothing_is_expected_of_a_camera_that_is_switched_off() {
        let camera = account(false);
        camera.pass(Duration::from_secs(5));
        let health = camera.health();
        assert_eq!(
            (health.state, health.expected_s),
            (CameraState::Disabled, 0)
        );
    }

    #[test]
    fn a_fault_of_the_node_is_said_until_it_is_over() {
        let faults = Arc::new(Faults::default());
        let accounts = Accounts::new(Uuid::nil(), Vec::new(), Arc::clone(&faults));
        faults.set("http.listen", Some("port in use".to_owned()));
        let full = SpoolStats {
            fault: Some("disk full".to_owned()),
            ..SpoolStats::default()
        };
        assert_eq!(
            accounts.health(&full).faults,
            ["http.listen: port in use", "spool: disk full"]
        );
        faults.set("http.listen", None);
        assert!(accounts.health(&SpoolStats::default()).faults.is_empty());
    }
}
