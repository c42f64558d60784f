//! Tracks: numbers that last and are never used again.

use std::{collections::BTreeSet, time::Duration};

use analytics::{
    detection::{ClassId, Detection},
    geometry::Rect,
    track::{Track, TrackId, Tracker, TrackerSettings},
};
use proptest::prelude::*;

fn det(score: f32, x: f32, y: f32, w: f32, h: f32) -> Detection {
    let rect = Rect {
        x: x - w / 2.0,
        y: y - h / 2.0,
        w,
        h,
    };
    Detection {
        class: ClassId(0),
        score,
        rect,
    }
}

/// Plays frames at `fps`; gives the ids of believed tracks.
fn ids(fps: f32, frames: &[Vec<Detection>]) -> Vec<TrackId> {
    let mut tracker = Tracker::new(TrackerSettings::default());
    let mut ids = BTreeSet::new();
    for (i, dets) in frames.iter().enumerate() {
        let tracks = tracker.update(Duration::from_secs_f32(i as f32 / fps), dets);
        ids.extend(tracks.iter().filter(|t| t.confirmed).map(|t| t.id));
    }
    ids.into_iter().collect()
}

#[test]
fn a_fast_small_vehicle_keeps_its_number_at_any_frame_rate() {
    for fps in [5.0, 8.0, 12.5, 25.0] {
        let frames = (0..(2.0 * fps) as usize).map(|i| {
            let t = i as f32 / fps;
            vec![det(0.7, 0.1 + 0.35 * t, 0.5, 0.05, 0.05)]
        });
        assert_eq!(
            ids(fps, &frames.collect::<Vec<_>>()).len(),
            1,
            "at {fps} frames a second"
        );
    }
}

#[test]
fn people_who_pass_each_other_keep_their_numbers() {
    let frames: Vec<_> = (0..40)
        .map(|i| {
            let x = 0.02 * i as f32;
            vec![
                det(0.8, 0.1 + x, 0.5, 0.06, 0.3),
                det(0.7, 0.9 - x, 0.53, 0.06, 0.3),
            ]
        })
        .collect();
    let mut tracker = Tracker::new(TrackerSettings::default());
    let mut sides = Vec::new();
    for (i, dets) in frames.iter().enumerate() {
        let tracks = tracker.update(Duration::from_millis(100 * i as u64), dets);
        if i == 5 || i == 39 {
            let mut by_x: Vec<(f32, TrackId)> = tracks.iter().map(|t| (t.rect.x, t.id)).collect();
            by_x.sort_by(|a, b| a.0.total_cmp(&b.0));
            sides.push(by_x.iter().map(|p| p.1).collect::<Vec<_>>());
        }
    }
    let swapped: Vec<TrackId> = sides[1].iter().rev().copied().collect();
    assert_eq!(sides[0], swapped, "who was on the left is on the right");
}

#[test]
fn who_turns_up_far_away_is_not_who_was_lost() {
    let person = |x: f32| vec![det(0.8, x, 0.5, 0.024, 0.11)];
    let comes_back_at = |x: f32| {
        let stands = std::iter::repeat_n(person(0.5), 10);
        let hidden = std::iter::repeat_n(Vec::new(), 7);
        let back = std::iter::repeat_n(person(x), 5);
        ids(5.0, &stands.chain(hidden).chain(back).collect::<Vec<_>>()).len()
    };
    assert_eq!(comes_back_at(0.52), 1, "a step away");
    assert_eq!(comes_back_at(0.585), 2, "three and a half widths away");
}

