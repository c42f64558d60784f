//! What a bundle proves, and that nothing in it can be changed, swapped or left out unseen.

use protocol::{
    NodePath, PinnedKey,
    custody::{BEGINNING, Bundle, Head, Manifest, Wrong, open, sha256_hex, sign, verify},
    incident::ClockQuality,
};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use ring::signature::Ed25519KeyPair;
use uuid::Uuid;

/// Tries of each test together.
const TRIES: usize = 10_000;

fn key(seed: u8) -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).expect("32 bytes are a seed")
}

fn node() -> NodePath {
    let name = |text: &str| text.parse().expect("a name");
    NodePath {
        region: name("r"),
        site: name("s"),
        node: name("n"),
    }
}

/// Two incidents that overlap: of the other one only manifests are in the bundle.
fn bundle() -> Bundle {
    let (mut manifests, mut items) = (Vec::<Vec<u8>>::new(), Vec::new());
    for i in 0..6_u64 {
        let bytes: Vec<u8> = (0..300 + 200 * i).map(|b| (b * (i + 3)) as u8).collect();
        let manifest = Manifest {
            node: node(),
            chain: Uuid::from_u128(3),
            number: 40 + i,
            previous: manifests.last().map_or(BEGINNING.into(), |m| sha256_hex(m)),
            incident: Uuid::from_u128(if i == 2 { 8 } else { 7 }),
            item: format!("part-{i}"),
            sha256: sha256_hex(&bytes),
            bytes: bytes.len() as u64,
            config_revision: "sha256:1".into(),
            model_sha256: "2".into(),
            capture: "2026-07-01T10:00:00Z".parse().expect("a time"),
            made: "2026-07-01T10:00:01Z".parse().expect("a time"),
            clock: ClockQuality {
                synchronised: true,
                estimated_error_ms: None,
            },
        };
        if i != 2 {
            items.push((manifest.item.clone(), bytes));
        }
        manifests.push(sign(manifest, &key(1)).expect("it is plain"));
    }
    let head = Head {
        node: node(),
        key: PinnedKey::of(&key(1)).to_string(),
        signer: String::new(),
        incident: Uuid::from_u128(7),
        manifests: 0,
        last: String::new(),
        missing: Vec::new(),
        made: "2026-07-01T11:00:00Z".parse().expect("a time"),
    };
    Bundle::sign(head, manifests, items, &key(9)).expect("it is plain")
}

/// The same with another head.
fn signed_anew(whole: &Bundle, change: impl FnOnce(&mut Head)) -> Bundle {
    let signer = PinnedKey::of(&key(9));
    let mut head: Head = open(&whole.head, &signer).expect("its own head");
    change(&mut head);
    Bundle {
        head: sign(head, &key(9)).expect("it is plain"),
        ..whole.clone()
    }
}

#[test]
fn a_whole_bundle_is_verified_and_says_whether_its_key_is_known() {
    let file = bundle().encode().expect("it is written");
    let found = verify(&file, &[]).expect("whole");
    assert_eq!((found.items, found.known_key), (5, false));
    let known = [PinnedKey::of(&key(2)), PinnedKey::of(&key(1))];
    assert!(verify(&file, &known).expect("whole").known_key);
    assert!(!verify(&file, &known[..1]).expect("whole").known_key);
}

#[test]
fn every_change_swap_and_deletion_is_found() {
    let whole = bundle();
    let file = whole.encode().expect("it is written");
    let mut random = StdRng::seed_from_u64(6);
    for attempt in 0..TRIES {
        let mut bad = file.clone();
        match attempt % 5 {
            0 => bad[random.random_range(0..file.len())] ^= random.random_range(1..=255_u8),
            1 => drop(bad.remove(random.random_range(0..file.len()))),
            2 => {
                let (a, b) = (
                    random.random_range(0..file.len()),
                    random.random_range(0..file.len()),
                );
                bad.swap(a, b);
            }
            way => {
                let mut apart = whole.clone();
                let (m, i) = (apart.manifests.len(), apart.items.len());
                let (a, b) = (random.random_range(0..m), random.random_range(0..m));
                match (way, random.random_range(0..2)) {
                    (3, 0) => apart.manifests.swap(a, b),
                    (3, _) => apart.items.swap(a % i, b % i),
                    (_, 0) => drop(apart.manifests.remove(a)),
                    (_, _) => drop(apart.items.remove(a % i)),
                }
                bad = apart.encode().expect("it is written");
            }
        }
        assert!(
            bad == file || verify(&bad, &[]).is_err(),
            "attempt {attempt}"
        );
    }
}

#[test]
fn it_names_what_is_wrong() {
    let whole = bundle();
    let found = |change: fn(&mut Bundle)| {
        let mut bad = whole.clone();
        change(&mut bad);
        verify(&bad.encode().expect("it is written"), &[]).expect_err("changed")
    };
    let text = |change| found(change).to_string();
    assert_eq!(
        text(|b| b.items[2].1[5] ^= 1),
        r#"item "part-3" is not what was signed"#
    );
    assert!(text(|b| drop(b.items.pop())).contains(r#"item "part-5" is missing"#));
    assert!(text(|b| b.items.push(("x".into(), vec![1]))).contains("has no manifest"));
    assert!(matches!(
        found(|b| b.manifests.swap(1, 2)),
        Wrong::Order { place: 2, .. }
    ));
    assert!(matches!(
        found(|b| drop(b.manifests.pop())),
        Wrong::Order { place: 5, .. }
    ));
    let mut file = whole.encode().expect("it is written");
    file.push(0);
    assert_eq!(verify(&file, &[]), Err(Wrong::Byte(file.len() - 1)));
}

#[test]
fn what_a_bundle_lacks_is_named_in_its_head() {
    let whole = bundle();
    let mut without = signed_anew(&whole, |head| head.missing = vec![43]);
    let file = without.encode().expect("it is written");
    let found = verify(&file, &[]).expect_err("it is there all the same");
    assert!(
        found.to_string().contains("\"part-4\" is missing"),
        "{found}"
    );
    drop(without.items.remove(2));
    let file = without.encode().expect("it is written");
    let found = verify(&file, &[]).expect("it says what it lacks");
    assert_eq!((found.items, found.missing), (4, vec!["part-3".to_owned()]));
    let unknown = signed_anew(&whole, |head| head.missing = vec![42]);
    let found = verify(&unknown.encode().expect("it is written"), &[]).expect_err("not its own");
    assert!(found.to_string().contains("does not know"), "{found}");
}

#[test]
fn a_key_of_another_node_does_not_fit() {
    let other = PinnedKey::of(&key(2)).to_string();
    let bad = signed_anew(&bundle(), |head| head.key = other);
    let found = verify(&bad.encode().expect("it is written"), &[]).expect_err("another key");
    assert!(found.to_string().contains("does not fit"), "{found}");
}
