//! Scripted pictures -> incidents: what somebody does to a camera, what only looks like it, and things that are left or taken.

#![expect(
    clippy::unwrap_used,
    reason = "a helper that fails is a test that fails"
)]

use std::time::Duration;

use analytics::{
    detection::{ClassId, Detection},
    geometry::{Point, Polygon, Rect},
    incident::{IncidentChange, Transition},
    picture::{Luma, Tampering},
    rule::{LifeSettings, RuleSettings, RuleSpec},
    scene::{Scene, SceneSettings},
    track::TrackerSettings,
};
use proptest::prelude::*;

const WIDE: usize = Luma::COLUMNS;
const HIGH: usize = Luma::ROWS;

/// A number of 0..1 that belongs to three others.
fn dice(a: usize, b: usize, c: usize) -> f32 {
    let mut state = (a as u64) << 40 ^ (b as u64) << 20 ^ c as u64 ^ 0x9e37_79b9_7f4a_7c15;
    for _ in 0..2 {
        state = (state ^ state >> 31).wrapping_mul(0xd6e8_feb8_6659_fd93);
    }
    (state >> 40) as f32 / (1 << 24) as f32
}

/// A street of walls and stones, seen by a camera that looks `across` cells to the right.
fn street(across: usize) -> Vec<f32> {
    let cells = (0..WIDE * HIGH).map(|i| {
        let (x, y) = (i % WIDE + across, i / WIDE);
        50.0 + 100.0 * dice(x / 31, y / 23, 1) + 24.0 * dice(x / 5, y / 5, 2)
    });
    cells.collect()
}

/// What a sensor makes of it; `look` seeds its noise.
fn sensed(cells: &[f32], look: usize) -> Luma {
    let noisy = cells.iter().enumerate().map(|(i, cell)| {
        let noise = 3.0 * (dice(i, look, 7) - 0.5);
        (cell + noise).clamp(0.0, 255.0) as u8
    });
    Luma::new(noisy.collect()).unwrap()
}

/// Out of focus.
fn blurred(cells: &[f32]) -> Vec<f32> {
    let mut cells = cells.to_vec();
    for _ in 0..2 {
        for step in [1, WIDE] {
            let from = cells.clone();
            let reach = 4 * step;
            let inner = cells.iter_mut().enumerate().skip(reach);
            for (i, cell) in inner.take(from.len() - 2 * reach) {
                let around = (i - reach..=i + reach).step_by(step);
                *cell = around.map(|i| from[i]).sum::<f32>() / 9.0;
            }
        }
    }
    cells
}

fn rule(id: &str, rule: RuleSpec) -> RuleSettings {
    RuleSettings {
        id: id.to_owned(),
        classes: Vec::new(),
        rule,
        life: LifeSettings::default(),
    }
}

fn scene(rules: Vec<RuleSettings>) -> Scene {
    let corners = [(0.2, 0.3), (0.8, 0.3), (0.8, 0.9), (0.2, 0.9)];
    let corners = corners.map(|(x, y)| Point::new(x, y));
    let settings = SceneSettings {
        zones: vec![("place".to_owned(), Polygon::new(corners.to_vec()).unwrap())],
        lines: Vec::new(),
        rules,
        tracker: TrackerSettings::default(),
        ground: None,
    };
    Scene::new(&settings, &["person".to_owned(), "car".to_owned()]).unwrap()
}

/// A rule for each kind of tampering, in their order.
fn tamper_rules() -> Vec<RuleSettings> {
    let kinds = Tampering::ALL.into_iter();
    let rules = kinds.map(|kind| rule(kind.as_str(), RuleSpec::Tamper { detect: vec![kind] }));
    rules.collect()
}

/// Shows `seconds` of pictures at `fps`; gives rule, change and second.
fn show(
    scene: &mut Scene,
    seconds: usize,
    fps: usize,
    picture: impl Fn(f32, usize) -> Luma,
    detections: impl Fn(f32) -> Vec<Detection>,
) -> Vec<(usize, Transition, f32)> {
    let mut changes = Vec::new();
    for look in 0..seconds * fps {
        let t = look as f32 / fps as f32;
        let at = Duration::from_millis((look * 1000 / fps) as u64);
        if scene.wants_picture(at) {
            scene.look(&picture(t, look), at);
        }
        changes.extend(scene.update(at, &detections(t)));
    }
    let told = |change: IncidentChange| (change.rule.0, change.transition, change.at.as_secs_f32());
    changes.into_iter().map(told).collect()
}

fn nobody(_: f32) -> Vec<Detection> {
    Vec::new()
}

/// What `tampering` does to a picture from 16 s to 32 s.
fn tampered(kind: Tampering, t: f32, look: usize) -> Luma {
    if !(16.0..32.0).contains(&t) {
        return sensed(&street(0), look);
    }
    let street_now = street(0);
    match kind {
        Tampering::Covered => sensed(&vec![70.0; WIDE * HIGH], look),
        Tampering::Blurred => sensed(&blurred(&street_now), look),
        Tampering::Moved => sensed(&street(60), look),
        Tampering::Frozen => sensed(&street_now, 0),
        Tampering::Dark => {
            let dark: Vec<f32> = street_now.iter().map(|v| 16.0 + 0.03 * v).collect();
            sensed(&dark, look)
        }
        Tampering::SignalLoss => Luma::new(vec![41; WIDE * HIGH]).unwrap(),
    }
}

