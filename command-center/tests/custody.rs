//! Nodes' signed manifests are checked as they come, gaps and breaks in their chain are shown, and a bundle of an
//! incident proves what it holds.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "what helps a test may fail like one"
)]

mod support;

use std::path::Path;

use command_center::{
    Centre,
    command::Signer,
    config,
    store::{Outcome, Store},
    view::ChainView,
};
use protocol::{
    IncidentEvent, IncidentState, PinnedKey, Topic, Utc,
    custody::{BEGINNING, Custody, Manifest, sha256_hex, sign, verify},
    incident::ClockQuality,
};
use ring::signature::Ed25519KeyPair;
use serde_json::json;
use support::{
    http::Client,
    process::free_port,
    sample::{Node, Sent, administrator, at, record},
};
use uuid::Uuid;

const PASSWORD: &str = "correct horse battery";

fn key(seed: u8) -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap()
}

/// A node's chain as it grows.
struct Chain {
    key: Ed25519KeyPair,
    id: Uuid,
    lines: Vec<String>,
}

impl Chain {
    fn new(seed: u8) -> Self {
        Chain {
            key: key(seed),
            id: Uuid::new_v4(),
            lines: Vec::new(),
        }
    }

    /// Signs for an item.
    fn sign(&mut self, node: &Node, incident: Uuid, item: String, bytes: &[u8]) -> String {
        let previous = self.lines.last().map(|line| sha256_hex(line.as_bytes()));
        let manifest = Manifest {
            node: node.path.clone(),
            chain: self.id,
            number: self.lines.len() as u64 + 1,
            previous: previous.unwrap_or_else(|| BEGINNING.to_owned()),
            incident,
            item,
            sha256: sha256_hex(bytes),
            bytes: bytes.len() as u64,
            config_revision: "sha256:1".to_owned(),
            model_sha256: "2".to_owned(),
            capture: at(0),
            made: at(1),
            clock: ClockQuality {
                synchronised: true,
                estimated_error_ms: None,
            },
        };
        let line = String::from_utf8(sign(manifest, &self.key).unwrap()).unwrap();
        self.lines.push(line.clone());
        line
    }

    fn sent(&self, node: &mut Node, manifests: Vec<String>) -> Sent {
        let custody = Custody {
            bootid: node.bootid,
            seq: node.next_seq(),
            key: PinnedKey::of(&self.key).to_string(),
            manifests,
        };
        node.sent(&Topic::Custody, &serde_json::to_vec(&custody).unwrap())
    }

    /// An event and its manifest.
    fn event(&mut self, node: &mut Node, event: &IncidentEvent) -> [Sent; 2] {
        let message = node.send_event(event);
        let item = format!("event-{}", event.id);
        let line = self.sign(node, event.data.incident_id, item, &message.1);
        [message, self.sent(node, vec![line])]
    }
}

async fn chains(store: &Store) -> Vec<ChainView> {
    store.nodes().await.unwrap()[0].chains.clone()
}

fn open(folder: &Path) -> Store {
    Store::open(folder, 1 << 20).unwrap()
}

#[tokio::test]
async fn manifests_are_taken_in_any_order_and_what_is_missing_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let (mut node, mut chain) = (Node::new("box-1"), Chain::new(1));
    let incident = Uuid::now_v7();
    let lines: Vec<String> = (0..4)
        .map(|i| chain.sign(&node, incident, format!("part-{i}"), b"x"))
        .collect();
    let [first, second, third, fourth] = [0, 1, 2, 3].map(|i| lines[i].clone());
    let ahead = chain.sent(&mut node, vec![third, fourth]);
    let begun = chain.sent(&mut node, vec![first]);
    assert_eq!(
        record(&store, &[&ahead, &begun, &begun]).await,
        [Outcome::Stored, Outcome::Stored, Outcome::Duplicate]
    );
    let shown = chains(&store).await;
    assert_eq!(
        (shown[0].manifests, shown[0].missing, shown[0].breaks),
        (3, 1, 0)
    );
    let late = chain.sent(&mut node, vec![second]);
    record(&store, &[&late]).await;
    let shown = chains(&store).await;
    assert_eq!(
        (shown[0].manifests, shown[0].missing, shown[0].breaks),
        (4, 0, 0)
    );
    assert_eq!(shown[0].key, PinnedKey::of(&key(1)).to_string());
}

#[tokio::test]
async fn what_is_forged_or_foreign_is_set_aside_and_a_break_is_shown() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let (mut node, mut chain) = (Node::new("box-1"), Chain::new(1));
    let incident = Uuid::now_v7();
    let line = chain.sign(&node, incident, "a".to_owned(), b"x");
    let forged = line.replace("\"bytes\":1", "\"bytes\":2");
    assert_ne!(forged, line);
    let forged = chain.sent(&mut node, vec![forged]);
    let foreign = chain.sign(&Node::new("box-2"), incident, "b".to_owned(), b"x");
    let foreign = chain.sent(&mut node, vec![foreign]);
    let first = chain.sent(&mut node, vec![line]);
    // The same number once more, of another item.
    chain.lines.clear();
    let twice = chain.sign(&node, incident, "c".to_owned(), b"x");
    let twice = chain.sent(&mut node, vec![twice]);
    // Its second, which follows what nobody has seen.
    let broken = chain.sign(&node, incident, "d".to_owned(), b"x");
    let broken = chain.sent(&mut node, vec![broken]);
    // The same chain in the name of another key.
    let mut stolen = Chain::new(2);
    stolen.id = chain.id;
    stolen.lines.extend(["1".to_owned(), "2".to_owned()]);
    let stolen_line = stolen.sign(&node, incident, "e".to_owned(), b"x");
    let stolen = stolen.sent(&mut node, vec![stolen_line]);
    let all = [&forged, &foreign, &first, &twice, &broken, &stolen];
    let outcomes = record(&store, &all).await;
    let reason = |i: usize| match &outcomes[i] {
        Outcome::Parked(reason) => reason.clone(),
        other => panic!("{i}: {other:?}"),
    };
    assert!(
        reason(0).contains("signature that does not fit"),
        "{}",
        reason(0)
    );
    assert!(reason(1).contains("box-2"), "{}", reason(1));
    assert!(reason(3).contains("signed twice"), "{}", reason(3));
    assert!(reason(5).contains("another key"), "{}", reason(5));
    assert_eq!([&outcomes[2], &outcomes[4]], [&Outcome::Stored; 2]);
    let shown = chains(&store).await;
    assert_eq!(
        (shown.len(), shown[0].manifests, shown[0].breaks),
        (1, 2, 1)
    );
}

