//! The agent as a whole: starts every room of a configuration, connects them, and stops them in order.
//!
//! One camera that cannot be watched is a failed camera in the health report; the others go on. A broker that is away
//! is no reason not to start.

mod inbox;
mod push;
mod reload;

pub use reload::{Rejected, reload};

use std::{
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use protocol::{Health, ReportedConfig};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tracing::{error, info};
use uuid::Uuid;

use crate::{
    archive::Archive,
    command::{self, Refusals},
    config::{Settings, settings::InferenceError},
    custody::Custodian,
    fleet::{Fleet, Lineup, Means},
    health::{Accounts, CameraAccount, Faults, HealthTask},
    http::{self, Figures},
    inference::{
        counters::WorkerCounters,
        provider::Provider,
        scheduler::Scheduler,
        worker::{self, Shelf},
    },
    ladder::{heat::Thermometer, relief::Relief},
    metrics::{Metrics, OfProvider},
    roster::{CameraFaults, report_faults},
    sink::{Budget, Feed, Identity, InForce, Link, mqtt::MqttSink},
    spool::{Spool, SpoolError},
    supervisor::{Step, Supervisor},
};
use inbox::{Desk, start_inbox};

/// How long each step of stopping may take.
const GRACE: Duration = Duration::from_secs(8);

/// Why the agent does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The spool cannot be used.
    #[error(transparent)]
    Spool(#[from] SpoolError),
    /// There are cameras, but none of them can be watched.
    #[error("no camera can be watched:\n{}", .0.join("\n"))]
    NoCamera(Vec<String>),
    /// Models cannot be computed on what the configuration asks for.
    #[error(transparent)]
    Inference(#[from] InferenceError),
    /// The operating system gives no more threads.
    #[error("a thread cannot be started: {0}")]
    Thread(#[from] io::Error),
}

/// A running agent.
pub struct Agent {
    supervisor: Supervisor,
    /// This boot.
    pub bootid: Uuid,
    /// The connection to the broker.
    pub link: watch::Receiver<Link>,
    /// The periodic figures.
    pub health: watch::Receiver<Option<Health>>,
    /// All figures.
    pub metrics: Metrics,
    /// What each inference thread has done.
    pub workers: Vec<Arc<WorkerCounters>>,
    fleet: Fleet,
    lineup: watch::Receiver<Lineup>,
    archive: Arc<Archive>,
    /// The settings in force.
    current: watch::Sender<Arc<Settings>>,
    /// What is said of them.
    said: watch::Sender<InForce>,
    faults: Arc<Faults>,
    /// What the centre wants, as it came.
    desired: watch::Receiver<Option<Vec<u8>>>,
    /// What is asked of whoever owns it.
    asked: mpsc::Receiver<command::Asked>,
    /// What is said of what was pushed.
    reported: watch::Sender<Option<ReportedConfig>>,
    spool_ended: CancellationToken,
}

impl Agent {
    /// Starts everything that `settings` asks for.
    ///
    /// # Errors
    /// If nothing can be kept, nothing can be watched, or nothing can run.
    pub async fn start(settings: Settings) -> Result<Agent, StartError> {
        Agent::start_with(settings, Metrics::new()).await
    }

    /// The same with figures that have begun, for measurements: a witness looks on.
    ///
    /// # Errors
    /// As [`Agent::start`].
    pub async fn start_with(settings: Settings, metrics: Metrics) -> Result<Agent, StartError> {
        // An embedding program or an earlier start may have chosen one: that one is as good.
        drop(rustls::crypto::ring::default_provider().install_default());
        let mut supervisor = Supervisor::new(metrics.clone());
        let provider = settings.inference.provider;
        if provider != Provider::Cpu {
            // No camera can do without it: said once, before any model is read.
            settings.inference.load_runtime()?;
        }
        info!(%provider, sessions = settings.inference.sessions, "inference");
        let of = OfProvider {
            provider: provider.name(),
        };
        metrics.inference_provider.get_or_create(&of).set(1);
        let node_faults = Arc::new(Faults::default());
        let (spool, spool_ended) = start_spool(&mut supervisor, &settings, &node_faults)?;
        let archive = start_archive(&mut supervisor, &settings, &node_faults, &metrics);
        let verdicts = inbox::verdicts(&settings, &archive, &metrics, &node_faults);
        let (open_incidents, open) = watch::channel(Vec::new());
        let scheduler = Scheduler::new();
        let sessions = settings.inference.sessions;
        let started = start_inference(&mut supervisor, &scheduler, sessions)?;
        let (shelves, workers): (Vec<_>, Vec<_>) = started.into_iter().unzip();
        let means = Means {
            scheduler,
            shelves,
            archive: Arc::clone(&archive),
            tellers: verdicts.tellers(),
            spool: spool.clone(),
            open_incidents,
            metrics: metrics.clone(),
        };
        let (sender, lineup) = watch::channel(Lineup::default());
        let mut fleet = Fleet::new(means, sender);
        let faults = fleet.begin(&settings).await?;
        report_faults(&faults, &lineup.borrow().accounts, &metrics);
        if fleet.at_work() == 0 && settings.cameras.iter().any(|camera| camera.enabled) {
            supervisor.shut_down(GRACE).await;
            return Err(StartError::NoCamera(told(&faults)));
        }
        let relief = settings.inference.ladder.then(|| {
            let cameras = lineup.borrow().relieved.clone();
            let faults = Arc::clone(&node_faults);
            Relief::new(cameras, Thermometer::default(), faults, metrics.clone())
        });
        let refusals = Arc::new(Refusals::default());
        let accounts = Accounts::new(spool.bootid(), lineup.clone(), Arc::clone(&node_faults));
        let mut accounts = accounts
            .with_archive(Arc::clone(&archive))
            .with_refusals(Arc::clone(&refusals));
        if !settings.command_keys.is_empty() {
            accounts = accounts.with_verdicts(metrics.commands.verdicts.clone());
        }
        let health = start_health(
            &mut supervisor,
            accounts,
            sessions,
            relief,
            &spool,
            &metrics,
        );
        let figures = Figures {
            metrics: metrics.clone(),
            health: health.clone(),
            faults: Arc::clone(&node_faults),
        };
        start_http(&mut supervisor, &settings, figures);
        let feed = Feed {
            spool: spool.clone(),
            open_incidents: open,
            health: health.clone(),
        };
        let used = settings.state_dir.join("budget.json");
        let budget = Budget::open(settings.mqtt.caps, &used, Arc::clone(&node_faults));
        let settings = Arc::new(settings);
        let (current, in_force) = watch::channel(Arc::clone(&settings));
        let (said, config) = watch::channel(in_force_of(&settings));
        let (came, desired) = watch::channel(None);
        let (reported, says) = watch::channel(None);
        // Loss policy: one more is answered with a failure.
        let (owner, asked) = mpsc::channel(command::ORDERS);
        let desk = Desk {
            lineup: lineup.clone(),
            current: in_force,
            verdicts,
            refusals,
            faults: Arc::clone(&node_faults),
            desired: came,
            owner,
        };
        let commands = start_inbox(&mut supervisor, &settings, desk, &spool, &metrics)?;
        let identity = Identity {
            node: settings.node.clone(),
            bootid: spool.bootid(),
            config,
            reported: says,
        };
        let link = start_uplink(
            &mut supervisor,
            &settings,
            identity,
            feed,
            commands,
            budget,
            &metrics,
        );
        info!(node = %settings.node, cameras = fleet.at_work(), bootid = %spool.bootid(), "watching");
        Ok(Agent {
            supervisor,
            fleet,
            bootid: spool.bootid(),
            link,
            health,
            metrics,
            workers,
            lineup,
            archive,
            current,
            said,
            faults: node_faults,
            desired,
            reported,
            asked,
            spool_ended,
        })
    }

    /// Accounts of all cameras, watched or not, in the order of the configuration.
    pub fn cameras(&self) -> Vec<Arc<CameraAccount>> {
        self.lineup.borrow().accounts.clone()
    }

    /// Returns when the agent can no longer keep what it sees: the process must end, so that it is started anew.
    pub async fn failed(&self) {
        self.spool_ended.cancelled().await;
    }

    /// Stops intake, closes what is open, sends what waits as far as time allows, and says goodbye.
    pub async fn stop(self) {
        info!("stopping");
        self.fleet.stop().await;
        self.supervisor.shut_down(GRACE).await;
    }
}

/// Opens the spool. A node whose key cannot be had tells incidents unsigned, and says so.
fn start_spool(
    supervisor: &mut Supervisor,
    settings: &Settings,
    faults: &Faults,
) -> Result<(Spool, CancellationToken), StartError> {
    let (spool, mut worker) = Spool::open(&settings.state_dir.join("spool.db"), settings.spool)?;
    match Custodian::open(&settings.state_dir, settings.node.clone()) {
        Ok(custodian) => worker = worker.signing_as(custodian),
        Err(why) => {
            error!(%why, "incidents are told without signatures");
            faults.set("custody", Some(why.to_string()));
        }
    }
    let ended = CancellationToken::new();
    let guard = ended.clone().drop_guard();
    supervisor.thread(Step::Uplink, "spool", move || {
        let _guard = guard;
        worker.run();
    })?;
    Ok((spool, ended))
}

/// Starts a thread for each session; each has a shelf from which its own instances of models come.
fn start_inference(
    supervisor: &mut Supervisor,
    scheduler: &Arc<Scheduler>,
    sessions: usize,
) -> io::Result<Vec<(Arc<Shelf>, Arc<WorkerCounters>)>> {
    let mut workers = Vec::with_capacity(sessions);
    for number in 0..sessions {
        let cancel = supervisor.stop_signal(Step::Work);
        let (shelf, counters) = (Arc::<Shelf>::default(), Arc::<WorkerCounters>::default());
        let thread = worker::spawn(
            number,
            Arc::clone(&shelf),
            Arc::clone(scheduler),
            Arc::clone(&counters),
            cancel,
        )?;
        supervisor.adopt(Step::Work, &format!("inference-{number}"), thread);
        workers.push((shelf, counters));
    }
    Ok(workers)
}

/// Opens the folder of clips and looks after their age.
fn start_archive(
    supervisor: &mut Supervisor,
    settings: &Settings,
    faults: &Faults,
    metrics: &Metrics,
) -> Arc<Archive> {
    let folder = settings.state_dir.join("archive");
    let (own, revision) = (settings.archive.clone(), &settings.revision);
    let archive = Archive::open(own, &folder, revision, faults, metrics);
    if archive.keeps() {
        let stop = supervisor.stop_signal(Step::Work);
        supervisor.task(Step::Work, "archive", Arc::clone(&archive).tidy(stop));
    }
    archive
}

fn start_health(
    supervisor: &mut Supervisor,
    accounts: Accounts,
    workers: usize,
    relief: Option<Relief>,
    spool: &Spool,
    metrics: &Metrics,
) -> watch::Receiver<Option<Health>> {
    let (said, receiver) = watch::channel(None);
    let task = HealthTask {
        accounts,
        workers,
        relief,
        spool: spool.stats(),
        metrics: metrics.clone(),
        said,
    };
    let stop = supervisor.stop_signal(Step::Work);
    supervisor.task(Step::Work, "health", task.run(stop));
    receiver
}

fn start_http(supervisor: &mut Supervisor, settings: &Settings, figures: Figures) {
    if let Some(address) = settings.http {
        let stop = supervisor.stop_signal(Step::Work);
        supervisor.restarting_task(Step::Work, "http", move || {
            http::serve(address, figures.clone(), stop.clone())
        });
    }
}

fn start_uplink(
    supervisor: &mut Supervisor,
    settings: &Settings,
    identity: Identity,
    feed: Feed,
    commands: Option<mpsc::Sender<command::Incoming>>,
    budget: Budget,
    metrics: &Metrics,
) -> watch::Receiver<Link> {
    let (sender, receiver) = watch::channel(Link::Connecting);
    let budget = Arc::new(Mutex::new(budget));
    let sink = MqttSink {
        settings: settings.mqtt.clone(),
        identity,
        feed,
        commands,
        budget,
        link: sender,
        metrics: metrics.clone(),
    };
    let stop = supervisor.stop_signal(Step::Uplink);
    supervisor.restarting_task(Step::Uplink, "mqtt", move || sink.clone().run(stop.clone()));
    receiver
}

fn told(faults: &CameraFaults) -> Vec<String> {
    let faults = faults.iter();
    faults
        .map(|(id, why)| format!("camera {id}: {why}"))
        .collect()
}

fn in_force_of(settings: &Settings) -> InForce {
    InForce {
        revision: settings.revision.clone(),
        insecure: insecure(settings),
    }
}

/// Safety and privacy that were switched off on purpose, of the uplink and of cameras.
fn insecure(settings: &Settings) -> Vec<String> {
    let cameras = settings.cameras.iter().flat_map(|camera| {
        let unverified = camera.stream.insecure_tls;
        let shown = camera.privacy.shows_people();
        [
            (unverified, "camera_tls_unverified"),
            (shown, "people_shown"),
        ]
        .into_iter()
        .filter(|(is_so, _)| *is_so)
        .map(|(_, what)| format!("{what}:{}", camera.id))
    });
    let replay = settings
        .replay
        .enabled
        .then(|| "replay_unsealed".to_owned());
    settings
        .mqtt
        .insecure
        .iter()
        .cloned()
        .chain(cameras)
        .chain(replay)
        .collect()
}
