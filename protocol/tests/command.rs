//! A command is heeded only as it was signed, and only from a pinned key.

use protocol::command::{Command, CommandRequest, InvalidCommand, PinnedKey};
use ring::signature::{Ed25519KeyPair, KeyPair};
use uuid::Uuid;

fn key(id: &str, seed: u8) -> (Ed25519KeyPair, PinnedKey) {
    let pair = Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).expect("the example is valid");
    let key = pair
        .public_key()
        .as_ref()
        .try_into()
        .expect("the example is valid");
    (
        pair,
        PinnedKey {
            id: id.to_owned(),
            key,
        },
    )
}

fn request() -> CommandRequest {
    CommandRequest {
        request: Uuid::from_u128(7),
        node: protocol::NodePath {
            region: "r".parse().expect("the example is valid"),
            site: "s".parse().expect("the example is valid"),
            node: "n".parse().expect("the example is valid"),
        },
        issued: "2026-07-01T10:00:00Z"
            .parse()
            .expect("the example is valid"),
        expires: "2026-07-01T10:05:00Z"
            .parse()
            .expect("the example is valid"),
        command: Command::TestAlarm { camera: None },
    }
}

#[test]
fn every_flipped_bit_is_refused() {
    let (pair, pin) = key("a", 1);
    let signed = request().sign("a", &pair).unwrap();
    let pins = [pin];
    assert_eq!(CommandRequest::open(&signed, &pins).unwrap(), request());
    for byte in 0..signed.len() {
        for bit in 0..8 {
            let mut bent = signed.clone();
            bent[byte] ^= 1 << bit;
            assert!(
                CommandRequest::open(&bent, &pins).is_err(),
                "byte {byte} bit {bit}"
            );
        }
    }
}

#[test]
fn any_pinned_key_will_do_and_no_other() {
    let ((first, a), (second, b), (stranger, _)) = (key("a", 1), key("b", 2), key("a", 3));
    let by = |id: &str, pair| request().sign(id, pair).expect("plain data");
    let pins = [a.clone(), b];
    assert!(CommandRequest::open(&by("a", &first), &pins).is_ok());
    assert!(CommandRequest::open(&by("b", &second), &pins).is_ok());
    let refused = CommandRequest::open(&by("a", &stranger), &pins).unwrap_err();
    assert!(matches!(refused, InvalidCommand::Signature), "{refused}");
    let refused = CommandRequest::open(&by("b", &second), &[a]).unwrap_err();
    assert!(matches!(refused, InvalidCommand::UnknownKey), "{refused}");
}
