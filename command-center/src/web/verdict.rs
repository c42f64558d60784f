//! What operators say of incidents, and how often rules are right by that.

use axum::{
    Extension, Json,
    extract::{Path, Query, State},
    http::StatusCode,
};
use protocol::{Command, IgnoreArea, NodePath, Utc, Verdict};
use serde::Deserialize;
use uuid::Uuid;

use super::{
    Shared,
    access::SignedIn,
    incident::{checked, one},
    refusal::{Body, Refused},
};
use crate::{
    command::SignedCommand,
    role::Right,
    store::Judgement,
    view::{IncidentDetail, IncidentSummary, PrecisionView},
};

/// Days that are looked at where nothing else is asked for, and at most.
const DAYS: i64 = 30;
const DAYS_MAX: i64 = 366;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct VerdictForm {
    verdict: Verdict,
    ignore: Option<IgnoreArea>,
    note: Option<String>,
}

/// Keeps a verdict, and tells the node of it as soon as it is there.
pub(super) async fn judge(
    State(shared): State<Shared>,
    Extension(signed_in): Extension<SignedIn>,
    Path(id): Path<Uuid>,
    Body(form): Body<VerdictForm>,
) -> Result<Json<IncidentDetail>, Refused> {
    let note = checked(form.note)?;
    let refused = |why| Err(Refused::new(StatusCode::CONFLICT, why));
    let known = shared.store.incident(id).await?;
    let incident = known
        .ok_or_else(|| Refused::not_found("incident"))?
        .incident;
    if incident.test {
        return refused("a test alarm is nobody's false alarm");
    }
    if form.verdict == Verdict::True && form.ignore.is_some() {
        return refused("only the area of a false alarm is ignored");
    }
    let now = Utc::now();
    let ignored = form.ignore.is_some();
    let signed = sign(&shared, &incident, form.verdict, form.ignore, now)?;
    if ignored && signed.is_none() {
        return refused(
            "this centre has no key to sign commands, so no node can be told what to ignore: make one with \
             `command-center key generate FILE` and name it in commands.key_file",
        );
    }
    let judgement = Judgement {
        incident: id,
        verdict: form.verdict,
        signed,
        ignored,
        note,
    };
    let kept = shared.store.judge(judgement, signed_in.user, now).await?;
    match kept {
        true => one(State(shared), Path(id)).await,
        false => Err(Refused::not_found("incident")),
    }
}

/// The command that tells the incident's node; nothing where the centre has no key.
fn sign(
    shared: &Shared,
    incident: &IncidentSummary,
    verdict: Verdict,
    ignore: Option<IgnoreArea>,
    now: Utc,
) -> Result<Option<SignedCommand>, Refused> {
    let Some(signer) = &shared.signer else {
        return Ok(None);
    };
    let broken = |e: &dyn ToString| Refused::new(StatusCode::INTERNAL_SERVER_ERROR, e.to_string());
    let name = |text: &str| text.parse().map_err(|e| broken(&e));
    let node = NodePath {
        region: name(&incident.region)?,
        site: name(&incident.site)?,
        node: name(&incident.node)?,
    };
    let command = Command::Verdict {
        camera: incident.camera.id.clone(),
        incident: incident.id,
        verdict,
        ignore,
    };
    let signed = signer.sign(node, command, now);
    signed.map(Some).map_err(|e| broken(&e))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PrecisionQuery {
    days: Option<i64>,
}

/// How often each rule of each camera was right.
pub(super) async fn precision(
    State(shared): State<Shared>,
    Extension(signed_in): Extension<SignedIn>,
    Query(query): Query<PrecisionQuery>,
) -> Result<Json<Vec<PrecisionView>>, Refused> {
    let days = query.days.unwrap_or(DAYS).clamp(1, DAYS_MAX);
    let since = Utc::now().checked_sub(jiff::SignedDuration::from_hours(24 * days));
    let since = since.unwrap_or(Utc::UNIX_EPOCH);
    let reach = signed_in.grants.reach(Right::See);
    let mut rules = shared.store.precision(since).await?;
    rules.retain(|rule| reach.covers(&rule.region, &rule.site));
    Ok(Json(rules))
}
