//! What a centre pushes reaches every node, and what is bad stops where it should: nothing else is in force then than before.

#![expect(
    clippy::unwrap_used,
    reason = "a failing step of a test ends it and says why"
)]

mod city;

use std::{fs, path::Path, time::Instant};

use camera_sim::serve::{CameraSettings, Server, ServerSettings};
use city::{City, Site, key};
use protocol::{PushReport, PushStage, ReportedConfig, Trial};
use tests::harness::{PATIENCE, Scene, Told};

const WHOLE: &str = "[[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]";
const CORNER: &str = "[[0.0, 0.0], [0.01, 0.0], [0.01, 0.01], [0.0, 0.01]]";

/// What is pushed: one rule whose zone is `polygon`, under a name of its own.
fn document(rule: &str, polygon: &str) -> String {
    format!(
        "[[cameras]]\nid = \"a\"\nzones = [{{ id = \"z\", polygon = {polygon} }}]\n\
         rules = [{{ id = \"{rule}\", kind = \"intrusion\", zone = \"z\", min_seconds = 0.0 }}]\n"
    )
}

fn stages(report: &PushReport) -> Vec<&'static str> {
    report
        .steps
        .iter()
        .map(|step| step.stage.as_str())
        .collect()
}

fn note(report: &PushReport) -> String {
    report
        .steps
        .last()
        .unwrap()
        .note
        .clone()
        .unwrap_or_default()
}

/// A trial of seconds; one alarm more than usual is too much.
fn trial(shadow_seconds: u32, others: u32) -> Trial {
    Trial {
        shadow_seconds,
        canary: None,
        canary_seconds: others,
        watch_seconds: others,
        max_alarm_factor: 1.0,
        max_more_alarms: 0,
        max_lost_seconds: 2,
    }
}

fn serve(cache: &Path) -> Server {
    let scene = Scene::rendered("crossroads").unwrap();
    let camera = CameraSettings::new("a", &scene.clip);
    Server::start(ServerSettings::loopback(cache.to_owned(), vec![camera])).unwrap()
}

#[test]
fn a_good_push_reaches_twenty_nodes_and_bad_ones_stop_where_they_should() {
    const NODES: usize = 20;
    /// Of these the cameras go away.
    const LOST: std::ops::Range<usize> = 16..NODES;
    let cache = tempfile::tempdir().unwrap();
    let (lasting, ending) = (serve(cache.path()), serve(cache.path()));
    let servers: Vec<&Server> = (0..NODES)
        .map(|i| if LOST.contains(&i) { &ending } else { &lasting })
        .collect();
    let mut city = City::start(&servers);

    let good = document("calm", CORNER);
    for site in 0..NODES {
        city.push(site, 1, &good, &trial(2, 2), &key(1));
    }
    let mut revisions = Vec::new();
    for site in 0..NODES {
        let (told, report) = city.end(site, 1);
        let whole = [
            "received",
            "checked",
            "shadow",
            "canary",
            "everywhere",
            "confirmed",
        ];
        assert_eq!(stages(&report), whole, "{report:?}");
        assert_eq!(told.confirmed, Some(1));
        revisions.push(told.revision);
    }
    println!("good: {NODES} of {NODES} nodes confirmed");

    let storm = document("storm", WHOLE);
    let slips = good.replace("min_seconds", "min_secnds").replace(
        "[[cameras]]\n",
        "[[cameras]]\nurl = \"rtsp://192.0.2.1/\"\n",
    );
    for site in 0..NODES {
        match site {
            0..4 => city.push(site, 2, &storm, &trial(2, 2), &key(2)),
            4..8 => city.push(site, 2, &slips, &trial(2, 2), &key(1)),
            8..12 => city.push(site, 2, &storm, &trial(120, 2), &key(1)),
            12..16 => city.push(site, 2, &storm, &trial(0, 120), &key(1)),
            _ => city.push(
                site,
                2,
                &document("calmer", CORNER),
                &trial(0, 120),
                &key(1),
            ),
        }
    }
    for site in LOST {
        city.wait(site, "a canary", |told| {
            let stage = |told: &ReportedConfig| told.push.as_ref().map(|push| push.stage);
            matches!(told, Told::Config(told) if stage(told) == Some(PushStage::Canary))
        });
    }
    drop(ending);
    for (site, revision) in revisions.iter().enumerate() {
        if site < 4 {
            let refused = city.wait(
                site,
                "a refusal",
                |told| matches!(told, Told::Config(told) if told.refused.is_some()),
            );
            let Told::Config(told) = refused else {
                unreachable!()
            };
            assert!(
                told.refused
                    .unwrap()
                    .contains("signed by a key that this node does not trust")
            );
            assert_eq!(
                (told.push.unwrap().number, told.revision),
                (1, revision.clone())
            );
            continue;
        }
        let (told, report) = city.end(site, 2);
        let (stages, why) = (stages(&report), note(&report));
        println!("{}: {} ({why})", city.sites[site].path, stages.join(", "));
        match site {
            4..8 => {
                assert_eq!(stages, ["received", "rejected"], "{report:?}");
                let wrong = [
                    "pushed configuration:2:7: cameras[0].url: is not pushed: it stands in the node's own files",
                    "pushed configuration:5:57: cameras[0].rules[0].min_secnds: unknown key, did you mean \"min_seconds\"?",
                ];
                assert_eq!(report.problems, wrong);
            }
            8..12 => {
                assert_eq!(
                    stages,
                    ["received", "checked", "shadow", "rejected"],
                    "{report:?}"
                );
                assert!(why.starts_with("in shadow: "), "{why}");
                assert!(
                    why.ends_with(" alarms, where 0 are usual and 0 allowed"),
                    "{why}"
                );
            }
            12..16 => {
                let whole = ["received", "checked", "shadow", "canary", "rolled_back"];
                assert_eq!(stages, whole, "{report:?}");
                assert!(
                    why.starts_with("camera a: ") && why.contains(" alarms, where 0 are usual"),
                    "{why}"
                );
            }
            _ => {
                let whole = ["received", "checked", "shadow", "canary", "rolled_back"];
                assert_eq!(stages, whole, "{report:?}");
                assert!(why.starts_with("camera a: without pictures for "), "{why}");
            }
        }
        assert_eq!(told.confirmed, Some(1));
        // What is in force again is what was good.
        let back = city.wait(
            site,
            "what was good",
            |told| matches!(told, Told::Config(told) if told.revision == *revision),
        );
        drop(back);
    }
}

