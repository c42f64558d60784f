//! Tidy: the rules of ARCHITECTURE.md that a compiler does not check. Reads the sources as text.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

/// Longest source file in lines. A longer one has outgrown its room.
const MAX_LINES: usize = 500;

/// Files that may be longer, each with its reason.
const LONGER: &[(&str, usize, &str)] = &[(
    "command-center/console/src/lib/wire.ts",
    1000,
    "generated from view.rs, one type after another",
)];

/// Which rooms each room may depend on.
const ALLOWED: &[(&str, &[&str])] = &[
    ("analytics", &[]),
    ("protocol", &[]),
    ("camera-sim", &[]),
    ("edge-agent", &["analytics", "protocol"]),
    ("command-center", &["protocol"]),
    (
        "benches",
        &[
            "analytics",
            "protocol",
            "camera-sim",
            "edge-agent",
            "command-center",
            "tests",
        ],
    ),
    (
        "tests",
        &[
            "analytics",
            "protocol",
            "camera-sim",
            "edge-agent",
            "command-center",
        ],
    ),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("tests/ lies in the workspace")
        .to_owned()
}

/// Every source file, as a path relative to the root, with its text.
fn sources() -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder of the workspace can be read") {
            let path = entry.expect("a folder entry can be read").path();
            let name = path
                .file_name()
                .and_then(|n| n.to_str())
                .unwrap_or_default()
                .to_owned();
            if path.is_dir() {
                let skip = [
                    "target",
                    "node_modules",
                    "dist",
                    ".git",
                    ".cache",
                    "demo-run",
                    "work",
                ];
                if !skip.contains(&name.as_str()) && !path.is_symlink() {
                    folders.push(path);
                }
            } else if let Ok(text) = fs::read_to_string(&path) {
                let relative = path.strip_prefix(root()).expect("found below the root");
                found.insert(relative.to_string_lossy().into_owned(), text);
            }
        }
    }
    assert!(
        found.len() > 30,
        "only {} files found: is this the workspace?",
        found.len()
    );
    found
}

fn with_ending(sources: &BTreeMap<String, String>, endings: &[&str]) -> Vec<(String, String)> {
    let wanted = |path: &str| endings.iter().any(|e| path.ends_with(e));
    sources
        .iter()
        .filter(|(path, _)| wanted(path))
        .map(|(p, t)| (p.clone(), t.clone()))
        .collect()
}

/// The text with comments of whole lines taken out.
fn code(text: &str) -> String {
    text.lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect::<Vec<_>>()
        .join("\n")
}

fn assert_none(what: &str, offenders: &[String]) {
    assert!(
        offenders.is_empty(),
        "{what}:\n  {}",
        offenders.join("\n  ")
    );
}

#[test]
fn dependencies_run_one_way() {
    let rooms: Vec<&str> = ALLOWED.iter().map(|(room, _)| *room).collect();
    let mut offenders = Vec::new();
    for (room, allowed) in ALLOWED {
        let text = fs::read_to_string(root().join(room).join("Cargo.toml"))
            .expect("every room has a manifest");
        let manifest: toml::Table = text.parse().expect("a manifest is TOML");
        for section in ["dependencies", "dev-dependencies", "build-dependencies"] {
            let Some(table) = manifest.get(section).and_then(|s| s.as_table()) else {
                continue;
            };
            for name in table.keys().filter(|name| rooms.contains(&name.as_str())) {
                if !allowed.contains(&name.as_str()) {
                    offenders.push(format!("{room} -> {name} ({section})"));
                }
            }
        }
    }
    assert_none(
        "dependencies against the direction in ARCHITECTURE.md",
        &offenders,
    );
}

#[test]
fn analytics_is_pure() {
    let text =
        fs::read_to_string(root().join("analytics/Cargo.toml")).expect("analytics has a manifest");
    let manifest: toml::Table = text.parse().expect("a manifest is TOML");
    let table = manifest["dependencies"]
        .as_table()
        .expect("analytics has dependencies");
    let impure = [
        "tokio",
        "gstreamer",
        "ort",
        "serde",
        "serde_json",
        "rand",
        "jiff",
        "tracing",
    ];
    let named: Vec<String> = table
        .keys()
        .filter(|name| impure.contains(&name.as_str()))
        .cloned()
        .collect();
    assert_none("analytics depends on what it must not know", &named);

    let words = [
        "SystemTime",
        "Instant",
        "std::fs",
        "std::env",
        "std::net",
        "std::io",
        "std::thread",
    ];
    let mut offenders = Vec::new();
    for (path, text) in with_ending(&sources(), &[".rs"]) {
        if path.starts_with("analytics/src/") {
            let text = code(&text);
            offenders.extend(
                words
                    .iter()
                    .filter(|w| text.contains(**w))
                    .map(|w| format!("{path}: {w}")),
            );
        }
    }
    assert_none(
        "analytics reads clock, file, socket or environment",
        &offenders,
    );
}

