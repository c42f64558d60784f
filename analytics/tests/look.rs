//! What second models say over time -> incidents; and rules about them that are refused.

use std::time::Duration;

use analytics::{
    detection::{ClassId, Detection},
    geometry::{Point, Polygon, Rect},
    incident::{IncidentChange, Transition},
    look::{Said, Source, Subject},
    rule::{LifeSettings, LookSpec, RuleKind, RuleSettings, RuleSpec},
    scene::{Scene, SceneSettings},
    track::{TrackId, TrackerSettings},
};
use proptest::prelude::*;

fn spec(kind: RuleKind) -> LookSpec {
    LookSpec {
        kind,
        look: None,
        labels: Vec::new(),
        zone: None,
        within: Duration::from_secs(5),
        min_score: 0.5,
        min_share: 0.6,
        end_share: 0.3,
    }
}

fn source(subject: Subject) -> Source {
    Source {
        id: "violence".to_owned(),
        labels: ["calm", "fight"].map(str::to_owned).to_vec(),
        subject,
        every: Duration::from_secs(1),
    }
}

fn try_scene(spec: LookSpec, sources: &[Source]) -> Result<Scene, String> {
    let corner = |x, y| Point::new(x, y);
    let left = vec![
        corner(0.0, 0.0),
        corner(0.5, 0.0),
        corner(0.5, 1.0),
        corner(0.0, 1.0),
    ];
    let settings = SceneSettings {
        zones: vec![("left".to_owned(), Polygon::new(left).expect("a square"))],
        lines: Vec::new(),
        rules: vec![RuleSettings {
            id: "fists".to_owned(),
            classes: Vec::new(),
            rule: RuleSpec::Look(spec),
            life: LifeSettings::default(),
        }],
        tracker: TrackerSettings::default(),
        ground: None,
    };
    Scene::with_looks(&settings, &["person".to_owned()], sources).map_err(|errors| {
        errors
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join("; ")
    })
}

fn scene(kind: RuleKind, subject: Subject) -> Scene {
    try_scene(spec(kind), &[source(subject)]).expect("sound")
}

fn people(places: &[f32]) -> Vec<Detection> {
    let person = |x: &f32| Detection {
        class: ClassId(0),
        score: 0.9,
        rect: Rect {
            x: x - 0.03,
            y: 0.4,
            w: 0.06,
            h: 0.2,
        },
    };
    places.iter().map(person).collect()
}

/// Ten frames a second; a second model looks once a second, and gives `score(second, track)` for a fight.
fn play(
    mut scene: Scene,
    seconds: u64,
    places: &[f32],
    tracks: &[Option<TrackId>],
    score: impl Fn(u64, Option<TrackId>) -> Option<f32>,
) -> Vec<IncidentChange> {
    let mut changes = Vec::new();
    for step in 0..seconds * 10 {
        let at = Duration::from_millis(step * 100);
        if step % 10 == 5 {
            for track in tracks {
                let Some(score) = score(step / 10, *track) else {
                    continue;
                };
                let scores = vec![(0, 1.0 - score), (1, score)];
                scene.hear(Said {
                    source: 0,
                    at,
                    track: *track,
                    scores,
                });
            }
        }
        changes.extend(scene.update(at, &people(places)));
    }
    changes.extend(scene.finish(Duration::from_secs(seconds)));
    changes
}

fn told(changes: &[IncidentChange]) -> Vec<String> {
    let line = |c: &IncidentChange| {
        let tracks: Vec<String> = c.objects.iter().map(|o| o.track.0.to_string()).collect();
        let (at, transition, tracks) = (c.at.as_secs_f32(), c.transition, tracks.join("+"));
        format!(
            "{at:.1} {transition:?} #{} [{tracks}] {:.2}",
            c.incident.0, c.confidence
        )
    };
    changes.iter().map(line).collect()
}

#[test]
fn one_look_is_no_fight_and_most_of_a_window_are_one() {
    let whole = [None];
    let scene = || scene(RuleKind::Fight, Subject::Picture);
    let once = play(scene(), 20, &[], &whole, |s, _| {
        Some(if s == 7 { 0.99 } else { 0.1 })
    });
    assert_eq!(told(&once), [""; 0]);
    let long = play(scene(), 30, &[], &whole, |s, _| {
        Some(if (10..20).contains(&s) { 0.8 } else { 0.1 })
    });
    // Of five looks three say so at 12.5 s; of the five up to 23.5 s one does.
    assert_eq!(
        told(&long),
        ["12.5 Opened #1 [] 0.80", "23.5 Closed #1 [] 1.00"]
    );
}

#[test]
fn what_swings_between_the_shares_stays_as_it_was() {
    let half = |from: u64| {
        move |s: u64, _| {
            Some(if s < from || s.is_multiple_of(2) {
                0.9
            } else {
                0.1
            })
        }
    };
    let whole = [None];
    let scene = || scene(RuleKind::Fight, Subject::Picture);
    let opened = told(&play(scene(), 40, &[], &whole, half(6)));
    assert_eq!(opened, ["2.5 Opened #1 [] 0.90", "40.0 Closed #1 [] 1.00"]);
    let mut strict = spec(RuleKind::Fight);
    strict.min_share = 0.7;
    let scene = try_scene(strict, &[source(Subject::Picture)]).expect("sound");
    assert_eq!(told(&play(scene, 40, &[], &whole, half(0))), [""; 0]);
}