#[test]
fn killed_at_every_step_the_last_good_one_starts_and_the_push_goes_on() {
    let cache = tempfile::tempdir().unwrap();
    let server = serve(cache.path());
    let mut city = City::start(&[&server]);
    city.push(0, 1, &document("first", CORNER), &trial(0, 0), &key(1));
    let (mut good, _) = city.end(0, 1);
    let file = city.folder.path().join("n00/state/rollout.json");
    let steps = ["received", "checked", "shadow", "canary", "everywhere"];
    for (number, step) in (2..).zip(steps) {
        city.push(0, number, &document(step, CORNER), &trial(2, 2), &key(1));
        kill_at(&mut city.sites[0], &file, number, step);
        let recorder = &city.recorder;
        city.sites[0].heard = recorder.messages().len();
        city.sites[0].node.resume().unwrap();
        let started = city.wait(0, "its status", |told| {
            matches!(told, Told::Status(status) if status.state == protocol::NodeState::Online)
        });
        let Told::Status(started) = started else {
            unreachable!()
        };
        assert_eq!(
            started.config_revision, good.revision,
            "killed at {step}: what was good starts"
        );
        let (told, report) = city.end(0, number);
        println!("killed at {step}: {}", stages(&report).join(", "));
        assert_eq!(
            (report.stage, told.confirmed),
            (PushStage::Confirmed, Some(number)),
            "{report:?}"
        );
        let again = report.steps.iter().filter_map(|step| step.note.as_deref());
        let again = again
            .filter(|note| note.starts_with("begins anew: the agent ended at "))
            .count();
        assert_eq!(again, 1, "{report:?}");
        assert_ne!(told.revision, good.revision);
        good = told;
    }
    // What is confirmed stays, whatever happens to the process.
    city.sites[0].node.process.kill().unwrap();
    city.sites[0].heard = city.recorder.messages().len();
    city.sites[0].node.resume().unwrap();
    let revision = good.revision;
    city.wait(0, "what is confirmed", |told| {
        matches!(told, Told::Status(status) if status.state == protocol::NodeState::Online && status.config_revision == revision)
    });
}

/// Kills a node as soon as its disk says that its push has come to a step.
fn kill_at(site: &mut Site, file: &Path, number: u64, step: &str) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let text = fs::read_to_string(file).unwrap_or_default();
        let state: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
        let trying = &state["trying"];
        if trying["desired"]["number"] == number && trying["stage"] == step {
            break;
        }
        assert!(
            Instant::now() < deadline,
            "push {number} never came to {step}: {text}"
        );
        std::thread::yield_now();
    }
    site.node.process.kill().unwrap();
}
