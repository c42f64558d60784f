//! The spool keeps its promises: against a model with reopening at any point, and against a kill.
#![allow(clippy::unwrap_used, reason = "what helps a test may fail like one")]

use std::{
    collections::HashSet,
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
};

use edge_agent::spool::{Class, NewRecord, Quota, Spool, Store, inspect, room};
use proptest::prelude::*;
use protocol::{Severity, Tombstone};
use uuid::Uuid;

const SEVERITIES: [Severity; 4] = [
    Severity::Info,
    Severity::Warning,
    Severity::Alarm,
    Severity::Critical,
];

fn record(class: Class, severity: Severity, bytes: usize) -> NewRecord {
    NewRecord {
        attest: None,
        class,
        severity,
        topic: "t".to_owned(),
        payload: Box::new(move |_, seq| vec![seq as u8; bytes]),
    }
}

fn open(path: &Path, quota: Quota) -> Store {
    Store::open(path, quota, Uuid::new_v4()).expect("the spool opens")
}

#[derive(Clone, Debug)]
enum Step {
    Append(Class, Severity, usize),
    Acknowledge(prop::sample::Index),
    SetAside(prop::sample::Index),
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    let append = (
        prop::sample::select(&Class::ALL),
        prop::sample::select(&SEVERITIES),
        0..60_usize,
    );
    prop_oneof![
        6 => append.prop_map(|(class, severity, bytes)| Step::Append(class, severity, bytes)),
        2 => any::<prop::sample::Index>().prop_map(Step::Acknowledge),
        1 => any::<prop::sample::Index>().prop_map(Step::SetAside),
        1 => Just(Step::Reopen),
    ]
}

/// What the spool should hold: (class, severity, number, bytes), in the order of sending.
#[derive(Default)]
struct Model {
    waiting: Vec<(Class, std::cmp::Reverse<Severity>, i64, usize)>,
    /// Set aside: (number, bytes), oldest first.
    aside: Vec<(i64, usize)>,
    given_up: u64,
}

impl Model {
    fn room(&self) -> u64 {
        let waiting = self.waiting.iter().map(|w| w.3);
        let aside = self.aside.iter().map(|a| a.1);
        waiting.chain(aside).map(|bytes| room(bytes as u64)).sum()
    }

    fn append(
        &mut self,
        quota: Quota,
        class: Class,
        severity: Severity,
        number: i64,
        bytes: usize,
    ) {
        let limit = if class == Class::Incident {
            quota.total
        } else {
            quota.total - quota.reserved
        };
        let rank = (class, std::cmp::Reverse(severity));
        let needed = room(bytes as u64);
        loop {
            let of_class = self.waiting.iter().filter(|w| w.0 == class);
            let of_class: u64 = of_class.map(|w| room(w.3 as u64)).sum();
            let class_is_full = of_class + needed > quota.classes[class as usize];
            if !class_is_full && self.room() + needed <= limit {
                break;
            }
            if !class_is_full && !self.aside.is_empty() {
                self.aside.remove(0);
                continue;
            }
            // Last rank, oldest of it; nothing that matters more than the newcomer.
            let candidates = self
                .waiting
                .iter()
                .filter(|w| !class_is_full || w.0 == class);
            let last = candidates
                .map(|w| (w.0, w.1))
                .max()
                .filter(|last| *last >= rank);
            self.given_up += 1;
            let Some(last) = last else { return };
            let oldest = self.waiting.iter().position(|w| (w.0, w.1) == last);
            self.waiting.remove(oldest.expect("it was found above"));
        }
        self.waiting.push((class, rank.1, number, bytes));
        self.waiting.sort();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn it_agrees_with_a_model_whenever_it_is_reopened(steps in prop::collection::vec(step(), 1..60)) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("spool.db");
        // Up to eight records, two of them incidents; of snapshots three.
        let mut classes = [u64::MAX; 6];
        classes[Class::Snapshot as usize] = 3 * room(60);
        let quota = Quota { total: 8 * room(60), reserved: 2 * room(60), classes };
        let mut store = open(&path, quota);
        let mut model = Model::default();
        let mut seq = 0;
        for step in steps {
            match step {
                Step::Append(class, severity, bytes) => {
                    let mut appended = None;
                    store.transaction(|store| {
                        appended = Some(store.append(record(class, severity, bytes))?);
                        Ok(())
                    }).unwrap();
                    let appended = appended.unwrap();
                    seq += 1;
                    prop_assert_eq!(appended.seq, seq, "seq counts without gaps");
                    model.append(quota, class, severity, appended.number, bytes);
                    prop_assert_eq!(store.stats().given_up, model.given_up);
                }
                Step::Acknowledge(index) if !model.waiting.is_empty() => {
                    let gone = model.waiting.remove(index.index(model.waiting.len()));
                    store.transaction(|store| store.acknowledge(&[gone.2])).unwrap();
                }
                Step::SetAside(index) if !model.waiting.is_empty() => {
                    let gone = model.waiting.remove(index.index(model.waiting.len()));
                    store.transaction(|store| store.set_aside(gone.2, "too large")).unwrap();
                    model.aside.push((gone.2, gone.3));
                    model.aside.sort();
                }
                Step::Acknowledge(_) | Step::SetAside(_) => {}
                Step::Reopen => {
                    drop(store);
                    store = open(&path, quota);
                    (seq, model.given_up) = (0, 0);
                }
            }
            let waiting = store.pending(usize::MAX, &HashSet::new()).unwrap();
            let found: Vec<(i64, usize)> = waiting.iter().map(|r| (r.number, r.payload.len())).collect();
            let expected: Vec<(i64, usize)> = model.waiting.iter().map(|w| (w.2, w.3)).collect();
            prop_assert_eq!(found, expected);
            prop_assert_eq!(store.stats().pending, model.waiting.len() as u64);
            prop_assert_eq!(store.stats().room, model.room());
            prop_assert_eq!(store.stats().bytes, model.waiting.iter().map(|w| w.3 as u64).sum::<u64>());
        }
    }
}

