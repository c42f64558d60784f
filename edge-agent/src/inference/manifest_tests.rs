//! Bad manifests are refused with a text that helps.

use super::*;

const GOOD: &str = r#"
name = "tiny"
title = "a test"
licence = "Apache-2.0"
file = "tiny.onnx"
sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
labels = ["person", "car"]

[input]
name = "images"
size = [64, 32]
colour = "rgb"
fit = "stretch"

[decoder]
family = "yolox"
strides = [8, 16]
"#;

fn load(text: &str) -> Result<Manifest, String> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::write(folder.path().join(FILE_NAME), text).expect("written");
    let prefix = format!("{}/", folder.path().display());
    Manifest::load(folder.path()).map_err(|e| e.to_string().replace(&prefix, ""))
}

fn refusal(from: &str, to: &str) -> String {
    assert!(GOOD.contains(from), "{from:?} is in the good example");
    load(&GOOD.replace(from, to)).expect_err("must be refused")
}

#[test]
fn a_good_one_is_read() {
    let manifest = load(GOOD).expect("good");
    assert_eq!(manifest.spec.size, (64, 32));
    assert_eq!(
        manifest.family,
        Family::Yolox {
            strides: vec![8, 16]
        }
    );
    assert_eq!(manifest.spec.std, [1.0; 3]);
}

#[test]
fn values_that_make_no_sense_are_named_all_at_once() {
    let text = refusal(
        "size = [64, 32]",
        "size = [8, 32]\npad = 300\nstd = [1, 0, 1]",
    );
    insta::assert_snapshot!(text, @"model.toml: input.size: expected width and height of 16 to 4096; input.std: must not be zero; input.pad: expected a code value of 0 to 255");
    let text = refusal(r#"["person", "car"]"#, r#"["car", "person", "car"]"#);
    insta::assert_snapshot!(text, @r#"model.toml: labels: "car" is there twice"#);
    let text = refusal(r#"sha256 = "ba"#, r#"sha256 = ""#);
    insta::assert_snapshot!(text, @"model.toml: sha256: expected 64 hexadecimal digits");
    let text = refusal("tiny.onnx", "../tiny.onnx");
    insta::assert_snapshot!(text, @"model.toml: file: expected a file name without folders");
}

#[test]
fn a_family_wants_its_own_settings_and_no_others() {
    let text = refusal("strides = [8, 16]", "reg_max = 7");
    insta::assert_snapshot!(text, @"model.toml: decoder.strides: this family needs it; decoder.reg_max: this family has none");
    let text = refusal(r#"family = "yolox""#, r#"family = "distribution""#);
    insta::assert_snapshot!(text, @"model.toml: decoder.reg_max: this family needs it; decoder.cell_point: this family needs it");
}

#[test]
fn a_wrong_word_is_shown_where_it_stands() {
    let text = refusal(r#"fit = "stretch""#, r#"fit = "squeeze""#);
    insta::assert_snapshot!(text, @r#"
    model.toml: TOML parse error at line 13, column 7
       |
    13 | fit = "squeeze"
       |       ^^^^^^^^^
    unknown variant `squeeze`, expected one of `letterbox_top_left`, `letterbox_centre`, `stretch`
    "#);
}

#[test]
fn weights_are_found_on_the_search_path_and_their_hash_is_checked() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let other = tempfile::tempdir().expect("a temporary folder");
    fs::write(folder.path().join(FILE_NAME), GOOD).expect("written");
    let manifest = Manifest::load(folder.path()).expect("good");
    let search = [other.path().to_owned()];
    let missing = manifest.weights(&search).expect_err("nowhere");
    assert!(
        matches!(missing, ManifestError::NoWeights { .. }),
        "{missing}"
    );

    let weights = other.path().join("tiny.onnx");
    fs::write(&weights, b"abc").expect("written");
    let (path, bytes) = manifest.weights(&search).expect("right bytes");
    assert_eq!((path, bytes), (weights.clone(), b"abc".to_vec()));

    fs::write(&weights, b"abd").expect("written");
    let wrong = manifest.weights(&search).expect_err("other bytes");
    let text = wrong.to_string();
    assert!(
        text.contains("a52d159f262b2c6ddb724a61840befc36eb30c88877a4030b65cbe86298449c9"),
        "{text}"
    );
    assert!(text.contains(&manifest.sha256), "{text}");
}
