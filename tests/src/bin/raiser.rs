//! Raises incidents without cameras: what the daemon does after a decision, and nothing else of it.
//!
//! `raiser CONFIG COUNT PAUSE_US CLIPS CLOCK` reads a configuration of edge-agent, puts CLIPS clips of 3 MB into its
//! spool, raises messages through its own report, spool and sink until COUNT are in the journal, and ends when the broker
//! has taken all that waited. CLOCK `wild`: what is raised bears stamps of a clock that begins in 1970 and jumps, else
//! `true`. The journal
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
    evidence::part::Part,
    metrics::Metrics,
    report::{Report, Reporter},
    sink::{Budget, Feed, Identity, InForce, Link, mqtt::MqttSink},
    spool::{NewRecord, Quota, Spool},
};
use jiff::Timestamp;
use protocol::{
    IncidentEvent, NodePath, Severity,
    incident::{ClockQuality, ModelRef},
};
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{Instant, sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use uuid::{NoContext, Uuid};

/// Between two attempts to connect.
const PAUSE: Duration = Duration::from_millis(20);
/// A connection that does not stand by then is tried anew.
const CONNECTING: Duration = Duration::from_secs(15);
/// Bytes of a clip.
const CLIP: usize = 3_000_000;
/// Chunks of a clip that are appended at once.
const GROUP: usize = 256;

fn main() -> anyhow::Result<()> {
    let words: Vec<String> = env::args().skip(1).collect();
    let [config, count, pause, clips, clock] = words.as_slice() else {
        bail!("usage: raiser CONFIG COUNT PAUSE_US CLIPS true|wild");
    };
    let settings = config::load(&PathBuf::from(config)).context("configuration")?;
    let plan = Plan {
        count: count.parse().context("COUNT")?,
        pause: Duration::from_micros(pause.parse().context("PAUSE_US")?),
        clips: clips.parse().context("CLIPS")?,
        wild_clock: clock == "wild",
    };
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?
        .block_on(run(settings, &plan))
}

struct Plan {
    count: u64,
    pause: Duration,
    clips: u64,
    wild_clock: bool,
}

async fn run(settings: Settings, plan: &Plan) -> anyhow::Result<()> {
    let path = settings.state_dir.join("spool.db");
    let (spool, worker) = Spool::open(&path, Quota::default())?;
    let thread = std::thread::Builder::new()
        .name("spool".to_owned())
        .spawn(move || worker.run())?;
    let mut uplink = JoinSet::new();
    uplink.spawn(send(settings.clone(), spool.clone()));
    let mut journal = Journal::open(&settings.state_dir.join("journal.txt"))?;
    raise(&settings, &spool, &mut journal, plan).await?;
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
    plan: &Plan,
) -> anyhow::Result<()> {
    let camera = settings.cameras.first().context("no camera")?;
    let model = ModelRef {
        name: "none".to_owned(),
        sha256: "0".repeat(64),
    };
    let chunk = settings.mqtt.evidence_chunk();
    let mut reporter = Reporter::new(&settings.node, camera, model, &[], chunk)?;
    for number in 0..plan.clips {
        let event = report(&mut reporter, number)?.event;
        for records in clip(&settings.node, &event, chunk) {
            spool.append(records).await?;
        }
    }
    let mut next = Instant::now();
    for number in 0.. {
        if journal.lines >= plan.count {
            break;
        }
        let mut report = report(&mut reporter, number)?;
        if plan.wild_clock {
            stamp(&mut report.event, wild_clock(number)?)?;
        }
        let (source, id) = (report.event.source.clone(), report.event.id);
        let appended = spool.append(report.records()).await?;
        let seq = appended.first().context("nothing was appended")?.seq;
        journal.add(&format!("{} {seq} {source} {id}", spool.bootid()))?;
        next += plan.pause;
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
        suppressed_before: 0,
    };
    let stamps = Stamps {
        at: change.at,
        capture: None,
        arrival: Timestamp::now(),
    };
    let clock = ClockQuality {
        synchronised: true,
        estimated_error_ms: None,
    };
    reporter
        .report(&change, stamps, clock, None)
        .context("the camera has no rule")
}

/// The chunks of a clip that nobody filmed, as evidence is chunked, in groups that are appended at once.
fn clip(node: &NodePath, event: &IncidentEvent, chunk: usize) -> Vec<Vec<NewRecord>> {
    let part = Part {
        sha256: "0".repeat(64),
        ..Part::clip(vec![0x5a; CLIP])
    };
    let mut records = part
        .records(node, event.data.incident_id, Severity::Alarm, chunk)
        .into_iter();
    let mut groups = Vec::new();
    loop {
        let group: Vec<NewRecord> = records.by_ref().take(GROUP).collect();
        if group.is_empty() {
            return groups;
        }
        groups.push(group);
    }
}

/// What a clock says that nobody keeps: it begins in 1970, and steps by hours, also between opened and closed.
fn wild_clock(number: u64) -> anyhow::Result<Timestamp> {
    let now = Timestamp::now().as_millisecond();
    let hour = 3_600_000;
    let shown = match number / 7 % 4 {
        0 => i64::try_from(number)?,
        1 => now + hour,
        2 => now - hour,
        _ => now,
    };
    Ok(Timestamp::from_millisecond(shown)?)
}

/// As if the clock had shown `at` when `event` was decided.
fn stamp(event: &mut IncidentEvent, at: Timestamp) -> anyhow::Result<()> {
    let seconds = u64::try_from(at.as_second())?;
    event.id = Uuid::new_v7(uuid::Timestamp::from_unix(NoContext, seconds, 0));
    event.time = at;
    let time = &mut event.data.time;
    (time.capture, time.arrival, time.decided) = (at, at, at);
    Ok(())
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
                config: InForce::always(&settings.revision),
                reported: tokio::sync::watch::channel(None).1,
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
