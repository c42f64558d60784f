//! An operator says of an incident that it was none: the node ignores its area, and its clip becomes a case that raises the very
//! same false alarm in `edge-agent evaluate`.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failing step of a test ends it and says why"
)]

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use camera_sim::serve::{Server, ServerSettings};
use serde_json::{Value, json};
use tests::harness::{
    Leash, Node, NodeConfig, PATIENCE, Scene, Town, asset, binary, onnx_runtime, wait_for,
    workspace,
};
use toml::Table;

/// A centre's public key, whose other half nobody has.
const RECIPIENT: &str = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p";
const COMMANDS: &str = "/api/nodes/test/street/node/commands";
/// The rule whose incidents are judged: cars that turn into a closed street.
const RULE: &str = "closed-street";

/// A node that watches a scene, keeps clips and may make cases of them.
fn street(town: &mut Town) -> (Server, Node) {
    let scene = Scene::rendered("crossroads").unwrap();
    let settings = ServerSettings::loopback(town.folder().join("cache"), vec![scene.camera()]);
    let server = Server::start(settings).unwrap();
    let watched = scene.watched(server.url(&scene.name), None);
    let mut config = NodeConfig::new("node", town.broker.port(), vec![watched]);
    config.command_keys = vec![town.centre.command_key().unwrap()];
    let archive = format!(
        "pre_roll = \"5s\"\npost_roll = \"1s\"\nmax_clip = \"8s\"\nkeep_free_mib = 0\nrecipient = \"{RECIPIENT}\"\n"
    );
    config.archive = archive.parse().unwrap();
    config.replay = "enabled = true".parse().unwrap();
    let node = Node::start(&town.folder().join("node"), &config, Leash::Drop).unwrap();
    town.centre.sign_in().unwrap();
    (server, node)
}

/// What the centre knows, once `wanted` finds something in it.
fn seen<T>(
    town: &Town,
    node: &mut Node,
    what: &str,
    path: &str,
    wanted: impl Fn(&Value) -> Option<T>,
) -> T {
    let mut last = Value::Null;
    let found = wait_for(what, 2 * PATIENCE, &mut [&mut node.process], || {
        last = town.centre.ask(path, None)?;
        Ok(wanted(&last))
    });
    found.unwrap_or_else(|e| panic!("{e}: {last}"))
}

/// An incident of the rule whose clip is kept.
fn with_clip(town: &Town, node: &mut Node) -> String {
    seen(town, node, "a clip", "/api/incidents?limit=200", |page| {
        let incidents = page["incidents"].as_array()?.iter();
        let mut of_rule = incidents.filter(|incident| incident["rule"]["id"] == RULE);
        of_rule.find_map(|incident| {
            let id = incident["id"].as_str()?;
            let detail = town.centre.ask(&format!("/api/incidents/{id}"), None);
            let detail = detail.ok()?;
            let kept = |part: &Value| part["part"] == "clip" && part["announced"] == "on_request";
            let kept = detail["evidence"].as_array()?.iter().any(kept);
            kept.then(|| id.to_owned())
        })
    })
}

/// Gives a verdict and waits until the node has taken it; what the console shows of it.
fn judge(town: &Town, node: &mut Node, incident: &str, verdict: &Value) -> Value {
    let path = format!("/api/incidents/{incident}");
    let given = town.centre.ask(&format!("{path}/verdict"), Some(verdict));
    let shown = given.unwrap()["incident"]["verdict"].clone();
    assert_eq!(shown["verdict"], verdict["verdict"], "{shown}");
    seen(town, node, "the node's answer", &path, |detail| {
        let shown = detail["incident"]["verdict"].clone();
        (shown["told"] == "done").then_some(shown)
    })
}

