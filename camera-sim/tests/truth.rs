//! The truth of every kind of rule from tiny scenes in which one can work it out in one's head.

use std::path::Path;

use camera_sim::case::case_toml;
use camera_sim::scene::Scene;
use camera_sim::space::v2;
use camera_sim::truth::TruthIncident;

/// A camera looking north over bare ground with one zone over nearly all of the picture; `rest` adds rules and actors.
fn scene(duration_s: f32, rest: &str) -> Scene {
    let text = format!(
        "title = \"t\"\nseed = 3\nduration_s = {duration_s:?}\nfps = 10.0\nsize = [640, 360]\n\
         [camera]\nat = [0, 0]\nheight = 8\npitch_deg = 25\nyaw_deg = 0\nfov_deg = 80\n\
         [[zones]]\nid = \"z\"\npolygon = [[0.02, 0.1], [0.98, 0.1], [0.98, 0.99], [0.02, 0.99]]\n{rest}"
    );
    Scene::parse("t", Path::new("t.toml"), &text).expect("a scene of this test is good")
}

/// (start, end) of each incident of the one rule.
fn spans(scene: &Scene) -> Vec<(f32, f32)> {
    let incidents = scene.truth().incidents;
    incidents.iter().map(|i| (i.start_s, i.end_s)).collect()
}

fn one(scene: &Scene) -> TruthIncident {
    let incidents = scene.truth().incidents;
    assert_eq!(incidents.len(), 1, "{incidents:?}");
    incidents[0].clone()
}

fn near(a: f32, b: f32, tolerance: f32) -> bool {
    (a - b).abs() <= tolerance
}

fn rule(kind: &str, keys: &str) -> String {
    format!("[[rules]]\nid = \"r\"\nkind = \"{kind}\"\n{keys}\n")
}

fn car(name: &str, keys: &str) -> String {
    format!("[[actors]]\nname = \"{name}\"\nkind = \"car\"\n{keys}\n")
}

fn walker(name: &str, keys: &str) -> String {
    format!("[[actors]]\nname = \"{name}\"\nkind = \"pedestrian\"\n{keys}\n")
}

#[test]
fn a_stopped_vehicle_is_one_from_when_its_time_is_up() {
    // 20 m to the stop at 10 m/s; braking at 2.2 m/s^2 takes 22.7 m: it slows down from the start.
    let stop = car(
        "c",
        "speed = 5.0\npath = [[-30, 20], [0, 20], [30, 20]]\nstops = [{ at = 1, seconds = 8.0 }]",
    );
    let rule = rule("stopped_vehicle", "zone = \"z\"\nmin_seconds = 5.0");
    let stops = scene(30.0, &format!("{rule}{stop}"));
    // 30 m at 5 m/s, of which the last 5.7 m take twice as long.
    let stands = 30.0 / 5.0 + 5.0 / 2.2 / 2.0;
    let found = one(&stops);
    assert!(near(found.start_s, stands + 5.0, 0.4), "{found:?}");
    assert!(near(found.end_s, stands + 8.0, 0.4), "{found:?}");
    assert_eq!(found.note, "c");
    let short = stop.replace("8.0", "4.0");
    assert!(spans(&scene(30.0, &format!("{rule}{short}"))).is_empty());
    let parked = car("p", "path = [[0, 20]]\nstays = true");
    assert!(
        spans(&scene(30.0, &format!("{rule}{parked}"))).is_empty(),
        "it never moved"
    );
}

#[test]
fn wrong_way_is_a_visit_against_the_direction() {
    let rule = rule(
        "wrong_way",
        "zone = \"z\"\ndirection_degrees = 0.0\ntolerance_degrees = 60.0\nmin_distance = 0.2",
    );
    let east = car("east", "path = [[-40, 22], [40, 22]]");
    let west = car("west", "start_s = 2.0\npath = [[40, 18], [-40, 18]]");
    let found = one(&scene(14.0, &format!("{rule}{east}{west}")));
    assert_eq!(found.note, "west");
    assert!(
        found.start_s > 2.0 && found.end_s > found.start_s + 2.0,
        "{found:?}"
    );
    let north = car("north", "path = [[0, 14], [0, 60]]");
    let found = one(&scene(14.0, &format!("{rule}{north}")));
    assert_eq!(found.note, "north", "90 degrees differ by more than 60");
}

