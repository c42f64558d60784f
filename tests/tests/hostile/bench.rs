//! What a row's test works with: its camera's orders, and what the node says of the camera.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use camera_sim::hostile::Hostile;
use protocol::{CameraState, Health};
use tests::harness::{Node, PATIENCE};

const PAUSE: Duration = Duration::from_millis(100);
/// A sign of trouble may wait for two attempts of 11 s each and for the next report.
const SIGN: Duration = Duration::from_secs(60);

/// What the node last said.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    said: Mutex<Said>,
    over: AtomicBool,
}

#[derive(Clone, Debug, Default)]
struct Said {
    /// By name and labels, as on /metrics.
    figures: BTreeMap<String, f64>,
    cameras: BTreeMap<String, (CameraState, String)>,
    /// Lines of its log that say why a camera is not watched.
    log: Vec<String>,
    /// The node has ended.
    dead: bool,
}

/// Ends [`Seen::follow`] when it is dropped, also by a panic.
pub(crate) struct Stop<'a>(&'a Seen);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.over.store(true, Ordering::Relaxed);
    }
}

impl Seen {
    pub(crate) fn stop_at_the_end(&self) -> Stop<'_> {
        Stop(self)
    }

    /// Reads the node's pages again and again.
    pub(crate) fn follow(&self, node: &mut Node) {
        while !self.over.load(Ordering::Relaxed) {
            let figures = node.page("/metrics").map(|page| figures(&page));
            let health = node.page("/healthz");
            let health = health.map(|page| serde_json::from_str::<Health>(&page));
            let mut said = self.said.lock().unwrap();
            if let Ok(figures) = figures {
                said.figures = figures;
            }
            if let Ok(Ok(health)) = health {
                let cameras = health.cameras.into_iter();
                said.cameras = cameras
                    .map(|camera| {
                        let why = camera.reason.unwrap_or_default();
                        (camera.id.to_string(), (camera.state, why))
                    })
                    .collect();
            }
            let log = node.process.output();
            let lines = log.lines().filter(|line| line.contains("not watched"));
            said.log = lines.map(str::to_owned).collect();
            said.dead = node.process.ended().unwrap().is_some();
            drop(said);
            std::thread::sleep(PAUSE);
        }
    }

    fn now(&self) -> Said {
        let said = self.said.lock().unwrap().clone();
        assert!(!said.dead, "the node has ended");
        said
    }
}

fn figures(page: &str) -> BTreeMap<String, f64> {
    let lines = page.lines().filter(|line| !line.starts_with('#'));
    let figures = lines.filter_map(|line| {
        let (name, value) = line.rsplit_once(' ')?;
        let name = name.strip_prefix("safecity_edge_")?;
        Some((name.to_owned(), value.parse().ok()?))
    });
    figures.collect()
}

/// One camera under test.
pub(crate) struct Bench<'a> {
    id: String,
    hostile: &'a Hostile,
    seen: &'a Seen,
    within: Duration,
}

impl<'a> Bench<'a> {
    pub(crate) fn new(id: &str, hostile: &'a Hostile, seen: &'a Seen, within: u64) -> Self {
        Bench {
            id: id.to_owned(),
            hostile,
            seen,
            within: Duration::from_secs(within),
        }
    }

    /// Tells the camera what to do.
    pub(crate) fn order(&self, order: &str) {
        self.hostile
            .order(&self.id, order.parse().unwrap())
            .unwrap();
    }

    /// Its number among the cameras of its row.
    pub(crate) fn number(&self) -> u64 {
        let number = self.id.rsplit_once('-').map(|(_, number)| number);
        number.and_then(|number| number.parse().ok()).unwrap_or(0)
    }

    /// A figure that each camera has, None where there is none of this one.
    pub(crate) fn figure(&self, name: &str) -> Option<f64> {
        let name = format!("{name}{{camera=\"{}\"}}", self.id);
        self.seen.now().figures.get(&name).copied()
    }

    fn count(&self, name: &str) -> f64 {
        self.figure(name).unwrap_or(0.0)
    }

    /// How often it failed for `cause`, or at all.
    pub(crate) fn failures(&self, cause: Option<&str>) -> f64 {
        let begin = format!("camera_failures_total{{camera=\"{}\",cause=\"", self.id);
        let figures = self.seen.now().figures;
        let of_camera = figures.iter().filter_map(|(name, count)| {
            let found = name.strip_prefix(&begin)?.trim_end_matches("\"}");
            cause.is_none_or(|cause| cause == found).then_some(*count)
        });
        of_camera.sum()
    }

    pub(crate) fn wait(&self, what: &str, patience: Duration, so: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + patience;
        while !so(self) {
            assert!(
                Instant::now() < deadline,
                "camera {}: waited {patience:?} for {what}; {:?}, {:?}",
                self.id,
                self.seen.now().cameras.get(&self.id),
                self.about(),
            );
            std::thread::sleep(PAUSE);
        }
    }

    /// All figures of this camera, for people.
    fn about(&self) -> Vec<(String, f64)> {
        let label = format!("camera=\"{}\"", self.id);
        let figures = self.seen.now().figures.into_iter();
        figures.filter(|(name, _)| name.contains(&label)).collect()
    }

    /// Waits for something that the fault is to bring about.
    pub(crate) fn shows(&self, what: &str, so: impl Fn(&Self) -> bool) {
        self.wait(what, SIGN, so);
    }

    pub(crate) fn is_watched(&self) -> bool {
        self.count("camera_watching") == 1.0
    }

    pub(crate) fn is_watched_from_the_start(&self) {
        self.wait("being watched", PATIENCE, Self::is_watched);
    }

