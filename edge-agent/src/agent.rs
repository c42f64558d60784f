//! The agent as a whole: starts every room of a configuration, connects them, and stops them in order.
//!
//! One camera that cannot be watched is a failed camera in the health report; the others go on. A broker that is away
//! is no reason not to start.

mod inbox;

use std::{
    collections::VecDeque,
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use protocol::Health;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tracing::{error, info};
use uuid::Uuid;

use crate::{
    archive::{Archive, recorder::Recorder},
    camera::{Outputs, mailbox::Mailbox, reel::Reel},
    command::{self, Post, Posts, Refusals, Restart, verdict::Teller},
    config::{Settings, settings::InferenceError},
    correction::Corrections,
    custody::Custodian,
    health::{Accounts, CameraAccount, Faults, HealthTask},
    http::{self, Figures},
    inference::{
        cascade::Cascade,
        counters::WorkerCounters,
        provider::Provider,
        scheduler::{Feed as InferenceFeed, Place, RESULTS, Scheduler},
        worker,
    },
    ladder::{
        Weighed,
        heat::Thermometer,
        relief::{Relief, Relieved},
    },
    metrics::{Metrics, OfProvider},
    pictures::Pictures,
    roster::{Models, Ready, load_models, prepare, report_faults},
    sink::{Budget, Feed, Identity, Link, mqtt::MqttSink},
    spool::{Spool, SpoolError},
    streams::{self, REEL_BYTES},
    supervisor::{Step, Supervisor},
    totals::{Book, Moment},
    watch::Watch,
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
    /// What each camera has done, watched or not.
    pub cameras: Vec<Arc<CameraAccount>>,
    spool_ended: CancellationToken,
    // A camera leaves the round of inference when its place is dropped.
    _places: Vec<Place>,
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
        let (models, mut faults) = load_models(&settings).await;
        let (ready, accounts) = prepare(&settings, &models, &mut faults);
        report_faults(&faults, &accounts, &metrics);
        if ready.is_empty() && settings.cameras.iter().any(|camera| camera.enabled) {
            let reasons = faults
                .into_iter()
                .map(|(id, why)| format!("camera {id}: {why}"));
            return Err(StartError::NoCamera(reasons.collect()));
        }
        let node_faults = Arc::new(Faults::default());
        let (spool, spool_ended) = start_spool(&mut supervisor, &settings, &node_faults)?;
        let cameras = accounts.clone();
        let archive = start_archive(&mut supervisor, &settings, &node_faults, &metrics);
        let accounts = Accounts::new(spool.bootid(), accounts, Arc::clone(&node_faults))
            .with_archive(Arc::clone(&archive));
        let verdicts = inbox::verdicts(&settings, &archive, &metrics, &node_faults);
        let (open_incidents, open) = watch::channel(Vec::new());
        let scheduler = Scheduler::new();
        let workers = start_inference(&mut supervisor, &scheduler, models)?;
        let relief = settings.inference.ladder.then(|| {
            let cameras = ready.iter().map(relieved).collect();
            let faults = Arc::clone(&node_faults);
            Relief::new(cameras, Thermometer::default(), faults, metrics.clone())
        });
        let (mut places, mut posts) = (Vec::new(), Posts::new());
        for ready in ready {
            let name = ready.camera.id.clone();
            let teller = verdicts.teller(&ready.camera);
            let (place, post) = start_camera(
                &mut supervisor,
                &scheduler,
                ready,
                Kept {
                    archive: &archive,
                    verdicts: teller,
                },
                &spool,
                &open_incidents,
                &metrics,
            )?;
            places.push(place);
            posts.insert(name, post);
        }
        let refusals = Arc::new(Refusals::default());
        let mut accounts = accounts.with_refusals(Arc::clone(&refusals));
        if !settings.command_keys.is_empty() {
            accounts = accounts.with_verdicts(metrics.commands.verdicts.clone());
        }
        let sessions = workers.len();
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
        let desk = Desk {
            posts,
            verdicts,
            refusals,
            faults: node_faults,
        };
        let commands = start_inbox(&mut supervisor, &settings, desk, &spool, &metrics)?;
        let link = start_uplink(&mut supervisor, &settings, feed, commands, budget, &metrics);
        info!(node = %settings.node, cameras = places.len(), bootid = %spool.bootid(), "watching");
        Ok(Agent {
            supervisor,
            bootid: spool.bootid(),
            link,
            health,
            metrics,
            workers,
            cameras,
            spool_ended,
            _places: places,
        })
    }

    /// Returns when the agent can no longer keep what it sees: the process must end, so that it is started anew.
    pub async fn failed(&self) {
        self.spool_ended.cancelled().await;
    }

    /// Stops intake, closes what is open, sends what waits as far as time allows, and says goodbye.
    pub async fn stop(self) {
        info!("stopping");
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

/// Starts a thread for each session; each has its own instance of every model.
fn start_inference(
    supervisor: &mut Supervisor,
    scheduler: &Arc<Scheduler>,
    mut models: Models,
) -> io::Result<Vec<Arc<WorkerCounters>>> {
    let sessions = models.values().map(Vec::len).max().unwrap_or(0);
    let mut workers = Vec::with_capacity(sessions);
    for number in 0..sessions {
        let own = models
            .iter_mut()
            .filter_map(|(name, instances)| Some((name.clone(), instances.pop()?)));
        let cancel = supervisor.stop_signal(Step::Work);
        let counters = Arc::new(WorkerCounters::default());
        workers.push(Arc::clone(&counters));
        let thread = worker::spawn(
            number,
            own.collect(),
            Arc::clone(scheduler),
            counters,
            cancel,
        )?;
        supervisor.adopt(Step::Work, &format!("inference-{number}"), thread);
    }
    Ok(workers)
}

/// What is kept of a camera's incidents besides their messages.
struct Kept<'a> {
    archive: &'a Arc<Archive>,
    verdicts: Teller,
}

/// Starts a camera's stream and its analysis.
fn start_camera(
    supervisor: &mut Supervisor,
    scheduler: &Arc<Scheduler>,
    ready: Ready,
    kept: Kept<'_>,
    spool: &Spool,
    open_incidents: &watch::Sender<Vec<Uuid>>,
    metrics: &Metrics,
) -> io::Result<(Place, Post)> {
    let Ready {
        camera,
        account,
        analysis,
        reporter,
        privacy,
    } = ready;
    let Kept { archive, verdicts } = kept;
    let id = camera.id.to_string();
    let gave_way = Arc::clone(&account.feed.gave_way);
    let mailbox = Arc::new(Mailbox::counting(scheduler.bell(), gave_way));
    // Loss policy: see `InferenceFeed::results`.
    let (sender, results) = mpsc::channel(RESULTS);
    let cascade = Cascade::of(&camera.cascades, &camera.looks);
    let cascade = Arc::new(cascade.with_likeness(camera.likeness.clone()));
    let place = scheduler.join(InferenceFeed {
        camera: id.clone(),
        mailbox: Arc::clone(&mailbox),
        pace: Arc::clone(&account.pace),
        priority: camera.priority,
        model: camera.model.clone(),
        tiles: camera.tiles,
        min_score: camera.min_score,
        results: sender,
        counters: Arc::clone(&account.feed),
        attention: Mutex::default(),
        cascade: Arc::clone(&cascade),
    });
    let (orders, ordered) = mpsc::channel(command::ORDERS);
    let post = Post {
        orders,
        restart: Restart::default(),
    };
    let reel = Reel::new(archive.reel(camera.reel), REEL_BYTES);
    let reel = Arc::new(Mutex::new(reel));
    let stills = account.evidence.is_some().then(|| Arc::clone(&reel));
    let clips = Recorder::new(
        Arc::clone(archive),
        &camera,
        reporter.labels(),
        Arc::clone(&privacy),
        Arc::clone(&reel),
        metrics.clone(),
    );
    let watch = Watch {
        camera: id.clone(),
        analysis,
        cascade,
        reporter,
        results,
        orders: ordered,
        reel: Arc::clone(&reel),
        pictures: Pictures::new(privacy, stills),
        clips,
        verdicts,
        spool: spool.clone(),
        open_incidents: open_incidents.clone(),
        account: Arc::clone(&account),
        book: Book::new(&camera.scene.rules, camera.totals_every, Moment::now()),
        metrics: metrics.clone(),
        unwritten: VecDeque::new(),
        corrections: Corrections::default(),
        began: tokio::time::Instant::now(),
    };
    let stop = supervisor.stop_signal(Step::Work);
    supervisor.task(Step::Work, &format!("watch-{id}"), watch.run(stop));
    let outputs = Outputs {
        reel,
        mailbox,
        progress: Arc::clone(&account.progress),
        pace: Arc::clone(&account.pace),
    };
    streams::start(supervisor, camera, outputs, account, &post.restart, metrics)?;
    Ok((place, post))
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

/// What the ladder may come to: a camera that can be watched.
fn relieved(ready: &Ready) -> Relieved {
    Relieved {
        weighed: Weighed {
            id: ready.camera.id.to_string(),
            priority: ready.camera.priority,
            asked: ready.camera.analysis_fps,
            floor: ready.camera.analysis_fps_floor,
            seconds: ready.camera.has_second_models(),
        },
        pace: Arc::clone(&ready.account.pace),
    }
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
    feed: Feed,
    commands: Option<mpsc::Sender<command::Incoming>>,
    budget: Budget,
    metrics: &Metrics,
) -> watch::Receiver<Link> {
    let (sender, receiver) = watch::channel(Link::Connecting);
    let budget = Arc::new(Mutex::new(budget));
    let sink = MqttSink {
        settings: settings.mqtt.clone(),
        identity: Identity {
            node: settings.node.clone(),
            bootid: feed.spool.bootid(),
            config_revision: settings.revision.clone(),
            insecure: insecure(settings),
        },
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
