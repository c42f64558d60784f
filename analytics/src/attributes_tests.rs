use super::*;

fn track(id: u64, class: u16, height: f32) -> Track {
    let rect = Rect {
        x: 0.4,
        y: 0.2,
        w: 0.1,
        h: height,
    };
    Track {
        id: TrackId(id),
        class: ClassId(class),
        seen_as: ClassId(class),
        speed: None,
        displacement: 0.0,
        score: 0.8,
        score_median: 0.8,
        rect,
        detected: rect,
        velocity: (0.0, 0.0),
        first_seen: Duration::ZERO,
        last_seen: Duration::ZERO,
        hits: 5,
        confirmed: true,
        seen: true,
    }
}

fn settings(per_second: f32) -> CascadeSettings {
    CascadeSettings {
        classes: vec![ClassId(1)],
        min_height: 0.1,
        again: Duration::from_secs(5),
        per_second,
    }
}

fn label(track: u64, class: usize, score: f32) -> Answered {
    Answered {
        cascade: 0,
        track: TrackId(track),
        answer: Answer::Label { class, score },
    }
}

/// Ids of the tracks that are looked at in each of `frames` frames, five a second, every wish fulfilled.
fn looked_at(attributes: &mut Attributes, frames: u32, tracks: &[Track]) -> Vec<Vec<u64>> {
    let frames = (0..frames).map(|frame| {
        let wishes = attributes.wishes(Duration::from_millis(200) * frame, tracks);
        let ids = wishes.iter().map(|wish| wish.track.0).collect();
        for wish in wishes {
            attributes.note(label(wish.track.0, 0, 1.0));
        }
        ids
    });
    frames.collect()
}

#[test]
fn only_believed_tracks_of_its_classes_that_are_large_enough_are_looked_at() {
    let mut attributes = Attributes::new(vec![settings(100.0)]);
    let unseen = Track {
        seen: false,
        ..track(4, 1, 0.3)
    };
    let unsure = Track {
        confirmed: false,
        ..track(5, 1, 0.3)
    };
    let tracks = [
        track(1, 1, 0.3),
        track(2, 7, 0.3),
        track(3, 1, 0.05),
        unseen,
        unsure,
    ];
    let wishes = attributes.wishes(Duration::ZERO, &tracks);
    assert_eq!(
        wishes,
        [Wish {
            cascade: 0,
            track: TrackId(1),
            rect: tracks[0].detected
        }]
    );
}

#[test]
fn the_budget_holds_and_nobody_is_passed_over() {
    let mut attributes = Attributes::new(vec![settings(2.0)]);
    let tracks: Vec<Track> = (1..=10).map(|id| track(id, 1, 0.3)).collect();
    let looks = looked_at(&mut attributes, 50, &tracks).concat();
    // Ten seconds of two looks, and those that were saved up.
    assert!((19..=22).contains(&looks.len()), "{looks:?}");
    let first: Vec<u64> = looks[..10].to_vec();
    assert_eq!(
        first,
        (1..=10).collect::<Vec<_>>(),
        "each once before any twice"
    );
}

#[test]
fn a_track_is_looked_at_three_times_and_then_now_and_then() {
    let mut attributes = Attributes::new(vec![settings(100.0)]);
    let looks = looked_at(&mut attributes, 60, &[track(1, 1, 0.3)]);
    let frames: Vec<usize> = (0..60).filter(|frame| !looks[*frame].is_empty()).collect();
    assert_eq!(frames, [0, 1, 2, 27, 52]);
}

#[test]
fn labels_are_voted_and_forgotten_with_their_track() {
    let mut attributes = Attributes::new(vec![settings(100.0)]);
    let tracks = [track(1, 1, 0.3)];
    attributes.wishes(Duration::ZERO, &tracks);
    assert_eq!(attributes.labels(TrackId(1)), []);
    for (class, score) in [(4, 0.9), (2, 0.6), (2, 0.5)] {
        attributes.note(label(1, class, score));
    }
    let labels = attributes.labels(TrackId(1));
    assert_eq!((labels.len(), labels[0].class), (1, 2));
    assert!((labels[0].share - 0.55).abs() < 1e-6);
    attributes.wishes(Duration::from_secs(1), &[]);
    assert_eq!(attributes.labels(TrackId(1)), []);
    attributes.note(label(1, 4, 0.9));
    assert_eq!(attributes.labels(TrackId(1)), [], "too late for it");
}

#[test]
fn an_appearance_is_the_mean_of_what_was_seen() {
    let mut attributes = Attributes::new(vec![settings(100.0)]);
    attributes.wishes(Duration::ZERO, &[track(1, 1, 0.3)]);
    for embedding in [vec![1.0, 0.0], vec![0.0, 1.0]] {
        attributes.note(Answered {
            cascade: 0,
            track: TrackId(1),
            answer: Answer::Appearance(embedding),
        });
    }
    let mean = attributes.appearance(0, TrackId(1)).expect("seen");
    assert!(
        mean.iter().all(|v| (v - 0.5_f32.sqrt()).abs() < 1e-6),
        "{mean:?}"
    );
    assert_eq!(attributes.appearance(0, TrackId(2)), None);
    assert_eq!(attributes.appearance(1, TrackId(1)), None);
}
