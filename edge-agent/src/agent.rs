//! The agent as a whole: starts every room of a configuration, connects them, and stops them in order.
//!
//! One camera that cannot be watched is a failed camera in the health report; the others go on. A broker that is away
//! is no reason not to start.

use std::{
    collections::VecDeque,
    io,
    sync::{Arc, Mutex, atomic::Ordering},
    time::{Duration, Instant},
};

use protocol::{CameraState, Health};
use tokio::{
    sync::{mpsc, watch},
    time::{MissedTickBehavior, interval},
};
use tokio_util::sync::CancellationToken;
use tracing::info;
use uuid::Uuid;

use crate::{
    camera::{self, Outputs, mailbox::Mailbox, reel::Reel},
    command::{self, Inbox, Ledger, Post, Posts, Refusals, Restart},
    config::{
        Settings,
        settings::{CameraSettings, InferenceError},
    },
    correction::Corrections,
    event_log::{CameraFailed, Event},
    health::{Accounts, CameraAccount, Faults},
    http::{self, Figures},
    inference::{
        counters::{FeedCounters, WorkerCounters},
        provider::Provider,
        scheduler::{Feed as InferenceFeed, Place, RESULTS, Scheduler},
        worker,
    },
    metrics::{Metrics, OfProvider},
    roster::{Models, Ready, load_models, prepare, report_faults},
    sink::{Budget, Feed, Identity, Link, mqtt::MqttSink},
    spool::{Spool, SpoolError},
    supervisor::{Failure, Step, Supervisor},
    watch::Watch,
};

