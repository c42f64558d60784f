//! Scripted tracks -> incidents, and scenes that are refused.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a helper that fails is a test that fails"
)]

mod script;

use std::{fs, path::Path, time::Duration};

use analytics::{
    detection::{ClassId, Detection},
    geometry::Rect,
    incident::Transition,
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

#[test]
fn everything_wrong_is_told_at_once() {
    let script = Script::read(
        "zone lawn 0 0 1 0 1 1
         zone lawn 0 0 1 0 1 1
         line gate 0 0 1 1
         rule a intrusion garden 1 person dog
         rule b line_crossing fence any person
         rule b loitering lawn 0 cat
         rule c intrusion lawn 99999",
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
    /// Times out of order, boxes and scores that are no numbers, classes that the model has not: no panic, every incident
    /// opens once and closes once, and what is told is finite.
    #[test]
    fn any_input_gives_whole_incidents(frames in anything()) {
        let script = Script::read(
            "zone lawn 0.3 0.3 0.7 0.3 0.7 0.8 0.3 0.8
             line gate 0.2 0.5 0.8 0.5
             rule a intrusion lawn 0
             rule b line_crossing gate any
             rule c loitering lawn 1",
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
