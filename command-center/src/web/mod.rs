//! The operators' side: a JSON interface below `/api`, live changes, and the console itself.
//!
//! Everything is denied that is not on a short list of what needs no session (see `access`): a route added here is
//! closed until somebody opens it on purpose. Bodies are JSON in the shapes of `view`; a refusal is `{"error": "..."}`.
//! Requests other than GET carry the header `X-Safecity-Console`.
//!
//! | request | needs | |
//! |---|---|---|
//! | `GET /healthz` | – | `{"status":"ok","broker":"connected"}` once the store answers and the broker lets it listen |
//! | `GET /api/session` | – | who is signed in, and whether the first administrator is still to be named |
//! | `POST /api/first-admin` | – | `{token, name, password}`, once; begins a session |
//! | `POST /api/login` | – | `{name, password}`; begins a session |
//! | `POST /api/logout` | a session | ends it |
//! | `POST /api/me/password` | a session | `{password, new_password}` |
//! | `POST /api/me/totp` | a session | `{password}`: a secret for an authenticator; it counts once `totp/confirm` has a code of it, `{code}` |
//! | `GET /api/users` | administer everywhere | users and their grants |
//! | `POST /api/users` | administer everywhere | `{name, password, grants: [{role, region, site}]}`; audited |
//! | `POST /api/users/{name}/...` | administer everywhere | `grants`: `{grants}`; `password`: `{password}`; `disabled`: `{disabled}`; `totp/off`; audited |
//! | `GET /api/audit` | audit everywhere | newest first: `before`, `user`, `action`, `subject`, `limit` to 500 |
//! | `GET /api/audit/check` | audit everywhere | whether the audit is whole, and its head |
//! | `GET /api/incidents` | see | newest first; `before` (the `next` of the page before), `limit` to 200, `to_do=true` |
//! | `GET /api/incidents/{id}` | see there | all that is known of one |
//! | `GET /api/incidents/{id}/evidence/{part}` | see there | a part of its evidence, once it is whole |
//! | `POST /api/incidents/{id}/acknowledge` | answer there | `{note}`; audited |
//! | `GET /api/incidents/{id}/bundle` | see there | a tar file for `edge-agent verify`: what is here of it, with its node's signatures; audited |
//! | `POST /api/incidents/{id}/verdict` | answer there | `{verdict: "true" or "false", ignore: {polygon, until}, note}`: kept, and told to the node; audited |
//! | `GET /api/verdicts` | see | how often each rule of each camera was right, in `days` (30) |
//! | `GET /api/nodes` | see | nodes, cameras, gaps, and the centre's own state |
//! | `GET /api/nodes/{region}/{site}/{node}/totals` | see there | what its cameras counted, in the order of time: `camera`, `since`, `until`; `totals.csv` the same as a table |
//! | `POST /api/nodes/{region}/{site}/{node}/commands` | ask there; `preview` and `reload_config` configure, `unignore` answer | `{kind, camera, seconds, incident, original: {reason}}`: signed, sent, repeated; audited |
//! | `POST /api/nodes/{region}/{site}/{node}/config` | configure there | `{document, trial}`: signed, left at the broker, tried by the node; audited |
//! | `GET /api/nodes/{region}/{site}/{node}/config` | see there | what was pushed last, and what the node goes by |
//! | `GET /api/commands/{request}/evidence/{part}` | see there | what a command brought, once it is whole; originals sealed |
//! | `POST /api/commands/{request}/unseal` | originals there | `{reason}`: the original that it brought, as a video; audited |
//! | `GET /api/parked` | see everywhere | the newest messages that could not be taken |
//! | `GET /api/live` | see | server-sent events, resumed by `Last-Event-ID` or `after` (see `live`) |

mod access;
mod asset;
mod audit;
mod command;
mod custody;
mod incident;
mod live;
mod login;
mod me;
mod node;
mod push;
mod refusal;
mod throttle;
mod totals;
mod user;
mod verdict;
mod viewed;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::DefaultBodyLimit,
    middleware,
    routing::{MethodRouter, get, post},
};
use tokio::{net::TcpListener, sync::watch};

use crate::{
    command::Signer, metrics::Metrics, originals::Originals, password::Verifier, role::Right,
    store::Store, task::Tasks,
};

pub use access::Need;
pub use login::FirstAdmin;
use throttle::Throttle;
use viewed::Views;

/// Longest body of a request, in bytes: the longest is a note of an operator.
const BODY_MAX: usize = 16 << 10;

/// The same where a configuration is pushed or tried: it is text in JSON.
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
    /// What has been looked at, as far as it is in the audit already.
    views: Views,
    /// Method and path of what needs no session.
    open: Vec<(&'static str, &'static str)>,
}

