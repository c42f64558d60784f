//! The tracker with its defaults on real sequences with public detections, against what SORT reaches on them.

use std::path::Path;

use analytics::{
    attributes::Answer,
    geometry::Rect,
    track::{Appearance, TrackerSettings, worth_a_look},
};
use edge_agent::{
    camera::{Frame, GateSettings, file::Clip},
    inference::{model::Model, runtime::Runtime},
};
use tests::{
    harness::asset,
    mot::{Score, Sequence},
};

/// SORT's means over the four sequences are 52.6 and 59.2.
const LEAST_MOTA: f64 = 52.6;
const LEAST_IDF1: f64 = 59.2 + 4.0;

#[test]
fn tracks_no_worse_than_sort_and_keeps_numbers_better() {
    let Some(folder) = asset("mot") else {
        println!("skipped: ../shared/assets is not here");
        return;
    };
    // What SORT's own code reaches on these detections: MOTA and IDF1, by py-motmetrics 1.4.
    let sort = [
        ("TUD-Campus", 62.7, 60.6),
        ("ETH-Sunnyday", 59.1, 72.4),
        ("KITTI-17", 60.2, 71.1),
        ("ADL-Rundle-8", 28.6, 32.6),
    ];
    let (mut mota, mut idf1) = (0.0, 0.0);
    println!("sequence       MOTA (SORT)    IDF1 (SORT)");
    for (name, sort_mota, sort_idf1) in sort {
        let sequence = Sequence::read(&folder.join(name)).unwrap();
        let score = Score::of(
            &sequence.truth,
            &sequence.track(&TrackerSettings::default()),
        );
        let (own_mota, own_idf1) = (score.mota(), score.idf1());
        println!("{name:13} {own_mota:5.1} ({sort_mota:.1})   {own_idf1:5.1} ({sort_idf1:.1})");
        mota += own_mota / sort.len() as f64;
        idf1 += own_idf1 / sort.len() as f64;
    }
    assert!(mota >= LEAST_MOTA, "mean MOTA {mota:.2}");
    assert!(idf1 >= LEAST_IDF1, "mean IDF1 {idf1:.2}");
}

/// Every frame of a clip.
fn pictures(path: &Path) -> Vec<Frame> {
    let mut clip = Clip::gated(path, &GateSettings::default(), 1000.0).expect("a clip");
    let mut frames = Vec::new();
    while let Some(frame) = clip.next_frame().expect("a frame") {
        frames.push(frame);
    }
    frames
}

/// The one sequence whose pictures are here too, at 25 to 5 frames a second from every frame that it can begin with: with looks at
/// four people a frame at most who is who is told at least as well, all in all, as by place alone.
#[test]
fn looks_help_to_tell_people_apart() {
    let (Some(folder), Some(clip), Some(weights)) = (
        asset("mot"),
        asset("video/mot15-TUD-Campus.mp4"),
        asset("models"),
    ) else {
        println!("skipped: ../shared/assets is not here");
        return;
    };
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models");
    let runtime = Runtime::load(None).unwrap();
    let mut model = Model::load(&runtime, &models, "person-likeness", &[weights]).unwrap();
    let pictures = pictures(&clip);
    let whole = Sequence::read(&folder.join("TUD-Campus")).unwrap();
    assert_eq!(pictures.len(), whole.detections.len());
    // Embeddings by frame and box: runs at other rates see the same ones.
    let mut known: Vec<Vec<Appearance>> = vec![Vec::new(); pictures.len()];
    let mut see = |frame: usize, rect: Rect| {
        let found = known[frame].iter().find(|one| one.rect == rect);
        if let Some(one) = found {
            return Some(one.clone());
        }
        let answer = model.look_at(&pictures[frame].picture(), rect).unwrap();
        let Some(Answer::Appearance(embedding)) = answer else {
            return None;
        };
        known[frame].push(Appearance { rect, embedding });
        known[frame].last().cloned()
    };
    let usual = TrackerSettings::default();
    let (mut blind, mut seeing) = (Sum::default(), Sum::default());
    for stride in 1..=5 {
        let (mut place, mut looks) = (Sum::default(), Sum::default());
        let (mut looked, mut frames) = (0, 0);
        for first in 0..stride {
            let sequence = whole.every(stride, first);
            let tracks = sequence.track_by_looks(&usual, |i, sketches, dets| {
                let frame = first + i * stride;
                let wanted = worth_a_look(sketches, pictures[frame].stamps().at, dets, 4);
                looked += wanted.len();
                wanted
                    .into_iter()
                    .filter_map(|rect| see(frame, rect))
                    .collect()
            });
            frames += sequence.truth.len();
            looks.add(&Score::of(&sequence.truth, &tracks));
            place.add(&Score::of(&sequence.truth, &sequence.track(&usual)));
        }
        println!(
            "{:4.1} fps: by place {place}; by looks {looks}; {:.2} looks a frame",
            25.0 / stride as f64,
            f64::from(looked as u32) / f64::from(frames as u32)
        );
        blind = blind.with(&place);
        seeing = seeing.with(&looks);
    }
    println!("     all: by place {blind}; by looks {seeing}");
    assert!(seeing.mota >= blind.mota, "{seeing} {blind}");
    assert!(seeing.idf1 >= blind.idf1, "{seeing} {blind}");
    assert!(seeing.switches <= blind.switches, "{seeing} {blind}");
}

/// Scores of several runs.
#[derive(Default)]
struct Sum {
    runs: u32,
    mota: f64,
    idf1: f64,
    switches: usize,
}

impl Sum {
    fn add(&mut self, score: &Score) {
        self.runs += 1;
        self.mota += score.mota();
        self.idf1 += score.idf1();
        self.switches += score.switches;
    }

    fn with(&self, other: &Sum) -> Sum {
        Sum {
            runs: self.runs + other.runs,
            mota: self.mota + other.mota,
            idf1: self.idf1 + other.idf1,
            switches: self.switches + other.switches,
        }
    }
}

impl std::fmt::Display for Sum {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mean = |sum: f64| sum / f64::from(self.runs.max(1));
        let (mota, idf1, switches) = (mean(self.mota), mean(self.idf1), self.switches);
        write!(f, "MOTA {mota:.2} IDF1 {idf1:.2} switches {switches}")
    }
}

/// One object, two frames: the second time under another number, and a box where nothing is.
#[test]
fn the_scorer_counts_what_it_should() {
    let at = |x: f32| Rect {
        x,
        y: 0.0,
        w: 0.1,
        h: 0.1,
    };
    let truth = vec![vec![(1, at(0.1))], vec![(1, at(0.1))], vec![(1, at(0.1))]];
    let tracks = vec![
        vec![(7, at(0.11))],
        vec![(8, at(0.1)), (9, at(0.6))],
        vec![],
    ];
    let score = Score::of(&truth, &tracks);
    assert_eq!(
        (score.misses, score.false_positives, score.switches),
        (1, 1, 1)
    );
    assert_eq!(score.identified, 1);
    assert!(score.mota().abs() < 1e-9, "1 - 3 errors / 3 boxes");
    assert!((score.idf1() - 200.0 / 6.0).abs() < 1e-9);
}
