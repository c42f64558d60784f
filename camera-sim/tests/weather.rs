//! Light, weather, lens, faults and fires of a scene: each changes what it should in the picture and nothing else, and
//! pictures follow from the scene alone.

use std::path::Path;

use camera_sim::actor::Class;
use camera_sim::scene::{Renderer, Scene, Shot};

/// A street with a lamp, a tree, a house and a walker under a camera that looks north; `rest` adds light and weather.
fn scene(rest: &str) -> Scene {
    Scene::parse("t", Path::new("t.toml"), &text(rest)).expect("a scene of this test is good")
}

fn text(rest: &str) -> String {
    format!(
        "title = \"t\"\nseed = 3\nduration_s = 20.0\nfps = 10.0\nsize = [320, 180]\n\
         [camera]\nat = [0, 0]\nheight = 6\npitch_deg = 18\nyaw_deg = 0\nfov_deg = 70\n\
         [world]\nbase = \"asphalt\"\n\
         buildings = [{{ at = [0, 60], size = [60, 10], height = 9 }}]\n\
         standing = [{{ kind = \"lamp\", at = [3, 16] }}, {{ kind = \"tree\", at = [-7, 20] }}, {{ kind = \"flag\", at = [8, 22] }}]\n\
         [[actors]]\nname = \"w\"\nkind = \"pedestrian\"\npath = [[-2, 12], [9, 12]]\nspeed = 1.0\n{rest}"
    )
}

fn shot(rest: &str, index: usize) -> Shot {
    Renderer::new(&scene(rest)).render(index)
}

/// Mean and standard deviation of brightness in a part of a 320x180 picture (columns, rows).
fn look(shot: &Shot, columns: (usize, usize), rows: (usize, usize)) -> (f32, f32) {
    let rows = rows.0..rows.1;
    let part: Vec<f32> = rows
        .flat_map(|y| (columns.0..columns.1).map(move |x| y * 320 + x))
        .map(|i| f32::from(shot.frame.data[i]))
        .collect();
    let mean = part.iter().sum::<f32>() / part.len() as f32;
    let spread = part.iter().map(|v| (v - mean).powi(2)).sum::<f32>() / part.len() as f32;
    (mean, spread.sqrt())
}

const ALL: (usize, usize) = (0, 320);
const TALL: (usize, usize) = (0, 180);

/// Everything at once.
const WILD: &str = "[light]\ndaylight = \"night\"\n[weather]\nrain = 0.7\nsnow = 0.3\nfog_m = 90.0\nwind = 0.8\n\
    [lens]\nshake = 0.8\nhunting = 0.7\ninsects = 0.9\ncompression = 0.4\nnoise = 0.3\n\
    [[fires]]\nat = [1, 18]\nfrom_s = 0.0\nuntil_s = 18.0\nsize = 1.2\n\
    [[lens_faults]]\nkind = \"sprayed\"\nfrom_s = 6.0\nuntil_s = 9.0\n";

#[test]
fn the_wildest_scene_renders_to_the_same_bytes_twice_in_any_order() {
    let scene = scene(WILD);
    let (a, b) = (Renderer::new(&scene), Renderer::new(&scene));
    let forward: Vec<Shot> = [3, 40, 75, 120].iter().map(|&i| a.render(i)).collect();
    let backward: Vec<Shot> = [120, 75, 40, 3].iter().map(|&i| b.render(i)).collect();
    for (f, b) in forward.iter().zip(backward.iter().rev()) {
        assert_eq!(f.frame, b.frame);
        assert_eq!(f.seen, b.seen);
    }
}

#[test]
fn night_is_dark_but_for_the_lamp_s_pool() {
    let (day, night) = (shot("", 0), shot("[light]\ndaylight = \"night\"\n", 0));
    assert!(look(&night, ALL, TALL).0 < 0.55 * look(&day, ALL, TALL).0);
    let pool = look(&night, (190, 250), (90, 110)).0;
    let corner = look(&night, (0, 40), (165, 180)).0;
    assert!(pool > corner + 15.0, "{pool} {corner}");
}

#[test]
fn fog_takes_the_contrast_of_what_is_far_and_leaves_what_is_near() {
    let contrast = |s: &Shot, rows| look(s, (100, 220), rows).1;
    let (clear, foggy) = (shot("", 0), shot("[weather]\nfog_m = 50.0\n", 0));
    let (far, near) = ((10, 40), (150, 180));
    assert!(contrast(&foggy, far) < 0.35 * contrast(&clear, far));
    assert!(contrast(&foggy, near) > 0.5 * contrast(&clear, near));
}