impl std::ops::Deref for AppState {
    type Target = App;

    fn deref(&self) -> &App {
        &self.app
    }
}

pub(crate) type Shared = Arc<AppState>;

/// One route: its method and path as a test walks them, what it takes, and what answers.
type Route = (&'static str, &'static str, Need, MethodRouter<Shared>);

#[rustfmt::skip]
fn routes() -> Vec<Route> {
    use Need::{Anywhere, AtCommand, AtIncident, AtNode, Everywhere, Nothing, Session};
    use Right::{Administer, Answer, Ask, Audit, Configure, Originals, See};
    vec![
        ("GET", "/healthz", Nothing, get(node::healthz)),
        ("GET", "/api/session", Nothing, get(login::session)),
        ("POST", "/api/first-admin", Nothing, post(login::first_admin)),
        ("POST", "/api/login", Nothing, post(login::login)),
        ("POST", "/api/logout", Session, post(login::logout)),
        ("POST", "/api/me/password", Session, post(me::password)),
        ("POST", "/api/me/totp", Session, post(me::offer_totp)),
        ("POST", "/api/me/totp/confirm", Session, post(me::confirm_totp)),
        ("GET", "/api/users", Everywhere(Administer), get(user::list)),
        ("POST", "/api/users", Everywhere(Administer), post(user::add)),
        ("POST", "/api/users/{name}/grants", Everywhere(Administer), post(user::grant)),
        ("POST", "/api/users/{name}/password", Everywhere(Administer), post(user::password)),
        ("POST", "/api/users/{name}/disabled", Everywhere(Administer), post(user::disable)),
        ("POST", "/api/users/{name}/totp/off", Everywhere(Administer), post(user::remove_totp)),
        ("GET", "/api/audit", Everywhere(Audit), get(audit::lines)),
        ("GET", "/api/audit/check", Everywhere(Audit), get(audit::check)),
        ("GET", "/api/incidents", Anywhere(See), get(incident::list)),
        ("GET", "/api/incidents/{id}", AtIncident(See), get(incident::one)),
        ("GET", "/api/incidents/{id}/evidence/{part}", AtIncident(See), get(incident::evidence)),
        ("POST", "/api/incidents/{id}/acknowledge", AtIncident(Answer), post(incident::acknowledge)),
        ("GET", "/api/incidents/{id}/bundle", AtIncident(See), get(custody::bundle)),
        ("POST", "/api/incidents/{id}/verdict", AtIncident(Answer), post(verdict::judge)),
        ("GET", "/api/verdicts", Anywhere(See), get(verdict::precision)),
        ("GET", "/api/nodes", Anywhere(See), get(node::overview)),
        ("POST", "/api/nodes/{region}/{site}/{node}/commands", AtNode(Ask),
            post(command::give).layer(DefaultBodyLimit::max(DOCUMENT_MAX))),
        ("POST", "/api/nodes/{region}/{site}/{node}/config", AtNode(Configure),
            post(push::push).layer(DefaultBodyLimit::max(DOCUMENT_MAX))),
        ("GET", "/api/nodes/{region}/{site}/{node}/config", AtNode(See), get(push::config)),
        ("GET", "/api/nodes/{region}/{site}/{node}/totals", AtNode(See), get(totals::totals)),
        ("GET", "/api/nodes/{region}/{site}/{node}/totals.csv", AtNode(See), get(totals::csv)),
        ("GET", "/api/commands/{request}/evidence/{part}", AtCommand(See), get(command::evidence)),
        ("POST", "/api/commands/{request}/unseal", AtCommand(Originals), post(command::unseal)),
        ("GET", "/api/parked", Everywhere(See), get(node::parked)),
        ("GET", "/api/live", Anywhere(See), get(live::live)),
    ]
}

/// Method, path and need of every route, for tests that walk them all.
pub fn route_list() -> Vec<(&'static str, &'static str, Need)> {
    let routes = routes().into_iter();
    routes
        .map(|(method, path, need, _)| (method, path, need))
        .collect()
}

fn open() -> Vec<(&'static str, &'static str)> {
    let open = route_list().into_iter();
    let open = open.filter(|(_, _, need)| *need == Need::Nothing);
    open.map(|(method, path, _)| (method, path)).collect()
}

/// Answers on `listener` until the tasks are asked to stop.
pub async fn serve(listener: TcpListener, app: App) {
    let stop = app.tasks.stopping();
    let shared = Arc::new(AppState {
        app,
        throttle: Throttle::default(),
        views: Views::default(),
        open: open(),
    });
    let mut router = Router::new();
    for (_, path, need, method) in routes() {
        let check = middleware::from_fn_with_state((Arc::clone(&shared), need), access::check);
        router = router.route(path, method.route_layer(check));
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
