//! Scripted tracks -> incidents, and scenes that are refused.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a helper that fails is a test that fails"
)]

mod custom;
mod script;

use std::{fs, path::Path, time::Duration};

use analytics::{
    detection::{ClassId, Detection},
    geometry::Rect,
    incident::Transition,
    rule::RuleIndex,
    scene::Scene,
};
use proptest::prelude::*;
use script::{Script, labels};

#[test]
fn scripts() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let mut names: Vec<_> = fs::read_dir(&folder)
        .unwrap()
        .map(|f| f.unwrap().path())
        .collect();
    names.retain(|p| p.extension().is_some_and(|e| e == "txt"));
    names.sort();
    assert!(names.len() >= 12, "fixtures are in {}", folder.display());
    for path in names {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let story = Script::read(&fs::read_to_string(&path).unwrap()).tell();
        insta::assert_snapshot!(name, story);
    }
}

/// Which incidents open, and when, in seconds.
fn opened(script: &Script) -> Vec<(usize, f32)> {
    let changes = script.play().into_iter();
    let opened = changes.filter(|change| change.transition == Transition::Opened);
    opened
        .map(|change| (change.rule.0, change.at.as_secs_f32()))
        .collect()
}

#[test]
fn rules_say_the_same_at_five_to_twenty_five_frames_a_second() {
    for name in [
        "congestion",
        "custom",
        "fire_smoke",
        "sequence",
        "crowd",
        "running",
        "speeding",
        "fall_by_name",
        "occupancy",
        "gathering",
        "dispersal",
        "intrusion",
        "line_crossing",
        "loitering",
        "stopped_vehicle",
        "wrong_way",
    ] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
        let text = fs::read_to_string(folder.join(name).with_extension("txt")).unwrap();
        let at = |fps| opened(&Script::read_at(&text, Some(fps)));
        let slow = at(5.0);
        assert!(!slow.is_empty(), "{name}");
        for fps in [10.0, 25.0] {
            let fast = at(fps);
            let rules = |opened: &[(usize, f32)]| opened.iter().map(|o| o.0).collect::<Vec<_>>();
            assert_eq!(
                rules(&slow),
                rules(&fast),
                "{name} at {fps}: {slow:?} {fast:?}"
            );
            for (a, b) in slow.iter().zip(&fast) {
                assert!(
                    (a.1 - b.1).abs() <= 0.5,
                    "{name} at {fps}: {slow:?} {fast:?}"
                );
            }
        }
    }
}

#[test]
fn crossings_are_counted_by_class_and_direction() {
    let script = Script::read(
        "line gate 0 0.5 1 0.5
         rule count counting gate any
         walk person 0.8  0 0.2 0.3  2 0.2 0.8  0.06 0.1
         walk person 0.8  0 0.4 0.8  2 0.4 0.3  0.06 0.1
         walk person 0.8  3 0.4 0.8  5 0.4 0.3  0.06 0.1
         walk car 0.8     0 0.7 0.8  2 0.7 0.3  0.1 0.1
         walk car 0.8     0 0.9 0.8  2 0.9 0.6  0.1 0.1",
    );
    let mut scene = Scene::new(&script.settings, &labels()).unwrap();
    for (&at, dets) in &script.frames {
        assert!(scene.update(Duration::from_millis(at), dets).is_empty());
    }
    let mut totals: Vec<(u16, bool, u64)> = scene
        .totals()
        .map(|(_, total)| (total.class.0, total.forward, total.count))
        .collect();
    totals.sort_unstable();
    // Down the picture is from the left of the line to its right.
    assert_eq!(totals, [(0, false, 2), (0, true, 1), (2, false, 1)]);
}

#[test]
fn a_rule_that_rests_closes_what_it_has_open_and_begins_anew() {
    let script = Script::read(
        "zone all 0 0 1 0 1 1 0 1
         rule in intrusion all 0.5
         rule two crowd all 2,1
         walk person 0.8  0 0.3 0.5  12 0.3 0.5  0.1 0.2
         walk person 0.8  0 0.7 0.5  12 0.7 0.5  0.1 0.2",
    );
    let mut scene = Scene::new(&script.settings, &labels()).unwrap();
    let mut told = Vec::new();
    for (&at, dets) in &script.frames {
        for rule in [0, 1] {
            scene.set_active(RuleIndex(rule), !(4000..8000).contains(&at));
        }
        told.extend(scene.update(Duration::from_millis(at), dets));
    }
    let times = |transition| -> Vec<(usize, u128)> {
        let changes = told.iter().filter(|c| c.transition == transition);
        let mut times: Vec<_> = changes.map(|c| (c.rule.0, c.at.as_millis())).collect();
        times.sort_unstable();
        times
    };
    let opened = [
        (0, 600),
        (0, 600),
        (0, 8500),
        (0, 8500),
        (1, 1100),
        (1, 9000),
    ];
    assert_eq!(times(Transition::Opened), opened);
    assert_eq!(times(Transition::Closed), [(0, 4000), (0, 4000), (1, 4000)]);
}

#[test]
fn everything_wrong_is_told_at_once() {
    let script = Script::read(
        "zone lawn 0 0 1 0 1 1
         zone lawn 0 0 1 0 1 1
         line gate 0 0 1 1
         rule a intrusion garden 1 person dog
         rule b line_crossing fence any person
         rule b loitering lawn 0 cat
         rule c intrusion lawn 99999
         rule d speeding anywhere 50",
    );
    let errors = Scene::new(&script.settings, &labels()).unwrap_err();
    let texts: Vec<String> = errors.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(texts.join("\n"));
}

