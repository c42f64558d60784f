//! One camera at work: its stream, and the analysis of it, which can begin anew without the stream.

use std::{
    collections::VecDeque,
    io,
    sync::{Arc, Mutex},
};

use tokio::sync::mpsc;

use super::{GRACE, Means};
use crate::{
    archive::recorder::Recorder,
    camera::{Frame, Outputs, mailbox::Mailbox, reel::Reel},
    command::{self, Order, Post, Restart},
    config::settings::CameraSettings,
    correction::Corrections,
    health::CameraAccount,
    inference::{
        cascade::Cascade,
        scheduler::{Feed, Place, RESULTS},
    },
    ladder::{Weighed, relief::Relieved},
    observed::tap::Tap,
    pictures::Pictures,
    roster::Ready,
    streams::{self, REEL_BYTES},
    supervisor::{Step, Supervisor},
    totals::{Book, Moment},
    watch::Watch,
};

/// What the stream fills and the analysis reads, and who listens: it stays when the analysis begins anew.
#[derive(Clone)]
struct Kept {
    mailbox: Arc<Mailbox<Frame>>,
    reel: Arc<Mutex<Reel>>,
    tap: Arc<Tap>,
}

pub(super) struct AtWork {
    stream: Supervisor,
    kept: Kept,
    restart: Restart,
    looking: Looking,
}

/// A camera's place in the round of inference, and the task that makes incidents of what is seen.
struct Looking {
    task: Supervisor,
    place: Place,
    orders: mpsc::Sender<Order>,
}

impl AtWork {
    /// Starts a camera's stream and its analysis.
    ///
    /// # Errors
    /// If the operating system gives no more threads.
    pub(super) fn start(ready: Ready, means: &Means) -> io::Result<AtWork> {
        let (camera, account) = (ready.camera.clone(), Arc::clone(&ready.account));
        let gave_way = Arc::clone(&account.feed.gave_way);
        let reel = Reel::new(means.archive.reel(camera.reel), REEL_BYTES);
        let kept = Kept {
            mailbox: Arc::new(Mailbox::counting(means.scheduler.bell(), gave_way)),
            reel: Arc::new(Mutex::new(reel)),
            tap: Arc::default(),
        };
        let looking = Looking::start(ready, &kept, means);
        let outputs = Outputs {
            reel: Arc::clone(&kept.reel),
            mailbox: Arc::clone(&kept.mailbox),
            progress: Arc::clone(&account.progress),
            pace: Arc::clone(&account.pace),
        };
        let (mut stream, restart) = (Supervisor::new(means.metrics.clone()), Restart::default());
        streams::start(
            &mut stream,
            camera,
            outputs,
            account,
            &restart,
            &means.metrics,
        )?;
        Ok(AtWork {
            stream,
            kept,
            restart,
            looking,
        })
    }

    /// The same stream, watched for something else: incidents that are open are closed, and rules begin anew.
    pub(super) async fn watch_for(self, ready: Ready, means: &Means) -> AtWork {
        self.looking.stop().await;
        let looking = Looking::start(ready, &self.kept, means);
        AtWork { looking, ..self }
    }

    /// How orders reach it.
    pub(super) fn post(&self) -> Post {
        Post {
            orders: self.looking.orders.clone(),
            restart: self.restart.clone(),
        }
    }

    /// Where others hear what its analysis is told.
    pub(super) fn tap(&self) -> Arc<Tap> {
        Arc::clone(&self.kept.tap)
    }

    pub(super) async fn stop(self) {
        self.stream.shut_down(GRACE).await;
        self.looking.stop().await;
    }
}

impl Looking {
    fn start(ready: Ready, kept: &Kept, means: &Means) -> Looking {
        let Ready {
            camera,
            account,
            analysis,
            reporter,
            privacy,
        } = ready;
        let id = camera.id.to_string();
        // Loss policy: see `Feed::results`.
        let (sender, results) = mpsc::channel(RESULTS);
        let cascade = Cascade::of(&camera.cascades, &camera.looks);
        let cascade = Arc::new(cascade.with_likeness(camera.likeness.clone()));
        let place = means.scheduler.join(Feed {
            camera: id.clone(),
            mailbox: Arc::clone(&kept.mailbox),
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
        let stills = account.evidence.is_some().then(|| Arc::clone(&kept.reel));
        let clips = Recorder::new(
            Arc::clone(&means.archive),
            &camera,
            reporter.labels(),
            Arc::clone(&privacy),
            Arc::clone(&kept.reel),
            means.metrics.clone(),
        );
        let watch = Watch {
            camera: id.clone(),
            analysis,
            cascade,
            reporter,
            results,
            orders: ordered,
            reel: Arc::clone(&kept.reel),
            pictures: Pictures::new(privacy, stills),
            clips,
            verdicts: means.tellers.of(&camera),
            spool: means.spool.clone(),
            open_incidents: means.open_incidents.clone(),
            account,
            tap: Arc::clone(&kept.tap),
            book: Book::new(&camera.scene.rules, camera.totals_every, Moment::now()),
            metrics: means.metrics.clone(),
            unwritten: VecDeque::new(),
            corrections: Corrections::default(),
            began: tokio::time::Instant::now(),
        };
        let mut task = Supervisor::new(means.metrics.clone());
        let stop = task.stop_signal(Step::Work);
        task.task(Step::Work, &format!("watch-{id}"), watch.run(stop));
        Looking {
            task,
            place,
            orders,
        }
    }

    async fn stop(self) {
        // What was seen until now is still looked at.
        drop(self.place);
        self.task.shut_down(GRACE).await;
    }
}

/// What the ladder may come to: a camera that can be watched.
pub(super) fn relieved(camera: &CameraSettings, account: &CameraAccount) -> Relieved {
    Relieved {
        weighed: Weighed {
            id: camera.id.to_string(),
            priority: camera.priority,
            asked: camera.analysis_fps,
            floor: camera.analysis_fps_floor,
            seconds: camera.has_second_models(),
        },
        pace: Arc::clone(&account.pace),
    }
}