/// Alarms and false alarms of the judged rule in the replay set.
fn evaluate(replay: &Path, ignored: bool) -> (u64, u64) {
    let mut command = Command::new(binary("edge-agent").unwrap());
    command
        .arg("evaluate")
        .arg(replay)
        .args(["--json", "--jobs", "1"]);
    command.arg("--models").arg(workspace().join("models"));
    if let Some(weights) = asset("models") {
        command.arg("--weights").arg(weights);
    }
    if let Some(runtime) = onnx_runtime() {
        command.arg("--runtime").arg(runtime);
    }
    if ignored {
        command.arg("--ignored").arg(replay.join("ignored.toml"));
    }
    let done = command.output().unwrap();
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    let report: Value =
        serde_json::from_slice(&done.stdout).unwrap_or_else(|e| panic!("{e}: {said}"));
    let rules = report["cases"][0]["rules"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let rule = rules.iter().find(|rule| rule["id"] == RULE);
    let rule = rule.unwrap_or_else(|| panic!("{report} {said}"));
    (rule["tp"].as_u64().unwrap(), rule["fp"].as_u64().unwrap())
}

fn case(replay: &Path, incident: &str) -> (PathBuf, Table) {
    let folder = replay.join(incident);
    let text = std::fs::read_to_string(folder.join("case.toml")).unwrap();
    (folder, text.parse().unwrap())
}

/// What the centre gives out of an incident is as its node signed it, and a changed bit is found.
fn bundle_is_whole(town: &Town, node: &mut Node, incident: &str) {
    let agent = |words: &[&str]| {
        let mut command = Command::new(binary("edge-agent").unwrap());
        let done = command.args(words).output().unwrap();
        let said = String::from_utf8_lossy(&done.stdout).into_owned();
        (done.status.code(), said.trim().to_owned())
    };
    let config = town.folder().join("node/edge-agent.toml");
    let (_, key) = agent(&["key", "--config", config.to_str().unwrap()]);
    let path = format!("/api/incidents/{incident}");
    seen(town, node, "its pictures", &path, |detail| {
        let parts = detail["evidence"].as_array()?.iter();
        let here = parts.filter(|part| part["received_bytes"] == part["bytes"]);
        (here.count() >= 2).then_some(())
    });
    let file = town.folder().join("bundle.tar");
    let verify = |bytes: &[u8]| {
        std::fs::write(&file, bytes).unwrap();
        agent(&["verify", file.to_str().unwrap(), "--key", &key])
    };
    let mut bytes = town.centre.fetch(&format!("{path}/bundle")).unwrap();
    let (code, said) = verify(&bytes);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("it says that it lacks clip"), "{said}");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    let (code, said) = verify(&bytes);
    assert_eq!(code, Some(1), "{said}");
}

#[test]
fn a_false_alarm_becomes_a_case_that_raises_it_and_its_area_is_ignored() {
    let mut town = Town::start().unwrap();
    let (_server, mut node) = street(&mut town);
    let town = &town;
    let incident = with_clip(town, &mut node);
    let replay = town.folder().join("node/state/replay");
    bundle_is_whole(town, &mut node, &incident);

    let shown = judge(town, &mut node, &incident, &json!({"verdict": "true"}));
    assert_eq!(shown["reason"], Value::Null, "{shown}");
    assert_eq!(evaluate(&replay, false), (1, 0), "a real one");

    let everywhere = json!([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]);
    let verdict = json!({"verdict": "false", "ignore": {"polygon": everywhere}, "note": "a test"});
    let shown = judge(town, &mut node, &incident, &verdict);
    assert_eq!(shown["ignored"], true, "{shown}");
    let (folder, case) = case(&replay, &incident);
    assert!(!case.contains_key("incidents"), "{case}");
    assert!(folder.join("clip.mp4").is_file() && folder.join("sidecar.json").is_file());
    assert_eq!(evaluate(&replay, false), (0, 1), "a false alarm");
    assert_eq!(
        evaluate(&replay, true),
        (0, 0),
        "held back where it is ignored"
    );

    // Its cars are held back, and counted, until the area is watched again.
    let held = |overview: &Value| {
        let told = &overview["nodes"][0]["verdicts"];
        let suppressed = told["suppressed"].as_u64()?;
        (suppressed > 0 && told["ignored_areas"] == 1 && told["cases"] == 1).then_some(())
    };
    seen(town, &mut node, "an incident held back", "/api/nodes", held);
    let list = json!({"kind": "list_ignored", "camera": "crossroads"});
    let asked = town.centre.ask(COMMANDS, Some(&list)).unwrap()["request"].clone();
    let area = seen(town, &mut node, "the list", "/api/nodes", |overview| {
        let commands = overview["nodes"][0]["commands"].as_array()?.iter();
        let mut listed = commands.filter(|command| command["request"] == asked);
        Some(listed.next()?["ignored"][0]["area"].as_str()?.to_owned())
    });
    let again = json!({"kind": "unignore", "camera": "crossroads", "area": area});
    town.centre.ask(COMMANDS, Some(&again)).unwrap();
    seen(town, &mut node, "no area", "/api/nodes", |overview| {
        (overview["nodes"][0]["verdicts"]["ignored_areas"] == 0).then_some(())
    });

    let precision = town.centre.ask("/api/verdicts?days=1", None).unwrap();
    let rules = precision.as_array().unwrap();
    let rule = rules.iter().find(|rule| rule["rule"] == RULE).unwrap();
    assert_eq!(
        (
            &rule["judged_true"],
            &rule["judged_false"],
            &rule["precision"]
        ),
        (&json!(0), &json!(1), &json!(0.0)),
        "{rule}"
    );
}
