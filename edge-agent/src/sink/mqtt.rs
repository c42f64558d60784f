//! The MQTT sink: one task owns the client and its event loop, and chooses the broker.
//!
//! rumqttc forgets what is unacknowledged when a connection ends, and can get stuck over it; so each connection has a
//! client of its own, and begins with the oldest record that the spool still holds. Only QoS 1 for what is durable.

use std::{
    future,
    pin::pin,
    sync::{Arc, Mutex},
    time::Duration,
};

use protocol::{NodeState, Topic};
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, MissedTickBehavior, interval, sleep, sleep_until},
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    Budget, Cause, Feed, Identity, Link, LinkFault,
    brokers::Brokers,
    client::{self, Access, Message},
    connection::{Connection, json},
    probe, tls,
};
use crate::{
    command::Incoming,
    config::settings::{Broker, MqttSettings},
    event_log::{BrokerChanged, BrokerLost, Event as _},
    metrics::Metrics,
    supervisor::{BackOff, HEALTHY},
};

/// A client id in use by two nodes: whoever is thrown out waits at least so long, so that the fight is slow.
const CLIENT_ID_WAIT: Duration = Duration::from_secs(30);
/// After so many short connections in a row another client is suspected.
const SUSPICIOUS: u32 = 3;
/// The longest wait between two attempts: at the only broker, and where another may be waiting for its turn.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
const LONGEST_TURN: Duration = Duration::from_secs(15);

/// Why a connection ended in good order.
enum End {
    /// The agent stops.
    Stopped,
    /// The preferred broker answers again.
    Moved,
}

/// See the module.
#[derive(Clone)]
pub struct MqttSink {
    /// Where and how.
    pub settings: MqttSettings,
    /// Who speaks.
    pub identity: Identity,
    /// What is sent.
    pub feed: Feed,
    /// Where commands for this node go; without it none are asked for.
    pub commands: Option<mpsc::Sender<Incoming>>,
    /// What the link may carry in a day and a month.
    pub budget: Arc<Mutex<Budget>>,
    /// Told to others.
    pub link: watch::Sender<Link>,
    /// Counts.
    pub metrics: Metrics,
}

impl MqttSink {
    /// Sends until `stop`, whatever happens to the connection; then says goodbye.
    pub async fn run(self, stop: CancellationToken) {
        let brokers = &self.settings.brokers;
        let mut turns = Brokers::new(brokers.len());
        let longest = if brokers.len() == 1 {
            LONGEST_WAIT
        } else {
            LONGEST_TURN
        };
        let mut back_off = BackOff::new(Duration::from_secs(1), longest);
        let mut short_lived = 0;
        loop {
            let begun = Instant::now();
            let broker = &brokers[turns.current()];
            let fault = match self.connection(broker, turns.probes(), &stop).await {
                Ok(End::Stopped) => return,
                Ok(End::Moved) => {
                    turns.go_back();
                    self.changed(broker, &brokers[0]);
                    continue;
                }
                Err(fault) => fault,
            };
            let was_up = *self.link.borrow() == Link::Up;
            let healthy = if was_up {
                begun.elapsed()
            } else {
                Duration::ZERO
            };
            let cut_short = fault.cause == Cause::Lost && healthy < HEALTHY;
            short_lived = if cut_short { short_lived + 1 } else { 0 };
            let mut retry_in = back_off.after(healthy);
            if fault.cause == Cause::ClientId {
                retry_in = retry_in.max(CLIENT_ID_WAIT);
            }
            // A spool that fails would fail at every broker.
            let next = fault.cause != Cause::Spool && turns.failed(healthy);
            if next && turns.current() != 0 {
                retry_in = Duration::ZERO;
            }
            self.lost(fault, short_lived, retry_in);
            if next {
                self.changed(broker, &brokers[turns.current()]);
            }
            tokio::select! {
                () = sleep(retry_in) => {}
                () = stop.cancelled() => return,
            }
        }
    }

