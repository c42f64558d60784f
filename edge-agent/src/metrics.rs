//! The agent's figures for Prometheus: typed fields of one registry that is passed down, no globals.
//!
//! Notable events count through `event_log.rs`, which also writes the log line, so that the two cannot disagree.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{
        counter::Counter,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::{Registry, Unit},
};
use protocol::{CameraHealth, CameraState};

use crate::{
    archive::figures::ArchiveFigures,
    camera::progress::Progress,
    command::verdict::figures::CommandFigures,
    event_log::ConfigFigures,
    ladder::figures::LoadFigures,
    spool::SpoolStats,
    witness::{Nobody, Witness},
};

/// Label of figures that each camera has.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct OfCamera {
    /// The camera's name in topics.
    pub camera: String,
}

/// Labels of incident changes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct OfIncident {
    /// The camera's name in topics.
    pub camera: String,
    /// The rule's name.
    pub rule: String,
    /// `opened`, `updated` or `closed`.
    pub state: &'static str,
}

/// Label of figures by cause.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct OfCause {
    /// What kind of trouble it is.
    pub cause: &'static str,
}

/// Labels of a camera's failures.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct OfTrouble {
    /// The camera's name in topics.
    pub camera: String,
    /// What kind of trouble it is, as [`crate::camera::error::Fault::as_str`].
    pub cause: &'static str,
}

/// Label of figures by command.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct OfCommand {
    /// As [`protocol::Command::kind`].
    pub command: &'static str,
}

/// Labels of an alert's delays.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct OfStage {
    /// The stage that ended: `decided`, `published` or `acknowledged`.
    pub stage: &'static str,
    /// `live` if it left at once, `backlog` if it had waited for the link.
    pub way: &'static str,
}

/// Label of figures by class of message.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct OfClass {
    /// As [`crate::spool::Class::as_str`].
    pub class: &'static str,
}

/// Label of figures by broker.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct OfBroker {
    /// `host:port`.
    pub broker: String,
}

/// Label of figures by task.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct OfTask {
    /// The task's name.
    pub task: String,
}

/// Label of what models are computed on.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct OfProvider {
    /// Its name in configurations.
    pub provider: &'static str,
}

/// All figures. Cheap to clone.
#[derive(Clone)]
pub struct Metrics {
    registry: Arc<Registry>,
    /// Who looks on.
    pub witness: Arc<dyn Witness>,
    /// Changes in the life of incidents that were committed to the spool.
    pub incidents: Family<OfIncident, Counter>,
    /// Changes that could not be committed and are lost.
    pub incidents_lost: Family<OfCamera, Counter>,
    /// Snapshots that could not be made.
    pub snapshots_failed: Family<OfCamera, Counter>,
    /// Seconds from a frame's arrival to its incident being committed.
    pub commit_delay: Histogram,
    /// Seconds that an alert takes to reach a stage from the one before.
    pub stage_delay: Family<OfStage, Histogram>,
    /// Bytes of messages that were handed to the broker, with topics and headers.
    pub uplink_bytes: Counter,
    /// 1 while the broker is connected.
    pub broker_up: Gauge,
    /// 1 for the broker that is connected; no other is named.
    pub broker_in_use: Family<OfBroker, Gauge>,
    /// Connections made to the broker.
    pub broker_connections: Counter,
    /// Connections lost or not made.
    pub broker_failures: Family<OfCause, Counter>,
    /// Messages handed to the broker, again ones included.
    pub published: Family<OfClass, Counter>,
    /// Messages that the broker took.
    pub acknowledged: Counter,
    /// Messages set aside because the broker can never take them.
    pub set_aside: Family<OfCause, Counter>,
    /// Tasks that ended and were started again.
    pub restarts: Family<OfTask, Counter>,
    /// Times that a camera ceased to be watched or was not to be had.
    pub camera_failures: Family<OfTrouble, Counter>,
    /// Commands and verdicts.
    pub commands: CommandFigures,
    /// Coverage and the ladder.
    pub load: LoadFigures,
    /// Clips on the disk.
    pub archive: ArchiveFigures,
    /// Configurations.
    pub configs: ConfigFigures,
    /// 1 for what models are computed on.
    pub inference_provider: Family<OfProvider, Gauge>,
    spool_pending: Gauge,
    spool_bytes: Gauge,
    spool_given_up: Counter,
    spool_fault: Gauge,
    spool_disk_bytes: Gauge,
    spool_damaged_files: Gauge,
    spool_set_aside: Gauge,
    camera_watching: Family<OfCamera, Gauge>,
    camera_decoded: Family<OfCamera, Counter>,
    camera_analysed: Family<OfCamera, Counter>,
    camera_dropped: Family<OfCamera, Counter>,
    camera_connections: Family<OfCamera, Counter>,
    camera_watched: Family<OfCamera, Counter>,
    camera_expected: Family<OfCamera, Counter>,
    camera_packets_lost: Family<OfCamera, Counter>,
    camera_frozen: Family<OfCamera, Gauge>,
    camera_clock_ahead: Family<OfCamera, Gauge<f64, AtomicU64>>,
}

