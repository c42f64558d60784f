//! MQTT 5.

use rumqttc::{
    Outgoing,
    v5::{
        AsyncClient, ConnectionError, Event as Raw, EventLoop, MqttOptions, StateError,
        mqttbytes::{
            self, QoS,
            v5::{
                ConnAck, ConnectReturnCode, DisconnectReasonCode, LastWill, Packet, PubAck,
                PubAckReason, PublishProperties, SubscribeReasonCode,
            },
        },
    },
};

use super::{Access, Answer, CONNECT_SECONDS, Event, LARGEST_IN, Limits, Message, QUEUE, network};
use crate::sink::{
    Cause,
    fault::{self, Trouble},
};

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
        .set_network_options(network())
        .set_clean_start(true)
        .set_keep_alive(settings.keep_alive)
        .set_connection_timeout(CONNECT_SECONDS)
        .set_max_packet_size(Some(LARGEST_IN))
        .set_outgoing_inflight_upper_limit(QUEUE);
    if let Some((user, password)) = &settings.login {
        options.set_credentials(user, password.reveal());
    }
    let Message {
        topic,
        payload,
        retain,
        ..
    } = &access.will;
    let will = LastWill::new(topic, payload.clone(), QoS::AtLeastOnce, *retain, None);
    options.set_last_will(will);
    let (client, event_loop) = AsyncClient::new(options, usize::from(QUEUE));
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
    let text = !message.content_type.ends_with("octet-stream");
    let properties = PublishProperties {
        payload_format_indicator: Some(u8::from(text)),
        content_type: Some(message.content_type.to_owned()),
        ..PublishProperties::default()
    };
    let Message {
        topic,
        payload,
        retain,
        ..
    } = message;
    let handed = client.try_publish_with_properties(topic, qos, retain, payload, properties);
    handed.is_ok()
}

pub(super) fn subscribe(client: &AsyncClient, topic: &str) -> bool {
    client.try_subscribe(topic, QoS::AtLeastOnce).is_ok()
}

impl Events {
    pub(super) async fn next(&mut self) -> Result<Event, Trouble> {
        match self.event_loop.poll().await {
            Ok(Raw::Incoming(Packet::ConnAck(answer))) => {
                self.connected = true;
                Ok(Event::Connected(limits(&answer)))
            }
            Ok(event) => Ok(told(event)),
            Err(e) => Err(trouble(&e, self.connected)),
        }
    }

    pub(super) fn last_acknowledgements(&self) -> Vec<Event> {
        let events = self.event_loop.state.events.iter();
        let acks = events.filter_map(|event| match event {
            Raw::Incoming(Packet::PubAck(ack)) => Some(acknowledged(ack)),
            _ => None,
        });
        acks.collect()
    }
}

fn limits(answer: &ConnAck) -> Limits {
    let properties = answer.properties.as_ref();
    Limits {
        receive_max: properties.and_then(|p| p.receive_max),
        max_packet: properties
            .and_then(|p| p.max_packet_size)
            .map(|max| max as usize),
    }
}

fn told(event: Raw) -> Event {
    match event {
        Raw::Incoming(Packet::PubAck(ack)) => acknowledged(&ack),
        // 0 is a message without acknowledgement.
        Raw::Outgoing(Outgoing::Publish(pkid)) if pkid != 0 => Event::Sent(pkid),
        Raw::Incoming(Packet::SubAck(answer)) => Event::Subscribed {
            refused: refused_subscription(&answer.return_codes),
        },
        Raw::Incoming(Packet::Publish(publish)) => Event::Publish {
            topic: String::from_utf8_lossy(&publish.topic).into_owned(),
            payload: publish.payload.to_vec(),
        },
        _ => Event::Other,
    }
}

fn acknowledged(ack: &PubAck) -> Event {
    let answer = match ack.reason {
        PubAckReason::Success | PubAckReason::NoMatchingSubscribers => Answer::Taken,
        PubAckReason::PayloadFormatInvalid | PubAckReason::TopicNameInvalid => {
            Answer::Unfit(format!("{:?}", ack.reason))
        }
        PubAckReason::NotAuthorized => Answer::Forbidden,
        reason => Answer::Refused(format!("{reason:?}")),
    };
    Event::Acknowledged(ack.pkid, answer)
}

fn refused_subscription(codes: &[SubscribeReasonCode]) -> Option<String> {
    let refused = |code: &&SubscribeReasonCode| !matches!(code, SubscribeReasonCode::Success(_));
    codes.iter().find(refused).map(|code| format!("{code:?}"))
}

/// What an error means. `connected`: it came after the broker had let us in.
fn trouble(error: &ConnectionError, connected: bool) -> Trouble {
    match error {
        ConnectionError::Timeout(_) => fault::no_answer(),
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
        ConnectReturnCode::BadUserNamePassword
        | ConnectReturnCode::NotAuthorized
        | ConnectReturnCode::Banned
        | ConnectReturnCode::BadAuthenticationMethod => fault::login_refused(code),
        ConnectReturnCode::BadClientId | ConnectReturnCode::ClientIdentifierNotValid => {
            fault::client_id_refused(code)
        }
        ConnectReturnCode::UnsupportedProtocolVersion
        | ConnectReturnCode::RefusedProtocolVersion => fault::version_refused(code),
        code => fault::refused(code),
    }
}

fn state(error: &StateError, connected: bool) -> Trouble {
    match error {
        StateError::ServerDisconnect { reason_code, .. } => match reason_code {
            DisconnectReasonCode::SessionTakenOver => (
                Cause::ClientId,
                "another client with this client id took the connection over: give each node its own mqtt.client_id"
                    .to_owned(),
            ),
            DisconnectReasonCode::NotAuthorized => (
                Cause::Authentication,
                "the broker withdrew its permission".to_owned(),
            ),
            code => (Cause::Lost, format!("the broker said goodbye ({code:?})")),
        },
        StateError::ConnectionAborted => fault::hung_up(connected),
        StateError::AwaitPingResp => fault::silent("pings"),
        StateError::CollisionTimeout => fault::silent("a message"),
        StateError::Deserialization(mqttbytes::Error::Io(e)) => fault::io_fault(e, connected),
        other => fault::transport(other, connected)
            .unwrap_or_else(|| (Cause::Protocol, other.to_string())),
    }
}
