//! Expressions that are refused, with what is wrong and where, and those that are not.

use std::time::Duration;

use analytics::{
    detection::{ClassId, Detection},
    geometry::Rect,
    scene::Scene,
};

use super::script::{Script, labels};

/// What a scene says to a rule with this expression; nothing: it takes it.
fn refusal(when: &str) -> String {
    let text = format!(
        "zone yard 0.1 0.1 0.9 0.1 0.9 0.9 0.1 0.9\nzone back-door 0 0 0.1 0 0.1 0.1 0 0.1\n\
         custom own 1 - {when}\n"
    );
    match Scene::new(&Script::read(&text).settings, &labels()) {
        Ok(_) => String::new(),
        Err(errors) => {
            let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
            errors.join("\n")
        }
    }
}

#[test]
fn what_makes_sense_is_taken() {
    for when in [
        "count >= 3",
        "track.age > 5.0 && track.label in [\"person\", \"car\"]",
        "zones[\"back-door\"].count > 0",
        "tracks.exists(t, t.zones.yard > 2.5 && t.label == \"person\")",
        "tracks.filter(t, t.label == \"car\").exists(t, t.still > 10.0)",
        "size(tracks) > 0 && tracks[0].score > 0.5",
        "double(zones.yard.labels.person) / double(count) > 0.5 || zones.yard.occupied < 1.0",
        "!(track.x < 0.5) && track.y * 2.0 > track.height + track.width",
    ] {
        // 0 by 0 is no number, of which nothing is true: no error.
        assert_eq!(refusal(when), "", "{when}");
    }
}

#[test]
fn what_makes_none_is_refused_with_its_place() {
    let told: Vec<String> = [
        "count >= ",
        "cuont > 3",
        "count",
        "track.speeed > 1.0",
        "track.speed_kmh > 50.0",
        "zones.yrad.count > 0",
        "zones.yard.speed > 0.0",
        "count > 100 && zones.yrad.count > 0",
        "track.label == \"persn\"",
        "track.label in [\"person\", \"cra\"]",
        "tracks.exists(t, count > 100 && t.lable == \"person\")",
        "tracks.age > 5.0",
        "count > \"three\"",
        "count > 0 || track.label > 5",
        "matches(track.label, \"p.*\")",
        "zones.yard.labels.persons > 0",
    ]
    .iter()
    .map(|when| format!("{when}\n    {}", refusal(when)))
    .collect();
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn a_rule_that_cannot_be_answered_is_told_of_and_not_true() {
    let text = "custom own 0 - 10 / (count - 2) > 0\n";
    let mut scene = Scene::new(&Script::read(text).settings, &labels()).unwrap();
    let person = |x: f32| Detection {
        class: ClassId(0),
        score: 0.9,
        rect: Rect {
            x,
            y: 0.5,
            w: 0.05,
            h: 0.2,
        },
    };
    for frame in 0..10 {
        let at = Duration::from_millis(frame * 100);
        assert_eq!(scene.update(at, &[person(0.2), person(0.7)]), []);
    }
    let told = scene.take_troubles();
    let [(_, why)] = &told[..] else {
        panic!("{told:?}");
    };
    assert!(why.contains("Division by zero"), "{why}");
    assert_eq!(scene.take_troubles(), []);
}
