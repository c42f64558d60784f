//! A command is heeded only as it was signed, and only from a pinned key.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "what helps a test may fail like one"
)]

use protocol::{
    command::{Command, CommandRequest, InvalidCommand, PinnedKey},
    signed::Unsigned,
};
use ring::signature::Ed25519KeyPair;
use uuid::Uuid;

fn key(seed: u8) -> (Ed25519KeyPair, PinnedKey) {
    let pair = Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap();
    let pin = PinnedKey::of(&pair);
    (pair, pin)
}

fn request() -> CommandRequest {
    CommandRequest {
        request: Uuid::from_u128(7),
        node: protocol::NodePath {
            region: "r".parse().unwrap(),
            site: "s".parse().unwrap(),
            node: "n".parse().unwrap(),
        },
        issued: "2026-07-01T10:00:00Z".parse().unwrap(),
        expires: "2026-07-01T10:05:00Z".parse().unwrap(),
        command: Command::TestAlarm {
            camera: "gate".parse().unwrap(),
        },
    }
}

#[test]
fn every_flipped_bit_is_refused() {
    let (pair, pin) = key(1);
    let signed = request().sign(&pair).unwrap();
    let pins = [pin];
    assert_eq!(CommandRequest::open(&signed, &pins).unwrap(), request());
    for byte in 0..signed.len() {
        for bit in 0..8 {
            let mut bent = signed.clone();
            bent[byte] ^= 1 << bit;
            if let Ok(opened) = CommandRequest::open(&bent, &pins) {
                panic!("byte {byte} bit {bit}: {opened:?}");
            }
        }
    }
}

#[test]
fn any_pinned_key_will_do_and_no_other() {
    let ((first, a), (second, b), (stranger, _)) = (key(1), key(2), key(3));
    let by = |pair| request().sign(pair).unwrap();
    let pins = [a.clone(), b];
    assert!(CommandRequest::open(&by(&first), &pins).is_ok());
    assert!(CommandRequest::open(&by(&second), &pins).is_ok());
    let refused = CommandRequest::open(&by(&stranger), &pins).unwrap_err();
    assert!(
        matches!(refused, InvalidCommand::Unsigned(Unsigned::UnknownKey(_))),
        "{refused}"
    );
    let refused = CommandRequest::open(&by(&second), &[a]).unwrap_err();
    assert!(
        matches!(refused, InvalidCommand::Unsigned(Unsigned::UnknownKey(_))),
        "{refused}"
    );
}

#[test]
fn a_strangers_signature_under_a_pinned_name_is_refused() {
    let ((_, pin), (stranger, theirs)) = (key(1), key(3));
    let signed = String::from_utf8(request().sign(&stranger).unwrap()).unwrap();
    let claimed = signed.replace(&theirs.id(), &pin.id());
    assert_ne!(signed, claimed);
    let refused = CommandRequest::open(claimed.as_bytes(), &[pin]).unwrap_err();
    assert!(
        matches!(refused, InvalidCommand::Unsigned(Unsigned::Signature)),
        "{refused}"
    );
}

#[test]
fn what_is_signed_and_not_understood_still_tells_its_request() {
    let (pair, pin) = key(1);
    let signed = String::from_utf8(request().sign(&pair).unwrap()).unwrap();
    let (_, body) = signed.split_once('\n').unwrap();
    let later = body.replace("test_alarm", "dance");
    let signature = pair.sign(&[b"safecity command v1\n", later.as_bytes()].concat());
    let signature = base64::Engine::encode(
        &base64::engine::general_purpose::STANDARD,
        signature.as_ref(),
    );
    let header = serde_json::json!({"key_id": pin.id(), "signature": signature});
    let refused = CommandRequest::open(format!("{header}\n{later}").as_bytes(), &[pin]);
    match refused.unwrap_err() {
        InvalidCommand::Body { request, why } => {
            assert_eq!(request, Some(Uuid::from_u128(7)));
            assert!(why.contains("dance"), "{why}");
        }
        other => panic!("{other}"),
    }
}

#[test]
fn a_key_reads_as_it_is_written() {
    let (_, pin) = key(1);
    let text = pin.to_string();
    assert_eq!(text.parse::<PinnedKey>().unwrap(), pin);
    for wrong in ["", "ed25519:", "ed25519:AAAA", &text[8..], "rsa:AAAA"] {
        assert!(wrong.parse::<PinnedKey>().is_err(), "{wrong:?}");
    }
}

#[test]
fn a_verdict_reads_as_it_is_documented() {
    let text = r#"{"kind":"verdict","camera":"gate","incident":"00000000-0000-0000-0000-000000000007","verdict":"false",
        "ignore":{"polygon":[[0.25,0.5],[0.5,0.5],[0.5,0.75]],"until":"2026-08-01T00:00:00Z"}}"#;
    let command: Command = serde_json::from_str(text).unwrap();
    let Command::Verdict {
        verdict, ignore, ..
    } = &command
    else {
        panic!("{command:?}")
    };
    assert_eq!(*verdict, protocol::Verdict::False);
    assert_eq!(ignore.as_ref().unwrap().polygon.as_ref().unwrap().len(), 3);
    let again: serde_json::Value = serde_json::to_value(&command).unwrap();
    assert_eq!(
        again,
        serde_json::from_str::<serde_json::Value>(text).unwrap()
    );
    let plain = text.split(",\n").next().unwrap().to_owned() + "}";
    let command: Command = serde_json::from_str(&plain).unwrap();
    assert!(matches!(command, Command::Verdict { ignore: None, .. }));
    assert_eq!(serde_json::to_string(&command).unwrap(), plain);
    assert!(serde_json::from_str::<Command>(&plain.replace("false", "perhaps")).is_err());
}
