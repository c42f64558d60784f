//! Who moves in a scene: what they show as, that nobody drives through anybody, and that seeds decide.

use std::collections::BTreeSet;
use std::path::Path;

use camera_sim::actor::{Class, Kind, Posed};
use camera_sim::scene::{Renderer, Scene, SceneError};
use camera_sim::space::V2;
use camera_sim::truth::{part, presences, track};

fn read(duration_s: f32, rest: &str) -> Result<Scene, SceneError> {
    let text = format!(
        "title = \"t\"\nseed = 3\nduration_s = {duration_s:?}\nfps = 10.0\nsize = [640, 360]\n\
         [camera]\nat = [0, 0]\nheight = 6\npitch_deg = 25\nyaw_deg = 0\nfov_deg = 70\n{rest}"
    );
    Scene::parse("t", Path::new("t.toml"), &text)
}

fn scene(duration_s: f32, rest: &str) -> Scene {
    read(duration_s, rest).expect("a scene of this test is good")
}

fn classes(scene: &Scene, frame: usize) -> Vec<Class> {
    let seen = Renderer::new(scene).render(frame).seen;
    seen.iter().map(|s| s.class).collect()
}

#[test]
fn every_kind_shows_as_what_it_is() {
    for (kind, want) in [
        ("child", Class::Person),
        ("wheelchair", Class::Person),
        ("stroller", Class::Person),
        ("dog", Class::Animal),
        ("van", Class::Car),
    ] {
        let one = format!(
            "[[actors]]\nname = \"a\"\nkind = \"{kind}\"\npath = [[0, 14]]\nstays = true\n"
        );
        assert_eq!(classes(&scene(2.0, &one), 5), [want], "{kind}");
    }
    let lorry = "[[actors]]\nname = \"a\"\nkind = \"truck\"\npath = [[0, 24]]\nstays = true\nlook = { body = \"lorry\" }\n";
    assert_eq!(classes(&scene(2.0, lorry), 5), [Class::Truck]);
}

#[test]
fn who_lies_is_fallen_until_they_get_up() {
    let falls = "[[actors]]\nname = \"a\"\nkind = \"pedestrian\"\npath = [[-5, 14], [9, 14]]\n\
                 acts = [{ do = \"fall\", from_s = 3.0, until_s = 6.0 }]\n";
    let scene = scene(12.0, falls);
    let at = |t: f32| classes(&scene, (t * 10.0) as usize);
    assert_eq!(at(2.5), [Class::Person]);
    assert_eq!(at(4.5), [Class::Fallen]);
    assert_eq!(at(8.0), [Class::Person]);
}

#[test]
fn an_object_keeps_its_track_while_its_other_half_leaves_the_picture() {
    let leaves =
        "[[actors]]\nname = \"c\"\nkind = \"cyclist\"\nspeed = 2.0\npath = [[0, 9], [12, 9]]\n";
    let scene = scene(8.0, leaves);
    let renderer = Renderer::new(&scene);
    let mut alone = 0;
    for frame in 0..scene.frames() {
        let there = presences(&scene, frame);
        let seen = renderer.render(frame).seen;
        alone += usize::from(seen.len() == 1);
        for s in seen {
            let track = track(s.actor, part(&scene, s.actor, s.class));
            let same = there.iter().filter(|p| p.track == track);
            assert!(same.into_iter().all(|p| p.class == s.class), "{s:?}");
        }
    }
    assert!(alone > 0, "one of the two leaves first");
}

/// Whether two footprints share ground: no edge line of either parts them.
fn overlap(a: &Posed, b: &Posed) -> bool {
    let (a, b) = (a.footprint(), b.footprint());
    let parts = |shape: &[V2; 4], other: &[V2; 4]| {
        (0..4).any(|i| {
            let edge = shape[(i + 1) % 4] - shape[i];
            other.iter().all(|p| edge.cross(*p - shape[i]) <= 0.0)
        })
    };
    !parts(&a, &b) && !parts(&b, &a)
}

#[test]
fn cars_in_a_jam_keep_their_distance() {
    let jam = "[[actors]]\nname = \"stops\"\nkind = \"car\"\nstart_s = 5.0\npath = [[-80, 20], [10, 20], [80, 20]]\n\
               stops = [{ at = 1, seconds = 40.0 }]\n\
               [[streams]]\nname = \"cars\"\nkinds = [\"car\", \"car\", \"bus\", \"truck\", \"van\"]\nper_minute = 30.0\n\
               path = [[-80, 20], [80, 20]]\nspeed = [7.0, 14.0]\n";
    let scene = scene(90.0, jam);
    let mut most = 0;
    for frame in (0..scene.frames()).step_by(3) {
        let posed = scene.posed(scene.time(frame));
        for (i, (_, a)) in posed.iter().enumerate() {
            for (_, b) in &posed[i + 1..] {
                assert!(!overlap(a, b), "{:?} and {:?} at {frame}", a.pose, b.pose);
            }
        }
        let waits = |p: &&(usize, Posed)| p.1.pose.speed < 0.2 && p.1.kind.is_vehicle();
        most = most.max(posed.iter().filter(waits).count());
    }
    assert!(
        most >= 5,
        "only {most} vehicles wait behind the one that stops"
    );
}

