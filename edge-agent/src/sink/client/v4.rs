//! MQTT 3.1.1, whose protocol level is 4.
//!
//! Its acknowledgement has no reason and its CONNACK no limits: what the broker drops by its access list is
//! acknowledged like what it takes, and a packet that it finds too large ends the connection.

use std::time::Duration;

use rumqttc::{
    AsyncClient, ConnectReturnCode, ConnectionError, Event as Raw, EventLoop, LastWill,
    MqttOptions, Outgoing, Packet, QoS, StateError, SubscribeReasonCode, mqttbytes,
};
use tokio::time::timeout;

use super::{Access, Answer, CONNECT_SECONDS, Event, LARGEST_IN, Limits, Message, QUEUE, network};
use crate::sink::{
    Cause,
    fault::{self, Trouble},
};

/// The largest packet there is: bytes (3.1.1, section 2.2.3).
const LARGEST: usize = 268_435_455;
/// A packet that does not go out in so long: seconds. Over 64 kbit/s the largest piece of evidence takes 4.
const FLUSH_SECONDS: u64 = 60;

pub(in crate::sink) struct Events {
    event_loop: EventLoop,
    /// Whether the broker let us in.
    connected: bool,
}

pub(super) fn open(access: &Access<'_>) -> (AsyncClient, Events) {
    let settings = access.settings;
    let (address, transport) = access.transport();
    let mut options = MqttOptions::new(&settings.client_id, address, access.broker.port);
    options
        .set_transport(transport)
        .set_clean_session(true)
        .set_keep_alive(settings.keep_alive)
        .set_max_packet_size(LARGEST_IN as usize, LARGEST)
        .set_inflight(QUEUE);
    if let Some((user, password)) = &settings.login {
        options.set_credentials(user, password.reveal());
    }
    let Message {
        topic,
        payload,
        retain,
        ..
    } = &access.will;
    let will = LastWill::new(topic, payload.clone(), QoS::AtLeastOnce, *retain);
    options.set_last_will(will);
    let (client, mut event_loop) = AsyncClient::new(options, usize::from(QUEUE));
    let mut network = network();
    network.set_connection_timeout(FLUSH_SECONDS);
    event_loop.set_network_options(network);
    let events = Events {
        event_loop,
        connected: false,
    };
    (client, events)
}

pub(super) fn publish(client: &AsyncClient, message: Message) -> bool {
    let qos = if message.acknowledged {
        QoS::AtLeastOnce
    } else {
        QoS::AtMostOnce
    };
    let Message {
        topic,
        payload,
        retain,
        ..
    } = message;
    client.try_publish(topic, qos, retain, payload).is_ok()
}

pub(super) fn subscribe(client: &AsyncClient, topic: &str) -> bool {
    client.try_subscribe(topic, QoS::AtLeastOnce).is_ok()
}

impl Events {
    pub(super) async fn next(&mut self) -> Result<Event, Trouble> {
        let event = if self.connected {
            self.event_loop.poll().await
        } else {
            // The client has one limit for connecting and for flushing, which want different ones.
            let limit = Duration::from_secs(CONNECT_SECONDS);
            let first = timeout(limit, self.event_loop.poll()).await;
            first.unwrap_or(Err(ConnectionError::NetworkTimeout))
        };
        match event {
            Ok(event) => {
                self.connected = true;
                Ok(told(event))
            }
            Err(e) => Err(trouble(&e, self.connected)),
        }
    }

    pub(super) fn last_acknowledgements(&self) -> Vec<Event> {
        let events = self.event_loop.state.events.iter();
        let acks = events.filter_map(|event| match event {
            Raw::Incoming(Packet::PubAck(ack)) => {
                Some(Event::Acknowledged(ack.pkid, Answer::Taken))
            }
            _ => None,
        });
        acks.collect()
    }
}

fn told(event: Raw) -> Event {
    match event {
        Raw::Incoming(Packet::ConnAck(_)) => Event::Connected(Limits {
            receive_max: None,
            max_packet: Some(LARGEST),
        }),
        Raw::Incoming(Packet::PubAck(ack)) => Event::Acknowledged(ack.pkid, Answer::Taken),
        // 0 is a message without acknowledgement.
        Raw::Outgoing(Outgoing::Publish(pkid)) if pkid != 0 => Event::Sent(pkid),
        Raw::Incoming(Packet::SubAck(answer)) => Event::Subscribed {
            refused: refused_subscription(&answer.return_codes),
        },
        Raw::Incoming(Packet::Publish(publish)) => Event::Publish {
            topic: publish.topic,
            payload: publish.payload.to_vec(),
        },
        _ => Event::Other,
    }
}

fn refused_subscription(codes: &[SubscribeReasonCode]) -> Option<String> {
    let refused = |code: &&SubscribeReasonCode| !matches!(code, SubscribeReasonCode::Success(_));
    codes.iter().find(refused).map(|code| format!("{code:?}"))
}

/// What an error means. `connected`: it came after the broker had let us in.
fn trouble(error: &ConnectionError, connected: bool) -> Trouble {
    match error {
        ConnectionError::NetworkTimeout => fault::no_answer(),
        ConnectionError::FlushTimeout => fault::silent("a packet"),
        ConnectionError::ConnectionRefused(code) => refused(*code),
        ConnectionError::MqttState(e) => state(e, connected),
        ConnectionError::Tls(e) => fault::tls_connect(e),
        ConnectionError::Websocket(e) => fault::websocket(e),
        ConnectionError::ResponseValidation(e) => fault::websocket(e),
        other => fault::transport(other, connected)
            .unwrap_or_else(|| (Cause::Protocol, other.to_string())),
    }
}

fn refused(code: ConnectReturnCode) -> Trouble {
    match code {
        ConnectReturnCode::BadUserNamePassword | ConnectReturnCode::NotAuthorized => {
            fault::login_refused(code)
        }
        ConnectReturnCode::BadClientId => fault::client_id_refused(code),
        ConnectReturnCode::RefusedProtocolVersion => fault::version_refused(code),
        code => fault::refused(code),
    }
}

fn state(error: &StateError, connected: bool) -> Trouble {
    match error {
        StateError::ConnectionAborted => fault::hung_up(connected),
        StateError::AwaitPingResp => fault::silent("pings"),
        StateError::CollisionTimeout => fault::silent("a message"),
        StateError::Deserialization(mqttbytes::Error::Io(e)) => fault::io_fault(e, connected),
        other => fault::transport(other, connected)
            .unwrap_or_else(|| (Cause::Protocol, other.to_string())),
    }
}
