//! The audit, for who may read it.

use axum::{
    Json,
    extract::{Query, State},
};
use serde::Deserialize;

use super::{Shared, refusal::Refused};
use crate::{
    store::AuditQuery,
    view::{AuditCheck, AuditPage},
};

const PAGE: usize = 100;
const PAGE_MAX: usize = 500;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    before: Option<i64>,
    user: Option<String>,
    action: Option<String>,
    subject: Option<String>,
    limit: Option<usize>,
}

pub(super) async fn lines(
    State(shared): State<Shared>,
    Query(asked): Query<Asked>,
) -> Result<Json<AuditPage>, Refused> {
    let query = AuditQuery {
        before: asked.before,
        user: asked.user,
        action: asked.action,
        subject: asked.subject,
        limit: asked.limit.unwrap_or(PAGE).clamp(1, PAGE_MAX),
    };
    Ok(Json(shared.store.audit(query).await?))
}

pub(super) async fn check(State(shared): State<Shared>) -> Result<Json<AuditCheck>, Refused> {
    Ok(Json(shared.store.check_audit().await?))
}
