//! Presets under cameras, what is in force and where it comes from, the schema, and configurations of earlier versions.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "what helps a test may fail like one"
)]

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use analytics::rule::{RuleKind, RuleSpec};
use edge_agent::config::{self, ConfigErrors, Settings, args::Of, schema::schema};
use serde_json::{Value, json};

const HEAD: &str =
    "[node]\nregion = \"r\"\nsite = \"s\"\nname = \"n\"\n[mqtt]\nhost = \"localhost\"\n";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures/config")
        .join(name)
}

fn try_text(text: &str) -> Result<Settings, ConfigErrors> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("edge-agent.toml");
    fs::write(&path, text).unwrap();
    config::load_with(&path, &|_| None)
}

fn load_text(text: &str) -> Settings {
    try_text(text).unwrap_or_else(|e| panic!("{e}\n{text}"))
}

fn presets() -> Vec<(String, String)> {
    let files = fs::read_dir(root().join("config/presets")).unwrap();
    let mut presets: Vec<(String, String)> = files
        .map(|file| {
            let path = file.unwrap().path();
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            (name, fs::read_to_string(&path).unwrap())
        })
        .collect();
    presets.sort();
    presets
}

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

#[test]
fn the_schemas_that_are_checked_in_are_those_of_the_types() {
    for (of, name) in [
        (Of::Agent, "edge-agent"),
        (Of::Cameras, "cameras"),
        (Of::Preset, "preset"),
    ] {
        let path = root().join(format!("config/{name}.schema.json"));
        let now = format!("{:#}\n", schema(of));
        if std::env::var_os("UPDATE_SCHEMAS").is_some() {
            fs::write(&path, &now).unwrap();
        }
        let kept = fs::read_to_string(&path).unwrap_or_default();
        assert!(
            kept == now,
            "{}: run this test with UPDATE_SCHEMAS=1",
            path.display()
        );
    }
}

fn faults(of: Of, toml: &str) -> Vec<String> {
    let table: toml::Table = toml::from_str(toml).unwrap();
    let schema = jsonschema::validator_for(&schema(of)).unwrap();
    let value = serde_json::to_value(table).unwrap();
    let faults = schema.iter_errors(&value);
    faults
        .map(|fault| format!("{}: {fault}", fault.instance_path()))
        .collect()
}

#[test]
fn an_editor_takes_what_the_loader_takes_and_marks_what_it_refuses() {
    let example = fs::read_to_string(root().join("config/edge-agent.example.toml")).unwrap();
    assert_eq!(faults(Of::Agent, &example), [""; 0]);
    let good = fs::read_to_string(fixture("good.toml")).unwrap();
    assert_eq!(faults(Of::Agent, &good), [""; 0]);
    for (name, preset) in presets() {
        assert_eq!(faults(Of::Preset, &preset), [""; 0], "{name}");
    }
    let wrong = good.replace(
        "min_seconds = 240.0",
        "min_secnds = 240.0\nseverity = \"high\"",
    );
    let marked = faults(Of::Agent, &wrong);
    assert_eq!(marked.len(), 2, "{marked:?}");
}

/// Every leaf of the schema below the tables that `config` has, as a path of keys, with its schema.
fn leaves(
    schema: &Value,
    config: &toml::Value,
    path: &[String],
    found: &mut Vec<(Vec<String>, Value)>,
) {
    let Some(properties) = schema["properties"].as_object() else {
        return;
    };
    for (key, below) in properties {
        let path = [path, std::slice::from_ref(key)].concat();
        let inside = config.get(key);
        match (below["type"].as_str(), inside) {
            (Some("object"), Some(inside)) => leaves(below, inside, &path, found),
            (Some("object"), None) => {}
            (Some("array"), _) if below["items"]["type"] == "object" => {
                if let Some(first) = inside.and_then(|list| list.get(0)) {
                    leaves(&below["items"], first, &path, found);
                }
            }
            _ => found.push((path, below.clone())),
        }
    }
}

/// The configuration with another value at a path; lists stand for their first item.
fn with(config: &toml::Table, path: &[String], value: toml::Value) -> String {
    fn set(table: &mut toml::Value, path: &[String], value: toml::Value) {
        let table = match table {
            toml::Value::Array(list) => &mut list[0],
            table => table,
        };
        match path {
            [key] => drop(table.as_table_mut().unwrap().insert(key.clone(), value)),
            [key, rest @ ..] => set(&mut table[key.as_str()], rest, value),
            [] => unreachable!("a path has keys"),
        }
    }
    let mut config = toml::Value::Table(config.clone());
    set(&mut config, path, value);
    toml::to_string(&config).unwrap()
}

fn toml_of(value: &Value) -> toml::Value {
    toml::Value::try_from(value).unwrap()
}

