//! What /metrics says of coverage, of the gates and of the ladder.

use std::sync::atomic::{AtomicU64, Ordering};

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

use crate::{
    camera::{gate::Verdict, progress::Progress},
    coverage::{Coverage, REASONS},
    inference::counters::Tally,
    metrics::OfCamera,
};

/// Labels of a camera's time.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct OfReason {
    /// The camera's name in topics.
    pub camera: String,
    /// As [`crate::coverage::Reason::as_str`].
    pub reason: &'static str,
}

/// Label of the ladder's moves.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct OfMove {
    /// `up` or `down`.
    pub direction: &'static str,
}

type Seconds = Counter<f64, AtomicU64>;

/// The figures.
#[derive(Clone, Debug, Default)]
pub struct LoadFigures {
    /// Where the ladder stands, 0 to 4.
    pub step: Gauge,
    /// How often it moved.
    pub moves: Family<OfMove, Counter>,
    coverage: Family<OfReason, Seconds>,
    inference: Family<OfCamera, Seconds>,
    waited: Family<OfCamera, Seconds>,
    still: Family<OfCamera, Counter>,
    crops: Family<OfCamera, Counter>,
    looks: Family<OfCamera, Counter>,
    asleep: Family<OfCamera, Counter>,
    wakings: Family<OfCamera, Counter>,
    gate_pays: Family<OfCamera, Gauge>,
    hardware: Family<OfCamera, Gauge>,
}

impl LoadFigures {
    /// Names them in `registry`.
    pub fn register(&self, registry: &mut Registry) {
        registry.register(
            "degradation_step",
            "0: everything is done that is asked for; 1 to 4: docs/overload.md",
            self.step.clone(),
        );
        registry.register(
            "degradation_moves",
            "Times that less or more was done than before",
            self.moves.clone(),
        );
        registry.register(
            "camera_coverage_seconds",
            "Where the camera's time went: the sum of all reasons is the wall time",
            self.coverage.clone(),
        );
        registry.register(
            "camera_inference_seconds",
            "Time of inference workers that the camera took",
            self.inference.clone(),
        );
        registry.register(
            "camera_wait_seconds",
            "Time that the camera's frames waited for inference",
            self.waited.clone(),
        );
        registry.register(
            "camera_frames_still",
            "Frames that were not analysed because nothing had moved",
            self.still.clone(),
        );
        registry.register(
            "camera_crops",
            "Crops that the camera's cascades looked at",
            self.crops.clone(),
        );
        registry.register(
            "camera_looks",
            "Whole pictures that the camera's looks looked at",
            self.looks.clone(),
        );
        registry.register(
            "camera_units_asleep",
            "Encoded pictures that were not decoded because nothing moved",
            self.asleep.clone(),
        );
        registry.register(
            "camera_gate_wakings",
            "Times that the encoded gate woke and decoded what it had left out",
            self.wakings.clone(),
        );
        registry.register(
            "camera_hardware_decoding",
            "1: hardware decodes the camera's stream; 0: software does",
            self.hardware.clone(),
        );
        registry.register(
            "camera_gate_pays",
            "0: the camera's encoded gate rests and every picture is decoded; the log says why",
            self.gate_pays.clone(),
        );
    }

    /// Takes over what a camera's gate has done.
    pub fn set_gate(&self, camera: &str, progress: &Progress) {
        let of = OfCamera {
            camera: camera.to_owned(),
        };
        for (family, count) in [
            (&self.asleep, &progress.asleep),
            (&self.wakings, &progress.wakings),
        ] {
            let count = count.load(Ordering::Relaxed);
            let counter = family.get_or_create(&of);
            counter.inner().store(count, Ordering::Relaxed);
        }
        let pays = progress.verdict() == Verdict::Worth;
        self.gate_pays.get_or_create(&of).set(i64::from(pays));
        let hardware = progress.is_decoded_by_hardware();
        self.hardware.get_or_create(&of).set(i64::from(hardware));
    }

    /// Takes over a camera's account.
    pub fn set_camera(&self, camera: &str, coverage: &Coverage, tally: &Tally) {
        for reason in REASONS {
            let of = OfReason {
                camera: camera.to_owned(),
                reason: reason.as_str(),
            };
            set(
                &self.coverage.get_or_create(&of),
                coverage.ms(reason) as f64 / 1e3,
            );
        }
        let of = OfCamera {
            camera: camera.to_owned(),
        };
        let seconds = |micros: u64| micros as f64 / 1e6;
        set(
            &self.inference.get_or_create(&of),
            seconds(tally.inference_us),
        );
        set(&self.waited.get_or_create(&of), seconds(tally.waited_us));
        for (family, count) in [
            (&self.still, tally.still),
            (&self.crops, tally.crops),
            (&self.looks, tally.looks),
        ] {
            let counter = family.get_or_create(&of);
            counter.inner().store(count, Ordering::Relaxed);
        }
    }
}

/// Sets a counter to what is kept elsewhere.
fn set(counter: &Seconds, seconds: f64) {
    counter.inner().store(seconds.to_bits(), Ordering::Relaxed);
}
