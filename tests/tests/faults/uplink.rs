//! What the link carries: how long alerts take beside clips, and what a node says that sees nothing. docs/uplink.md has
//! the figures; no test asserts a time.

use std::time::{Duration, Instant};

use camera_sim::serve::{Server, ServerSettings};
use protocol::CameraState;
use tests::harness::{
    Broker, Conduct, Leash, Node, NodeConfig, PATIENCE, Proxy, Raiser, Raising, Recorder, Scene,
    Told, WatchedCamera, wait_for,
};

use super::{SEED, times};

/// 64 kbit/s.
const NARROW: u32 = 8000;

fn broker(folder: &std::path::Path) -> Broker {
    let open = |port| format!("listener {port} 127.0.0.1\nallow_anonymous true\n");
    Broker::start_with(folder, Leash::Drop, open).unwrap()
}

/// Milliseconds from the decision to the recorder of so many alerts, sorted, with so many clips in the spool.
fn latencies(clips: u32, count: u64, pause: Duration) -> Vec<i128> {
    let folder = tempfile::tempdir().unwrap();
    let broker = broker(&folder.path().join("broker"));
    let recorder = Recorder::start(broker.port()).unwrap();
    let proxy = Proxy::start(broker.port(), SEED).unwrap();
    proxy.set(Conduct {
        delay: Duration::from_millis(300),
        rate: Some(NARROW),
        ..Conduct::GOOD
    });
    let raising = Raising {
        count,
        pause,
        bytes_per_second: Some(NARROW),
        clips,
        ..Raising::default()
    };
    let node = folder.path().join("node");
    let mut raiser = Raiser::start(&node, proxy.port(), &raising).unwrap();
    let patience = PATIENCE + pause * u32::try_from(count).unwrap() * 2;
    wait_for("all alerts", patience, &mut [], || {
        Ok((recorder.incidents().len() as u64 >= count).then_some(()))
    })
    .unwrap();
    let messages = recorder.messages();
    if clips > 0 {
        // Else the alerts had the link for themselves.
        assert_eq!(
            raiser.process.ended().unwrap(),
            None,
            "clips were still on their way"
        );
        let parts = messages.iter().filter(|m| m.topic.ends_with("/clip"));
        assert!(parts.count() > 0, "clips went beside the alerts");
    }
    let alerts = messages
        .into_iter()
        .filter_map(|message| match message.told {
            Told::Incident(event) => Some((event.seq, message.at.duration_since(event.time))),
            _ => None,
        });
    let (numbers, mut took): (Vec<u64>, Vec<i128>) =
        alerts.map(|(seq, took)| (seq, took.as_millis())).unzip();
    assert_eq!(numbers.len() as u64, count, "each came once");
    assert!(numbers.is_sorted(), "in the order of raising: {numbers:?}");
    took.sort_unstable();
    took
}

#[test]
fn alerts_do_not_wait_behind_clips() {
    let count = times(10, 120);
    // No multiple of what a chunk takes: alerts fall on any moment of it.
    let pause = Duration::from_millis(times(300, 1037));
    let [alone, beside] =
        [0, times(1, 10)].map(|clips| latencies(u32::try_from(clips).unwrap(), count, pause));
    let at = |took: &[i128], percent: usize| took[(took.len() * percent).div_ceil(100) - 1];
    for (what, took) in [("alone", &alone), ("beside clips", &beside)] {
        println!(
            "alert latency {what}: p50 {} ms, p95 {} ms, most {} ms of {} alerts",
            at(took, 50),
            at(took, 95),
            at(took, 100),
            took.len()
        );
    }
    println!(
        "p95 ratio {:.2}",
        at(&beside, 95) as f64 / at(&alone, 95) as f64
    );
}

#[test]
fn a_node_that_sees_nothing_says_little() {
    let (cameras, figures) = (times(1, 8) as usize, times(2, 18));
    let folder = tempfile::tempdir().unwrap();
    let broker = broker(&folder.path().join("broker"));
    let recorder = Recorder::start(broker.port()).unwrap();
    let proxy = Proxy::start(broker.port(), SEED).unwrap();
    let scene = Scene::rendered("crossroads").unwrap();
    let cache = folder.path().join("cache");
    let server = Server::start(ServerSettings::loopback(cache, vec![scene.camera()])).unwrap();
    // Without rules nothing is raised; each is decoded for itself.
    let watched = (1..=cameras)
        .map(|n| WatchedCamera::new(&format!("camera-{n}"), server.url(&scene.name)))
        .collect();
    let config = NodeConfig::new("idle", proxy.port(), watched);
    let mut node = Node::start(&folder.path().join("node"), &config, Leash::Drop).unwrap();
    let told = || {
        let messages = recorder.messages().into_iter();
        let figures = messages.filter(|m| matches!(m.told, Told::Health(_)));
        figures.count() as u64
    };
    wait_for("all cameras", PATIENCE, &mut [&mut node.process], || {
        let health = recorder.last_health();
        let watched = health.map_or(0, |health| {
            let cameras = health.cameras.iter();
            cameras.filter(|c| c.state == CameraState::Watching).count()
        });
        Ok((watched == cameras).then_some(()))
    })
    .unwrap();
    let (begun, first, before) = (Instant::now(), told(), proxy.carried());
    let patience = PATIENCE + Duration::from_secs(20) * figures as u32;
    wait_for("figures", patience, &mut [&mut node.process], || {
        Ok((told() >= first + figures).then_some(()))
    })
    .unwrap();
    let (seconds, after) = (begun.elapsed().as_secs_f64(), proxy.carried());
    let (up, down) = (after.0 - before.0, after.1 - before.1);
    println!(
        "idle with {cameras} cameras: {up} bytes up and {down} down in {seconds:.0} s, {:.0} bytes/s",
        (up + down) as f64 / seconds
    );
    assert!(recorder.incidents().is_empty(), "it saw nothing");
    // Ten seconds lie between two figures: 1 kB for each of them.
    assert!(up + down <= 10_000 * figures, "{up} and {down} bytes");
}
