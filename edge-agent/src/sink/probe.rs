//! Whether a broker that is not in use answers: TCP, and TLS where it is wanted. It says nothing of MQTT, for a second
//! connection with this node's client id could throw out the first of a node that has moved.

use std::{io, time::Duration};

use rumqttc::tokio_rustls::TlsConnector;
use rustls::pki_types::ServerName;
use tokio::{
    net::TcpStream,
    time::{sleep, timeout},
};

use super::tls;
use crate::config::settings::{Broker, MqttSettings};

/// A probe that takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(5);

/// Waits until `broker` has answered `wanted` probes in a row.
pub(super) async fn answers(settings: &MqttSettings, broker: &Broker, wanted: u32) {
    let mut good = 0;
    while good < wanted {
        sleep(settings.probe_every).await;
        let probed = timeout(PATIENCE, probe(settings, broker)).await;
        good = if matches!(probed, Ok(Ok(()))) {
            good + 1
        } else {
            0
        };
    }
}

async fn probe(settings: &MqttSettings, broker: &Broker) -> io::Result<()> {
    let config = tls::client_config(&settings.tls, broker.server_name.as_ref());
    let tcp = TcpStream::connect((broker.host.as_str(), broker.port)).await?;
    if let Some(config) = config.map_err(io::Error::other)? {
        let host = ServerName::try_from(broker.host.clone()).map_err(io::Error::other)?;
        TlsConnector::from(config).connect(host, tcp).await?;
    }
    Ok(())
}
