//! A command is kept before it is sent, repeated until its receipt, and answered by its own node only.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "what helps a test may fail like one"
)]

mod support;

use std::path::Path;

use command_center::{
    command::Signer,
    store::{Outcome, Store},
    view::{CommandState, NodeView},
};
use protocol::{Command, CommandOutcome, CommandRequest, Receipt, Topic, Utc};
use support::sample::{Node, Sent, at, record};
use uuid::Uuid;

fn signer(folder: &Path) -> Signer {
    Signer::generate(&folder.join("command.key")).unwrap()
}

fn snapshot() -> Command {
    Command::Snapshot {
        camera: "north".parse().unwrap(),
    }
}

fn receipt(node: &mut Node, request: Uuid, outcome: CommandOutcome) -> Sent {
    let answer = Receipt {
        bootid: node.bootid,
        seq: node.next_seq(),
        request,
        outcome,
        reason: None,
        incident: None,
        evidence: Vec::new(),
        ignored: Vec::new(),
        preview: None,
        received: at(1),
        answered: at(1),
    };
    node.sent(
        &Topic::Receipt { request },
        &serde_json::to_vec(&answer).unwrap(),
    )
}

/// Gives a command at second `second`; its request.
async fn give(store: &Store, signer: &Signer, node: &Node, second: i64) -> (Uuid, bool) {
    let signed = signer
        .sign(node.path.clone(), snapshot(), at(second))
        .unwrap();
    let request = signed.request.request;
    let known = store.give_command(signed, "desk".to_owned(), at(second));
    (request, known.await.unwrap())
}

async fn view(store: &Store, name: &str) -> NodeView {
    let nodes = store.nodes().await.unwrap();
    nodes.into_iter().find(|node| node.node == name).unwrap()
}

async fn due(store: &Store, now: Utc) -> Vec<Uuid> {
    let due = store.due_commands(now).await.unwrap();
    due.into_iter().map(|command| command.request).collect()
}

#[tokio::test]
async fn a_command_is_due_again_and_again_until_its_receipt_comes() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), 1 << 20).unwrap();
    let signer = signer(folder.path());
    let mut node = Node::new("box-1");
    record(&store, &[&node.health(at(0), 0)]).await;
    let (request, known) = give(&store, &signer, &node, 0).await;
    assert!(known);
    let first = store.due_commands(at(0)).await.unwrap();
    let opened = CommandRequest::open(&first[0].envelope, &[signer.public_key()]).unwrap();
    assert_eq!((opened.request, opened.node), (request, node.path.clone()));
    assert_eq!(due(&store, at(1)).await, [] as [Uuid; 0]);
    assert_eq!(due(&store, at(2)).await, [request]);
    assert_eq!(due(&store, at(5)).await, [] as [Uuid; 0]);
    assert_eq!(due(&store, at(6)).await, [request]);
    // Past its life it would only be refused.
    assert_eq!(due(&store, at(301)).await, [] as [Uuid; 0]);
    let shown = &view(&store, "box-1").await.commands[0];
    assert_eq!((shown.state, shown.attempts), (CommandState::Waiting, 3));

    let answer = receipt(&mut node, request, CommandOutcome::Done);
    assert_eq!(record(&store, &[&answer]).await, [Outcome::Stored]);
    assert_eq!(due(&store, at(20)).await, [] as [Uuid; 0]);
    let again = receipt(&mut node, request, CommandOutcome::Done);
    assert_eq!(record(&store, &[&again]).await, [Outcome::Duplicate]);
    let node = view(&store, "box-1").await;
    assert_eq!(node.commands[0].state, CommandState::Done);
    assert_eq!(node.gaps, [], "receipts have places in the order");
    store.close().await;
}

#[tokio::test]
async fn another_nodes_receipt_answers_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), 1 << 20).unwrap();
    let signer = signer(folder.path());
    let (node, mut other) = (Node::new("box-1"), Node::new("box-2"));
    record(&store, &[&node.health(at(0), 0), &other.health(at(0), 0)]).await;
    let (request, _) = give(&store, &signer, &node, 0).await;
    let forged = receipt(&mut other, request, CommandOutcome::Done);
    record(&store, &[&forged]).await;
    let shown = &view(&store, "box-1").await.commands[0];
    assert_eq!(shown.state, CommandState::Waiting);
    store.close().await;
}

#[tokio::test]
async fn a_command_to_nobody_is_not_kept() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), 1 << 20).unwrap();
    let signer = signer(folder.path());
    let (_, known) = give(&store, &signer, &Node::new("box-9"), 0).await;
    assert!(!known);
    assert_eq!(due(&store, at(0)).await, [] as [Uuid; 0]);
    store.close().await;
}
