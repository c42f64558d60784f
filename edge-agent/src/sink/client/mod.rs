//! The MQTT client behind a connection, of version 5 or 3.1.1, through one contract: what it is given, what it tells.
//! It says what happened and decides nothing: what is on its way, and how fast, is the connection's to know.

mod v4;
mod v5;

use std::sync::Arc;

use rumqttc::{NetworkOptions, TlsConfiguration, Transport};
use rustls::ClientConfig;

use super::fault::Trouble;
use crate::config::settings::{Broker, MqttSettings, MqttVersion};

/// Packet identifiers, and messages that may wait in the client: the window and what passes beside it.
const QUEUE: u16 = 128;
/// Seconds until a connection must stand: address, TCP, TLS and CONNACK.
const CONNECT_SECONDS: u64 = 10;
/// The largest packet that this side takes: bytes. Commands are a few KiB, a configuration some hundred.
const LARGEST_IN: u32 = 1 << 20;

/// How to reach a broker, for one attempt.
pub(super) struct Access<'a> {
    pub(super) settings: &'a MqttSettings,
    pub(super) broker: &'a Broker,
    /// `None`: in the clear.
    pub(super) tls: Option<Arc<ClientConfig>>,
    /// What the broker says for this node if the connection breaks.
    pub(super) will: Message,
}

impl Access<'_> {
    /// The address in the form that the transport wants, and the transport.
    fn transport(&self) -> (String, Transport) {
        let Broker { host, port, .. } = self.broker;
        let tls = self.tls.clone().map(TlsConfiguration::Rustls);
        let Some(path) = &self.settings.websocket else {
            return (host.clone(), tls.map_or(Transport::Tcp, Transport::Tls));
        };
        let host = if host.contains(':') {
            format!("[{host}]")
        } else {
            host.clone()
        };
        match tls {
            None => (format!("ws://{host}:{port}{path}"), Transport::Ws),
            Some(tls) => (format!("wss://{host}:{port}{path}"), Transport::Wss(tls)),
        }
    }
}

/// Small packets go at once: an alert must not wait for the acknowledgement of what went before it.
fn network() -> NetworkOptions {
    let mut options = NetworkOptions::new();
    options.set_tcp_nodelay(true);
    options
}

/// A message to publish.
pub(super) struct Message {
    pub(super) topic: String,
    pub(super) payload: Vec<u8>,
    /// Media type of the payload; 3.1.1 has no place for it.
    pub(super) content_type: &'static str,
    /// Whether the broker acknowledges it (QoS 1 instead of 0).
    pub(super) acknowledged: bool,
    /// Whether the broker keeps it for those who come later.
    pub(super) retain: bool,
}

/// What a broker takes; `None` where it does not say.
#[derive(Debug)]
pub(super) struct Limits {
    /// Messages that are not acknowledged yet.
    pub(super) receive_max: Option<u16>,
    /// Bytes of a packet.
    pub(super) max_packet: Option<usize>,
}

/// What a broker says to a message.
#[derive(Debug)]
pub(super) enum Answer {
    /// It has it.
    Taken,
    /// It can never take this one: why.
    Unfit(String),
    /// This node may not publish it.
    Forbidden,
    /// Not now: why.
    Refused(String),
}

/// What happened.
#[derive(Debug)]
pub(super) enum Event {
    /// The broker let us in.
    Connected(Limits),
    /// The oldest message that was handed over went out under this packet identifier.
    Sent(u16),
    /// The broker answered the message of this packet identifier.
    Acknowledged(u16, Answer),
    /// The broker's answer to a subscription; `Some`: why it does not grant it.
    Subscribed { refused: Option<String> },
    /// A message of a topic that was subscribed to.
    Publish { topic: String, payload: Vec<u8> },
    /// Nothing that matters here.
    Other,
}

/// Hands messages to a connection.
pub(super) enum Client {
    V5(rumqttc::v5::AsyncClient),
    V4(rumqttc::AsyncClient),
}

/// Tells what happens to it.
pub(super) enum Events {
    V5(Box<v5::Events>),
    V4(Box<v4::Events>),
}

/// A client for one connection; it connects with the first call of [`Events::next`].
pub(super) fn open(access: &Access<'_>) -> (Client, Events) {
    match access.settings.version {
        MqttVersion::V5 => {
            let (client, events) = v5::open(access);
            (Client::V5(client), Events::V5(Box::new(events)))
        }
        MqttVersion::V311 => {
            let (client, events) = v4::open(access);
            (Client::V4(client), Events::V4(Box::new(events)))
        }
    }
}

impl Client {
    /// Hands a message over. `false`: the queue is full, or the topic is none.
    pub(super) fn publish(&self, message: Message) -> bool {
        match self {
            Client::V5(client) => v5::publish(client, message),
            Client::V4(client) => v4::publish(client, message),
        }
    }

    /// Asks for the messages of `topic`, each at least once. `false`: the queue is full, or the topic is none.
    pub(super) fn subscribe(&self, topic: &str) -> bool {
        match self {
            Client::V5(client) => v5::subscribe(client, topic),
            Client::V4(client) => v4::subscribe(client, topic),
        }
    }

    /// Asks for a plain goodbye, after which the broker forgets the last will. `false`: the queue is full.
    pub(super) fn disconnect(&self) -> bool {
        match self {
            Client::V5(client) => client.try_disconnect().is_ok(),
            Client::V4(client) => client.try_disconnect().is_ok(),
        }
    }
}

impl Events {
    /// The next thing that happens. Takes itself along: dropped half-way it could lose a packet.
    pub(super) async fn next(mut self) -> (Self, Result<Event, Trouble>) {
        let event = match &mut self {
            Events::V5(events) => events.next().await,
            Events::V4(events) => events.next().await,
        };
        (self, event)
    }

    /// Acknowledgements that came before the connection broke, and were not told yet.
    pub(super) fn last_acknowledgements(&self) -> Vec<Event> {
        match self {
            Events::V5(events) => events.last_acknowledgements(),
            Events::V4(events) => events.last_acknowledgements(),
        }
    }
}
