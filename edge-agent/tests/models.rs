//! Models of the catalogue: detections against those of independent decoders, and what is said about files that are not
//! what their manifest says.

#![expect(clippy::print_stdout, reason = "a test that skips says so")]

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use analytics::{detection::Detection, geometry::Rect};
use edge_agent::{
    camera::picture::Picture,
    inference::{
        manifest::{FILE_NAME, sha256_hex},
        model::Model,
        runtime::Runtime,
    },
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

/// What is said about the YOLOX weights when their manifest is changed, or other bytes stand in their place.
fn refusal(change: (&str, &str), bytes: Option<&[u8]>) -> Option<String> {
    let Some(assets) = assets() else {
        println!("skipped: ../shared/assets is not here");
        return None;
    };
    let weights = std::fs::read(assets.join("models/yolox_nano_416x416.onnx")).expect("weights");
    let bytes = bytes.unwrap_or(&weights);
    let models = tempfile::tempdir().expect("a folder");
    let folder = models.path().join("changed");
    std::fs::create_dir(&folder).expect("a folder");
    let labels = workspace().join("models/coco80.txt");
    std::fs::copy(labels, models.path().join("coco80.txt")).expect("copied");
    let manifest = workspace().join("models/yolox-nano").join(FILE_NAME);
    let manifest = std::fs::read_to_string(manifest).expect("the manifest");
    assert!(manifest.contains(change.0), "{change:?}");
    let manifest = manifest
        .replace(&sha256_hex(&weights), &sha256_hex(bytes))
        .replace(change.0, change.1);
    std::fs::write(folder.join(FILE_NAME), manifest).expect("written");
    std::fs::write(folder.join("yolox_nano_416x416.onnx"), bytes).expect("written");
    let runtime = Runtime::load(None).expect("the library");
    let error = Model::load(&runtime, models.path(), "changed", &[]).err();
    let prefix = format!("{}/", models.path().display());
    Some(
        error
            .expect("it is refused")
            .to_string()
            .replace(&prefix, ""),
    )
}

#[test]
fn weights_that_are_no_model_are_refused_by_name() {
    let Some(text) = refusal(("", ""), Some(b"not a model")) else {
        return;
    };
    let named = "changed/yolox_nano_416x416.onnx: not a model that the ONNX Runtime can open: ";
    assert!(text.starts_with(named), "{text}");
}

#[test]
fn a_manifest_that_does_not_suit_the_model_is_told_what_was_expected_and_found() {
    if let Some(text) = refusal(("size = [416, 416]", "size = [320, 256]"), None) {
        insta::assert_snapshot!(text, @"changed/yolox_nano_416x416.onnx: changed/model.toml expects inputs images f32 [1, 3, 256, 320]; the model has images f32 [1, 3, 416, 416]");
    }
    if let Some(text) = refusal(("name = \"images\"", "name = \"picture\""), None) {
        insta::assert_snapshot!(text, @"changed/yolox_nano_416x416.onnx: changed/model.toml expects inputs picture f32 [1, 3, 416, 416]; the model has images f32 [1, 3, 416, 416]");
    }
    if let Some(text) = refusal(("strides = [8, 16, 32]", "strides = [8, 16]"), None) {
        assert!(
            text.starts_with("changed/yolox_nano_416x416.onnx: outputs: "),
            "{text}"
        );
        assert!(text.contains("3380") && text.contains("3549"), "{text}");
    }
}