#[test]
fn each_kind_of_tampering_opens_and_closes_once() {
    for (i, kind) in Tampering::ALL.into_iter().enumerate() {
        let mut scene = scene(tamper_rules());
        let told = show(&mut scene, 40, 5, |t, look| tampered(kind, t, look), nobody);
        let own: Vec<_> = told.iter().filter(|(rule, ..)| *rule == i).collect();
        let [
            (_, Transition::Opened, opened),
            (_, Transition::Closed, closed),
        ] = own[..]
        else {
            unreachable!("{kind:?} does not open and close once: {told:?}");
        };
        assert!((16.0..28.0).contains(opened), "{kind:?}: {told:?}");
        assert!((32.0..39.0).contains(closed), "{kind:?}: {told:?}");
        assert_eq!(told.len(), 2, "{kind:?} is taken for others: {told:?}");
    }
}

#[test]
fn what_happens_on_a_street_is_no_tampering() {
    let lit = |look: usize, light: f32| {
        let cells: Vec<f32> = street(0)
            .iter()
            .map(|v| 16.0 + light * (v - 16.0))
            .collect();
        sensed(&cells, look)
    };
    type Story = Box<dyn Fn(f32, usize) -> Luma>;
    let stories: [(&str, Story); 6] = [
        (
            "dusk, and lamps at once",
            Box::new(move |t, look| {
                lit(
                    look,
                    if t < 38.0 {
                        1.0 - 0.65 * (t / 38.0)
                    } else {
                        0.75
                    },
                )
            }),
        ),
        (
            "exposure that jumps",
            Box::new(move |t, look| lit(look, if t as usize % 20 < 10 { 1.0 } else { 0.45 })),
        ),
        (
            "headlights at night",
            Box::new(|t, look| {
                let cells = street(0);
                let near = ((t - 20.0) / 4.0).clamp(0.0, 1.0);
                let on = (20.0..26.0).contains(&t);
                let glare = |i: usize| {
                    let (x, y) = ((i % WIDE) as f32 - 160.0, (i / WIDE) as f32 - 100.0);
                    if on {
                        500.0 * near * (-x.hypot(y) / 60.0).exp()
                    } else {
                        0.0
                    }
                };
                let cells: Vec<f32> = (cells.iter().enumerate())
                    .map(|(i, v)| 16.0 + 0.3 * v + glare(i))
                    .collect();
                sensed(&cells, look)
            }),
        ),
        (
            "a bus that fills the picture, slowly",
            Box::new(|t, look| {
                let mut cells = street(0);
                let front = 320.0 - (t - 15.0) * 110.0;
                for (i, cell) in cells.iter_mut().enumerate() {
                    let x = (i % WIDE) as f32 - front;
                    if (0.0..700.0).contains(&x) {
                        let window = (x as usize / 40).is_multiple_of(2) && i / WIDE < 90;
                        *cell = if window { 40.0 } else { 190.0 };
                    }
                }
                sensed(&cells, look)
            }),
        ),
        (
            "rain",
            Box::new(|t, look| {
                let mut cells = street(0);
                if t > 15.0 {
                    for drop in 0..500 {
                        let x = (dice(drop, look, 3) * (WIDE - 2) as f32) as usize;
                        let y = (dice(drop, look, 4) * (HIGH - 12) as f32) as usize;
                        (y..y + 10).for_each(|y| cells[y * WIDE + x] += 30.0);
                    }
                }
                sensed(&cells, look)
            }),
        ),
        (
            "nothing ever, as a drawn picture shows it",
            Box::new(|_, _| sensed(&street(0), 0)),
        ),
    ];
    for (name, story) in stories {
        let told = show(&mut scene(tamper_rules()), 45, 5, story, nobody);
        assert_eq!(told, [], "{name}");
    }
}

#[test]
fn tampering_is_told_at_the_same_time_at_any_rate() {
    let opens = |fps| {
        let picture = |t, look| tampered(Tampering::Covered, t, look);
        let told = show(&mut scene(tamper_rules()), 26, fps, picture, nobody);
        told.first().unwrap().2
    };
    let at_five = opens(5);
    for fps in [12, 25] {
        assert!(
            (opens(fps) - at_five).abs() <= 0.5,
            "{fps} fps: {} s",
            opens(fps)
        );
    }
}

#[test]
fn no_pictures_at_all_are_a_lost_signal_until_one_comes() {
    let mut scene = scene(tamper_rules());
    show(&mut scene, 2, 5, |_, look| sensed(&street(0), look), nobody);
    scene.finish(Duration::from_secs(2));
    let lost = scene.lose_signal();
    assert_eq!(lost.len(), 1);
    assert_eq!(lost[0].rule.0, 5);
    let at = Duration::from_secs(60);
    scene.look(&sensed(&street(0), 1), at);
    let back = scene.update(at, &[]);
    assert_eq!(back.len(), 1);
    assert_eq!(back[0].transition, Transition::Closed);
}

