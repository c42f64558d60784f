//! What the store makes of messages: once each, whatever the order, and nothing lost in silence.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "what helps a test may fail like one"
)]

mod support;

use command_center::{
    role::Reach,
    store::{ChangeBatch, IncidentQuery, Outcome, Store, StoreError},
    view::{EndingBasis, Snapshot},
};
use protocol::{IncidentState, NodeState, Severity};
use support::sample::{Node, administrator, announce, announce_part, at, hex, record};
use uuid::Uuid;

const EVIDENCE_MAX: u64 = 1 << 20;

fn open(folder: &tempfile::TempDir) -> Store {
    Store::open(folder.path(), EVIDENCE_MAX).unwrap()
}

async fn list(store: &Store) -> Vec<command_center::view::IncidentSummary> {
    let query = IncidentQuery {
        limit: 100,
        reach: Reach::everything(),
        ..IncidentQuery::default()
    };
    store.incidents(query).await.unwrap().incidents
}

#[tokio::test]
async fn a_duplicate_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    let mut node = Node::new("box-1");
    let event = node.event(Uuid::now_v7(), IncidentState::Opened, at(0));
    let sent = node.send_event(&event);
    assert_eq!(
        record(&store, &[&sent, &sent]).await,
        [Outcome::Stored, Outcome::Duplicate]
    );
    let before = store
        .incident(event.data.incident_id)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(record(&store, &[&sent]).await, [Outcome::Duplicate]);
    let after = store
        .incident(event.data.incident_id)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(after.incident, before.incident);
    assert_eq!(after.messages.len(), 1);
    assert_eq!(store.nodes().await.unwrap()[0].duplicates, 2);
}

#[tokio::test]
async fn the_order_of_arrival_does_not_matter() {
    let mut node = Node::new("box-1");
    let id = Uuid::now_v7();
    let opened = node.event(id, IncidentState::Opened, at(0));
    let mut updated = node.event(id, IncidentState::Updated, at(4));
    updated.data.severity = Severity::Critical;
    let mut closed = node.event(id, IncidentState::Closed, at(9));
    closed.data.objects.clear();
    let sent = [&opened, &updated, &closed].map(|e| node.send_event(e));
    let orders = [
        [0, 1, 2],
        [0, 2, 1],
        [1, 0, 2],
        [1, 2, 0],
        [2, 0, 1],
        [2, 1, 0],
    ];
    for order in orders {
        let folder = tempfile::tempdir().unwrap();
        let store = open(&folder);
        for i in order {
            assert_eq!(record(&store, &[&sent[i]]).await, [Outcome::Stored]);
        }
        let detail = store.incident(id).await.unwrap().unwrap();
        let incident = detail.incident;
        assert_eq!(incident.state, IncidentState::Closed, "{order:?}");
        assert_eq!(incident.severity, Severity::Critical, "{order:?}");
        assert_eq!(incident.captured, opened.data.time.capture, "{order:?}");
        assert_eq!(incident.ended.unwrap().at, at(9), "{order:?}");
        assert_eq!(detail.objects, opened.data.objects, "{order:?}");
        let states: Vec<_> = detail.messages.iter().map(|m| m.seq).collect();
        assert_eq!(states, [1, 2, 3], "{order:?}");
        assert!(store.nodes().await.unwrap()[0].gaps.is_empty(), "{order:?}");
    }
}

