//! A bundle of evidence: what is here of an incident, with its node's signatures, for whoever is to check it elsewhere.

use axum::{
    Extension,
    extract::{Path, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use protocol::{Utc, custody::Head};
use uuid::Uuid;

use super::{Shared, access::SignedIn, refusal::Refused};

/// The incident's bundle; who took it is in the audit.
pub(super) async fn bundle(
    State(shared): State<Shared>,
    Extension(signed_in): Extension<SignedIn>,
    Path(id): Path<Uuid>,
) -> Result<Response, Refused> {
    let refused = |why: &str| Refused::new(StatusCode::CONFLICT, why);
    let Some(signer) = &shared.signer else {
        return Err(refused(
            "this centre has no key to sign bundles: make one with `command-center key generate FILE` and name it in \
             commands.key_file",
        ));
    };
    let now = Utc::now();
    if shared.store.incident(id).await?.is_none() {
        return Err(Refused::not_found("incident"));
    }
    let found = shared.store.attested(id, signed_in.user, now).await?;
    let attested = found.ok_or_else(|| {
        refused("no signed manifest of this incident is here: its node does not sign, or they are on their way")
    })?;
    let head = Head {
        node: attested.node,
        key: attested.key,
        signer: String::new(),
        incident: id,
        manifests: 0,
        last: String::new(),
        missing: attested.missing,
        made: protocol::in_milliseconds(now),
    };
    let broken =
        |why: &dyn ToString| Refused::new(StatusCode::INTERNAL_SERVER_ERROR, why.to_string());
    let bundle = signer.bundle(head, attested.manifests, attested.items);
    let file = bundle.map_err(|e| broken(&e))?.encode();
    let headers = [
        (header::CONTENT_TYPE, "application/x-tar".to_owned()),
        (
            header::CONTENT_DISPOSITION,
            format!("attachment; filename=\"incident-{id}.tar\""),
        ),
        (header::CACHE_CONTROL, "no-store".to_owned()),
    ];
    Ok((headers, file.map_err(|e| broken(&e))?).into_response())
}
