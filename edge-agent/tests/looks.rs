//! Looks: second models that say how a picture or an object looks, voted over time, from the configuration to the incident.

#![expect(
    clippy::unwrap_used,
    reason = "a failing step of a test ends it and says why"
)]

mod made;

use std::{collections::BTreeMap, fs, path::Path, time::Duration};

use analytics::{
    detection::{ClassId, Detection},
    geometry::Rect,
};
use edge_agent::{
    analysis::Analysis,
    camera::{Frame, Stamps},
    config::{self, Settings},
    inference::{
        cascade::{Cascade, sources},
        model::{Model, Role},
        runtime::Runtime,
    },
};

const SIZE: (u32, u32) = (128, 96);

/// Of one colour.
fn frame(at: Duration, colour: [u8; 3]) -> Frame {
    let stamps = Stamps {
        at,
        capture: None,
        arrival: jiff::Timestamp::UNIX_EPOCH,
    };
    let pixels = colour.repeat((SIZE.0 * SIZE.1) as usize);
    Frame::rgb(SIZE, pixels, stamps).unwrap()
}

fn settings(folder: &Path, camera: &str) -> Settings {
    let file = folder.join("edge-agent.toml");
    let text = format!(
        "node = {{ region = \"r\", site = \"s\", name = \"n\" }}\nmqtt = {{ host = \"127.0.0.1\" }}\n\
         [[cameras]]\nid = \"gate\"\nurl = \"rtsp://192.0.2.1/\"\n{camera}"
    );
    fs::write(&file, text).unwrap();
    config::load(&file).unwrap()
}

fn colours(folder: &Path) -> Model {
    made::write_model(folder);
    Model::load(&Runtime::load(None).unwrap(), folder, "colours", &[]).unwrap()
}

/// Plays five frames a second with one standing person in them; `colour` is the picture's in a second. Gives what changed.
fn play(
    settings: &Settings,
    model: Model,
    seconds: u32,
    colour: impl Fn(u32) -> [u8; 3],
) -> (Vec<String>, u64) {
    let camera = &settings.cameras[0];
    let labels = ["person".to_owned()];
    let known = |_: &str| model.labels().to_vec();
    let looks = sources(&camera.cascades, &camera.looks, known);
    let analysis = Analysis::with_looks(&camera.scene, &labels, 5.0, &looks).unwrap();
    let mut analysis = analysis.with_cascades(&camera.cascades, &labels).unwrap();
    let cascade = Cascade::of(&camera.cascades, &camera.looks);
    let mut models = BTreeMap::from([("colours".to_owned(), model)]);
    let person = Detection {
        class: ClassId(0),
        score: 0.9,
        rect: Rect {
            x: 0.4,
            y: 0.3,
            w: 0.2,
            h: 0.5,
        },
    };
    let (mut told, mut looked) = (Vec::new(), 0);
    let mut note = |decisions: Vec<edge_agent::analysis::Decision>| {
        for decision in decisions {
            let change = &decision.change;
            told.push(format!(
                "{:?} {} by {} after {:.1} s",
                change.transition,
                change.kind.as_str(),
                change.objects.len(),
                change.at.as_secs_f32()
            ));
        }
    };
    for step in 0..seconds * 5 {
        let at = Duration::from_millis(200) * step;
        let frame = std::sync::Arc::new(frame(at, colour(step / 5)));
        let seen = [person];
        cascade.look(&mut models, &frame, &seen).unwrap();
        looked += cascade.look_whole(&mut models, &frame).unwrap();
        note(analysis.update(frame, &seen));
        analysis.answered(cascade.take_answers());
        analysis.hear(cascade.take_said());
        cascade.wish(analysis.wishes());
    }
    note(analysis.finish());
    (told, looked)
}

const RED: [u8; 3] = [255, 0, 0];
const BLUE: [u8; 3] = [0, 0, 255];