#[test]
fn when_nobody_looks_any_more_it_is_over() {
    let scene = scene(RuleKind::Fight, Subject::Picture);
    let stopped = play(scene, 30, &[], &[None], |s, _| (s < 10).then_some(0.9));
    assert_eq!(
        told(&stopped),
        ["2.5 Opened #1 [] 0.90", "14.5 Closed #1 [] 1.00"]
    );
}

#[test]
fn a_fight_is_one_incident_and_other_looks_are_one_an_object() {
    let tracks = [1, 2, 3].map(|track| Some(TrackId(track)));
    let fights =
        |_, track: Option<TrackId>| Some(if track == Some(TrackId(3)) { 0.1 } else { 0.9 });
    let play = |kind| {
        told(&play(
            scene(kind, Subject::Tracks),
            10,
            &[0.2, 0.27, 0.8],
            &tracks,
            fights,
        ))
    };
    assert_eq!(
        play(RuleKind::Fight),
        ["2.5 Opened #1 [1+2] 0.90", "10.0 Closed #1 [1+2] 0.90"]
    );
    let mut labelled = spec(RuleKind::Look);
    labelled.labels = vec!["fight".to_owned()];
    labelled.zone = Some("left".to_owned());
    let scene = try_scene(labelled, &[source(Subject::Tracks)]).expect("sound");
    let each = told(&self::play(scene, 10, &[0.2, 0.8], &tracks[..2], |_, _| {
        Some(0.9)
    }));
    assert_eq!(each, ["2.5 Opened #1 [1] 0.90", "10.0 Closed #1 [1] 0.90"]);
}

#[test]
fn nobody_fights_alone() {
    let tracks = [1, 2, 3].map(|track| Some(TrackId(track)));
    let play = |places: &[f32], score: fn(u64, Option<TrackId>) -> Option<f32>| {
        let scene = scene(RuleKind::Fight, Subject::Tracks);
        told(&play(scene, 10, places, &tracks, score))
    };
    let all = |_, _| Some(0.9);
    let first = |_, track: Option<TrackId>| Some(if track == Some(TrackId(1)) { 0.9 } else { 0.1 });
    assert_eq!(play(&[0.2, 0.5, 0.8], all), [""; 0], "far from each other");
    assert_eq!(
        play(&[0.2, 0.27, 0.34], first),
        [""; 0],
        "among others who do not"
    );
    assert_eq!(
        play(&[0.2, 0.27, 0.8], all)[0],
        "2.5 Opened #1 [1+2] 0.90",
        "the third stands apart"
    );
}

#[test]
fn mistakes_are_told() {
    let refused = |change: &dyn Fn(&mut LookSpec), sources: &[Source]| {
        let mut spec = spec(RuleKind::Fight);
        change(&mut spec);
        try_scene(spec, sources).expect_err("must be refused")
    };
    let (picture, tracks) = ([source(Subject::Picture)], [source(Subject::Tracks)]);
    let other = [Source {
        labels: vec!["red".to_owned()],
        ..source(Subject::Tracks)
    }];
    let all = [
        refused(&|_| {}, &[]),
        refused(&|_| {}, &other),
        refused(&|s| s.look = Some("violent".to_owned()), &tracks),
        refused(&|s| s.look = Some("violence".to_owned()), &other),
        refused(
            &|s| s.labels = vec!["fight".to_owned(), "brawl".to_owned()],
            &tracks,
        ),
        refused(&|s| s.zone = Some("left".to_owned()), &picture),
        refused(&|s| s.end_share = 0.6, &tracks),
        refused(&|s| s.within = Duration::from_secs(2), &tracks),
    ];
    insta::assert_snapshot!(all.join("\n"));
}

proptest! {
    /// Whatever models say: never twice open, never open at the end, and never of a track that is gone.
    #[test]
    fn every_incident_that_opens_closes_once(
        scores in prop::collection::vec((0_u64..4, 0.0_f32..1.0), 0..80),
        kind in prop::sample::select(vec![RuleKind::Fight, RuleKind::Look]),
        picture in any::<bool>(),
    ) {
        let subject = if picture { Subject::Picture } else { Subject::Tracks };
        let mut spec = spec(kind);
        spec.labels = vec!["fight".to_owned()];
        let mut scene = try_scene(spec, &[source(subject)]).expect("sound");
        let mut changes = Vec::new();
        for (step, (track, score)) in scores.iter().enumerate() {
            let at = Duration::from_millis(step as u64 * 300);
            let track = (!picture).then_some(TrackId(*track));
            scene.hear(Said { source: 0, at, track, scores: vec![(1, *score)] });
            let gone = step > 40;
            let seen = if gone { Vec::new() } else { people(&[0.2, 0.6]) };
            changes.extend(scene.update(at, &seen));
        }
        changes.extend(scene.finish(Duration::from_secs(60)));
        let mut open = std::collections::BTreeSet::new();
        for change in &changes {
            match change.transition {
                Transition::Opened => prop_assert!(open.insert(change.incident)),
                _ => prop_assert!(open.remove(&change.incident)),
            }
        }
        prop_assert!(open.is_empty(), "{open:?}");
    }
}