#[test]
fn unsure_detections_carry_a_track_but_begin_none() {
    let walk =
        |score: f32| (0..10).map(move |i| vec![det(score, 0.2 + 0.01 * i as f32, 0.5, 0.06, 0.2)]);
    assert!(ids(10.0, &walk(0.2).collect::<Vec<_>>()).is_empty());
    let frames: Vec<_> = walk(0.8).chain(walk(0.2)).collect();
    let mut tracker = Tracker::new(TrackerSettings::default());
    let mut last: Vec<Track> = Vec::new();
    for (i, dets) in frames.iter().enumerate() {
        // The second walk starts over at 0.2: move it to where the first one ended.
        let dets: Vec<_> = dets
            .iter()
            .map(|d| shifted(d, if i < 10 { 0.0 } else { 0.1 }))
            .collect();
        last = tracker
            .update(Duration::from_millis(100 * i as u64), &dets)
            .to_vec();
    }
    assert_eq!(last.len(), 1);
    assert_eq!(last[0].hits, 20);
    assert!(
        (last[0].score_median - 0.2).abs() < 0.011 || (last[0].score_median - 0.8).abs() < 0.011
    );
}

fn shifted(d: &Detection, by: f32) -> Detection {
    Detection {
        rect: Rect {
            x: d.rect.x + by,
            ..d.rect
        },
        ..*d
    }
}

#[test]
fn velocity_is_in_picture_units_a_second_whatever_the_frame_rate() {
    for fps in [5.0, 25.0] {
        let mut tracker = Tracker::new(TrackerSettings::default());
        for i in 0..(2.0 * fps) as usize {
            let t = i as f32 / fps;
            tracker.update(
                Duration::from_secs_f32(t),
                &[det(0.8, 0.1 + 0.2 * t, 0.5, 0.1, 0.2)],
            );
        }
        let (x, y) = tracker.tracks()[0].velocity;
        assert!((x - 0.2).abs() < 0.02 && y.abs() < 0.01, "{x} {y} at {fps}");
    }
}

/// Least side of a box. A power of two: the sampler of floats fails one time in millions on lower bounds that are not a
/// multiple of the upper bound's precision.
const LEAST: f32 = 1.0 / 64.0;

fn frames() -> impl Strategy<Value = Vec<(u16, Vec<Detection>)>> {
    let detection = (
        0.0_f32..1.0,
        0.0_f32..1.0,
        0.0_f32..1.0,
        LEAST..0.3,
        LEAST..0.3,
    );
    let detection = detection.prop_map(|(s, x, y, w, h)| det(s, x, y, w, h));
    proptest::collection::vec(
        (0_u16..900, proptest::collection::vec(detection, 0..8)),
        1..60,
    )
}

proptest! {
    #[test]
    fn ids_are_unique_and_never_resurrect(frames in frames()) {
        let mut tracker = Tracker::new(TrackerSettings::default());
        let (mut at, mut alive, mut ever) = (0, BTreeSet::new(), BTreeSet::new());
        for (gap, dets) in frames {
            at += u64::from(gap);
            let tracks = tracker.update(Duration::from_millis(at), &dets);
            let now: BTreeSet<TrackId> = tracks.iter().map(|t| t.id).collect();
            prop_assert_eq!(now.len(), tracks.len(), "an id twice in one frame");
            for new in now.difference(&alive) {
                prop_assert!(ever.insert(*new), "{:?} came back from the dead", new);
            }
            for track in tracks {
                prop_assert!(!track.seen || track.last_seen == Duration::from_millis(at));
                prop_assert!(track.first_seen <= track.last_seen);
            }
            prop_assert!(tracks.iter().filter(|t| t.seen).count() <= dets.len());
            alive = now;
        }
    }

    #[test]
    fn the_order_of_detections_does_not_matter(
        (a, b) in frames().prop_flat_map(|f| (Just(f.clone()), f.into_iter().map(|(t, d)| (Just(t), Just(d).prop_shuffle())).collect::<Vec<_>>())),
    ) {
        let (mut p, mut q) = (Tracker::new(TrackerSettings::default()), Tracker::new(TrackerSettings::default()));
        let mut at = 0;
        for ((gap, da), (_, db)) in a.iter().zip(&b) {
            at += u64::from(*gap);
            let x = p.update(Duration::from_millis(at), da).to_vec();
            prop_assert_eq!(x.as_slice(), q.update(Duration::from_millis(at), db));
        }
    }
}
