//! A disk that is full, read-only or damaged: said, survived, and never a reason to keep messages in memory.
#![allow(clippy::unwrap_used, reason = "what helps a test may fail like one")]

use std::{
    collections::HashSet,
    fs::{self, OpenOptions},
    os::unix::fs::FileExt,
    path::Path,
    process::Command,
};

use edge_agent::spool::{
    Class, LOG, NewRecord, Quota, Record, Spool, SpoolError, Store, inspect, room,
};
use protocol::Severity;
use uuid::Uuid;

const PAGE: u64 = 4096;

fn record(class: Class, bytes: usize) -> NewRecord {
    NewRecord {
        attest: None,
        class,
        severity: Severity::Alarm,
        topic: "safecity/v1/r/s/n/incident/gate/intrusion".to_owned(),
        payload: Box::new(move |_, seq| vec![b'a' + (seq % 26) as u8; bytes]),
    }
}

fn open(path: &Path) -> Store {
    Store::open(path, Quota::default(), Uuid::new_v4()).unwrap()
}

fn append(store: &mut Store, bytes: usize) -> Result<(), SpoolError> {
    store.transaction(|store| store.append(record(Class::Incident, bytes)).map(drop))
}

fn waiting(store: &mut Store) -> Vec<Record> {
    let mut records = Vec::new();
    let read = store.transaction(|store| {
        records = store.pending(usize::MAX, &HashSet::new())?;
        Ok(())
    });
    read.unwrap();
    records
}

/// A closed spool of `count` records of 3000 bytes: one to a page.
fn filled(path: &Path, count: u64) {
    let mut store = open(path);
    for _ in 0..count {
        append(&mut store, 3000).unwrap();
    }
}

fn overwrite(path: &Path, at: u64, bytes: &[u8]) {
    let file = OpenOptions::new().write(true).open(path).unwrap();
    file.write_all_at(bytes, at).unwrap();
}

/// Where the payload of record `seq` lies in the file.
fn place(path: &Path, seq: u64) -> u64 {
    let needle = vec![b'a' + (seq % 26) as u8; 3000];
    let file = fs::read(path).unwrap();
    let found = file.windows(needle.len()).position(|w| w == needle);
    found.unwrap() as u64
}

#[test]
fn what_fails_within_a_group_undoes_the_group() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(&dir.path().join("spool.db"));
    let failed = store.transaction(|store| {
        store.append(record(Class::Incident, 10))?;
        Err(SpoolError::Disk("pulled out".to_owned()))
    });
    assert!(failed.is_err());
    assert_eq!(store.stats().fault.as_deref(), Some("pulled out"));
    assert_eq!((store.stats().pending, store.stats().last_seq), (0, 0));
    store
        .transaction(|store| store.append(record(Class::Incident, 10)).map(drop))
        .unwrap();
    assert_eq!((store.stats().fault, store.stats().last_seq), (None, 1));
}

#[test]
fn a_damaged_file_is_put_aside_and_one_of_a_later_format_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("spool.db");
    fs::write(&path, vec![7_u8; 8192]).unwrap();
    let store = open(&path);
    assert_eq!(store.stats().pending, 0);
    assert_eq!(
        fs::read(dir.path().join("spool.db.damaged-1")).unwrap(),
        vec![7_u8; 8192]
    );
    drop(store);

    let db = rusqlite::Connection::open(&path).unwrap();
    db.pragma_update(None, "user_version", 99).unwrap();
    drop(db);
    let refused = Store::open(&path, Quota::default(), Uuid::new_v4())
        .err()
        .unwrap()
        .to_string();
    assert!(refused.contains("format 99"), "{refused}");
}

/// Set in a process that has file systems of its own: the folder to work in.
const INSIDE: &str = "EDGE_SPOOL_INSIDE";

/// Runs the test `name` of this file in a process with a file system of 2 MiB for it.
fn in_a_small_disk(name: &str) {
    let dir = tempfile::tempdir().unwrap();
    let ran = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "sh", "-c"])
        .arg("mount -t tmpfs -o size=2m none \"$1\" && exec \"$2\" \"$3\" --exact --nocapture")
        .arg("sh")
        .args([
            dir.path().as_os_str(),
            std::env::current_exe().unwrap().as_os_str(),
        ])
        .arg(name)
        .env(INSIDE, dir.path())
        .output()
        .expect("unshare of util-linux is installed");
    let said = String::from_utf8_lossy(&ran.stdout).into_owned();
    assert!(
        ran.status.success(),
        "{said}{}",
        String::from_utf8_lossy(&ran.stderr)
    );
    assert!(said.contains("1 passed"), "{said}");
}