#[test]
fn records_of_former_boots_keep_their_boot_and_place() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("spool.db");
    let mut first = open(&path, Quota::default());
    first
        .transaction(|s| {
            s.append(record(Class::Incident, Severity::Info, 1))
                .map(drop)
        })
        .unwrap();
    let former = first.bootid();
    drop(first);
    let mut second = open(&path, Quota::default());
    second
        .transaction(|s| {
            s.append(record(Class::Incident, Severity::Critical, 1))
                .map(drop)
        })
        .unwrap();
    let waiting = second.pending(10, &HashSet::new()).unwrap();
    let found: Vec<(Uuid, u64)> = waiting.iter().map(|r| (r.bootid, r.seq)).collect();
    assert_eq!(
        found,
        [(second.bootid(), 1), (former, 1)],
        "severe first, whatever its boot"
    );
}

#[tokio::test]
async fn what_waits_at_the_same_time_is_committed_together_without_gaps() {
    let dir = tempfile::tempdir().unwrap();
    let (spool, worker) = Spool::open(&dir.path().join("spool.db"), Quota::default()).unwrap();
    let thread = std::thread::spawn(move || worker.run());
    let mut appends = tokio::task::JoinSet::new();
    for _ in 0..500 {
        let spool = spool.clone();
        appends.spawn(async move {
            let record = record(Class::Incident, Severity::Alarm, 100);
            spool.append(vec![record]).await.unwrap()[0].seq
        });
    }
    let mut seqs = appends.join_all().await;
    seqs.sort();
    assert_eq!(seqs, (1..=500).collect::<Vec<u64>>());
    let first = spool.pending(1, HashSet::new()).await.unwrap().remove(0);
    spool.acknowledge(vec![first.number]).await.unwrap();
    assert_eq!(spool.stats().borrow().pending, 499);
    drop(spool);
    thread.join().unwrap();
}

/// A record of a node's, so that somebody waits for it.
fn of_a_node(class: Class, bytes: usize) -> NewRecord {
    NewRecord {
        topic: "safecity/v1/r/s/n/evidence/x"
            .replace('x', "01890a5d-ac96-774b-bcce-b302099a8057/clip"),
        ..record(class, Severity::Alarm, bytes)
    }
}

fn append(store: &mut Store, class: Class, bytes: usize) {
    let appended = store.transaction(|store| store.append(of_a_node(class, bytes)).map(drop));
    appended.unwrap();
}

fn words(records: &[edge_agent::spool::Record]) -> Vec<Tombstone> {
    let told = records
        .iter()
        .filter(|r| r.topic == "safecity/v1/r/s/n/tombstone");
    told.map(|r| serde_json::from_slice(&r.payload).unwrap())
        .collect()
}

