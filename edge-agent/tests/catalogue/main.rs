//! Getting models from a server that breaks off, lies, drips and moves things; and what the command line says.

#![expect(
    clippy::unwrap_used,
    reason = "a helper that fails is a test that fails"
)]

mod command;
mod server;

use std::{fs, path::PathBuf, time::Duration};

use edge_agent::{
    catalogue::{
        Bases, Catalogue, Client, Consent, FetchError, Fetched, Patience, Progress, fetch,
    },
    inference::{folders::ModelFolders, manifest::sha256_hex},
};
use server::{Reply, Server, Then};
use tempfile::TempDir;

/// A file of some length without repetitions.
fn weights() -> Vec<u8> {
    (0_u32..50_000)
        .flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes())
        .collect()
}

/// A catalogue with one model `tiny` whose weights are these bytes.
fn catalogue_text(size: usize, bytes: &[u8], licence: &str, base: &str) -> String {
    format!(
        "[publishers.zoo]\ntitle = \"a zoo\"\nbase = \"{base}\"\n\
         [[models]]\nname = \"tiny\"\ntitle = \"a test\"\nlicence = \"{licence}\"\npublisher = \"zoo\"\n\
         path = \"m/tiny.onnx\"\nsize = {size}\nsha256 = \"{}\"\nlabels = [\"person\", \"car\"]\n\
         input = {{ name = \"images\", size = [64, 32], colour = \"rgb\", fit = \"stretch\" }}\n\
         decoder = {{ family = \"yolov8\" }}\n",
        sha256_hex(bytes)
    )
}

/// A folder for models, a catalogue and a server.
struct Stage {
    dir: TempDir,
    server: Server,
    patience: Patience,
}

impl Stage {
    fn new(replies: Vec<Reply>) -> Stage {
        let stage = Stage {
            dir: tempfile::tempdir().unwrap(),
            server: Server::start(replies),
            patience: Patience {
                connect: Duration::from_secs(20),
                idle: Duration::from_millis(400),
                least: 1000,
                pauses: vec![Duration::from_millis(1); 3],
            },
        };
        stage.offer(weights().len(), "MIT");
        stage
    }

    fn offer(&self, size: usize, licence: &str) {
        let base = format!("http://{}/base/", self.server.address);
        let text = catalogue_text(size, &weights(), licence, &base);
        fs::write(self.catalogue(), text).unwrap();
    }

    fn catalogue(&self) -> PathBuf {
        self.dir.path().join("catalogue.toml")
    }

    fn models(&self) -> PathBuf {
        self.dir.path().join("models")
    }

    fn file(&self, name: &str) -> PathBuf {
        self.models().join("tiny").join(name)
    }

    fn fetch(&self) -> Result<Fetched, FetchError> {
        self.fetch_with(Consent::default())
    }

    fn fetch_with(&self, consent: Consent<'_>) -> Result<Fetched, FetchError> {
        let catalogue = Catalogue::load(Some(&self.catalogue())).unwrap();
        let folders = ModelFolders {
            models: self.models(),
            weights: Vec::new(),
        };
        fetch(
            &Client::without_proxy(self.patience.clone()),
            catalogue.get("tiny").unwrap(),
            &folders,
            &Bases::default(),
            consent,
            &mut Progress::silent("tiny"),
        )
    }

    /// The text of the refusal, the server's address taken out.
    fn refusal(&self) -> String {
        let error = self.fetch().expect_err("it must fail").to_string();
        let shown = error.replace(&self.server.address.to_string(), "HOST");
        shown.replace(&self.dir.path().display().to_string(), "DIR")
    }