/// The box of a bag, in cells.
const BAG: [usize; 4] = [150, 110, 12, 14];

/// The street, with a bag from one second to another.
fn with_bag(from: f32, to: f32) -> impl Fn(f32, usize) -> Luma {
    move |t, look| {
        let mut cells = street(0);
        if (from..to).contains(&t) {
            let [x, y, w, h] = BAG;
            for row in y..y + h {
                cells[row * WIDE + x..row * WIDE + x + w].fill(18.0);
            }
        }
        sensed(&cells, look)
    }
}

fn person(x: f32, class: u16) -> Vec<Detection> {
    vec![Detection {
        class: ClassId(class),
        score: 0.9,
        rect: Rect {
            x,
            y: 0.43,
            w: 0.06,
            h: 0.26,
        },
    }]
}

fn thing_rules() -> Vec<RuleSettings> {
    let min_duration = Duration::from_secs(6);
    let zone = || "place".to_owned();
    vec![
        rule(
            "left",
            RuleSpec::AbandonedObject {
                zone: zone(),
                min_duration,
            },
        ),
        rule(
            "taken",
            RuleSpec::RemovedObject {
                zone: zone(),
                min_duration,
            },
        ),
    ]
}

#[test]
fn a_bag_is_abandoned_once_its_owner_has_gone_and_removed_when_somebody_takes_it() {
    // The owner comes by 12 s, stands there till 20 s and walks off: farther than three metres at about 21 s.
    let owner = |t: f32| match t {
        12.0..20.0 => person(0.48, 0),
        20.0..24.0 => person(0.48 + 0.1 * (t - 20.0), 0),
        _ => Vec::new(),
    };
    let told = show(
        &mut scene(thing_rules()),
        55,
        5,
        with_bag(14.0, 40.0),
        owner,
    );
    let [
        (0, Transition::Opened, left),
        (0, Transition::Closed, back),
        (1, Transition::Opened, taken),
    ] = told[..]
    else {
        unreachable!("{told:?}");
    };
    assert!((26.0..30.0).contains(&left), "{told:?}");
    assert!((40.0..46.0).contains(&back), "{told:?}");
    assert!((46.0..52.0).contains(&taken), "{told:?}");
}

#[test]
fn what_a_track_covers_is_no_thing() {
    let covered = |t: f32| {
        if t >= 13.0 {
            person(0.46, 0)
        } else {
            Vec::new()
        }
    };
    let told = show(
        &mut scene(thing_rules()),
        40,
        5,
        with_bag(14.0, 60.0),
        covered,
    );
    assert_eq!(told, []);
}

#[test]
fn light_is_no_thing() {
    let patch = |t: f32, look: usize| {
        let mut cells = street(0);
        for (i, cell) in cells.iter_mut().enumerate() {
            let (x, y) = (i % WIDE, i / WIDE);
            if t > 14.0 && (140..190).contains(&x) && (90..140).contains(&y) {
                *cell *= 0.6;
            }
        }
        sensed(&cells, look)
    };
    let told = show(&mut scene(thing_rules()), 40, 5, patch, nobody);
    assert_eq!(told, []);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, ..ProptestConfig::default() })]

    #[test]
    fn nothing_opens_twice_without_closing_and_nothing_outlives_the_end(
        story in prop::collection::vec((0..8_usize, 2..7_usize), 5),
    ) {
        let mut rules = tamper_rules();
        rules.extend(thing_rules());
        let mut scene = scene(rules);
        let chapters: Vec<usize> = (std::iter::repeat_n(7, 9))
            .chain(story.iter().flat_map(|(kind, seconds)| std::iter::repeat_n(*kind, *seconds)))
            .collect();
        let picture = |t: f32, look: usize| match chapters.get(t as usize) {
            Some(kind @ 0..6) => tampered(Tampering::ALL[*kind], 20.0, look),
            Some(6) => with_bag(0.0, 100.0)(t, look),
            _ => sensed(&street(0), look),
        };
        let mut told = show(&mut scene, chapters.len(), 5, picture, nobody);
        let end = scene.finish(Duration::from_secs(60)).into_iter();
        told.extend(end.map(|change| (change.rule.0, change.transition, 60.0)));
        for tampering in 0..Tampering::ALL.len() {
            let own = told.iter().filter(|(rule, ..)| *rule == tampering);
            let own: Vec<_> = own.map(|(_, transition, _)| *transition).collect();
            prop_assert!(own.len() % 2 == 0, "open at the end: {:?}", told);
            for pair in own.chunks_exact(2) {
                prop_assert_eq!(pair, [Transition::Opened, Transition::Closed]);
            }
        }
        let opened = told.iter().filter(|(_, transition, _)| *transition == Transition::Opened);
        prop_assert_eq!(opened.count() * 2, told.len());
    }
}
