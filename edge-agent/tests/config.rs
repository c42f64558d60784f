//! What an installer reads when the configuration is wrong, and that the examples are right.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use analytics::rule::RuleKind;
use edge_agent::{
    config::{
        self, ConfigErrors, Settings,
        settings::{MqttVersion, Tls},
    },
    inference::folders::SYSTEM,
};

fn load(path: &Path) -> Result<Settings, ConfigErrors> {
    config::load_with(path, &|name| {
        (name == "EDGE_TEST_PASSWORD").then(|| "hunter2".to_owned())
    })
}

/// Writes a configuration with one camera into an empty folder and loads it.
fn load_text(dir: &Path, text: &str) -> Result<Settings, ConfigErrors> {
    let path = dir.join("edge-agent.toml");
    fs::write(&path, text).expect("the temporary folder can be written");
    load(&path)
}

const HEAD: &str =
    "[node]\nregion = \"r\"\nsite = \"s\"\nname = \"n\"\n[mqtt]\nhost = \"localhost\"\n";
const CAMERA: &str = "[[cameras]]\nid = \"a\"\nurl = \"rtsp://192.0.2.1/\"\n";

#[test]
fn every_problem_is_reported_with_its_place() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/config/bad");
    let files = fs::read_dir(&dir)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = files
        .filter(|p| p.extension().is_some_and(|e| e == "toml"))
        .collect();
    files.sort();
    assert!(!files.is_empty());
    for path in files {
        let errors = load(&path).expect_err("a bad configuration was accepted");
        let text = errors
            .to_string()
            .replace(&format!("{}/", dir.display()), "");
        assert!(!text.contains("hunter2"), "a secret is shown: {text}");
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        insta::assert_snapshot!(name, text);
    }
}

#[test]
fn the_annotated_example_loads_and_its_comments_tell_the_defaults() {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../config/edge-agent.example.toml");
    let mut settings = load(&example).unwrap_or_else(|e| panic!("{e}"));
    let camera = &settings.cameras[0];
    let kinds = camera.scene.rules.iter().map(|rule| rule.rule.kind());
    let kinds: Vec<RuleKind> = kinds.collect();
    assert!(
        RuleKind::ALL.iter().all(|kind| kinds.contains(kind)),
        "{kinds:?}"
    );
    // The same file with each commented default switched on gives the same settings.
    let text = fs::read_to_string(&example).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let defaults = [
        "min_score",
        "tiles",
        "analysis_fps",
        "gate",
        "decoder",
        "stall_timeout",
        "frozen_after",
        "totals_every",
        "refused_retry",
        "latency",
        "reel",
        "model",
        "hysteresis",
    ]
    .iter()
    .chain(&[
        "transport",
        "enabled",
        "insecure_tls",
        "direction",
        "min_seconds",
        "tolerance_degrees",
        "min_distance",
        "min_speed_mps",
        "min_share",
        "end_share",
        "every",
        "within_seconds",
        "cool_down_seconds",
        "max_per_minute",
        "min_displacement",
        "severity",
        "state_dir",
        "cell",
        "object",
    ])
    .chain(&["keep_alive", "models_dir", "version", "probe_every"])
    .chain(&["total_mib", "reserved_mib", "status_mib", "thumbnail_mib"])
    .chain(&["snapshot_mib", "clip_mib", "telemetry_mib"])
    .chain(&["clip", "pre_roll", "post_roll", "max_mib"])
    .chain(&[
        "max_clip",
        "keep_days",
        "keep_free_mib",
        "original_roles",
        "max_cases",
    ]);
    let explicit = defaults.fold(text, |text, key| {
        text.replace(&format!("# {key} = "), &format!("{key} = "))
    });
    let mut explicit = load_text(dir.path(), &explicit).unwrap_or_else(|e| panic!("{e}"));
    // What was typed differs, what it means does not.
    for camera in settings.cameras.iter_mut().chain(&mut explicit.cameras) {
        assert!(!std::mem::take(&mut camera.typed).is_empty());
    }
    assert_eq!(
        format!("{:?}", explicit.cameras),
        format!("{:?}", settings.cameras)
    );
    assert_eq!(explicit.state_dir, settings.state_dir);
    assert_eq!(explicit.spool, settings.spool);
    assert_eq!(
        format!("{:?}", explicit.archive),
        format!("{:?}", settings.archive)
    );
    assert_eq!(explicit.replay, settings.replay);
    assert_eq!(explicit.inference.folders.models, Path::new(SYSTEM));
    assert_eq!(explicit.mqtt.keep_alive, settings.mqtt.keep_alive);
    assert_eq!(explicit.mqtt.version, settings.mqtt.version);
    assert_eq!(explicit.mqtt.probe_every, settings.mqtt.probe_every);
}

