//! Appearance as a second cue: who comes out from behind a lorry is who went in.

use std::{collections::BTreeMap, time::Duration};

use analytics::{
    detection::{ClassId, Detection},
    geometry::Rect,
    track::{Appearance, Sketch, TrackId, Tracker, TrackerSettings, worth_a_look},
};
use proptest::prelude::*;

const STEP: Duration = Duration::from_millis(200);

fn person(x: f32) -> Detection {
    Detection {
        class: ClassId(0),
        score: 0.9,
        rect: Rect {
            x: x - 0.03,
            y: 0.4,
            w: 0.06,
            h: 0.2,
        },
    }
}

/// Who is where in a frame: the colour of each, by its place.
type Frame = Vec<(f32, usize)>;

fn embedding(colour: usize) -> Vec<f32> {
    (0..4)
        .map(|i| if i == colour { 1.0 } else { 0.0 })
        .collect()
}

/// The tracks of each colour, in the order in which they came; with at most `most` looks a frame.
fn follow(frames: &[Frame], most: usize) -> BTreeMap<usize, Vec<TrackId>> {
    let mut tracker = Tracker::new(TrackerSettings::default());
    let mut tracks: BTreeMap<usize, Vec<TrackId>> = BTreeMap::new();
    for (step, frame) in frames.iter().enumerate() {
        let at = STEP * u32::try_from(step).expect("few");
        let dets: Vec<Detection> = frame.iter().map(|(x, _)| person(*x)).collect();
        let wanted = worth_a_look(&tracker.sketches(), at, &dets, most);
        assert!(wanted.len() <= most);
        let colour = |rect: &Rect| {
            dets.iter()
                .position(|d| d.rect == *rect)
                .map(|i| frame[i].1)
        };
        let seen = wanted.into_iter().filter_map(|rect| {
            let embedding = embedding(colour(&rect)?);
            Some(Appearance { rect, embedding })
        });
        tracker.recognise(seen.collect());
        for track in tracker.update(at, &dets).iter().filter(|t| t.seen) {
            let Some(colour) = colour(&track.detected) else {
                continue;
            };
            let known = tracks.entry(colour).or_default();
            if known.last() != Some(&track.id) {
                known.push(track.id);
            }
        }
    }
    tracks
}

/// Two walk towards each other, are hidden for a second, and turn back there.
fn turning_back() -> Vec<Frame> {
    let apart = |d: f32| vec![(0.5 - d, 0), (0.5 + d, 1)];
    let away = |i: u8| 0.05 + 0.03 * f32::from(i);
    let come = (0..8).rev().map(|i| apart(away(i)));
    let hidden = std::iter::repeat_n(Vec::new(), 5);
    let go = (1..8).map(|i| apart(away(i)));
    come.chain(hidden).chain(go).collect()
}

#[test]
fn who_turns_back_while_hidden_is_known_by_his_looks_alone() {
    let frames = turning_back();
    let (blind, seeing) = (follow(&frames, 0), follow(&frames, 2));
    let kept = |tracks: &BTreeMap<usize, Vec<TrackId>>| tracks.values().all(|ids| ids.len() == 1);
    assert!(
        !kept(&blind),
        "place alone takes one for the other: {blind:?}"
    );
    assert!(kept(&seeing), "{seeing:?}");
    assert_ne!(seeing[&0], seeing[&1]);
}

#[test]
fn nobody_is_found_again_who_looks_otherwise() {
    let mut frames: Vec<Frame> = (0..8).map(|_| vec![(0.3, 0)]).collect();
    frames.extend(std::iter::repeat_n(Vec::new(), 3));
    frames.extend((0..5).map(|_| vec![(0.42, 2)]));
    let tracks = follow(&frames, 2);
    assert_ne!(tracks[&0], tracks[&2]);
}

#[test]
fn looks_go_first_where_place_leaves_a_doubt() {
    let mut tracker = Tracker::new(TrackerSettings::default());
    let dets = [0.1, 0.5, 0.53, 0.9].map(person);
    for step in 0..5 {
        let seen = |det: &Detection| Appearance {
            rect: det.rect,
            embedding: embedding(0),
        };
        tracker.recognise(dets[1..3].iter().map(seen).collect());
        tracker.update(STEP * step, &dets);
    }
    let sketches = tracker.sketches();
    let wanted = |most| worth_a_look(&sketches, STEP * 5, &dets, most);
    // Those two stand before each other; of the others nothing is known yet.
    assert_eq!(wanted(2), [dets[1].rect, dets[2].rect]);
    assert_eq!(wanted(9).len(), 4);
    let fresh: Vec<Sketch> = Vec::new();
    assert_eq!(worth_a_look(&fresh, STEP, &dets, 9), []);
}

proptest! {
    /// Whatever is said of looks, no two boxes get one number, and what is shown was seen.
    #[test]
    fn looks_never_give_one_number_twice(
        frames in prop::collection::vec(prop::collection::vec((0.05_f32..0.95, 0_usize..4), 0..5), 1..40),
    ) {
        let mut tracker = Tracker::new(TrackerSettings::default());
        for (step, frame) in frames.iter().enumerate() {
            let dets: Vec<Detection> = frame.iter().map(|(x, _)| person(*x)).collect();
            let seen = dets.iter().zip(frame).map(|(det, (_, colour))| Appearance {
                rect: det.rect,
                embedding: embedding(*colour),
            });
            tracker.recognise(seen.collect());
            let at = STEP * u32::try_from(step).expect("few");
            let tracks = tracker.update(at, &dets);
            for (i, track) in tracks.iter().enumerate() {
                prop_assert!(tracks[..i].iter().all(|other| other.id != track.id));
                prop_assert!(!track.seen || dets.iter().any(|det| det.rect == track.detected));
            }
        }
    }
}
