//! From a decoded frame to an incident that survives a power cut, with its picture.

use std::{path::Path, time::Duration};

use analytics::{
    detection::ClassId,
    incident::{IncidentChange, IncidentNumber, IncidentObject, Transition},
    rule::{RuleIndex, RuleKind},
    scene::Scene,
    track::TrackId,
};
use benches::{FullHd, crowd};
use criterion::{Criterion, criterion_group, criterion_main};
use edge_agent::{
    camera::frame::Stamps,
    config,
    evidence::{bystanders::Sight, part::pictures, privacy::Privacy},
    inference::{cascade::sources, model::Model, runtime::Runtime},
    report::Reporter,
    spool::{Class, Quota, Store},
};
use protocol::incident::{ClockQuality, ModelRef};
use uuid::Uuid;

/// A person over the first rule's line.
fn change(number: u64) -> IncidentChange {
    let walker = crowd(1, 0)[0];
    IncidentChange {
        incident: IncidentNumber(number),
        rule: RuleIndex(0),
        kind: RuleKind::LineCrossing,
        transition: Transition::Opened,
        at: Duration::from_millis(200) * u32::try_from(number).unwrap_or(u32::MAX),
        confidence: 0.8,
        objects: vec![IncidentObject {
            track: TrackId(number),
            class: walker.class,
            score: walker.score,
            rect: walker.rect,
            speed: None,
        }],
        suppressed_before: 0,
    }
}

fn frame(c: &mut Criterion) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let settings = config::load::load(&root.join("config/edge-agent.example.toml"));
    let settings = settings.expect("the example is valid");
    let camera = &settings.cameras[0];
    let runtime = Runtime::load(None).expect("deploy/setup.sh has brought the library");
    let model = Model::load(&runtime, &root.join("models"), "street-nano", &[]);
    let mut model = model.expect("the bundled model suits its manifest");
    let second = |_: &str| ["fight", "flood"].map(str::to_owned).to_vec();
    let looks = sources(&camera.cascades, &camera.looks, second);
    let scene = Scene::with_looks(&camera.scene, model.labels(), &looks);
    let mut scene = scene.expect("the example's scene");
    let reference = ModelRef {
        name: model.name().to_owned(),
        sha256: model.sha256().to_owned(),
    };
    let reporter = Reporter::new(&settings.node, camera, reference, model.labels(), 4096);
    let mut reporter = reporter.expect("the example's rules have good names");
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder of the build");
    let path = dir.path().join("spool.db");
    let mut store = Store::open(&path, Quota::default(), Uuid::new_v4()).expect("a new spool");
    let clock = ClockQuality {
        synchronised: true,
        estimated_error_ms: None,
    };
    let source = FullHd::new();
    let privacy = Privacy::new(Vec::new(), vec![ClassId(0)], 0.0125);
    let both = [Class::Thumbnail, Class::Snapshot];
    let (mut turn, mut seen) = (0, Vec::new());
    c.bench_function("frame-to-event/1080p/street-nano", |b| {
        b.iter(|| {
            turn += 1;
            let change = change(turn);
            let stamps = Stamps {
                at: change.at,
                capture: None,
                arrival: protocol::now(),
            };
            let picture = source.picture();
            (model.detect(&picture, (1, 1), 0.1, &mut seen)).expect("the library works");
            scene.update(change.at, &seen);
            let own = change.objects[0].rect;
            let sight = Sight {
                people: seen.iter().map(|detection| detection.rect).collect(),
                kept: vec![own],
            };
            let parts = pictures(&privacy.veil(picture, &sight), &[own], &both);
            let parts = parts.map_err(|e| e.to_string());
            let report = reporter.report(&change, stamps, clock, Some(parts));
            let records = report.expect("the rule is the camera's").records();
            (store.transaction(|store| {
                (records.into_iter()).try_for_each(|record| store.append(record).map(drop))
            }))
            .expect("the disk works");
        });
    });
}

criterion_group!(benches, frame);
criterion_main!(benches);