#[test]
fn a_full_disk_is_said_and_over_once_there_is_room() {
    let Some(dir) = std::env::var_os(INSIDE) else {
        return in_a_small_disk("a_full_disk_is_said_and_over_once_there_is_room");
    };
    let path = Path::new(&dir).join("spool.db");
    let ballast = Path::new(&dir).join("ballast");
    fs::write(&ballast, vec![0; 1 << 20]).unwrap();
    let mut store = open(&path);
    let mut kept = 0;
    let why = loop {
        match append(&mut store, 3000) {
            Ok(()) => kept += 1,
            Err(e) => break e.to_string(),
        }
    };
    assert!(why.contains("full") && why.contains("free room"), "{why}");
    assert_eq!(store.stats().fault.as_ref(), Some(&why));
    assert_eq!(
        (store.stats().pending, store.stats().last_seq),
        (kept, kept)
    );
    assert_eq!(
        waiting(&mut store).len() as u64,
        kept,
        "what was taken can be sent"
    );

    fs::remove_file(&ballast).unwrap();
    append(&mut store, 3000).unwrap();
    assert_eq!(
        (store.stats().fault, store.stats().last_seq),
        (None, kept + 1)
    );
    drop(store);
    assert_eq!(inspect(&path).unwrap().len() as u64, kept + 1);
}

#[test]
fn a_disk_that_becomes_read_only_is_said() {
    let Some(dir) = std::env::var_os(INSIDE) else {
        return in_a_small_disk("a_disk_that_becomes_read_only_is_said");
    };
    let mount = |how: &str| {
        let done = Command::new("mount").args(["-o", how]).arg(&dir).status();
        assert!(done.unwrap().success(), "{how}");
    };
    let path = Path::new(&dir).join("spool.db");
    filled(&path, 3);
    mount("remount,ro");
    let refused = Store::open(&path, Quota::default(), Uuid::new_v4());
    let why = refused.err().unwrap().to_string();
    assert!(
        why.contains("spool.db") && why.contains("writable"),
        "{why}"
    );
    assert_eq!(inspect(&path).map(|rows| rows.len()).unwrap_or(3), 3);
    mount("remount,rw");
    assert_eq!(waiting(&mut open(&path)).len(), 3);
}

#[test]
fn a_message_whose_bytes_changed_on_the_disk_is_set_aside_and_the_others_go() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("spool.db");
    filled(&path, 5);
    overwrite(&path, place(&path, 3) + 1500, b"Z");
    let mut store = open(&path);
    let sent: Vec<u64> = waiting(&mut store)
        .iter()
        .filter(|r| r.number > 0)
        .map(|r| r.seq)
        .collect();
    assert_eq!(sent, [1, 2, 4, 5]);
    assert_eq!(store.stats().kept_aside, 1);
    let word = waiting(&mut store)
        .into_iter()
        .find(|r| r.number < 0)
        .unwrap();
    let word: protocol::Tombstone = serde_json::from_slice(&word.payload).unwrap();
    assert_eq!(
        (&word.seqs[..], word.reason.as_str()),
        (&[[3, 3]][..], "its bytes changed on the disk")
    );
}

#[test]
fn what_can_be_read_of_a_damaged_file_is_saved_and_the_damage_is_said_until_it_is_dealt_with() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("spool.db");
    filled(&path, 40);
    let page = place(&path, 20) / PAGE * PAGE;
    overwrite(&path, page, &[0xFF; PAGE as usize]);
    let before = fs::read(&path).unwrap();

    let mut store = open(&path);
    let saved: Vec<u64> = waiting(&mut store).iter().map(|r| r.seq).collect();
    let expected: Vec<u64> = (1..=40).filter(|seq| *seq != 20).collect();
    assert_eq!(saved, expected);
    let aside = dir.path().join("spool.db.damaged-1");
    assert!(
        fs::read(&aside).unwrap() == before,
        "the damaged file is left as it was"
    );
    let said = store.stats().damage().unwrap();
    assert!(
        said.contains("39 messages were saved, at most 1 lost"),
        "{said}"
    );
    assert!(said.contains("spool.db.damaged-1"), "{said}");
    drop(store);
    let next = open(&path);
    assert!(
        next.stats().damage().is_some(),
        "the next start says it too"
    );
    fs::remove_file(&aside).unwrap();
    assert_eq!(next.stats().damage(), None, "until it is gone");
}

#[test]
fn a_tail_of_zeros_or_none_at_all_leaves_what_stands_before() {
    for zeros in [true, false] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("spool.db");
        filled(&path, 40);
        let end = fs::metadata(&path).unwrap().len();
        let from = place(&path, 25) / PAGE * PAGE;
        if zeros {
            overwrite(&path, from, &vec![0; (end - from) as usize]);
        } else {
            OpenOptions::new()
                .write(true)
                .open(&path)
                .unwrap()
                .set_len(from)
                .unwrap();
        }
        let mut store = open(&path);
        let saved: Vec<u64> = waiting(&mut store).iter().map(|r| r.seq).collect();
        assert!(
            saved.iter().copied().eq(1..=saved.len() as u64),
            "{zeros}: {saved:?}"
        );
        assert!(saved.len() >= 23, "{zeros}: {saved:?}");
        assert!(store.stats().damage().is_some(), "{zeros}");
        append(&mut store, 10).unwrap();
    }
}

