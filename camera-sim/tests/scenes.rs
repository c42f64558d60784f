//! Scenes from file to picture and truth: what is wrong is said, what is drawn is the same every time, and what is
//! true agrees with a plain count of the boxes.

use std::path::Path;

use camera_sim::actor::Class;
use camera_sim::case::case_toml;
use camera_sim::scene::rules::{Rule, RuleKind};
use camera_sim::scene::{Renderer, Scene, names};
use camera_sim::space::Size;
use camera_sim::truth::{foot, presences};

const SMALL: Size = Size {
    width: 320,
    height: 180,
};

/// A camera looking north over bare ground; `rest` adds rules and actors.
fn scene(rest: &str) -> Scene {
    let text = format!(
        "title = \"t\"\nseed = 3\nduration_s = 12.0\nfps = 10.0\nsize = [640, 360]\n\
         [camera]\nat = [0, 0]\nheight = 6\npitch_deg = 25\nyaw_deg = 0\nfov_deg = 70\n{rest}"
    );
    Scene::parse("t", Path::new("t.toml"), &text).expect("a scene of this test is good")
}

fn error(text: &str) -> String {
    Scene::parse("bad", Path::new("bad.toml"), text)
        .expect_err("a scene of this test is bad")
        .to_string()
}

/// Those that `make demo` serves in a loop, with the kinds that a first light is about.
const DEMO: [&str; 2] = ["crossroads", "school-gate"];

#[test]
fn scenes_of_the_demo_have_incidents_of_its_kinds_and_quiet_ends() {
    for name in DEMO {
        let scene = Scene::load(name).unwrap();
        let truth = scene.truth();
        for kind in [
            RuleKind::LineCrossing,
            RuleKind::Intrusion,
            RuleKind::Loitering,
        ] {
            assert!(
                truth.incidents.iter().any(|i| i.kind == kind),
                "{name} has no {kind:?}"
            );
        }
        assert!(
            truth
                .incidents
                .iter()
                .all(|i| i.start_s > 3.0 && i.end_s < scene.duration_s - 1.5),
            "{name}"
        );
        assert_eq!(
            presences(&scene, 0),
            presences(&scene, scene.frames() - 1),
            "{name}: the loop has a seam"
        );
    }
}

#[test]
fn scenes_that_ship_have_incidents_of_every_kind_and_of_most_of_their_rules() {
    let mut kinds = Vec::new();
    for name in names() {
        let scene = Scene::load(name).unwrap();
        let incidents = scene.truth().incidents;
        let answered = |r: &Rule| incidents.iter().any(|i| i.rule == r.id);
        // A rule that is called quiet must stay silent.
        let (quiet, others): (Vec<&Rule>, Vec<&Rule>) =
            (scene.rules.iter()).partition(|r| r.id.starts_with("quiet-"));
        let loud: Vec<&&Rule> = quiet.iter().filter(|r| answered(r)).collect();
        assert!(loud.is_empty(), "{name}: {loud:?}");
        let silent = others.iter().filter(|r| !answered(r)).count();
        assert!(silent <= 1, "{name}: {silent} rules have no incident");
        kinds.extend(incidents.iter().map(|i| i.kind.as_str()));
    }
    kinds.sort_unstable();
    kinds.dedup();
    let all = [
        "abandoned_object",
        "congestion",
        "crowd",
        "dispersal",
        "fall",
        "fight",
        "fire_smoke",
        "gathering",
        "intrusion",
        "line_crossing",
        "loitering",
        "occupancy",
        "removed_object",
        "running",
        "speeding",
        "stopped_vehicle",
        "tamper",
        "wrong_way",
    ];
    assert_eq!(kinds, all);
}

#[test]
fn one_scene_renders_to_the_same_bytes_twice() {
    let scene = Scene::load("crossroads").unwrap().at_size(SMALL);
    let (a, b) = (Renderer::new(&scene), Renderer::new(&scene));
    for index in [0, 150, 400] {
        let (a, b) = (a.render(index), b.render(index));
        assert_eq!(a.frame, b.frame, "picture {index}");
        assert_eq!(a.seen, b.seen, "picture {index}");
    }
    assert_ne!(a.render(0).frame, a.render(1).frame, "noise moves");
}