#[test]
fn brokers_stand_in_their_order_with_the_ports_of_their_transport() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("ca.pem"), "").unwrap();
    let text = format!(
        "{}version = \"3.1.1\"\ntransport = \"websocket\"\nca_file = \"ca.pem\"\n\
         [mqtt.tls]\nalpn = [\"mqtt\"]\nserver_name = \"b.city\"\n\
         [[mqtt.fallback]]\nhost = \"192.0.2.2\"\nport = 9001\n[[mqtt.fallback]]\nhost = \"c\"\n{CAMERA}",
        HEAD.replace("localhost", "192.0.2.1")
    );
    let mqtt = load_text(dir.path(), &text)
        .unwrap_or_else(|e| panic!("{e}"))
        .mqtt;
    let brokers: Vec<String> = mqtt.brokers.iter().map(ToString::to_string).collect();
    assert_eq!(brokers, ["192.0.2.1:443", "192.0.2.2:9001", "c:443"]);
    let names: Vec<bool> = mqtt
        .brokers
        .iter()
        .map(|b| b.server_name.is_some())
        .collect();
    assert_eq!(names, [true, false, false]);
    assert_eq!(
        (mqtt.version, mqtt.websocket.as_deref()),
        (MqttVersion::V311, Some("/mqtt"))
    );
    assert!(matches!(mqtt.tls, Tls::Verified { alpn, .. } if alpn == ["mqtt"]));
}

#[test]
fn a_missing_file_is_named() {
    let errors = load(Path::new("/nowhere/edge-agent.toml")).unwrap_err();
    assert!(
        errors.to_string().starts_with("/nowhere/edge-agent.toml: "),
        "{errors}"
    );
}

#[test]
fn cameras_of_the_folder_come_after_those_of_the_file_and_share_one_name_space() {
    let dir = tempfile::tempdir().unwrap();
    let more = dir.path().join("cameras.d");
    fs::create_dir(&more).unwrap();
    fs::write(more.join("20.toml"), CAMERA.replace("\"a\"", "\"c\"")).unwrap();
    fs::write(more.join("10.toml"), CAMERA.replace("\"a\"", "\"b\"")).unwrap();
    fs::write(more.join("10.toml.bak"), "nonsense").unwrap();
    let settings = load_text(dir.path(), &format!("{HEAD}{CAMERA}")).unwrap();
    let ids: Vec<&str> = settings.cameras.iter().map(|c| c.id.as_str()).collect();
    assert_eq!(ids, ["a", "b", "c"]);

    fs::write(more.join("20.toml"), CAMERA).unwrap();
    let errors = load_text(dir.path(), &format!("{HEAD}{CAMERA}"))
        .unwrap_err()
        .to_string();
    assert!(
        errors.contains("cameras.d/20.toml:2:6") && errors.contains("edge-agent.toml:8"),
        "{errors}"
    );
}

