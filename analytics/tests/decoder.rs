//! Decoders: small synthetic tensors with known boxes, refusals, and arbitrary numbers.

#![expect(
    clippy::unwrap_used,
    reason = "a helper that fails is a test that fails"
)]

use analytics::{
    decoder::{CellPoint, Decoder, Family, Fit, Tensor, TensorData, TensorShape},
    detection::Detection,
};
use proptest::prelude::*;

fn shape(name: &str, dims: &[usize]) -> TensorShape {
    let dims = dims
        .iter()
        .map(|&d| if d == 0 { None } else { Some(d) })
        .collect();
    TensorShape {
        name: name.to_owned(),
        dims,
    }
}

fn tensor<'a>(shape: &'a [usize], data: &'a [f32]) -> Tensor<'a> {
    Tensor {
        shape,
        data: TensorData::F32(data),
    }
}

/// A picture of 200x100 in an input of 64x64.
fn stretch() -> Fit {
    Fit::stretch((200, 100), (64, 64))
}

/// Class, score and corners in pixels of the 200x100 picture.
fn text(dets: &[Detection]) -> String {
    let line = |d: &Detection| {
        let (x0, y0) = (d.rect.x * 200.0, d.rect.y * 100.0);
        let (x1, y1) = (x0 + d.rect.w * 200.0, y0 + d.rect.h * 100.0);
        format!(
            "class {} score {:.3} from {x0:.1},{y0:.1} to {x1:.1},{y1:.1}",
            d.class.0, d.score
        )
    };
    dets.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn decode(decoder: &mut Decoder, outputs: &[Tensor<'_>], fit: &Fit) -> String {
    decoder.check(outputs).unwrap();
    let mut out = Vec::new();
    decoder.decode(outputs, fit, 0.3, &mut out);
    text(&out)
}

/// 64x64 with strides 16 and 32: 16 + 4 cells.
const CELLS: usize = 20;

fn yolox_family() -> Family {
    Family::Yolox {
        strides: vec![16, 32],
    }
}

fn yolox() -> Decoder {
    Decoder::new(
        yolox_family(),
        (64, 64),
        3,
        &[shape("output", &[1, CELLS, 8])],
    )
    .unwrap()
}

#[test]
fn yolox_rows() {
    let mut data = vec![0.0; CELLS * 8];
    let mut set =
        |row: usize, values: [f32; 8]| data[row * 8..row * 8 + 8].copy_from_slice(&values);
    // Fine level, cell (1, 2): middle (1.5, 2.5) cells = 24, 40; sides e^0.5 and 1 cells.
    set(9, [0.5, 0.5, 0.5, 0.0, 0.9, 0.1, 0.8, 0.2]);
    // The same object by its neighbour, less sure; and the same place as another class.
    set(10, [-0.5, 0.5, 0.5, 0.0, 0.8, 0.1, 0.8, 0.2]);
    set(5, [0.5, 1.5, 0.5, 0.0, 0.7, 0.9, 0.0, 0.0]);
    // Coarse level, cell (1, 0): middle 48, 16; sides 1 and 2 cells, the upper edge outside the picture.
    set(17, [0.5, 0.5, 0.0, 2.0_f32.ln(), 1.0, 0.0, 0.0, 0.6]);
    // Sure that something is there, of no class.
    set(19, [0.5, 0.5, 0.0, 0.0, 1.0, 0.1, 0.1, 0.1]);
    let found = decode(&mut yolox(), &[tensor(&[1, CELLS, 8], &data)], &stretch());
    insta::assert_snapshot!(found);
}

#[test]
fn yolov8_both_ways_round() {
    // Four boxes: two of one object, one of another class, one too unsure.
    let columns: [[f32; 4]; 7] = [
        [32.0, 33.0, 10.0, 50.0],
        [32.0, 32.0, 10.0, 50.0],
        [16.0, 16.0, 8.0, 8.0],
        [32.0, 32.0, 8.0, 8.0],
        [0.7, 0.6, 0.1, 0.2],
        [0.1, 0.1, 0.5, 0.1],
        [0.0, 0.0, 0.0, 0.0],
    ];
    let lines: Vec<f32> = columns.iter().flatten().copied().collect();
    let rows: Vec<f32> = (0..4)
        .flat_map(|i| columns.iter().map(move |c| c[i]))
        .collect();
    let fit = Fit::letterbox_centre((200, 100), (64, 64));
    let mut a = Decoder::new(Family::Yolov8, (64, 64), 3, &[shape("output0", &[1, 7, 4])]).unwrap();
    let mut b = Decoder::new(Family::Yolov8, (64, 64), 3, &[shape("output0", &[1, 0, 7])]).unwrap();
    let found = decode(&mut a, &[tensor(&[1, 7, 4], &lines)], &fit);
    assert_eq!(found, decode(&mut b, &[tensor(&[1, 4, 7], &rows)], &fit));
    insta::assert_snapshot!(found);
}

#[test]
fn end_to_end_rows() {
    let data = [
        [8.0, 8.0, 24.0, 40.0, 0.9, 2.0],
        [8.0, 8.0, 24.0, 40.0, 0.8, 1.0],
        [8.0, 8.0, 24.0, 40.0, 0.2, 1.0],
        [8.0, 8.0, 24.0, 40.0, 0.9, 3.0],
        [0.0, 0.0, 0.0, 0.0, 0.0, -1.0],
    ];
    let mut decoder =
        Decoder::new(Family::EndToEnd, (64, 64), 3, &[shape("o", &[1, 0, 6])]).unwrap();
    let found = decode(
        &mut decoder,
        &[tensor(&[1, 5, 6], data.as_flattened())],
        &stretch(),
    );
    insta::assert_snapshot!(found);
}

#[test]
fn detr_outputs_in_any_order_and_either_label_type() {
    let labels: [i64; 3] = [1, 0, 90];
    let labels_f32: [f32; 3] = [1.0, 0.0, 90.0];
    let boxes: [f32; 12] = [
        20.0, 10.0, 60.0, 90.0, -3.0, 50.0, 210.0, 99.0, 0.0, 0.0, 9.0, 9.0,
    ];
    let scores: [f32; 3] = [0.8, 0.7, 0.9];
    let boxes = tensor(&[1, 3, 4], &boxes);
    let scores = tensor(&[1, 3], &scores);
    let labels = Tensor {
        shape: &[1, 3],
        data: TensorData::I64(&labels),
    };
    let (l, b, s) = (
        shape("labels", &[0, 0]),
        shape("boxes", &[0, 0, 4]),
        shape("scores", &[0, 0]),
    );
    let mut a = Decoder::new(
        Family::EndToEnd,
        (64, 64),
        3,
        &[l.clone(), b.clone(), s.clone()],
    )
    .unwrap();
    let mut z = Decoder::new(Family::EndToEnd, (64, 64), 3, &[s, b, l]).unwrap();
    let found = decode(&mut a, &[labels, boxes, scores], &stretch());
    assert_eq!(
        found,
        decode(
            &mut z,
            &[scores, boxes, tensor(&[1, 3], &labels_f32)],
            &stretch()
        )
    );
    insta::assert_snapshot!(found);
}

fn distribution(cell_point: CellPoint) -> Family {
    Family::Distribution {
        strides: vec![16, 32],
        reg_max: 7,
        cell_point,
    }
}

/// Class maps of the 16 and 4 cells, and their distance maps.
fn maps() -> [Vec<f32>; 4] {
    let mut maps = [
        vec![0.0; 16 * 3],
        vec![0.0; 4 * 3],
        vec![0.0; 16 * 32],
        vec![0.0; 4 * 32],
    ];
    // Fine level, cell (2, 1), class 1: left 1, up 0, right 1.5, down 0.5 cells.
    maps[0][6 * 3 + 1] = 0.75;
    for (edge, bins) in [(0, [1, 1]), (1, [0, 0]), (2, [1, 2]), (3, [0, 1])] {
        for bin in bins {
            maps[2][6 * 32 + edge * 8 + bin] = 30.0;
        }
    }
    // Coarse level, cell (0, 1), class 2: flat distributions, 3.5 cells each way, cut at the picture's edges.
    maps[1][2 * 3 + 2] = 0.5;
    maps
}

#[test]
fn distribution_outputs_in_any_order() {
    let maps = maps();
    let shapes: [&[usize]; 4] = [&[1, 16, 3], &[1, 4, 3], &[1, 16, 32], &[1, 4, 32]];
    let mut found = Vec::new();
    for order in [[0, 1, 2, 3], [3, 0, 2, 1]] {
        let names = order.map(|i: usize| shape(&format!("out{i}"), shapes[i]));
        let tensors = order.map(|i: usize| tensor(shapes[i], &maps[i]));
        let mut decoder =
            Decoder::new(distribution(CellPoint::Centre), (64, 64), 3, &names).unwrap();
        found.push(decode(&mut decoder, &tensors, &stretch()));
    }
    assert_eq!(found[0], found[1]);
    insta::assert_snapshot!(found[0]);
}

#[test]
fn names_decide_where_shapes_do_not() {
    // As many classes as distance logits, every dimension open.
    let outputs = [shape("reg_16", &[1, 0, 8]), shape("cls_16", &[1, 0, 8])];
    let family = Family::Distribution {
        strides: vec![32],
        reg_max: 1,
        cell_point: CellPoint::MiddlePixel,
    };
    let mut decoder = Decoder::new(family, (64, 32), 8, &outputs).unwrap();
    let distances = [0.0_f32; 16];
    let mut classes = [0.0_f32; 16];
    classes[8 + 5] = 0.9;
    let outputs = [tensor(&[1, 2, 8], &distances), tensor(&[1, 2, 8], &classes)];
    let mut out = Vec::new();
    decoder.decode(&outputs, &Fit::stretch((200, 100), (64, 32)), 0.3, &mut out);
    // Second cell: 32 + 15.5, 15.5, half a cell each way.
    assert_eq!(
        text(&out),
        "class 5 score 0.900 from 98.4,0.0 to 198.4,98.4"
    );
}

#[test]
fn wrong_shapes_are_refused_with_what_was_expected_and_found() {
    let input = (64, 64);
    let refuse = |family: Family, classes: usize, outputs: &[TensorShape]| {
        Decoder::new(family, input, classes, outputs)
            .unwrap_err()
            .to_string()
    };
    let e2e = [
        shape("labels", &[1, 0]),
        shape("boxes", &[1, 0, 5]),
        shape("scores", &[1, 0]),
    ];
    let texts = [
        refuse(yolox_family(), 80, &[shape("output", &[1, CELLS, 8])]),
        refuse(yolox_family(), 3, &[]),
        refuse(
            Family::Yolox {
                strides: vec![16, 0],
            },
            3,
            &[shape("output", &[1, CELLS, 8])],
        ),
        refuse(Family::Yolov8, 80, &[shape("output0", &[1, 85, 8400])]),
        refuse(Family::EndToEnd, 3, &e2e),
        refuse(Family::EndToEnd, 0, &[shape("output", &[1, 300, 6])]),
        refuse(
            distribution(CellPoint::Centre),
            80,
            &[shape("cls", &[1, 16, 3]), shape("reg", &[1, 16, 32])],
        ),
    ];
    insta::assert_snapshot!(texts.join("\n"));
}

#[test]
fn a_first_inference_shows_what_the_model_file_left_open() {
    let decoder =
        Decoder::new(yolox_family(), (64, 64), 3, &[shape("output", &[0, 0, 0])]).unwrap();
    let data = vec![0.0; CELLS * 8];
    assert!(decoder.check(&[tensor(&[1, CELLS, 8], &data)]).is_ok());
    let error = decoder.check(&[tensor(&[1, 8, CELLS], &data)]).unwrap_err();
    insta::assert_snapshot!(error.to_string());
}

#[test]
fn fits_lead_back_to_the_picture() {
    let corners = |fit: Fit, x: f32, y: f32| {
        let rect = fit.to_picture(x, y, x + 16.0, y + 8.0);
        [rect.x, rect.y, rect.w, rect.h].map(|v| (v * 1000.0).round() / 1000.0)
    };
    // 200x100 into 64x64: scale 0.32, 64x32 pixels, 16 above and below where centred.
    assert_eq!(
        corners(Fit::letterbox_top_left((200, 100), (64, 64)), 16.0, 8.0),
        [0.25, 0.25, 0.25, 0.25]
    );
    assert_eq!(
        corners(Fit::letterbox_centre((200, 100), (64, 64)), 16.0, 24.0),
        [0.25, 0.25, 0.25, 0.25]
    );
    assert_eq!(corners(stretch(), 16.0, 8.0), [0.25, 0.125, 0.25, 0.125]);
}

fn wild() -> impl Strategy<Value = f32> {
    prop_oneof![
        6 => -2.0_f32..2.0,
        1 => any::<f32>(),
        1 => Just(f32::NAN),
        1 => Just(f32::INFINITY),
        1 => Just(f32::NEG_INFINITY),
    ]
}

fn sound(dets: &[Detection]) -> bool {
    let inside = |v: f32| (-1e-5..=1.00001).contains(&v);
    dets.iter().all(|d| {
        let (x1, y1) = (d.rect.x + d.rect.w, d.rect.y + d.rect.h);
        inside(d.score)
            && d.rect.is_sound()
            && [d.rect.x, d.rect.y, x1, y1].iter().all(|&v| inside(v))
            && d.class.0 < 3
    })
}

proptest! {
    #[test]
    fn any_numbers_give_sound_detections_or_none(data in proptest::collection::vec(wild(), CELLS * 8)) {
        let mut out = Vec::new();
        yolox().decode(&[tensor(&[1, CELLS, 8], &data)], &stretch(), 0.1, &mut out);
        prop_assert!(sound(&out), "yolox {out:?}");

        out.clear();
        let mut yolov8 = Decoder::new(Family::Yolov8, (64, 64), 3, &[shape("o", &[1, 7, 20])]).unwrap();
        yolov8.decode(&[tensor(&[1, 7, 20], &data[..140])], &stretch(), 0.1, &mut out);
        prop_assert!(sound(&out), "yolov8 {out:?}");

        out.clear();
        let mut rows = Decoder::new(Family::EndToEnd, (64, 64), 3, &[shape("o", &[1, 20, 6])]).unwrap();
        rows.decode(&[tensor(&[1, 20, 6], &data[..120])], &stretch(), 0.1, &mut out);
        prop_assert!(sound(&out), "end to end {out:?}");

        out.clear();
        let names = [shape("labels", &[1, 20]), shape("boxes", &[1, 20, 4]), shape("scores", &[1, 20])];
        let mut detr = Decoder::new(Family::EndToEnd, (64, 64), 3, &names).unwrap();
        let tensors = [tensor(&[1, 20], &data[..20]), tensor(&[1, 20, 4], &data[20..100]), tensor(&[1, 20], &data[100..120])];
        detr.decode(&tensors, &stretch(), 0.1, &mut out);
        prop_assert!(sound(&out), "detr {out:?}");
    }

    #[test]
    fn any_distributions_give_sound_detections_or_none(data in proptest::collection::vec(wild(), 4 * 35)) {
        let names = [shape("cls", &[1, 4, 3]), shape("reg", &[1, 4, 32])];
        let family = Family::Distribution { strides: vec![32], reg_max: 7, cell_point: CellPoint::Centre };
        let mut decoder = Decoder::new(family, (64, 64), 3, &names).unwrap();
        let mut out = Vec::new();
        decoder.decode(&[tensor(&[1, 4, 3], &data[..12]), tensor(&[1, 4, 32], &data[12..])], &stretch(), 0.1, &mut out);
        prop_assert!(sound(&out), "{out:?}");
    }

    #[test]
    fn tensors_of_another_shape_give_nothing(dims in proptest::collection::vec(0_usize..10, 0..4), len in 0_usize..200) {
        let data = vec![0.9; len];
        let mut out = Vec::new();
        yolox().decode(&[tensor(&dims, &data)], &stretch(), 0.1, &mut out);
        prop_assert!(out.is_empty());
    }
}