#[test]
fn who_is_lost_in_fog_is_not_seen() {
    let far = "[[actors]]\nname = \"far\"\nkind = \"pedestrian\"\npath = [[0, 40]]\nstays = true\n";
    let visibility = |weather: &str| {
        let shot = shot(&format!("{far}{weather}"), 0);
        let seen = shot
            .seen
            .iter()
            .find(|s| s.actor == 1)
            .expect("it is in the picture");
        seen.visibility
    };
    assert!(visibility("") > 0.9);
    assert!(visibility("[weather]\nfog_m = 20.0\n") < 0.2);
}

#[test]
fn snow_whitens_the_ground_and_rain_darkens_it() {
    let ground = |rest: &str| look(&shot(rest, 0), ALL, (120, 180)).0;
    let dull = ground("[light]\ndaylight = \"dull\"\n");
    assert!(ground("[light]\ndaylight = \"dull\"\n[weather]\nsnow = 0.9\n") > dull + 40.0);
    assert!(ground("[light]\ndaylight = \"dull\"\n[weather]\nrain = 0.9\n") < dull - 5.0);
}

#[test]
fn wind_moves_trees_flags_and_their_shadows_and_still_air_moves_nothing() {
    let changed = |rest: &str| {
        let scene = scene(rest);
        let renderer = Renderer::new(&scene);
        let (a, b) = (renderer.render(150), renderer.render(158));
        let pairs = a.frame.data[..320 * 180].iter().zip(&b.frame.data);
        pairs.filter(|(a, b)| a.abs_diff(**b) > 30).count()
    };
    let (still, windy) = (changed(""), changed("[weather]\nwind = 1.0\n"));
    assert!(windy > still + 100, "{windy} {still}");
}

#[test]
fn clouds_darken_a_part_of_the_sunny_ground_as_they_pass() {
    let scene = scene("[light]\nclouds = 0.5\n");
    let renderer = Renderer::new(&scene);
    let ground = |i: usize| look(&renderer.render(i), (20, 300), (130, 180)).0;
    let tones: Vec<f32> = (0..200).step_by(20).map(ground).collect();
    let (low, high) = tones
        .iter()
        .fold((255.0f32, 0.0f32), |(l, h), v| (l.min(*v), h.max(*v)));
    assert!(high - low > 8.0, "{tones:?}");
}

#[test]
fn headlights_light_the_road_before_them() {
    let road = |light: &str| {
        let car =
            "[[actors]]\nname = \"c\"\nkind = \"car\"\npath = [[-30, 24], [40, 24]]\nspeed = 6.0\n";
        let with = shot(&format!("{car}[light]\ndaylight = \"{light}\"\n"), 45);
        let without = shot(&format!("[light]\ndaylight = \"{light}\"\n"), 45);
        look(&with, (170, 230), (68, 80)).0 - look(&without, (170, 230), (68, 80)).0
    };
    assert!(
        road("night") > 4.0 + road("day"),
        "{} {}",
        road("night"),
        road("day")
    );
}

#[test]
fn a_fire_is_seen_with_its_smoke_while_it_burns() {
    let scene = scene("[[fires]]\nat = [-3, 14]\nfrom_s = 4.0\nuntil_s = 16.0\nsize = 1.5\n");
    let renderer = Renderer::new(&scene);
    let classes = |index: usize| -> Vec<Class> {
        let shot = renderer.render(index);
        let fires = shot.seen.iter().filter(|s| s.actor == scene.actors.len());
        fires.map(|s| s.class).collect()
    };
    assert_eq!(classes(30), []);
    assert_eq!(classes(120), [Class::Smoke, Class::Fire]);
    assert_eq!(classes(170), []);
    let shot = renderer.render(120);
    let fire = shot
        .seen
        .iter()
        .find(|s| s.class == Class::Fire)
        .expect("it burns");
    let (w, h) = (
        fire.bounds.right - fire.bounds.left,
        fire.bounds.bottom - fire.bounds.top,
    );
    assert!(w > 10.0 && h > w && fire.visibility > 0.8, "{fire:?}");
}