/// How long each step of stopping may take.
const GRACE: Duration = Duration::from_secs(8);
/// Encoded evidence of one camera is kept in at most so many bytes.
const REEL_BYTES: usize = 64 << 20;
/// Figures are sent so often, and as soon as there is news.
const HEALTH_EVERY: Duration = Duration::from_secs(10);

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
        // An embedding program or an earlier start may have chosen one: that one is as good.
        drop(rustls::crypto::ring::default_provider().install_default());
        let metrics = Metrics::new();
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
        let (spool, worker) = Spool::open(&settings.state_dir.join("spool.db"), settings.spool)?;
        let spool_ended = CancellationToken::new();
        let guard = spool_ended.clone().drop_guard();
        supervisor.thread(Step::Uplink, "spool", move || {
            let _guard = guard;
            worker.run();
        })?;
        let node_faults = Arc::new(Faults::default());
        let accounts = Accounts::new(spool.bootid(), accounts, Arc::clone(&node_faults));
        let (open_incidents, open) = watch::channel(Vec::new());
        let scheduler = Scheduler::new();
        start_inference(&mut supervisor, &scheduler, models)?;
        let (mut places, mut posts) = (Vec::new(), Posts::new());
        for ready in ready {
            let name = ready.camera.id.clone();
            let (place, post) = start_camera(
                &mut supervisor,
                &scheduler,
                ready,
                &spool,
                &open_incidents,
                &metrics,
            )?;
            places.push(place);
            posts.insert(name, post);
        }
        let refusals = Arc::new(Refusals::default());
        let accounts = accounts.with_refusals(Arc::clone(&refusals));
        let health = start_health(&mut supervisor, accounts, &spool, &metrics);
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
        let inbox = Desk {
            posts,
            refusals,
            faults: node_faults,
        };
        let commands = start_inbox(&mut supervisor, &settings, inbox, &spool, &metrics)?;
        let link = start_uplink(&mut supervisor, &settings, feed, commands, budget, &metrics);
        info!(node = %settings.node, cameras = places.len(), bootid = %spool.bootid(), "watching");
        Ok(Agent {
            supervisor,
            bootid: spool.bootid(),
            link,
            health,
            metrics,
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

/// Starts a thread for each session; each has its own instance of every model.
fn start_inference(
    supervisor: &mut Supervisor,
    scheduler: &Arc<Scheduler>,
    mut models: Models,
) -> io::Result<()> {
    let sessions = models.values().map(Vec::len).max().unwrap_or(0);
    for number in 0..sessions {
        let own = models
            .iter_mut()
            .filter_map(|(name, instances)| Some((name.clone(), instances.pop()?)));
        let cancel = supervisor.stop_signal(Step::Work);
        let counters = Arc::new(WorkerCounters::default());
        let thread = worker::spawn(
            number,
            own.collect(),
            Arc::clone(scheduler),
            counters,
            cancel,
        )?;
        supervisor.adopt(Step::Work, &format!("inference-{number}"), thread);
    }
    Ok(())
}

/// Starts a camera's stream and its analysis.
fn start_camera(
    supervisor: &mut Supervisor,
    scheduler: &Arc<Scheduler>,
    ready: Ready,
    spool: &Spool,
    open_incidents: &watch::Sender<Vec<Uuid>>,
    metrics: &Metrics,
) -> io::Result<(Place, Post)> {
    let Ready {
        camera,
        account,
        analysis,
        reporter,
    } = ready;
    let id = camera.id.to_string();
    let mailbox = Arc::new(Mailbox::new(scheduler.bell()));
    let counters = Arc::new(FeedCounters::default());
    // Loss policy: see `InferenceFeed::results`.
    let (sender, results) = mpsc::channel(RESULTS);
    let place = scheduler.join(InferenceFeed {
        camera: id.clone(),
        mailbox: Arc::clone(&mailbox),
        model: camera.model.clone(),
        tiles: camera.tiles,
        min_score: camera.min_score,
        results: sender,
        counters: Arc::clone(&counters),
    });
    let (orders, ordered) = mpsc::channel(command::ORDERS);
    let post = Post {
        orders,
        restart: Restart::default(),
    };
    let reel = Arc::new(Mutex::new(Reel::new(camera.reel, REEL_BYTES)));
    let watch = Watch {
        camera: id.clone(),
        analysis,
        reporter,
        results,
        orders: ordered,
        reel: Arc::clone(&reel),
        spool: spool.clone(),
        open_incidents: open_incidents.clone(),
        account: Arc::clone(&account),
        mailbox: Arc::clone(&mailbox),
        counters,
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
    };
    let restart = post.restart.clone();
    start_stream(
        supervisor,
        camera,
        outputs,
        account,
        restart,
        metrics.clone(),
    )?;
    Ok((place, post))
}

fn start_stream(
    supervisor: &mut Supervisor,
    camera: CameraSettings,
    outputs: Outputs,
    account: Arc<CameraAccount>,
    restart: Restart,
    metrics: Metrics,
) -> io::Result<()> {
    let id = camera.id.to_string();
    let failing = Arc::clone(&account);
    let stream = move |stop: &CancellationToken| {
        let begun = Instant::now();
        let decoded = outputs.progress.decoded.load(Ordering::Relaxed);
        account.trying();
        let streamed = loop {
            let streamed = camera::stream(&camera, &outputs, &restart.run(stop));
            if streamed.is_err() || stop.is_cancelled() {
                break streamed;
            }
            info!(camera = %camera.id, "the stream begins anew: the centre asked for it");
        };
        streamed.map_err(|error| {
            let moved = outputs.progress.decoded.load(Ordering::Relaxed) > decoded;
            Failure {
                cause: error.fault.as_str(),
                why: error.to_string(),
                healthy: if moved {
                    begun.elapsed()
                } else {
                    Duration::ZERO
                },
                no_sooner: Some(camera.stream.refused_retry).filter(|_| error.fault.retry_slowly()),
            }
        })
    };
    let name = format!("camera-{id}");
    supervisor.restarting_thread(Step::Intake, &name, stream, move |failure, wait| {
        failing.failed(&failure.why);
        CameraFailed {
            camera: &id,
            cause: failure.cause,
            why: &failure.why,
            retry_in: Some(wait),
        }
        .emit(&metrics);
    })
}

fn start_health(
    supervisor: &mut Supervisor,
    accounts: Accounts,
    spool: &Spool,
    metrics: &Metrics,
) -> watch::Receiver<Option<Health>> {
    let (sender, receiver) = watch::channel(None);
    let (stats, metrics) = (spool.stats(), metrics.clone());
    let stop = supervisor.stop_signal(Step::Work);
    supervisor.task(Step::Work, "health", async move {
        let mut ticks = interval(Duration::from_secs(1));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut passed, mut said) = (Instant::now(), Instant::now());
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = stop.cancelled() => return,
            }
            accounts.pass(passed.elapsed());
            passed = Instant::now();
            let stats = stats.borrow().clone();
            let health = accounts.health(&stats);
            metrics.set_spool(&stats);
            accounts.show(&health, &metrics);
            let news = sender
                .borrow()
                .as_ref()
                .is_none_or(|old: &Health| is_news(old, &health));
            if news || said.elapsed() >= HEALTH_EVERY {
                said = Instant::now();
                sender.send_replace(Some(health));
            }
        }
    });
    receiver
}