#[test]
fn a_torn_log_loses_its_torn_end_alone() {
    for (cut, kept) in [(0, 10), (1, 9), (PAGE + 24 + 100, 9)] {
        let dir = tempfile::tempdir().unwrap();
        let (path, torn) = (dir.path().join("spool.db"), dir.path().join("torn.db"));
        let mut store = open(&path);
        for _ in 0..10 {
            append(&mut store, 3000).unwrap();
        }
        // As after a power cut: nothing was closed.
        fs::copy(&path, &torn).unwrap();
        let log = dir.path().join("torn.db-wal");
        fs::copy(dir.path().join("spool.db-wal"), &log).unwrap();
        let length = fs::metadata(&log).unwrap().len();
        OpenOptions::new()
            .write(true)
            .open(&log)
            .unwrap()
            .set_len(length - cut)
            .unwrap();
        let mut store = open(&torn);
        let read: Vec<u64> = waiting(&mut store).iter().map(|r| r.seq).collect();
        assert!(
            read.iter().copied().eq(1..=kept),
            "{cut} bytes cut: {read:?}"
        );
        assert_eq!(store.stats().damage(), None);
    }
}

#[tokio::test]
async fn damage_at_work_is_noticed_and_the_order_goes_on_in_a_new_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("spool.db");
    let (spool, worker) = Spool::open(&path, Quota::default()).unwrap();
    let thread = std::thread::spawn(move || worker.run());
    // More than the database keeps in its cache, so that it reads the disk.
    for _ in 0..40 {
        let group = (0..10).map(|_| record(Class::Incident, 30_000)).collect();
        spool.append(group).await.unwrap();
    }
    let end = fs::metadata(&path).unwrap().len();
    overwrite(&path, PAGE * 40, &vec![0xFF; (end - PAGE * 40) as usize]);
    let _log_may_still_hold_the_newest = spool.pending(1000, HashSet::new()).await;
    let appended = spool
        .append(vec![record(Class::Incident, 10)])
        .await
        .unwrap();
    assert_eq!(appended[0].seq, 401, "the order of the boot goes on");
    let stats = spool.stats().borrow().clone();
    assert_eq!(stats.fault, None);
    assert!(stats.damage().is_some());
    let waiting = spool.pending(1000, HashSet::new()).await.unwrap();
    assert_eq!(waiting.last().map(|r| r.seq), Some(401));
    drop(spool);
    thread.join().unwrap();
}

#[test]
fn the_quota_covers_the_file_with_all_that_belongs_to_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("spool.db");
    let total = 6 << 20;
    let quota = Quota {
        total,
        reserved: 0,
        classes: [u64::MAX; 6],
    };
    let mut store = Store::open(&path, quota, Uuid::new_v4()).unwrap();
    for bytes in [700, 1300, 1800, 2500, 5000, 60_000, 200, 9000] {
        let enough = total / room(bytes) + 20;
        store
            .transaction(|store| {
                (0..enough).try_for_each(|_| {
                    store
                        .append(record(Class::Snapshot, bytes as usize))
                        .map(drop)
                })
            })
            .unwrap();
        assert!(store.stats().room <= total);
        assert!(
            store.stats().given_up > 0,
            "{bytes}: the quota was not reached"
        );
    }
    store.transaction(|_| Ok(())).unwrap();
    // Closing writes the log back into the file.
    let told: u64 = store.stats().untold * 300;
    drop(store);
    let length = fs::metadata(&path).unwrap().len();
    assert!(length <= total + told + LOG, "{length} bytes on the disk");
}

#[test]
fn a_class_that_is_full_gives_up_its_own_oldest() {
    let dir = tempfile::tempdir().unwrap();
    let mut classes = [u64::MAX; 6];
    classes[Class::Clip as usize] = 2 * room(100);
    let quota = Quota {
        classes,
        ..Quota::default()
    };
    let mut store = Store::open(&dir.path().join("spool.db"), quota, Uuid::new_v4()).unwrap();
    for class in [Class::Telemetry, Class::Clip, Class::Clip, Class::Clip] {
        store
            .transaction(|store| store.append(record(class, 100)).map(drop))
            .unwrap();
    }
    let left: Vec<(Class, u64)> = waiting(&mut store)
        .iter()
        .filter(|r| r.number > 0)
        .map(|r| (r.class, r.seq))
        .collect();
    assert_eq!(
        left,
        [(Class::Clip, 3), (Class::Clip, 4), (Class::Telemetry, 1)]
    );
}

#[test]
fn a_backlog_drains_in_windows_without_reading_it_over() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(&dir.path().join("spool.db"));
    store
        .transaction(|store| {
            (0..20_000).try_for_each(|_| store.append(record(Class::Incident, 50)).map(drop))
        })
        .unwrap();
    let mut drained = 0;
    while store.stats().pending > 0 {
        store
            .transaction(|store| {
                let window = store.pending(64, &HashSet::new())?;
                drained += window.len();
                let numbers: Vec<i64> = window.iter().map(|r| r.number).collect();
                store.acknowledge(&numbers)
            })
            .unwrap();
    }
    assert_eq!(drained, 20_000);
}
