//! The operators' side: a JSON interface below `/api`, live changes, and the console itself.
//!
//! Everything is denied that is not on a short list of what needs no session (see `access`): a route added here is
//! closed until somebody opens it on purpose. Bodies are JSON in the shapes of `view`; a refusal is `{"error": "..."}`.
//! Requests other than GET carry the header `X-Safecity-Console`.
//!
//! | request | session | |
//! |---|---|---|
//! | `GET /healthz` | no | `{"status":"ok","broker":"connected"}` once the store answers and the broker lets it listen |
//! | `GET /api/session` | no | who is signed in, and whether the first administrator is still to be named |
//! | `POST /api/first-admin` | no | `{token, name, password}`, once; begins a session |
//! | `POST /api/login` | no | `{name, password}`; begins a session |
//! | `POST /api/logout` | yes | ends it |
//! | `GET /api/incidents` | yes | newest first; `before` (the `next` of the page before), `limit` to 200, `to_do=true` |
//! | `GET /api/incidents/{id}` | yes | all that is known of one |
//! | `GET /api/incidents/{id}/evidence/{part}` | yes | a part of its evidence, once it is whole |
//! | `POST /api/incidents/{id}/acknowledge` | yes | `{note}`; audited |
//! | `GET /api/incidents/{id}/bundle` | yes | a tar file for `edge-agent verify`: what is here of it, with its node's signatures; audited |
//! | `POST /api/incidents/{id}/verdict` | yes | `{verdict: "true" or "false", ignore: {polygon, until}, note}`: kept, and told to the node; audited |
//! | `GET /api/verdicts` | yes | how often each rule of each camera was right, in `days` (30) |
//! | `GET /api/nodes` | yes | nodes, cameras, gaps, and the centre's own state |
//! | `GET /api/nodes/{region}/{site}/{node}/totals` | yes | what its cameras counted, in the order of time: `camera`, `since`, `until`; `totals.csv` the same as a table |
//! | `POST /api/nodes/{region}/{site}/{node}/commands` | yes | `{kind, camera, seconds, incident, original: {reason}}`: signed, sent, repeated; audited |
//! | `POST /api/nodes/{region}/{site}/{node}/config` | yes | `{document, trial}`: signed, left at the broker, tried by the node; audited |
//! | `GET /api/nodes/{region}/{site}/{node}/config` | yes | what was pushed last, and what the node goes by |
//! | `GET /api/commands/{request}/evidence/{part}` | yes | what a command brought, once it is whole; originals sealed |
//! | `POST /api/commands/{request}/unseal` | yes | `{reason}`: the original that it brought, as a video; audited |
//! | `GET /api/parked` | yes | the newest messages that could not be taken |
//! | `GET /api/live` | yes | server-sent events, resumed by `Last-Event-ID` or `after` (see `live`) |

mod access;
mod asset;
mod command;
mod custody;
mod incident;
mod live;
mod login;
mod node;
mod push;
mod refusal;
mod throttle;
mod totals;
mod verdict;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::DefaultBodyLimit,
    middleware,
    routing::{MethodRouter, get, post},
};
use tokio::{net::TcpListener, sync::watch};

use crate::{
    command::Signer, metrics::Metrics, originals::Originals, password::Verifier, store::Store,
    task::Tasks,
};

pub use login::FirstAdmin;
use throttle::Throttle;

/// Longest body of a request, in bytes: the longest is a note of an operator.
const BODY_MAX: usize = 16 << 10;

/// The same where a configuration is pushed: it is text in JSON.
const DOCUMENT_MAX: usize = 2 * protocol::push::MAX_DOCUMENT;

