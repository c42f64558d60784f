//! Incidents: the list, one, its evidence, and acknowledging it.

use axum::{
    Extension, Json,
    extract::{Path, Query, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use protocol::{Name, Utc};
use serde::Deserialize;
use uuid::Uuid;

use super::{
    Shared,
    access::SignedIn,
    refusal::{Body, Refused},
    viewed,
};
use crate::{
    role::Right,
    store::{EvidenceFile, IncidentQuery},
    view::{IncidentDetail, IncidentPage},
};

const PAGE: usize = 50;
const PAGE_MAX: usize = 200;
const NOTE_MAX: usize = 2000;
/// Media types that a browser may show in place; all others are offered as files.
const SHOWN: [&str; 3] = ["image/jpeg", "image/png", "image/webp"];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListQuery {
    before: Option<String>,
    limit: Option<usize>,
    #[serde(default)]
    to_do: bool,
}

pub(super) async fn list(
    State(shared): State<Shared>,
    Extension(signed_in): Extension<SignedIn>,
    Query(query): Query<ListQuery>,
) -> Result<Json<IncidentPage>, Refused> {
    let before = query.before.as_deref().map(parse_place).transpose()?;
    let query = IncidentQuery {
        before,
        to_do: query.to_do,
        reach: signed_in.grants.reach(Right::See),
        limit: query.limit.unwrap_or(PAGE).clamp(1, PAGE_MAX),
    };
    Ok(Json(shared.store.incidents(query).await?))
}

fn parse_place(text: &str) -> Result<(Utc, Uuid), Refused> {
    let place = text.split_once('.').and_then(|(micros, id)| {
        let at = Utc::from_microsecond(micros.parse().ok()?).ok()?;
        Some((at, id.parse().ok()?))
    });
    place.ok_or_else(|| {
        Refused::new(
            StatusCode::BAD_REQUEST,
            "before: expected the \"next\" of an earlier page",
        )
    })
}

pub(super) async fn one(
    State(shared): State<Shared>,
    Path(id): Path<Uuid>,
) -> Result<Json<IncidentDetail>, Refused> {
    let found = shared.store.incident(id).await?;
    found
        .map(Json)
        .ok_or_else(|| Refused::not_found("incident"))
}

pub(super) async fn evidence(
    State(shared): State<Shared>,
    Extension(signed_in): Extension<SignedIn>,
    Path((id, part)): Path<(Uuid, Name)>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let found = shared.store.evidence(id, part.to_string()).await?;
    if found.is_some() {
        viewed::note(&shared, signed_in, id.to_string(), part.to_string()).await?;
    }
    file(found, &headers).await
}

/// Answers with a file of evidence, or that the browser has it already.
pub(super) async fn file(
    found: Option<EvidenceFile>,
    headers: &HeaderMap,
) -> Result<Response, Refused> {
    let Some(file) = found else {
        return Err(Refused::not_found("evidence"));
    };
    let tag = HeaderValue::try_from(format!("\"{}\"", file.sha256))
        .map_err(|_| Refused::not_found("evidence"))?;
    let caching = (
        header::CACHE_CONTROL,
        HeaderValue::from_static("private, no-cache"),
    );
    if headers.get(header::IF_NONE_MATCH) == Some(&tag) {
        return Ok((StatusCode::NOT_MODIFIED, [caching, (header::ETAG, tag)]).into_response());
    }
    let bytes = tokio::fs::read(&file.path).await.map_err(|error| {
        tracing::error!(file = %file.path.display(), %error, "evidence cannot be read");
        Refused::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "the evidence cannot be read: see the centre's log",
        )
    })?;
    let shown = SHOWN.into_iter().find(|t| *t == file.content_type);
    let (content_type, disposition) = match shown {
        Some(content_type) => (content_type, "inline"),
        None => ("application/octet-stream", "attachment"),
    };
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(content_type)),
        (
            header::CONTENT_DISPOSITION,
            HeaderValue::from_static(disposition),
        ),
        caching,
        (header::ETAG, tag),
    ];
    Ok((headers, bytes).into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AcknowledgeForm {
    note: Option<String>,
}

/// A note for the record, if it is one and not too long.
pub(super) fn checked(note: Option<String>) -> Result<Option<String>, Refused> {
    let note = note.map(|n| n.trim().to_owned()).filter(|n| !n.is_empty());
    if note.as_ref().is_some_and(|n| n.chars().count() > NOTE_MAX) {
        return Err(Refused::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            format!("the note may have at most {NOTE_MAX} characters"),
        ));
    }
    Ok(note)
}

pub(super) async fn acknowledge(
    State(shared): State<Shared>,
    Extension(signed_in): Extension<SignedIn>,
    Path(id): Path<Uuid>,
    Body(form): Body<AcknowledgeForm>,
) -> Result<Json<IncidentDetail>, Refused> {
    let note = checked(form.note)?;
    let known = shared
        .store
        .acknowledge(id, signed_in.user, note, Utc::now())
        .await?;
    if !known {
        return Err(Refused::not_found("incident"));
    }
    one(State(shared), Path(id)).await
}
