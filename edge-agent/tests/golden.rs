//! Our detections against those of independent decoders, for every model family of the catalogue.

#![expect(clippy::print_stdout, reason = "a test that skips says so")]

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use analytics::{detection::Detection, geometry::Rect};
use edge_agent::{
    camera::picture::Picture,
    inference::{model::Model, runtime::Runtime},
};

/// Every golden box of at least this score must be found.
const MUST: f32 = 0.4;
/// No box of at least this score may be found that is not golden.
const EXTRA: f32 = 0.45;
/// How far scores may differ.
const SCORE: f32 = 0.02;
/// How well boxes must agree.
const IOU: f32 = 0.9;

#[derive(serde::Deserialize)]
struct Golden {
    x1: f32,
    y1: f32,
    x2: f32,
    y2: f32,
    score: f32,
    coco80: u16,
}

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn assets() -> Option<PathBuf> {
    let named = std::env::var_os("SAFECITY_ASSETS").map(PathBuf::from);
    let assets = named.unwrap_or_else(|| workspace().join("../shared/assets"));
    assets.join("golden").is_dir().then_some(assets)
}

/// Differences between what the model sees in a picture and what it should see.
fn differences(golden: &[Golden], size: (u32, u32), found: &[Detection]) -> Vec<String> {
    let (w, h) = (size.0 as f32, size.1 as f32);
    let rect = |g: &Golden| {
        let (x1, x2) = (g.x1.clamp(0.0, w), g.x2.clamp(0.0, w));
        let (y1, y2) = (g.y1.clamp(0.0, h), g.y2.clamp(0.0, h));
        Rect {
            x: x1 / w,
            y: y1 / h,
            w: (x2 - x1) / w,
            h: (y2 - y1) / h,
        }
    };
    let same = |g: &Golden, d: &Detection| {
        d.class.0 == g.coco80 && rect(g).iou(&d.rect) >= IOU && (d.score - g.score).abs() <= SCORE
    };
    let missing = golden
        .iter()
        .filter(|g| g.score >= MUST && !found.iter().any(|d| same(g, d)))
        .map(|g| {
            let best = (found.iter())
                .filter(|d| d.class.0 == g.coco80)
                .max_by(|a, b| rect(g).iou(&a.rect).total_cmp(&rect(g).iou(&b.rect)));
            let best = best.map(|d| (d.score, rect(g).iou(&d.rect)));
            format!(
                "missing: class {} score {} {:?}, best (score, IoU) {best:?}",
                g.coco80,
                g.score,
                rect(g)
            )
        });
    let extra = found
        .iter()
        .filter(|d| d.score >= EXTRA && !golden.iter().any(|g| same(g, d)))
        .map(|d| format!("extra: {d:?}"));
    missing.chain(extra).collect()
}

fn check(model: &str, golden: &str) {
    let Some(assets) = assets() else {
        println!("skipped: ../shared/assets is not here");
        return;
    };
    let runtime = Runtime::load(None).expect("the library");
    let search = [assets.join("models")];
    let mut model =
        Model::load(&runtime, &workspace().join("models"), model, &search).expect("it loads");
    let text = std::fs::read_to_string(assets.join("golden").join(golden)).expect("golden file");
    let pictures: BTreeMap<String, Vec<Golden>> = serde_json::from_str(&text).expect("golden JSON");
    assert!(!pictures.is_empty());
    let mut all = Vec::new();
    for (name, golden) in &pictures {
        let file = assets.join("golden").join(name);
        let image = image::open(&file).expect("picture").into_rgb8();
        let size = image.dimensions();
        let picture = Picture::rgb(size, image.as_raw()).expect("whole picture");
        let mut found = Vec::new();
        model
            .detect(&picture, (1, 1), 0.3, &mut found)
            .expect("a run");
        let wrong = differences(golden, size, &found);
        all.extend(wrong.into_iter().map(|line| format!("{name}: {line}")));
    }
    assert!(all.is_empty(), "\n{}", all.join("\n"));
}

#[test]
fn yolox_nano() {
    check("yolox-nano", "yolox_nano_416x416.json");
}

#[test]
fn nanodet() {
    check("nanodet", "opencvzoo_nanodet_2022nov.json");
}

#[test]
fn picodet_s() {
    check("picodet-s", "picodet_s_416_coco.json");
}

#[test]
fn deimv2_atto() {
    check("deimv2-atto", "deimv2_hgnetv2_atto_coco.json");
}