#[tokio::test]
async fn what_cannot_be_taken_is_parked_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    let mut node = Node::new("box-1");
    let mut foreign = node.event(Uuid::now_v7(), IncidentState::Opened, at(0));
    foreign.source = "/safecity/tashkent/chorsu-crossroads/box-2/north".to_owned();
    let foreign = node.send_event(&foreign);
    let torn = (foreign.0.clone(), b"{\"specversion\":".to_vec());
    let unknown = ("safecity/v1/a/b/c/weather".to_owned(), b"sunny".to_vec());
    let outcomes = record(&store, &[&foreign, &torn, &unknown]).await;
    let reasons: Vec<&str> = outcomes
        .iter()
        .map(|o| match o {
            Outcome::Parked(reason) => reason.as_str(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert!(reasons[0].starts_with("source is \"/safecity/tashkent/chorsu-crossroads/box-2"));
    assert!(reasons[1].starts_with("body: EOF"), "{}", reasons[1]);
    assert!(
        reasons[2].contains("unknown to this version"),
        "{}",
        reasons[2]
    );
    assert_eq!(store.parked_count().await.unwrap(), 3);
    let parked = store.parked(10).await.unwrap();
    assert_eq!(parked[0].excerpt, "sunny");
    assert_eq!(parked[0].bytes, 5);
    assert!(list(&store).await.is_empty());
}

#[tokio::test]
async fn an_incident_belongs_to_the_node_that_opened_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    let (mut first, mut second) = (Node::new("box-1"), Node::new("box-2"));
    let id = Uuid::now_v7();
    let opened = first.event(id, IncidentState::Opened, at(0));
    let forged = second.event(id, IncidentState::Closed, at(1));
    let picture = second.chunk(id, b"another picture", 0..15);
    let (opened, forged) = (first.send_event(&opened), second.send_event(&forged));
    let outcomes = record(&store, &[&opened, &forged, &picture]).await;
    let reason = Outcome::Parked("the incident belongs to another node".to_owned());
    assert_eq!(outcomes, [Outcome::Stored, reason.clone(), reason]);
    assert_eq!(list(&store).await[0].state, IncidentState::Opened);
}

#[tokio::test]
async fn a_node_ends_what_it_no_longer_lists() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    let mut node = Node::new("box-1");
    let (over, open_still, later) = (Uuid::now_v7(), Uuid::now_v7(), Uuid::now_v7());
    let events = [(over, 0), (open_still, 1), (later, 20)]
        .map(|(id, s)| node.event(id, IncidentState::Opened, at(s)));
    let sent = events.each_ref().map(|e| node.send_event(e));
    record(&store, &[&sent[0], &sent[1], &sent[2]]).await;
    let status = node.status(NodeState::Online, at(10), &[open_still]);
    record(&store, &[&status]).await;
    let state = async |id| store.incident(id).await.unwrap().unwrap().incident;
    let ended = state(over).await;
    assert_eq!(ended.state, IncidentState::Closed);
    assert_eq!(ended.ended.unwrap().basis, EndingBasis::NodeStatus);
    assert_eq!(state(open_still).await.state, IncidentState::Opened);
    assert_eq!(state(later).await.state, IncidentState::Opened);
    // the message that was late after all tells the true end
    let closed = node.event(over, IncidentState::Closed, at(7));
    record(&store, &[&node.send_event(&closed)]).await;
    let ended = state(over).await.ended.unwrap();
    assert_eq!((ended.at, ended.basis), (at(7), EndingBasis::Message));
}

#[tokio::test]
async fn what_a_broker_says_late_of_a_node_that_left_it_is_not_believed() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    let node = Node::new("box-1");
    let said = |broker, state, s| node.status_at(Some(broker), state, at(s), &[]);
    let state = async || store.nodes().await.unwrap()[0].state;
    // The first broker tells the last will long after the node has turned to the second.
    let online = said("first:8883", NodeState::Online, 0);
    let moved = said("second:8883", NodeState::Online, 20);
    let will = said("first:8883", NodeState::Offline, 0);
    record(&store, &[&online, &moved, &will]).await;
    assert_eq!(state().await, Some(NodeState::Online));
    // It goes back, and the second says so after the first.
    let back = said("first:8883", NodeState::Online, 40);
    let leaving = said("second:8883", NodeState::Stopping, 39);
    record(&store, &[&back, &leaving, &moved]).await;
    assert_eq!(state().await, Some(NodeState::Online));
    // The will of the broker in use counts, though it was written when the connection was made.
    record(&store, &[&said("first:8883", NodeState::Offline, 39)]).await;
    assert_eq!(state().await, Some(NodeState::Offline));
}

#[tokio::test]
async fn evidence_comes_in_pieces_in_any_order_and_twice() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    let mut node = Node::new("box-1");
    let picture: Vec<u8> = (0..=255).cycle().take(10_000).collect();
    let mut event = node.event(Uuid::now_v7(), IncidentState::Opened, at(0));
    announce(&mut event, &picture);
    let id = event.data.incident_id;
    let pieces = [6000..10_000, 0..4000, 4000..6000].map(|range| node.chunk(id, &picture, range));
    // evidence may overtake its incident
    assert_eq!(record(&store, &[&pieces[0]]).await, [Outcome::Stored]);
    record(&store, &[&node.send_event(&event)]).await;
    let expected = [Outcome::Duplicate, Outcome::Stored];
    assert_eq!(record(&store, &[&pieces[0], &pieces[1]]).await, expected);
    assert_eq!(list(&store).await[0].snapshot, Snapshot::Waiting);
    assert!(
        store
            .evidence(id, "snapshot".to_owned())
            .await
            .unwrap()
            .is_none()
    );
    let expected = [Outcome::Stored, Outcome::Duplicate];
    assert_eq!(record(&store, &[&pieces[2], &pieces[1]]).await, expected);
    let detail = store.incident(id).await.unwrap().unwrap();
    assert_eq!(detail.incident.snapshot, Snapshot::Ready);
    assert!(detail.evidence[0].verified.is_some());
    let file = store
        .evidence(id, "snapshot".to_owned())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(std::fs::read(&file.path).unwrap(), picture);
    assert_eq!(file.sha256, hex(&picture));
}