#[test]
fn foreign_runtimes_stay_in_their_rooms() {
    let rooms: &[(&[&str], &[&str])] = &[
        (
            &["gstreamer", "gst::", "gst_app::", "gst_video::"],
            &["edge-agent/src/camera/", "camera-sim/"],
        ),
        (&["ort::"], &["edge-agent/src/inference/"]),
        (
            &["ureq::"],
            &["edge-agent/src/catalogue/", "edge-agent/src/onboarding/"],
        ),
        (&["age::"], &["edge-agent/src/archive/", "command-center/"]),
        (&["unsafe ", "unsafe_code"], &["edge-agent/src/clock.rs"]),
        (
            &["rumqttc::"],
            &[
                "edge-agent/src/sink/",
                "edge-agent/tests/",
                "command-center/",
                "tests/",
            ],
        ),
        (
            &["rusqlite::"],
            &[
                "edge-agent/src/spool/",
                "edge-agent/src/command/",
                "edge-agent/tests/",
                "command-center/",
                "tests/",
            ],
        ),
    ];
    let mut offenders = Vec::new();
    for (path, text) in with_ending(&sources(), &[".rs"]) {
        if path.ends_with("tidy.rs") {
            continue;
        }
        let text = code(&text);
        for (words, homes) in rooms {
            let at_home = homes.iter().any(|home| path.starts_with(home));
            let named = words.iter().find(|w| has_word(&text, w));
            if let (false, Some(word)) = (at_home, named) {
                offenders.push(format!("{path}: {word} belongs to {}", homes.join(", ")));
            }
        }
    }
    assert_none("names outside their room", &offenders);
}

/// Whether `word` stands in `text` and does not merely end a longer name (`port::` is not `ort::`).
fn has_word(text: &str, word: &str) -> bool {
    text.match_indices(word).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || c == '_')
    })
}

#[test]
fn pixels_leave_by_one_gate() {
    // What encodes takes a `Veiled`; a bare one is for somebody at the box: reports on clips, a camera that is being set up.
    let gates: &[(&str, &[&str])] = &[
        ("JpegEncoder", &["edge-agent/src/evidence/snapshot.rs"]),
        (
            "Veiled::bare",
            &[
                "edge-agent/src/evidence/",
                "edge-agent/src/evaluate/",
                "edge-agent/src/onboarding/probe.rs",
            ],
        ),
    ];
    let mut offenders = Vec::new();
    for (path, text) in with_ending(&sources(), &[".rs"]) {
        if !path.starts_with("edge-agent/src/") {
            continue;
        }
        let text = code(&text);
        for (word, homes) in gates {
            if has_word(&text, word) && !homes.iter().any(|home| path.starts_with(home)) {
                offenders.push(format!("{path}: {word}"));
            }
        }
    }
    assert_none("pictures that leave past evidence/veil.rs", &offenders);
}

#[test]
fn incidents_become_messages_in_one_place() {
    let mut offenders = Vec::new();
    for (path, text) in with_ending(&sources(), &[".rs"]) {
        let inside = path.starts_with("edge-agent/src/") && path != "edge-agent/src/report.rs";
        let product = text.split("#[cfg(test)]").next().unwrap_or_default();
        if inside && has_word(&code(product), "IncidentData") {
            offenders.push(path);
        }
    }
    assert_none(
        "IncidentData is built outside edge-agent/src/report.rs",
        &offenders,
    );
}

#[test]
fn files_fit_their_rooms() {
    let mut offenders = Vec::new();
    for (path, text) in with_ending(
        &sources(),
        &[".rs", ".ts", ".svelte", ".py", ".sh", ".mjs", ".css"],
    ) {
        let limit = LONGER
            .iter()
            .find(|(name, ..)| *name == path)
            .map_or(MAX_LINES, |(_, lines, _)| *lines);
        let lines = text.lines().count();
        if lines > limit {
            offenders.push(format!("{path}: {lines} lines, at most {limit}"));
        }
    }
    assert_none("files that have outgrown their room", &offenders);
}

#[test]
fn rooms_have_names_that_say_something() {
    let vague = [
        "common", "core", "util", "utils", "helper", "helpers", "misc", "manager", "imp",
    ];
    let mut offenders = Vec::new();
    for (path, _) in with_ending(&sources(), &[".rs", ".ts", ".svelte", ".py"]) {
        let stems = Path::new(&path)
            .iter()
            .filter_map(|part| part.to_str())
            .map(|p| p.split('.').next().unwrap_or(p));
        if stems.into_iter().any(|stem| vague.contains(&stem)) {
            offenders.push(path);
        }
    }
    assert_none("vague names", &offenders);
}

#[test]
fn no_test_is_ignored() {
    let mark = ["#[", "ignore"].concat();
    let offenders: Vec<String> = with_ending(&sources(), &[".rs"])
        .into_iter()
        .filter(|(_, text)| text.contains(&mark))
        .map(|(p, _)| p)
        .collect();
    assert_none("ignored tests", &offenders);
}

#[test]
fn no_registry_host_is_written_down() {
    let hosts = [
        ["registry.npm", "js.org"].concat(),
        ["pypi", ".org"].concat(),
        ["static.crates", ".io"].concat(),
    ];
    let mut offenders = Vec::new();
    for (path, text) in sources() {
        if path != "Cargo.lock" {
            offenders.extend(
                hosts
                    .iter()
                    .filter(|host| text.contains(*host))
                    .map(|host| format!("{path}: {host}")),
            );
        }
    }
    assert_none("addresses of package registries", &offenders);
}

#[test]
fn decisions_are_numbered_once() {
    let mut numbers = BTreeMap::new();
    for (path, text) in sources()
        .iter()
        .filter(|(p, _)| p.starts_with("docs/decisions/"))
    {
        let name = path.rsplit('/').next().unwrap_or_default();
        let number: u32 = name
            .get(..4)
            .and_then(|n| n.parse().ok())
            .unwrap_or_else(|| panic!("{path}: no number"));
        assert!(
            numbers.insert(number, path.clone()).is_none(),
            "{path}: number {number} is taken"
        );
        for heading in ["## Context", "## Decision", "## Rejected"] {
            assert!(text.contains(heading), "{path}: lacks {heading:?}");
        }
    }
    assert!(!numbers.is_empty(), "no decision is recorded");
}