/// What every request may need.
pub struct App {
    /// What is remembered.
    pub store: Store,
    /// Owner of the live streams' tasks.
    pub tasks: Tasks,
    /// The connection to the broker stands.
    pub broker_connected: watch::Receiver<bool>,
    /// A node that says nothing for this long is silent.
    pub node_silent_after: Duration,
    /// Cookies are for TLS only.
    pub secure_cookies: bool,
    /// Who may name the first administrator.
    pub first_admin: FirstAdmin,
    /// Verifies passwords.
    pub verifier: Verifier,
    /// Signs commands, if the centre has a key.
    pub signer: Option<Signer>,
    /// Who may have clips as they were filmed.
    pub originals: Option<Originals>,
    /// Counts.
    pub metrics: Metrics,
}

pub(crate) struct AppState {
    app: App,
    throttle: Throttle,
}

impl std::ops::Deref for AppState {
    type Target = App;

    fn deref(&self) -> &App {
        &self.app
    }
}

pub(crate) type Shared = Arc<AppState>;

/// One route: its method and path as a test walks them, and what answers.
type Route = (&'static str, &'static str, MethodRouter<Shared>);

fn routes() -> Vec<Route> {
    vec![
        ("GET", "/healthz", get(node::healthz)),
        ("GET", "/api/session", get(login::session)),
        ("POST", "/api/first-admin", post(login::first_admin)),
        ("POST", "/api/login", post(login::login)),
        ("POST", "/api/logout", post(login::logout)),
        ("GET", "/api/incidents", get(incident::list)),
        ("GET", "/api/incidents/{id}", get(incident::one)),
        (
            "GET",
            "/api/incidents/{id}/evidence/{part}",
            get(incident::evidence),
        ),
        (
            "POST",
            "/api/incidents/{id}/acknowledge",
            post(incident::acknowledge),
        ),
        ("GET", "/api/incidents/{id}/bundle", get(custody::bundle)),
        ("POST", "/api/incidents/{id}/verdict", post(verdict::judge)),
        ("GET", "/api/verdicts", get(verdict::precision)),
        ("GET", "/api/nodes", get(node::overview)),
        (
            "POST",
            "/api/nodes/{region}/{site}/{node}/commands",
            post(command::give),
        ),
        (
            "POST",
            "/api/nodes/{region}/{site}/{node}/config",
            post(push::push).layer(DefaultBodyLimit::max(DOCUMENT_MAX)),
        ),
        (
            "GET",
            "/api/nodes/{region}/{site}/{node}/config",
            get(push::config),
        ),
        (
            "GET",
            "/api/nodes/{region}/{site}/{node}/totals",
            get(totals::totals),
        ),
        (
            "GET",
            "/api/nodes/{region}/{site}/{node}/totals.csv",
            get(totals::csv),
        ),
        (
            "GET",
            "/api/commands/{request}/evidence/{part}",
            get(command::evidence),
        ),
        (
            "POST",
            "/api/commands/{request}/unseal",
            post(command::unseal),
        ),
        ("GET", "/api/parked", get(node::parked)),
        ("GET", "/api/live", get(live::live)),
    ]
}

/// Method and path of every route, for tests that walk them all.
pub fn route_list() -> Vec<(&'static str, &'static str)> {
    let routes = routes().into_iter();
    routes.map(|(method, path, _)| (method, path)).collect()
}

/// Answers on `listener` until the tasks are asked to stop.
pub async fn serve(listener: TcpListener, app: App) {
    let stop = app.tasks.stopping();
    let shared = Arc::new(AppState {
        app,
        throttle: Throttle::default(),
    });
    let mut router = Router::new();
    for (_, path, method) in routes() {
        router = router.route(path, method);
    }
    let router = router
        .fallback(asset::serve)
        .layer(middleware::from_fn_with_state(
            Arc::clone(&shared),
            access::guard,
        ))
        .layer(middleware::from_fn(access::add_headers))
        .layer(DefaultBodyLimit::max(BODY_MAX))
        .with_state(shared);
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    let served = axum::serve(listener, service)
        .with_graceful_shutdown(stop.cancelled_owned())
        .await;
    if let Err(error) = served {
        tracing::error!(%error, "the web side ended");
    }
}
