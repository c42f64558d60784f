use super::*;
use crate::camera::picture::Picture;

fn account(enabled: bool) -> CameraAccount {
    CameraAccount::new("gate".parse().unwrap(), None, enabled, 5.0)
}

#[test]
fn time_counts_as_watched_only_while_frames_come() {
    let camera = account(true);
    camera.pass(Duration::from_secs(5));
    let health = camera.health();
    assert_eq!(
        (health.state, health.watched_s, health.expected_s),
        (CameraState::Connecting, 0, 5)
    );
    camera.failed(Part::Whole, "unplugged");
    camera.pass(Duration::from_secs(5));
    let health = camera.health();
    assert_eq!(
        (health.state, health.reason.as_deref()),
        (CameraState::Failed, Some("unplugged"))
    );
    assert_eq!((health.watched_s, health.expected_s), (0, 10));
    camera.trying(Part::Whole);
    let health = camera.health();
    assert_eq!(health.state, CameraState::Connecting);
    assert_eq!(
        health.reason.as_deref(),
        Some("unplugged"),
        "what went wrong is said until frames come"
    );
}

#[test]
fn a_camera_whose_picture_never_changes_is_not_watched() {
    let camera = CameraAccount {
        frozen_after: Duration::from_secs(5),
        ..account(true)
    };
    let picture = Picture::rgb((2, 2), &[9; 12]).unwrap();
    let begun = std::time::Instant::now();
    let state_at = |seconds| {
        camera.progress.decoded_now();
        let now = begun + Duration::from_secs(seconds);
        camera.progress.seen(&picture, now);
        camera.health().state
    };
    assert_eq!(state_at(0), CameraState::Watching);
    assert_eq!(state_at(4), CameraState::Watching);
    assert_eq!(state_at(6), CameraState::Failed);
    let why = camera.health().reason.unwrap();
    assert!(why.contains("frozen") && why.contains("6 s"), "{why}");
}

#[test]
fn nothing_is_expected_of_a_camera_that_is_switched_off() {
    let camera = account(false);
    camera.pass(Duration::from_secs(5));
    let health = camera.health();
    assert_eq!(
        (health.state, health.expected_s),
        (CameraState::Disabled, 0)
    );
}

/// A second in which 25 pictures came, and of 5 looks so many were analysed, gave way, and were spared.
fn second(camera: &CameraAccount, analysed: u64, gave_way: u64, still: u64) -> Share {
    let add = |counter: &std::sync::atomic::AtomicU64, n| counter.fetch_add(n, Ordering::Relaxed);
    camera.progress.decoded_now();
    add(&camera.progress.units, 25);
    add(&camera.feed.analysed, analysed);
    add(&camera.feed.turns, analysed);
    add(&camera.feed.waited_us, analysed * 100_000);
    add(&camera.feed.inference_us, analysed * 20_000);
    add(&camera.feed.gave_way, gave_way);
    add(&camera.feed.still, still);
    camera.pass(Duration::from_secs(1))
}

fn coverage(camera: &CameraAccount) -> protocol::Coverage {
    camera.health().coverage.expect("it says")
}

#[test]
fn a_watched_second_is_accounted_by_what_became_of_its_looks() {
    let camera = account(true);
    let share = second(&camera, 3, 2, 0);
    let expected = Share {
        looks: 5,
        gave_way: 2,
        turns: 3,
        waited: 1.5,
        inference: Duration::from_millis(60),
    };
    assert_eq!(share, expected);
    second(&camera, 1, 0, 4);
    let spent = coverage(&camera);
    assert_eq!(
        (spent.analysed_ms, spent.starved_ms, spent.still_ms),
        (800, 400, 800)
    );
}

#[test]
fn looks_that_never_came_to_be_are_starved_and_a_slow_camera_is_not() {
    let camera = account(true);
    // The decoder left most of the second out: 25 pictures came, 2 were analysed.
    camera.progress.not_decoded.fetch_add(15, Ordering::Relaxed);
    let share = second(&camera, 2, 0, 0);
    assert_eq!((share.looks, share.gave_way), (5, 3));
    assert_eq!(coverage(&camera).starved_ms, 600);
    // It takes all that comes and makes next to nothing of it: no load that could be relieved. A second's worth may be
    // on its way.
    let failed = [0; 3].map(|_| {
        let share = second(&camera, 2, 0, 0);
        assert_eq!((share.looks, share.gave_way), (2, 0));
        coverage(&camera).failed_ms
    });
    assert_eq!((failed[0], failed[2] - failed[1]), (0, 600));
    // A camera that sends two pictures a second: both analysed, nothing is missing.
    let slow = account(true);
    slow.progress.units.fetch_add(2, Ordering::Relaxed);
    slow.progress.decoded_now();
    slow.feed.analysed.fetch_add(2, Ordering::Relaxed);
    slow.feed.turns.fetch_add(2, Ordering::Relaxed);
    assert_eq!(slow.pass(Duration::from_secs(1)).gave_way, 0);
    assert_eq!(coverage(&slow).analysed_ms, 1000);
}

#[test]
fn a_lowered_and_a_paused_camera_say_so() {
    let camera = account(true);
    camera.pace.set_fps(1.0);
    second(&camera, 1, 0, 0);
    let spent = coverage(&camera);
    assert_eq!((spent.analysed_ms, spent.reduced_ms), (200, 800));
    camera.pace.set_fps(0.0);
    let share = second(&camera, 0, 0, 0);
    assert_eq!(share, Share::default());
    let health = camera.health();
    assert_eq!(health.state, CameraState::Failed);
    assert!(health.reason.is_some_and(|why| why.contains("paused")));
    assert_eq!(coverage(&camera).paused_ms, 1000);
    assert_eq!((health.watched_s, health.expected_s), (1, 2));
}