#[tokio::test]
async fn evidence_with_another_hash_is_never_shown() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    let mut node = Node::new("box-1");
    let picture = vec![7; 500];
    let mut event = node.event(Uuid::now_v7(), IncidentState::Opened, at(0));
    announce(&mut event, &picture);
    let id = event.data.incident_id;
    record(&store, &[&node.send_event(&event)]).await;
    let mut flipped = node.chunk(id, &picture, 0..500);
    *flipped.1.last_mut().unwrap() ^= 1;
    let outcome = record(&store, &[&flipped]).await.remove(0);
    assert!(
        matches!(outcome, Outcome::Parked(ref why) if why.contains("has SHA-256")),
        "{outcome:?}"
    );
    // whole, but not the picture that was announced
    let other = node.chunk(id, b"another picture", 0..15);
    record(&store, &[&other]).await;
    assert_eq!(list(&store).await[0].snapshot, Snapshot::Waiting);
    // a re-send mends it
    let again = node.chunk(id, &picture, 0..500);
    assert_eq!(record(&store, &[&again]).await, [Outcome::Stored]);
    assert_eq!(list(&store).await[0].snapshot, Snapshot::Ready);
}

#[tokio::test]
async fn a_crash_before_the_commit_leaves_a_file_that_is_taken_over_only_if_it_is_right() {
    let mut node = Node::new("box-1");
    let picture = b"the bytes of a picture".to_vec();
    for left_behind in [picture.clone(), b"torn".to_vec()] {
        let folder = tempfile::tempdir().unwrap();
        let store = open(&folder);
        let name = hex(&picture);
        let path = folder.path().join("evidence").join(&name[..2]).join(&name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &left_behind).unwrap();
        let mut event = node.event(Uuid::now_v7(), IncidentState::Opened, at(0));
        announce(&mut event, &picture);
        let chunk = node.chunk(event.data.incident_id, &picture, 0..picture.len());
        let expected = [Outcome::Stored, Outcome::Stored];
        assert_eq!(
            record(&store, &[&node.send_event(&event), &chunk]).await,
            expected
        );
        assert_eq!(list(&store).await[0].snapshot, Snapshot::Ready);
        assert_eq!(std::fs::read(&path).unwrap(), picture);
        let partial = folder.path().join("evidence/partial");
        assert_eq!(std::fs::read_dir(partial).unwrap().count(), 0);
    }
}

#[tokio::test]
async fn evidence_that_is_too_long_is_refused_before_it_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    let mut node = Node::new("box-1");
    let large = vec![0; EVIDENCE_MAX as usize + 1];
    let sent = node.chunk(Uuid::now_v7(), &large, 0..1);
    let outcome = record(&store, &[&sent]).await.remove(0);
    assert!(matches!(outcome, Outcome::Parked(ref why) if why.contains("evidence_max_bytes")));
}

#[tokio::test]
async fn rates_are_between_two_reports() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    let node = Node::new("box-1");
    record(&store, &[&node.health(at(0), 1000)]).await;
    let camera = store.nodes().await.unwrap().remove(0).cameras.remove(0);
    assert_eq!(camera.analysed_fps, None);
    record(&store, &[&node.health(at(10), 1050)]).await;
    let camera = store.nodes().await.unwrap().remove(0).cameras.remove(0);
    assert_eq!(
        (camera.analysed_fps, camera.decoded_fps),
        (Some(5.0), Some(25.0))
    );
}

#[tokio::test]
async fn pages_follow_each_other_without_loss_or_repeat() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    let mut node = Node::new("box-1");
    for i in 0..25 {
        // several of one instant, so that the id decides
        let event = node.event(Uuid::now_v7(), IncidentState::Opened, at(i / 4));
        record(&store, &[&node.send_event(&event)]).await;
    }
    let all = list(&store).await;
    assert_eq!(all.len(), 25);
    assert!(all.windows(2).all(|w| w[0].captured >= w[1].captured));
    let mut paged = Vec::new();
    let mut before = None;
    loop {
        let query = IncidentQuery {
            before,
            limit: 7,
            reach: Reach::everything(),
            ..IncidentQuery::default()
        };
        let page = store.incidents(query).await.unwrap();
        before = page.incidents.last().map(|i| (i.captured, i.id));
        paged.extend(page.incidents);
        if page.next.is_none() {
            break;
        }
    }
    assert_eq!(paged, all);
}