impl Default for Metrics {
    fn default() -> Self {
        Metrics::new()
    }
}

impl Metrics {
    /// Figures that all begin at nought.
    pub fn new() -> Self {
        let mut metrics = Metrics {
            registry: Arc::default(),
            witness: Arc::new(Nobody),
            incidents: Family::default(),
            incidents_lost: Family::default(),
            snapshots_failed: Family::default(),
            // 1 ms to 16 s.
            commit_delay: Histogram::new(exponential_buckets(0.001, 2.0, 15)),
            stage_delay: Family::new_with_constructor(|| {
                Histogram::new(exponential_buckets(0.001, 4.0, 12))
            }),
            uplink_bytes: Counter::default(),
            broker_up: Gauge::default(),
            broker_in_use: Family::default(),
            broker_connections: Counter::default(),
            broker_failures: Family::default(),
            published: Family::default(),
            acknowledged: Counter::default(),
            set_aside: Family::default(),
            restarts: Family::default(),
            camera_failures: Family::default(),
            commands: CommandFigures::default(),
            load: LoadFigures::default(),
            archive: ArchiveFigures::default(),
            configs: ConfigFigures::default(),
            inference_provider: Family::default(),
            spool_pending: Gauge::default(),
            spool_bytes: Gauge::default(),
            spool_given_up: Counter::default(),
            spool_fault: Gauge::default(),
            spool_disk_bytes: Gauge::default(),
            spool_damaged_files: Gauge::default(),
            spool_set_aside: Gauge::default(),
            camera_watching: Family::default(),
            camera_decoded: Family::default(),
            camera_analysed: Family::default(),
            camera_dropped: Family::default(),
            camera_connections: Family::default(),
            camera_watched: Family::default(),
            camera_expected: Family::default(),
            camera_packets_lost: Family::default(),
            camera_frozen: Family::default(),
            camera_clock_ahead: Family::default(),
        };
        metrics.registry = Arc::new(metrics.register());
        metrics
    }

    fn register(&self) -> Registry {
        let mut registry = Registry::with_prefix("safecity_edge");
        let r = &mut registry;
        r.register(
            "incidents",
            "Incident changes committed to the spool",
            self.incidents.clone(),
        );
        r.register(
            "incidents_lost",
            "Incident changes that could not be committed",
            self.incidents_lost.clone(),
        );
        r.register(
            "snapshots_failed",
            "Snapshots that could not be made",
            self.snapshots_failed.clone(),
        );
        let help = "From a frame's arrival to its incident being committed";
        r.register_with_unit(
            "commit_delay",
            help,
            Unit::Seconds,
            self.commit_delay.clone(),
        );
        r.register(
            "broker_up",
            "1 while the broker is connected",
            self.broker_up.clone(),
        );
        r.register(
            "broker_in_use",
            "1 for the broker that is connected",
            self.broker_in_use.clone(),
        );
        r.register(
            "broker_connections",
            "Connections made to the broker",
            self.broker_connections.clone(),
        );
        r.register(
            "broker_failures",
            "Connections lost or not made",
            self.broker_failures.clone(),
        );
        r.register(
            "published",
            "Messages handed to the broker, again ones included",
            self.published.clone(),
        );
        r.register(
            "acknowledged",
            "Messages that the broker took",
            self.acknowledged.clone(),
        );
        r.register(
            "set_aside",
            "Messages that the broker can never take",
            self.set_aside.clone(),
        );
        r.register(
            "task_restarts",
            "Tasks that ended and were started again",
            self.restarts.clone(),
        );
        r.register(
            "inference_provider",
            "1 for what models are computed on",
            self.inference_provider.clone(),
        );
        r.register(
            "spool_pending",
            "Messages that wait for the broker",
            self.spool_pending.clone(),
        );
        r.register(
            "spool_bytes",
            "Payload of the messages that wait",
            self.spool_bytes.clone(),
        );
        r.register(
            "spool_given_up",
            "Messages that the quota gave up",
            self.spool_given_up.clone(),
        );
        r.register(
            "spool_fault",
            "1 while the spool's disk fails",
            self.spool_fault.clone(),
        );
        r.register(
            "spool_disk_bytes",
            "What they and those set aside take on the disk at most",
            self.spool_disk_bytes.clone(),
        );
        r.register(
            "spool_damaged_files",
            "Damaged spools that were put aside and are still there",
            self.spool_damaged_files.clone(),
        );
        r.register(
            "spool_set_aside",
            "Messages that the broker can never take, kept for whoever looks into it",
            self.spool_set_aside.clone(),
        );
        r.register(
            "camera_watching",
            "1 while the camera is watched",
            self.camera_watching.clone(),
        );
        r.register(
            "camera_frames_decoded",
            "Frames decoded",
            self.camera_decoded.clone(),
        );
        r.register(
            "camera_frames_analysed",
            "Frames analysed",
            self.camera_analysed.clone(),
        );
        r.register(
            "camera_frames_dropped",
            "Frames that gave way to a later one",
            self.camera_dropped.clone(),
        );
        r.register(
            "camera_connections",
            "Connections made to the camera",
            self.camera_connections.clone(),
        );
        r.register(
            "camera_watched_seconds",
            "Seconds watched",
            self.camera_watched.clone(),
        );
        r.register(
            "camera_expected_seconds",
            "Seconds that should have been watched",
            self.camera_expected.clone(),
        );
        self.register_troubles(r);
        self.load.register(r);
        self.archive.register(r);
        self.configs.register(r);
        registry
    }

