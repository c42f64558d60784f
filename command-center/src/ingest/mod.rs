//! From the broker into the store: commit first, acknowledge then.
//!
//! The centre keeps a persistent session under one client id, so that the broker queues QoS 1 messages while the centre
//! is away: a node deletes a record once the broker has it, and nobody else would keep it. For the same reason the
//! broker has to be set up with `persistence true` and without a short `max_queued_messages` (see docs of the broker);
//! what it drops all the same shows as a gap in a node's numbers. The session says nothing of what was subscribed to,
//! so the centre subscribes after every CONNACK.
//!
//! Two tasks: `Link` owns the event loop and waits for a place in the queue, `commit` empties the queue and never waits
//! for the link: so neither can hold the other for ever. A packet id means something within one connection only, so each
//! connection has a number, and an acknowledgement of an earlier one is never sent.
//!
//! The centre asks for at most `RECEIVE_MAXIMUM` messages at once. Mosquitto 2.0.11 keeps to it until the first
//! acknowledgement and then no more (2,100 of 3,000 were on their way at once in a trial), so what bounds memory is the
//! queue: while it is full nothing is read, and TCP holds the broker back.

mod link;
mod outbox;

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use protocol::Utc;
use rumqttc::v5::{AsyncClient, mqttbytes::v5::Publish};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::{
    config::settings::MqttSettings,
    message::Content,
    metrics::Metrics,
    store::{Delivery, Outcome, Store},
    task::Tasks,
};

pub use link::InvalidTls;

/// QoS 1 messages that the broker may send before the first is acknowledged.
const RECEIVE_MAXIMUM: u16 = 64;
/// Messages between link and commit; the link waits while it is full.
const QUEUE: usize = 2 * RECEIVE_MAXIMUM as usize;
/// Messages committed in one transaction.
const BATCH: usize = 64;
/// Between attempts while the disk refuses.
const STORE_RETRY: Duration = Duration::from_secs(1);

/// A message and the connection that it came by.
struct Arrival {
    connection: u64,
    received: Utc,
    publish: Publish,
}

/// Where acknowledgements are handed in: refused once their connection is over.
#[derive(Clone)]
struct Desk {
    client: AsyncClient,
    connection: Arc<Mutex<u64>>,
}

impl Desk {
    fn current(&self) -> u64 {
        *self
            .connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins the next connection; `discard` throws away what was handed in for the last.
    fn next_connection(&self, discard: impl FnOnce()) {
        let mut connection = self
            .connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *connection += 1;
        discard();
    }

    fn acknowledge(&self, arrival: &Arrival) {
        let connection = self
            .connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if *connection != arrival.connection {
            return;
        }
        if let Err(error) = self.client.try_ack(&arrival.publish) {
            tracing::warn!(%error, "an acknowledgement found no place; the broker will send the message again");
        }
    }
}

/// Starts taking messages; `connected` tells whether the connection to the broker stands.
///
/// # Errors
/// If the certificates cannot be used.
pub fn start(
    tasks: &Tasks,
    settings: &MqttSettings,
    store: Store,
    connected: watch::Sender<bool>,
    metrics: Metrics,
) -> Result<(), InvalidTls> {
    let (queue, arrivals) = mpsc::channel(QUEUE);
    let is_connected = connected.subscribe();
    let link = link::Link::new(settings, queue, connected)?;
    let desk = link.desk();
    let outbox = outbox::run(
        store.clone(),
        desk.client.clone(),
        is_connected,
        tasks.stopping(),
    );
    tasks.start("commands", outbox);
    tasks.start("mqtt", link.run(tasks.stopping()));
    let commit = commit(arrivals, desk, store, metrics, tasks.stopping());
    tasks.start("commit", commit);
    Ok(())
}

/// Commits what came and acknowledges it, until the link has gone.
async fn commit(
    mut arrivals: mpsc::Receiver<Arrival>,
    desk: Desk,
    store: Store,
    metrics: Metrics,
    stop: CancellationToken,
) {
    let mut batch = Vec::with_capacity(BATCH);
    while arrivals.recv_many(&mut batch, BATCH).await > 0 {
        // the broker sends again what came by an earlier connection
        batch.retain(|arrival: &Arrival| arrival.connection == desk.current());
        let deliveries = Arc::new(batch.iter().map(delivery).collect::<Vec<_>>());
        let Some(outcomes) = record(&store, &deliveries, &stop).await else {
            return;
        };
        for ((arrival, delivery), outcome) in batch.drain(..).zip(deliveries.iter()).zip(outcomes) {
            tell(delivery, &outcome, arrival.received, &metrics);
            desk.acknowledge(&arrival);
        }
    }
}

fn tell(delivery: &Delivery, outcome: &Outcome, received: Utc, metrics: &Metrics) {
    metrics.came(match outcome {
        Outcome::Stored => "stored",
        Outcome::Duplicate => "duplicate",
        Outcome::Parked(_) => "parked",
    });
    match (outcome, delivery.message()) {
        (Outcome::Parked(reason), _) => {
            tracing::warn!(topic = delivery.topic(), reason, "a message was parked");
        }
        (Outcome::Stored, Some(message)) => {
            if let Content::Receipt(receipt) = &message.content {
                tracing::info!(
                    node = %message.node,
                    request = %receipt.request,
                    reason = receipt.reason,
                    "command answered: {:?}",
                    receipt.outcome
                );
            }
            if let Content::Incident(event, _) = &message.content {
                metrics.ingested(event, received);
                let data = &event.data;
                tracing::info!(
                    node = %message.node,
                    camera = %data.camera.id,
                    rule = %data.rule.id,
                    kind = %data.rule.kind,
                    severity = ?data.severity,
                    incident = %data.incident_id,
                    "incident {:?}",
                    data.state
                );
            }
        }
        _ => {}
    }
}

/// Tries until the store takes the batch; `None` if the centre stops before.
async fn record(
    store: &Store,
    deliveries: &Arc<Vec<Delivery>>,
    stop: &CancellationToken,
) -> Option<Vec<Outcome>> {
    loop {
        match store.record(Arc::clone(deliveries)).await {
            Ok(outcomes) => return Some(outcomes),
            Err(error) => {
                tracing::error!(%error, "cannot commit messages; they stay with the broker, the next attempt follows");
            }
        }
        tokio::select! {
            () = stop.cancelled() => return None,
            () = tokio::time::sleep(STORE_RETRY) => {}
        }
    }
}

fn delivery(arrival: &Arrival) -> Delivery {
    let payload = &arrival.publish.payload;
    match std::str::from_utf8(&arrival.publish.topic) {
        Ok(topic) => Delivery::read(arrival.received, topic, payload),
        Err(_) => {
            let topic = String::from_utf8_lossy(&arrival.publish.topic);
            let reason = "the topic is not UTF-8".to_owned();
            Delivery::new(arrival.received, &topic, payload, Err(reason))
        }
    }
}
