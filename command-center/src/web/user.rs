//! Users and what they are granted, for who decides it.

use axum::{
    Extension, Json,
    extract::{Path, State},
    http::StatusCode,
};
use protocol::Utc;
use serde::Deserialize;

use super::{
    Shared,
    access::SignedIn,
    login::hashed,
    refusal::{Body, Refused},
};
use crate::{password, role::Grant, view::UserView};

/// Roles that one user may hold at most.
const GRANTS_MAX: usize = 100;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewUser {
    name: String,
    password: String,
    grants: Vec<Grant>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Granted {
    grants: Vec<Grant>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewPassword {
    password: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Disabled {
    disabled: bool,
}

type By = Extension<SignedIn>;

pub(super) async fn list(State(shared): State<Shared>) -> Result<Json<Vec<UserView>>, Refused> {
    Ok(Json(shared.store.users(Utc::now()).await?))
}

pub(super) async fn add(
    State(shared): State<Shared>,
    Extension(by): By,
    Body(user): Body<NewUser>,
) -> Result<StatusCode, Refused> {
    let NewUser {
        name,
        password,
        grants,
    } = user;
    check(&name, &password)?;
    let grants = checked(grants)?;
    let hash = hashed(&shared, password).await?;
    let added = shared
        .store
        .add_user(by.user, name, hash, grants, Utc::now());
    added.await?;
    Ok(StatusCode::CREATED)
}

pub(super) async fn grant(
    State(shared): State<Shared>,
    Extension(by): By,
    Path(name): Path<String>,
    Body(Granted { grants }): Body<Granted>,
) -> Result<StatusCode, Refused> {
    let grants = checked(grants)?;
    let granted = shared.store.grant(by.user, name, grants, Utc::now());
    granted.await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn password(
    State(shared): State<Shared>,
    Extension(by): By,
    Path(name): Path<String>,
    Body(NewPassword { password }): Body<NewPassword>,
) -> Result<StatusCode, Refused> {
    check(&name, &password)?;
    let hash = hashed(&shared, password).await?;
    let reset = shared.store.reset_password(by.user, name, hash, Utc::now());
    reset.await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn disable(
    State(shared): State<Shared>,
    Extension(by): By,
    Path(name): Path<String>,
    Body(Disabled { disabled }): Body<Disabled>,
) -> Result<StatusCode, Refused> {
    let done = shared.store.disable(by.user, name, disabled, Utc::now());
    done.await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn remove_totp(
    State(shared): State<Shared>,
    Extension(by): By,
    Path(name): Path<String>,
) -> Result<StatusCode, Refused> {
    let removed = shared.store.remove_totp(by.user, name, Utc::now());
    removed.await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) fn check(name: &str, password: &str) -> Result<(), Refused> {
    password::check(name, password)
        .map_err(|why| Refused::new(StatusCode::UNPROCESSABLE_ENTITY, why.to_string()))
}

/// A site is one of a region; and nobody needs a role twice.
fn checked(mut grants: Vec<Grant>) -> Result<Vec<Grant>, Refused> {
    let unfit = |why: String| Err(Refused::new(StatusCode::UNPROCESSABLE_ENTITY, why));
    if grants.len() > GRANTS_MAX {
        return unfit(format!("grants: {GRANTS_MAX} are the most"));
    }
    for (i, grant) in grants.iter().enumerate() {
        if grant.region.is_none() && grant.site.is_some() {
            return unfit(format!("grants[{i}]: a site needs its region beside it"));
        }
    }
    let mut seen: Vec<Grant> = Vec::new();
    grants.retain(|grant| {
        let fresh = !seen.contains(grant);
        seen.push(grant.clone());
        fresh
    });
    Ok(grants)
}