#[test]
fn speeding_goes_by_the_true_speed() {
    let rule = rule("speeding", "zone = \"z\"\nlimit_kmh = 50.0");
    // 50 km/h are 13.89 m/s.
    let fast = car("fast", "speed = 14.0\npath = [[-60, 22], [60, 22]]");
    let slow = car("slow", "speed = 13.8\npath = [[60, 26], [-60, 26]]");
    let found = one(&scene(12.0, &format!("{rule}{fast}{slow}")));
    assert_eq!(found.note, "fast");
    let later = car(
        "later",
        "speed = 10.0\npath = [[-80, 22], [-20, 22], [70, 22]]\nspeeds = [{ at = 1, speed = 18.0 }]",
    );
    let found = one(&scene(12.0, &format!("{rule}{later}")));
    // At 2.2 m/s^2 it takes 1.8 s from 10 m/s to the limit, from the sixth second on.
    assert!(near(found.start_s, 7.8, 0.3), "{found:?}");
}

#[test]
fn a_jam_is_many_slow_vehicles_and_not_many_fast_ones() {
    let rule = rule(
        "congestion",
        "zone = \"z\"\nmin_count = 3\nmax_speed = 0.03",
    );
    let three = |speed: f32| -> String {
        (0..3)
            .map(|i| {
                let x = -2 - 7 * i;
                car(
                    &format!("c{i}"),
                    &format!("speed = {speed:?}\npath = [[{x}, 22], [{}, 22]]", x + 60),
                )
            })
            .collect()
    };
    let slow = three(0.5);
    let found = one(&scene(12.0, &format!("{rule}{slow}")));
    assert!(found.start_s < 1.0 && found.end_s > 11.0, "{found:?}");
    assert!(spans(&scene(12.0, &format!("{rule}{}", three(12.0)))).is_empty());
    let passes = car(
        "free",
        "start_s = 4.0\nspeed = 14.0\npath = [[60, 26], [-60, 26]]",
    );
    let passed = one(&scene(12.0, &format!("{rule}{slow}{passes}")));
    assert_eq!(passed, found, "the other lane is free");
}

#[test]
fn a_crowd_is_one_episode() {
    let rule = rule("crowd", "zone = \"z\"\nmin_count = 8\nmin_seconds = 3.0");
    let crowd = "[[crowds]]\nname = \"fans\"\ncount = 9\nat = [0, 20]\nfrom_s = 30.0\nuntil_s = 50.0\n\
                 from = [[-30, 20], [30, 24]]\n";
    let found = one(&scene(90.0, &format!("{rule}{crowd}")));
    assert!(found.start_s < 33.0 && found.end_s > 50.0, "{found:?}");
    let few = crowd.replace("count = 9", "count = 7");
    assert!(spans(&scene(90.0, &format!("{rule}{few}"))).is_empty());
}

const BAG: &str = "[[actors]]\nname = \"bag\"\nkind = \"bag\"\nowner = \"o\"\nleft_s = 6.0\n";

#[test]
fn a_bag_is_abandoned_when_its_owner_has_been_gone_long_enough() {
    let rule = rule("abandoned_object", "zone = \"z\"\nmin_seconds = 10.0");
    let goes = walker("o", "speed = 1.5\npath = [[-9, 14], [30, 14]]");
    let gone = one(&scene(40.0, &format!("{rule}{goes}{BAG}")));
    // Three metres at 1.5 m/s after it was set down, and then the ten seconds.
    assert!(near(gone.start_s, 6.0 + 2.0 + 10.0, 0.4), "{gone:?}");
    assert_eq!((gone.end_s, gone.note.as_str()), (40.0, "bag"));
    let stays = walker("o", "speed = 1.5\npath = [[-9, 14], [1, 14]]\nstays = true");
    assert!(spans(&scene(40.0, &format!("{rule}{stays}{BAG}"))).is_empty());
    let thief = walker(
        "t",
        "start_s = 8.0\npath = [[0, 30], [-0.2, 14.6], [0, 40]]\nstops = [{ at = 1, seconds = 8.0 }]",
    );
    let taken = format!("{rule}{goes}{thief}{BAG}taken_by = \"t\"\ntaken_s = 24.0\n");
    assert_eq!(one(&scene(40.0, &taken)).end_s, 24.0);
}

#[test]
fn a_bag_that_is_handed_over_is_neither_abandoned_nor_removed() {
    let meets = "path = [[{x}, 14], [{y}, 14], [{x}, 14]]\nspeed = 1.5\nstops = [{ at = 1, seconds = 12.0 }]";
    let of = |x: &str, y: &str| meets.replace("{x}", x).replace("{y}", y);
    let people = format!(
        "{}{}",
        walker("o", &of("-9", "-0.4")),
        walker("t", &of("9", "0.4"))
    );
    let bag = "[[actors]]\nname = \"bag\"\nkind = \"bag\"\nowner = \"o\"\ntaken_by = \"t\"\ntaken_s = 10.0\n";
    for kind in ["abandoned_object", "removed_object"] {
        let rule = rule(kind, "min_seconds = 2.0");
        let scene = scene(30.0, &format!("{rule}{people}{bag}"));
        assert!(spans(&scene).is_empty(), "{kind}");
        let place = |name: &str, t: f32| {
            let found = scene.posed(t).into_iter();
            let mut named = found.filter(|(i, _)| scene.actors[*i].name == name);
            named.next().map(|(_, p)| p.pose.at).expect("it is there")
        };
        for (t, holder) in [(3.0, "o"), (12.0, "t"), (22.0, "t")] {
            let gap = (place("bag", t) - place(holder, t)).length();
            assert!(gap < 0.8, "{gap} m from {holder} at {t} s");
        }
    }
}