#[test]
fn boxes_lie_in_the_picture_around_what_changed() {
    let scene = Scene::load("school-gate").unwrap().at_size(SMALL);
    let renderer = Renderer::new(&scene);
    for index in (0..scene.frames()).step_by(60) {
        for seen in renderer.render(index).seen {
            let b = seen.bounds;
            assert!(
                b.left >= 0.0 && b.top >= 0.0 && b.right <= 320.0 && b.bottom <= 180.0,
                "{b:?}"
            );
            assert!(
                b.right > b.left && b.bottom > b.top && (0.0..=1.0).contains(&seen.visibility),
                "{seen:?}"
            );
        }
    }
}

#[test]
fn who_stands_behind_a_wall_is_hidden_and_who_stands_before_it_is_not() {
    let scene = scene(
        "[world]\nfences = [{ from = [-9, 14], to = [9, 14], height = 3.0, wall = true }]\n\
         [[actors]]\nname = \"behind\"\nkind = \"pedestrian\"\npath = [[-2, 15]]\nstays = true\n\
         [[actors]]\nname = \"before\"\nkind = \"pedestrian\"\npath = [[2, 12]]\nstays = true\n",
    );
    let seen = Renderer::new(&scene).render(0).seen;
    let visibility = |actor: usize| seen.iter().find(|s| s.actor == actor).unwrap().visibility;
    assert!(visibility(0) < 0.05, "{seen:?}");
    assert!(visibility(1) > 0.95, "{seen:?}");
}

#[test]
fn a_rider_and_the_machine_are_two_objects_that_do_not_hide_each_other() {
    let scene = scene("[[actors]]\nname = \"c\"\nkind = \"cyclist\"\npath = [[-3, 14], [9, 14]]\n");
    let seen = Renderer::new(&scene).render(5).seen;
    let classes: Vec<Class> = seen.iter().map(|s| s.class).collect();
    assert_eq!(classes, [Class::Bicycle, Class::Person]);
    assert!(seen.iter().all(|s| s.visibility > 0.99), "{seen:?}");
}

const RULES: &str = r#"
[[zones]]
id = "z"
polygon = [[0.4, 0.3], [0.6, 0.3], [0.6, 0.9], [0.4, 0.9]]
[[lines]]
id = "l"
from = [0.5, 0.2]
to = [0.5, 0.95]
[[rules]]
id = "in"
kind = "intrusion"
zone = "z"
classes = ["person"]
[[rules]]
id = "stay"
kind = "loitering"
zone = "z"
min_seconds = 4.0
classes = ["person"]
[[rules]]
id = "west"
kind = "line_crossing"
line = "l"
direction = "forward"
classes = ["person"]
[[rules]]
id = "east"
kind = "line_crossing"
line = "l"
direction = "backward"
classes = ["person"]
"#;

#[test]
fn truth_agrees_with_a_plain_count_of_foot_points() {
    let walk = "[[actors]]\nname = \"w\"\nkind = \"pedestrian\"\nspeed = 2.0\npath = [[-8, 13], [0.6, 13], [8, 13]]\n\
                stops = [{ at = 1, seconds = 4.5 }]\n";
    let scene = scene(&format!("{RULES}{walk}"));
    let at = |frame: usize| {
        presences(&scene, frame)
            .first()
            .map(|p| foot(&p.bounds, scene.size))
    };
    let inside: Vec<usize> = (0..scene.frames())
        .filter(|&f| at(f).is_some_and(|p| (0.4..0.6).contains(&p.x)))
        .collect();
    let crossed = (1..scene.frames())
        .find(|&f| {
            at(f - 1)
                .zip(at(f))
                .is_some_and(|(a, b)| a.x < 0.5 && b.x >= 0.5)
        })
        .unwrap();
    let truth = scene.truth().incidents;
    let of = |rule: &str| truth.iter().filter(|i| i.rule == rule).collect::<Vec<_>>();
    let (first, last) = (scene.time(inside[0]), scene.time(inside[inside.len() - 1]));
    assert_eq!(
        of("in")
            .iter()
            .map(|i| (i.start_s, i.end_s))
            .collect::<Vec<_>>(),
        [(first, last)]
    );
    assert_eq!(
        of("stay")
            .iter()
            .map(|i| (i.start_s, i.end_s))
            .collect::<Vec<_>>(),
        [(first + 4.0, last)]
    );
    // The line runs down the picture: its right hand is on the left of the picture, so this walk is backward.
    assert!(of("west").is_empty());
    assert_eq!(of("east").len(), 1);
    assert!(
        (of("east")[0].start_s - scene.time(crossed)).abs() <= 0.1,
        "{truth:?}"
    );
}

