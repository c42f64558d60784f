//! The MQTT sink against a broker that misbehaves on purpose, and against Mosquitto.

#![expect(
    clippy::panic,
    clippy::print_stdout,
    reason = "helpers of tests fail them, and say what was skipped"
)]

mod brokers;
mod mirror;
mod mosquitto;
mod scripted;
mod tls;
mod websocket;

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use edge_agent::{
    config::settings::{Broker, MqttSettings, MqttVersion, Secret, Tls},
    metrics::Metrics,
    sink::{Budget, Caps, Cause, Feed, Identity, InForce, Link, mqtt::MqttSink},
    spool::{Class, NewRecord, Quota, Spool},
};
use protocol::{Health, NodePath, Severity};
use tokio::{sync::watch, time::timeout};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Everything in these tests happens sooner, or never.
const PATIENCE: Duration = Duration::from_secs(20);

/// A spool and a sink that sends from it.
struct Node {
    spool: Spool,
    link: watch::Receiver<Link>,
    stop: CancellationToken,
    sink: tokio::task::JoinHandle<()>,
    metrics: Metrics,
    _health: watch::Sender<Option<Health>>,
    _open: watch::Sender<Vec<Uuid>>,
    _dir: tempfile::TempDir,
}

fn broker(port: u16) -> Broker {
    Broker {
        host: "localhost".to_owned(),
        port,
        server_name: None,
    }
}

fn settings(port: u16) -> MqttSettings {
    MqttSettings {
        brokers: vec![broker(port)],
        probe_every: Duration::from_millis(50),
        version: MqttVersion::V5,
        websocket: None,
        client_id: "edge-1".to_owned(),
        login: None,
        tls: Tls::Off,
        keep_alive: Duration::from_secs(30),
        bytes_per_second: None,
        caps: Caps::default(),
        onvif_prefix: None,
        insecure: Vec::new(),
    }
}

fn login(user: &str, password: &str) -> Option<(String, Secret)> {
    Some((user.to_owned(), Secret::new(password.to_owned())))
}

fn node_path() -> NodePath {
    let name = |text: &str| text.parse().expect("a name");
    NodePath {
        region: name("r"),
        site: name("s"),
        node: name("n"),
    }
}

impl Node {
    fn start(settings: MqttSettings) -> Node {
        // Another test may have done it already.
        drop(rustls::crypto::ring::default_provider().install_default());
        let dir = tempfile::tempdir().expect("a temporary folder");
        let (spool, worker) =
            Spool::open(&dir.path().join("spool.db"), Quota::default()).expect("a spool");
        std::thread::spawn(move || worker.run());
        let (link_sender, link) = watch::channel(Link::Connecting);
        let (health, health_receiver) = watch::channel(None);
        let (open, open_receiver) = watch::channel(vec![Uuid::nil()]);
        let metrics = Metrics::new();
        let sink = MqttSink {
            settings,
            identity: Identity {
                node: node_path(),
                bootid: spool.bootid(),
                config: InForce::always("sha256:0"),
                reported: tokio::sync::watch::channel(None).1,
            },
            feed: Feed {
                spool: spool.clone(),
                open_incidents: open_receiver,
                health: health_receiver,
            },
            commands: None,
            budget: Arc::new(Mutex::new(Budget::unlimited())),
            link: link_sender,
            metrics: metrics.clone(),
        };
        let stop = CancellationToken::new();
        #[expect(clippy::disallowed_methods, reason = "there is no supervisor here")]
        let sink = tokio::spawn(sink.run(stop.clone()));
        Node {
            spool,
            link,
            stop,
            sink,
            metrics,
            _health: health,
            _open: open,
            _dir: dir,
        }
    }

    /// Appends incidents whose payloads begin with `labels`.
    async fn append(&self, labels: &[&str]) {
        for label in labels {
            self.append_sized(label, 0).await;
        }
    }

    async fn append_sized(&self, label: &str, padding: usize) {
        let payload = format!("{label}{}", " ".repeat(padding)).into_bytes();
        let record = NewRecord {
            attest: None,
            class: Class::Incident,
            severity: Severity::Alarm,
            topic: "safecity/v1/r/s/n/incident/c/k".to_owned(),
            payload: Box::new(move |_, _| payload),
        };
        let appended = self.spool.append(vec![record]).await;
        assert_eq!(appended.expect("the spool works").len(), 1);
    }

    async fn pending_becomes(&self, pending: u64) {
        let mut stats = self.spool.stats();
        let reached = timeout(PATIENCE, stats.wait_for(|stats| stats.pending == pending)).await;
        drop(reached.expect("the spool drains").expect("the spool lives"));
    }

    async fn link_becomes(&mut self, what: impl FnMut(&Link) -> bool) -> Link {
        let link = timeout(PATIENCE, self.link.wait_for(what)).await;
        link.expect("the link changes")
            .expect("the sink lives")
            .clone()
    }

    /// Waits until the link is down because of `cause` and gives the reason.
    async fn falls(&mut self, cause: Cause) -> String {
        match self
            .link_becomes(|link| matches!(link, Link::Down(_)))
            .await
        {
            Link::Down(fault) => {
                assert_eq!(fault.cause, cause, "{fault}");
                fault.reason
            }
            other => panic!("{other:?}"),
        }
    }

    async fn stop(self) {
        self.stop.cancel();
        timeout(PATIENCE, self.sink)
            .await
            .expect("the sink stops")
            .expect("it did not panic");
    }
}
