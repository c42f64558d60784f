//! What users change about their own signing in. Each takes the password once more: a screen may be left alone.

use std::net::SocketAddr;

use axum::{
    Extension, Json,
    extract::{ConnectInfo, State},
    http::StatusCode,
    response::Response,
};
use protocol::Utc;
use qrcode::{QrCode, render::svg};
use serde::Deserialize;

use super::{
    Shared,
    access::SignedIn,
    login::{admit, begin, hashed},
    refusal::{Body, Refused},
    user,
};
use crate::{store::Account, totp, view::TotpSetup};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PasswordForm {
    password: String,
    new_password: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OfferForm {
    password: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ConfirmForm {
    code: String,
}

type Peer = ConnectInfo<SocketAddr>;

/// Another password; all other sessions end, and this one goes on under a new token.
pub(super) async fn password(
    State(shared): State<Shared>,
    ConnectInfo(peer): Peer,
    Extension(me): Extension<SignedIn>,
    Body(form): Body<PasswordForm>,
) -> Result<Response, Refused> {
    account(&shared, peer, &me, form.password).await?;
    user::check(&me.user, &form.new_password)?;
    let hash = hashed(&shared, form.new_password).await?;
    let user = me.user.clone();
    let reset = shared
        .store
        .reset_password(user, me.user.clone(), hash, Utc::now());
    reset.await?;
    begin(&shared, me.user, None, StatusCode::OK).await
}

/// A secret for an authenticator. It counts once a code of it has come back.
pub(super) async fn offer_totp(
    State(shared): State<Shared>,
    ConnectInfo(peer): Peer,
    Extension(me): Extension<SignedIn>,
    Body(form): Body<OfferForm>,
) -> Result<Json<TotpSetup>, Refused> {
    account(&shared, peer, &me, form.password).await?;
    let secret = totp::new_secret();
    let cannot = || {
        let why = "no code can be made for that name: see the centre's log";
        Refused::new(StatusCode::INTERNAL_SERVER_ERROR, why)
    };
    let address = totp::address(&secret, &me.user).ok_or_else(cannot)?;
    let code = QrCode::new(&address).map_err(|_| cannot())?;
    let picture = code.render::<svg::Color<'_>>().build();
    let offered = shared.store.offer_totp(me.user, secret.clone(), Utc::now());
    offered.await?;
    Ok(Json(TotpSetup {
        secret,
        address,
        picture,
    }))
}

pub(super) async fn confirm_totp(
    State(shared): State<Shared>,
    ConnectInfo(peer): Peer,
    Extension(me): Extension<SignedIn>,
    Body(form): Body<ConfirmForm>,
) -> Result<StatusCode, Refused> {
    admit(&shared, peer, &me.user)?;
    let unfit = |why: &str| Refused::new(StatusCode::UNPROCESSABLE_ENTITY, why);
    let account = shared.store.account(me.user.clone()).await?;
    let offered = account.and_then(|account| account.totp_offered);
    let secret = offered.ok_or_else(|| unfit("ask for a secret first: POST /api/me/totp"))?;
    let now = Utc::now();
    let step = totp::step(&secret, &form.code, now).ok_or_else(|| {
        unfit("that is not its code now: the clock of the authenticator or of this server may be wrong")
    })?;
    shared.throttle.succeeded(peer.ip(), &me.user);
    shared.store.confirm_totp(me.user, step, now).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The account of who is signed in, if the password is theirs.
async fn account(
    shared: &Shared,
    peer: SocketAddr,
    me: &SignedIn,
    password: String,
) -> Result<Account, Refused> {
    admit(shared, peer, &me.user)?;
    let account = shared.store.account(me.user.clone()).await?;
    let hash = account
        .as_ref()
        .map(|account| account.password_hash.clone());
    let right = shared.verifier.matches(password, hash).await;
    match account.filter(|_| right) {
        Some(account) => {
            shared.throttle.succeeded(peer.ip(), &me.user);
            Ok(account)
        }
        None => Err(Refused::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "that is not your password",
        )),
    }
}
