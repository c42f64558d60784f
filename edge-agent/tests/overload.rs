//! Twice as much to do as can be done, with threads and clocks as they are, and a wait in the model's place.

#![expect(
    clippy::unwrap_used,
    reason = "a failing step of a test ends it and says why"
)]

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use edge_agent::{
    camera::{Frame, Stamps, mailbox::Mailbox, pace::Pace},
    inference::{
        counters::{FeedCounters, Tally},
        scheduler::{Feed, Place, RESULTS, Scheduler, Seen},
    },
};
use tokio::sync::mpsc;

const WORKERS: usize = 2;
/// What the model takes for a frame.
const INFERENCE: Duration = Duration::from_millis(20);
/// Frames a second of a camera: eight cameras want 200 turns of the 100 that there are.
const FPS: u32 = 25;
const PRIORITIES: [u8; 8] = [2, 2, 4, 4, 6, 6, 8, 8];
const LENGTH: Duration = Duration::from_secs(4);

struct Camera {
    mailbox: Arc<Mailbox<Frame>>,
    counters: Arc<FeedCounters>,
    results: mpsc::Receiver<Seen>,
    _place: Place,
}

fn camera(scheduler: &Arc<Scheduler>, priority: u8) -> Camera {
    let counters = Arc::new(FeedCounters::default());
    let gave_way = Arc::clone(&counters.gave_way);
    let mailbox = Arc::new(Mailbox::counting(scheduler.bell(), gave_way));
    let (sender, results) = mpsc::channel(RESULTS);
    let place = scheduler.join(Feed {
        attention: Default::default(),
        cascade: Arc::default(),
        camera: format!("priority-{priority}"),
        mailbox: Arc::clone(&mailbox),
        pace: Arc::new(Pace::new(FPS as f32)),
        priority,
        model: String::new(),
        tiles: (1, 1),
        min_score: 0.5,
        results: sender,
        counters: Arc::clone(&counters),
    });
    Camera {
        mailbox,
        counters,
        results,
        _place: place,
    }
}

fn frame(at: Duration) -> Frame {
    let stamps = Stamps {
        at,
        capture: None,
        arrival: jiff::Timestamp::UNIX_EPOCH,
    };
    Frame::rgb((1, 1), vec![0; 3], stamps).unwrap()
}

/// Takes turns as a worker does, until `stop`.
fn work(scheduler: &Arc<Scheduler>, stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) {
        let Some(turn) = scheduler.next(Duration::from_millis(50)) else {
            continue;
        };
        thread::sleep(INFERENCE);
        turn.feed.counters.analysed.fetch_add(1, Ordering::Relaxed);
        let seen = Seen {
            frame: Arc::new(turn.frame),
            detections: Some(Vec::new()),
            appearances: Vec::new(),
        };
        turn.feed.results.try_send(seen).unwrap();
    }
}

/// Jain's index of shares by weights: 1 where they follow them exactly, 1/n where one has all.
fn jain(ratios: &[f64]) -> f64 {
    let sum: f64 = ratios.iter().sum();
    let squares: f64 = ratios.iter().map(|r| r * r).sum();
    sum * sum / (ratios.len() as f64 * squares)
}

#[test]
fn at_twice_the_load_nothing_queues_results_come_in_order_and_shares_follow_priorities() {
    let scheduler = Scheduler::new();
    let mut cameras = PRIORITIES.map(|priority| camera(&scheduler, priority));
    let stop = AtomicBool::new(false);
    let mut put = 0_u64;
    let mut last = [Duration::ZERO; PRIORITIES.len()];
    thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| work(&scheduler, &stop));
        }
        let began = Instant::now();
        while began.elapsed() < LENGTH {
            put += 1;
            for (camera, last) in cameras.iter_mut().zip(&mut last) {
                camera.mailbox.put(frame(began.elapsed()));
                while let Ok(seen) = camera.results.try_recv() {
                    let at = seen.frame.stamps().at;
                    assert!(at > *last, "a result overtook another");
                    *last = at;
                }
            }
            thread::sleep(Duration::from_secs(1) / FPS);
        }
        stop.store(true, Ordering::Relaxed);
        scheduler.wake();
    });
    let tallies: Vec<Tally> = cameras.iter().map(|c| c.counters.tally()).collect();
    let time = |tally: &Tally| tally.inference_us as f64 / 1e6;
    let ratios: Vec<f64> = tallies
        .iter()
        .zip(PRIORITIES)
        .map(|(tally, priority)| time(tally) / f64::from(priority))
        .collect();
    let turns: Vec<u64> = tallies.iter().map(|tally| tally.turns).collect();
    println!(
        "2x overload, {WORKERS} workers: priorities {PRIORITIES:?}, turns {turns:?} of {put} frames each, Jain index {:.4}",
        jain(&ratios)
    );
    assert!(jain(&ratios) >= 0.95, "{ratios:?}");
    for (tally, camera) in tallies.iter().zip(&cameras) {
        let left = u64::from(camera.mailbox.take().is_some());
        assert_eq!(
            tally.turns + tally.gave_way + left,
            put,
            "every frame had its turn, gave way, or is the one in the slot"
        );
        // A frame that waited longer than to the next one has given way to it. Twice that, for a busy machine.
        let waited = Duration::from_micros(tally.waited_us / tally.turns.max(1));
        assert!(waited < 2 * Duration::from_secs(1) / FPS, "{waited:?}");
    }
}
