//! Sixty slips of the hand, one at a time, and what is said of each: a golden text.

#![expect(clippy::unwrap_used, reason = "what helps a test may fail like one")]

use std::{fmt::Write as _, fs, path::Path};

use edge_agent::config;

/// A good configuration with two cameras; a slip replaces one of its lines, or stands behind the last.
const GOOD: &str = include_str!("fixtures/config/good.toml");

/// What is replaced (the last line where it is empty), and by what.
const SLIPS: &[(&str, &str)] = &[
    // the file
    ("[node]", "[node"),
    ("[node]", "[nod]"),
    ("region = \"tashkent\"", "region = tashkent"),
    ("region = \"tashkent\"", "region = \"tash kent\""),
    ("region = \"tashkent\"", ""),
    ("region = \"tashkent\"", "region = 7"),
    ("site = \"school-7\"", "site = \"school/7\""),
    ("name = \"edge-1\"", "name = \"\""),
    ("name = \"edge-1\"", "name = \"edge-1\"\nname = \"edge-2\""),
    ("[node]", "state_dri = \"/var/lib/x\"\n[node]"),
    // the broker
    ("host = \"localhost\"", "hsot = \"localhost\""),
    ("host = \"localhost\"", "host = \"broker.example\""),
    ("host = \"localhost\"", "host = \"mqtt://localhost\""),
    ("host = \"localhost\"", "host = \"localhost\"\nport = 0"),
    (
        "host = \"localhost\"",
        "host = \"localhost\"\nport = \"1883\"",
    ),
    (
        "host = \"localhost\"",
        "host = \"localhost\"\npassword = \"hunter2\"",
    ),
    (
        "host = \"localhost\"",
        "host = \"localhost\"\nuser = \"edge-1\"",
    ),
    (
        "host = \"localhost\"",
        "host = \"localhost\"\npassword_env = \"NOT_SET\"\nuser = \"u\"",
    ),
    (
        "host = \"localhost\"",
        "host = \"localhost\"\nca_file = \"nowhere.pem\"",
    ),
    (
        "host = \"localhost\"",
        "host = \"localhost\"\nversion = \"4\"",
    ),
    (
        "host = \"localhost\"",
        "host = \"localhost\"\nkeep_alive = 30",
    ),
    (
        "host = \"localhost\"",
        "host = \"localhost\"\nkeep_alive = \"1s\"",
    ),
    (
        "host = \"localhost\"",
        "host = \"localhost\"\nbytes_per_second = 64",
    ),
    (
        "host = \"localhost\"",
        "host = \"localhost\"\npath = \"/mqtt\"",
    ),
    (
        "host = \"localhost\"",
        "host = \"localhost\"\nonvif_prefix = \"a//b\"",
    ),
    // the rest of the node
    ("[[cameras]]", "[spool]\ntotal_mib = 8\n[[cameras]]"),
    (
        "[[cameras]]",
        "[inference]\nprovider = \"gpu\"\n[[cameras]]",
    ),
    ("[[cameras]]", "[inference]\nsessions = 0\n[[cameras]]"),
    (
        "[[cameras]]",
        "[http]\nlisten = \"0.0.0.0:9464\"\n[[cameras]]",
    ),
    ("[[cameras]]", "[commands]\nkeys = [\"rsa:7\"]\n[[cameras]]"),
    (
        "[[cameras]]",
        "[archive]\nrecipient = \"AGE-SECRET-KEY-1\"\n[[cameras]]",
    ),
    ("[[cameras]]", "[archive]\npre_roll = \"2h\"\n[[cameras]]"),
    (
        "[[cameras]]",
        "[archive]\npre_roll = \"2s\"\npre_roll_seconds = 3\n[[cameras]]",
    ),
    ("[[cameras]]", "[replay]\nenabled = true\n[[cameras]]"),
    // a camera
    ("id = \"gate\"", "id = \"yard\""),
    ("id = \"gate\"", "id = \"ga+te\""),
    ("rtsp://192.0.2.10/a", "http://192.0.2.10/a"),
    ("rtsp://192.0.2.10/a", "rtsp://viewer:hunter2@192.0.2.10/a"),
    ("rtsp://192.0.2.10/a", "rtsp://192.0.2.10/a?pwd=hunter2"),
    ("preset = \"school-gate\"", "preset = \"schoolgate\""),
    ("preset = \"school-gate\"", "preset = \"airport\""),
    ("preset = \"school-gate\"", "preset = 7"),
    ("analysis_fps = 4.0", "analysis_fps = 400"),
    ("analysis_fps = 4.0", "analysis_fps = \"4\""),
    ("analysis_fps = 4.0", "tiles = [2]"),
    ("analysis_fps = 4.0", "tiles = [0, 9]"),
    ("analysis_fps = 4.0", "gate = \"mtion\""),
    ("analysis_fps = 4.0", "latitude = 41.3"),
    ("analysis_fps = 4.0", "latitude = 410.3\nlongitude = 69.2"),
    ("analysis_fps = 4.0", "model = \"../nano\""),
    ("analysis_fps = 4.0", "decoder = \"gpu\""),
    ("analysis_fps = 4.0", "stall_timeout = \"10\""),
    ("analysis_fps = 4.0", "motion_masks = [\"sky\"]"),
    ("analysis_fps = 4.0", "time_zone = \"Asia/Tashkend\""),
    // its zones, lines and rules
    (
        "[0.1, 0.1], [0.9, 0.1], [0.5, 0.9]",
        "[0.1, 0.1], [0.9, 0.1]",
    ),
    (
        "[0.1, 0.1], [0.9, 0.1], [0.5, 0.9]",
        "[0.1, 0.1], [0.9, 0.1], [0.5, 9]",
    ),
    (
        "[0.1, 0.1], [0.9, 0.1], [0.5, 0.9]",
        "[0.1, 0.1], [0.9, 0.1], [0.5, \"a\"]",
    ),
    ("kind = \"loitering\"", "kind = \"loitring\""),
    ("kind = \"loitering\"", ""),
    ("zone = \"ground\"", "zone = \"gruond\""),
    ("zone = \"ground\"", "line = \"ground\""),
    ("min_seconds = 20.0", ""),
    ("min_seconds = 20.0", "min_secnds = 20.0"),
    ("min_seconds = 20.0", "min_seconds = -1"),
    ("min_seconds = 20.0", "min_seconds = nan"),
    ("min_seconds = 20.0", "min_seconds = 20.0\nmin_count = 3"),
    (
        "min_seconds = 20.0",
        "min_seconds = 20.0\nseverity = \"high\"",
    ),
    (
        "min_seconds = 20.0",
        "min_seconds = 20.0\nclasses = \"person\"",
    ),
    (
        "min_seconds = 20.0",
        "min_seconds = 20.0\nschedule = [\"mon-fri 22:00-06:00\"]",
    ),
    (
        "min_seconds = 20.0",
        "min_seconds = 20.0\nignore_zones = [\"bench\"]",
    ),
    ("from = [0.2, 0.5]", "from = [0.8, 0.5]"),
    // a preset's rule, overridden wrongly
    (
        "id = \"hanging-about\"",
        "id = \"hanging-about\"\nmin_count = 3",
    ),
];

fn refusal(dir: &Path, text: &str) -> String {
    let path = dir.join("edge-agent.toml");
    fs::write(&path, text).unwrap();
    let refused = config::load_with(&path, &|_| None);
    let errors = refused.expect_err(text).to_string();
    errors.replace(&format!("{}/", dir.display()), "")
}

#[test]
fn what_is_good_is_accepted() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("edge-agent.toml");
    fs::write(&path, GOOD).unwrap();
    let settings = config::load_with(&path, &|_| None).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(settings.cameras.len(), 2);
}

#[test]
fn each_slip_has_its_text() {
    assert!(SLIPS.len() >= 60, "{}", SLIPS.len());
    let dir = tempfile::tempdir().unwrap();
    let mut told = String::new();
    for (good, slip) in SLIPS {
        assert!(GOOD.contains(good), "{good}");
        let said = refusal(dir.path(), &GOOD.replacen(good, slip, 1));
        assert!(!said.contains("hunter2"), "a secret is shown: {said}");
        writeln!(told, "{} -> {}\n{said}\n", good, slip.replace('\n', " / ")).unwrap();
    }
    insta::assert_snapshot!(told);
}
