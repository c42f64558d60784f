//! Incident cases on real clips, through the pipeline of the street. Short ones only: the whole set is a matter of
//! `edge-agent evaluate`.

#![expect(clippy::print_stdout, reason = "a test that skips says so")]

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use analytics::scene::SceneSettings;
use edge_agent::{
    evaluate::{
        camera_settings::CameraSettingsFile,
        case::Case,
        report::{CaseReport, Report},
        run,
    },
    inference::{model::Model, runtime::Runtime},
};

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Evaluates one case with the settings that are kept for it.
fn evaluate(name: &str) -> Option<CaseReport> {
    let named = std::env::var_os("SAFECITY_ASSETS").map(PathBuf::from);
    let assets = named.unwrap_or_else(|| workspace().join("../shared/assets"));
    if !assets.join("cases").is_dir() {
        println!("skipped: ../shared/assets is not here");
        return None;
    }
    let case = Case::load(&assets.join("cases").join(name)).expect("the case");
    let settings = workspace().join("tests/cases/camera-settings.toml");
    let settings = CameraSettingsFile::load(&settings).expect("the settings");
    let camera = settings.camera(name, None);
    let runtime = Runtime::load(None).expect("the library");
    let (models, search) = (workspace().join("models"), [assets.join("models")]);
    let model = Model::load(&runtime, &models, &camera.model, &search).expect("the model");
    let scene = SceneSettings {
        zones: case.zones.clone(),
        lines: case.lines.clone(),
        rules: camera.rules(&case),
        tracker: camera.tracker.clone(),
        ground: case.ground.clone(),
    };
    let mut models = BTreeMap::from([(camera.model.clone(), model)]);
    let run = run::run(&case.clip, &scene, &camera, &mut models);
    Some(CaseReport::new(&case, run.as_ref().map_err(Clone::clone)))
}

#[test]
fn vehicles_at_the_tunnel_are_counted() {
    let Some(report) = evaluate("tunnel-portals") else {
        return;
    };
    assert_eq!(report.error, None);
    assert!(report.f1 >= Some(0.9), "{:#?}", report.rules);
    assert!(report.rules.iter().all(|rule| rule.supported));
}

#[test]
fn pedestrians_on_the_campus_are_counted() {
    let Some(report) = evaluate("campus-walk") else {
        return;
    };
    assert!(report.f1 >= Some(0.8), "{:#?}", report.rules);
    let json = serde_json::to_value(Report::new(vec![report])).expect("plain data");
    let rule = &json["cases"][0]["rules"][0];
    for key in [
        "id",
        "kind",
        "supported",
        "truth",
        "alarms",
        "tp",
        "fp",
        "fn",
        "f1",
    ] {
        assert!(!rule[key].is_null(), "{key}: {rule}");
    }
    assert!(json["by_kind"]["line_crossing"]["f1"].is_number());
    assert!(json["micro"]["precision"].is_number());
}
