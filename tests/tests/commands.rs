//! The centre reaches into a node: operator -> centre -> broker -> agent -> camera, and the answer all the way back.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failing step of a test ends it and says why"
)]

use std::time::{Duration, Instant};

use camera_sim::serve::{Server, ServerSettings};
use edge_agent::camera::{file::Clip, gate::FrameGate};
use serde_json::{Value, json};
use tests::harness::{Leash, Node, NodeConfig, PATIENCE, Scene, Town, wait_for};

/// A centre's public key, whose other half nobody has.
const RECIPIENT: &str = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p";
const COMMANDS: &str = "/api/nodes/test/street/node/commands";

/// A node that watches a scene, and does what the town's centre says.
fn street(town: &mut Town) -> (Server, Node) {
    let scene = Scene::rendered("crossroads").unwrap();
    let settings = ServerSettings::loopback(town.folder().join("cache"), vec![scene.camera()]);
    let server = Server::start(settings).unwrap();
    let watched = scene.watched(server.url(&scene.name), None);
    let mut config = NodeConfig::new("node", town.broker.port(), vec![watched]);
    config.command_keys = vec![town.centre.command_key().unwrap()];
    let archive = [
        ("pre_roll", "1s".into()),
        ("post_roll", "1s".into()),
        ("max_clip", "4s".into()),
        ("keep_free_mib", 0.into()),
        ("recipient", RECIPIENT.into()),
    ];
    config.archive = archive
        .map(|(key, value)| (key.to_owned(), value))
        .into_iter()
        .collect();
    let mut node = Node::start(&town.folder().join("node"), &config, Leash::Drop).unwrap();
    town.centre.sign_in().unwrap();
    let centre = &town.centre;
    wait_for(
        "a camera being watched",
        PATIENCE,
        &mut [&mut node.process],
        || {
            let overview = centre.ask("/api/nodes", None)?;
            Ok((overview["nodes"][0]["cameras"][0]["state"] == "watching").then_some(()))
        },
    )
    .unwrap();
    (server, node)
}

/// Gives a command and waits for what `wanted` finds in its place of the overview.
fn command<T>(
    town: &Town,
    node: &mut Node,
    command: &Value,
    wanted: impl Fn(&Value) -> Option<T>,
) -> T {
    let given = town.centre.ask(COMMANDS, Some(command)).unwrap();
    answer(town, node, &given["request"], wanted)
}

fn answer<T>(
    town: &Town,
    node: &mut Node,
    request: &Value,
    wanted: impl Fn(&Value) -> Option<T>,
) -> T {
    let mut last = Value::Null;
    wait_for(
        "an answer to a command",
        PATIENCE,
        &mut [&mut node.process],
        || {
            let overview = town.centre.ask("/api/nodes", None)?;
            let commands = overview["nodes"][0]["commands"].as_array().cloned();
            let mut commands = commands.unwrap_or_default().into_iter();
            last = commands
                .find(|c| c["request"] == *request)
                .unwrap_or_default();
            Ok(wanted(&last))
        },
    )
    .unwrap_or_else(|e| panic!("{e}: {last}"))
}

/// How long a video is.
fn length(town: &Town, mp4: Vec<u8>) -> Duration {
    let file = town.folder().join("clip.mp4");
    std::fs::write(&file, mp4).unwrap();
    let mut clip = Clip::open(&file, FrameGate::new(5.0)).unwrap();
    while clip.next_frame().unwrap().is_some() {}
    clip.end()
}

/// An incident of which the node keeps a clip.
fn kept_clip(town: &Town, node: &mut Node) -> String {
    wait_for(
        "a clip of an incident",
        PATIENCE,
        &mut [&mut node.process],
        || {
            let page = town.centre.ask("/api/incidents", None)?;
            let ids = page["incidents"].as_array().cloned().unwrap_or_default();
            for id in ids.iter().filter_map(|incident| incident["id"].as_str()) {
                let detail = town.centre.ask(&format!("/api/incidents/{id}"), None)?;
                let evidence = detail["evidence"].as_array().cloned();
                let kept =
                    |part: &Value| part["part"] == "clip" && part["announced"] == "on_request";
                if evidence.iter().flatten().any(kept) {
                    return Ok(Some(id.to_owned()));
                }
            }
            Ok(None)
        },
    )
    .unwrap()
}

/// The evidence that a command brought, once it is whole.
fn brought(town: &Town, shown: &Value) -> Option<Vec<u8>> {
    let part = &shown["evidence"][0];
    (part["complete"] == true).then(|| {
        let request = shown["request"].as_str().unwrap();
        let part = part["part"].as_str().unwrap();
        let path = format!("/api/commands/{request}/evidence/{part}");
        town.centre.fetch(&path).unwrap()
    })
}