#[tokio::test]
async fn a_number_that_no_chain_reaches_is_set_aside() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let mut node = Node::new("box-1");
    for number in [0, (1 << 53) + 2] {
        let mut chain = Chain::new(1);
        let line = chain.sign(&node, Uuid::now_v7(), "a".to_owned(), b"x");
        let mut manifest: Manifest =
            protocol::custody::open(line.as_bytes(), &PinnedKey::of(&chain.key)).unwrap();
        manifest.number = number;
        let line = String::from_utf8(sign(manifest, &chain.key).unwrap()).unwrap();
        let sent = chain.sent(&mut node, vec![line]);
        let outcomes = record(&store, &[&sent]).await;
        let Outcome::Parked(reason) = &outcomes[0] else {
            panic!("{number}: {outcomes:?}");
        };
        assert!(reason.contains(&number.to_string()), "{reason}");
    }
    assert!(
        store.nodes().await.unwrap().is_empty(),
        "nothing of it is kept"
    );
}

/// A centre with a key, and somebody who is signed in.
async fn start(folder: &Path) -> (Centre, Client) {
    Signer::generate(&folder.join("command.key")).unwrap();
    let text = format!(
        "data_dir = \"data\"\n[commands]\nkey_file = \"command.key\"\n[web]\nlisten = \"127.0.0.1:0\"\n[mqtt]\n\
         host = \"127.0.0.1\"\nport = {}\n",
        free_port()
    );
    let settings = config::parse(&text, folder).unwrap();
    let centre = Centre::start(settings).await.unwrap();
    let hash = command_center::password::hash(PASSWORD).unwrap();
    let added = centre.store().add_user(
        "test".to_owned(),
        "desk".to_owned(),
        hash,
        administrator(),
        at(0),
    );
    added.await.unwrap();
    let mut client = Client::new(centre.address());
    let form = json!({"name": "desk", "password": PASSWORD});
    assert_eq!(client.sign_in("/api/login", &form).await.status, 200);
    (centre, client)
}

#[tokio::test]
async fn a_bundle_holds_what_is_here_as_it_was_signed_and_taking_it_is_audited() {
    let folder = tempfile::tempdir().unwrap();
    let (centre, client) = start(folder.path()).await;
    let (mut node, mut chain) = (Node::new("box-1"), Chain::new(1));
    let (incident, other) = (Uuid::now_v7(), Uuid::now_v7());
    let opened = node.event(incident, IncidentState::Opened, Utc::now());
    // What a later version of the node says besides must not be lost: it was signed for.
    let mut more: serde_json::Value = serde_json::to_value(&opened).unwrap();
    more["data"]["weather"] = json!("rain");
    let topic = node.send_event(&opened).0;
    let opened_text = more.to_string();
    let item = format!("event-{}", opened.id);
    let line = chain.sign(&node, incident, item, opened_text.as_bytes());
    let path = format!("/api/incidents/{incident}/bundle");
    assert_eq!(client.get(&path).await.status, 404);
    record(centre.store(), &[&(topic, opened_text.into_bytes())]).await;
    assert_eq!(
        client.get(&path).await.status,
        409,
        "nothing signed is here"
    );
    let signed = chain.sent(&mut node, vec![line]);
    let between = node.event(other, IncidentState::Opened, Utc::now());
    let between = chain.event(&mut node, &between);
    let snapshot = chain.sign(&node, incident, "snapshot".to_owned(), b"never came");
    let snapshot = chain.sent(&mut node, vec![snapshot]);
    let closed = node.event(incident, IncidentState::Closed, Utc::now());
    let closed = chain.event(&mut node, &closed);
    let all = [
        &signed,
        &between[0],
        &between[1],
        &snapshot,
        &closed[0],
        &closed[1],
    ];
    record(centre.store(), &all).await;

    let answer = client.get(&path).await;
    assert_eq!(answer.status, 200);
    let found = verify(&answer.body, &[PinnedKey::of(&key(1))]).unwrap();
    assert!(found.known_key);
    assert_eq!((found.head.manifests, found.items), (4, 2));
    assert_eq!(found.missing, ["snapshot"]);
    let signer = Signer::read(&folder.path().join("command.key")).unwrap();
    assert_eq!(found.head.signer, signer.public_key().to_string());
    let detail = client
        .get(&format!("/api/incidents/{incident}"))
        .await
        .json();
    assert_eq!(detail["manifests"], 3);
    let history = detail["history"].as_array().unwrap();
    let taken = history.iter().filter(|deed| deed["action"] == "bundled");
    assert_eq!(taken.count(), 1, "{history:?}");
    centre.stop().await;
}
