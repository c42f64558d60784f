//! What the centre runs on: checked, with secrets already read. Built only by `load`.

use std::{fmt, net::SocketAddr, path::PathBuf, time::Duration};

use crate::{command::Signer, originals::Originals};

/// Everything the centre runs on.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Folder of the database and the evidence.
    pub data_dir: PathBuf,
    /// A node that says nothing for this long is shown as silent.
    pub node_silent_after: Duration,
    /// Longest part of evidence that is taken, in bytes.
    pub evidence_max_bytes: u64,
    /// Signs commands to nodes; without it none can be given.
    pub signer: Option<Signer>,
    /// Who may have clips as they were filmed; nobody where there is nothing.
    pub originals: Option<Originals>,
    /// Loopback address of the figures for Prometheus, if wanted.
    pub metrics_listen: Option<SocketAddr>,
    /// The operators' side.
    pub web: WebSettings,
    /// The nodes' side.
    pub mqtt: MqttSettings,
}

/// The operators' side.
#[derive(Clone, Debug)]
pub struct WebSettings {
    /// Address to listen on; port 0 takes a free one.
    pub listen: SocketAddr,
    /// A proxy in front speaks TLS: cookies are marked `Secure`.
    pub tls_in_front: bool,
}

/// The nodes' side.
#[derive(Clone, Debug)]
pub struct MqttSettings {
    /// Broker's host name or address.
    pub host: String,
    /// Broker's port.
    pub port: u16,
    /// Names the session in which the broker keeps messages while the centre is away: keep it, and give it to no other.
    pub client_id: String,
    /// User name and password, where the broker wants them.
    pub login: Option<(String, Secret)>,
    /// How the connection is protected.
    pub tls: Tls,
}

/// How the connection to the broker is protected.
#[derive(Clone, Debug)]
pub enum Tls {
    /// Not at all.
    Plaintext,
    /// TLS that trusts one authority.
    Verified {
        /// Certificates of the authority (PEM).
        authority: Vec<u8>,
        /// The centre's own certificate and key (PEM), where the broker wants one.
        identity: Option<(Vec<u8>, Secret)>,
    },
}

/// Text that no log may show.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// Hides `text`.
    pub fn new(text: String) -> Self {
        Secret(text)
    }

    /// The text itself, for the one place that needs it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}
