//! What another configuration would have raised in the last hour, as a node answers it, and as replay computes it.

mod city;

use std::fs;

use camera_sim::serve::{CameraSettings, Server, ServerSettings, StartMode};
use city::{City, answer};
use protocol::{Command, CommandOutcome, IncidentEvent, IncidentState, ReportedConfig};
use tests::harness::{Told, binary, clip_of_a_day};

/// What a node says that it goes by.
fn reported(city: &mut City) -> ReportedConfig {
    city.sites[0].heard = 0;
    match city.wait(0, "what it goes by", |told| matches!(told, Told::Config(_))) {
        Told::Config(told) => *told,
        _ => unreachable!(),
    }
}

/// A rule and when it was raised, in seconds of the clip.
type Raised = Vec<(String, f64)>;

#[test]
fn a_preview_equals_what_replay_computes() {
    let cache = tempfile::tempdir().unwrap();
    let clip = clip_of_a_day().unwrap();
    let camera = CameraSettings {
        start: StartMode::OnFirstPlay,
        ..CameraSettings::new("a", &clip)
    };
    let settings = ServerSettings::loopback(cache.path().to_owned(), vec![camera]);
    let server = Server::start(settings).unwrap();
    let mut city = City::at_rate(&[&server], 5.0);
    // A bit more than the longest wait of the clip's guests, and all of it from its beginning.
    let watched = 40.0;
    city.wait(0, "most of the clip", |told| match told {
        Told::Health(health) => health.cameras.iter().any(|camera| camera.watched_s > 42),
        _ => false,
    });
    let drawn = "[[cameras]]\nid = \"a\"\n\
         zones = [{ id = \"z\", polygon = [[0.3, 0.4], [0.7, 0.4], [0.7, 0.9], [0.3, 0.9]] }]\n\
         lines = [{ id = \"l\", from = [0.5, 0.1], to = [0.5, 0.95] }]\n\
         rules = [{ id = \"door\", kind = \"intrusion\", zone = \"z\" }, { id = \"passes\", kind = \"line_crossing\", line = \"l\" }]\n";
    let command = Command::Preview {
        camera: "a".parse().unwrap(),
        document: drawn.to_owned(),
    };
    let receipt = answer(&mut city, 0, command);
    let preview = receipt
        .preview
        .unwrap_or_else(|| panic!("{:?}", receipt.reason));
    assert_eq!(
        (preview.now, preview.left_out.len()),
        (0, 0),
        "nothing is in force"
    );
    let alarms = preview.alarms.iter().map(|alarm| {
        let at = alarm.time.duration_since(preview.from).as_secs_f64();
        (alarm.rule.id.to_string(), at)
    });
    let previewed: Raised = alarms.filter(|(_, at)| *at < watched).collect();

    let config = city.folder.path().join("replay");
    fs::create_dir(&config).unwrap();
    let file = config.join("edge-agent.toml");
    let node = fs::read_to_string(city.folder.path().join("n00/edge-agent.toml")).unwrap();
    let mut node: toml::Table = node.parse().unwrap();
    let pushed: toml::Table = drawn.parse().unwrap();
    let (camera, drawn) = (&mut node["cameras"][0], &pushed["cameras"][0]);
    for key in ["zones", "lines", "rules"] {
        camera
            .as_table_mut()
            .unwrap()
            .insert(key.to_owned(), drawn[key].clone());
    }
    fs::write(&file, toml::to_string(&node).unwrap()).unwrap();
    let mut replay = std::process::Command::new(binary("edge-agent").unwrap());
    replay.arg("replay").arg(&clip).arg("--config").arg(&file);
    let replay = replay
        .args(["--start", "2026-07-01T10:00:00Z"])
        .output()
        .unwrap();
    let start: jiff::Timestamp = "2026-07-01T10:00:00Z".parse().unwrap();
    let events = replay
        .stdout
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty());
    let events = events.map(|line| serde_json::from_slice::<IncidentEvent>(line).unwrap());
    let opened = events.filter(|event| event.data.state == IncidentState::Opened);
    let replayed: Raised = opened
        .map(|event| {
            (
                event.data.rule.id.to_string(),
                event.time.duration_since(start).as_secs_f64(),
            )
        })
        .filter(|(_, at)| *at < watched)
        .collect();
    println!("previewed {previewed:?}\nreplayed  {replayed:?}");
    assert!(replayed.len() >= 3, "{replayed:?}");
    assert_eq!(previewed.len(), replayed.len());
    // The camera's clock begins a picture or two into the clip.
    let offset = previewed[0].1 - replayed[0].1;
    for (live, file) in previewed.iter().zip(&replayed) {
        assert_eq!(live.0, file.0);
        assert!((live.1 - offset - file.1).abs() < 0.25, "{live:?} {file:?}");
    }

    // What was drawn stands in the node's own file now: it takes it over when it is told to.
    let before = reported(&mut city).revision;
    fs::copy(&file, city.folder.path().join("n00/edge-agent.toml")).unwrap();
    let receipt = answer(&mut city, 0, Command::ReloadConfig);
    assert_eq!(
        (receipt.outcome, receipt.reason),
        (CommandOutcome::Done, None)
    );
    // It may have said so before it answered.
    city.sites[0].heard = 0;
    let told = city.wait(
        0,
        "another revision",
        |told| matches!(told, Told::Config(told) if told.revision != before),
    );
    let Told::Config(told) = told else {
        unreachable!()
    };
    let camera = &told.cameras[&"a".parse().unwrap()];
    assert_eq!(camera["rules"][1]["id"], "passes", "{camera}");
}
