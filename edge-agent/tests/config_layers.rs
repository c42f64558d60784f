//! Presets under cameras, what is in force and where it comes from, and configurations of earlier versions.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "what helps a test may fail like one"
)]

mod config_text;

use std::{fs, process::Command};

use analytics::rule::{RuleKind, RuleSpec};
use config_text::{fixture, load_text, presets, root};
use edge_agent::config;

const HEAD: &str =
    "[node]\nregion = \"r\"\nsite = \"s\"\nname = \"n\"\n[mqtt]\nhost = \"localhost\"\n";

/// A camera that has drawn all that the preset names.
fn camera_of(name: &str, preset: &str) -> String {
    let table: toml::Table = toml::from_str(preset).unwrap();
    let rules = table["camera"]["rules"].as_array().unwrap();
    let mut zones: Vec<&str> = rules
        .iter()
        .filter_map(|rule| rule.get("zone")?.as_str())
        .collect();
    zones.sort_unstable();
    zones.dedup();
    let shapes = zones.iter().map(|zone| {
        format!(
            "[[cameras.zones]]\nid = \"{zone}\"\npolygon = [[0.1, 0.1], [0.9, 0.1], [0.5, 0.9]]\n"
        )
    });
    let mut lines: Vec<&str> = rules
        .iter()
        .filter_map(|rule| rule.get("line")?.as_str())
        .collect();
    lines.dedup();
    let lines = lines.iter().map(|line| {
        format!("[[cameras.lines]]\nid = \"{line}\"\nfrom = [0.1, 0.5]\nto = [0.9, 0.5]\n")
    });
    let shapes: String = shapes.chain(lines).collect();
    format!(
        "{HEAD}[[cameras]]\nid = \"a\"\nurl = \"rtsp://192.0.2.1/\"\npreset = \"{name}\"\n\
         time_zone = \"Asia/Tashkent\"\n\
         calibration = {{ rectangle = [[0.3, 0.95], [0.7, 0.95], [0.6, 0.62], [0.4, 0.62]], sides_m = [7, 18] }}\n{shapes}"
    )
}

#[test]
fn every_preset_loads_and_all_of_its_rules_watch_once_its_shapes_are_drawn() {
    let presets = presets();
    assert_eq!(presets.len(), 7);
    for (name, text) in presets {
        let drawn = load_text(&camera_of(&name, &text));
        let table: toml::Table = toml::from_str(&text).unwrap();
        let rules = table["camera"]["rules"].as_array().unwrap().len();
        assert_eq!(drawn.cameras[0].scene.rules.len(), rules, "{name}");
        assert!(drawn.cameras[0].idle_rules.is_empty(), "{name}");
        // With nothing drawn, what needs no shape watches, and the rest is said.
        let bare = format!(
            "{HEAD}[[cameras]]\nid = \"a\"\nurl = \"rtsp://192.0.2.1/\"\npreset = \"{name}\"\n"
        );
        let bare = &load_text(&bare).cameras[0];
        assert_eq!(
            bare.scene.rules.len() + bare.idle_rules.len(),
            rules,
            "{name}"
        );
        assert!(
            bare.scene
                .rules
                .iter()
                .all(|r| r.rule.kind() == RuleKind::Tamper),
            "{name}"
        );
        // The bundled model knows every class that the rules name.
        let manifest = fs::read_to_string(root().join("models/street-nano/model.toml")).unwrap();
        let manifest: toml::Table = toml::from_str(&manifest).unwrap();
        let labels = manifest["labels"].as_array().unwrap();
        let classes = drawn.cameras[0]
            .scene
            .rules
            .iter()
            .flat_map(|rule| &rule.classes);
        for class in classes {
            assert!(
                labels.iter().any(|label| label.as_str() == Some(class)),
                "{name}: {class}"
            );
        }
    }
}

