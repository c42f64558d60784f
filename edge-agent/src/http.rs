//! Figures for this machine only: `/metrics` for Prometheus, `/healthz` for whoever watches the agent.

use std::{net::SocketAddr, sync::Arc};

use axum::{
    Json, Router,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use protocol::Health;
use tokio::{net::TcpListener, sync::watch};
use tokio_util::sync::CancellationToken;
use tracing::error;

use crate::{health::Faults, metrics::Metrics};

/// What is served.
#[derive(Clone)]
pub struct Figures {
    /// For `/metrics`.
    pub metrics: Metrics,
    /// For `/healthz`.
    pub health: watch::Receiver<Option<Health>>,
    /// Where it is said that the port cannot be had.
    pub faults: Arc<Faults>,
}

/// Serves on `address` until `stop`; ends early if the port cannot be had.
pub async fn serve(address: SocketAddr, figures: Figures, stop: CancellationToken) {
    let listener = match TcpListener::bind(address).await {
        Ok(listener) => listener,
        Err(e) => {
            let why = format!(
                "{address}: {e}; free the port or choose another, the cameras go on without it"
            );
            error!("http.listen: {why}");
            figures.faults.set("http.listen", Some(why));
            return;
        }
    };
    figures.faults.set("http.listen", None);
    let router = Router::new()
        .route("/metrics", get(metrics))
        .route("/healthz", get(healthz))
        .with_state(figures);
    let served = axum::serve(listener, router).with_graceful_shutdown(stop.cancelled_owned());
    if let Err(e) = served.await {
        error!("http.listen: {address}: {e}");
    }
}

async fn metrics(State(figures): State<Figures>) -> Response {
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    match figures.metrics.text() {
        Ok(text) => ([(header::CONTENT_TYPE, kind)], text).into_response(),
        Err(e) => (StatusCode::INTERNAL_SERVER_ERROR, e.to_string()).into_response(),
    }
}

/// 503 before the first figures and while something is wrong with the node itself; a camera's failure is not the node's.
async fn healthz(State(figures): State<Figures>) -> Response {
    let health = figures.health.borrow().clone();
    match health {
        Some(health) if health.faults.is_empty() => Json(health).into_response(),
        Some(health) => (StatusCode::SERVICE_UNAVAILABLE, Json(health)).into_response(),
        None => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}
