//! A command is heeded once, in time, and only from a pinned key; what is not is counted, and answered where the centre
//! is known to have asked.
#![allow(clippy::unwrap_used, reason = "what helps a test may fail like one")]

use std::{collections::HashSet, path::Path, sync::Arc, time::Duration};

use edge_agent::{
    archive::Archive,
    command::{
        Done, Inbox, Incoming, Ledger, Order, Post, Posts, Refusals, Restart, Seen, Verdicts,
    },
    config::{self, Settings},
    fleet::Lineup,
    health::Faults,
    metrics::Metrics,
    replay::ReplaySet,
    spool::{Quota, Spool},
};
use protocol::{
    Command, CommandOutcome, CommandRequest, Name, NodePath, PinnedKey, Receipt, Topic,
};
use ring::signature::Ed25519KeyPair;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

fn key(seed: u8) -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap()
}

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn node() -> NodePath {
    NodePath {
        region: name("r"),
        site: name("s"),
        node: name("n"),
    }
}

/// A snapshot of the camera `gate`, asked for `ago` seconds ago, to live five minutes.
fn request(ago: i64) -> CommandRequest {
    let issued = protocol::now() - jiff::SignedDuration::from_secs(ago);
    CommandRequest {
        request: Uuid::now_v7(),
        node: node(),
        issued,
        expires: issued + jiff::SignedDuration::from_mins(5),
        command: Command::Snapshot {
            camera: name("gate"),
        },
    }
}

fn incoming(request: &CommandRequest, key: &Ed25519KeyPair) -> Incoming {
    Incoming {
        topic: node().topic(&Topic::Command {
            request: request.request,
        }),
        payload: request.sign(key).unwrap(),
    }
}

/// A node without rules.
fn settings(folder: &Path) -> Settings {
    let file = folder.join("edge-agent.toml");
    let text = "node = { region = \"r\", site = \"s\", name = \"n\" }\nmqtt = { host = \"localhost\" }\n\
                cameras = [{ id = \"gate\", url = \"rtsp://192.0.2.1/\" }]\n";
    std::fs::write(&file, format!("state_dir = {folder:?}\n{text}")).unwrap();
    config::load(&file).unwrap()
}

/// What it knows of verdicts.
fn verdicts(folder: &Path, metrics: &Metrics) -> Verdicts {
    let (settings, faults) = (settings(folder), Faults::default());
    let archive = folder.join("archive");
    let archive = Archive::open(settings.archive.clone(), &archive, "", &faults, metrics);
    let replay = ReplaySet::open(&settings, archive, metrics.commands.verdicts.clone());
    Verdicts::open(&settings, replay, metrics, &faults)
}

/// An inbox with one camera, `gate`, and the orders that the camera gets.
struct Bench {
    inbox: Inbox,
    orders: mpsc::Receiver<Order>,
    spool: Spool,
    refusals: Arc<Refusals>,
}

impl Bench {
    fn new(folder: &Path) -> Bench {
        let (spool, worker) = Spool::open(&folder.join("spool.db"), Quota::default()).unwrap();
        std::thread::spawn(move || worker.run());
        let (sender, orders) = mpsc::channel(4);
        let post = Post {
            orders: sender,
            restart: Restart::default(),
        };
        let refusals = Arc::new(Refusals::default());
        let metrics = Metrics::new();
        let inbox = Inbox {
            node: node(),
            keys: vec![PinnedKey::of(&key(1))],
            ledger: Ledger::open(&folder.join("commands.db")).unwrap(),
            lineup: watch::channel(Lineup {
                posts: Posts::from([(name("gate"), post)]),
                ..Lineup::default()
            })
            .1,
            current: watch::channel(Arc::new(settings(folder))).1,
            verdicts: verdicts(folder, &metrics),
            spool: spool.clone(),
            refusals: Arc::clone(&refusals),
            desired: tokio::sync::watch::channel(None).0,
            owner: tokio::sync::mpsc::channel(1).0,
            metrics,
        };
        Bench {
            inbox,
            orders,
            spool,
            refusals,
        }
    }

    /// Takes what came; the camera answers every order with `answer`. How many orders it got.
    async fn take(&mut self, came: &Incoming, answer: Result<Done, String>) -> usize {
        let mut given = 0;
        let taking = self.inbox.take(came);
        tokio::pin!(taking);
        loop {
            tokio::select! {
                () = &mut taking => return given,
                Some(order) = self.orders.recv() => {
                    given += 1;
                    order.answer.send(answer.clone()).unwrap();
                }
            }
        }
    }

    /// The receipts that wait, oldest first.
    async fn receipts(&self) -> Vec<Receipt> {
        let records = self.spool.pending(100, HashSet::new()).await.unwrap();
        let receipts = records.iter().map(|record| {
            let receipt: Receipt = serde_json::from_slice(&record.payload).unwrap();
            assert_eq!((receipt.bootid, receipt.seq), (record.bootid, record.seq));
            let topic = Topic::Receipt {
                request: receipt.request,
            };
            assert_eq!(record.topic, node().topic(&topic));
            receipt
        });
        receipts.collect()
    }
}

