//! The connection to the broker: made, kept, and made again.

use std::{sync::Arc, time::Duration};

use protocol::Utc;
use rumqttc::{
    TlsConfiguration, Transport,
    v5::{
        AsyncClient, ConnectionError, Event, EventLoop, MqttOptions, StateError,
        mqttbytes::{
            QoS,
            v5::{
                ConnectReturnCode, DisconnectReasonCode, Filter, Packet, Publish, SubAck,
                SubscribeReasonCode,
            },
        },
    },
};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::{Arrival, Desk, RECEIVE_MAXIMUM};
use crate::config::settings::{MqttSettings, Secret, Tls};

/// What the centre listens to, below the prefix and three names.
const TAILS: [&str; 9] = [
    "status",
    "health",
    "tombstone",
    "custody",
    "config/reported",
    "receipt/+",
    "totals/+",
    "incident/+/+",
    "evidence/+/+",
];
/// Longest packet that is taken; a broker drops a longer one, and the node's numbers show the gap.
const PACKET_MAX: u32 = 4 << 20;
/// How long the broker keeps the session while the centre is away.
const SESSION: Duration = Duration::from_secs(30 * 24 * 3600);
/// Requests that wait for the event loop. A broker has at most 65,535 messages on their way (their packet ids have two
/// bytes), so every acknowledgement finds a place, and the subscription too.
const REQUESTS: usize = u16::MAX as usize + 1;
const KEEP_ALIVE: Duration = Duration::from_secs(15);
const FIRST_RETRY: Duration = Duration::from_millis(500);
const LAST_RETRY: Duration = Duration::from_secs(30);

/// The certificates cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("mqtt.ca_file, client_cert_file or client_key_file: {0}")]
pub struct InvalidTls(String);

pub(super) struct Link {
    events: EventLoop,
    desk: Desk,
    queue: mpsc::Sender<Arrival>,
    connected: watch::Sender<bool>,
    broker: String,
    retry: Duration,
}

impl Link {
    pub(super) fn new(
        settings: &MqttSettings,
        queue: mpsc::Sender<Arrival>,
        connected: watch::Sender<bool>,
    ) -> Result<Self, InvalidTls> {
        let mut options = MqttOptions::new(&settings.client_id, &settings.host, settings.port);
        options
            .set_keep_alive(KEEP_ALIVE)
            .set_clean_start(false)
            .set_manual_acks(true)
            .set_session_expiry_interval(u32::try_from(SESSION.as_secs()).ok())
            .set_receive_maximum(Some(RECEIVE_MAXIMUM))
            .set_max_packet_size(Some(PACKET_MAX));
        if let Some((user, password)) = &settings.login {
            options.set_credentials(user, password.reveal());
        }
        if let Tls::Verified {
            authority,
            identity,
        } = &settings.tls
        {
            options.set_transport(Transport::tls_with_config(tls(
                authority,
                identity.as_ref(),
            )?));
        }
        let (client, events) = AsyncClient::new(options, REQUESTS);
        Ok(Link {
            events,
            desk: Desk {
                client,
                connection: Arc::default(),
            },
            queue,
            connected,
            broker: format!("{}:{}", settings.host, settings.port),
            retry: FIRST_RETRY,
        })
    }

    pub(super) fn desk(&self) -> Desk {
        self.desk.clone()
    }

