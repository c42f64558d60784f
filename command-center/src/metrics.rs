//! Figures for Prometheus, to this machine only: how long alerts take to be here and to be shown, and what came.

use std::{
    fmt,
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{
        counter::Counter,
        family::Family,
        histogram::{Histogram, exponential_buckets},
    },
    registry::{Registry, Unit},
};
use protocol::{IncidentEvent, Utc};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// An alert that is here later than this after its decision had waited for the link, and one that is shown later for a
/// console.
const LIVE: Duration = Duration::from_secs(5);

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfStage {
    stage: &'static str,
    way: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfOutcome {
    outcome: &'static str,
}

/// All figures. Cheap to clone.
#[derive(Clone)]
pub struct Metrics {
    registry: Arc<Registry>,
    stage_delay: Family<OfStage, Histogram>,
    messages: Family<OfOutcome, Counter<u64, AtomicU64>>,
}

impl Default for Metrics {
    fn default() -> Self {
        let stage_delay = Family::<OfStage, Histogram>::new_with_constructor(|| {
            Histogram::new(exponential_buckets(0.001, 4.0, 12))
        });
        let messages = Family::default();
        let mut registry = Registry::with_prefix("safecity_centre");
        let help = "What an alert takes, by the clocks of camera, node and centre, to be ingested since its capture, and to be \
                    shown to a console since then";
        registry.register_with_unit(
            "alert_stage_delay",
            help,
            Unit::Seconds,
            stage_delay.clone(),
        );
        registry.register(
            "messages",
            "Messages that came from nodes",
            messages.clone(),
        );
        Metrics {
            registry: Arc::new(registry),
            stage_delay,
            messages,
        }
    }
}

impl Metrics {
    /// A message came.
    pub(crate) fn came(&self, outcome: &'static str) {
        self.messages.get_or_create(&OfOutcome { outcome }).inc();
    }

    /// An incident's message is in the store.
    pub(crate) fn ingested(&self, event: &IncidentEvent, received: Utc) {
        let way = way(since(event.time, received));
        let took = since(event.data.time.capture, received);
        self.observe("ingested", way, took);
    }

    /// An incident goes to a console for the first time since it came at `received`.
    pub(crate) fn shown(&self, received: Utc, now: Utc) {
        let took = since(received, now);
        self.observe("shown", way(took), took);
    }

    fn observe(&self, stage: &'static str, way: &'static str, took: Duration) {
        let of = OfStage { stage, way };
        let histogram = self.stage_delay.get_or_create(&of);
        histogram.observe(took.as_secs_f64());
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

fn way(waited: Duration) -> &'static str {
    if waited < LIVE { "live" } else { "backlog" }
}

/// Nothing where the two clocks disagree about what was first.
fn since(from: Utc, to: Utc) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or_default()
}

/// Answers `GET /metrics` on `listener` until `stop`.
pub(crate) async fn serve(listener: TcpListener, metrics: Metrics, stop: CancellationToken) {
    let router = Router::new()
        .route("/metrics", get(answer))
        .with_state(metrics);
    let served = axum::serve(listener, router).with_graceful_shutdown(stop.cancelled_owned());
    if let Err(error) = served.await {
        tracing::error!(%error, "figures are served no more");
    }
}

async fn answer(State(metrics): State<Metrics>) -> Response {
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    match metrics.text() {
        Ok(text) => ([(header::CONTENT_TYPE, kind)], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}
