//! The schema that editors have, beside what the loader says.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "what helps a test may fail like one"
)]

mod config_text;

use std::fs;

use config_text::{fixture, load_text, presets, root, try_text};
use edge_agent::config::{Settings, args::Of, schema::schema};
use serde_json::{Value, json};

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