#[test]
fn passing_beside_the_segment_or_standing_short_is_no_crossing() {
    for path in ["[[-8, 40], [8, 40]]", "[[-8, 13], [-1, 13]]"] {
        let scene = scene(&format!(
            "{RULES}[[actors]]\nname = \"w\"\nkind = \"pedestrian\"\nspeed = 3.0\npath = {path}\nstays = true\n"
        ));
        let crossings: Vec<_> = scene
            .truth()
            .incidents
            .into_iter()
            .filter(|i| i.kind == RuleKind::LineCrossing)
            .collect();
        assert!(crossings.is_empty(), "{path}: {crossings:?}");
    }
}

#[test]
fn a_case_file_reads_back_as_it_was_meant() {
    for name in names() {
        let scene = Scene::load(name).unwrap();
        let case: toml::Table = case_toml(&scene, "clip.mp4").unwrap().parse().unwrap();
        assert_eq!(case["clip"].as_str(), Some("clip.mp4"));
        let count = |key: &str| case[key].as_array().unwrap().len();
        assert_eq!(count("incidents"), scene.truth().incidents.len());
        assert_eq!(
            (count("zones"), count("lines"), count("rules")),
            (scene.zones.len(), scene.lines.len(), scene.rules.len())
        );
        for incident in case["incidents"].as_array().unwrap() {
            let rule = incident["rule"].as_str().unwrap();
            assert!(scene.rules.iter().any(|r| r.id == rule), "{rule}");
            assert!(
                incident["start_s"].as_float().unwrap() <= incident["end_s"].as_float().unwrap()
            );
        }
    }
}

#[test]
fn bad_scene_files_name_file_and_key() {
    let head = "title = \"t\"\nseed = 1\nduration_s = 5.0\nfps = 10.0\nsize = [640, 360]\n\
                [camera]\nat = [0, 0]\nheight = 6\npitch_deg = 25\nyaw_deg = 0\nfov_deg = 70\n";
    let odd = head
        .replace("[640, 360]", "[641, 360]")
        .replace("fps = 10.0", "fps = 0.0");
    let faults = [
        error("title = \"t\nseed = 1"),
        error(&head.replace("height = 6", "hieght = 6")),
        error(&format!(
            "{head}[[actors]]\nname = \"a\"\nkind = \"dragon\"\npath = [[0, 9]]\n"
        )),
        error(&odd),
        error(&format!(
            "{head}[[actors]]\nname = \"a\"\nkind = \"car\"\npath = [[0, 9]]\nspeed = -3\n"
        )),
        error(&format!(
            "{head}[[zones]]\nid = \"z\"\npolygon = [[0.1, 0.1], [1.2, 0.1]]\n"
        )),
        error(&format!(
            "{head}[[rules]]\nid = \"r\"\nkind = \"loitering\"\nzone = \"nowhere\"\nclasses = [\"person\"]\n"
        )),
        error(&format!(
            "{head}[[rules]]\nid = \"r\"\nkind = \"line_crossing\"\nclasses = [\"person\"]\n"
        )),
        Scene::load("no-such-scene.toml").unwrap_err().to_string(),
    ];
    insta::assert_snapshot!(faults.join("\n\n"));
}
