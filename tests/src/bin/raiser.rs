//! Raises incidents without cameras: what the daemon does after a decision, and nothing else of it.
//!
//! `raiser CONFIG COUNT PAUSE_US` reads a configuration of edge-agent, raises messages through its own report, spool
//! and sink until COUNT are in the journal, and ends when the broker has taken all that waited. The journal
//! `journal.txt` beside the spool gets a line `bootid seq source id` after the spool has said that a message is
//! durable, so a kill at any moment leaves a journal of durable messages only. Started again, it goes on.
//!
//! A connection that is lost is made anew at once, not after the daemon's waits of up to a minute: so hundreds of
//! losses fit into a test. The sink is the daemon's otherwise.

use std::{
    env,
    fs::{File, OpenOptions},
    io::Write,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};

use analytics::{
    incident::{IncidentChange, IncidentNumber, Transition},
    rule::{RuleIndex, RuleKind},
};
use anyhow::{Context, bail};
use edge_agent::{
    Settings,
    camera::Stamps,
    config,
    metrics::Metrics,
    report::{Report, Reporter},
    sink::{Budget, Feed, Identity, Link, mqtt::MqttSink},
    spool::{Quota, Spool},
};
use protocol::incident::{ClockQuality, ModelRef};
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{Instant, sleep, timeout},
};
use tokio_util::sync::CancellationToken;

/// Between two attempts to connect.
const PAUSE: Duration = Duration::from_millis(20);
/// A connection that does not stand by then is tried anew.
const CONNECTING: Duration = Duration::from_secs(15);

fn main() -> anyhow::Result<()> {
    let words: Vec<String> = env::args().skip(1).collect();
    let [config, count, pause] = words.as_slice() else {
        bail!("usage: raiser CONFIG COUNT PAUSE_US");
    };
    let settings = config::load(&PathBuf::from(config)).context("configuration")?;
    let count = count.parse().context("COUNT")?;
    let pause = Duration::from_micros(pause.parse().context("PAUSE_US")?);
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?
        .block_on(run(settings, count, pause))
}

async fn run(settings: Settings, count: u64, pause: Duration) -> anyhow::Result<()> {
    let path = settings.state_dir.join("spool.db");
    let (spool, worker) = Spool::open(&path, Quota::default())?;
    let thread = std::thread::Builder::new()
        .name("spool".to_owned())
        .spawn(move || worker.run())?;
    let mut uplink = JoinSet::new();
    uplink.spawn(send(settings.clone(), spool.clone()));
    let mut journal = Journal::open(&settings.state_dir.join("journal.txt"))?;
    raise(&settings, &spool, &mut journal, count, pause).await?;
    let mut stats = spool.stats();
    stats.wait_for(|stats| stats.to_send() == 0).await?;
    uplink.shutdown().await;
    drop((spool, stats));
    if thread.join().is_err() {
        bail!("the spool's thread panicked");
    }
    Ok(())
}

/// One after the other, so that a kill leaves at most one that is durable and not in the journal.
async fn raise(
    settings: &Settings,
    spool: &Spool,
    journal: &mut Journal,
    count: u64,
    pause: Duration,
) -> anyhow::Result<()> {
    let camera = settings.cameras.first().context("no camera")?;
    let model = ModelRef {
        name: "none".to_owned(),
        sha256: "0".repeat(64),
    };
    let chunk = settings.mqtt.evidence_chunk();
    let mut reporter = Reporter::new(&settings.node, camera, model, &[], chunk)?;
    let mut next = Instant::now();
    for number in 0.. {
        if journal.lines >= count {
            break;
        }
        let report = report(&mut reporter, number)?;
        let (source, id) = (report.event.source.clone(), report.event.id);
        let appended = spool.append(report.records()).await?;
        let seq = appended.first().context("nothing was appended")?.seq;
        journal.add(&format!("{} {seq} {source} {id}", spool.bootid()))?;
        next += pause;
        tokio::time::sleep_until(next).await;
    }
    Ok(())
}

/// Opened and closed in turn.
fn report(reporter: &mut Reporter, number: u64) -> anyhow::Result<Report> {
    let change = IncidentChange {
        incident: IncidentNumber(number / 2),
        rule: RuleIndex(0),
        kind: RuleKind::LineCrossing,
        transition: match number % 2 {
            0 => Transition::Opened,
            _ => Transition::Closed,
        },
        at: Duration::from_secs(1),
        confidence: 0.8,
        objects: Vec::new(),
    };
    let stamps = Stamps {
        at: change.at,
        capture: None,
        arrival: jiff::Timestamp::now(),
    };
    let clock = ClockQuality {
        synchronised: true,
        estimated_error_ms: None,
    };
    reporter
        .report(&change, stamps, clock, None)
        .context("the camera has no rule")
}

/// Sends for ever. Each connection has a sink of its own.
async fn send(settings: Settings, spool: Spool) {
    let metrics = Metrics::new();
    let (_open, open_incidents) = watch::channel(Vec::new());
    let (_health, health) = watch::channel(None);
    loop {
        let (sender, mut link) = watch::channel(Link::Connecting);
        let sink = MqttSink {
            settings: settings.mqtt.clone(),
            identity: Identity {
                node: settings.node.clone(),
                bootid: spool.bootid(),
                config_revision: settings.revision.clone(),
                insecure: Vec::new(),
            },
            feed: Feed {
                spool: spool.clone(),
                open_incidents: open_incidents.clone(),
                health: health.clone(),
            },
            commands: None,
            budget: Arc::new(Mutex::new(Budget::unlimited())),
            link: sender,
            metrics: metrics.clone(),
        };
        // The sink goes with this future: no second one may stand beside the next.
        tokio::select! {
            () = sink.run(CancellationToken::new()) => {}
            () = lost(&mut link) => {}
        }
        sleep(PAUSE).await;
    }
}

/// Returns when the connection is lost, or does not come to stand.
async fn lost(link: &mut watch::Receiver<Link>) {
    let decided = timeout(CONNECTING, link.wait_for(|link| *link != Link::Connecting));
    if matches!(decided.await, Ok(Ok(_))) {
        drop(link.wait_for(|link| matches!(link, Link::Down(_))).await);
    }
}

/// What is known to be durable.
struct Journal {
    file: File,
    lines: u64,
}

impl Journal {
    /// A line that a kill cut short is made a line of its own; no reader takes it for whole.
    fn open(path: &Path) -> anyhow::Result<Self> {
        let mut file = OpenOptions::new().create(true).append(true).open(path)?;
        let text = std::fs::read_to_string(path)?;
        if !text.is_empty() && !text.ends_with('\n') {
            file.write_all(b"\n")?;
        }
        Ok(Journal {
            file,
            lines: text.lines().count() as u64,
        })
    }

    fn add(&mut self, line: &str) -> anyhow::Result<()> {
        self.file.write_all(format!("{line}\n").as_bytes())?;
        self.lines += 1;
        Ok(())
    }
}