#[test]
fn the_end_of_a_stream_closes_what_is_open() {
    let script = Script::read(
        "zone all 0 0 1 0 1 1 0 1
         line gate 0 0.5 1 0.5
         rule in intrusion all 0.5
         rule over line_crossing gate any
         walk person 0.8  0 0.5 0.3  1 0.5 0.52  0.1 0.2",
    );
    let mut scene = Scene::new(&script.settings, &labels()).unwrap();
    let mut open = 0;
    for (&at, dets) in &script.frames {
        open += scene.update(Duration::from_millis(at), dets).len();
    }
    assert_eq!(open, 2);
    let closed = scene.finish(Duration::from_secs(2));
    assert!(
        closed
            .iter()
            .all(|c| c.transition == Transition::Closed && c.at == Duration::from_secs(2))
    );
    assert_eq!(closed.len(), 2);
    assert!(scene.tracks().is_empty());
    assert!(
        scene.finish(Duration::from_secs(3)).is_empty(),
        "nothing closes twice"
    );
}

fn number() -> impl Strategy<Value = f32> {
    prop_oneof![9 => -0.5_f32..1.5, 1 => any::<f32>()]
}

fn anything() -> impl Strategy<Value = Vec<(u64, Vec<Detection>)>> {
    let detection = (0_u16..6, number(), [number(), number(), number(), number()]);
    let detection = detection.prop_map(|(class, score, [x, y, w, h])| Detection {
        class: ClassId(class),
        score,
        rect: Rect { x, y, w, h },
    });
    let frame = (0_u64..100_000, proptest::collection::vec(detection, 0..12));
    proptest::collection::vec(frame, 0..40)
}

proptest! {
    /// Who goes over a line forward goes over it backward when time runs the other way.
    #[test]
    fn crossings_are_symmetric_in_time(
        walks in proptest::collection::vec((0.0625_f32..0.25, 0.6875_f32..0.9375, any::<bool>(), 0_u8..4), 1..5)
    ) {
        let walks: Vec<String> = walks.iter().enumerate().map(|(i, (above, below, down, pause))| {
            let (from, to) = if *down { (above, below) } else { (below, above) };
            let (x, t) = (0.15 + 0.2 * i as f32, f32::from(*pause));
            format!("walk person 0.8  {t} {x} {from}  {} {x} {to}  0.06 0.1\n", t + 4.0)
        }).collect();
        let text = format!("line gate 0 0.5 1 0.5\nrule f line_crossing gate forward\n\
                            rule b line_crossing gate backward\n{}", walks.concat());
        let forth = Script::read(&text);
        let last = *forth.frames.keys().last().unwrap();
        let back = Script {
            settings: forth.settings.clone(),
            frames: forth.frames.iter().map(|(at, dets)| (last - at, dets.clone())).collect(),
        };
        let count = |script: &Script, rule| opened(script).iter().filter(|o| o.0 == rule).count();
        prop_assert_eq!(count(&forth, 0) + count(&forth, 1), walks.len());
        prop_assert_eq!(count(&forth, 0), count(&back, 1));
        prop_assert_eq!(count(&forth, 1), count(&back, 0));
    }

    /// Times out of order, boxes and scores that are no numbers, classes that the model has not: no panic, every incident
    /// opens once and closes once, and what is told is finite.
    #[test]
    fn any_input_gives_whole_incidents(frames in anything()) {
        let script = Script::read(
            "zone lawn 0.3 0.3 0.7 0.3 0.7 0.8 0.3 0.8
             line gate 0.2 0.5 0.8 0.5
             rule a intrusion lawn 0
             rule b line_crossing gate any
             rule c loitering lawn 1
             rule d crowd lawn 2,1
             rule e congestion lawn 1,0.1,1
             rule f wrong_way lawn 90,60,0.05
             rule g stopped_vehicle lawn 1
             rectangle 0.3 0.9 0.7 0.9 0.6 0.3 0.4 0.3 10 40
             rule h speeding anywhere 10
             rule i running lawn 1,0.1
             rule j fall anywhere 0.1
             rule k occupancy lawn 1,2,0
             rule l gathering lawn 2,0
             rule m dispersal lawn 2,1
             rule n counting gate any
             life a ignore lawn
             life b cool_down 3
             life e max_per_minute 1
             life f min_displacement 0.2",
        );
        let mut scene = Scene::new(&script.settings, &labels()).unwrap();
        let mut changes = Vec::new();
        for (at, dets) in frames {
            changes.extend(scene.update(Duration::from_millis(at), &dets));
            for track in scene.tracks() {
                prop_assert!(track.rect.is_sound(), "{track:?}");
            }
        }
        changes.extend(scene.finish(Duration::from_secs(200)));
        let mut open = Vec::new();
        for change in &changes {
            prop_assert!((0.0..=1.0).contains(&change.confidence));
            match change.transition {
                Transition::Opened => open.push(change.incident),
                Transition::Updated => prop_assert!(open.contains(&change.incident)),
                Transition::Closed => {
                    let place = open.iter().position(|i| *i == change.incident);
                    prop_assert!(place.is_some(), "closed what was not open");
                    open.swap_remove(place.unwrap());
                }
            }
        }
        prop_assert!(open.is_empty(), "left open: {open:?}");
    }
}
