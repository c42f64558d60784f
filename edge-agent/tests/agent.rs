//! The agent as a whole where something is wrong from the start: what can go on goes on, what cannot says why.

use std::{
    fs,
    io::{BufRead, BufReader},
    net::TcpListener,
    path::Path,
    process::{Command, Output, Stdio},
    time::Duration,
};

use edge_agent::{
    Agent, StartError, config,
    inference::{provider::Provider, runtime::Runtime},
};
use protocol::{CameraState, Health};
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(20);

/// A configuration in `dir` whose broker is not there, with `cameras` after it.
fn write_config(dir: &Path, cameras: &str) -> std::path::PathBuf {
    let dead = TcpListener::bind("127.0.0.1:0")
        .expect("a free port")
        .local_addr()
        .expect("an address")
        .port();
    let path = dir.join("edge-agent.toml");
    let head = format!(
        "state_dir = \"state\"\nnode = {{ region = \"r\", site = \"s\", name = \"n\" }}\n\
         mqtt = {{ host = \"localhost\", port = {dead} }}\ninference = {{ models_dir = \"models\", sessions = 1 }}\n"
    );
    fs::write(&path, head + cameras).expect("the folder can be written");
    path
}

const SWITCHED_OFF: &str =
    "[[cameras]]\nid = \"off\"\nurl = \"rtsp://192.0.2.1/\"\nenabled = false\n";

async fn health_becomes(agent: &mut Agent, is_so: impl Fn(&Health) -> bool) -> Health {
    let found = agent
        .health
        .wait_for(|health| health.as_ref().is_some_and(&is_so));
    let found = timeout(PATIENCE, found)
        .await
        .expect("the health report says so");
    found
        .expect("the agent runs")
        .clone()
        .expect("it was there")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_in_use_and_a_broker_that_is_away_are_said_and_the_agent_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let cameras = format!("http = {{ listen = \"127.0.0.1:{port}\" }}\n{SWITCHED_OFF}");
    let settings = config::load(&write_config(dir.path(), &cameras)).unwrap();
    let mut agent = Agent::start(settings).await.unwrap();
    let health = health_becomes(&mut agent, |health| !health.faults.is_empty()).await;
    assert!(
        health.faults[0].contains("http.listen") && health.faults[0].contains(&port.to_string()),
        "{health:?}"
    );
    assert_eq!(health.cameras[0].state, CameraState::Disabled);
    drop(taken);
    health_becomes(&mut agent, |health| health.faults.is_empty()).await;
    agent.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_corrupt_model_is_refused_with_its_file_and_nothing_runs_without_a_camera() {
    if let Err(e) = Runtime::load(None) {
        eprintln!("skipped: {e}");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let model = dir.path().join("models/street-nano");
    fs::create_dir_all(&model).unwrap();
    let manifest = include_str!("../../models/yolox-nano/model.toml")
        .replace("yolox-nano", "street-nano")
        .replace("../coco80.txt", "labels.txt");
    fs::write(model.join("model.toml"), manifest).unwrap();
    fs::write(
        model.join("labels.txt"),
        include_str!("../../models/coco80.txt"),
    )
    .unwrap();
    fs::write(model.join("yolox_nano_416x416.onnx"), "flipped bits").unwrap();
    let cameras = "[[cameras]]\nid = \"gate\"\nurl = \"rtsp://192.0.2.1/\"\n";
    let settings = config::load(&write_config(dir.path(), cameras)).unwrap();
    let refused = Agent::start(settings)
        .await
        .err()
        .expect("there is nothing to watch");
    assert!(matches!(refused, StartError::NoCamera(_)));
    let text = refused.to_string();
    assert!(
        text.contains("camera gate: model street-nano") && text.contains("yolox_nano_416x416.onnx"),
        "{text}"
    );
}

#[test]
fn a_provider_that_the_library_lacks_ends_the_start_and_the_check_with_its_key() {
    let cuda = Runtime::load(None).map(|runtime| runtime.on(Provider::Cuda));
    if !matches!(cuda, Ok(Err(_))) {
        eprintln!("skipped: no library, or one with CUDA");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let config = write_config(dir.path(), SWITCHED_OFF);
    let text = fs::read_to_string(&config).unwrap();
    let text = text.replace("sessions = 1", "sessions = 1, provider = \"cuda\"");
    fs::write(&config, text).unwrap();
    let config = config.to_str().unwrap();
    for arguments in [
        &["config", "check", config][..],
        &["run", "--config", config],
    ] {
        let refused = edge_agent(arguments);
        assert_eq!(refused.status.code(), Some(69));
        let text = String::from_utf8_lossy(&refused.stderr);
        assert!(
            text.contains("inference.provider: ") && text.contains("cuda"),
            "{text}"
        );
    }
}

fn edge_agent(arguments: &[&str]) -> Output {
    let program = env!("CARGO_BIN_EXE_edge-agent");
    Command::new(program)
        .args(arguments)
        .output()
        .expect("the program runs")
}

#[test]
fn a_running_agent_stays_through_a_hang_up_and_stops_in_order_when_told_to() {
    let dir = tempfile::tempdir().unwrap();
    let config = write_config(dir.path(), SWITCHED_OFF);
    let mut agent = Command::new(env!("CARGO_BIN_EXE_edge-agent"))
        .args(["--log-format", "json", "run", "--config"])
        .arg(&config)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let pid = agent.id().to_string();
    let kill = |signal: &str| Command::new("kill").args([signal, &pid]).status().unwrap();
    let mut seen = Vec::new();
    for line in BufReader::new(agent.stderr.take().unwrap()).lines() {
        let line: serde_json::Value = serde_json::from_str(&line.unwrap()).unwrap();
        let message = line["fields"]["message"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        match message.as_str() {
            "watching" => assert!(kill("-HUP").success()),
            "another configuration is in force" => assert!(kill("-TERM").success()),
            _ => {}
        }
        seen.push(message);
    }
    assert_eq!(agent.wait().unwrap().code(), Some(0));
    // What another task was about to say may still come after it.
    assert!(seen.iter().any(|message| message == "stopping"), "{seen:?}");
}

#[test]
fn exit_codes_tell_usage_from_what_is_missing() {
    let dir = tempfile::tempdir().unwrap();
    let good = write_config(dir.path(), SWITCHED_OFF);
    let good = good.to_str().unwrap();
    assert_eq!(
        edge_agent(&["config", "check", good]).status.code(),
        Some(0)
    );
    assert_eq!(
        edge_agent(&["config", "check", "/nowhere.toml"])
            .status
            .code(),
        Some(64)
    );
    assert_eq!(edge_agent(&["no-such-command"]).status.code(), Some(64));
    assert_eq!(edge_agent(&["--help"]).status.code(), Some(0));
    let bad = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/fixtures/config/bad/zone_with_two_points.toml"
    );
    let refused = edge_agent(&["run", "--config", bad]);
    assert_eq!(refused.status.code(), Some(64));
    let text = String::from_utf8_lossy(&refused.stderr);
    assert!(
        text.contains("zone_with_two_points.toml:15:11: cameras[0].zones[0].polygon"),
        "{text}"
    );

    // The state folder cannot be made below a file.
    fs::write(dir.path().join("state"), "in the way").unwrap();
    let refused = edge_agent(&["run", "--config", good]);
    assert_eq!(refused.status.code(), Some(69));
    let text = String::from_utf8_lossy(&refused.stderr);
    assert!(text.contains("state/spool.db"), "{text}");
    assert_eq!(
        edge_agent(&["spool", "inspect", "/nowhere.db"])
            .status
            .code(),
        Some(69)
    );
}