    fn lost(&self, mut fault: LinkFault, short_lived: u32, retry_in: Duration) {
        if short_lived >= SUSPICIOUS {
            // Mosquitto says "session taken over" in a form that the client cannot read.
            let id = &self.settings.client_id;
            let hint = format!(
                ", {short_lived} times in a row soon after connecting: does another client use the id {id:?}?"
            );
            fault.reason.push_str(&hint);
        }
        BrokerLost {
            cause: fault.cause,
            reason: &fault.reason,
            retry_in,
            pending: self.feed.spool.stats().borrow().pending,
        }
        .emit(&self.metrics);
        self.link.send_replace(Link::Down(fault));
    }

    fn changed(&self, from: &Broker, to: &Broker) {
        let preferred = *to == self.settings.brokers[0];
        BrokerChanged {
            from: &from.to_string(),
            to: &to.to_string(),
            preferred,
        }
        .emit(&self.metrics);
        self.link.send_if_modified(|link| {
            let was_up = *link == Link::Up;
            if was_up {
                *link = Link::Connecting;
            }
            was_up
        });
    }

    /// One connection from its first packet to its end. `probes`: good ones at the preferred broker that end it.
    async fn connection(
        &self,
        broker: &Broker,
        probes: Option<u32>,
        stop: &CancellationToken,
    ) -> Result<End, LinkFault> {
        let (client, events) = client::open(&self.access(broker)?);
        let mut connection = Connection::new(self, broker, client);
        let begun = Instant::now();
        // The future is kept over the turns of the loop: dropped half-way it could lose a packet.
        let mut next = Box::pin(events.next());
        let preferred = &self.settings.brokers[0];
        let mut answers = pin!(probe::answers(
            &self.settings,
            preferred,
            probes.unwrap_or(0)
        ));
        let mut end = End::Stopped;
        let mut spool = self.feed.spool.stats();
        let mut open = self.feed.open_incidents.clone();
        let mut config = self.identity.config.clone();
        let mut reported = self.identity.reported.clone();
        let mut health = self.feed.health.clone();
        let mut ticks = interval(Duration::from_millis(500));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !connection.is_over() {
            tokio::select! {
                biased;
                (events, event) = &mut next => {
                    if event.is_err() {
                        connection.last_words(events.last_acknowledgements()).await?;
                    }
                    connection.event(event).await?;
                    next.set(events.next());
                }
                // Only when nothing comes in at once: what was taken meanwhile shares one commit.
                () = future::ready(()), if connection.has_taken() => connection.settle().await?,
                () = stop.cancelled(), if !connection.is_leaving() => connection.leave(),
                () = &mut answers, if probes.is_some() && !connection.is_leaving() => {
                    end = End::Moved;
                    connection.move_away();
                }
                Ok(()) = spool.changed() => connection.offer().await?,
                () = sleep_until(connection.resume().unwrap_or(begun)), if connection.resume().is_some() => {
                    connection.offer().await?;
                }
                Ok(()) = open.changed() => connection.status_stale = true,
                Ok(()) = config.changed() => connection.status_stale = true,
                Ok(()) = reported.changed() => connection.publish_reported(),
                Ok(()) = health.changed() => connection.publish_health(),
                _ = ticks.tick() => connection.tick()?,
            }
        }
        connection.keep_budget();
        Ok(end)
    }

    fn access<'a>(&'a self, broker: &'a Broker) -> Result<Access<'a>, LinkFault> {
        let tls = tls::client_config(&self.settings.tls, broker.server_name.as_ref());
        Ok(Access {
            settings: &self.settings,
            broker,
            tls: tls.map_err(|why| LinkFault::new(Cause::Tls, broker, why))?,
            will: self.status(broker, NodeState::Offline, Vec::new()),
        })
    }

    /// What is said of this node, kept by the broker for those who come later.
    pub(super) fn status(&self, broker: &Broker, state: NodeState, open: Vec<Uuid>) -> Message {
        Message {
            topic: self.identity.node.topic(&Topic::Status),
            payload: json(&self.identity.status(broker, state, open)),
            content_type: "application/json",
            acknowledged: true,
            retain: true,
        }
    }
}
