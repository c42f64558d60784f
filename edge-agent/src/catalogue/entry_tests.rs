//! The catalogue that ships is right, and others are refused with a text that helps.

use super::*;

#[test]
fn the_bundled_catalogue_says_of_a_model_what_its_folder_says() {
    let catalogue = Catalogue::bundled().expect("it is right");
    let names: Vec<&str> = catalogue
        .entries
        .iter()
        .map(|e| e.manifest.name.as_str())
        .collect();
    assert_eq!(names, ["yolox-s", "nanodet"]);
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models");
    for entry in &catalogue.entries {
        let address = entry.address(&Bases::default());
        assert!(address.starts_with("https://"), "{address}");
        let folder = models.join(&entry.manifest.name);
        if !folder.is_dir() {
            continue;
        }
        let own = Manifest::load(&folder).expect("it is right");
        let (ours, theirs) = (&entry.manifest, &own);
        assert_eq!(ours.sha256, theirs.sha256, "{}", ours.name);
        assert_eq!(ours.licence, theirs.licence, "{}", ours.name);
        assert_eq!(ours.input, theirs.input, "{}", ours.name);
        assert_eq!(ours.spec, theirs.spec, "{}", ours.name);
        assert_eq!(ours.family, theirs.family, "{}", ours.name);
        assert_eq!(ours.labels, theirs.labels, "{}", ours.name);
    }
}

const GOOD: &str = r#"
[publishers.zoo]
title = "a zoo"
base = "https://zoo.example/files"

[[models]]
name = "tiny"
title = "a test"
licence = "MIT"
publisher = "zoo"
path = "a/tiny.onnx"
size = 3
sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
labels = ["person"]
input = { name = "images", size = [64, 32], colour = "rgb", fit = "stretch" }
decoder = { family = "yolov8" }
"#;

fn load(text: &str) -> Result<Catalogue, String> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("mine.toml");
    fs::write(&path, text).expect("written");
    let prefix = format!("{}/", folder.path().display());
    Catalogue::load(Some(&path)).map_err(|e| e.to_string().replace(&prefix, ""))
}

#[test]
fn a_catalogue_of_ones_own_stands_in_for_the_bundled_one() {
    let catalogue = load(GOOD).expect("good");
    let entry = catalogue.get("tiny").expect("it is there");
    assert_eq!(
        entry.address(&Bases::default()),
        "https://zoo.example/files/a/tiny.onnx"
    );
    let mirror = Bases::new(["zoo=http://mirror/"]).expect("good");
    assert_eq!(entry.address(&mirror), "http://mirror/a/tiny.onnx");
    assert_eq!(entry.manifest.file, Path::new("tiny.onnx"));
    assert!(catalogue.get("yolox-s").is_none());
}

#[test]
fn mistakes_in_a_catalogue_are_named_all_at_once() {
    let text = load(
        &GOOD
            .replace("https://zoo", "zoo")
            .replace("a/tiny", "../tiny"),
    )
    .expect_err("must be refused");
    insta::assert_snapshot!(text, @"mine.toml: publishers.zoo.base: expected an address that begins with https:// or http://; model tiny: path: expected the path of a file below the publisher's base");
    let text = load(&GOOD.replace("yolov8", "yolox")).expect_err("must be refused");
    insta::assert_snapshot!(text, @"mine.toml: model tiny: tiny/model.toml: decoder.strides: this family needs it");
    let text = load(&GOOD.replace("publisher = \"zoo\"", "publisher = \"park\""))
        .expect_err("must be refused");
    insta::assert_snapshot!(text, @r#"mine.toml: model tiny: publisher "park" is not in [publishers]"#);
}
