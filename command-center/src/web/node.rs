//! The state of nodes, cameras and the centre itself.

use axum::{Extension, Json, extract::State};
use protocol::Utc;
use serde::Serialize;

use super::{App, Shared, access::SignedIn, refusal::Refused};
use crate::{
    role::Right,
    store::StoreError,
    view::{CentreView, Overview, ParkedMessage},
};

const PARKED_SHOWN: usize = 100;

#[derive(Serialize)]
pub(super) struct Health {
    status: &'static str,
    broker: &'static str,
}

/// For watchdogs: answers once the store does.
pub(super) async fn healthz(State(shared): State<Shared>) -> Result<Json<Health>, Refused> {
    shared.store.has_users().await?;
    let connected = *shared.broker_connected.borrow();
    Ok(Json(Health {
        status: "ok",
        broker: if connected {
            "connected"
        } else {
            "disconnected"
        },
    }))
}

pub(super) async fn overview(
    State(shared): State<Shared>,
    Extension(signed_in): Extension<SignedIn>,
) -> Result<Json<Overview>, Refused> {
    let reach = signed_in.grants.reach(Right::See);
    let mut nodes = shared.store.nodes().await?;
    nodes.retain(|node| reach.covers(&node.region, &node.site));
    Ok(Json(Overview {
        nodes,
        centre: centre(&shared).await?,
    }))
}

pub(super) async fn parked(
    State(shared): State<Shared>,
) -> Result<Json<Vec<ParkedMessage>>, Refused> {
    Ok(Json(shared.store.parked(PARKED_SHOWN).await?))
}

/// The centre's own state, now.
pub(super) async fn centre(app: &App) -> Result<CentreView, StoreError> {
    let parked = app.store.parked_count().await?;
    Ok(CentreView {
        now: Utc::now(),
        broker_connected: *app.broker_connected.borrow(),
        parked,
        can_command: app.signer.is_some(),
        silent_after_s: app.node_silent_after.as_secs(),
    })
}
