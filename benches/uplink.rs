//! A spool with its thread, and the agent's own sink between it and Mosquitto on the loopback interface. Nobody listens
//! at the broker: what is measured is the node and its broker.

use std::{
    path::Path,
    sync::{Arc, Mutex},
};

use anyhow::Context;
use edge_agent::{
    Settings, config,
    metrics::Metrics,
    sink::{Budget, Feed, Identity, InForce, Link, mqtt::MqttSink},
    spool::{Class, NewRecord, Quota, Spool, SpoolStats},
};
use protocol::Severity;
use tempfile::TempDir;
use tests::harness::{Broker, Leash};
use tokio::{runtime::Runtime, sync::watch};
use tokio_util::sync::CancellationToken;

/// An incident message as it is on the street, without its picture.
const BYTES: usize = 1300;

/// A record of the size of an incident's message.
pub fn record() -> NewRecord {
    NewRecord {
        attest: None,
        class: Class::Incident,
        severity: Severity::Alarm,
        topic: "safecity/v1/region/site/node/incident/camera/line_crossing".to_owned(),
        payload: Box::new(|_, _| vec![b'x'; BYTES]),
    }
}

/// See the module. Fields are dropped in this order.
pub struct Uplink {
    runtime: Runtime,
    spool: Spool,
    broker: Option<Broker>,
    folder: TempDir,
}

impl Uplink {
    /// A new spool on the disk of the build, with its thread; nothing is sent yet.
    ///
    /// # Errors
    /// If the disk or the machine has no room for it.
    pub fn open() -> anyhow::Result<Self> {
        // A folder for temporary files may be memory, which has nothing to sync.
        let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target");
        std::fs::create_dir_all(&target)?;
        let folder = tempfile::tempdir_in(target)?;
        let (spool, worker) = Spool::open(&folder.path().join("spool.db"), Quota::default())?;
        std::thread::spawn(move || worker.run());
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()?;
        Ok(Uplink {
            runtime,
            spool,
            broker: None,
            folder,
        })
    }

    /// Starts a broker, and the sink that sends to it.
    ///
    /// # Errors
    /// If Mosquitto does not start, or the link does not come up.
    pub fn connect(&mut self) -> anyhow::Result<()> {
        let open = |port| format!("listener {port} 127.0.0.1\nallow_anonymous true\n");
        let folder = self.folder.path().join("broker");
        let broker = Broker::start_with(&folder, Leash::Drop, open)?;
        let settings = settings(self.folder.path(), broker.port())?;
        self.broker = Some(broker);
        let (sender, mut link) = watch::channel(Link::Connecting);
        // Without a sender they never change.
        let (_, open_incidents) = watch::channel(Vec::new());
        let (_, health) = watch::channel(None);
        let sink = MqttSink {
            identity: Identity {
                node: settings.node,
                bootid: self.spool.bootid(),
                config: InForce::always(&settings.revision),
                reported: tokio::sync::watch::channel(None).1,
            },
            settings: settings.mqtt,
            feed: Feed {
                spool: self.spool.clone(),
                open_incidents,
                health,
            },
            commands: None,
            budget: Arc::new(Mutex::new(Budget::unlimited())),
            link: sender,
            metrics: Metrics::new(),
        };
        self.runtime.spawn(sink.run(CancellationToken::new()));
        let up = link.wait_for(|link| *link != Link::Connecting);
        let up = self.runtime.block_on(up).context("the sink ended")?;
        anyhow::ensure!(*up == Link::Up, "{:?}", *up);
        Ok(())
    }

    /// Appends `count` records at once.
    ///
    /// # Errors
    /// If the disk fails.
    pub fn append(&self, count: usize) -> anyhow::Result<()> {
        let records = (0..count).map(|_| record()).collect();
        self.runtime.block_on(self.spool.append(records))?;
        Ok(())
    }

    /// `askers` append at the same time, each `count` records one after the other.
    ///
    /// # Errors
    /// If the disk fails.
    pub fn append_by(&self, askers: usize, count: usize) -> anyhow::Result<()> {
        let ask = || {
            let spool = self.spool.clone();
            self.runtime.spawn(async move {
                for _ in 0..count {
                    spool.append(vec![record()]).await?;
                }
                anyhow::Ok(())
            })
        };
        let asked: Vec<_> = (0..askers).map(|_| ask()).collect();
        asked
            .into_iter()
            .try_for_each(|one| self.runtime.block_on(one)?)
    }

    /// Waits until at most `left` records wait, and gives the figures.
    ///
    /// # Errors
    /// If the spool's thread has ended.
    pub fn drained_to(&self, left: u64) -> anyhow::Result<SpoolStats> {
        let mut stats = self.spool.stats();
        let reached = stats.wait_for(|stats| stats.pending <= left);
        Ok(self.runtime.block_on(reached)?.clone())
    }
}

fn settings(folder: &Path, port: u16) -> anyhow::Result<Settings> {
    let file = folder.join("edge-agent.toml");
    let text = format!(
        r#"node = {{ region = "r", site = "s", name = "bench" }}
state_dir = "state"
mqtt = {{ host = "127.0.0.1", port = {port} }}
cameras = [{{ id = "none", url = "rtsp://192.0.2.1/" }}]
"#
    );
    std::fs::write(&file, text)?;
    config::load(&file).context("configuration")
}
