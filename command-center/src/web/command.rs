//! Commands to nodes: given here, signed by the centre's key, sent and repeated by `ingest`.

use axum::{
    Extension, Json,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    response::Response,
};
use protocol::{Command, Name, NodePath, Utc};
use serde::Serialize;
use uuid::Uuid;

use super::{
    Shared,
    access::SignedIn,
    incident::file,
    refusal::{Body, Refused},
};

/// Longest clip that may be asked for, in seconds.
const CLIP_MAX_S: u32 = 300;

/// The request under which a command is known.
#[derive(Serialize)]
pub(super) struct Given {
    request: Uuid,
}

pub(super) async fn give(
    State(shared): State<Shared>,
    Extension(signed_in): Extension<SignedIn>,
    Path((region, site, node)): Path<(Name, Name, Name)>,
    Body(command): Body<Command>,
) -> Result<(StatusCode, Json<Given>), Refused> {
    let Some(signer) = &shared.signer else {
        return Err(Refused::new(
            StatusCode::CONFLICT,
            "this centre has no key to sign commands: make one with `command-center key generate FILE`, name it in \
             commands.key_file, and pin its public half in the nodes' commands.keys",
        ));
    };
    if matches!(command, Command::FetchClip { seconds, .. } if !(1..=CLIP_MAX_S).contains(&seconds))
    {
        return Err(Refused::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            format!("seconds: expected 1 to {CLIP_MAX_S}"),
        ));
    }
    let now = Utc::now();
    let signed = signer.sign(NodePath { region, site, node }, command, now);
    let signed =
        signed.map_err(|e| Refused::new(StatusCode::INTERNAL_SERVER_ERROR, e.to_string()))?;
    let request = signed.request.request;
    let known = shared
        .store
        .give_command(signed, signed_in.user, now)
        .await?;
    if !known {
        return Err(Refused::not_found("node"));
    }
    Ok((StatusCode::ACCEPTED, Json(Given { request })))
}

pub(super) async fn evidence(
    State(shared): State<Shared>,
    Path((request, part)): Path<(Uuid, Name)>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let found = shared
        .store
        .command_evidence(request, part.to_string())
        .await?;
    file(found, &headers).await
}