/// Whether a camera began or ceased to be watched, or the node's faults changed. Attempts at a dead camera are no news.
fn is_news(old: &Health, new: &Health) -> bool {
    let watched = |health: &Health| {
        let states = health
            .cameras
            .iter()
            .map(|camera| camera.state == CameraState::Watching);
        states.collect::<Vec<bool>>()
    };
    old.faults != new.faults || watched(old) != watched(new)
}

fn start_http(supervisor: &mut Supervisor, settings: &Settings, figures: Figures) {
    if let Some(address) = settings.http {
        let stop = supervisor.stop_signal(Step::Work);
        supervisor.restarting_task(Step::Work, "http", move || {
            http::serve(address, figures.clone(), stop.clone())
        });
    }
}

/// What the inbox needs of the agent.
struct Desk {
    posts: Posts,
    refusals: Arc<Refusals>,
    faults: Arc<Faults>,
}

/// Starts to heed commands, if the configuration names a key that may give them. Where they cannot be remembered none
/// is heeded, and the health report says so: everything else goes on.
fn start_inbox(
    supervisor: &mut Supervisor,
    settings: &Settings,
    desk: Desk,
    spool: &Spool,
    metrics: &Metrics,
) -> io::Result<Option<mpsc::Sender<command::Incoming>>> {
    if settings.command_keys.is_empty() {
        return Ok(None);
    }
    let ledger = match Ledger::open(&settings.state_dir.join("commands.db")) {
        Ok(ledger) => ledger,
        Err(why) => {
            tracing::error!("no command will be heeded: {why}");
            desk.faults.set("commands", Some(why.to_string()));
            return Ok(None);
        }
    };
    let inbox = Inbox {
        node: settings.node.clone(),
        keys: settings.command_keys.clone(),
        ledger,
        posts: desk.posts,
        spool: spool.clone(),
        refusals: desk.refusals,
        metrics: metrics.clone(),
    };
    let (sender, incoming) = mpsc::channel(command::QUEUE);
    let stop = supervisor.stop_signal(Step::Work);
    // A thread of its own: its ledger waits for the disk.
    let runtime = tokio::runtime::Handle::current();
    supervisor.thread(Step::Work, "commands", move || {
        runtime.block_on(inbox.run(incoming, stop));
    })?;
    Ok(Some(sender))
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

/// Safety that was switched off on purpose, of the uplink and of cameras.
fn insecure(settings: &Settings) -> Vec<String> {
    let cameras = settings
        .cameras
        .iter()
        .filter(|camera| camera.stream.insecure_tls);
    let cameras = cameras.map(|camera| format!("camera_tls_unverified:{}", camera.id));
    settings
        .mqtt
        .insecure
        .iter()
        .cloned()
        .chain(cameras)
        .collect()
}
