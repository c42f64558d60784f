//! The MQTT 5 sink: one task owns the client and its event loop.
//!
//! rumqttc forgets what is unacknowledged when a connection ends, and can get stuck over it; so each connection has a
//! client of its own, and begins with the oldest record that the spool still holds. Only QoS 1 for what is durable.

use std::{fs, future, io, path::Path, time::Duration};

use protocol::{NodeState, Topic};
use rumqttc::{
    TlsConfiguration, Transport,
    v5::{
        AsyncClient, ConnectionError, Event, EventLoop, MqttOptions,
        mqttbytes::{QoS, v5::LastWill},
    },
};
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, MissedTickBehavior, interval, sleep, sleep_until},
};
use tokio_util::sync::CancellationToken;

use super::{
    Cause, Feed, Identity, Link, LinkFault,
    connection::{Connection, json},
};
use crate::{
    command::Incoming,
    config::settings::{MqttSettings, Tls},
    event_log::{BrokerLost, Event as _},
    metrics::Metrics,
    supervisor::{BackOff, HEALTHY},
};

/// Packet identifiers, and messages that may wait in the client: the window and what passes beside it.
const CLIENT_QUEUE: u16 = 128;
/// A client id in use by two nodes: whoever is thrown out waits at least so long, so that the fight is slow.
const CLIENT_ID_WAIT: Duration = Duration::from_secs(30);
/// After so many short connections in a row another client is suspected.
const SUSPICIOUS: u32 = 3;

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
    /// Told to others.
    pub link: watch::Sender<Link>,
    /// Counts.
    pub metrics: Metrics,
}

impl MqttSink {
    /// Sends until `stop`, whatever happens to the connection; then says goodbye.
    pub async fn run(self, stop: CancellationToken) {
        let mut back_off = BackOff::new(Duration::from_secs(1), Duration::from_secs(60));
        let mut short_lived = 0;
        loop {
            let begun = Instant::now();
            let mut fault = match self.connection(&stop).await {
                Ok(()) => return,
                Err(fault) => fault,
            };
            let was_up = *self.link.borrow() == Link::Up;
            let healthy = if was_up {
                begun.elapsed()
            } else {
                Duration::ZERO
            };
            let mut retry_in = back_off.after(healthy);
            let cut_short = fault.cause == Cause::Lost && healthy < HEALTHY;
            short_lived = if cut_short { short_lived + 1 } else { 0 };
            if short_lived >= SUSPICIOUS {
                // Mosquitto says "session taken over" in a form that the client cannot read.
                let id = &self.settings.client_id;
                let hint = format!(
                    ", {short_lived} times in a row soon after connecting: does another client use the id {id:?}?"
                );
                fault.reason.push_str(&hint);
            }
            if fault.cause == Cause::ClientId {
                retry_in = retry_in.max(CLIENT_ID_WAIT);
            }
            let pending = self.feed.spool.stats().borrow().pending;
            BrokerLost {
                cause: fault.cause,
                reason: &fault.reason,
                retry_in,
                pending,
            }
            .emit(&self.metrics);
            self.link.send_replace(Link::Down(fault));
            tokio::select! {
                () = sleep(retry_in) => {}
                () = stop.cancelled() => return,
            }
        }
    }

    pub(super) fn broker(&self) -> String {
        format!("{}:{}", self.settings.host, self.settings.port)
    }

    pub(super) fn fault(&self, cause: Cause, what: impl std::fmt::Display) -> LinkFault {
        LinkFault::new(cause, &self.broker(), what)
    }

    /// One connection from its first packet to its end. `Ok`: it was ended because of `stop`.
    async fn connection(&self, stop: &CancellationToken) -> Result<(), LinkFault> {
        let (client, event_loop) = AsyncClient::new(self.options()?, usize::from(CLIENT_QUEUE));
        let mut connection = Connection::new(self, client);
        let begun = Instant::now();
        // The future is kept over the turns of the loop: dropped half-way it could lose a packet.
        let mut next = Box::pin(poll(event_loop));
        let mut spool = self.feed.spool.stats();
        let mut open = self.feed.open_incidents.clone();
        let mut health = self.feed.health.clone();
        let mut ticks = interval(Duration::from_millis(500));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !connection.is_over() {
            tokio::select! {
                biased;
                (event_loop, event) = &mut next => {
                    if event.is_err() {
                        connection.last_words(event_loop.state.events.iter()).await?;
                    }
                    connection.event(event).await?;
                    next.set(poll(event_loop));
                }
                // Only when nothing comes in at once: what was taken meanwhile shares one commit.
                () = future::ready(()), if connection.has_taken() => connection.settle().await?,
                () = stop.cancelled(), if !connection.is_leaving() => connection.leave(),
                Ok(()) = spool.changed() => connection.offer().await?,
                () = sleep_until(connection.resume().unwrap_or(begun)), if connection.resume().is_some() => {
                    connection.offer().await?;
                }
                Ok(()) = open.changed() => connection.status_stale = true,
                Ok(()) = health.changed() => connection.publish_health(),
                _ = ticks.tick() => connection.tick()?,
            }
        }
        Ok(())
    }

    fn options(&self) -> Result<MqttOptions, LinkFault> {
        let settings = &self.settings;
        let mut options = MqttOptions::new(&settings.client_id, &settings.host, settings.port);
        options
            .set_clean_start(true)
            .set_keep_alive(settings.keep_alive)
            .set_connection_timeout(10)
            .set_outgoing_inflight_upper_limit(CLIENT_QUEUE);
        if let Some((user, password)) = &settings.login {
            options.set_credentials(user, password.reveal());
        }
        if let Tls::Verified { ca, client } = &settings.tls {
            let ca = self.pem(ca)?;
            let client_auth = match client {
                Some((certificate, key)) => Some((self.pem(certificate)?, self.pem(key)?)),
                None => None,
            };
            options.set_transport(Transport::tls_with_config(TlsConfiguration::Simple {
                ca,
                alpn: None,
                client_auth,
            }));
        }
        let will = json(&self.identity.status(NodeState::Offline, Vec::new()));
        let topic = self.identity.node.topic(&Topic::Status);
        options.set_last_will(LastWill::new(topic, will, QoS::AtLeastOnce, true, None));
        Ok(options)
    }

    fn pem(&self, path: &Path) -> Result<Vec<u8>, LinkFault> {
        let unreadable = |e: io::Error| self.fault(Cause::Tls, format!("{}: {e}", path.display()));
        fs::read(path).map_err(unreadable)
    }
}

async fn poll(mut event_loop: EventLoop) -> (EventLoop, Result<Event, ConnectionError>) {
    let event = event_loop.poll().await;
    (event_loop, event)
}
