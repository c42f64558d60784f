//! Server-sent events: what changed, as it changes.
//!
//! Every stream reads the store's log of changes from its own place, so that a slow browser loses nothing and holds
//! nobody up, and one that comes back with `Last-Event-ID` goes on where it was. Events: `incident`, `node` (what
//! changed, as it is now), `centre` (every few seconds, so that silence means a lost connection), `reset` (too much
//! was missed: load afresh).

use std::{convert::Infallible, time::Duration};

use axum::{
    Extension,
    extract::{Query, State},
    http::HeaderMap,
    response::sse::{Event, Sse},
};
use protocol::Utc;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use tokio_stream::{Stream, StreamExt, wrappers::ReceiverStream};

use super::{Shared, access::SignedIn, node, refusal::Refused};
use crate::{
    role::Right,
    store::{Change, ChangeBatch, StoreError},
};

const HEARTBEAT: Duration = Duration::from_secs(4);
/// Events that wait for a slow browser; its stream reads no further until they are gone.
const WAITING: usize = 64;
const BATCH: usize = 256;

#[derive(Deserialize)]
pub(super) struct Place {
    after: Option<i64>,
}

pub(super) async fn live(
    State(shared): State<Shared>,
    Extension(signed_in): Extension<SignedIn>,
    Query(place): Query<Place>,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Refused> {
    let resumed = headers
        .get("last-event-id")
        .and_then(|id| id.to_str().ok()?.parse().ok())
        .or(place.after);
    let (events, stream) = mpsc::channel(WAITING);
    let tasks = shared.tasks.clone();
    let feed = Feed {
        cursor: resumed.unwrap_or_else(|| *shared.store.latest_change().borrow()),
        shared,
        signed_in,
        events,
        newest: None,
    };
    tasks.start("live", feed.run());
    Ok(Sse::new(ReceiverStream::new(stream).map(Ok)))
}

struct Feed {
    shared: Shared,
    signed_in: SignedIn,
    events: mpsc::Sender<Event>,
    cursor: i64,
    /// When the newest incident came that it was told of.
    newest: Option<Utc>,
}

/// Why a stream ends.
enum Ended {
    /// The browser has gone, or its session has ended.
    Gone,
    /// The store failed.
    Store(StoreError),
}

impl From<StoreError> for Ended {
    fn from(error: StoreError) -> Self {
        Ended::Store(error)
    }
}

impl Feed {
    async fn run(mut self) {
        if let Err(Ended::Store(error)) = self.follow().await {
            tracing::error!(%error, "a live stream ended");
        }
    }

    async fn follow(&mut self) -> Result<(), Ended> {
        let stop = self.shared.tasks.stopping();
        let mut latest = self.shared.store.latest_change();
        let mut broker = self.shared.broker_connected.clone();
        let mut heartbeat = tokio::time::interval(HEARTBEAT);
        loop {
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = self.events.closed() => return Err(Ended::Gone),
                _ = heartbeat.tick() => self.beat().await?,
                changed = latest.changed() => {
                    changed.map_err(|_| Ended::Gone)?;
                    self.catch_up().await?;
                }
                changed = broker.changed() => {
                    changed.map_err(|_| Ended::Gone)?;
                    self.tell_centre().await?;
                }
            }
        }
    }

    /// Catches up besides, since another process may have written.
    async fn beat(&mut self) -> Result<(), Ended> {
        let hash = self.signed_in.token_hash;
        let session = self.shared.store.session(hash, Utc::now()).await?;
        // What was granted or taken since counts from here on.
        self.signed_in.grants = session.ok_or(Ended::Gone)?.grants;
        self.catch_up().await?;
        self.tell_centre().await
    }

    async fn tell_centre(&self) -> Result<(), Ended> {
        let centre = node::centre(&self.shared).await?;
        self.send("centre", &centre).await
    }

    async fn catch_up(&mut self) -> Result<(), Ended> {
        loop {
            match self.shared.store.changes(self.cursor, BATCH).await? {
                ChangeBatch::Lost(latest) => {
                    self.cursor = latest;
                    self.send("reset", &()).await?;
                }
                ChangeBatch::Changes { reached, .. } if reached == self.cursor => return Ok(()),
                ChangeBatch::Changes { changes, reached } => {
                    let reach = self.signed_in.grants.reach(Right::See);
                    for (id, change) in changes {
                        self.cursor = id;
                        match change {
                            Change::Incident(incident)
                                if !reach.covers(&incident.region, &incident.site) => {}
                            Change::Node(node) if !reach.covers(&node.region, &node.site) => {}
                            Change::Incident(incident) => {
                                self.send("incident", &incident).await?;
                                // What a console is told of again was shown before.
                                if self.newest.is_none_or(|newest| incident.received > newest) {
                                    self.newest = Some(incident.received);
                                    self.shared.metrics.shown(incident.received, Utc::now());
                                }
                            }
                            Change::Node(node) => self.send("node", &node).await?,
                            Change::Centre => self.tell_centre().await?,
                        }
                    }
                    self.cursor = reached;
                }
            }
        }
    }

    async fn send(&self, name: &str, data: &impl Serialize) -> Result<(), Ended> {
        let event = Event::default()
            .event(name)
            .id(self.cursor.to_string())
            .json_data(data)
            .map_err(|_| Ended::Store(StoreError::Broken("event")))?;
        self.events.send(event).await.map_err(|_| Ended::Gone)
    }
}
