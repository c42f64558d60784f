//! What is missing of a node's messages: holes until they come, or until the node says that they will not.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "what helps a test may fail like one"
)]

mod support;

use command_center::{
    store::{Outcome, Store},
    view::Gap,
};
use protocol::{IncidentState, Tombstone, Topic};
use support::sample::{Node, Sent, at, record, record_at};
use uuid::Uuid;

fn open(folder: &tempfile::TempDir) -> Store {
    Store::open(folder.path(), 1 << 20).unwrap()
}

#[tokio::test]
async fn missing_numbers_show_as_gaps_until_they_come() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    let mut node = Node::new("box-1");
    let events: Vec<_> = (0..6)
        .map(|i| node.event(Uuid::now_v7(), IncidentState::Opened, at(i)))
        .collect();
    let sent: Vec<_> = events.iter().map(|e| node.send_event(e)).collect();
    record(&store, &[&sent[1], &sent[5], &sent[2]]).await;
    let missing = |gaps: &[Gap]| gaps.iter().map(|g| (g.first, g.last)).collect::<Vec<_>>();
    let nodes = store.nodes().await.unwrap();
    assert_eq!(missing(&nodes[0].gaps), [(1, 1), (4, 5)]);
    record(&store, &[&sent[4], &sent[0]]).await;
    let nodes = store.nodes().await.unwrap();
    assert_eq!(missing(&nodes[0].gaps), [(4, 4)]);
    record(&store, &[&sent[3]]).await;
    assert!(store.nodes().await.unwrap()[0].gaps.is_empty());
}

#[tokio::test]
async fn the_last_of_a_nodes_messages_are_missed_too() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    let mut node = Node::new("box-1");
    let events: Vec<_> = (0..3)
        .map(|i| node.event(Uuid::now_v7(), IncidentState::Opened, at(i)))
        .collect();
    let sent: Vec<_> = events.iter().map(|e| node.send_event(e)).collect();
    // Its figures tell of three, one has come.
    record_at(&store, &[&sent[0], &node.health(at(3), 0)], at(3)).await;
    assert_eq!(store.nodes().await.unwrap()[0].gaps, [], "on their way");
    record_at(&store, &[&node.health(at(13), 0)], at(13)).await;
    let gap = store.nodes().await.unwrap()[0].gaps.remove(0);
    assert_eq!((gap.first, gap.last, gap.since), (2, 3, at(3)));
    record_at(&store, &[&sent[2], &sent[1]], at(14)).await;
    assert_eq!(store.nodes().await.unwrap()[0].gaps, []);
}

fn tombstone(node: &Node, seqs: &[[u64; 2]], class: &str) -> Sent {
    let said = Tombstone {
        bootid: node.bootid,
        seqs: seqs.to_vec(),
        class: class.to_owned(),
        reason: "quota".to_owned(),
        bytes: 7,
        time: at(9),
    };
    node.sent(&Topic::Tombstone, &serde_json::to_vec(&said).unwrap())
}

#[tokio::test]
async fn numbers_that_were_given_up_are_not_missed_and_are_counted_once() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    let mut node = Node::new("box-1");
    let sent: Vec<_> = (0..9)
        .map(|i| node.event(Uuid::now_v7(), IncidentState::Opened, at(i)))
        .collect();
    let sent: Vec<_> = sent.iter().map(|e| node.send_event(e)).collect();
    // Of 9 numbers 1, 5 and 9 come.
    record(&store, &[&sent[0], &sent[4], &sent[8]]).await;
    let clips = tombstone(&node, &[[2, 3], [6, 6]], "clip");
    // Said again, as after a lost acknowledgement, together with what was given up since.
    let again = tombstone(&node, &[[2, 4], [6, 7]], "clip");
    let senseless = tombstone(&node, &[[3, 2]], "clip");
    let outcomes = record(&store, &[&clips, &clips, &again, &senseless]).await;
    assert_eq!(
        outcomes,
        [
            Outcome::Stored,
            Outcome::Duplicate,
            Outcome::Stored,
            Outcome::Parked("seqs do not rise from 1".to_owned())
        ]
    );
    record(&store, &[&tombstone(&node, &[[8, 8]], "snapshot")]).await;
    let seen = store.nodes().await.unwrap().remove(0);
    assert_eq!(seen.gaps, []);
    let given_up: Vec<_> = seen
        .given_up
        .iter()
        .map(|g| (g.class.as_str(), g.messages))
        .collect();
    assert_eq!(given_up, [("clip", 5), ("snapshot", 1)]);
    assert_eq!(seen.duplicates, 1);
    // Given up while it was on its way, and here all the same.
    assert_eq!(record(&store, &[&sent[3]]).await, [Outcome::Stored]);
}

#[tokio::test]
async fn a_database_of_the_first_version_is_brought_up_to_date() {
    let folder = tempfile::tempdir().unwrap();
    let mut node = Node::new("box-1");
    let event = node.event(Uuid::now_v7(), IncidentState::Opened, at(0));
    let event = node.send_event(&event);
    let store = open(&folder);
    record(&store, &[&event]).await;
    store.close().await;
    let path = folder.path().join("centre.sqlite3");
    let old = rusqlite::Connection::open(path).unwrap();
    old.execute_batch(
        "DROP TABLE given_up; DROP TABLE command; DROP TABLE tail; DROP TABLE totals; DROP TABLE verdict; DROP TABLE manifest; DROP TABLE chain; DROP TABLE config_push; DROP TABLE config_report; DROP TABLE user_grant; ALTER TABLE user DROP COLUMN disabled_us; ALTER TABLE user DROP COLUMN totp; ALTER TABLE user DROP COLUMN totp_offered; ALTER TABLE user DROP COLUMN totp_step; DROP INDEX session_by_user; ALTER TABLE session DROP COLUMN begun_us; DROP INDEX audit_by_user; ALTER TABLE audit DROP COLUMN hash; PRAGMA user_version = 1;",
    )
    .unwrap();
    drop(old);
    let store = open(&folder);
    let outcomes = record(&store, &[&event, &tombstone(&node, &[[2, 2]], "clip")]).await;
    assert_eq!(outcomes, [Outcome::Duplicate, Outcome::Stored]);
}

#[tokio::test]
async fn a_new_boot_counts_anew() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    let mut node = Node::new("box-1");
    let first = node.event(Uuid::now_v7(), IncidentState::Opened, at(0));
    let first = node.send_event(&first);
    (node.bootid, node.seq) = (Uuid::new_v4(), 2);
    let third = node.event(Uuid::now_v7(), IncidentState::Opened, at(5));
    let third = node.send_event(&third);
    record(&store, &[&first, &third]).await;
    let gaps = store.nodes().await.unwrap().remove(0).gaps;
    assert_eq!(gaps.len(), 1);
    assert_eq!(
        (gaps[0].bootid, gaps[0].first, gaps[0].last),
        (node.bootid, 1, 2)
    );
}