#[tokio::test]
async fn changes_are_told_once_each_and_a_lost_place_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    let mut node = Node::new("box-1");
    let start = *store.latest_change().borrow();
    for i in 0..3 {
        let event = node.event(Uuid::now_v7(), IncidentState::Opened, at(i));
        record(&store, &[&node.send_event(&event)]).await;
    }
    let ChangeBatch::Changes { changes, reached } = store.changes(start, 100).await.unwrap() else {
        panic!("the place is known");
    };
    assert_eq!(changes.len(), 4, "three incidents and one node");
    assert_eq!(reached, *store.latest_change().borrow());
    let lost = store.changes(reached + 1, 100).await.unwrap();
    assert!(matches!(lost, ChangeBatch::Lost(latest) if latest == reached));
}

#[tokio::test]
async fn the_audit_cannot_be_rewritten() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    store
        .add_user(
            "test".to_owned(),
            "desk".to_owned(),
            "hash".to_owned(),
            administrator(),
            at(0),
        )
        .await
        .unwrap();
    let twice = store
        .add_user(
            "test".to_owned(),
            "desk".to_owned(),
            "hash".to_owned(),
            administrator(),
            at(0),
        )
        .await;
    assert!(matches!(twice, Err(StoreError::UserExists(_))));
    let raw = rusqlite::Connection::open(folder.path().join("centre.sqlite3")).unwrap();
    let changed = raw.execute("UPDATE audit SET user = 'nobody'", []);
    assert!(changed.unwrap_err().to_string().contains("append-only"));
    let deleted = raw.execute("DELETE FROM audit", []);
    assert!(deleted.unwrap_err().to_string().contains("append-only"));
}

#[tokio::test]
async fn a_thumbnail_stands_for_the_picture_until_that_is_here() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    let mut node = Node::new("box-1");
    let id = Uuid::now_v7();
    let (small, whole) = (vec![1; 90], vec![2; 900]);
    let mut event = node.event(id, IncidentState::Opened, at(0));
    announce_part("thumbnail", &mut event, &small);
    announce(&mut event, &whole);
    let event = node.send_event(&event);
    let chunks = [
        node.chunk_of("thumbnail", id, &small, 0..90),
        node.chunk(id, &whole, 0..400),
        node.chunk(id, &whole, 400..900),
    ];
    let mut shown = Vec::new();
    for sent in [&event, &chunks[0], &chunks[1], &chunks[2]] {
        record(&store, &[sent]).await;
        shown.push(list(&store).await[0].snapshot);
    }
    use Snapshot::{Ready, Thumbnail, Waiting};
    assert_eq!(shown, [Waiting, Thumbnail, Thumbnail, Ready]);
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    open(&folder).close().await;
    let raw = rusqlite::Connection::open(folder.path().join("centre.sqlite3")).unwrap();
    raw.pragma_update(None, "user_version", 99).unwrap();
    let opened = Store::open(folder.path(), EVIDENCE_MAX);
    assert!(matches!(
        opened.err(),
        Some(StoreError::TooNew { found: 99, .. })
    ));
}

#[tokio::test]
async fn a_corrected_time_counts_for_the_opening_and_for_an_ending_before_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    let mut node = Node::new("box-1");
    let id = Uuid::now_v7();
    let unsure = |mut event: protocol::IncidentEvent| {
        event.data.time.clock.synchronised = false;
        event
    };
    let opened = unsure(node.event(id, IncidentState::Opened, at(0)));
    let closed = unsure(node.event(id, IncidentState::Closed, at(30)));
    let mut updated = node.event(id, IncidentState::Updated, at(7200));
    updated.data.time = opened.data.time.clone();
    updated.data.time.capture = at(3600);
    updated.data.time.corrected_by_ms = Some(3_600_000);
    let sent = [&opened, &closed, &updated].map(|event| node.send_event(event));
    record(&store, &sent.iter().collect::<Vec<_>>()).await;
    let shown = &list(&store).await[0];
    assert_eq!(shown.captured, at(3600));
    assert_eq!(shown.ended.as_ref().unwrap().at, at(3630));
    let all = store.incident(id).await.unwrap().unwrap();
    assert_eq!(all.time.corrected_by_ms, Some(3_600_000));
}