fn pending(store: &mut Store, skip: &[i64]) -> Vec<edge_agent::spool::Record> {
    store.pending(100, &skip.iter().copied().collect()).unwrap()
}

#[test]
fn the_centre_is_told_what_was_given_up_until_it_has_heard_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("spool.db");
    let quota = Quota {
        total: 3 * room(30),
        reserved: room(30),
        classes: [u64::MAX; 6],
    };
    let mut store = open(&path, quota);
    // Numbers 1 to 6; there is room for two clips, an incident takes the third's.
    for class in [
        Class::Clip,
        Class::Clip,
        Class::Clip,
        Class::Clip,
        Class::Incident,
        Class::Clip,
    ] {
        append(&mut store, class, 30);
    }
    let bootid = store.bootid();
    let sent = pending(&mut store, &[]);
    assert_eq!(
        sent.iter().map(|r| r.class).collect::<Vec<_>>(),
        [Class::Incident, Class::Status, Class::Clip]
    );
    let word = &words(&sent)[0];
    assert_eq!(
        (word.bootid, &word.seqs[..], word.bytes),
        (bootid, &[[1, 4]][..], 120)
    );
    assert_eq!(
        (word.class.as_str(), word.reason.as_str()),
        ("clip", "quota")
    );

    // One more is given up while that word is on its way: it is said on its own, nothing twice.
    let on_the_way = sent[1].number;
    append(&mut store, Class::Clip, 30);
    let next = pending(&mut store, &[on_the_way]);
    assert_eq!(words(&next)[0].seqs, [[6, 6]]);

    // A word that was not acknowledged is said again by the next boot; one that was is over.
    store
        .transaction(|store| store.acknowledge(&[on_the_way]))
        .unwrap();
    drop(store);
    let mut store = open(&path, quota);
    let again = pending(&mut store, &[]);
    assert_eq!(
        (words(&again)[0].bootid, &words(&again)[0].seqs[..]),
        (bootid, &[[6, 6]][..])
    );
    let number = again.iter().find(|r| r.number < 0).unwrap().number;
    store
        .transaction(|store| store.acknowledge(&[number]))
        .unwrap();
    assert_eq!(
        (words(&pending(&mut store, &[])).len(), store.stats().untold),
        (0, 0)
    );
}

#[test]
fn while_a_backlog_drains_a_quarter_goes_to_what_happens_now() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(&dir.path().join("spool.db"), Quota::default());
    for _ in 0..40 {
        append(&mut store, Class::Incident, 10);
    }
    append(&mut store, Class::Snapshot, 10);
    let offered = |store: &mut Store, limit| {
        let records = store.pending(limit, &HashSet::from([1, 40])).unwrap();
        records.iter().map(|r| r.number).collect::<Vec<_>>()
    };
    assert_eq!(offered(&mut store, 8), [2, 3, 4, 5, 6, 7, 39, 38]);
    // Where all fits, everything goes once and evidence last.
    let all = offered(&mut store, 400);
    assert_eq!(all, (2..40).chain([41]).collect::<Vec<_>>());
}

#[test]
fn what_is_set_aside_is_told_and_kept() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("spool.db");
    let mut store = open(&path, Quota::default());
    append(&mut store, Class::Snapshot, 10);
    let number = pending(&mut store, &[])[0].number;
    store
        .transaction(|store| store.set_aside(number, "10 bytes, the broker takes 5"))
        .unwrap();
    let sent = pending(&mut store, &[]);
    assert_eq!(words(&sent)[0].reason, "10 bytes, the broker takes 5");
    store
        .transaction(|store| store.acknowledge(&[sent[0].number]))
        .unwrap();
    assert!(pending(&mut store, &[]).is_empty());
    let rows = inspect(&path).unwrap();
    assert_eq!(rows[0].state, "set aside: 10 bytes, the broker takes 5");
}

#[test]
fn what_arrives_although_it_was_given_up_on_its_way_is_not_missed() {
    let dir = tempfile::tempdir().unwrap();
    let quota = Quota {
        total: room(40),
        reserved: 0,
        classes: [u64::MAX; 6],
    };
    let mut store = open(&dir.path().join("spool.db"), quota);
    append(&mut store, Class::Clip, 40);
    let on_the_way = pending(&mut store, &[])[0].number;
    append(&mut store, Class::Incident, 40);
    assert_eq!(store.stats().untold, 1);
    store
        .transaction(|store| store.acknowledge(&[on_the_way]))
        .unwrap();
    assert_eq!(
        (store.stats().untold, words(&pending(&mut store, &[])).len()),
        (0, 0)
    );
}