#[test]
fn a_camera_goes_before_its_preset_key_by_key() {
    let zone = "[[cameras.zones]]\nid = \"gate\"\npolygon = [[0.1, 0.1], [0.9, 0.1], [0.5, 0.9]]\n";
    let camera = "[[cameras]]\nid = \"a\"\nurl = \"rtsp://192.0.2.1/\"\npreset = \"school-gate\"\npriority = 3\n";
    let own = "[[cameras.rules]]\nid = \"hanging-about\"\nmin_seconds = 240.0\n\
               [[cameras.rules]]\nid = \"panic\"\nenabled = false\n\
               [[cameras.rules]]\nid = \"mine\"\nkind = \"intrusion\"\nzone = \"gate\"\n";
    let settings = load_text(&format!("{HEAD}{camera}{zone}{own}"));
    let camera = &settings.cameras[0];
    assert_eq!((camera.priority, camera.analysis_fps), (3, 8.0));
    let ids: Vec<&str> = camera
        .scene
        .rules
        .iter()
        .map(|rule| rule.id.as_str())
        .collect();
    assert_eq!(
        ids,
        [
            "hanging-about",
            "gathering",
            "collapsed",
            "left-behind",
            "tamper",
            "mine"
        ]
    );
    assert!(
        matches!(&camera.scene.rules[0].rule, RuleSpec::Loitering { min_duration, .. } if min_duration.as_secs() == 240)
    );
    assert_eq!(camera.scene.rules[0].classes, ["person"]);
    let idle: Vec<_> = camera.idle_rules.iter().collect();
    insta::assert_debug_snapshot!(idle, @r#"
    [
        (
            "in-yard",
            "zone \"yard\"",
        ),
        (
            "parked-at-gate",
            "zone \"drop-off\"",
        ),
    ]
    "#);
}

#[test]
fn an_installations_own_preset_goes_before_the_one_that_ships() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("presets")).unwrap();
    let path = dir.path().join("edge-agent.toml");
    let camera = "[[cameras]]\nid = \"a\"\nurl = \"rtsp://192.0.2.1/\"\npreset = \"park\"\n";
    fs::write(&path, format!("{HEAD}{camera}")).unwrap();
    let own = dir.path().join("presets/park.toml");
    fs::write(&own, "about = \"ours\"\n[camera]\nanalysis_fps = 2.5\n").unwrap();
    let settings = config::load(&path).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(settings.cameras[0].analysis_fps, 2.5);
    fs::write(
        &own,
        "[camera]\nurl = \"rtsp://192.0.2.1/\"\nanalysis_fsp = 2.5\n",
    )
    .unwrap();
    let errors = config::load(&path).unwrap_err().to_string();
    let errors = errors.replace(&format!("{}/", dir.path().display()), "");
    insta::assert_snapshot!(errors, @r#"
    presets/park.toml:1:1: about: is missing
    presets/park.toml:2:7: camera.url: url is one camera's own and stands in no preset
    presets/park.toml:3:1: camera.analysis_fsp: unknown key, did you mean "analysis_fps"?
    "#);
}

fn edge_agent(arguments: &[&str]) -> (Option<i32>, String) {
    let run = Command::new(env!("CARGO_BIN_EXE_edge-agent"))
        .args(arguments)
        .output()
        .unwrap();
    (run.status.code(), String::from_utf8(run.stdout).unwrap())
}

#[test]
fn what_is_in_force_is_told_with_where_it_comes_from() {
    let good = fixture("good.toml");
    let path = good.to_string_lossy();
    let (code, told) = edge_agent(&["config", "explain", &path]);
    assert_eq!(code, Some(0), "{told}");
    let told = told.replace(&*path, "good.toml");
    insta::assert_snapshot!(told);
    let (_, some) = edge_agent(&["config", "explain", &path, "cameras[gate].rules[panic]"]);
    assert!(
        some.lines().count() > 3
            && some
                .lines()
                .all(|line| line.starts_with("cameras[gate].rules[panic]."))
    );
    let (code, checked) = edge_agent(&["config", "check", &path]);
    assert_eq!(code, Some(0));
    assert!(
        checked.contains(
            "note: camera gate: rule parked-at-gate of its preset waits for zone \"drop-off\""
        ),
        "{checked}"
    );
}

#[test]
fn presets_are_listed_with_what_they_wait_for() {
    let (code, told) = edge_agent(&["config", "presets"]);
    assert_eq!(code, Some(0));
    insta::assert_snapshot!(told);
}

#[test]
fn the_configuration_of_the_version_before_loads_and_means_the_same() {
    let before = fixture("earlier/before-presets.toml");
    let settings = config::load(&before).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(settings.archive.max_clip.as_secs(), 20);
    let (code, told) = edge_agent(&["config", "check", &before.to_string_lossy()]);
    assert_eq!(code, Some(0));
    assert!(
        told.contains("archive.pre_roll_seconds is called archive.pre_roll now"),
        "{told}"
    );
    // Written anew it says the same, and what was there stays beside it.
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("edge-agent.toml");
    fs::copy(&before, &path).unwrap();
    let file = path.to_string_lossy();
    let (_, told) = edge_agent(&["config", "migrate", &file]);
    assert!(
        told.contains(":92:1: archive.pre_roll_seconds -> archive.pre_roll"),
        "{told}"
    );
    assert_eq!(fs::read(&path).unwrap(), fs::read(&before).unwrap());
    edge_agent(&["config", "migrate", &file, "--write"]);
    let now = fs::read_to_string(&path).unwrap();
    assert!(
        now.contains("pre_roll = \"5s\"") && now.contains("# a clip begins at the key picture"),
        "{now}"
    );
    assert_eq!(
        fs::read(dir.path().join("edge-agent.toml.before")).unwrap(),
        fs::read(&before).unwrap()
    );
    let migrated = config::load(&path).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(
        format!("{:?}", migrated.archive),
        format!("{:?}", settings.archive)
    );
    assert_eq!(migrated.revision, settings.revision);
    let (_, told) = edge_agent(&["config", "migrate", &file]);
    assert!(told.contains("nothing to rename"), "{told}");
}
