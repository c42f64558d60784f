//! `edge-agent verify`: what it says and how it ends.

use std::{fs, path::Path, process::Command};

use protocol::{
    NodePath, PinnedKey,
    custody::{BEGINNING, Bundle, Head, Manifest, sha256_hex, sign},
    incident::ClockQuality,
};
use ring::signature::Ed25519KeyPair;
use uuid::Uuid;

fn key(seed: u8) -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).expect("32 bytes are a seed")
}

fn bundle(item: &[u8]) -> Vec<u8> {
    let name = |text: &str| text.parse().expect("a name");
    let node = NodePath {
        region: name("r"),
        site: name("s"),
        node: name("n"),
    };
    let manifest = Manifest {
        node: node.clone(),
        chain: Uuid::from_u128(3),
        number: 1,
        previous: BEGINNING.to_owned(),
        incident: Uuid::from_u128(7),
        item: "snapshot".to_owned(),
        sha256: sha256_hex(b"a picture"),
        bytes: 9,
        config_revision: String::new(),
        model_sha256: String::new(),
        capture: protocol::now(),
        made: protocol::now(),
        clock: ClockQuality {
            synchronised: true,
            estimated_error_ms: None,
        },
    };
    let head = Head {
        node,
        key: PinnedKey::of(&key(1)).to_string(),
        signer: String::new(),
        incident: Uuid::from_u128(7),
        manifests: 0,
        last: String::new(),
        missing: Vec::new(),
        made: protocol::now(),
    };
    let manifests = vec![sign(manifest, &key(1)).expect("it is plain")];
    let items = vec![("snapshot".to_owned(), item.to_vec())];
    let bundle = Bundle::sign(head, manifests, items, &key(9)).expect("it is plain");
    bundle.encode().expect("it is written")
}

fn verify(file: &Path, trusted: Option<u8>) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_edge-agent"));
    command.arg("verify").arg(file);
    if let Some(seed) = trusted {
        command.args(["--key", &PinnedKey::of(&key(seed)).to_string()]);
    }
    let output = command.output().expect("it runs");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    (output.status.code(), said)
}

#[test]
fn a_bundle_is_checked_offline() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("incident.tar");
    fs::write(&file, bundle(b"a picture")).expect("written");
    let (code, said) = verify(&file, Some(1));
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("1 items in 1 manifests"), "{said}");
    let (code, said) = verify(&file, None);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("the bundle's own word"), "{said}");
    let (code, said) = verify(&file, Some(2));
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("none of the keys given"), "{said}");
    fs::write(&file, bundle(b"a forgery")).expect("written");
    let (code, said) = verify(&file, Some(1));
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains(r#"item "snapshot" is not what was signed"#),
        "{said}"
    );
    assert_eq!(verify(&folder.path().join("none"), None).0, Some(69));
}
