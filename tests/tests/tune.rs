//! An integrator's way from bad values to good ones: what was found on some days must hold on others.

#![expect(
    clippy::unwrap_used,
    reason = "a failing step of a test ends it and says why"
)]

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::Value;
use tests::harness::{NodeConfig, RULE, binary, day, door};

/// Days that values are found on, and days that they must hold on.
const SEEN: std::ops::Range<u64> = 1..15;
const UNSEEN: std::ops::Range<u64> = 15..29;

fn edge_agent(arguments: &[&str]) -> Output {
    let mut command = Command::new(binary("edge-agent").unwrap());
    command.args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// F1 of a configuration on the cases of a folder.
fn f1(config: &Path, cases: &Path) -> f64 {
    let (config, cases) = (config.to_string_lossy(), cases.to_string_lossy());
    let run = edge_agent(&["evaluate", &cases, "--config", &config, "--json"]);
    assert!(run.status.success(), "{}", text(&run.stderr));
    let report: Value = serde_json::from_slice(&run.stdout).unwrap();
    report["micro"]["f1"].as_f64().unwrap()
}

fn tune(cases: &Path, config: &Path, more: &[&str]) -> Output {
    let (cases, config) = (cases.to_string_lossy(), config.to_string_lossy());
    let fixed = ["tune", &cases, "--rule", RULE, "--config", &config];
    edge_agent(&[&fixed, more].concat())
}

/// Days in a folder of their own.
fn days(folder: PathBuf, numbers: std::ops::Range<u64>) -> PathBuf {
    for number in numbers {
        day(number, &folder).unwrap();
    }
    folder
}

/// A node whose camera watches the door.
fn watching(folder: &Path) -> PathBuf {
    let config = NodeConfig::new("bench", 1883, vec![door().unwrap()]);
    config.write(folder).unwrap()
}

#[test]
fn detuned_values_are_tuned_and_hold_on_days_that_were_not_seen() {
    let folder = tempfile::tempdir().unwrap();
    let seen = days(folder.path().join("seen"), SEEN);
    let unseen = days(folder.path().join("unseen"), UNSEEN);
    let well = watching(&folder.path().join("well"));
    let config = watching(&folder.path().join("node"));
    let detuned = detune(&fs::read_to_string(&config).unwrap());
    fs::write(&config, &detuned).unwrap();
    let (good, bad) = (f1(&well, &unseen), f1(&config, &unseen));
    assert!(bad < good - 0.25, "detuned {bad:.3}, well tuned {good:.3}");

    let page = folder
        .path()
        .join("report.html")
        .to_string_lossy()
        .into_owned();
    let run = tune(&seen, &config, &["--json", "--write", "--html", &page]);
    assert_eq!(run.status.code(), Some(0), "{}", text(&run.stderr));
    assert!(fs::read_to_string(&page).unwrap().contains("<polyline"));
    let outcome: Value = serde_json::from_slice(&run.stdout).unwrap();
    let gain = &outcome["gain"];
    assert!(
        gain["value"].as_f64() > Some(0.2) && gain["from"].as_f64() > Some(0.0),
        "{outcome}"
    );
    let written = fs::read_to_string(&config).unwrap();
    assert!(
        written.contains("# how long they wait"),
        "what people wrote stays: {written}"
    );
    let tuned = f1(&config, &unseen);
    println!(
        "on {} unseen days: detuned {bad:.3}, tuned {tuned:.3}, well tuned {good:.3}",
        UNSEEN.count()
    );
    assert!(
        tuned >= 0.95 * good,
        "tuned {tuned:.3}, well tuned {good:.3}"
    );
}

/// The dwell is far too short, and the zone half as wide again.
fn detune(config: &str) -> String {
    let mut table: toml::Table = config.parse().unwrap();
    let camera = &mut table["cameras"][0];
    camera["rules"][0]["min_seconds"] = 2.0.into();
    let corners = camera["zones"][0]["polygon"].as_array_mut().unwrap();
    let number = |value: &toml::Value| value.as_float().unwrap();
    let middle =
        corners.iter().map(|corner| number(&corner[0])).sum::<f64>() / corners.len() as f64;
    for corner in corners {
        let x = number(&corner[0]);
        corner[0] = (middle + (x - middle) * 1.5).clamp(0.0, 1.0).into();
    }
    let text = toml::to_string(&table).unwrap();
    text.replace(
        "min_seconds = 2.0",
        "min_seconds = 2.0 # how long they wait",
    )
}

#[test]
fn nothing_is_written_unasked_and_what_falls_behind_its_baseline_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let seen = days(folder.path().join("seen"), 1..3);
    let config = watching(&folder.path().join("node"));
    let (cases, place) = (seen.to_string_lossy(), config.to_string_lossy());
    let evaluate = |more: &[&str]| {
        edge_agent(&[&["evaluate", &*cases, "--config", &*place, "--json"], more].concat())
    };
    let report = folder.path().join("baseline.json");
    fs::write(&report, evaluate(&[]).stdout).unwrap();
    let gate = ["--baseline", &*report.to_string_lossy()];
    let run = evaluate(&gate);
    assert_eq!(run.status.code(), Some(0), "{}", text(&run.stderr));
    let detuned = detune(&fs::read_to_string(&config).unwrap());
    fs::write(&config, &detuned).unwrap();
    let run = evaluate(&gate);
    assert_eq!(run.status.code(), Some(1));
    let told = text(&run.stderr);
    assert!(
        told.contains("worse than the baseline: day-01, rule waits-at-the-door: F1 "),
        "{told}"
    );
    let run = tune(&seen, &config, &["--only", "min_seconds", "--folds", "2"]);
    let told = text(&run.stdout);
    assert!(
        told.starts_with("rule waits-at-the-door: 2 cases, "),
        "{told}{}",
        text(&run.stderr)
    );
    assert_eq!(fs::read_to_string(&config).unwrap(), detuned);
    let run = tune(&seen, &config, &["--only", "min_count"]);
    assert!(text(&run.stderr).contains("of this rule can be turned: min_seconds, "));
}
