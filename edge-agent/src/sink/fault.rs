//! Why there is no connection, in words that tell where to look.

use std::{fmt, io};

use rumqttc::v5::{
    ConnectionError, StateError,
    mqttbytes::v5::{ConnectReturnCode, DisconnectReasonCode},
};

/// What kind of trouble it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Nobody answers at that address, or there is no such address.
    NoRoute,
    /// The transport cannot be secured: certificate, host name or authority.
    Tls,
    /// The broker does not let this node in, or not publish.
    Authentication,
    /// Somebody else uses this node's client id.
    ClientId,
    /// The broker is there but takes no connection now.
    Refused,
    /// The broker stopped to acknowledge.
    Silent,
    /// An existing connection broke.
    Lost,
    /// The broker said something that MQTT does not allow.
    Protocol,
    /// The spool's disk failed.
    Spool,
}

impl Cause {
    /// Its name in figures.
    pub fn as_str(self) -> &'static str {
        match self {
            Cause::NoRoute => "no_route",
            Cause::Tls => "tls",
            Cause::Authentication => "authentication",
            Cause::ClientId => "client_id",
            Cause::Refused => "refused",
            Cause::Silent => "silent",
            Cause::Lost => "lost",
            Cause::Protocol => "protocol",
            Cause::Spool => "spool",
        }
    }

    /// Whether trying again will not help by itself.
    pub fn needs_somebody(self) -> bool {
        matches!(
            self,
            Cause::Tls | Cause::Authentication | Cause::ClientId | Cause::Spool
        )
    }
}

/// Why there is no connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkFault {
    /// What kind of trouble it is.
    pub cause: Cause,
    /// Names the broker, says what happened and what to do.
    pub reason: String,
}

impl fmt::Display for LinkFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl LinkFault {
    /// A fault that this side found.
    pub(super) fn new(cause: Cause, broker: &str, what: impl fmt::Display) -> Self {
        LinkFault {
            cause,
            reason: format!("broker {broker}: {what}"),
        }
    }

    /// What an error of the client means. `connected`: it came after the broker had let us in.
    pub(super) fn of(error: &ConnectionError, broker: &str, connected: bool) -> Self {
        let (cause, what) = match error {
            ConnectionError::Timeout(_) => (Cause::NoRoute, "no answer in time".to_owned()),
            ConnectionError::Tls(e) => (Cause::Tls, tls(&e.to_string())),
            ConnectionError::ConnectionRefused(code) => refused(*code),
            ConnectionError::Io(e) | ConnectionError::MqttState(StateError::Io(e)) => {
                io_fault(e, connected)
            }
            ConnectionError::MqttState(e) => state(e, connected),
            other => (Cause::Protocol, other.to_string()),
        };
        LinkFault::new(cause, broker, what)
    }
}

/// Before any answer.
const HUNG_UP: &str =
    "closed the connection without an answer: does this port speak MQTT, and with or without TLS?";

fn tls(what: &str) -> String {
    format!(
        "TLS failed ({what}): check mqtt.ca_file, the host name in the broker's certificate and its dates"
    )
}

fn refused(code: ConnectReturnCode) -> (Cause, String) {
    match code {
        ConnectReturnCode::BadUserNamePassword
        | ConnectReturnCode::NotAuthorized
        | ConnectReturnCode::Banned
        | ConnectReturnCode::BadAuthenticationMethod => (
            Cause::Authentication,
            format!("authentication refused ({code:?}): check mqtt.user and its password"),
        ),
        ConnectReturnCode::BadClientId | ConnectReturnCode::ClientIdentifierNotValid => (
            Cause::ClientId,
            format!("client id refused ({code:?}): check mqtt.client_id"),
        ),
        code => (Cause::Refused, format!("connection refused ({code:?})")),
    }
}

fn io_fault(error: &io::Error, connected: bool) -> (Cause, String) {
    let inner = error.get_ref();
    if let Some(e) = inner.and_then(|e| e.downcast_ref::<rustls::Error>()) {
        return (Cause::Tls, tls(&e.to_string()));
    }
    if connected {
        return (Cause::Lost, format!("connection lost ({error})"));
    }
    if matches!(
        error.kind(),
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe | io::ErrorKind::UnexpectedEof
    ) {
        return (Cause::Refused, HUNG_UP.to_owned());
    }
    (
        Cause::NoRoute,
        format!("cannot be reached ({error}): check mqtt.host, mqtt.port and the network"),
    )
}

fn state(error: &StateError, connected: bool) -> (Cause, String) {
    match error {
        StateError::ServerDisconnect { reason_code: DisconnectReasonCode::SessionTakenOver, .. } => (
            Cause::ClientId,
            "another client with this client id took the connection over: give each node its own mqtt.client_id"
                .to_owned(),
        ),
        StateError::ServerDisconnect { reason_code: DisconnectReasonCode::NotAuthorized, .. } => {
            (Cause::Authentication, "the broker withdrew its permission".to_owned())
        }
        StateError::ServerDisconnect { reason_code, .. } => {
            (Cause::Lost, format!("the broker said goodbye ({reason_code:?})"))
        }
        StateError::ConnectionAborted if !connected => (
            Cause::Refused,
            HUNG_UP.to_owned(),
        ),
        StateError::ConnectionAborted => (Cause::Lost, "connection lost".to_owned()),
        StateError::AwaitPingResp => (Cause::Silent, "does not answer pings".to_owned()),
        StateError::CollisionTimeout => (Cause::Silent, "does not acknowledge a message".to_owned()),
        StateError::Deserialization(rumqttc::v5::mqttbytes::Error::Io(e)) => io_fault(e, connected),
        other => (Cause::Protocol, other.to_string()),
    }
}
