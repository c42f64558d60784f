use super::*;

/// A node with a camera in a file of its own under a preset, and one in the main file.
fn node() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| {
        let file = folder.path().join(name);
        fs::create_dir_all(file.parent().expect("a parent")).expect("a folder");
        fs::write(file, text).expect("written");
    };
    write(
        "edge-agent.toml",
        r#"
[node]
region = "north"
site = "bridge"
name = "box-1"

[mqtt]
host = "127.0.0.1"

[[cameras]]
id = "yard" # the old one
url = "rtsp://192.0.2.1/"
zones = [{ id = "gate", polygon = [[0.2, 0.2], [0.8, 0.2], [0.8, 0.8], [0.2, 0.8]] }]
rules = [
  { id = "waits", kind = "loitering", zone = "gate", min_seconds = 9.0 },
  { id = "walks", kind = "intrusion", zone = "gate" },
]
"#,
    );
    write(
        "cameras.d/park.toml",
        r#"[[cameras]]
id = "park"
url = "rtsp://192.0.2.2/"

[[cameras.zones]]
id = "lawn"
polygon = [[0.2, 0.2], [0.8, 0.2], [0.8, 0.8], [0.2, 0.8]]

[[cameras.rules]]
id = "lies"
kind = "loitering"
zone = "lawn"
min_seconds = 30.0 # long enough for a picnic
"#,
    );
    folder
}

#[test]
fn numbers_and_corners_are_set_where_they_stand() {
    let node = node();
    let config = node.path().join("edge-agent.toml");
    let values = [
        (Knob::Number("min_seconds"), 12.0),
        (Knob::Margin, 0.1),
        (Knob::MinScore, 0.3),
    ];
    let file = write(&config, Some("park"), "lies", &values).expect("written");
    insta::assert_snapshot!(fs::read_to_string(file).expect("read"), @r#"
    [[cameras]]
    id = "park"
    url = "rtsp://192.0.2.2/"
    min_score = 0.3

    [[cameras.zones]]
    id = "lawn"
    polygon = [[0.1, 0.1], [0.9, 0.1], [0.9, 0.9], [0.1, 0.9]]

    [[cameras.rules]]
    id = "lies"
    kind = "loitering"
    zone = "lawn"
    min_seconds = 12.0 # long enough for a picnic
    "#);
}

#[test]
fn a_zone_that_others_look_into_gets_one_beside_it() {
    let node = node();
    let config = node.path().join("edge-agent.toml");
    let values = [
        (Knob::Number("min_displacement"), 0.05),
        (Knob::Margin, -0.1),
    ];
    let file = write(&config, Some("yard"), "waits", &values).expect("written");
    let text = fs::read_to_string(file).expect("read");
    let cameras = text.split_once("[[cameras]]").expect("cameras").1;
    insta::assert_snapshot!(cameras, @r#"
    id = "yard" # the old one
    url = "rtsp://192.0.2.1/"
    zones = [{ id = "gate", polygon = [[0.2, 0.2], [0.8, 0.2], [0.8, 0.8], [0.2, 0.8]] }, { id = "gate-waits", polygon = [[0.3, 0.3], [0.7, 0.3], [0.7, 0.7], [0.3, 0.7]] }]
    rules = [
      { id = "waits", kind = "loitering", zone = "gate-waits", min_seconds = 9.0 , min_displacement = 0.05 },
      { id = "walks", kind = "intrusion", zone = "gate" },
    ]
    "#);
}

#[test]
fn what_would_be_no_configuration_is_taken_back() {
    let node = node();
    let config = node.path().join("edge-agent.toml");
    let before = fs::read_to_string(&config).expect("read");
    let refused = write(
        &config,
        Some("yard"),
        "walks",
        &[(Knob::Number("min_share"), 0.5)],
    );
    let told = format!("{:#}", refused.expect_err("an intrusion has no min_share"));
    assert!(
        told.contains("is left as it was") && told.contains("min_share"),
        "{told}"
    );
    assert_eq!(fs::read_to_string(&config).expect("read"), before);
}
