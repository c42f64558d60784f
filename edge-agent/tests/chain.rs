//! What a node signs stands in one chain, kept together with what is signed, over restarts, keys and damage.
#![allow(clippy::unwrap_used, reason = "what helps a test may fail like one")]

use std::{collections::HashSet, fs, path::Path};

use edge_agent::{
    custody::{Attest, Custodian},
    spool::{Class, NewRecord, Quota, Spool, SpoolError, Store},
};
use protocol::{
    IncidentEvent, NodePath, PinnedKey, Severity,
    custody::{BEGINNING, Custody, Manifest, open, sha256_hex},
};
use uuid::Uuid;

fn node() -> NodePath {
    let name = |text: &str| text.parse().unwrap();
    NodePath {
        region: name("r"),
        site: name("s"),
        node: name("n"),
    }
}

fn store(folder: &Path) -> Store {
    let mut store = unsigned(folder);
    store.sign_as(Custodian::open(folder, node()).unwrap());
    store
}

fn unsigned(folder: &Path) -> Store {
    let path = folder.join("spool.db");
    Store::open(&path, Quota::default(), Uuid::new_v4()).unwrap()
}

/// A message of an incident, with a snapshot announced.
fn message() -> NewRecord {
    let sample = include_bytes!("../../protocol/samples/v1/incident-opened.json");
    let mut event: IncidentEvent = serde_json::from_slice(sample).unwrap();
    event.id = Uuid::now_v7();
    NewRecord {
        attest: Some(Attest::of(&event)),
        class: Class::Incident,
        severity: Severity::Alarm,
        topic: "incident".to_owned(),
        payload: Box::new(move |bootid, seq| {
            serde_json::to_vec(&IncidentEvent {
                bootid,
                seq,
                ..event
            })
            .unwrap()
        }),
    }
}

fn append(store: &mut Store) {
    store
        .transaction(|store| store.append(message()).map(drop))
        .unwrap();
}

/// What waits: messages, and the manifests in their order with the key that they name.
fn waiting(store: &mut Store) -> (Vec<Vec<u8>>, Vec<(String, String)>) {
    let records = store.pending(1000, &HashSet::new()).unwrap();
    let (signed, messages): (Vec<_>, Vec<_>) = records
        .into_iter()
        .partition(|record| record.topic.ends_with("/custody"));
    let lines = signed.into_iter().flat_map(|record| {
        let custody: Custody = serde_json::from_slice(&record.payload).unwrap();
        assert_eq!((custody.bootid, custody.seq), (record.bootid, record.seq));
        let key = custody.key;
        let lines = custody.manifests.into_iter();
        lines.map(move |line| (key.clone(), line))
    });
    let messages = messages.into_iter().map(|record| record.payload);
    (messages.collect(), lines.collect())
}

fn manifest((key, line): &(String, String)) -> Manifest {
    open(line.as_bytes(), &key.parse::<PinnedKey>().unwrap()).unwrap()
}

/// Chain and number of each manifest; each names the one before it.
fn places(lines: &[(String, String)]) -> Vec<(Uuid, u64)> {
    let mut before: Option<(Uuid, String)> = None;
    let places = lines.iter().map(|line| {
        let found = manifest(line);
        let previous = match &before {
            Some((chain, hash)) if *chain == found.chain => hash.clone(),
            _ => BEGINNING.to_owned(),
        };
        assert_eq!(found.previous, previous);
        before = Some((found.chain, sha256_hex(line.1.as_bytes())));
        (found.chain, found.number)
    });
    places.collect()
}

#[test]
fn every_message_and_its_evidence_is_signed_for_and_chained_over_restarts() {
    let folder = tempfile::tempdir().unwrap();
    for _ in 0..3 {
        append(&mut store(folder.path()));
    }
    let (messages, lines) = waiting(&mut store(folder.path()));
    let places = places(&lines);
    let chain = places[0].0;
    let whole: Vec<_> = (1..=6).map(|number| (chain, number)).collect();
    assert_eq!(places, whole);
    for (message, pair) in messages.iter().zip(lines.chunks(2)) {
        let (event, snapshot) = (manifest(&pair[0]), manifest(&pair[1]));
        assert_eq!(event.sha256, sha256_hex(message));
        assert_eq!(event.bytes, message.len() as u64);
        assert_eq!(
            event.config_revision,
            "sha256:9f86d081884c7d659a2feaa0c55ad015"
        );
        assert_eq!(
            (snapshot.item.as_str(), snapshot.bytes),
            ("snapshot", 48_211)
        );
        assert_eq!(snapshot.incident, event.incident);
    }
}

