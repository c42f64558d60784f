//! Notable events: each is one struct that writes the log line and counts.
//!
//! Levels by what the operator must do: `error` means that something is lost or somebody is needed, `warn` that the
//! agent deals with it, `info` what one wants to have read afterwards. No event holds a secret.

mod config;

use std::time::Duration;

use tracing::{error, info, warn};
use uuid::Uuid;

use crate::{
    camera::gate::Verdict,
    ladder::figures::OfMove,
    metrics::{Metrics, OfBroker, OfCamera, OfCause, OfCommand, OfIncident, OfTask, OfTrouble},
    sink::Cause,
};

pub use config::{ConfigApplied, ConfigFigures, ConfigRejected, PushRefused, PushStepped};

/// Something that is logged and counted.
pub trait Event {
    /// Logs and counts it.
    fn emit(&self, metrics: &Metrics);
}

/// A camera's encoded gate gave up, or began again.
pub struct GateJudged<'a> {
    /// The camera's name in topics.
    pub camera: &'a str,
    /// What was found.
    pub verdict: Verdict,
}

impl Event for GateJudged<'_> {
    fn emit(&self, _: &Metrics) {
        let camera = self.camera;
        match self.verdict {
            Verdict::Worth => info!(camera, "the encoded gate is tried again"),
            verdict => info!(
                camera,
                why = verdict.as_str(),
                "the encoded gate rests: every picture is decoded"
            ),
        }
    }
}

/// An expression of the configuration could not be evaluated.
pub struct RuleUnanswered<'a> {
    /// The camera's name in topics.
    pub camera: &'a str,
    /// The rule's id.
    pub rule: &'a str,
    /// What went wrong.
    pub why: &'a str,
}

impl Event for RuleUnanswered<'_> {
    fn emit(&self, _: &Metrics) {
        let (camera, rule, why) = (self.camera, self.rule, self.why);
        warn!(
            camera,
            rule,
            why,
            "the rule's expression has no answer here and counts as not true: mend `when`"
        );
    }
}

/// The broker took the connection.
pub struct BrokerConnected<'a> {
    /// `host:port`.
    pub broker: &'a str,
    /// Messages that wait.
    pub pending: u64,
}

impl Event for BrokerConnected<'_> {
    fn emit(&self, metrics: &Metrics) {
        info!(
            broker = self.broker,
            pending = self.pending,
            "connected to the broker"
        );
        metrics.broker_connections.inc();
        metrics.broker_up.set(1);
        let broker = self.broker.to_owned();
        metrics
            .broker_in_use
            .get_or_create(&OfBroker { broker })
            .set(1);
    }
}

/// The connection to the broker was lost or not made.
pub struct BrokerLost<'a> {
    /// What kind of trouble it is.
    pub cause: Cause,
    /// The whole story.
    pub reason: &'a str,
    /// Until the next attempt.
    pub retry_in: Duration,
    /// Messages that wait.
    pub pending: u64,
}

impl Event for BrokerLost<'_> {
    fn emit(&self, metrics: &Metrics) {
        let cause = self.cause.as_str();
        let retry_in_s = self.retry_in.as_secs_f32();
        if self.cause.needs_somebody() {
            error!(
                cause,
                pending = self.pending,
                retry_in_s,
                "no broker: {}",
                self.reason
            );
        } else {
            warn!(
                cause,
                pending = self.pending,
                retry_in_s,
                "no broker: {}",
                self.reason
            );
        }
        metrics
            .broker_failures
            .get_or_create(&OfCause { cause })
            .inc();
        metrics.broker_up.set(0);
        metrics.broker_in_use.clear();
    }
}

/// It is the turn of another broker.
pub struct BrokerChanged<'a> {
    /// `host:port` of the one used before.
    pub from: &'a str,
    /// `host:port` of the one tried from now on.
    pub to: &'a str,
    /// Whether that is the preferred one.
    pub preferred: bool,
}

impl Event for BrokerChanged<'_> {
    fn emit(&self, metrics: &Metrics) {
        if self.preferred {
            info!(
                from = self.from,
                to = self.to,
                "going back to the preferred broker"
            );
        } else {
            warn!(from = self.from, to = self.to, "turning to the next broker");
        }
        metrics.broker_up.set(0);
        metrics.broker_in_use.clear();
    }
}

