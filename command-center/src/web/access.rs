//! Who may ask for what. Denies by default: only routes that need [`Need::Nothing`] and the console's own files are open.
//!
//! Requests that change something must carry [`SAME_ORIGIN`]: a page of another origin cannot set it without a
//! preflight, which is never granted. The session's cookie is `SameSite=Strict` besides.

use std::collections::HashMap;

use axum::{
    extract::{FromRequestParts as _, Path, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use protocol::Utc;

use super::{Shared, asset, refusal::Refused};
use crate::{
    role::{Grants, Right},
    token::{self, TokenHash},
};

/// What a route takes. There is no route without one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Not even a session: it is open on purpose.
    Nothing,
    /// A session, whatever its rights.
    Session,
    /// A right anywhere; what is answered stays within its reach.
    Anywhere(Right),
    /// A right that holds everywhere.
    Everywhere(Right),
    /// A right at the node that the path names.
    AtNode(Right),
    /// A right where the incident was that the path names.
    AtIncident(Right),
    /// A right at the node that was asked by the request that the path names.
    AtCommand(Right),
}

/// Header of every request that changes something.
pub(crate) const SAME_ORIGIN: HeaderName = HeaderName::from_static("x-safecity-console");
/// Name of the session's cookie.
const COOKIE: &str = "safecity_session";

/// Who is signed in; handlers behind the guard find it among the request's extensions.
#[derive(Clone, Debug)]
pub(crate) struct SignedIn {
    pub(crate) user: String,
    pub(crate) grants: Grants,
    pub(crate) totp: bool,
    pub(crate) token_hash: TokenHash,
}

pub(crate) async fn guard(
    State(shared): State<Shared>,
    mut request: Request,
    next: Next,
) -> Result<Response, Refused> {
    let method = request.method();
    let path = request.uri().path();
    if !method.is_safe() && !request.headers().contains_key(SAME_ORIGIN) {
        return Err(Refused::new(
            StatusCode::FORBIDDEN,
            format!("the header {SAME_ORIGIN} is missing"),
        ));
    }
    let open = shared
        .open
        .iter()
        .any(|(m, p)| *m == method.as_str() && *p == path);
    if open || (method.is_safe() && asset::is_one(path)) {
        return Ok(next.run(request).await);
    }
    let Some(signed_in) = signed_in(&shared, request.headers()).await? else {
        return Err(Refused::new(StatusCode::UNAUTHORIZED, "sign in first"));
    };
    request.extensions_mut().insert(signed_in);
    Ok(next.run(request).await)
}

/// Lets a route be asked by who has what it needs, at the place that its path names.
pub(crate) async fn check(
    State((shared, need)): State<(Shared, Need)>,
    request: Request,
    next: Next,
) -> Result<Response, Refused> {
    let (mut parts, body) = request.into_parts();
    let allowed = match (need, parts.extensions.get::<SignedIn>().cloned()) {
        (Need::Nothing, _) | (Need::Session, Some(_)) => true,
        (_, None) => false,
        (Need::Anywhere(right), Some(signed_in)) => signed_in.grants.may(right),
        (Need::Everywhere(right), Some(signed_in)) => signed_in.grants.may_everywhere(right),
        (Need::AtNode(right) | Need::AtIncident(right) | Need::AtCommand(right), Some(who)) => {
            let path = Path::<HashMap<String, String>>::from_request_parts(&mut parts, &()).await;
            let path = path.map(|Path(names)| names).unwrap_or_default();
            match place(&shared, need, &path).await? {
                Some((region, site)) => who.grants.may_at(right, &region, &site),
                // There is no such thing, as who may look at such things is told.
                None => who.grants.may(right),
            }
        }
    };
    if allowed {
        return Ok(next.run(Request::from_parts(parts, body)).await);
    }
    Err(Refused::new(
        StatusCode::FORBIDDEN,
        "your roles do not allow this here: an administrator grants them",
    ))
}

/// Region and site of what a path names.
async fn place(
    shared: &Shared,
    need: Need,
    path: &HashMap<String, String>,
) -> Result<Option<(String, String)>, Refused> {
    let id = |name: &str| path.get(name).and_then(|id| id.parse().ok());
    Ok(match need {
        Need::AtNode(_) => path.get("region").cloned().zip(path.get("site").cloned()),
        Need::AtIncident(_) => match id("id") {
            Some(id) => shared.store.incident_place(id).await?,
            None => None,
        },
        Need::AtCommand(_) => match id("request") {
            Some(request) => shared.store.command_place(request).await?,
            None => None,
        },
        _ => None,
    })
}

/// Who the request's cookie belongs to.
pub(crate) async fn signed_in(
    shared: &Shared,
    headers: &HeaderMap,
) -> Result<Option<SignedIn>, Refused> {
    let Some(token) = cookie(headers) else {
        return Ok(None);
    };
    let token_hash = token::hash(token);
    let session = shared.store.session(token_hash, Utc::now()).await?;
    Ok(session.map(|session| SignedIn {
        user: session.user,
        grants: session.grants,
        totp: session.totp,
        token_hash,
    }))
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(name, _)| *name == COOKIE)
        .map(|(_, token)| token)
}

/// The cookie that begins a session of `seconds`, or with no token ends it.
pub(crate) fn set_cookie(token: Option<&str>, seconds: u64, secure: bool) -> HeaderValue {
    let secure = if secure { "; Secure" } else { "" };
    let (token, seconds) = token.map_or(("", 0), |token| (token, seconds));
    let text =
        format!("{COOKIE}={token}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}");
    HeaderValue::try_from(text).expect("a token is of the URL-safe alphabet")
}

/// Headers of every answer: no page but ours may use it, and ours runs no script but its own files.
const HEADERS: [(HeaderName, &str); 7] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; \
         connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), microphone=(), geolocation=()",
    ),
];

pub(crate) async fn add_headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await.into_response();
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    response
}