#[test]
fn what_is_not_kept_leaves_no_trace_in_the_chain() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = store(folder.path());
    append(&mut store);
    let failed = store.transaction(|store| {
        store.append(message())?;
        Err(SpoolError::Disk("the disk fails".to_owned()))
    });
    assert!(failed.is_err());
    append(&mut store);
    let (messages, lines) = waiting(&mut store);
    assert_eq!(messages.len(), 2);
    let numbers: Vec<u64> = places(&lines).into_iter().map(|(_, n)| n).collect();
    assert_eq!(numbers, [1, 2, 3, 4]);
}

#[test]
fn another_chain_begins_where_the_key_or_the_chains_end_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    append(&mut store(folder.path()));
    fs::remove_file(folder.path().join("node.key")).unwrap();
    append(&mut store(folder.path()));
    let path = folder.path().join("spool.db");
    let mut bytes = fs::read(&path).unwrap();
    bytes.truncate(bytes.len() - 2048);
    fs::write(&path, bytes).unwrap();
    let mut store = store(folder.path());
    assert!(
        store.stats().salvaged.is_some(),
        "the damage was not noticed"
    );
    append(&mut store);
    let (_, lines) = waiting(&mut store);
    let last = places(&lines)[lines.len() - 2..].to_vec();
    let keys: HashSet<&String> = lines.iter().map(|(key, _)| key).collect();
    let chains: HashSet<Uuid> = lines.iter().map(|line| manifest(line).chain).collect();
    assert_eq!(last.iter().map(|(_, n)| *n).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(keys.len(), 2, "the last two chains have the same key");
    assert!(chains.len() >= 2, "{chains:?}");
}

#[test]
fn a_spool_without_a_key_signs_nothing_and_goes_on_later() {
    let folder = tempfile::tempdir().unwrap();
    append(&mut unsigned(folder.path()));
    append(&mut store(folder.path()));
    let (messages, lines) = waiting(&mut store(folder.path()));
    assert_eq!((messages.len(), lines.len()), (2, 2));
}

#[test]
fn the_key_is_made_once_for_its_owner_alone_and_a_broken_one_is_named() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let made = Custodian::open(folder.path(), node()).unwrap();
    let path = folder.path().join("node.key");
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
    let read = Custodian::open(folder.path(), node()).unwrap();
    assert_eq!(made.public_key(), read.public_key());
    assert!(!format!("{read:?}").contains("KeyPair"), "{read:?}");
    fs::write(&path, "no key").unwrap();
    let why = Custodian::open(folder.path(), node())
        .unwrap_err()
        .to_string();
    assert!(
        why.contains("node.key") && why.contains("new chain"),
        "{why}"
    );
    assert_eq!(fs::read(&path).unwrap(), b"no key", "it was written over");
}

#[test]
fn messages_that_share_a_commit_keep_the_order_of_the_chain() {
    let folder = tempfile::tempdir().unwrap();
    let (spool, worker) = Spool::open(&folder.path().join("spool.db"), Quota::default()).unwrap();
    let custodian = Custodian::open(folder.path(), node()).unwrap();
    let thread = std::thread::spawn(|| worker.signing_as(custodian).run());
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.unwrap().block_on(async {
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..50 {
            let spool = spool.clone();
            tasks.spawn(async move { spool.append(vec![message()]).await.unwrap().len() });
        }
        assert_eq!(tasks.join_all().await, [1; 50]);
    });
    drop(spool);
    thread.join().unwrap();
    let (messages, lines) = waiting(&mut unsigned(folder.path()));
    let numbers: Vec<u64> = places(&lines).into_iter().map(|(_, n)| n).collect();
    assert_eq!(messages.len(), 50);
    assert_eq!(numbers, (1..=100).collect::<Vec<u64>>());
}