/// A message that the broker can never take was set aside.
pub struct MessageSetAside<'a> {
    /// Its number in the spool.
    pub number: i64,
    /// Where it should have gone.
    pub topic: &'a str,
    /// Short, for the figures.
    pub cause: &'static str,
    /// The whole story.
    pub why: &'a str,
}

impl Event for MessageSetAside<'_> {
    fn emit(&self, metrics: &Metrics) {
        error!(
            number = self.number,
            topic = self.topic,
            "message set aside: {}",
            self.why
        );
        let of = OfCause { cause: self.cause };
        metrics.set_aside.get_or_create(&of).inc();
    }
}

/// A change in an incident's life was committed to the spool.
pub struct IncidentCommitted<'a> {
    /// The camera.
    pub camera: &'a str,
    /// The rule's name.
    pub rule: &'a str,
    /// `opened`, `updated` or `closed`.
    pub state: &'static str,
    /// The incident.
    pub incident: Uuid,
    /// The message's place in the order of this boot.
    pub seq: u64,
    /// Since the frame's arrival.
    pub delay: Duration,
}

impl Event for IncidentCommitted<'_> {
    fn emit(&self, metrics: &Metrics) {
        let (camera, rule, state) = (self.camera, self.rule, self.state);
        info!(camera, rule, state, incident = %self.incident, seq = self.seq, "incident {state}");
        let of = OfIncident {
            camera: camera.to_owned(),
            rule: rule.to_owned(),
            state,
        };
        metrics.incidents.get_or_create(&of).inc();
        metrics.commit_delay.observe(self.delay.as_secs_f64());
    }
}

/// A change in an incident's life could not be committed and is lost.
pub struct IncidentLost<'a> {
    /// The camera.
    pub camera: &'a str,
    /// The rule's name.
    pub rule: &'a str,
    /// The incident.
    pub incident: Uuid,
    /// What the spool says.
    pub why: &'a str,
}

impl Event for IncidentLost<'_> {
    fn emit(&self, metrics: &Metrics) {
        let (camera, rule) = (self.camera, self.rule);
        error!(camera, rule, incident = %self.incident, "incident lost, the spool failed: {}", self.why);
        let of = OfCamera {
            camera: camera.to_owned(),
        };
        metrics.incidents_lost.get_or_create(&of).inc();
    }
}

/// A snapshot could not be made; its incident is reported all the same.
pub struct SnapshotFailed<'a> {
    /// The camera.
    pub camera: &'a str,
    /// What went wrong.
    pub why: &'a str,
}

impl Event for SnapshotFailed<'_> {
    fn emit(&self, metrics: &Metrics) {
        warn!(camera = self.camera, "no snapshot: {}", self.why);
        let of = OfCamera {
            camera: self.camera.to_owned(),
        };
        metrics.snapshots_failed.get_or_create(&of).inc();
    }
}

/// A camera is not watched.
pub struct CameraFailed<'a> {
    /// The camera.
    pub camera: &'a str,
    /// What kind of trouble it is.
    pub cause: &'static str,
    /// Why.
    pub why: &'a str,
    /// Until the next attempt; `None` if there will be none until the configuration is changed.
    pub retry_in: Option<Duration>,
}

impl Event for CameraFailed<'_> {
    fn emit(&self, metrics: &Metrics) {
        let (camera, cause) = (self.camera, self.cause);
        let of = OfTrouble {
            camera: camera.to_owned(),
            cause,
        };
        metrics.camera_failures.get_or_create(&of).inc();
        match self.retry_in {
            Some(wait) => {
                let retry_in_s = wait.as_secs_f32();
                warn!(
                    camera,
                    cause, retry_in_s, "camera is not watched: {}", self.why
                );
                let of = OfTask {
                    task: format!("camera-{}", self.camera),
                };
                metrics.restarts.get_or_create(&of).inc();
            }
            None => error!(camera, cause, "camera is not watched: {}", self.why),
        }
    }
}

/// A command of the centre was carried out, or could not be.
pub struct CommandAnswered<'a> {
    /// What was asked, as [`protocol::Command::kind`].
    pub command: &'static str,
    /// The camera that it was about.
    pub camera: &'a str,
    /// The request.
    pub request: Uuid,
    /// Why it was not done, if it was not.
    pub problem: Option<&'a str>,
}

