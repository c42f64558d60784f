//! Signing in and out, and naming the first administrator.

use std::{
    net::SocketAddr,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use axum::{
    Extension, Json,
    extract::{ConnectInfo, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use protocol::Utc;
use serde::Deserialize;

use super::{
    Shared,
    access::{self, SignedIn},
    refusal::{Body, Refused},
};
use crate::{
    password,
    token::{self, TokenHash},
    view::SessionView,
};

/// A session lasts for one shift.
const SESSION: Duration = Duration::from_secs(12 * 3600);

/// The one-time token that names the first administrator, as long as nobody has used it.
#[derive(Debug, Default)]
pub struct FirstAdmin {
    token: Mutex<Option<TokenHash>>,
}

impl FirstAdmin {
    /// Nobody can be named: there are users.
    pub fn closed() -> Self {
        FirstAdmin::default()
    }

    /// A new token, and who it lets in.
    pub fn open() -> (String, Self) {
        let (token, hash) = token::new();
        let admin = FirstAdmin {
            token: Mutex::new(Some(hash)),
        };
        (token, admin)
    }

    fn accepts(&self, token: &str) -> bool {
        let known = self.token.lock().unwrap_or_else(PoisonError::into_inner);
        *known == Some(token::hash(token))
    }

    fn close(&self) {
        *self.token.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FirstAdminForm {
    token: String,
    name: String,
    password: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LoginForm {
    name: String,
    password: String,
}

pub(super) async fn session(
    State(shared): State<Shared>,
    headers: HeaderMap,
) -> Result<Json<SessionView>, Refused> {
    let signed_in = access::signed_in(&shared, &headers).await?;
    Ok(Json(SessionView {
        first_admin_needed: !shared.store.has_users().await?,
        user: signed_in.map(|s| s.user),
    }))
}

pub(super) async fn first_admin(
    State(shared): State<Shared>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Body(form): Body<FirstAdminForm>,
) -> Result<Response, Refused> {
    admit(&shared, peer, "first administrator")?;
    if !shared.first_admin.accepts(form.token.trim()) {
        return Err(Refused::new(
            StatusCode::FORBIDDEN,
            "that is not the one-time token: it stands in the centre's log, and a restart makes a new one",
        ));
    }
    password::check(&form.name, &form.password)
        .map_err(|e| Refused::new(StatusCode::UNPROCESSABLE_ENTITY, e.to_string()))?;
    let hash = hashed(&shared, form.password).await?;
    let now = Utc::now();
    let added = shared
        .store
        .add_first_user(form.name.clone(), hash, now)
        .await?;
    shared.first_admin.close();
    if !added {
        return Err(Refused::new(
            StatusCode::CONFLICT,
            "there is a user already: sign in",
        ));
    }
    tracing::info!(user = form.name, "the first administrator was named");
    begin(&shared, form.name, StatusCode::CREATED).await
}

pub(super) async fn login(
    State(shared): State<Shared>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Body(form): Body<LoginForm>,
) -> Result<Response, Refused> {
    admit(&shared, peer, &form.name)?;
    let account = shared.store.account(form.name.clone()).await?;
    let hash = account.map(|a| a.password_hash);
    if !shared.verifier.matches(form.password, hash).await {
        tracing::warn!(address = %peer.ip(), "a sign-in was refused");
        return Err(Refused::new(
            StatusCode::UNAUTHORIZED,
            "name or password is wrong",
        ));
    }
    shared.throttle.succeeded(peer.ip(), &form.name);
    begin(&shared, form.name, StatusCode::OK).await
}

pub(super) async fn logout(
    State(shared): State<Shared>,
    Extension(signed_in): Extension<SignedIn>,
) -> Result<Response, Refused> {
    let SignedIn { user, token_hash } = signed_in;
    shared
        .store
        .end_session(token_hash, user, Utc::now())
        .await?;
    let cookie = access::set_cookie(None, 0, shared.secure_cookies);
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, cookie)]).into_response())
}

fn admit(shared: &Shared, peer: SocketAddr, name: &str) -> Result<(), Refused> {
    if name.len() > 256 {
        return Err(Refused::new(
            StatusCode::UNAUTHORIZED,
            "name or password is wrong",
        ));
    }
    shared
        .throttle
        .admit(peer.ip(), name, Instant::now())
        .map_err(Refused::wait)
}

async fn hashed(shared: &Shared, password: String) -> Result<String, Refused> {
    shared.verifier.hash(password).await.map_err(|error| {
        tracing::error!(%error, "a password cannot be hashed");
        Refused::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "the password cannot be hashed: see the centre's log",
        )
    })
}

/// Begins a session: always with a new token, whatever cookie the request had.
async fn begin(shared: &Shared, user: String, status: StatusCode) -> Result<Response, Refused> {
    let (token, hash) = token::new();
    let now = Utc::now();
    let expires = now.checked_add(SESSION).unwrap_or(Utc::MAX);
    shared
        .store
        .begin_session(user.clone(), hash, now, expires)
        .await?;
    let cookie = access::set_cookie(Some(&token), SESSION.as_secs(), shared.secure_cookies);
    let view = SessionView {
        first_admin_needed: false,
        user: Some(user),
    };
    Ok((status, [(header::SET_COOKIE, cookie)], Json(view)).into_response())
}