/// As it was before tombstones were sent.
const FORMAT_1: &str = "
CREATE TABLE boot (number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE);
CREATE TABLE record (
    number INTEGER PRIMARY KEY AUTOINCREMENT, boot INTEGER NOT NULL REFERENCES boot (number), seq INTEGER NOT NULL,
    class INTEGER NOT NULL, rank INTEGER NOT NULL, topic TEXT NOT NULL, payload BLOB, bytes INTEGER NOT NULL,
    state INTEGER NOT NULL DEFAULT 0, why TEXT, UNIQUE (boot, seq)
);
CREATE INDEX waiting ON record (state, rank, number);
INSERT INTO boot VALUES (3, '5a1f0c0e-6c0e-4f0e-9d55-2f6f5c1f3a01');
INSERT INTO record VALUES (8, 3, 1, 4, 17, 'safecity/v1/r/s/n/evidence/x', NULL, 0, 2, 'quota');
INSERT INTO record VALUES (9, 3, 2, 0, 1, 'safecity/v1/r/s/n/incident/c/k', x'AB', 1, 0, NULL);
PRAGMA user_version = 1;
";

#[test]
fn a_spool_of_the_first_format_is_upgraded_with_what_waits_in_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("spool.db");
    let old = FORMAT_1.replace(
        "evidence/x",
        "evidence/01890a5d-ac96-774b-bcce-b302099a8057/clip",
    );
    rusqlite::Connection::open(&path)
        .unwrap()
        .execute_batch(&old)
        .unwrap();
    let mut store = open(&path, Quota::default());
    let sent = pending(&mut store, &[]);
    assert_eq!(
        (sent[0].number, sent[0].seq, &sent[0].payload[..]),
        (9, 2, &[0xAB][..])
    );
    assert_eq!(words(&sent)[0].seqs, [[1, 1]]);
    append(&mut store, Class::Incident, 5);
    assert_eq!(store.stats().pending, 2);
}

/// Set in the process that is to be killed: the spool's path.
const VICTIM: &str = "EDGE_SPOOL_VICTIM";

/// Not a test of its own: appends for ever and says what was committed, in the process that
/// [`a_kill_loses_nothing_that_was_committed`] starts.
#[test]
fn victim() {
    let Some(path) = std::env::var_os(VICTIM) else {
        return;
    };
    let mut store = open(Path::new(&path), Quota::default());
    loop {
        let mut appended = None;
        store
            .transaction(|store| {
                appended = Some(store.append(record(Class::Incident, Severity::Alarm, 700))?);
                Ok(())
            })
            .unwrap();
        println!("committed {}", appended.unwrap().number);
    }
}

#[test]
fn a_kill_loses_nothing_that_was_committed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("spool.db");
    let mut committed = 0;
    for round in 1..=5 {
        let mut victim = Command::new(std::env::current_exe().unwrap())
            .args(["victim", "--exact", "--nocapture"])
            .env(VICTIM, &path)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(victim.stdout.take().unwrap()).lines();
        // Killed after a different number of commits each time; what it said until then is drained.
        let mut said = 0;
        while let Some(Ok(line)) = lines.next() {
            let Some((_, number)) = line.split_once("committed ") else {
                continue;
            };
            committed = number.parse::<i64>().unwrap();
            said += 1;
            if said == round * 17 {
                victim.kill().unwrap();
            }
        }
        victim.wait().unwrap();
        drop(open(&path, Quota::default()));
        let rows = inspect(&path).unwrap();
        assert!(
            rows.iter().map(|r| r.number).eq(1..=rows.len() as i64),
            "no row is missing"
        );
        assert!(
            rows.len() as i64 >= committed,
            "{} rows, {committed} were committed",
            rows.len()
        );
        for boot in rows.chunk_by(|a, b| a.bootid == b.bootid) {
            assert!(
                boot.iter().map(|r| r.seq).eq(1..=boot.len() as u64),
                "seq has a gap"
            );
        }
    }
}
