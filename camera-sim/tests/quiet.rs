//! Quiet streets: every hour is a good scene, the same every time, and nothing happens in it that a rule tells of.

use std::path::Path;

use camera_sim::light::Daylight;
use camera_sim::quiet::scene_file;
use camera_sim::scene::Scene;

fn scene(camera: u64, hour: u32) -> Scene {
    let text = scene_file(camera, hour, 300.0);
    Scene::parse("quiet", Path::new("quiet.toml"), &text).expect("a quiet street is a good scene")
}

#[test]
fn nothing_happens_at_any_hour_and_somebody_goes_by_at_most() {
    let mut busy = 0;
    for hour in 0..24 {
        let scene = scene(1, hour);
        assert_eq!(scene.truth().incidents, [], "hour {hour}");
        // The parked car is always there.
        busy += usize::from(scene.actors.len() > 4);
    }
    assert!(busy >= 12, "{busy} of 24 hours have passers-by");
}

#[test]
fn a_day_has_all_kinds_of_light_and_weather() {
    let day: Vec<Scene> = (0..24).map(|hour| scene(2, hour)).collect();
    for daylight in [Daylight::Day, Daylight::Dusk, Daylight::Night] {
        let text = format!("daylight = \"{daylight:?}\"").to_lowercase();
        assert!(day.iter().any(|s| s.text().contains(&text)), "{text}");
    }
    assert!(day.iter().any(|s| s.sky.weather.rain > 0.2));
    assert!(day.iter().any(|s| s.sky.weather.wind > 0.2));
    assert!(day.iter().any(|s| s.sky.light.clouds > 0.2));
    assert!(day.iter().any(|s| s.sky.light.headlights));
}

#[test]
fn an_hour_is_the_same_every_time_and_another_cameras_is_not() {
    assert_eq!(scene_file(1, 7, 60.0), scene_file(1, 7, 60.0));
    assert_ne!(scene_file(1, 7, 60.0), scene_file(1, 31, 60.0));
    let (one, other) = (scene(1, 7).mount, scene(2, 7).mount);
    assert!((one.yaw_deg - other.yaw_deg).abs() > 0.01);
    assert!((one.yaw_deg - scene(1, 8).mount.yaw_deg).abs() < 1e-6);
}