    /// Waits until it has failed `times` more than now for `cause`, and for the words of one failure in the log.
    pub(crate) fn fails(&self, times: u32, cause: &str, words: &str) {
        let before = self.failures(Some(cause));
        self.failed_since(before, times, cause, words);
    }

    /// As [`Bench::fails`], with what was counted before the order was given.
    pub(crate) fn failed_since(&self, before: f64, times: u32, cause: &str, words: &str) {
        self.shows(&format!("failures by {cause}"), |bench| {
            bench.failures(Some(cause)) >= before + f64::from(times)
        });
        self.shows(&format!("the words {words:?}"), |bench| {
            bench.has_logged(words)
        });
    }

    /// Gives an order and waits for the failure that it brings about.
    pub(crate) fn fails_by(&self, orders: &[&str], cause: &str, words: &str) {
        let before = self.failures(Some(cause));
        orders.iter().for_each(|order| self.order(order));
        self.failed_since(before, 1, cause, words);
    }

    /// Gives an order and waits for a failure by one of these causes.
    pub(crate) fn is_cut_by(&self, orders: &[&str], causes: &[&str]) {
        let count = |bench: &Self| -> f64 { causes.iter().map(|c| bench.failures(Some(c))).sum() };
        let before = count(self);
        orders.iter().for_each(|order| self.order(order));
        self.shows(&format!("failures by {causes:?}"), |bench| {
            count(bench) > before
        });
    }

    /// Whether the log has a reason with these words. A short failure may come and go between two reports.
    fn has_logged(&self, words: &str) -> bool {
        let camera = format!("camera {} (", self.id);
        let log = self.seen.now().log;
        log.iter()
            .any(|line| line.contains(&camera) && line.contains(words))
    }

    /// Whether the camera is not watched for a reason with these words.
    pub(crate) fn says(&self, words: &str) -> bool {
        let said = self.seen.now();
        let camera = said.cameras.get(&self.id);
        camera.is_some_and(|(state, why)| *state != CameraState::Watching && why.contains(words))
    }

    /// Waits for `times` failures of any cause, or for being watched in spite of all.
    pub(crate) fn fails_or_is_watched(&self, times: u32) {
        let before = (
            self.failures(None),
            self.count("camera_frames_decoded_total"),
        );
        self.shows("failures of any kind, or pictures", |bench| {
            let pictures = bench.count("camera_frames_decoded_total") - before.1;
            bench.failures(None) >= before.0 + f64::from(times) || pictures >= 25.0
        });
    }

    /// Waits for `pictures` more decoded ones and for analysed ones among them, on the same connection.
    pub(crate) fn goes_on(&self, pictures: u32) {
        let connections = self.count("camera_connections_total");
        let (decoded, analysed) = self.pictures();
        let deadline = Instant::now() + SIGN;
        loop {
            let (d, a) = self.pictures();
            // 5 pictures a second, 1 of them analysed; some turns may be missed on a busy machine.
            if d >= decoded + f64::from(pictures) && a >= analysed + f64::from(pictures) / 15.0 {
                break;
            }
            assert!(
                Instant::now() < deadline,
                "camera {} does not go on: {:?}",
                self.id,
                self.about()
            );
            std::thread::sleep(PAUSE);
        }
        assert_eq!(
            self.count("camera_connections_total"),
            connections,
            "camera {} was built anew: {:?}",
            self.id,
            self.about()
        );
    }

    fn pictures(&self) -> (f64, f64) {
        let count = |name| self.count(name);
        (
            count("camera_frames_decoded_total"),
            count("camera_frames_analysed_total"),
        )
    }

    /// The fault is over by these orders: it must be watched again within the row's time.
    pub(crate) fn recovers(&self, orders: &[&str]) {
        orders.iter().for_each(|order| self.order(order));
        let (decoded, _) = self.pictures();
        self.wait("being watched again", self.within, |bench| {
            bench.is_watched() && bench.pictures().0 >= decoded + 5.0
        });
    }
}

/// What a camera did in a stretch of time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    from: (f64, f64, f64),
    until: (f64, f64, f64),
    begun: Instant,
    seconds: f64,
    /// It was built anew meanwhile.
    pub(crate) reconnected: bool,
}

impl Window {
    pub(crate) fn open(bench: &Bench<'_>) -> Self {
        let from = Self::counts(bench);
        Window {
            from,
            until: from,
            begun: Instant::now(),
            seconds: 0.0,
            reconnected: false,
        }
    }

    fn counts(bench: &Bench<'_>) -> (f64, f64, f64) {
        let (decoded, analysed) = bench.pictures();
        (decoded, analysed, bench.count("camera_connections_total"))
    }

    pub(crate) fn close(&mut self, bench: &Bench<'_>) {
        self.until = Self::counts(bench);
        self.seconds = self.begun.elapsed().as_secs_f64();
        self.reconnected = self.until.2 > self.from.2;
    }

    /// A window of at least so many pictures.
    pub(crate) fn of(bench: &Bench<'_>, pictures: u32) -> Self {
        let mut window = Window::open(bench);
        bench.goes_on(pictures);
        window.close(bench);
        window
    }

    /// Pictures decoded a second.
    pub(crate) fn decoded_rate(&self) -> f64 {
        (self.until.0 - self.from.0) / self.seconds
    }

    /// Share of the decoded pictures that was analysed.
    pub(crate) fn analysed_share(&self) -> f64 {
        (self.until.1 - self.from.1) / (self.until.0 - self.from.0).max(1.0)
    }
}