#[tokio::test]
async fn a_repeated_command_is_carried_out_once_and_answered_in_the_same_words() {
    let folder = tempfile::tempdir().unwrap();
    let asked = request(0);
    let came = incoming(&asked, &key(1));
    let done = Done {
        incident: Some(asked.request),
        ..Done::default()
    };
    let mut bench = Bench::new(folder.path());
    assert_eq!(bench.take(&came, Ok(done.clone())).await, 1);
    assert_eq!(bench.take(&came, Ok(Done::default())).await, 0);
    drop(bench);
    // The ledger outlives the process.
    let mut bench = Bench::new(folder.path());
    assert_eq!(bench.take(&came, Ok(Done::default())).await, 0);
    let receipts = bench.receipts().await;
    assert_eq!(receipts.len(), 3);
    for receipt in &receipts {
        assert_eq!(receipt.outcome, CommandOutcome::Done);
        assert_eq!(receipt.incident, Some(asked.request));
        assert_eq!(receipt.answered, receipts[0].answered);
    }
    assert_eq!(bench.refusals.told().0, 0);
}

#[tokio::test]
async fn what_was_interrupted_is_not_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    let asked = request(0);
    let mut ledger = Ledger::open(&folder.path().join("commands.db")).unwrap();
    ledger.begin(&asked).unwrap();
    drop(ledger);
    let mut bench = Bench::new(folder.path());
    let came = incoming(&asked, &key(1));
    assert_eq!(bench.take(&came, Ok(Done::default())).await, 0);
    let receipts = bench.receipts().await;
    assert_eq!(receipts[0].outcome, CommandOutcome::Refused);
    let reason = receipts[0].reason.as_deref().unwrap();
    assert!(reason.contains("ask anew"), "{reason}");
}

#[tokio::test]
async fn what_the_centre_did_not_sign_for_this_node_gets_no_answer_and_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    let mut bench = Bench::new(folder.path());
    let asked = request(0);
    let strangers = incoming(&asked, &key(2));
    let mut elsewhere = request(0);
    elsewhere.node.node = name("other");
    let mut misplaced = incoming(&asked, &key(1));
    misplaced.topic = node().topic(&Topic::Command {
        request: Uuid::now_v7(),
    });
    let unsigned = Incoming {
        payload: serde_json::to_vec(&asked).unwrap(),
        ..misplaced.clone()
    };
    let all = [
        (strangers, "does not trust"),
        (incoming(&elsewhere, &key(1)), "meant for r/s/other"),
        (misplaced, "another's place"),
        (unsigned, "not signed"),
    ];
    for (count, (came, why)) in (1..).zip(all) {
        assert_eq!(bench.take(&came, Ok(Done::default())).await, 0);
        let (refused, latest) = bench.refusals.told();
        assert_eq!(refused, count);
        let latest = latest.unwrap();
        assert!(latest.contains(why), "{latest}");
    }
    assert_eq!(bench.receipts().await, Vec::new());
}

#[tokio::test]
async fn what_is_stale_or_replayed_late_is_refused_with_a_receipt() {
    let folder = tempfile::tempdir().unwrap();
    let mut bench = Bench::new(folder.path());
    let late = request(301);
    let came = incoming(&late, &key(1));
    assert_eq!(bench.take(&came, Ok(Done::default())).await, 0);
    assert_eq!(bench.refusals.told().0, 1);
    let receipts = bench.receipts().await;
    assert_eq!(receipts[0].request, late.request);
    assert_eq!(receipts[0].outcome, CommandOutcome::Refused);
    let reason = receipts[0].reason.as_deref().unwrap();
    assert!(reason.starts_with("it expired at"), "{reason}");
}

#[tokio::test]
async fn a_command_that_cannot_be_carried_out_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let mut bench = Bench::new(folder.path());
    let failing = incoming(&request(0), &key(1));
    let why = Err("has shown no picture yet".to_owned());
    assert_eq!(bench.take(&failing, why).await, 1);
    let mut unknown = request(0);
    unknown.command = Command::RestartCamera {
        camera: name("roof"),
    };
    let came = incoming(&unknown, &key(1));
    assert_eq!(bench.take(&came, Ok(Done::default())).await, 0);
    let said: Vec<_> = bench.receipts().await;
    let said = said.iter().map(|r| (r.outcome, r.reason.as_deref()));
    assert_eq!(
        said.collect::<Vec<_>>(),
        [
            (
                CommandOutcome::Failed,
                Some("camera gate: has shown no picture yet")
            ),
            (
                CommandOutcome::Refused,
                Some("camera roof is not watched; these are: gate")
            ),
        ]
    );
}

#[tokio::test]
async fn restarting_a_camera_ends_its_present_run_only() {
    let restart = Restart::default();
    let stop = CancellationToken::new();
    let first = restart.run(&stop);
    restart.now();
    tokio::time::timeout(Duration::from_secs(10), first.cancelled())
        .await
        .unwrap();
    let second = restart.run(&stop);
    assert!(!second.is_cancelled() && !stop.is_cancelled());
    stop.cancel();
    assert!(second.is_cancelled());
}

#[test]
fn the_ledger_forgets_what_can_no_longer_be_replayed() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::open(&folder.path().join("commands.db")).unwrap();
    let (old, new) = (request(600), request(0));
    ledger.begin(&old).unwrap();
    assert_eq!(ledger.seen(old.request).unwrap(), Seen::Begun);
    ledger.begin(&new).unwrap();
    assert_eq!(ledger.seen(old.request).unwrap(), Seen::Never);
    assert_eq!(ledger.seen(new.request).unwrap(), Seen::Begun);
    // It would be stale now, whatever the node's clock says.
    assert!(ledger.latest().unwrap() >= old.expires);
}