#[test]
fn what_stood_there_and_is_carried_off_is_removed() {
    let rule = rule("removed_object", "min_seconds = 5.0");
    let thief = walker("t", "speed = 1.5\npath = [[-9, 14], [0, 14.5], [9, 14]]");
    let bag = "[[actors]]\nname = \"bag\"\nkind = \"bag\"\npath = [[0, 14]]\nstays = true\ntaken_by = \"t\"\ntaken_s = 6.2\n";
    let found = one(&scene(30.0, &format!("{rule}{thief}{bag}")));
    assert!(near(found.start_s, 11.2, 0.01), "{found:?}");
}

#[test]
fn a_fall_starts_with_its_first_sign_and_needs_its_seconds() {
    let rule = rule("fall", "classes = [\"person\"]\nmin_seconds = 3.0");
    let falls = walker(
        "f",
        "path = [[-9, 14], [30, 14]]\nacts = [{ do = \"fall\", from_s = 6.0, until_s = 12.0 }]",
    );
    assert_eq!(
        spans(&scene(30.0, &format!("{rule}{falls}"))),
        [(6.0, 12.0)]
    );
    let short = falls.replace("12.0", "9.0");
    assert!(spans(&scene(30.0, &format!("{rule}{short}"))).is_empty());
    let sits = falls.replace("fall\"", "sit\"");
    assert!(spans(&scene(30.0, &format!("{rule}{sits}"))).is_empty());
}

#[test]
fn running_is_a_person_on_foot_who_is_fast() {
    let rule = rule("running", "zone = \"z\"");
    let runs = walker(
        "r",
        "speed = 1.4\npath = [[-9, 16], [0, 16], [60, 16]]\nspeeds = [{ at = 1, speed = 4.0 }]",
    );
    let found = one(&scene(20.0, &format!("{rule}{runs}")));
    // 9 m at 1.4 m/s, and a second to get from there to a run at 1.4 m/s^2.
    assert!(near(found.start_s, 9.0 / 1.4 + 1.0, 0.3), "{found:?}");
    let cycles = "[[actors]]\nname = \"c\"\nkind = \"cyclist\"\npath = [[-30, 16], [60, 16]]\n";
    assert!(spans(&scene(20.0, &format!("{rule}{cycles}"))).is_empty());
}

#[test]
fn a_fight_takes_two_and_lasts_while_they_fight() {
    let rule = rule("fight", "zone = \"z\"");
    let of = |name: &str, x: f32, from: f32, until: f32| {
        walker(
            name,
            &format!(
                "path = [[{x:?}, 15]]\nstays = true\nacts = [{{ do = \"fight\", from_s = {from:?}, until_s = {until:?} }}]"
            ),
        )
    };
    let (a, b) = (of("a", -0.7, 5.0, 15.0), of("b", 0.7, 6.0, 14.0));
    let found = one(&scene(20.0, &format!("{rule}{a}{b}")));
    assert_eq!((found.start_s, found.end_s), (6.0, 14.0));
    assert_eq!(found.note, "a, b");
}

#[test]
fn a_case_carries_the_true_ground_and_names_the_classes() {
    let scene = scene(2.0, &rule("speeding", "limit_kmh = 50.0"));
    let text = case_toml(&scene, "clip.mp4").unwrap();
    let case: toml::Table = text.parse().unwrap();
    let classes = case["rules"][0]["classes"].as_array().unwrap();
    assert_eq!(classes.len(), 4, "{classes:?}");
    let points = case["calibration"]["points"].as_array().unwrap();
    assert_eq!(points.len(), 4);
    for point in points {
        let pair = |key: &str| {
            let of = |i: usize| point[key][i].as_float().unwrap() as f32;
            v2(of(0), of(1))
        };
        let seen = scene.view().camera.project(pair("ground").up(0.0)).unwrap();
        let image = pair("image");
        let image = v2(image.x * 640.0, image.y * 360.0);
        assert!((seen - image).length() < 0.1, "{seen:?} {image:?}");
    }
}