/// A camera that has only just begun may have shown nothing yet, and says so: it is asked again.
fn first_picture(town: &Town, node: &mut Node, ask: &Value) -> Vec<u8> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let answered = command(town, node, ask, |shown| {
            let refused = shown["state"] == "failed";
            refused
                .then(|| Err(shown.clone()))
                .or_else(|| brought(town, shown).map(Ok))
        });
        match answered {
            Ok(jpeg) => return jpeg,
            Err(why) => assert!(Instant::now() < deadline, "{why}"),
        }
    }
}

#[test]
fn an_operator_asks_a_node_for_a_picture_a_video_a_test_and_a_restart() {
    let mut town = Town::start().unwrap();
    let (_server, mut node) = street(&mut town);
    let town = &town;

    let ask = json!({"kind": "snapshot", "camera": "crossroads"});
    let jpeg = first_picture(town, &mut node, &ask);
    assert_eq!(jpeg[..3], [0xff, 0xd8, 0xff], "{} bytes", jpeg.len());

    let ask = json!({"kind": "test_alarm", "camera": "crossroads"});
    let incident = command(town, &mut node, &ask, |shown| {
        shown["incident"].as_str().map(str::to_owned)
    });
    let shown = town.centre.ask(&format!("/api/incidents/{incident}"), None);
    let shown = &shown.unwrap()["incident"];
    assert_eq!(shown["test"], true, "{shown}");
    assert_eq!(shown["rule"]["kind"], "test_alarm", "{shown}");

    let connections = || {
        let overview = town.centre.ask("/api/nodes", None).unwrap();
        overview["nodes"][0]["cameras"][0]["connections"]
            .as_u64()
            .unwrap()
    };
    let before = connections();
    let ask = json!({"kind": "restart_camera", "camera": "crossroads"});
    let done = |shown: &Value| (shown["state"] == "done").then_some(());
    command(town, &mut node, &ask, done);
    wait_for(
        "another connection",
        PATIENCE,
        &mut [&mut node.process],
        || Ok((connections() > before).then_some(())),
    )
    .unwrap();

    wait_for(
        "seconds to look back on",
        PATIENCE,
        &mut [&mut node.process],
        || {
            let overview = town.centre.ask("/api/nodes", None)?;
            let watched = &overview["nodes"][0]["cameras"][0]["watched_s"];
            Ok((watched.as_u64() >= Some(5)).then_some(()))
        },
    )
    .unwrap();
    let ask = json!({"kind": "fetch_clip", "camera": "crossroads", "seconds": 3});
    let mp4 = command(town, &mut node, &ask, |shown| brought(town, shown));
    assert!(length(town, mp4) > Duration::from_secs(2));

    let incident = kept_clip(town, &mut node);
    let sealed = town
        .folder()
        .join("node/state/archive")
        .join(format!("{incident}.mp4.age"));
    let sealed = std::fs::read(sealed).unwrap();
    assert!(
        sealed.starts_with(b"age-encryption.org/v1"),
        "{} bytes",
        sealed.len()
    );
    let ask = json!({"kind": "fetch_incident_clip", "camera": "crossroads", "incident": incident});
    let mp4 = command(town, &mut node, &ask, |shown| brought(town, shown));
    assert!(length(town, mp4) > Duration::from_secs(1));

    let ask = json!({"kind": "snapshot", "camera": "roof"});
    let reason = command(town, &mut node, &ask, |shown| {
        (shown["state"] == "refused").then(|| shown["reason"].to_string())
    });
    assert!(reason.contains("these are: crossroads"), "{reason}");
}

#[test]
fn a_command_is_repeated_until_the_node_is_there_and_a_strangers_is_told_of() {
    let mut town = Town::start().unwrap();
    let (_server, mut node) = street(&mut town);
    let town = &town;
    node.process.kill().unwrap();
    let ask = json!({"kind": "restart_camera", "camera": "crossroads"});
    let given = town.centre.ask(COMMANDS, Some(&ask)).unwrap();
    wait_for("a second attempt", PATIENCE, &mut [], || {
        let overview = town.centre.ask("/api/nodes", None)?;
        let shown = &overview["nodes"][0]["commands"][0];
        assert_eq!(shown["state"], "waiting", "{shown}");
        Ok((shown["attempts"].as_u64() >= Some(2)).then_some(()))
    })
    .unwrap();
    node.resume().unwrap();
    answer(town, &mut node, &given["request"], |shown| {
        (shown["state"] == "done").then_some(())
    });

    let topic = format!(
        "safecity/v1/test/street/node/command/{}",
        uuid::Uuid::now_v7()
    );
    town.recorder.publish(&topic, b"{}\n{}".to_vec()).unwrap();
    wait_for("a refusal", PATIENCE, &mut [&mut node.process], || {
        let overview = town.centre.ask("/api/nodes", None)?;
        let node = &overview["nodes"][0];
        Ok((node["commands_refused"] == 1 && node["last_refusal"].is_string()).then_some(()))
    })
    .unwrap();
}
