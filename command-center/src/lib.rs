//! The command centre: takes what the nodes say from the broker, keeps it, and shows it to operators.
//!
//! A message's way: `ingest` (MQTT, manual acknowledgement) -> `store` (committed before it is acknowledged) -> `web`
//! (server-sent events) -> the console. It knows `protocol` and neither `edge-agent` nor `analytics`.

pub mod command;
pub mod config;
pub mod ingest;
pub mod message;
pub mod metrics;
pub mod originals;
pub mod password;
pub mod role;
pub mod store;
pub mod task;
mod token;
pub mod totp;
pub mod view;
pub mod web;

use std::{
    fs, io,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::{net::TcpListener, sync::watch};

use crate::{
    config::Settings,
    metrics::Metrics,
    store::{Store, StoreError},
    task::Tasks,
    web::{App, FirstAdmin},
};

/// How long an orderly stop may take.
const GRACE: Duration = Duration::from_secs(10);

/// Why the centre did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The folder of the data cannot be used.
    #[error("data_dir {}: {source}", path.display())]
    DataDir {
        /// Which folder.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The store cannot be opened.
    #[error("data_dir {}: {source}", path.display())]
    Store {
        /// Which folder.
        path: PathBuf,
        /// Why not.
        source: StoreError,
    },
    /// The address cannot be listened on.
    #[error("web.listen {address}: {source}; stop what listens there, or choose another port")]
    Listen {
        /// Which address.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// The address of the figures cannot be listened on.
    #[error("metrics.listen {address}: {source}; stop what listens there, or choose another port")]
    MetricsListen {
        /// Which address.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// The certificates for the broker cannot be used.
    #[error(transparent)]
    Tls(#[from] ingest::InvalidTls),
    /// The system gives no random numbers.
    #[error("cannot hash passwords: {0}")]
    Passwords(argon2::password_hash::Error),
}

/// A centre that runs.
pub struct Centre {
    address: SocketAddr,
    store: Store,
    tasks: Tasks,
}

impl Centre {
    /// Starts everything. With no user in the store, a one-time token for the first administrator is logged.
    ///
    /// # Errors
    /// [`StartError`] names the setting at fault. A broker that is away is none: it is tried again.
    pub async fn start(settings: Settings) -> Result<Centre, StartError> {
        let store = open_store(&settings.data_dir, settings.evidence_max_bytes)?;
        let listen = settings.web.listen;
        let cannot_listen = |source| StartError::Listen {
            address: listen,
            source,
        };
        let listener = TcpListener::bind(listen).await.map_err(cannot_listen)?;
        let figures = match settings.metrics_listen {
            Some(address) => {
                let refused = |source| StartError::MetricsListen { address, source };
                Some(TcpListener::bind(address).await.map_err(refused)?)
            }
            None => None,
        };
        let address = listener.local_addr().map_err(cannot_listen)?;
        let verifier = password::Verifier::new().map_err(StartError::Passwords)?;
        let tasks = Tasks::default();
        let (connected, broker_connected) = watch::channel(false);
        let metrics = Metrics::default();
        ingest::start(
            &tasks,
            &settings.mqtt,
            store.clone(),
            connected,
            metrics.clone(),
        )?;
        if let Some(figures) = figures {
            let served = metrics::serve(figures, metrics.clone(), tasks.stopping());
            tasks.start("metrics", served);
        }
        tracing::info!("console: http://{address}/");
        let app = App {
            first_admin: first_admin(&store, &settings.data_dir).await?,
            store: store.clone(),
            tasks: tasks.clone(),
            broker_connected,
            node_silent_after: settings.node_silent_after,
            secure_cookies: settings.web.tls_in_front,
            verifier,
            signer: settings.signer,
            originals: settings.originals,
            metrics,
        };
        tasks.start("web", web::serve(listener, app));
        Ok(Centre {
            address,
            store,
            tasks,
        })
    }

    /// The address that the console answers on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What the centre remembers.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Stops taking messages and requests, finishes what is at work, and closes the store.
    pub async fn stop(self) {
        if !self.tasks.stop(GRACE).await {
            tracing::warn!("some tasks did not stop in time");
        }
        self.store.close().await;
    }
}

/// Opens or makes the store in `folder`, which nobody else may read.
///
/// # Errors
/// If the folder cannot be made or holds no store that this program can use.
pub fn open_store(folder: &Path, evidence_max_bytes: u64) -> Result<Store, StartError> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
        .create(folder)
        .map_err(|source| StartError::DataDir {
            path: folder.to_owned(),
            source,
        })?;
    Store::open(folder, evidence_max_bytes).map_err(|source| StartError::Store {
        path: folder.to_owned(),
        source,
    })
}

async fn first_admin(store: &Store, folder: &Path) -> Result<FirstAdmin, StartError> {
    let has_users = store
        .has_users()
        .await
        .map_err(|source| StartError::Store {
            path: folder.to_owned(),
            source,
        })?;
    if has_users {
        return Ok(FirstAdmin::closed());
    }
    let (token, first_admin) = FirstAdmin::open();
    tracing::warn!(
        "no user yet: open the console and name the first administrator with this one-time token"
    );
    tracing::warn!("first-admin token: {token}");
    Ok(first_admin)
}