    /// What lies in the model's folder, in order.
    fn files(&self) -> Vec<String> {
        let entries = fs::read_dir(self.models().join("tiny"))
            .into_iter()
            .flatten();
        let names = entries.map(|e| e.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.collect();
        names.sort();
        names
    }

    fn assert_installed(&self) {
        assert_eq!(self.files(), ["model.toml", "tiny.onnx"]);
        assert!(fs::read(self.file("tiny.onnx")).unwrap() == weights());
    }
}

#[test]
fn a_connection_that_breaks_off_is_taken_up_where_it_ended() {
    let reply = Reply::new(&weights());
    let stage = Stage::new(vec![
        reply.clone().cut(50_000),
        reply.clone().cut(70_000),
        reply,
    ]);
    assert_eq!(
        stage.fetch().unwrap(),
        Fetched::Installed(stage.file("tiny.onnx"))
    );
    stage.assert_installed();
    let asked = stage.server.asked();
    assert_eq!(asked[0].line, "GET /base/m/tiny.onnx HTTP/1.1");
    assert_eq!(
        stage.server.ranges(),
        [
            None,
            Some("bytes=50000-".into()),
            Some("bytes=120000-".into())
        ]
    );
    assert_eq!(asked[2].if_range.as_deref(), Some("\"one\""));
    assert!(matches!(stage.fetch().unwrap(), Fetched::AlreadyHere(_)));
    assert_eq!(
        stage.server.asked().len(),
        3,
        "what is here and whole is not asked for"
    );
}

#[test]
fn what_came_is_kept_for_a_later_run() {
    let reply = Reply::new(&weights());
    let mut stage = Stage::new(vec![reply.clone().cut(50_000), reply]);
    stage.patience.pauses.clear();
    let text = stage.refusal();
    assert!(
        text.ends_with("50.0 kB are kept: the same command goes on from there"),
        "{text}"
    );
    assert_eq!(stage.files(), ["tiny.onnx.part", "tiny.onnx.part.json"]);
    stage.fetch().unwrap();
    stage.assert_installed();
    assert_eq!(stage.server.ranges(), [None, Some("bytes=50000-".into())]);
}

#[test]
fn a_file_that_changed_between_two_parts_is_fetched_from_its_beginning() {
    let old: Vec<u8> = weights().iter().map(|b| !b).collect();
    let new = Reply {
        etag: Some("\"two\""),
        ..Reply::new(&weights())
    };
    let stage = Stage::new(vec![Reply::new(&old).cut(50_000), new.clone()]);
    stage.fetch().unwrap();
    stage.assert_installed();
    assert_eq!(stage.server.asked()[1].if_range.as_deref(), Some("\"one\""));
    // The same where the server takes no notice of If-Range: the hash tells.
    let careless = Reply {
        if_range: false,
        ..new
    };
    let stage = Stage::new(vec![Reply::new(&old).cut(50_000), careless]);
    stage.fetch().unwrap();
    stage.assert_installed();
    assert_eq!(
        stage.server.ranges(),
        [None, Some("bytes=50000-".into()), None]
    );
}

#[test]
fn a_server_without_parts_is_asked_for_the_whole_again() {
    let reply = Reply {
        ranges: false,
        etag: None,
        ..Reply::new(&weights())
    };
    let stage = Stage::new(vec![reply.clone().cut(50_000), reply]);
    stage.fetch().unwrap();
    stage.assert_installed();
}

#[test]
fn a_part_that_the_server_cannot_continue_is_dropped() {
    let reply = Reply::new(&weights());
    let no_rest = Reply::status("416 Range Not Satisfiable");
    let stage = Stage::new(vec![reply.clone().cut(50_000), no_rest, reply]);
    stage.fetch().unwrap();
    stage.assert_installed();
    assert_eq!(stage.server.ranges()[2], None);
}

#[test]
fn wrong_bytes_never_get_into_place() {
    let other: Vec<u8> = weights().iter().map(|b| !b).collect();
    let stage = Stage::new(vec![Reply::new(&other)]);
    let error = stage.fetch().expect_err("it is another file");
    assert!(matches!(error, FetchError::Hash { .. }), "{error}");
    assert!(!stage.file("").try_exists().unwrap(), "nothing is left");
    assert_eq!(
        stage.server.asked().len(),
        1,
        "what is wrong as a whole is not asked for twice"
    );
}

#[test]
fn wrong_bytes_in_pieces_are_fetched_anew_once() {
    let other: Vec<u8> = weights().iter().map(|b| !b).collect();
    let (cut, rest) = (Reply::new(&other).cut(50_000), Reply::new(&other));
    let stage = Stage::new(vec![cut.clone(), rest.clone(), cut, rest]);
    let error = stage.fetch().expect_err("it is another file");
    assert!(matches!(error, FetchError::Hash { .. }), "{error}");
    let half = Some("bytes=50000-".to_owned());
    assert_eq!(stage.server.ranges(), [None, half.clone(), None, half]);
}

#[test]
fn a_file_of_another_size_is_told_before_it_is_fetched() {
    let stage = Stage::new(vec![Reply::new(&weights()[1..])]);
    insta::assert_snapshot!(stage.refusal(), @"http://HOST/base/m/tiny.onnx: it has 199999 bytes, the catalogue expects 200000: it is another file");
    let endless = Reply {
        length: false,
        ..Reply::new(&[weights(), weights()].concat())
    };
    let stage = Stage::new(vec![endless]);
    insta::assert_snapshot!(stage.refusal(), @"http://HOST/base/m/tiny.onnx: it sends more than the 200.0 kB of the catalogue");
    assert!(stage.files().iter().all(|f| f != "tiny.onnx"));
}

#[test]
fn a_git_lfs_pointer_is_told_as_such() {
    let pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 200000\n";
    let unmeasured = Reply {
        length: false,
        ..Reply::new(pointer)
    };
    for reply in [Reply::new(pointer), unmeasured] {
        let stage = Stage::new(vec![reply]);
        let text = stage.refusal();
        assert!(
            text.contains("this is a Git LFS pointer and not the model"),
            "{text}"
        );
        assert!(stage.files().iter().all(|f| f != "tiny.onnx"));
    }
}

#[test]
fn an_answer_that_will_not_change_is_not_asked_for_again_and_one_that_may_is() {
    let stage = Stage::new(vec![Reply::status("404 Not Found")]);
    insta::assert_snapshot!(stage.refusal(), @"http://HOST/base/m/tiny.onnx: it answers that there is no such file: the publisher has moved it; look for a newer catalogue, or name another base");
    assert_eq!(stage.server.asked().len(), 1);
    let busy = Reply::status("503 Service Unavailable");
    let stage = Stage::new(vec![busy.clone(), busy.clone(), Reply::new(&weights())]);
    stage.fetch().unwrap();
    stage.assert_installed();
    let stage = Stage::new(vec![busy]);
    let text = stage.refusal();
    assert!(
        text.contains("503 Service Unavailable; tried 4 times"),
        "{text}"
    );
}

#[test]
fn redirects_are_followed_with_their_parts() {
    let reply = Reply::new(&weights());
    let stage = Stage::new(vec![
        Reply::redirect("/store/1"),
        reply.clone().cut(50_000),
        Reply::redirect("/store/2"),
        reply,
    ]);
    stage.fetch().unwrap();
    stage.assert_installed();
    let asked = stage.server.asked();
    assert_eq!(asked[3].line, "GET /store/2 HTTP/1.1");
    assert_eq!(asked[3].range.as_deref(), Some("bytes=50000-"));
}

#[test]
fn silence_and_drips_are_not_waited_for_and_then_taken_up() {
    for then in [Then::Hang, Then::Drip] {
        let slow = Reply {
            then,
            ..Reply::new(&weights()).cut(50_000)
        };
        let stage = Stage::new(vec![slow.clone(), Reply::new(&weights())]);
        stage.fetch().unwrap();
        stage.assert_installed();
        assert_eq!(stage.server.asked().len(), 2);
        let mut stage = Stage::new(vec![Reply {
            then,
            ..slow.cut(100)
        }]);
        stage.patience.pauses.clear();
        let text = stage.refusal();
        assert!(text.contains("came"), "{text}");
    }
}

#[test]
fn a_disk_without_room_is_told_before_anything_is_asked_for() {
    let stage = Stage::new(vec![Reply::new(&weights())]);
    stage.offer(1 << 60, "MIT");
    let text = stage.refusal();
    assert!(
        text.starts_with("DIR/models/tiny: 1.2 EB more are needed, "),
        "{text}"
    );
    assert_eq!(stage.server.asked().len(), 0);
}

#[test]
fn a_licence_that_binds_is_accepted_by_its_name_or_not_at_all() {
    let stage = Stage::new(vec![Reply::new(&weights())]);
    stage.offer(weights().len(), "AGPL-3.0");
    insta::assert_snapshot!(stage.refusal(), @r#"tiny: its licence "AGPL-3.0" asks that what is built on the model is given away under the same licence, to users of a network service too where it is an AGPL; if you accept it, say so: --accept-licence AGPL-3.0"#);
    let other = ["GPL-3.0".to_owned()];
    let consent = Consent {
        licences: &other,
        replace: false,
    };
    assert!(matches!(
        stage.fetch_with(consent),
        Err(FetchError::Licence { .. })
    ));
    assert_eq!(stage.server.asked().len(), 0);
    let accepted = ["AGPL-3.0".to_owned()];
    let consent = Consent {
        licences: &accepted,
        replace: false,
    };
    stage.fetch_with(consent).unwrap();
    stage.assert_installed();
}

#[test]
fn a_manifest_for_these_weights_is_left_alone_and_another_one_only_replaced_on_demand() {
    let stage = Stage::new(vec![Reply::new(&weights())]);
    stage.fetch().unwrap();
    let own = fs::read_to_string(stage.file("model.toml")).unwrap();
    let own = own.replace("tiny.onnx", "mine.onnx");
    fs::write(stage.file("model.toml"), &own).unwrap();
    fs::remove_file(stage.file("tiny.onnx")).unwrap();
    assert_eq!(
        stage.fetch().unwrap(),
        Fetched::Installed(stage.file("mine.onnx"))
    );
    assert_eq!(fs::read_to_string(stage.file("model.toml")).unwrap(), own);

    fs::write(stage.file("mine.onnx"), "rotten").unwrap();
    assert_eq!(
        stage.fetch().unwrap(),
        Fetched::Installed(stage.file("mine.onnx"))
    );

    fs::write(
        stage.file("model.toml"),
        own.replace(&sha256_hex(&weights()), &sha256_hex(b"x")),
    )
    .unwrap();
    assert!(matches!(stage.fetch(), Err(FetchError::Other { .. })));
    fs::write(stage.file("model.toml"), "nonsense").unwrap();
    assert!(matches!(stage.fetch(), Err(FetchError::Manifest(_))));
    let consent = Consent {
        licences: &[],
        replace: true,
    };
    assert_eq!(
        stage.fetch_with(consent).unwrap(),
        Fetched::Installed(stage.file("tiny.onnx"))
    );
}
