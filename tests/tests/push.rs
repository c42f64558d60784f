//! What a centre pushes reaches every node, and what is bad stops where it should: nothing else is in force then than before.

#![expect(
    clippy::unwrap_used,
    reason = "a failing step of a test ends it and says why"
)]

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use camera_sim::serve::{CameraSettings, Server, ServerSettings, StartMode};
use protocol::{
    CameraState, Command, CommandOutcome, CommandRequest, DesiredConfig, IncidentEvent,
    IncidentState, NodePath, PinnedKey, PushReport, PushStage, Receipt, ReportedConfig, Topic,
    Trial,
};
use ring::signature::Ed25519KeyPair;
use tests::harness::{
    Broker, Leash, Node, NodeConfig, PATIENCE, Recorder, Scene, Told, WatchedCamera, binary,
    clip_of_a_day, wait_for,
};
use uuid::Uuid;

const WHOLE: &str = "[[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]";
const CORNER: &str = "[[0.0, 0.0], [0.01, 0.0], [0.01, 0.01], [0.0, 0.01]]";

/// Twenty nodes share two cores.
const LONG: Duration = Duration::from_secs(240);

fn key(seed: u8) -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap()
}

/// What is pushed: one rule whose zone is `polygon`, under a name of its own.
fn document(rule: &str, polygon: &str) -> String {
    format!(
        "[[cameras]]\nid = \"a\"\nzones = [{{ id = \"z\", polygon = {polygon} }}]\n\
         rules = [{{ id = \"{rule}\", kind = \"intrusion\", zone = \"z\", min_seconds = 0.0 }}]\n"
    )
}

/// One node and what it says.
struct Site {
    path: NodePath,
    node: Node,
    /// Where its messages begin among those of all.
    heard: usize,
}

/// Some nodes at one broker, with one camera each.
struct City {
    folder: tempfile::TempDir,
    recorder: Recorder,
    sites: Vec<Site>,
    _broker: Broker,
}

impl City {
    fn start(servers: &[&Server]) -> City {
        City::at_rate(servers, 1.0)
    }

    /// Cameras of which so many pictures a second are looked at.
    fn at_rate(servers: &[&Server], fps: f32) -> City {
        let folder = tempfile::tempdir().unwrap();
        let broker = Broker::start(&folder.path().join("broker"), Leash::Drop).unwrap();
        let recorder = Recorder::start(broker.port()).unwrap();
        let sites = servers.iter().enumerate().map(|(i, server)| {
            let name = format!("n{i:02}");
            let camera = WatchedCamera::new("a", server.url("a"));
            let camera = camera
                .with(&format!("analysis_fps = {fps:.1}\nreel = \"0s\""))
                .unwrap();
            let mut config = NodeConfig::new(&name, broker.port(), vec![camera]);
            config.command_keys = vec![PinnedKey::of(&key(1)).to_string()];
            let [region, site, node] = config.path.clone();
            Site {
                path: NodePath {
                    region: region.parse().unwrap(),
                    site: site.parse().unwrap(),
                    node: node.parse().unwrap(),
                },
                node: Node::start(&folder.path().join(&name), &config, Leash::Drop).unwrap(),
                heard: 0,
            }
        });
        let mut city = City {
            sites: sites.collect(),
            folder,
            recorder,
            _broker: broker,
        };
        for site in 0..city.sites.len() {
            city.wait(site, "a camera being watched", |told| match told {
                Told::Health(health) => health
                    .cameras
                    .iter()
                    .any(|c| c.state == CameraState::Watching),
                _ => false,
            });
        }
        city
    }

    fn push(&self, site: usize, number: u64, document: &str, trial: &Trial, key: &Ed25519KeyPair) {
        let node = self.sites[site].path.clone();
        let topic = node.topic(&Topic::DesiredConfig);
        let desired = DesiredConfig {
            push: Uuid::now_v7(),
            number,
            node,
            issued: protocol::now(),
            document: document.to_owned(),
            trial: trial.clone(),
        };
        self.recorder
            .leave(&topic, desired.sign(key).unwrap())
            .unwrap();
    }

    /// The first message of a node, from where it was looked at last, that is so.
    fn wait(&mut self, site: usize, what: &str, is_so: impl Fn(&Told) -> bool) -> Told {
        let recorder = &self.recorder;
        let Site { path, node, heard } = &mut self.sites[site];
        wait_for(
            &format!("{what} of {path}"),
            LONG,
            &mut [&mut node.process],
            || {
                let messages = recorder.messages_from(*heard);
                let mine = messages
                    .into_iter()
                    .enumerate()
                    .filter(|(_, m)| m.node.as_ref() == Some(path));
                let found = mine.map(|(i, m)| (i, m.told)).find(|(_, told)| is_so(told));
                Ok(found.map(|(i, told)| {
                    *heard += i;
                    told
                }))
            },
        )
        .unwrap()
    }

    /// What a node says once its push `number` has come to its end.
    fn end(&mut self, site: usize, number: u64) -> (ReportedConfig, PushReport) {
        let is_over = |told: &ReportedConfig| {
            told.push
                .as_ref()
                .is_some_and(|push| push.number == number && push.stage.is_final())
        };
        let told = self.wait(
            site,
            &format!("the end of push {number}"),
            |told| match told {
                Told::Config(told) => is_over(told),
                _ => false,
            },
        );
        match told {
            Told::Config(told) => (*told.clone(), told.push.clone().unwrap()),
            _ => unreachable!(),
        }
    }
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

/// What a node answers to a command.
fn answer(city: &mut City, site: usize, command: Command) -> Receipt {
    let (node, request) = (city.sites[site].path.clone(), Uuid::now_v7());
    let issued = protocol::now();
    let asked = CommandRequest {
        request,
        node: node.clone(),
        issued,
        expires: issued + Duration::from_secs(60),
        command,
    };
    let topic = node.topic(&Topic::Command { request });
    city.recorder
        .publish(&topic, asked.sign(&key(1)).unwrap())
        .unwrap();
    let told = city.wait(
        site,
        "a receipt",
        |told| matches!(told, Told::Receipt(receipt) if receipt.request == request),
    );
    match told {
        Told::Receipt(receipt) => *receipt,
        _ => unreachable!(),
    }
}

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