impl Event for CommandAnswered<'_> {
    fn emit(&self, metrics: &Metrics) {
        let (command, camera) = (self.command, self.camera);
        match self.problem {
            None => info!(command, camera, request = %self.request, "command carried out"),
            Some(why) => {
                warn!(command, camera, request = %self.request, "command not carried out: {why}");
            }
        }
        metrics
            .commands
            .answered
            .get_or_create(&OfCommand { command })
            .inc();
    }
}

/// A command was not heeded.
pub struct CommandRefused<'a> {
    /// One word for figures.
    pub cause: &'static str,
    /// Why.
    pub why: &'a str,
}

impl Event for CommandRefused<'_> {
    fn emit(&self, metrics: &Metrics) {
        let cause = self.cause;
        warn!(cause, "command refused: {}", self.why);
        metrics
            .commands
            .refused
            .get_or_create(&OfCause { cause })
            .inc();
    }
}

/// An incident's clip is on the disk.
pub struct ClipKept<'a> {
    /// The camera's name in topics.
    pub camera: &'a str,
    /// The incident.
    pub incident: Uuid,
    /// Length of the sealed file.
    pub bytes: u64,
}

impl Event for ClipKept<'_> {
    fn emit(&self, _: &Metrics) {
        let (camera, incident, bytes) = (self.camera, self.incident, self.bytes);
        info!(camera, %incident, bytes, "clip kept");
    }
}

/// An incident has no clip although it should have one.
pub struct ClipLost<'a> {
    /// The camera's name in topics.
    pub camera: &'a str,
    /// The incident.
    pub incident: Uuid,
    /// One word for figures.
    pub cause: &'static str,
    /// Why.
    pub why: &'a str,
}

impl Event for ClipLost<'_> {
    fn emit(&self, metrics: &Metrics) {
        let (camera, incident, cause) = (self.camera, self.incident, self.cause);
        error!(camera, %incident, cause, "no clip: {}", self.why);
        let of = OfCause { cause };
        metrics.archive.lost.get_or_create(&of).inc();
    }
}

/// A clip leaves as it was filmed, sealed.
pub struct OriginalGiven<'a> {
    /// The camera's name in topics.
    pub camera: &'a str,
    /// The request that asked for it.
    pub request: Uuid,
    /// In which role.
    pub role: &'a str,
    /// And why.
    pub reason: &'a str,
}

impl Event for OriginalGiven<'_> {
    fn emit(&self, metrics: &Metrics) {
        let (camera, request) = (self.camera, self.request);
        let (role, reason) = (self.role, self.reason);
        warn!(camera, %request, role, reason, "an original is given to the centre");
        metrics.archive.originals.inc();
    }
}

/// The ladder moved: less is analysed, or more again.
pub struct LadderMoved<'a> {
    /// Whether less is done than before.
    pub up: bool,
    /// Where it stands, 0 to 4.
    pub step: u8,
    /// Why, and what is left out.
    pub reason: &'a str,
}

impl Event for LadderMoved<'_> {
    fn emit(&self, metrics: &Metrics) {
        let step = self.step;
        let direction = if self.up { "up" } else { "down" };
        match (self.up, step) {
            (true, _) => warn!(step, "less is analysed: {}", self.reason),
            (false, 0) => info!(step, "everything is analysed again"),
            (false, _) => info!(step, "more is analysed again: {}", self.reason),
        }
        metrics.load.step.set(step.into());
        let of = OfMove { direction };
        metrics.load.moves.get_or_create(&of).inc();
    }
}

/// A task ended before its time and is started again.
pub struct TaskRestarted<'a> {
    /// The task's name.
    pub task: &'a str,
    /// Why it ended.
    pub why: &'a str,
    /// Until it is started again.
    pub retry_in: Duration,
}

impl Event for TaskRestarted<'_> {
    fn emit(&self, metrics: &Metrics) {
        let retry_in_s = self.retry_in.as_secs_f32();
        error!(task = self.task, retry_in_s, "task ended: {}", self.why);
        let of = OfTask {
            task: self.task.to_owned(),
        };
        metrics.restarts.get_or_create(&of).inc();
    }
}
