//! A second model on the crops of the first one's objects: from the configuration to the label in an incident's message.

#![expect(
    clippy::unwrap_used,
    reason = "a failing step of a test ends it and says why"
)]

mod made;

use std::{collections::BTreeMap, fs, path::Path, sync::Arc, time::Duration};

use analytics::{
    attributes::Answer,
    detection::{ClassId, Detection},
    geometry::Rect,
    incident::Transition,
};
use edge_agent::{
    analysis::{Analysis, Decision},
    camera::{Frame, Stamps, picture::Picture},
    config,
    inference::{cascade::Cascade, model::Model, runtime::Runtime},
    report::Reporter,
};
use protocol::incident::{ClockQuality, ModelRef};

/// Left half red, right half blue.
const SIZE: (u32, u32) = (128, 96);

fn picture() -> Vec<u8> {
    let pixel = |i: u32| {
        if i % SIZE.0 < SIZE.0 / 2 {
            [255, 0, 0]
        } else {
            [0, 0, 255]
        }
    };
    (0..SIZE.0 * SIZE.1).flat_map(pixel).collect()
}

fn frame(at: Duration) -> Frame {
    let stamps = Stamps {
        at,
        capture: None,
        arrival: jiff::Timestamp::UNIX_EPOCH,
    };
    Frame::rgb(SIZE, picture(), stamps).unwrap()
}

fn standing(x: f32) -> Rect {
    Rect {
        x,
        y: 0.3,
        w: 0.2,
        h: 0.5,
    }
}

fn load(models: &Path) -> Model {
    made::write_model(models);
    let runtime = Runtime::load(None).unwrap();
    Model::load(&runtime, models, "colours", &[]).unwrap()
}

#[test]
fn a_classifier_sees_its_crop_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let mut model = load(folder.path());
    let pixels = picture();
    let picture = Picture::rgb(SIZE, &pixels).unwrap();
    for (x, expected) in [(0.1, 0), (0.7, 2)] {
        let Some(Answer::Label { class, score }) = model.look_at(&picture, standing(x)).unwrap()
        else {
            panic!("no label at {x}");
        };
        assert_eq!(class, expected, "at {x}");
        assert!(score > 0.99, "{score} at {x}");
    }
    let outside = Rect {
        x: 1.2,
        ..standing(0.0)
    };
    assert_eq!(model.look_at(&picture, outside).unwrap(), None);
    let refused = model.detect(&picture, (1, 1), 0.5, &mut Vec::new());
    insta::assert_snapshot!(refused.expect_err("it finds nothing"), @"model colours looks at what another model has found: name it in [[cameras.cascades]]");
}

#[test]
fn what_a_cascade_says_of_an_object_stands_in_its_incident() {
    let folder = tempfile::tempdir().unwrap();
    let model = load(folder.path());
    let file = folder.path().join("edge-agent.toml");
    fs::write(
        &file,
        "node = { region = \"r\", site = \"s\", name = \"n\" }\nmqtt = { host = \"127.0.0.1\" }\n\
         [[cameras]]\nid = \"gate\"\nurl = \"rtsp://192.0.2.1/\"\n\
         [[cameras.cascades]]\nid = \"colour\"\nmodel = \"colours\"\nclasses = [\"car\"]\nper_second = 5.0\n\
         [[cameras.zones]]\nid = \"all\"\npolygon = [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]\n\
         [[cameras.rules]]\nid = \"inside\"\nkind = \"intrusion\"\nzone = \"all\"\nmin_seconds = 2.0\n",
    )
    .unwrap();
    let settings = config::load(&file).unwrap();
    let camera = &settings.cameras[0];
    let labels = ["person".to_owned(), "car".to_owned()];
    let analysis = Analysis::new(&camera.scene, &labels, 5.0).unwrap();
    let mut analysis = analysis.with_cascades(&camera.cascades, &labels).unwrap();
    let second = Arc::clone(model.labels());
    let mut models = BTreeMap::from([("colours".to_owned(), model)]);
    let cascade = Cascade::new(vec!["colours".to_owned()]);
    let (mut opened, mut looks) = (Vec::<Decision>::new(), 0);
    for step in 0..15 {
        let frame = Arc::new(frame(Duration::from_millis(200) * step));
        let seen = [(0, 0.1), (1, 0.7)].map(|(class, x)| Detection {
            class: ClassId(class),
            score: 0.9,
            rect: standing(x),
        });
        looks += cascade.look(&mut models, &frame, &seen).unwrap();
        let decisions = analysis.update(frame, &seen).into_iter();
        opened.extend(decisions.filter(|d| d.change.transition == Transition::Opened));
        analysis.answered(cascade.take_answers());
        cascade.wish(analysis.wishes());
    }
    // The car alone is looked at: three times, and no more within five seconds.
    assert_eq!(looks, 3);
    let model = ModelRef {
        name: "first".to_owned(),
        sha256: String::new(),
    };
    let reporter = Reporter::new(&settings.node, camera, model, &labels, 1000).unwrap();
    let mut reporter = reporter.with_cascades(vec![("colour".parse().unwrap(), second)]);
    let clock = ClockQuality {
        synchronised: true,
        estimated_error_ms: None,
    };
    let mut said = Vec::new();
    for decision in opened {
        let report = reporter.report(&decision.change, decision.stamps, clock, None);
        let mut report = report.unwrap();
        reporter.attribute(&mut report, &decision.labels);
        for object in &report.event.data.objects {
            said.push(serde_json::to_value(&object.attributes).unwrap());
        }
    }
    said.sort_by_key(ToString::to_string);
    let expected = [
        serde_json::json!([]),
        serde_json::json!([{"name": "colour", "label": "blue", "score": 1.0}]),
    ];
    assert_eq!(said, expected);
}

#[test]
fn a_cascade_must_name_classes_that_the_first_model_knows() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("edge-agent.toml");
    let text = |cascade: &str| {
        format!(
            "node = {{ region = \"r\", site = \"s\", name = \"n\" }}\nmqtt = {{ host = \"127.0.0.1\" }}\n\
             [[cameras]]\nid = \"gate\"\nurl = \"rtsp://192.0.2.1/\"\n[[cameras.cascades]]\n{cascade}"
        )
    };
    fs::write(
        &file,
        text("id = \"colour\"\nmodel = \"colours\"\nclasses = [\"lorry\"]\n"),
    )
    .unwrap();
    let settings = config::load(&file).unwrap();
    let camera = &settings.cameras[0];
    let labels = ["car".to_owned()];
    let analysis = Analysis::new(&camera.scene, &labels, 5.0).unwrap();
    let refused = analysis.with_cascades(&camera.cascades, &labels);
    insta::assert_snapshot!(refused.expect_err("no lorry"), @r#"cascade colour: the model knows no class "lorry""#);
    fs::write(&file, text("model = \"../colours\"\nper_second = 0\n")).unwrap();
    let refused = config::load(&file).expect_err("wrong").to_string();
    let refused = refused.replace(&format!("{}/", folder.path().display()), "");
    insta::assert_snapshot!(refused, @r#"
    edge-agent.toml:6:1: cameras[0].cascades[0].id: is missing
    edge-agent.toml:7:9: cameras[0].cascades[0].model: "../colours" is no model name: letters, digits, '-', '_' and '.' are allowed
    edge-agent.toml:8:14: cameras[0].cascades[0].per_second: 0 is outside 0.1 to 100
    "#);
}
