//! How long an alert takes from stage to stage, as it leaves: what happens now and what had waited, apart.

use std::{collections::HashMap, time::Duration};

use protocol::Utc;
use serde::Deserialize;
use tokio::time::Instant;

use crate::metrics::{Metrics, OfStage};

/// An alert that leaves later than this after its decision had waited for the link.
const LIVE: Duration = Duration::from_secs(5);

/// The stamps that a message carries.
#[derive(Deserialize)]
struct Stamped {
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    time: Times,
}

#[derive(Deserialize)]
struct Times {
    arrival: Utc,
    decided: Utc,
}

/// Alerts on their way.
pub(super) struct Trace {
    metrics: Metrics,
    /// By the number of their record.
    alerts: HashMap<i64, Alert>,
}

struct Alert {
    seq: u64,
    left: Instant,
    /// Whether it left at once; nothing where it carries no stamps.
    way: Option<&'static str>,
}

impl Trace {
    pub(super) fn new(metrics: &Metrics) -> Self {
        Trace {
            metrics: metrics.clone(),
            alerts: HashMap::new(),
        }
    }

    /// The alert of this number leaves.
    pub(super) fn published(&mut self, number: i64, seq: u64, payload: &[u8]) {
        let stamped = serde_json::from_slice::<Stamped>(payload);
        let way = stamped.ok().map(|Stamped { data }| self.left(&data.time));
        let left = Instant::now();
        self.alerts.insert(number, Alert { seq, left, way });
    }

    fn left(&self, Times { arrival, decided }: &Times) -> &'static str {
        // Wall clocks: after a step they say nonsense, which the last bucket holds.
        let since =
            |from: Utc, to: Utc| Duration::try_from(to.duration_since(from)).unwrap_or_default();
        let waited = since(*decided, Utc::now());
        let way = if waited < LIVE { "live" } else { "backlog" };
        self.observe("decided", way, since(*arrival, *decided));
        self.observe("published", way, waited);
        way
    }

    /// The broker has it.
    pub(super) fn acknowledged(&mut self, number: i64) {
        let Some(Alert { seq, left, way }) = self.alerts.remove(&number) else {
            return;
        };
        if let Some(way) = way {
            self.observe("acknowledged", way, left.elapsed());
        }
        self.metrics.witness.acknowledged(seq);
    }

    fn observe(&self, stage: &'static str, way: &'static str, took: Duration) {
        let of = OfStage { stage, way };
        let histogram = self.metrics.stage_delay.get_or_create(&of);
        histogram.observe(took.as_secs_f64());
    }
}
