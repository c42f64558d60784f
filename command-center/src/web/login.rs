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
    role::Grants,
    token::{self, TokenHash},
    totp,
    view::{MeView, SessionView},
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
    /// One-time code, if the user has an authenticator.
    code: Option<String>,
}

pub(super) async fn session(
    State(shared): State<Shared>,
    headers: HeaderMap,
) -> Result<Json<SessionView>, Refused> {
    let signed_in = access::signed_in(&shared, &headers).await?;
    Ok(Json(SessionView {
        first_admin_needed: !shared.store.has_users().await?,
        user: signed_in.map(|s| me(s.user, &s.grants, s.totp)),
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
    begin(&shared, form.name, None, StatusCode::CREATED).await
}

pub(super) async fn login(
    State(shared): State<Shared>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Body(form): Body<LoginForm>,
) -> Result<Response, Refused> {
    admit(&shared, peer, &form.name)?;
    let account = shared.store.account(form.name.clone()).await?;
    let hash = account.as_ref().map(|a| a.password_hash.clone());
    if !shared.verifier.matches(form.password, hash).await {
        tracing::warn!(address = %peer.ip(), "a sign-in was refused");
        return Err(Refused::new(
            StatusCode::UNAUTHORIZED,
            "name or password is wrong",
        ));
    }
    let secret = account.and_then(|account| account.totp);
    let step = match (secret, form.code) {
        (None, _) => None,
        (Some(_), None) => {
            return Err(Refused::new(
                StatusCode::FORBIDDEN,
                "give the one-time code of your authenticator, too",
            ));
        }
        (Some(secret), Some(code)) => {
            let step = totp::step(&secret, &code, Utc::now());
            Some(step.ok_or_else(wrong_code)?)
        }
    };
    let answer = begin(&shared, form.name.clone(), step, StatusCode::OK).await?;
    shared.throttle.succeeded(peer.ip(), &form.name);
    Ok(answer)
}

fn wrong_code() -> Refused {
    Refused::new(
        StatusCode::UNAUTHORIZED,
        "the one-time code is wrong, or was used already: wait for the next one",
    )
}

fn me(name: String, grants: &Grants, totp: bool) -> MeView {
    MeView {
        name,
        rights: grants.rights(),
        grants: grants.0.clone(),
        totp,
    }
}

pub(super) async fn logout(
    State(shared): State<Shared>,
    Extension(signed_in): Extension<SignedIn>,
) -> Result<Response, Refused> {
    let SignedIn {
        user, token_hash, ..
    } = signed_in;
    shared
        .store
        .end_session(token_hash, user, Utc::now())
        .await?;
    let cookie = access::set_cookie(None, 0, shared.secure_cookies);
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, cookie)]).into_response())
}

pub(super) fn admit(shared: &Shared, peer: SocketAddr, name: &str) -> Result<(), Refused> {
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

pub(super) async fn hashed(shared: &Shared, password: String) -> Result<String, Refused> {
    shared.verifier.hash(password).await.map_err(|error| {
        tracing::error!(%error, "a password cannot be hashed");
        Refused::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "the password cannot be hashed: see the centre's log",
        )
    })
}

/// Begins a session: always with a new token, whatever cookie the request had.
pub(super) async fn begin(
    shared: &Shared,
    user: String,
    step: Option<u64>,
    status: StatusCode,
) -> Result<Response, Refused> {
    let (token, hash) = token::new();
    let now = Utc::now();
    let expires = now.checked_add(SESSION).unwrap_or(Utc::MAX);
    let begun = shared
        .store
        .begin_session(user.clone(), step, hash, now, expires);
    if !begun.await? {
        return Err(wrong_code());
    }
    let session = shared.store.session(hash, now).await?;
    let view = SessionView {
        first_admin_needed: false,
        user: session.map(|session| me(session.user, &session.grants, session.totp)),
    };
    let cookie = access::set_cookie(Some(&token), SESSION.as_secs(), shared.secure_cookies);
    Ok((status, [(header::SET_COOKIE, cookie)], Json(view)).into_response())
}
