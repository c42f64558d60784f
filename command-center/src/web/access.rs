//! Who may ask for what. Denies by default: only [`OPEN`] and the console's own files need no session.
//!
//! Requests that change something must carry [`SAME_ORIGIN`]: a page of another origin cannot set it without a
//! preflight, which is never granted. The session's cookie is `SameSite=Strict` besides.

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use protocol::Utc;

use super::{Shared, asset, refusal::Refused};
use crate::token::{self, TokenHash};

/// What may be asked for without a session.
const OPEN: [(Method, &str); 4] = [
    (Method::GET, "/healthz"),
    (Method::GET, "/api/session"),
    (Method::POST, "/api/first-admin"),
    (Method::POST, "/api/login"),
];

/// Header of every request that changes something.
pub(crate) const SAME_ORIGIN: HeaderName = HeaderName::from_static("x-safecity-console");
/// Name of the session's cookie.
const COOKIE: &str = "safecity_session";

/// Who is signed in; handlers behind the guard find it among the request's extensions.
#[derive(Clone, Debug)]
pub(crate) struct SignedIn {
    pub(crate) user: String,
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
    let open = OPEN.iter().any(|(m, p)| m == method && *p == path);
    if open || (method.is_safe() && asset::is_one(path)) {
        return Ok(next.run(request).await);
    }
    let Some(signed_in) = signed_in(&shared, request.headers()).await? else {
        return Err(Refused::new(StatusCode::UNAUTHORIZED, "sign in first"));
    };
    request.extensions_mut().insert(signed_in);
    Ok(next.run(request).await)
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
