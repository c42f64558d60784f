//! The tracker with its defaults on real sequences with public detections, against what SORT reaches on them.

use analytics::track::TrackerSettings;
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
    let names = ["TUD-Campus", "ETH-Sunnyday", "KITTI-17", "ADL-Rundle-8"];
    let (mut mota, mut idf1) = (0.0, 0.0);
    for name in names {
        let sequence = Sequence::read(&folder.join(name)).unwrap();
        let score = Score::of(
            &sequence.truth,
            &sequence.track(&TrackerSettings::default()),
        );
        println!("{name}: MOTA {:.1}, IDF1 {:.1}", score.mota(), score.idf1());
        mota += score.mota() / names.len() as f64;
        idf1 += score.idf1() / names.len() as f64;
    }
    assert!(mota >= LEAST_MOTA, "mean MOTA {mota:.2}");
    assert!(idf1 >= LEAST_IDF1, "mean IDF1 {idf1:.2}");
}

/// One object, two frames: the second time under another number, and a box where nothing is.
#[test]
fn the_scorer_counts_what_it_should() {
    use analytics::geometry::Rect;
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
