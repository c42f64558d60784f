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

/// Alerts on their way: when they left, and whether at once.
#[derive(Debug, Default)]
pub(super) struct Trace(HashMap<i64, (Instant, &'static str)>);

impl Trace {
    /// The alert of this number leaves.
    pub(super) fn published(&mut self, number: i64, payload: &[u8], metrics: &Metrics) {
        let Ok(Stamped { data }) = serde_json::from_slice::<Stamped>(payload) else {
            return;
        };
        let Times { arrival, decided } = data.time;
        // Wall clocks: after a step they say nonsense, which the last bucket holds.
        let since =
            |from: Utc, to: Utc| Duration::try_from(to.duration_since(from)).unwrap_or_default();
        let waited = since(decided, Utc::now());
        let way = if waited < LIVE { "live" } else { "backlog" };
        let observe = |stage, took: Duration| {
            let of = OfStage { stage, way };
            metrics
                .stage_delay
                .get_or_create(&of)
                .observe(took.as_secs_f64());
        };
        observe("decided", since(arrival, decided));
        observe("published", waited);
        self.0.insert(number, (Instant::now(), way));
    }

    /// The broker has it.
    pub(super) fn acknowledged(&mut self, number: i64, metrics: &Metrics) {
        if let Some((left, way)) = self.0.remove(&number) {
            let of = OfStage {
                stage: "acknowledged",
                way,
            };
            let took = left.elapsed().as_secs_f64();
            metrics.stage_delay.get_or_create(&of).observe(took);
        }
    }
}