    fn register_troubles(&self, r: &mut Registry) {
        r.register_with_unit(
            "alert_stage_delay",
            "What an alert takes to reach a stage from the one before",
            Unit::Seconds,
            self.stage_delay.clone(),
        );
        r.register(
            "uplink_bytes",
            "Messages handed to the broker, with topics and headers",
            self.uplink_bytes.clone(),
        );
        self.commands.register(r);
        r.register(
            "camera_failures",
            "Times that the camera ceased to be watched or was not to be had",
            self.camera_failures.clone(),
        );
        r.register(
            "camera_packets_lost",
            "Packets that the camera sent and that did not come",
            self.camera_packets_lost.clone(),
        );
        r.register(
            "camera_frozen",
            "1 while the very same picture comes again and again",
            self.camera_frozen.clone(),
        );
        r.register_with_unit(
            "camera_clock_ahead",
            "How far the camera's clock is ahead of this node's",
            Unit::Seconds,
            self.camera_clock_ahead.clone(),
        );
    }

    /// Takes over the spool's figures.
    pub fn set_spool(&self, stats: &SpoolStats) {
        self.spool_pending.set(stats.pending as i64);
        self.spool_bytes.set(stats.bytes as i64);
        set(&self.spool_given_up, stats.given_up);
        self.spool_fault.set(i64::from(stats.fault.is_some()));
        self.spool_disk_bytes.set(stats.room as i64);
        self.spool_damaged_files
            .set(stats.damaged_files().len() as i64);
        self.spool_set_aside.set(stats.kept_aside as i64);
    }

    /// Takes over a camera's figures.
    pub fn set_camera(&self, health: &CameraHealth) {
        let of = OfCamera {
            camera: health.id.to_string(),
        };
        let watching = health.state == CameraState::Watching;
        self.camera_watching
            .get_or_create(&of)
            .set(i64::from(watching));
        set(
            &self.camera_decoded.get_or_create(&of),
            health.frames_decoded,
        );
        set(
            &self.camera_analysed.get_or_create(&of),
            health.frames_analysed,
        );
        set(
            &self.camera_dropped.get_or_create(&of),
            health.frames_dropped,
        );
        set(
            &self.camera_connections.get_or_create(&of),
            health.connections,
        );
        set(&self.camera_watched.get_or_create(&of), health.watched_s);
        set(&self.camera_expected.get_or_create(&of), health.expected_s);
    }

    /// Takes over what is known of a camera's stream.
    pub fn set_stream(&self, camera: &str, progress: &Progress, frozen: bool) {
        let of = OfCamera {
            camera: camera.to_owned(),
        };
        let lost = progress.packets_lost.load(Ordering::Relaxed);
        set(&self.camera_packets_lost.get_or_create(&of), lost);
        self.camera_frozen.get_or_create(&of).set(i64::from(frozen));
        if let Some(ahead) = progress.clock_ahead() {
            let gauge = self.camera_clock_ahead.get_or_create(&of);
            gauge.set(ahead.as_secs_f64());
        }
    }

    /// The figures as Prometheus reads them.
    ///
    /// # Errors
    /// None in practice: the text is built in memory.
    pub fn text(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

/// Sets a counter to a count that is kept elsewhere.
fn set(counter: &Counter, count: u64) {
    counter.inner().store(count, Ordering::Relaxed);
}

#[cfg(test)]
#[path = "metrics_tests.rs"]
mod tests;