#[test]
fn a_whole_picture_that_looks_so_for_most_of_the_time_is_an_incident() {
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(
        folder.path(),
        "[[cameras.looks]]\nid = \"glow\"\nmodel = \"colours\"\nevery = \"500ms\"\n\
         [[cameras.rules]]\nid = \"red\"\nkind = \"look\"\nlabels = [\"red\"]\nwithin_seconds = 3.0\n\
         [[cameras.rules]]\nid = \"burns\"\nkind = \"fire_smoke\"\nlook = \"glow\"\nlabels = [\"red\"]\n",
    );
    let flash = play(&settings, colours(folder.path()), 12, |s| {
        if s == 4 { RED } else { BLUE }
    });
    assert_eq!(flash.0, [""; 0], "a second of red is no incident");
    assert!((23..=24).contains(&flash.1), "twice a second: {}", flash.1);
    let fire = play(&settings, colours(folder.path()), 20, |s| {
        if (4..12).contains(&s) { RED } else { BLUE }
    });
    insta::assert_snapshot!(fire.0.join("\n"), @r"
    Opened look by 0 after 5.6 s
    Opened fire_smoke by 0 after 6.8 s
    Closed look by 0 after 14.0 s
    Closed fire_smoke by 0 after 15.6 s
    ");
}

#[test]
fn objects_that_look_so_are_an_incident_while_they_do() {
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(
        folder.path(),
        "[[cameras.cascades]]\nid = \"mood\"\nmodel = \"colours\"\nclasses = [\"person\"]\nper_second = 5.0\nagain = \"1s\"\n\
         [[cameras.rules]]\nid = \"fists\"\nkind = \"look\"\nlook = \"mood\"\nlabels = [\"red\"]\n",
    );
    let look = play(&settings, colours(folder.path()), 24, |s| {
        if (6..14).contains(&s) { RED } else { BLUE }
    });
    insta::assert_snapshot!(look.0.join("\n"), @r"
    Opened look by 1 after 9.0 s
    Closed look by 1 after 17.8 s
    ");
}

#[test]
fn models_and_labels_that_do_not_suit_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let model = colours(folder.path());
    let settings = settings(
        folder.path(),
        "[[cameras.looks]]\nid = \"glow\"\nmodel = \"colours\"\n\
         [[cameras.rules]]\nid = \"fists\"\nkind = \"fight\"\n\
         [[cameras.rules]]\nid = \"brown\"\nkind = \"look\"\nlook = \"glow\"\nlabels = [\"brown\"]\n",
    );
    let camera = &settings.cameras[0];
    let known = |_: &str| model.labels().to_vec();
    let looks = sources(&camera.cascades, &camera.looks, known);
    let labels = ["person".to_owned()];
    let refused = Analysis::with_looks(&camera.scene, &labels, 5.0, &looks).unwrap_err();
    let refused: Vec<String> = refused.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(refused.join("\n"), @r#"
    rule "fists": no look of the camera knows a label of fight: say which in look and labels; there are glow
    rule "brown": "glow" knows no label "brown"; it knows red, green, blue
    "#);
    assert!(model.check_role(Role::Pictures).is_ok());
    let detector = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models");
    let runtime = Runtime::load(None).unwrap();
    let detector = Model::load(&runtime, &detector, "street-nano", &[]).unwrap();
    let refused = detector.check_role(Role::Pictures).unwrap_err();
    insta::assert_snapshot!(refused, @"model street-nano finds objects: it is a camera's model, not one of its looks");
}

#[test]
fn camera_settings_of_a_case_say_what_sees_its_fights_and_fires() {
    use edge_agent::evaluate::{camera_settings::CameraSettingsFile, case::Case};
    let folder = tempfile::tempdir().unwrap();
    let (case, cameras) = (
        folder.path().join("case.toml"),
        folder.path().join("c.toml"),
    );
    fs::write(
        &case,
        "clip = \"none.mp4\"\n[[rules]]\nid = \"fists\"\nkind = \"fight\"\nclasses = [\"person\"]\n\
         [[rules]]\nid = \"burns\"\nkind = \"fire_smoke\"\n",
    )
    .unwrap();
    fs::write(
        &cameras,
        "[seen]\nlooks = [{ id = \"glow\", model = \"colours\", every_seconds = 0.5 }]\n\
         [seen.rules.fists]\nseen_by = { labels = [\"blue\"], min_share = 0.8 }\n\
         [seen.rules.burns]\nseen_by = { look = \"glow\", labels = [\"red\"], within_seconds = 3.0 }\n",
    )
    .unwrap();
    let case = Case::load(&case).unwrap();
    let file = CameraSettingsFile::load(&cameras).unwrap();
    let (with, without) = (file.camera("seen", None), file.camera("other", None));
    let fight = case.rules[0].settings.as_ref().unwrap();
    assert!(with.can_see(fight) && !without.can_see(fight));
    let models: Vec<&str> = with.models().map(|(_, name)| name).collect();
    assert_eq!(models, ["street-nano", "colours"]);
    insta::assert_debug_snapshot!(
        with.rules(&case)
            .iter()
            .map(|rule| &rule.rule)
            .collect::<Vec<_>>()
    );
    fs::write(
        &cameras,
        "[seen]\nlooks = [{ id = \"glow\", model = \"colours\", every_seconds = 0 }]",
    )
    .unwrap();
    let refused = CameraSettingsFile::load(&cameras).unwrap_err();
    assert!(
        refused.ends_with("seen.looks.every_seconds: expected 0.1 to 60"),
        "{refused}"
    );
}

/// A red and a blue thing, seen pixel by pixel: each is told by its colour, and no more are looked at than the camera allows.
#[test]
fn objects_are_told_apart_by_their_looks_within_the_budget() {
    let folder = tempfile::tempdir().unwrap();
    made::write_embedding(folder.path());
    let model = Model::load(&Runtime::load(None).unwrap(), folder.path(), "alike", &[]).unwrap();
    assert!(model.check_role(Role::Likeness).is_ok());
    let refused = model.check_role(Role::Pictures).unwrap_err();
    insta::assert_snapshot!(refused, @"model alike tells objects apart and knows no labels: it is none of a camera's looks");
    let settings = settings(
        folder.path(),
        "[cameras.likeness]\nmodel = \"alike\"\ncrops_per_frame = 1\n",
    );
    let camera = &settings.cameras[0];
    let labels = ["car".to_owned()];
    let mut analysis = Analysis::new(&camera.scene, &labels, 5.0).unwrap();
    let cascade = Cascade::of(&[], &[]).with_likeness(camera.likeness.clone());
    let mut models = BTreeMap::from([("alike".to_owned(), model)]);
    let thing = |x: f32| Detection {
        class: ClassId(0),
        score: 0.9,
        rect: Rect {
            x,
            y: 0.3,
            w: 0.2,
            h: 0.5,
        },
    };
    let seen = [thing(0.1), thing(0.7)];
    let half = |i: u32| if i % SIZE.0 < SIZE.0 / 2 { RED } else { BLUE };
    let pixels: Vec<u8> = (0..SIZE.0 * SIZE.1).flat_map(half).collect();
    let mut told = Vec::new();
    for step in 0..6 {
        let stamps = frame(Duration::from_millis(200) * step, RED).stamps();
        let frame = std::sync::Arc::new(Frame::rgb(SIZE, pixels.clone(), stamps).unwrap());
        let appearances = cascade.recognise(&mut models, &frame, &seen).unwrap();
        assert!(appearances.len() <= 1, "{appearances:?}");
        for one in &appearances {
            let strongest = one.embedding.iter().position(|v| *v > 0.99);
            told.push((one.rect.x, strongest));
        }
        analysis.recognise(appearances);
        analysis.update(frame, &seen);
        cascade.sketch(analysis.sketches());
    }
    // Nothing is known of the first frame's tracks; then each is looked at twice, in turn.
    let (red, blue) = ((0.1, Some(0)), (0.7, Some(2)));
    assert_eq!(told, [red, blue, red, blue]);
}
