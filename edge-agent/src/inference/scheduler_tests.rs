use jiff::Timestamp;

use super::*;
use crate::camera::Stamps;

const SOON: Duration = Duration::from_millis(1);

fn frame() -> Frame {
    let stamps = Stamps {
        at: Duration::ZERO,
        capture: None,
        arrival: Timestamp::UNIX_EPOCH,
    };
    Frame::rgb((1, 1), vec![0; 3], stamps).expect("whole")
}

fn join(scheduler: &Arc<Scheduler>, camera: &str, fps: f32) -> (Place, Arc<Mailbox<Frame>>) {
    let mailbox = Arc::new(Mailbox::new(scheduler.bell()));
    let place = scheduler.join(Feed {
        camera: camera.to_owned(),
        mailbox: Arc::clone(&mailbox),
        pace: Arc::new(Pace::new(fps)),
        priority: 5,
        model: String::new(),
        tiles: (1, 1),
        min_score: 0.5,
        results: mpsc::channel(1).0,
        attention: Mutex::default(),
        cascade: Arc::default(),
        counters: Arc::default(),
    });
    (place, mailbox)
}

fn turns(scheduler: &Arc<Scheduler>, count: usize) -> String {
    let turn = |_| scheduler.next(SOON).map(|turn| turn.feed.camera.clone());
    (0..count).filter_map(turn).collect()
}

#[test]
fn the_camera_whose_frame_gives_way_first_goes_first() {
    let scheduler = Scheduler::new();
    let [a, b, c] = [("a", 1.0), ("b", 5.0), ("c", 25.0)].map(|(n, fps)| join(&scheduler, n, fps));
    let now = Instant::now();
    for (_, mailbox) in [&a, &b, &c] {
        mailbox.put_at(frame(), now);
    }
    assert_eq!(turns(&scheduler, 3), "cba");
    // The frame of the fast camera is due at 1040 ms, that of the slow one has waited since 0.
    a.1.put_at(frame(), now);
    c.1.put_at(frame(), now + Duration::from_secs(1));
    assert_eq!(turns(&scheduler, 2), "ac");
    assert!(scheduler.next(SOON).is_none());
}

#[test]
fn a_camera_is_never_given_to_two_workers_so_that_its_results_come_in_order() {
    let scheduler = Scheduler::new();
    let (_a, of_a) = join(&scheduler, "a", 5.0);
    let (_b, of_b) = join(&scheduler, "b", 5.0);
    of_a.put(frame());
    let first = scheduler.next(SOON).expect("a frame waits");
    of_a.put(frame());
    assert!(
        scheduler.next(SOON).is_none(),
        "it would overtake the first"
    );
    of_b.put(frame());
    let other = scheduler.next(SOON).expect("another camera's frame waits");
    assert_eq!(other.feed.camera, "b");
    drop(first);
    let second = scheduler.next(SOON).expect("the turn is over");
    assert_eq!(second.feed.camera, "a");
}

#[test]
fn a_worker_that_dies_gives_its_turn_back() {
    let scheduler = Scheduler::new();
    let (_place, mailbox) = join(&scheduler, "a", 5.0);
    mailbox.put(frame());
    let held = Arc::clone(&scheduler);
    let dies = std::thread::spawn(move || {
        let _turn = held.next(SOON);
        panic!("on purpose");
    });
    assert!(dies.join().is_err());
    mailbox.put(frame());
    assert!(scheduler.next(SOON).is_some());
}

#[test]
fn a_camera_that_leaves_is_asked_no_more() {
    let scheduler = Scheduler::new();
    let [a, b, c] = ["a", "b", "c"].map(|name| join(&scheduler, name, 5.0));
    a.1.put(frame());
    let turn = scheduler.next(SOON);
    drop(a.0);
    drop(turn);
    for mailbox in [&a.1, &b.1, &c.1] {
        mailbox.put(frame());
    }
    assert_eq!(turns(&scheduler, 3), "bc");
}

#[test]
fn a_frame_that_comes_later_is_waited_for() {
    let scheduler = Scheduler::new();
    let (_place, mailbox) = join(&scheduler, "a", 5.0);
    let waiting = Arc::clone(&scheduler);
    let waiter = std::thread::spawn(move || waiting.next(Duration::from_secs(3600)).is_some());
    mailbox.put(frame());
    assert!(waiter.join().expect("it does not panic"));
}

#[test]
fn a_camera_where_something_moves_weighs_a_little_more() {
    let scheduler = Scheduler::new();
    let (_place, _mailbox) = join(&scheduler, "a", 5.0);
    let feed = Arc::clone(&scheduler.round().feeds[0].1);
    let quiet = feed.weight();
    feed.counters.active.store(true, Ordering::Relaxed);
    assert!(feed.weight() > quiet && feed.weight() < 2.0 * quiet);
}
