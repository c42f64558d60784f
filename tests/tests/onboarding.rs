//! A camera's first day: found on the network, looked at, and written down so that a node takes it.

#![expect(
    clippy::unwrap_used,
    reason = "a failing step of a test ends it and says why"
)]

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Command, Output},
};

use camera_sim::serve::{CameraSettings, Credentials, Password, Server, ServerSettings};
use serde_json::Value;
use tests::harness::{binary, clip_of_a_day, free_port, workspace};

const PASSWORD: &str = "seven-doors";

fn edge_agent(arguments: &[&str]) -> Output {
    let mut command = Command::new(binary("edge-agent").unwrap());
    command.args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn password(folder: &Path, password: &str) -> String {
    let file = folder.join("password");
    fs::write(&file, password).unwrap();
    file.to_string_lossy().into_owned()
}

/// Runs the agent in a network of its own with a camera on it; see tests/onboarding/network.sh.
fn on_a_network(arguments: &[&str]) -> Output {
    let root = workspace();
    let port = free_port().unwrap().to_string();
    let mut command = Command::new(root.join("tests/onboarding/network.sh"));
    command
        .arg(root.join(".cache/wsdiscovery/bin/python"))
        .arg(&port);
    command
        .arg(binary("camera-sim").unwrap())
        .arg(clip_of_a_day().unwrap());
    command.arg(binary("edge-agent").unwrap()).args(arguments);
    command.output().unwrap()
}

#[test]
fn a_camera_on_the_network_is_found_and_tells_its_streams_to_who_has_its_login() {
    let folder = tempfile::tempdir().unwrap();
    let run = on_a_network(&["discover", "--seconds", "2", "--json"]);
    assert_eq!(
        run.status.code(),
        Some(0),
        "{}{}",
        text(&run.stdout),
        text(&run.stderr)
    );
    let found: Value = serde_json::from_slice(&run.stdout).unwrap();
    assert_eq!(found.as_array().unwrap().len(), 1, "{found}");
    let camera = &found[0];
    assert_eq!(
        (&camera["host"], &camera["name"]),
        (&"10.77.0.1".into(), &"East gate".into())
    );
    assert_eq!(
        camera["notes"][0],
        "ONVIF: it wants a login: --user and --password-file"
    );

    let right = password(folder.path(), PASSWORD);
    let login = ["--user", "viewer", "--password-file", &right];
    let run = on_a_network(&[&["discover", "--seconds", "2", "--json"], &login[..]].concat());
    let found: Value = serde_json::from_slice(&run.stdout).unwrap();
    let profiles = found[0]["profiles"].as_array().unwrap();
    let told: Vec<(&Value, &Value)> = profiles
        .iter()
        .map(|one| (&one["name"], &one["size"][0]))
        .collect();
    assert_eq!(
        told,
        [(&"main".into(), &640.into()), (&"sub".into(), &320.into())],
        "{found}"
    );
    let url = profiles[0]["url"].as_str().unwrap();
    assert!(
        url.starts_with("rtsp://127.0.0.1:") && url.ends_with("/door?profile=main"),
        "{url}"
    );

    let wrong = password(folder.path(), "eight doors");
    let login = ["--user", "viewer", "--password-file", &wrong];
    let run = on_a_network(&[&["discover", "--seconds", "2", "--json"], &login[..]].concat());
    let found: Value = serde_json::from_slice(&run.stdout).unwrap();
    assert_eq!(
        found[0]["notes"].as_array().unwrap().len(),
        1,
        "it is tried once: {found}"
    );
    assert_eq!(
        found[0]["notes"][0],
        "ONVIF: it refuses the login (NotAuthorized)"
    );
}

fn locked(folder: &Path) -> Server {
    let clip = clip_of_a_day().unwrap();
    let mut camera = CameraSettings::new("door", &clip);
    camera.credentials = Some(Credentials {
        user: "viewer".to_owned(),
        password: Password::new(PASSWORD.to_owned()),
    });
    Server::start(ServerSettings::loopback(folder.join("cache"), vec![camera])).unwrap()
}

#[test]
fn a_host_is_asked_for_paths_and_a_wrong_login_is_shown_to_it_once() {
    let folder = tempfile::tempdir().unwrap();
    let server = locked(folder.path());
    let url = server.url("door");
    let host = url
        .trim_start_matches("rtsp://")
        .split('/')
        .next()
        .unwrap()
        .to_owned();
    let discover = |more: &[&str]| {
        let fixed = [
            "discover",
            "--seconds",
            "0",
            "--host",
            &host,
            "--path",
            "/door",
            "--json",
        ];
        let run = edge_agent(&[&fixed, more].concat());
        serde_json::from_slice::<Value>(&run.stdout).unwrap()[0].clone()
    };
    assert_eq!(discover(&[])["locked"][0], url);
    let file = password(folder.path(), PASSWORD);
    let login = ["--user", "viewer", "--password-file", &file];
    assert_eq!(discover(&login)["streams"], serde_json::json!([url]));
    fs::write(&file, "wrong").unwrap();
    let refused = discover(&login);
    assert_eq!(
        refused["notes"][0],
        "RTSP: it refuses the login; no more is tried, cameras lock accounts"
    );
    assert_eq!(
        (&refused["streams"], &refused["locked"]),
        (&Value::Null, &Value::Null)
    );
}

#[test]
fn a_stream_is_looked_at_and_written_down_so_that_a_node_takes_it() {
    let folder = tempfile::tempdir().unwrap();
    let server = locked(folder.path());
    let url = server.url("door");
    let refused = edge_agent(&["probe", &url, "--seconds", "2"]);
    assert_eq!(refused.status.code(), Some(69));
    let why = text(&refused.stderr);
    assert!(
        why.contains("refused the login (401); check the user and the password"),
        "{why}"
    );

    let (cameras, picture) = (
        folder.path().join("cameras.d"),
        folder.path().join("look.html"),
    );
    let login = format!("rtsp://viewer:{PASSWORD}@");
    let (address, out, page) = (
        url.replace("rtsp://", &login),
        cameras.to_string_lossy(),
        picture.to_string_lossy(),
    );
    let write = [
        "probe",
        &address,
        "--id",
        "gate",
        "--write",
        &out,
        "--picture",
        &page,
    ];
    let run = edge_agent(&write);
    let told = text(&run.stdout);
    assert_eq!(run.status.code(), Some(0), "{told}{}", text(&run.stderr));
    for line in [
        "codec         h264",
        "size          640 x 360",
        "rate          5.0 pictures a second",
        "packets lost  0",
    ] {
        assert!(told.lines().any(|one| one == line), "{line:?} in {told}");
    }
    let said = |name: &str| {
        told.lines()
            .find(|line| line.starts_with(name))
            .unwrap_or_default()
            .to_owned()
    };
    assert!(said("key picture").ends_with(" s"), "{told}");
    assert!(said("bit rate").contains(" kbit/s, "), "{told}");
    assert!(said("clock").contains(" s to this machine's"), "{told}");
    assert!(!(told + &text(&run.stderr)).contains(PASSWORD));
    assert!(
        fs::read_to_string(&picture)
            .unwrap()
            .contains("data:image/jpeg;base64,")
    );

    // What it wrote is a camera of a node, with its password where nobody else reads it.
    let secret = cameras.join("gate.password");
    assert_eq!(
        fs::metadata(&secret).unwrap().permissions().mode() & 0o777,
        0o600
    );
    assert!(
        !fs::read_to_string(cameras.join("gate.toml"))
            .unwrap()
            .contains(PASSWORD)
    );
    let main = folder.path().join("edge-agent.toml");
    let node =
        "node = { region = \"r\", site = \"s\", name = \"n\" }\nmqtt = { host = \"127.0.0.1\" }\n";
    fs::write(&main, node).unwrap();
    let check = edge_agent(&["config", "check", &main.to_string_lossy()]);
    assert_eq!(check.status.code(), Some(0), "{}", text(&check.stderr));
    let explained = text(
        &edge_agent(&[
            "config",
            "explain",
            &main.to_string_lossy(),
            "cameras[gate].url",
        ])
        .stdout,
    );
    assert!(
        explained.starts_with(&format!("cameras[gate].url = {url:?}")),
        "{explained}"
    );

    let again = edge_agent(&write);
    assert_eq!(
        again.status.code(),
        Some(69),
        "what is there is not written over"
    );
}
