//! A worker: one named OS thread with its own session of each model, taking the scheduler's turns.
//!
//! It never waits for a reader: a result that a camera's analysis has no room for is dropped and counted.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::Ordering},
    thread::{self, JoinHandle},
    time::Duration,
};

use analytics::{detection::Detection, track::Appearance};
use tokio_util::sync::CancellationToken;

use super::{
    counters::WorkerCounters,
    model::Model,
    scheduler::{Feed, Scheduler, Seen, Turn},
};
use crate::camera::Frame;

/// How long a worker waits for a frame before it looks whether it is to stop.
const WAIT: Duration = Duration::from_millis(200);

/// Models on their way to a worker.
#[derive(Default)]
pub struct Shelf(Mutex<Stock>);

#[derive(Default)]
struct Stock {
    new: Vec<(String, Model)>,
    /// Those that are still used; the others go.
    used: Option<BTreeSet<String>>,
}

impl Shelf {
    /// A model that the worker takes before its next frame.
    pub fn put(&self, name: String, model: Model) {
        self.stock().new.push((name, model));
    }

    /// Those that are still used; the others go.
    pub fn keep(&self, used: BTreeSet<String>) {
        self.stock().used = Some(used);
    }

    fn stock(&self) -> MutexGuard<'_, Stock> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, models: &mut BTreeMap<String, Model>) {
        let Stock { new, used } = std::mem::take(&mut *self.stock());
        models.extend(new);
        if let Some(used) = used {
            models.retain(|name, _| used.contains(name));
        }
    }
}

/// Starts the worker `inference-{number}`, whose models come from `shelf`; it ends soon after `cancel`.
///
/// # Errors
/// Where the system has no more threads.
pub fn spawn(
    number: usize,
    shelf: Arc<Shelf>,
    scheduler: Arc<Scheduler>,
    counters: Arc<WorkerCounters>,
    cancel: CancellationToken,
) -> io::Result<JoinHandle<()>> {
    thread::Builder::new()
        .name(format!("inference-{number}"))
        .spawn(move || {
            let mut models = BTreeMap::new();
            while !cancel.is_cancelled() {
                counters.turns.fetch_add(1, Ordering::Relaxed);
                let turn = scheduler.next(WAIT);
                // Whose turn it is may have come with a model of its own.
                shelf.take(&mut models);
                if let Some(turn) = turn {
                    analyse(&mut models, turn, &counters);
                }
            }
        })
}

fn analyse(models: &mut BTreeMap<String, Model>, turn: Turn, counters: &WorkerCounters) {
    // The result is handed over before the turn ends: another worker's would come out of order else.
    let Turn {
        feed,
        frame,
        hold: _hold,
    } = turn;
    let Some(model) = models.get_mut(&feed.model) else {
        // Cameras are checked against the catalogue before they join; this keeps a mistake there from being silent.
        tracing::error!(camera = feed.camera, model = feed.model, "model not loaded");
        feed.counters.failed.fetch_add(1, Ordering::Relaxed);
        return;
    };
    if !feed.attention().wants(&frame) {
        feed.counters.still.fetch_add(1, Ordering::Relaxed);
        let frame = Arc::new(frame);
        give(&feed, Arc::clone(&frame), None, Vec::new());
        look_closer(models, &feed, &frame, None, counters);
        return;
    }
    let mut detections = Vec::new();
    let looked = model.detect(
        &frame.picture(),
        feed.tiles,
        feed.min_score,
        &mut detections,
    );
    counters.add(model.take_cost());
    if let Err(error) = looked {
        tracing::error!(camera = feed.camera, %error, "frame not analysed");
        feed.counters.failed.fetch_add(1, Ordering::Relaxed);
        return;
    }
    feed.counters.analysed.fetch_add(1, Ordering::Relaxed);
    feed.attention().looked(&frame, detections.len());
    let frame = Arc::new(frame);
    let appearances = recognise(models, &feed, &frame, &detections);
    give(
        &feed,
        Arc::clone(&frame),
        Some(detections.clone()),
        appearances,
    );
    look_closer(models, &feed, &frame, Some(&detections), counters);
}

/// What second models are to look at, except under load: then the first has all the time there is. Without `detections`
/// those of whole pictures alone.
fn look_closer(
    models: &mut BTreeMap<String, Model>,
    feed: &Feed,
    frame: &Frame,
    detections: Option<&[Detection]>,
    counters: &WorkerCounters,
) {
    if feed.pace.rests() {
        return;
    }
    let (camera, done) = (&feed.camera, &feed.counters);
    if let Some(detections) = detections {
        match feed.cascade.look(models, frame, detections) {
            Ok(looks) => {
                done.crops.fetch_add(looks, Ordering::Relaxed);
            }
            Err(error) => tracing::error!(camera, %error, "a cascade does not work"),
        }
    }
    match feed.cascade.look_whole(models, frame) {
        Ok(looks) => {
            done.looks.fetch_add(looks, Ordering::Relaxed);
        }
        Err(error) => tracing::error!(camera, %error, "a look does not work"),
    }
    for model in models.values_mut() {
        counters.add_crops(model.take_cost());
    }
}

/// How the detections look whose tracks are in doubt: the one use of a second model that the frame waits for. None under load.
fn recognise(
    models: &mut BTreeMap<String, Model>,
    feed: &Feed,
    frame: &Frame,
    detections: &[Detection],
) -> Vec<Appearance> {
    if feed.pace.rests() {
        return Vec::new();
    }
    let seen = feed.cascade.recognise(models, frame, detections);
    let seen = seen.unwrap_or_else(|error| {
        tracing::error!(camera = feed.camera, %error, "objects are not told apart by their looks");
        Vec::new()
    });
    let crops = u64::try_from(seen.len()).unwrap_or_default();
    feed.counters.crops.fetch_add(crops, Ordering::Relaxed);
    seen
}

fn give(
    feed: &Feed,
    frame: Arc<Frame>,
    detections: Option<Vec<Detection>>,
    appearances: Vec<Appearance>,
) {
    let seen = Seen {
        frame,
        detections,
        appearances,
    };
    if feed.results.try_send(seen).is_err() {
        feed.counters
            .results_dropped
            .fetch_add(1, Ordering::Relaxed);
    }
}
