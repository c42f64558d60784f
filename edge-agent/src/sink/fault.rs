//! Why there is no connection, in words that tell where to look.

use std::{error::Error, fmt, io};

use rustls::{AlertDescription, CertificateError};

use crate::config::settings::Broker;

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
    pub(super) fn new(cause: Cause, broker: &Broker, what: impl fmt::Display) -> Self {
        LinkFault {
            cause,
            reason: format!("broker {broker}: {what}"),
        }
    }
}

/// What a client's error means, without the broker's name.
pub(super) type Trouble = (Cause, String);

pub(super) fn no_answer() -> Trouble {
    (Cause::NoRoute, "no answer in time".to_owned())
}

/// The broker does not acknowledge `what`.
pub(super) fn silent(what: &str) -> Trouble {
    (Cause::Silent, format!("does not answer to {what}"))
}

/// The connection ended. `connected`: after the broker had let us in.
pub(super) fn hung_up(connected: bool) -> Trouble {
    if connected {
        return (Cause::Lost, "connection lost".to_owned());
    }
    let what = "closed the connection without an answer: does this port speak MQTT, and with or without TLS?";
    (Cause::Refused, what.to_owned())
}

pub(super) fn login_refused(code: impl fmt::Debug) -> Trouble {
    (
        Cause::Authentication,
        format!("authentication refused ({code:?}): check mqtt.user and its password"),
    )
}

pub(super) fn client_id_refused(code: impl fmt::Debug) -> Trouble {
    (
        Cause::ClientId,
        format!("client id refused ({code:?}): check mqtt.client_id"),
    )
}

pub(super) fn version_refused(code: impl fmt::Debug) -> Trouble {
    (
        Cause::Refused,
        format!("does not speak this version of MQTT ({code:?}): set mqtt.version to the other"),
    )
}

pub(super) fn refused(code: impl fmt::Debug) -> Trouble {
    (Cause::Refused, format!("connection refused ({code:?})"))
}

/// The first error of type `T` in `error` and what caused it.
fn find<'e, T: Error + 'static>(error: &'e (dyn Error + 'static)) -> Option<&'e T> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        // An I/O error gives its inner's cause as its own, and would hide the inner one.
        let inner = error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref);
        next = match inner {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    None
}

/// What an error of TLS or of the network below means; `None` if `error` is neither.
pub(super) fn transport(error: &(dyn Error + 'static), connected: bool) -> Option<Trouble> {
    if let Some(e) = find::<rustls::Error>(error) {
        return Some((Cause::Tls, tls(e)));
    }
    find(error).map(|e| io_fault(e, connected))
}

/// The error of a TLS connection that was not made.
pub(super) fn tls_connect(error: &(dyn Error + 'static)) -> Trouble {
    let what = match find::<rustls::Error>(error) {
        Some(e) => tls(e),
        None => format!("TLS failed ({error}): does this port speak TLS?"),
    };
    (Cause::Tls, what)
}

/// The error of a WebSocket that was not made.
pub(super) fn websocket(error: &(dyn Error + 'static)) -> Trouble {
    match transport(error, false) {
        // A server that hangs up over the question may speak MQTT, but no WebSocket.
        None | Some((Cause::Refused, _)) => (
            Cause::Refused,
            format!(
                "no WebSocket for MQTT there ({error}): check mqtt.path and mqtt.port, or set mqtt.transport to \"tcp\""
            ),
        ),
        Some(trouble) => trouble,
    }
}

pub(super) fn io_fault(error: &io::Error, connected: bool) -> Trouble {
    let inner = error.get_ref();
    if let Some(e) = inner.and_then(|e| e.downcast_ref::<rustls::Error>()) {
        return (Cause::Tls, tls(e));
    }
    if connected {
        return (Cause::Lost, format!("connection lost ({error})"));
    }
    if matches!(
        error.kind(),
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe | io::ErrorKind::UnexpectedEof
    ) {
        return hung_up(false);
    }
    (
        Cause::NoRoute,
        format!("cannot be reached ({error}): check mqtt.host, mqtt.port and the network"),
    )
}

/// Tells apart what each party has to do about it.
fn tls(error: &rustls::Error) -> String {
    use rustls::Error::{AlertReceived, InvalidCertificate, InvalidMessage, NoApplicationProtocol};
    let advice = match error {
        InvalidCertificate(e) => certificate(e),
        AlertReceived(AlertDescription::NoApplicationProtocol) | NoApplicationProtocol => {
            "the broker speaks none of mqtt.tls.alpn"
        }
        AlertReceived(alert) if is_about_our_certificate(*alert) => {
            "the broker does not take this node's certificate: check mqtt.client_cert_file and its dates"
        }
        InvalidMessage(_) => "does this port speak TLS?",
        _ => "check mqtt.ca_file and the broker's settings for TLS",
    };
    format!("TLS failed ({error}): {advice}")
}

fn certificate(error: &CertificateError) -> &'static str {
    match error {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "the broker's certificate has expired: renew it, or set this node's clock"
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "the broker's certificate is not valid yet: set this node's clock"
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "the broker's certificate is of another host: check mqtt.host, or name in mqtt.tls.server_name what the \
             certificate is made out to"
        }
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            "the broker's certificate is of an authority that is not in mqtt.ca_file"
        }
        _ => "check the broker's certificate",
    }
}

fn is_about_our_certificate(alert: AlertDescription) -> bool {
    matches!(
        alert,
        AlertDescription::NoCertificate
            | AlertDescription::BadCertificate
            | AlertDescription::UnsupportedCertificate
            | AlertDescription::CertificateRevoked
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateUnknown
            | AlertDescription::UnknownCA
            | AlertDescription::AccessDenied
            | AlertDescription::CertificateRequired
            | AlertDescription::HandshakeFailure
    )
}
