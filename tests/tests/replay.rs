//! Clips through a camera's real configuration: the same events each time, and what another configuration would change.

#![expect(
    clippy::unwrap_used,
    reason = "a failing step of a test ends it and says why"
)]

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use protocol::{IncidentEvent, IncidentState};
use tests::harness::{NodeConfig, WatchedCamera, binary, clip_of_a_day, door};

/// What `edge-agent replay` answers: its exit code and its standard output.
fn replay(arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(binary("edge-agent").unwrap());
    let run = command.arg("replay").args(arguments).output().unwrap();
    let told = String::from_utf8(run.stderr).unwrap();
    assert!(matches!(run.status.code(), Some(0 | 1)), "{told}");
    (run.status.code(), String::from_utf8(run.stdout).unwrap())
}

/// The configuration of a node that watches the door; `edit` changes the text.
fn configuration(folder: &Path, edit: impl Fn(String) -> String) -> PathBuf {
    let more = "lines = [{ id = \"middle\", from = [0.5, 0.1], to = [0.5, 0.95] }]";
    let mut camera: WatchedCamera = door().unwrap().with(more).unwrap();
    let passes = "id = \"passes\"\nkind = \"line_crossing\"\nline = \"middle\"";
    let rules = camera.more["rules"].as_array_mut().unwrap();
    rules.push(passes.parse::<toml::Table>().unwrap().into());
    let file = NodeConfig::new("bench", 1883, vec![camera])
        .write(folder)
        .unwrap();
    let text = edit(fs::read_to_string(&file).unwrap());
    fs::write(&file, text).unwrap();
    file
}

#[test]
fn the_same_clips_give_the_same_events_byte_for_byte() {
    let folder = tempfile::tempdir().unwrap();
    let clip = clip_of_a_day().unwrap();
    let config = configuration(&folder.path().join("node"), |text| text);
    let config = config.to_string_lossy();
    // Two clips, one after the other: their events lie on one line of time.
    let clips = folder.path().join("clips");
    fs::create_dir(&clips).unwrap();
    for name in ["1.mp4", "2.mp4"] {
        std::os::unix::fs::symlink(&clip, clips.join(name)).unwrap();
    }
    let outs = ["a.jsonl", "b.jsonl"].map(|name| folder.path().join(name));
    for out in &outs {
        let (code, _) = replay(&[
            &clips.to_string_lossy(),
            "--config",
            &config,
            "--start",
            "2026-07-01T10:00:00Z",
            "--out",
            &out.to_string_lossy(),
        ]);
        assert_eq!(code, Some(0));
    }
    let [first, second] = outs.map(|out| fs::read_to_string(out).unwrap());
    assert_eq!(first, second);
    let events: Vec<IncidentEvent> = first
        .lines()
        .map(|l| serde_json::from_str(l).unwrap())
        .collect();
    let opened = |event: &&IncidentEvent| event.data.state == IncidentState::Opened;
    let opened = events.iter().filter(opened);
    let times: Vec<_> = opened.map(|event| event.data.time.capture).collect();
    assert!(
        times.len() >= 4 && times.len().is_multiple_of(2),
        "{times:?}"
    );
    assert!(
        times[0].to_string().starts_with("2026-07-01T10:00:"),
        "{times:?}"
    );
    assert!(times.is_sorted(), "{times:?}");
    let mut ids: Vec<_> = events.iter().map(|event| event.id).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), events.len(), "each message has an id of its own");
}

#[test]
fn a_shadow_tells_the_alarms_that_only_one_configuration_raises() {
    let folder = tempfile::tempdir().unwrap();
    let clip = clip_of_a_day().unwrap();
    let usual = configuration(&folder.path().join("usual"), |text| text);
    let (usual, clip) = (usual.to_string_lossy(), clip.to_string_lossy());
    let against = |other: &Path| {
        let other = other.to_string_lossy().into_owned();
        replay(&[&clip, "--config", &usual, "--shadow", &other])
    };
    let (code, told) = against(Path::new(&*usual));
    assert_eq!(code, Some(0), "{told}");
    assert!(
        told.starts_with("no difference: both raise the same "),
        "{told}"
    );
    // Its rules wait for so long that nothing is left of those that wait: no other clip is needed to know.
    let patient = configuration(&folder.path().join("patient"), |text| {
        let long = with_lines(&text, "min_seconds = ", "min_seconds = 3000.0");
        assert_ne!(long, text);
        long
    });
    let (code, told) = against(&patient);
    assert_eq!(code, Some(1), "{told}");
    assert!(told.lines().any(|line| line.starts_with('-')), "{told}");
    assert!(!told.lines().any(|line| line.starts_with('+')), "{told}");
    // Another rate is another look at the clip: it is shown anew, and says so in alarms, if at all.
    let blind = configuration(&folder.path().join("blind"), |text| {
        text.replace("[[cameras]]\n", "[[cameras]]\nmin_score = 0.99\n")
    });
    let (code, told) = against(&blind);
    assert_eq!(code, Some(1), "{told}");
    assert!(told.contains(" alarms are the same"), "{told}");
}

/// Every line that begins so, replaced.
fn with_lines(text: &str, beginning: &str, line: &str) -> String {
    let lines = text.lines().map(|old| {
        if old.starts_with(beginning) {
            line
        } else {
            old
        }
    });
    lines.map(|line| format!("{line}\n")).collect()
}
