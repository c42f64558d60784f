//! A configuration is kept before it is sent, left at the broker until its node has taken it, and numbered so that no earlier one is
//! taken again.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "what helps a test may fail like one"
)]

mod support;

use command_center::{
    command::Signer,
    store::{Outcome, Store},
};
use protocol::{DesiredConfig, PushReport, PushStage, ReportedConfig, Topic, Trial, Utc};
use support::sample::{Node, Sent, at, record};
use uuid::Uuid;

fn reported(node: &Node, number: u64, stage: PushStage) -> Sent {
    let said = ReportedConfig {
        bootid: node.bootid,
        time: at(1),
        revision: "sha256:00".to_owned(),
        confirmed: None,
        push: Some(PushReport {
            push: Uuid::nil(),
            number,
            stage,
            steps: Vec::new(),
            problems: Vec::new(),
        }),
        cameras: std::collections::BTreeMap::new(),
        refused: None,
    };
    node.sent(&Topic::ReportedConfig, &serde_json::to_vec(&said).unwrap())
}

async fn push(store: &Store, signer: &Signer, node: &Node, document: &str) -> Option<u64> {
    let what = (document.to_owned(), Trial::default());
    let pushed = store.push(
        signer.clone(),
        node.path.clone(),
        what,
        "desk".to_owned(),
        at(0),
    );
    pushed.await.unwrap().map(|(_, number)| number)
}

/// Documents that are due, opened as their node would.
async fn due(store: &Store, signer: &Signer, now: Utc) -> Vec<(u64, String)> {
    let due = store.due_pushes(now).await.unwrap();
    let opened = due.iter().map(|push| {
        let desired = DesiredConfig::open(&push.envelope, &[signer.public_key()]).unwrap();
        assert_eq!(push.topic, desired.node.topic(&Topic::DesiredConfig));
        (desired.number, desired.document)
    });
    opened.collect()
}

#[tokio::test]
async fn the_latest_document_is_due_again_and_again_until_its_node_has_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), 1 << 20).unwrap();
    let signer = Signer::generate(&folder.path().join("command.key")).unwrap();
    let (node, other) = (Node::new("box-1"), Node::new("box-2"));
    assert_eq!(
        push(&store, &signer, &node, "").await,
        None,
        "nobody has heard of it"
    );
    record(&store, &[&node.health(at(0), 0), &other.health(at(0), 0)]).await;
    assert_eq!(push(&store, &signer, &node, "# one").await, Some(1));
    assert_eq!(push(&store, &signer, &node, "# two").await, Some(2));
    let two = vec![(2, "# two".to_owned())];
    assert_eq!(due(&store, &signer, at(0)).await, two);
    assert_eq!(due(&store, &signer, at(4)).await, []);
    assert_eq!(due(&store, &signer, at(5)).await, two);
    // Another node's word is not this one's.
    record(&store, &[&reported(&other, 2, PushStage::Received)]).await;
    assert_eq!(due(&store, &signer, at(100)).await, two);
    let said = reported(&node, 2, PushStage::Received);
    assert_eq!(record(&store, &[&said]).await, [Outcome::Stored]);
    assert_eq!(due(&store, &signer, at(10_000)).await, []);
    let shown = store.config(node.path.clone()).await.unwrap().unwrap();
    let pushed = shown.pushed.unwrap();
    assert_eq!(
        (pushed.number, pushed.document.as_str(), pushed.taken),
        (2, "# two", true)
    );
    assert_eq!(
        shown.reported.unwrap().push.unwrap().stage,
        PushStage::Received
    );
    store.close().await;
}

#[tokio::test]
async fn a_centre_that_has_forgotten_goes_on_with_the_nodes_number() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), 1 << 20).unwrap();
    let signer = Signer::generate(&folder.path().join("command.key")).unwrap();
    let node = Node::new("box-1");
    record(&store, &[&reported(&node, 41, PushStage::Confirmed)]).await;
    assert_eq!(push(&store, &signer, &node, "# new").await, Some(42));
    store.close().await;
}