#[test]
fn a_credential_that_cannot_be_read_fails_its_camera_alone() {
    let dir = tempfile::tempdir().unwrap();
    let open = dir.path().join("open");
    fs::write(&open, "hunter2").unwrap();
    fs::set_permissions(&open, fs::Permissions::from_mode(0o644)).unwrap();
    let text = format!(
        "{HEAD}{CAMERA}user = \"u\"\npassword_file = \"missing\"\n{}user = \"u\"\npassword_file = \"open\"\n{}user = \"u\"\npassword_env = \"EDGE_TEST_PASSWORD\"\n",
        CAMERA.replace("\"a\"", "\"b\""),
        CAMERA.replace("\"a\"", "\"c\""),
    );
    let settings = load_text(dir.path(), &text).unwrap_or_else(|e| panic!("{e}"));
    let faults: Vec<Option<&str>> = settings
        .cameras
        .iter()
        .map(|c| c.fault.as_deref())
        .collect();
    assert!(
        faults[0].is_some_and(|f| f.contains(":11:")
            && f.contains("cameras[0].password_file")
            && f.contains("missing")),
        "{faults:?}"
    );
    assert!(
        faults[1].is_some_and(|f| f.contains("chmod 600") && !f.contains("hunter2")),
        "{faults:?}"
    );
    assert_eq!(faults[2], None);
    assert_eq!(
        settings.cameras[2]
            .stream
            .login
            .as_ref()
            .map(|(_, p)| p.reveal()),
        Some("hunter2")
    );
    assert!(
        !format!("{settings:?}").contains("hunter2"),
        "Debug shows a secret"
    );
}

#[test]
fn the_brokers_password_is_needed_by_all_and_refuses_the_whole() {
    let dir = tempfile::tempdir().unwrap();
    let head = format!("{HEAD}user = \"u\"\npassword_file = \"missing\"\n");
    let errors = load_text(dir.path(), &format!("{head}{CAMERA}"))
        .unwrap_err()
        .to_string();
    assert!(
        errors.contains("mqtt.password_file") && errors.contains("missing"),
        "{errors}"
    );
}

#[test]
fn tls_is_the_rule_beyond_this_machine() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("ca.pem"), "").unwrap();
    let head = HEAD.replace("localhost\"", "broker.example\"\nca_file = \"ca.pem\"");
    let settings = load_text(dir.path(), &format!("{head}{CAMERA}")).unwrap();
    assert!(
        matches!(&settings.mqtt.tls, Tls::Verified { ca, client: None, .. } if *ca == dir.path().join("ca.pem"))
    );
    assert_eq!(settings.mqtt.brokers[0].port, 8883);
    assert!(settings.mqtt.insecure.is_empty());
    let plain = HEAD.replace("localhost\"", "broker.example\"\ninsecure_plaintext = true");
    let plain = load_text(dir.path(), &format!("{plain}{CAMERA}")).unwrap();
    assert_eq!(
        plain.mqtt.insecure,
        ["mqtt_plaintext"],
        "what is switched off is said"
    );
    let local = load_text(dir.path(), &format!("{HEAD}{CAMERA}")).unwrap();
    assert_eq!(
        (local.mqtt.brokers[0].port, local.mqtt.insecure.len()),
        (1883, 0)
    );
    assert_eq!(local.mqtt.client_id, "r-s-n");
}

#[test]
fn revisions_follow_the_meaning_and_not_the_typing() {
    let dir = tempfile::tempdir().unwrap();
    let rule = "[[cameras.zones]]\nid = \"z\"\npolygon = [[0.1, 0.1], [0.9, 0.1], [0.5, 0.9]]\n\
                [[cameras.rules]]\nid = \"i\"\nkind = \"intrusion\"\nzone = \"z\"\n";
    let load = |text: &str| load_text(dir.path(), &format!("{HEAD}{CAMERA}{text}")).unwrap();
    let plain = load(rule);
    let commented = load(&format!("{rule}# a comment\n"));
    let moved = load(&rule.replace("0.5, 0.9", "0.5, 0.8"));
    let revision = |s: &Settings| s.cameras[0].revisions["i"].clone();
    assert_eq!(plain.revision, commented.revision);
    assert_ne!(plain.revision, moved.revision);
    assert_eq!(revision(&plain), revision(&commented));
    assert_ne!(revision(&plain), revision(&moved));
    let slower = load(&format!("{rule}min_seconds = 0.5\n"));
    assert_eq!(
        revision(&plain),
        revision(&slower),
        "a default that is written out changes nothing"
    );
    assert_eq!(plain.cameras[0].stream.latency, Duration::from_millis(200));
}
