//! Suppression: order-free, idempotent, and whole objects where tiles cut them.

use analytics::{
    detection::{ClassId, Detection},
    geometry::Rect,
    suppress::{TileDetection, merge_tiles, suppress},
};
use proptest::prelude::*;

/// Least side of a box. A power of two: the sampler of floats fails one time in millions on lower bounds that are not a
/// multiple of the upper bound's precision.
const LEAST: f32 = 1.0 / 128.0;

fn detection() -> impl Strategy<Value = Detection> {
    let numbers = (
        0_u16..3,
        0_u8..20,
        0.0_f32..0.9,
        0.0_f32..0.9,
        LEAST..0.5,
        LEAST..0.5,
    );
    numbers.prop_map(|(class, score, x, y, w, h)| Detection {
        class: ClassId(class),
        // Coarse on purpose: ties must not depend on the order either.
        score: f32::from(score) / 20.0,
        rect: Rect { x, y, w, h },
    })
}

fn detections() -> impl Strategy<Value = Vec<Detection>> {
    proptest::collection::vec(detection(), 0..40)
}

proptest! {
    #[test]
    fn suppression_is_idempotent(mut dets in detections(), iou in 0.125_f32..0.9) {
        suppress(&mut dets, iou);
        let once = dets.clone();
        suppress(&mut dets, iou);
        prop_assert_eq!(once, dets);
    }

    #[test]
    fn suppression_is_order_free(
        (dets, shuffled) in detections().prop_flat_map(|d| (Just(d.clone()), Just(d).prop_shuffle())),
        iou in 0.125_f32..0.9,
    ) {
        let (mut a, mut b) = (dets, shuffled);
        suppress(&mut a, iou);
        suppress(&mut b, iou);
        prop_assert_eq!(a, b);
    }

    #[test]
    fn what_is_kept_does_not_overlap_and_what_is_dropped_did(dets in detections(), iou in 0.125_f32..0.9) {
        let mut kept = dets.clone();
        suppress(&mut kept, iou);
        let clash = |a: &Detection, b: &Detection| a.class == b.class && a.rect.iou(&b.rect) > iou;
        for (i, a) in kept.iter().enumerate() {
            prop_assert!(kept[i + 1..].iter().all(|b| !clash(a, b)));
        }
        for det in &dets {
            prop_assert!(kept.contains(det) || kept.iter().any(|k| k.score >= det.score && clash(k, det)));
        }
    }

    #[test]
    fn merging_one_tile_is_suppression(dets in detections(), iou in 0.125_f32..0.9) {
        let tile = Rect { x: 0.0, y: 0.0, w: 1.0, h: 1.0 };
        let mut tiled: Vec<_> = dets.iter().map(|&detection| TileDetection { detection, tile }).collect();
        let mut merged = Vec::new();
        merge_tiles(&mut tiled, iou, &mut merged);
        let mut plain = dets;
        suppress(&mut plain, iou);
        prop_assert_eq!(merged, plain);
    }
}

const WHOLE: Rect = Rect {
    x: 0.0,
    y: 0.0,
    w: 1.0,
    h: 1.0,
};
const LEFT: Rect = Rect {
    x: 0.0,
    y: 0.0,
    w: 0.55,
    h: 1.0,
};
const RIGHT: Rect = Rect {
    x: 0.45,
    y: 0.0,
    w: 0.55,
    h: 1.0,
};

fn seen(tile: Rect, class: u16, score: f32, x: f32, w: f32) -> TileDetection {
    let rect = Rect {
        x,
        y: 0.4,
        w,
        h: 0.2,
    };
    let detection = Detection {
        class: ClassId(class),
        score,
        rect,
    };
    TileDetection { detection, tile }
}

fn merge(mut tiled: Vec<TileDetection>) -> Vec<(f32, f32, f32)> {
    let mut merged = Vec::new();
    merge_tiles(&mut tiled, 0.5, &mut merged);
    let round = |v: f32| (v * 1000.0).round() / 1000.0;
    merged
        .iter()
        .map(|d| (d.score, round(d.rect.x), round(d.rect.x + d.rect.w)))
        .collect()
}

#[test]
fn halves_of_a_lorry_become_one() {
    let merged = merge(vec![
        seen(LEFT, 7, 0.6, 0.30, 0.25),
        seen(RIGHT, 7, 0.8, 0.45, 0.25),
    ]);
    assert_eq!(merged, [(0.8, 0.30, 0.70)]);
}

#[test]
fn a_part_gives_way_to_the_whole_even_if_it_looks_like_something_else() {
    let merged = merge(vec![
        seen(WHOLE, 7, 0.5, 0.30, 0.40),
        seen(LEFT, 5, 0.9, 0.30, 0.25),
    ]);
    assert_eq!(merged, [(0.5, 0.30, 0.70)]);
}

#[test]
fn neighbours_on_both_sides_of_an_edge_stay_two() {
    let merged = merge(vec![
        seen(LEFT, 0, 0.9, 0.38, 0.06),
        seen(RIGHT, 0, 0.8, 0.56, 0.06),
    ]);
    assert_eq!(merged.len(), 2);
}

#[test]
fn what_the_picture_itself_cuts_is_whole() {
    let merged = merge(vec![seen(LEFT, 0, 0.9, 0.0, 0.1)]);
    assert_eq!(merged, [(0.9, 0.0, 0.1)]);
}