    pub(super) async fn run(mut self, stop: CancellationToken) {
        loop {
            let event = tokio::select! {
                () = stop.cancelled() => return,
                event = self.events.poll() => event,
            };
            let failure = match event {
                Ok(Event::Incoming(Packet::ConnAck(ack))) => {
                    self.subscribe(ack.session_present);
                    None
                }
                Ok(Event::Incoming(Packet::Publish(publish))) => {
                    tokio::select! {
                        () = stop.cancelled() => return,
                        () = self.hand_over(publish) => None,
                    }
                }
                Ok(Event::Incoming(Packet::SubAck(ack))) => self.subscribed(&ack),
                Ok(_) => None,
                Err(error) => Some(explain(&error)),
            };
            if let Some(reason) = failure {
                self.disconnected(&reason);
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = tokio::time::sleep(self.next_retry()) => {}
                }
            }
        }
    }

    fn subscribe(&mut self, session_present: bool) {
        if !session_present {
            tracing::info!(
                "the broker has no session of this centre: it is new, or what waited in it is lost"
            );
        }
        let filters = TAILS.map(|tail| {
            Filter::new(
                format!("{}/+/+/+/{tail}", protocol::topic::PREFIX),
                QoS::AtLeastOnce,
            )
        });
        if let Err(error) = self.desk.client.try_subscribe_many(filters) {
            tracing::error!(%error, "cannot subscribe");
        }
    }

    /// A reason to drop the connection if the broker does not let the centre listen.
    fn subscribed(&mut self, ack: &SubAck) -> Option<String> {
        let granted = |code: &SubscribeReasonCode| matches!(code, SubscribeReasonCode::Success(_));
        if !ack.return_codes.iter().all(granted) {
            return Some(format!(
                "the broker does not let the centre listen ({:?}): check its access list",
                ack.return_codes
            ));
        }
        self.retry = FIRST_RETRY;
        self.connected.send_replace(true);
        tracing::info!(broker = self.broker, "listening");
        None
    }

    /// Passes a message on. While the store is behind it waits, reads nothing more, and so holds the broker back.
    async fn hand_over(&mut self, publish: Publish) {
        let arrival = Arrival {
            connection: self.desk.current(),
            received: Utc::now(),
            publish,
        };
        if self.queue.send(arrival).await.is_err() {
            tracing::debug!("a message came after the store had stopped");
        }
    }

    fn disconnected(&mut self, reason: &str) {
        let events = &mut self.events;
        self.desk.next_connection(|| {
            events.clean();
            // what was read but not yet handed over belongs to the connection that is over
            events.state.events.clear();
        });
        let was_connected = self.connected.send_replace(false);
        if was_connected || self.retry == FIRST_RETRY {
            tracing::warn!(broker = self.broker, reason, "no connection to the broker");
        } else {
            tracing::debug!(
                broker = self.broker,
                reason,
                "still no connection to the broker"
            );
        }
    }

    /// Doubles up to a limit; the half that is random keeps many clients from coming back at once.
    fn next_retry(&mut self) -> Duration {
        let retry = self.retry;
        self.retry = (retry * 2).min(LAST_RETRY);
        retry.mul_f64(0.5 + 0.5 * rand::random::<f64>())
    }
}

fn tls(
    authority: &[u8],
    identity: Option<&(Vec<u8>, Secret)>,
) -> Result<TlsConfiguration, InvalidTls> {
    let invalid = |e: &dyn std::fmt::Display| InvalidTls(e.to_string());
    let mut roots = rustls::RootCertStore::empty();
    for certificate in certificates(authority)? {
        roots.add(certificate).map_err(|e| invalid(&e))?;
    }
    if roots.is_empty() {
        return Err(InvalidTls(
            "mqtt.ca_file holds no certificate in PEM".to_owned(),
        ));
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| invalid(&e))?
        .with_root_certificates(roots);
    let config = match identity {
        None => builder.with_no_client_auth(),
        Some((chain, key)) => {
            use rustls::pki_types::pem::PemObject;
            let key = rustls::pki_types::PrivateKeyDer::from_pem_slice(key.reveal().as_bytes())
                .map_err(|_| InvalidTls("mqtt.client_key_file holds no key in PEM".to_owned()))?;
            builder
                .with_client_auth_cert(certificates(chain)?, key)
                .map_err(|e| invalid(&e))?
        }
    };
    Ok(TlsConfiguration::Rustls(Arc::new(config)))
}

fn certificates(pem: &[u8]) -> Result<Vec<rustls::pki_types::CertificateDer<'static>>, InvalidTls> {
    use rustls::pki_types::pem::PemObject;
    rustls::pki_types::CertificateDer::pem_slice_iter(pem)
        .collect::<Result<_, _>>()
        .map_err(|e| InvalidTls(format!("{e:?}")))
}

/// Tells apart what an operator mends differently.
fn explain(error: &ConnectionError) -> String {
    match error {
        ConnectionError::ConnectionRefused(
            ConnectReturnCode::BadUserNamePassword | ConnectReturnCode::NotAuthorized,
        ) => "the broker refuses the login: check mqtt.username and the password".to_owned(),
        ConnectionError::ConnectionRefused(code) => format!("the broker refuses: {code:?}"),
        ConnectionError::Tls(error) => format!("TLS: {error}"),
        ConnectionError::Timeout(_) => "the broker does not answer in time".to_owned(),
        ConnectionError::Io(error) => format!("no route: {error}"),
        ConnectionError::MqttState(StateError::ServerDisconnect {
            reason_code: DisconnectReasonCode::SessionTakenOver,
            ..
        }) => "another client uses this mqtt.client_id: give each centre its own".to_owned(),
        other => other.to_string(),
    }
}
