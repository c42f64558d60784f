//! `edge-agent models` as it is typed.

use std::{
    fs,
    net::TcpListener,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use edge_agent::inference::runtime::Runtime;

use crate::{
    Stage, catalogue_text,
    server::{Reply, Server},
    weights,
};

const PROXIES: [&str; 4] = ["http_proxy", "https_proxy", "all_proxy", "no_proxy"];

fn models(arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_edge-agent"));
    command.arg("models").args(arguments);
    for name in PROXIES {
        command.env_remove(name).env_remove(name.to_uppercase());
    }
    command.envs(variables.iter().copied());
    command.output().expect("the program runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn a_proxy_of_the_environment_is_used_and_left_aside_where_it_says_so() {
    let stage = Stage::new(vec![Reply::new(&weights())]);
    let proxy = Server::start(vec![Reply::new(&weights())]);
    let catalogue = stage.dir.path().join("far.toml");
    let far = catalogue_text(weights().len(), &weights(), "MIT", "http://far.invalid/");
    fs::write(&catalogue, far).unwrap();
    let (folder, address) = (stage.models(), format!("http://{}", proxy.address));
    let arguments = [
        "fetch",
        "tiny",
        "--models",
        path(&folder),
        "--catalogue",
        path(&catalogue),
    ];
    let done = models(&arguments, &[("HTTP_PROXY", &address)]);
    assert!(done.status.success(), "{}", text(&done.stderr));
    stage.assert_installed();
    let asked = proxy.asked();
    assert!(
        asked.len() == 1 && asked[0].line.contains("far.invalid"),
        "{asked:?}"
    );

    fs::remove_dir_all(&folder).unwrap();
    let dead = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let (dead, base) = (
        format!("http://{dead}"),
        format!("zoo=http://{}/mirror", stage.server.address),
    );
    let variables = [
        ("HTTP_PROXY", &*dead),
        ("NO_PROXY", "127.0.0.1"),
        ("SAFECITY_MODEL_BASES", &*base),
    ];
    let done = models(&arguments, &variables);
    assert!(done.status.success(), "{}", text(&done.stderr));
    stage.assert_installed();
    assert_eq!(
        stage.server.asked()[0].line,
        "GET /mirror/m/tiny.onnx HTTP/1.1"
    );
    let said = text(&done.stderr);
    assert_eq!(
        said.lines().count(),
        1,
        "nothing but a line where nobody looks: {said}"
    );
    assert!(
        said.starts_with("tiny: ") && said.contains("is in place, licence MIT"),
        "{said}"
    );
}

#[test]
fn a_model_that_is_not_what_it_should_be_is_told_with_what_to_do() {
    let stage = Stage::new(vec![Reply::new(&weights())]);
    let (folder, catalogue) = (stage.models(), stage.catalogue());
    let places = ["--models", path(&folder), "--catalogue", path(&catalogue)];
    let run = |arguments: &[&str]| models(&[arguments, &places].concat(), &[]);
    let listed = text(&run(&["list"]).stdout);
    assert!(
        listed.contains("not here") && listed.contains("200.0 kB"),
        "{listed}"
    );
    let nothing = run(&["verify", "tiny"]);
    assert_eq!(nothing.status.code(), Some(1), "{}", text(&nothing.stdout));
    assert!(text(&nothing.stdout).contains("edge-agent models fetch tiny"));
    stage.fetch().unwrap();
    assert!(text(&run(&["list"]).stdout).contains("verified"));
    fs::write(stage.file("tiny.onnx"), "rotten").unwrap();
    let verdict = run(&["verify"]);
    assert_eq!(verdict.status.code(), Some(1));
    let said = text(&verdict.stdout);
    assert!(
        said.starts_with("damaged   tiny  ") && said.contains("edge-agent models fetch tiny"),
        "{said}"
    );
    assert!(text(&run(&["list"]).stdout).contains("damaged"));
    let shown = run(&["show", "tiny"]);
    let said = text(&shown.stdout);
    for part in [
        "damaged",
        "a zoo",
        "/base/m/tiny.onnx",
        "200000 bytes",
        "red first",
        "person, car",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let mistyped = run(&["show", "tiny", "--base", "zo=http://mirror/"]);
    assert!(text(&mistyped.stderr).contains("there is no publisher \"zo\""));
    let unknown = run(&["show", "tinny"]);
    assert_eq!(unknown.status.code(), Some(69));
    assert!(text(&unknown.stderr).contains("the catalogue has tiny"));
}

fn bundled(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../models/street-nano")
        .join(file)
}

#[test]
fn a_model_of_ones_own_is_taken_in_if_the_agent_can_use_it() {
    if let Err(e) = Runtime::load(None) {
        eprintln!("skipped: {e}");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("models");
    let (file, manifest) = (bundled("street-nano.onnx"), bundled("model.toml"));
    let run = |arguments: &[&str]| {
        let order = [
            "import",
            path(&file),
            "--name",
            "mine",
            "--models",
            path(&folder),
        ];
        models(&[&order, arguments].concat(), &[])
    };
    let like_manifest = ["--manifest", path(&manifest)];
    let refused = run(&[&like_manifest[..], &["--size", "64x64"]].concat());
    assert_eq!(refused.status.code(), Some(69));
    let said = text(&refused.stderr);
    assert!(
        said.contains("expects inputs images f32 [1, 3, 64, 64]; the model has"),
        "{said}"
    );
    assert_eq!(
        fs::read_dir(&folder).unwrap().count(),
        0,
        "nothing is left of it"
    );

    let done = run(&like_manifest);
    assert!(done.status.success(), "{}", text(&done.stderr));
    let verdict = models(&["verify", "mine", "--models", path(&folder)], &[]);
    assert!(verdict.status.success(), "{}", text(&verdict.stdout));
    let again = run(&like_manifest);
    assert!(text(&again.stderr).contains("--replace writes over it"));

    let unlicensed = run(&["--like", "mine", "--replace"]);
    assert!(text(&unlicensed.stderr).contains("--licence: say under which licence"));
    let labels = dir.path().join("labels.txt");
    let known: toml::Table = fs::read_to_string(&manifest).unwrap().parse().unwrap();
    let count = known["labels"].as_array().unwrap().len();
    let names: String = ('a'..).take(count).flat_map(|c| [c, '\n']).collect();
    fs::write(&labels, names).unwrap();
    let like = [
        "--like",
        "mine",
        "--replace",
        "--licence",
        "proprietary",
        "--labels",
        path(&labels),
    ];
    let done = run(&like);
    assert!(done.status.success(), "{}", text(&done.stderr));
    let shown = models(&["show", "mine", "--models", path(&folder)], &[]);
    let said = text(&shown.stdout);
    assert!(
        said.contains(&format!("{count}: a, b, c"))
            && said.contains("proprietary: it is not known"),
        "{said}"
    );

    let pointer = dir.path().join("pointer.onnx");
    fs::write(
        &pointer,
        "version https://git-lfs.github.com/spec/v1\noid sha256:0\n",
    )
    .unwrap();
    let order = [
        "import",
        path(&pointer),
        "--name",
        "p",
        "--models",
        path(&folder),
    ];
    let refused = models(&[&order[..], &like_manifest].concat(), &[]);
    assert!(text(&refused.stderr).contains("Git LFS pointer"));
}

#[test]
fn a_python_without_the_packages_is_told_what_to_install_and_nothing_is_left() {
    let assets = std::env::var_os("SAFECITY_ASSETS").map(PathBuf::from);
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let assets = assets.unwrap_or_else(|| workspace.join("../shared/assets"));
    let clip = assets.join("video/mot15-TUD-Campus.mp4");
    if Runtime::load(None).is_err() || !clip.is_file() {
        eprintln!("skipped: no library, or ../shared/assets is not here");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let (python, out) = (dir.path().join("python"), dir.path().join("out"));
    fs::write(
        &python,
        "#!/bin/sh\necho \"No module named 'onnx'\" >&2\nexit 3\n",
    )
    .unwrap();
    fs::set_permissions(&python, fs::Permissions::from_mode(0o700)).unwrap();
    let bundled = workspace.join("models");
    let mut arguments = vec![
        "quantise",
        "street-nano",
        "--pictures",
        "1",
        "--models",
        path(&bundled),
    ];
    arguments.extend(["--calibrate", path(&clip), "--cases", path(dir.path())]);
    arguments.extend(["--python", path(&python), "--out", path(&out)]);
    let refused = models(&arguments, &[]);
    let said = text(&refused.stderr);
    assert_eq!(refused.status.code(), Some(69), "{said}");
    assert!(
        said.contains("No module named 'onnx'; ") && said.contains("requirements.txt"),
        "{said}"
    );
    assert_eq!(fs::read_dir(&out).unwrap().count(), 0, "something is left");
}
