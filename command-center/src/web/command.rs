//! Commands to nodes: given here, signed by the centre's key, sent and repeated by `ingest`.

use axum::{
    Extension, Json,
    extract::{Path, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use protocol::{Command, Name, NodePath, Original, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    Shared,
    access::SignedIn,
    incident::file,
    refusal::{Body, Refused},
    viewed,
};
use crate::{originals::Originals, role::Right};

/// Longest clip that may be asked for, in seconds.
const CLIP_MAX_S: u32 = 300;
/// Name of the part of evidence that is an original.
const ORIGINAL: &str = "original";

/// The request under which a command is known.
#[derive(Serialize)]
pub(super) struct Given {
    request: Uuid,
}

/// A command as an operator gives it: the role under which an original is asked for is the centre's to say.
#[derive(Deserialize)]
pub(super) struct Asked {
    original: Option<Reason>,
    #[serde(flatten)]
    rest: serde_json::Map<String, serde_json::Value>,
}

/// Why somebody wants an original.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Reason {
    reason: String,
}

impl Asked {
    fn command(self, originals: Option<&Originals>, user: &str) -> Result<Command, Refused> {
        let mut body = self.rest;
        if let Some(Reason { reason }) = &self.original {
            let (originals, reason) = allowed(originals, user, reason)?;
            let original = Original {
                role: originals.role.clone(),
                reason: reason.to_owned(),
            };
            let original = serde_json::to_value(original);
            body.insert("original".to_owned(), original.unwrap_or_default());
        }
        serde_json::from_value(serde_json::Value::Object(body))
            .map_err(|e| Refused::new(StatusCode::UNPROCESSABLE_ENTITY, e.to_string()))
    }
}

/// What it takes to give a command.
fn right(command: &Command) -> Right {
    match command {
        Command::Preview { .. } | Command::ReloadConfig => Right::Configure,
        Command::Verdict { .. } | Command::Unignore { .. } => Right::Answer,
        Command::FetchClip {
            original: Some(_), ..
        }
        | Command::FetchIncidentClip {
            original: Some(_), ..
        } => Right::Originals,
        _ => Right::Ask,
    }
}

/// Who may have originals, and the reason, if `user` may have them for it.
fn allowed<'a>(
    originals: Option<&'a Originals>,
    user: &str,
    reason: &'a str,
) -> Result<(&'a Originals, &'a str), Refused> {
    let originals = originals.ok_or_else(|| {
        Refused::new(
            StatusCode::FORBIDDEN,
            "nobody may have originals from this centre: originals.users names those who may",
        )
    })?;
    match originals.allow(user, reason) {
        Ok(reason) => Ok((originals, reason)),
        Err(why) if originals.users.contains(user) => {
            Err(Refused::new(StatusCode::UNPROCESSABLE_ENTITY, why))
        }
        Err(why) => Err(Refused::new(StatusCode::FORBIDDEN, why)),
    }
}

/// Opens the original that a command brought, for somebody who says why. It is in the audit before anybody sees it.
pub(super) async fn unseal(
    State(shared): State<Shared>,
    Extension(signed_in): Extension<SignedIn>,
    Path(request): Path<Uuid>,
    Body(Reason { reason }): Body<Reason>,
) -> Result<Response, Refused> {
    let user = signed_in.user;
    let (originals, reason) = allowed(shared.originals.as_ref(), &user, &reason)?;
    let Some(key) = originals.key.clone() else {
        return Err(Refused::new(
            StatusCode::CONFLICT,
            "this centre has no key to open originals: name it in originals.key_file",
        ));
    };
    let found = shared.store.command_evidence(request, ORIGINAL.to_owned());
    let Some(file) = found.await? else {
        return Err(Refused::not_found("original"));
    };
    let noted = shared
        .store
        .note_unsealed(request, user, reason.to_owned(), Utc::now());
    noted.await?;
    let opened = tokio::task::spawn_blocking(move || {
        let sealed = std::fs::read(&file.path).map_err(|e| e.to_string())?;
        key.unseal(&sealed)
    });
    let opened = opened.await.map_err(|e| e.to_string()).flatten();
    let video = opened.map_err(|why| {
        Refused::new(
            StatusCode::CONFLICT,
            format!("the original cannot be opened: {why}"),
        )
    })?;
    let headers = [
        (header::CONTENT_TYPE, "video/mp4"),
        (
            header::CONTENT_DISPOSITION,
            "attachment; filename=\"original.mp4\"",
        ),
        (header::CACHE_CONTROL, "no-store"),
    ];
    Ok((headers, video).into_response())
}

pub(super) async fn give(
    State(shared): State<Shared>,
    Extension(signed_in): Extension<SignedIn>,
    Path((region, site, node)): Path<(Name, Name, Name)>,
    Body(asked): Body<Asked>,
) -> Result<(StatusCode, Json<Given>), Refused> {
    let Some(signer) = &shared.signer else {
        return Err(Refused::new(
            StatusCode::CONFLICT,
            "this centre has no key to sign commands: make one with `command-center key generate FILE`, name it in \
             commands.key_file, and pin its public half in the nodes' commands.keys",
        ));
    };
    let command = asked.command(shared.originals.as_ref(), &signed_in.user)?;
    if matches!(command, Command::Verdict { .. }) {
        return Err(Refused::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "kind: a verdict is given at /api/incidents/{id}/verdict, where it is kept",
        ));
    }
    if matches!(command, Command::FetchClip { seconds, .. } if !(1..=CLIP_MAX_S).contains(&seconds))
    {
        return Err(Refused::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            format!("seconds: expected 1 to {CLIP_MAX_S}"),
        ));
    }
    let node = NodePath { region, site, node };
    if !signed_in.grants.may_to(right(&command), &node) {
        return Err(Refused::new(
            StatusCode::FORBIDDEN,
            "your roles do not allow this here: an administrator grants them",
        ));
    }
    let now = Utc::now();
    let signed = signer.sign(node, command, now);
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
    Extension(signed_in): Extension<SignedIn>,
    Path((request, part)): Path<(Uuid, Name)>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let found = shared
        .store
        .command_evidence(request, part.to_string())
        .await?;
    if found.is_some() {
        viewed::note(&shared, signed_in, request.to_string(), part.to_string()).await?;
    }
    file(found, &headers).await
}
