//! Configurations for nodes: pushed here, signed by the centre's key, left at the broker by `ingest`; nodes try them and say how far they
//! have come.

use axum::{
    Extension, Json,
    extract::{Path, State},
    http::StatusCode,
};
use protocol::{Name, NodePath, Trial, Utc, push::MAX_DOCUMENT};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    Shared,
    access::SignedIn,
    refusal::{Body, Refused},
};
use crate::view::ConfigView;

/// The push under which a document is known.
#[derive(Serialize)]
pub(super) struct Pushed {
    push: Uuid,
    number: u64,
}

/// What somebody pushes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    document: String,
    #[serde(default)]
    trial: Trial,
}

type Node = Path<(Name, Name, Name)>;

pub(super) async fn push(
    State(shared): State<Shared>,
    Extension(signed_in): Extension<SignedIn>,
    Path((region, site, node)): Node,
    Body(Asked { document, trial }): Body<Asked>,
) -> Result<(StatusCode, Json<Pushed>), Refused> {
    let Some(signer) = shared.signer.clone() else {
        return Err(Refused::new(
            StatusCode::CONFLICT,
            "this centre has no key to sign with: make one with `command-center key generate FILE`, name it in commands.key_file, and \
             pin its public half in the nodes' commands.keys",
        ));
    };
    let unfit = |why: String| Refused::new(StatusCode::UNPROCESSABLE_ENTITY, why);
    if document.len() > MAX_DOCUMENT {
        return Err(unfit(format!(
            "document: {MAX_DOCUMENT} bytes are the most"
        )));
    }
    // What its keys mean is the node's to judge: it knows its cameras and its version.
    if let Err(why) = document.parse::<toml::Table>() {
        return Err(unfit(format!(
            "document: is no TOML: {}",
            why.to_string().trim_end()
        )));
    }
    if !trial.max_alarm_factor.is_finite() || trial.max_alarm_factor < 0.0 {
        return Err(unfit(
            "trial.max_alarm_factor: expected 0 or more".to_owned(),
        ));
    }
    let node = NodePath { region, site, node };
    let pushed = shared
        .store
        .push(signer, node, (document, trial), signed_in.user, Utc::now());
    match pushed.await? {
        Some((push, number)) => Ok((StatusCode::ACCEPTED, Json(Pushed { push, number }))),
        None => Err(Refused::not_found("node")),
    }
}

pub(super) async fn config(
    State(shared): State<Shared>,
    Path((region, site, node)): Node,
) -> Result<Json<ConfigView>, Refused> {
    let found = shared.store.config(NodePath { region, site, node }).await?;
    found.map(Json).ok_or_else(|| Refused::not_found("node"))
}
