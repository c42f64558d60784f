//! Pushed configurations: signed as such, and as nothing else.

#![expect(
    clippy::unwrap_used,
    reason = "a failing step of a test ends it and says why"
)]

use protocol::{
    Command, CommandRequest, DesiredConfig, NodePath, PinnedKey, PushStage, Trial,
    push::InvalidPush, signed::Unsigned,
};
use ring::signature::Ed25519KeyPair;
use uuid::Uuid;

fn key(seed: u8) -> (Ed25519KeyPair, PinnedKey) {
    let pair = Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap();
    let pin = PinnedKey::of(&pair);
    (pair, pin)
}

fn node() -> NodePath {
    NodePath {
        region: "r".parse().unwrap(),
        site: "s".parse().unwrap(),
        node: "n".parse().unwrap(),
    }
}

fn desired() -> DesiredConfig {
    DesiredConfig {
        push: Uuid::from_u128(9),
        number: 4,
        node: node(),
        issued: "2026-07-01T10:00:00Z".parse().unwrap(),
        document: "[[cameras]]\nid = \"gate\"\nmin_score = 0.4\n".to_owned(),
        trial: Trial::default(),
    }
}

#[test]
fn a_push_reads_as_it_was_signed_and_not_when_a_byte_is_bent() {
    let (pair, pin) = key(1);
    let signed = desired().sign(&pair).unwrap();
    assert_eq!(
        DesiredConfig::open(&signed, std::slice::from_ref(&pin)).unwrap(),
        desired()
    );
    for byte in 0..signed.len() {
        let mut bent = signed.clone();
        bent[byte] ^= 1;
        assert!(
            DesiredConfig::open(&bent, std::slice::from_ref(&pin)).is_err(),
            "byte {byte}"
        );
    }
    let (_, stranger) = key(2);
    let refused = DesiredConfig::open(&signed, &[stranger]).unwrap_err();
    assert_eq!(
        refused,
        InvalidPush::Unsigned(Unsigned::UnknownKey(pin.id()))
    );
}

#[test]
fn a_signed_command_is_no_push() {
    let (pair, pin) = key(1);
    let command = CommandRequest {
        request: Uuid::from_u128(9),
        node: node(),
        issued: "2026-07-01T10:00:00Z".parse().unwrap(),
        expires: "2026-07-01T10:05:00Z".parse().unwrap(),
        command: Command::Snapshot {
            camera: "gate".parse().unwrap(),
        },
    };
    let refused = DesiredConfig::open(&command.sign(&pair).unwrap(), &[pin]).unwrap_err();
    assert_eq!(refused, InvalidPush::Unsigned(Unsigned::Signature));
}

#[test]
fn only_what_is_over_is_final() {
    for stage in [
        PushStage::Received,
        PushStage::Checked,
        PushStage::Shadow,
        PushStage::Canary,
        PushStage::Everywhere,
    ] {
        assert!(!stage.is_final(), "{}", stage.as_str());
    }
    for stage in [
        PushStage::Confirmed,
        PushStage::Rejected,
        PushStage::RolledBack,
    ] {
        assert!(stage.is_final(), "{}", stage.as_str());
        assert_eq!(serde_json::to_value(stage).unwrap(), stage.as_str());
    }
}
