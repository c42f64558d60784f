//! A minute each of quiet streets through the pipeline of the street, every rule switched on: nobody is alarmed. The whole day
//! is a matter of `tests/scenes/quiet.sh`.

use std::{collections::BTreeMap, path::Path};

use analytics::scene::SceneSettings;
use camera_sim::{case, quiet::scene_file, scene::Scene};
use edge_agent::{
    evaluate::{
        camera_settings::{CameraSettingsFile, CaseCamera},
        case::Case,
        run,
    },
    inference::{model::Model, runtime::Runtime},
};

/// A sunny hour with traffic, one of rain at dusk, one of the night.
const HOURS: [u32; 3] = [13, 20, 22];

#[test]
fn nobody_is_alarmed_on_a_quiet_street() {
    let place = tempfile::tempdir().expect("a folder");
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let settings = root.join("tests/scenes/camera-settings.toml");
    let settings = CameraSettingsFile::load(&settings).expect("the settings");
    let camera: CaseCamera = settings.camera("quiet", None);
    let runtime = Runtime::load(None).expect("the library");
    let model = Model::load(&runtime, &root.join("models"), &camera.model, &[]).expect("the model");
    let mut models = BTreeMap::from([(camera.model.clone(), model)]);
    for hour in HOURS {
        let text = scene_file(1, hour, 60.0);
        let scene = Scene::parse("quiet", Path::new("quiet.toml"), &text).expect("a good scene");
        let folder = place.path().join(hour.to_string());
        case::write(&scene, &folder, &mut |_, _| ()).expect("rendered");
        let case = Case::load(&folder).expect("the case");
        let watched = SceneSettings {
            zones: case.zones.clone(),
            lines: case.lines.clone(),
            rules: camera.rules(&case),
            tracker: camera.tracker.clone(),
            ground: case.ground.clone(),
        };
        assert_eq!(watched.rules.len(), case.rules.len(), "every rule is run");
        let run = run::run(&case.clip, &watched, &camera, &mut models).expect("it runs");
        assert!(run.duration_s > 55.0, "{}", run.duration_s);
        assert!(run.alarms.is_empty(), "hour {hour}: {:?}", run.alarms);
    }
}