const PARK: &str = "[[streams]]\nname = \"walkers\"\nkinds = [\"pedestrian\", \"pedestrian\", \"child\", \"dog\", \"stroller\"]\n\
    per_minute = 6.0\npath = [[-20, 14], [20, 16]]\nspread = 1.5\nspeed = [1.0, 1.6]\nboth_ways = true\n\
    [[streams]]\nname = \"runners\"\nkind = \"pedestrian\"\nper_minute = 0.5\nfrom_s = 600.0\npath = [[20, 20], [-20, 20]]\nspeed = [2.9, 3.8]\n";

#[test]
fn two_hours_of_a_park_follow_from_the_seed_and_stay_sparse() {
    let (a, b) = (scene(7200.0, PARK), scene(7200.0, PARK));
    assert!(
        a.actors.len() > 600 && a.actors.len() < 900,
        "{}",
        a.actors.len()
    );
    let mut kinds = BTreeSet::new();
    for t in (0..7200).step_by(97) {
        let (p, q) = (a.posed(t as f32), b.posed(t as f32));
        assert!(p.len() < 20, "{} at {t} s", p.len());
        assert!(p.iter().map(|p| p.1.pose).eq(q.iter().map(|q| q.1.pose)));
        kinds.extend(p.iter().map(|p| format!("{:?}", p.1.kind)));
    }
    assert!(kinds.len() >= 4, "{kinds:?}");
}

#[test]
fn a_stream_keeps_its_pace_and_its_side() {
    let scene = scene(120.0, PARK);
    for t in 20..110 {
        for (_, p) in scene.posed(t as f32) {
            assert!((1.0..=1.6).contains(&p.pose.speed), "{:?}", p.pose);
            assert!((12.3..=17.7).contains(&p.pose.at.y), "{:?}", p.pose);
        }
    }
}

#[test]
fn a_crowd_gathers_stands_and_disperses() {
    let crowd = "[[crowds]]\nname = \"c\"\ncount = 20\nat = [0, 15]\nradius = 3.0\nfrom_s = 40.0\nuntil_s = 60.0\n\
                 from = [[-25, 15], [25, 15], [0, 45]]\n";
    let scene = scene(120.0, crowd);
    let near = |t: f32| {
        let middle = V2 { x: 0.0, y: 15.0 };
        let people = scene.posed(t).into_iter();
        people
            .filter(|(_, p)| (p.pose.at - middle).length() < 3.5)
            .count()
    };
    assert_eq!((near(10.0), near(41.0), near(59.0)), (0, 20, 20));
    assert_eq!(scene.posed(100.0).len(), 0, "all have gone");
}

#[test]
fn opponents_come_within_reach_and_face_each_other() {
    let fighter = |name: &str, x: f32| {
        format!(
            "[[actors]]\nname = \"{name}\"\nkind = \"pedestrian\"\npath = [[{x:?}, 14]]\nstays = true\n\
             acts = [{{ do = \"fight\", from_s = 2.0, until_s = 8.0 }}]\n"
        )
    };
    let scene = scene(
        10.0,
        &format!("{}{}", fighter("a", -1.0), fighter("b", 1.0)),
    );
    for t in [3.5, 5.0, 6.5] {
        let posed = scene.posed(t);
        let (a, b) = (posed[0].1.pose, posed[1].1.pose);
        let gap = b.at - a.at;
        assert!(
            (0.4..1.0).contains(&gap.length()),
            "{} m at {t} s",
            gap.length()
        );
        assert!(V2::from_angle(a.heading).dot(gap.unit()) > 0.9, "{a:?}");
    }
    assert!(matches!(scene.posed(1.0)[0].1.kind, Kind::Pedestrian));
}

#[test]
fn what_does_not_fit_together_is_said_with_its_line() {
    let person = "[[actors]]\nname = \"p\"\nkind = \"pedestrian\"\npath = [[-9, 14], [9, 14]]\n";
    let bag = "[[actors]]\nname = \"b\"\nkind = \"bag\"\n";
    let faults = [
        format!("{bag}owner = \"nobody\"\nleft_s = 3.0\n"),
        format!("{person}{bag}owner = \"p\"\nleft_s = 50.0\n"),
        format!("{person}{bag}path = [[0, 30]]\nstays = true\ntaken_by = \"p\"\ntaken_s = 5.0\n"),
        format!("{person}{bag}owner = \"p\"\npath = [[0, 3]]\nstays = true\n"),
        format!("{person}acts = [{{ do = \"fall\", from_s = 30.0, until_s = 40.0 }}]\n"),
        format!(
            "{person}acts = [{{ do = \"fall\", from_s = 3.0, until_s = 6.0 }}, {{ do = \"wave\", from_s = 7.0, until_s = 8.0 }}]\n"
        ),
        format!("{person}acts = [{{ do = \"fight\", from_s = 3.0, until_s = 6.0 }}]\n"),
        format!("{person}speeds = [{{ at = 5, speed = 2.0 }}]\n"),
        "[[crowds]]\nname = \"c\"\ncount = 80\nat = [0, 15]\nradius = 1.0\nfrom_s = 4.0\nuntil_s = 3.0\nfrom = [[0, 15]]\n".to_owned(),
        "[[streams]]\nname = \"s\"\nkind = \"car\"\nper_minute = 9\npath = [[0, 9], [9, 9]]\nspeed = [9, 8]\nboth_ways = true\n".to_owned(),
        "[[rules]]\nid = \"r\"\nkind = \"wrong_way\"\nmin_count = 3\n".to_owned(),
    ];
    let said = faults.map(|text| {
        read(20.0, &text)
            .expect_err("a scene of this test is bad")
            .to_string()
    });
    insta::assert_snapshot!(said.join("\n\n"));
}
