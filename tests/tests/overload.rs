//! A node with far too much to do: it says at the centre what it leaves out, and the most important camera is served.

#![expect(
    clippy::unwrap_used,
    reason = "a failing step of a test ends it and says why"
)]

use std::time::Duration;

use camera_sim::serve::{CameraSettings, Passes, Server, ServerSettings, StartMode};
use protocol::{CameraHealth, Coverage, Degradation, Health, IncidentState};
use tests::harness::{
    Leash, Node, NodeConfig, PATIENCE, Scene, Told, Town, WatchedCamera, free_port, wait_for,
};

/// 37 inferences a frame: two such cameras want 1110 inferences a second, far more than one worker does; at their lowest
/// rate they want 74.
const HEAVY: &str = "tiles = [6, 6]\nanalysis_fps = 15.0";
/// Nobody should ever wait longer for an alert of the most important camera; what it took is printed.
const FAR_TOO_LATE: Duration = Duration::from_secs(5);

/// A camera that matters, with a script, and two heavy ones that matter less.
fn street(town: &Town, scene: &Scene) -> (Server, Node) {
    let main = CameraSettings {
        start: StartMode::OnFirstPlay,
        passes: Passes::Once,
        ..scene.camera()
    };
    let other = |mount: &str| CameraSettings::new(mount, &scene.clip);
    let cameras = vec![main, other("lane"), other("yard")];
    let settings = ServerSettings::loopback(town.folder().join("cache"), cameras);
    let server = Server::start(settings).unwrap();
    let heavy = |id: &str, priority: u8| {
        let camera = WatchedCamera::new(id, server.url(id));
        camera
            .with(&format!("priority = {priority}\n{HEAVY}"))
            .unwrap()
    };
    let main = scene.watched(server.url(&scene.name), None);
    let main = main.with("priority = 9").unwrap();
    let watched = vec![main, heavy("lane", 4), heavy("yard", 2)];
    let mut config = NodeConfig::new("busy", town.broker.port(), watched);
    config.inference.insert("sessions".to_owned(), 1.into());
    config.http_port = Some(free_port().unwrap());
    let node = Node::start(&town.folder().join("node"), &config, Leash::Drop).unwrap();
    (server, node)
}

fn health(town: &Town) -> Vec<Health> {
    let messages = town.recorder.messages().into_iter();
    let said = messages.filter_map(|message| match message.told {
        Told::Health(health) => Some(health),
        _ => None,
    });
    said.collect()
}

fn degradations(town: &Town) -> Vec<Degradation> {
    health(town)
        .into_iter()
        .filter_map(|health| health.degradation)
        .collect()
}

/// Delays of the alerts of a camera, from the moment that the picture which decided was taken to the subscriber.
fn delays(town: &Town, camera: &str) -> Vec<(String, Duration)> {
    let messages = town.recorder.messages().into_iter();
    let alerts = messages.filter_map(|message| match message.told {
        Told::Incident(event) if event.data.state == IncidentState::Opened => {
            let data = event.data;
            let delay = message.at.duration_since(data.time.capture).unsigned_abs();
            (data.camera.id.as_str() == camera).then(|| (data.rule.id.to_string(), delay))
        }
        _ => None,
    });
    alerts.collect()
}

fn camera(health: &Health, id: &str) -> CameraHealth {
    let mut cameras = health.cameras.iter();
    cameras.find(|c| c.id.as_str() == id).unwrap().clone()
}

fn sum_ms(c: &Coverage) -> u64 {
    c.analysed_ms
        + c.still_ms
        + c.starved_ms
        + c.reduced_ms
        + c.paused_ms
        + c.connecting_ms
        + c.failed_ms
        + c.frozen_ms
        + c.disabled_ms
}

#[test]
fn a_node_with_too_much_to_do_says_what_it_leaves_out_and_serves_the_most_important_camera() {
    let mut town = Town::start().unwrap();
    let scene = Scene::rendered("crossroads").unwrap();
    let (_server, mut node) = street(&town, &scene);

    let wanted = "the ladder's second rung and two alerts of the most important camera";
    wait_for(wanted, PATIENCE, &mut [&mut node.process], || {
        let both = degradations(&town)
            .iter()
            .any(|d| d.reason.contains("lane") && d.reason.contains("yard"));
        Ok((both && delays(&town, &scene.name).len() >= 2).then_some(()))
    })
    .unwrap();

    // One rung after another, the least important camera first.
    let climbed = degradations(&town);
    assert_eq!(climbed[0].step, 1, "{climbed:?}");
    assert!(
        climbed[0]
            .reason
            .contains("1 of 3 cameras at their lowest rate (yard)"),
        "{climbed:?}"
    );
    let first = health(&town).remove(0);
    assert_eq!(first.degradation, None, "it began with all that was asked");

    // The centre shows it.
    town.centre.sign_in().unwrap();
    wait_for("the centre to show it", PATIENCE, &mut [], || {
        let overview = town.centre.ask("/api/nodes", None)?;
        let step = &overview["nodes"][0]["degradation"]["step"];
        let spent = &overview["nodes"][0]["cameras"][0]["coverage"]["analysed_ms"];
        Ok((step.as_u64() >= Some(1) && spent.is_u64()).then_some(()))
    })
    .unwrap();
    let page = node.page("/metrics").unwrap();
    assert!(
        page.contains(
            "safecity_edge_camera_coverage_seconds_total{camera=\"yard\",reason=\"starved\"}"
        ),
        "{page}"
    );

    let last = health(&town).pop().unwrap();
    let (main, yard) = (camera(&last, &scene.name), camera(&last, "yard"));
    let (of_main, of_yard) = (main.coverage.unwrap(), yard.coverage.unwrap());
    let arrived = delays(&town, &scene.name);
    println!(
        "alerts of the most important camera, delay from the picture to the subscriber: {arrived:?}"
    );
    println!("most important: {of_main:?}\nleast important: {of_yard:?}");
    let steps: Vec<(u8, &str)> = climbed
        .iter()
        .map(|d| (d.step, d.reason.as_str()))
        .collect();
    println!("steps: {steps:?}");
    assert!(arrived.iter().all(|(_, delay)| *delay < FAR_TOO_LATE));
    assert!(of_main.analysed_ms > of_yard.analysed_ms);
    assert!(of_yard.starved_ms + of_yard.reduced_ms > of_main.starved_ms + of_main.reduced_ms);
    for coverage in [&of_main, &of_yard] {
        // Whole seconds of the uptime, against the whole account.
        let apart = (sum_ms(coverage) / 1000).abs_diff(last.uptime_s);
        assert!(apart <= 1, "{coverage:?} {}", last.uptime_s);
    }
}