#[test]
fn faults_cover_turn_and_freeze_the_picture_within_their_time_only() {
    let clean = scene("");
    let faulty = scene(
        "[[lens_faults]]\nkind = \"covered\"\nfrom_s = 2.0\nuntil_s = 5.0\n\
         [[lens_faults]]\nkind = \"turned\"\nfrom_s = 7.0\nuntil_s = 9.0\nturn_deg = 40.0\n\
         [[lens_faults]]\nkind = \"frozen\"\nfrom_s = 11.0\nuntil_s = 14.0\n",
    );
    let (clean, faulty) = (Renderer::new(&clean), Renderer::new(&faulty));
    for index in [10, 19, 50, 95, 109, 140] {
        assert_eq!(
            clean.render(index).frame,
            faulty.render(index).frame,
            "picture {index}"
        );
    }
    let covered = look(&faulty.render(35), ALL, TALL);
    assert!(covered.0 < 60.0 && covered.1 < 12.0, "{covered:?}");
    assert_ne!(clean.render(80).seen, faulty.render(80).seen);
    assert_eq!(faulty.render(112).frame, faulty.render(138).frame);
    assert_ne!(faulty.render(138).frame, faulty.render(140).frame);
}

#[test]
fn a_shaking_camera_takes_the_boxes_with_it() {
    let (still, shaking) = (shot("", 33), shot("[lens]\nshake = 1.0\n", 33));
    let (a, b) = (still.seen[0].bounds, shaking.seen[0].bounds);
    let (dx, dy) = (b.left - a.left, b.top - a.top);
    assert!(dx.hypot(dy) > 0.1 && dx.hypot(dy) < 3.0, "{dx} {dy}");
    assert!((b.right - a.right - dx).abs() < 1e-3);
}

#[test]
fn bad_light_weather_lens_and_fires_are_named_by_their_keys() {
    let error = |rest: &str| {
        let fault = Scene::parse("bad", Path::new("bad.toml"), &text(rest));
        fault.expect_err("a scene of this test is bad").to_string()
    };
    let faults = [
        error("[light]\ndaylight = \"noon\"\n"),
        error("[light]\nclouds = 2.0\n[weather]\nrain = -1\nfog_m = 2\n[lens]\nshake = 3\n"),
        error("[weather]\nhail = 1.0\n"),
        error(
            "[[lens_faults]]\nkind = \"turned\"\nfrom_s = 3.0\nuntil_s = 2.0\n\
             [[lens_faults]]\nkind = \"dark\"\nfrom_s = 3.0\nuntil_s = 4.0\nturn_deg = 5.0\n",
        ),
        error(
            "[[fires]]\nat = [0, 9]\nfrom_s = 3.0\nuntil_s = 40.0\nsize = 0.0\nflames = false\nsmoke = false\n",
        ),
    ];
    insta::assert_snapshot!(faults.join("\n\n"));
}

#[test]
fn tamper_and_fire_rules_have_the_spans_of_faults_and_fires_they_ask_for() {
    let scene = scene(
        "[[lens_faults]]\nkind = \"sprayed\"\nfrom_s = 2.0\nuntil_s = 4.0\n\
         [[lens_faults]]\nkind = \"turned\"\nfrom_s = 5.0\nuntil_s = 6.0\nturn_deg = 30.0\n\
         [[lens_faults]]\nkind = \"dark\"\nfrom_s = 7.0\nuntil_s = 8.0\n\
         [[fires]]\nat = [-3, 14]\nfrom_s = 9.0\nuntil_s = 16.0\nsize = 1.0\n\
         [[fires]]\nat = [0, -14]\nfrom_s = 9.0\nuntil_s = 16.0\nsize = 1.0\n\
         [[rules]]\nid = \"glass\"\nkind = \"tamper\"\ndetect = [\"covered\", \"dark\"]\n\
         [[rules]]\nid = \"turned\"\nkind = \"tamper\"\ndetect = [\"moved\", \"frozen\"]\n\
         [[rules]]\nid = \"fire\"\nkind = \"fire_smoke\"\n\
         [[rules]]\nid = \"long\"\nkind = \"fire_smoke\"\nmin_seconds = 8.0\n",
    );
    let truth = scene.truth().incidents;
    let spans: Vec<_> = truth
        .iter()
        .map(|i| (i.rule.as_str(), i.start_s, i.end_s))
        .collect();
    assert_eq!(
        spans,
        [
            ("glass", 2.0, 4.0),
            ("turned", 5.0, 6.0),
            ("glass", 7.0, 8.0),
            ("fire", 9.0, 16.0)
        ]
    );
}
