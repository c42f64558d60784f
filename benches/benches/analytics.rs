//! From output tensors to incidents.

use std::{hint::black_box, time::Duration};

use analytics::{
    decoder::{CellPoint, Decoder, Family, Fit, Tensor, TensorData, TensorShape},
    geometry::{Line, Point, Polygon},
    rule::{
        DEFAULT_HYSTERESIS, DEFAULT_INTRUSION, Direction, LifeSettings, RuleSettings, RuleSpec,
    },
    scene::{Scene, SceneSettings},
    suppress::suppress,
    track::{Tracker, TrackerSettings},
};
use benches::{Noise, crowd};
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};

/// A tensor of scores and offsets as a model gives on an ordinary street: one cell in two hundred sees something.
fn tensor(shape: &[usize], seed: u32) -> Vec<f32> {
    let mut noise = Noise::new(seed);
    (0..shape.iter().product())
        .map(|_| {
            if noise.next_unit() > 0.995 {
                0.9
            } else {
                0.05 * noise.next_unit()
            }
        })
        .collect()
}

fn decode_family(c: &mut Criterion, name: &str, family: Family, input: u32, shapes: &[Vec<usize>]) {
    let named: Vec<TensorShape> = (shapes.iter().enumerate())
        .map(|(i, dims)| TensorShape {
            name: format!("output{i}"),
            dims: dims.iter().map(|d| Some(*d)).collect(),
        })
        .collect();
    let mut decoder =
        Decoder::new(family, (input, input), 80, &named).expect("the shapes are the family's");
    let data: Vec<Vec<f32>> = (1..)
        .zip(shapes)
        .map(|(seed, shape)| tensor(shape, seed))
        .collect();
    let outputs: Vec<Tensor<'_>> = (shapes.iter().zip(&data))
        .map(|(shape, data)| Tensor {
            shape,
            data: TensorData::F32(data),
        })
        .collect();
    let fit = Fit::letterbox_top_left((input, input), (1920, 1080));
    let mut out = Vec::new();
    c.bench_function(&format!("decode/{name}/{input}"), |b| {
        b.iter(|| {
            out.clear();
            decoder.decode(&outputs, &fit, 0.3, &mut out);
            black_box(out.len())
        });
    });
}

fn decode(c: &mut Criterion) {
    let strides = vec![8, 16, 32];
    let yolox = Family::Yolox {
        strides: strides.clone(),
    };
    decode_family(c, "yolox", yolox, 416, &[vec![1, 3549, 85]]);
    decode_family(c, "yolov8", Family::Yolov8, 640, &[vec![1, 84, 8400]]);
    decode_family(c, "end-to-end", Family::EndToEnd, 320, &[vec![1, 300, 6]]);
    let distribution = Family::Distribution {
        strides,
        reg_max: 7,
        cell_point: CellPoint::MiddlePixel,
    };
    let maps = [80, 32]
        .iter()
        .flat_map(|depth| [2704, 676, 169].map(|n| vec![1, n, *depth]));
    decode_family(
        c,
        "distribution",
        distribution,
        416,
        &maps.collect::<Vec<_>>(),
    );
}

fn suppression(c: &mut Criterion) {
    let mut crowded = Vec::new();
    for frame in 0..6 {
        crowded.extend(crowd(50, frame));
    }
    c.bench_function("suppress/iou/300-boxes", |b| {
        b.iter_batched_ref(
            || crowded.clone(),
            |boxes| suppress(boxes, 0.5),
            BatchSize::SmallInput,
        );
    });
}

/// Frames of 50 walkers at 5 frames a second.
fn walk() -> Vec<(Duration, Vec<analytics::detection::Detection>)> {
    (0..200)
        .map(|i| (Duration::from_millis(200 * i), crowd(50, i as usize)))
        .collect()
}

fn track(c: &mut Criterion) {
    let frames = walk();
    c.bench_function("track/walkers/50-objects", |b| {
        let mut tracker = Tracker::new(TrackerSettings::default());
        let mut turn = 0_u32;
        b.iter(|| {
            let (_, detections) = &frames[turn as usize % frames.len()];
            turn += 1;
            black_box(
                tracker
                    .update(Duration::from_millis(200) * turn, detections)
                    .len(),
            )
        });
    });
}

fn scene() -> Scene {
    let point = |x, y| Point { x, y };
    let zone = Polygon::new(vec![
        point(0.1, 0.1),
        point(0.9, 0.1),
        point(0.9, 0.9),
        point(0.1, 0.9),
    ])
    .expect("a square is a polygon");
    let line = Line::new(point(0.5, 0.95), point(0.5, 0.05)).expect("two ends");
    let rule = |id: &str, rule| RuleSettings {
        id: id.to_owned(),
        classes: Vec::new(),
        rule,
        life: LifeSettings::default(),
    };
    let settings = SceneSettings {
        zones: vec![("square".to_owned(), zone)],
        lines: vec![("gate".to_owned(), line)],
        rules: vec![
            rule(
                "in",
                RuleSpec::LineCrossing {
                    line: "gate".to_owned(),
                    direction: Direction::Any,
                    hysteresis: DEFAULT_HYSTERESIS,
                },
            ),
            rule(
                "enter",
                RuleSpec::Intrusion {
                    zone: "square".to_owned(),
                    min_duration: DEFAULT_INTRUSION,
                },
            ),
            rule(
                "stay",
                RuleSpec::Loitering {
                    zone: "square".to_owned(),
                    min_duration: Duration::from_secs(10),
                },
            ),
        ],
        tracker: TrackerSettings::default(),
        ground: None,
    };
    Scene::new(&settings, &["person".to_owned()]).expect("the scene names what it has")
}

fn rules(c: &mut Criterion) {
    let frames = walk();
    c.bench_function("scene/track-and-3-rules/50-objects", |b| {
        let mut scene = scene();
        let mut turn = 0_u32;
        b.iter(|| {
            let (_, detections) = &frames[turn as usize % frames.len()];
            turn += 1;
            black_box(
                scene
                    .update(Duration::from_millis(200) * turn, detections)
                    .len(),
            )
        });
    });
}

criterion_group!(benches, decode, suppression, track, rules);
criterion_main!(benches);