/// The example with one of every table.
fn full() -> toml::Table {
    let example = fs::read_to_string(root().join("config/edge-agent.example.toml")).unwrap();
    let mut full: toml::Table = toml::from_str(&example).unwrap();
    for table in ["archive", "replay", "commands", "spool", "inference"] {
        full.entry(table).or_insert(toml::Table::new().into());
    }
    let camera = full["cameras"][0].as_table_mut().unwrap();
    let second = |text: &str| toml::from_str::<toml::Table>(text).unwrap();
    let cascade = second("id = \"colour\"\nmodel = \"m\"");
    camera.insert(
        "cascades".to_owned(),
        vec![toml::Value::from(cascade)].into(),
    );
    camera.insert("likeness".to_owned(), second("model = \"m\"").into());
    full
}

#[test]
fn the_schema_knows_the_defaults_and_the_bounds_of_the_checks() {
    let full = full();
    let mut usual = load_text(&toml::to_string(&full).unwrap());
    let mut found = Vec::new();
    leaves(
        &schema(Of::Agent),
        &toml::Value::Table(full.clone()),
        &[],
        &mut found,
    );
    assert!(found.len() > 120, "{}", found.len());
    let (mut defaults, mut bounds, mut choices) = (0, 0, 0);
    usual.revision.clear();
    usual.cameras[0].typed.clear();
    for (path, schema) in found {
        let name = path.join(".");
        if let Some(default) = schema.get("default") {
            let mut written = load_text(&with(&full, &path, toml_of(default)));
            written.revision.clear();
            written.cameras[0].typed.clear();
            let same = |settings: &Settings| {
                // Relative paths begin at a folder that is another each time.
                let text = format!("{settings:?}");
                text.split("/tmp/")
                    .map(|part| {
                        part.split_once('/')
                            .map_or(part, |(_, rest)| rest)
                            .to_owned()
                    })
                    .collect::<Vec<_>>()
            };
            assert_eq!(same(&written), same(&usual), "{name} = {default}");
            defaults += 1;
        }
        for (bound, step) in [("minimum", -1.0), ("maximum", 1.0)] {
            let Some(bound) = schema.get(bound).and_then(Value::as_f64) else {
                continue;
            };
            let beyond = match schema["type"].as_str() {
                Some("integer") if bound + step < 0.0 => continue,
                Some("integer") => json!((bound + step) as i64),
                _ => json!(bound + step * 0.001_f64.max(bound.abs() * 0.001)),
            };
            let refused = try_text(&with(&full, &path, toml_of(&beyond)));
            assert!(refused.is_err(), "{name} = {beyond} was accepted");
            bounds += 1;
        }
        if schema.get("enum").is_some() {
            let refused = try_text(&with(&full, &path, "nonsense".into()));
            assert!(refused.is_err(), "{name}: nonsense was accepted");
            choices += 1;
        }
        let other = if schema["type"] == "boolean" {
            json!("x")
        } else {
            json!(true)
        };
        let refused = try_text(&with(&full, &path, toml_of(&other))).expect_err(&name);
        let key = path.last().unwrap();
        assert!(
            refused
                .to_string()
                .contains(&format!("{key}: found true, expected"))
                || refused
                    .to_string()
                    .contains(&format!("{key}: found \"x\", expected"))
                || refused
                    .to_string()
                    .contains(&format!("{key}: found something else, expected")),
            "{name}: {refused}"
        );
    }
    assert!(
        defaults > 40 && bounds > 40 && choices > 8,
        "{defaults} {bounds} {choices}"
    );
}

#[test]
fn each_kind_of_rule_is_bounded_in_the_schema_as_in_the_checks() {
    let full = full();
    let whole = schema(Of::Agent);
    let kinds = whole
        .pointer("/properties/cameras/items/properties/rules/items/allOf")
        .unwrap();
    let rules = full["cameras"][0]["rules"].as_array().unwrap();
    let mut tried = 0;
    for kind in kinds.as_array().unwrap() {
        let name = kind["if"]["properties"]["kind"]["const"].as_str().unwrap();
        let place = rules
            .iter()
            .position(|rule| rule["kind"].as_str() == Some(name))
            .expect(name);
        for (key, bounds) in kind["then"]["properties"].as_object().unwrap() {
            for (bound, step) in [("minimum", -0.01), ("maximum", 0.01)] {
                let Some(bound) = bounds.get(bound).and_then(Value::as_f64) else {
                    continue;
                };
                let mut config = full.clone();
                let rule = config["cameras"][0]["rules"][place].as_table_mut().unwrap();
                rule.insert(key.clone(), (bound + step).into());
                let refused = try_text(&toml::to_string(&config).unwrap());
                assert!(
                    refused.is_err(),
                    "{name}.{key}: beyond {bound} was accepted"
                );
                tried += 1;
            }
        }
    }
    assert!(tried > 100, "{tried}");
}
