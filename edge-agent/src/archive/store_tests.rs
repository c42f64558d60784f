//! Which clips go, when, and what a disk that fails or a restart leaves.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use jiff::SignedDuration;
use protocol::incident::{CaptureBasis, ClockQuality, IncidentTime, ModelRef, RuleRef};

use super::*;
use crate::archive::sidecar::Sealed;

const SEALED: &[u8] = &[7; 1000];
const LIMITS: Limits = Limits {
    max_bytes: 1 << 20,
    keep: Duration::from_secs(86_400),
    keep_free: 0,
};

/// The sidecar of an incident so many minutes after the hour.
fn sidecar(number: u128, severity: Severity, minute: i64) -> Sidecar {
    let at = now() + SignedDuration::from_mins(minute);
    Sidecar {
        format: 1,
        incident: Uuid::from_u128(number),
        camera: "gate".parse().unwrap(),
        rule: RuleRef {
            id: "in".parse().unwrap(),
            kind: "intrusion".parse().unwrap(),
            revision: String::new(),
        },
        severity,
        time: IncidentTime {
            capture: at,
            capture_basis: CaptureBasis::Arrival,
            arrival: at,
            decided: at,
            clock: ClockQuality {
                synchronised: true,
                estimated_error_ms: None,
            },
            corrected_by_ms: None,
        },
        model: ModelRef {
            name: "m".to_owned(),
            sha256: String::new(),
        },
        config_revision: String::new(),
        begins: at,
        ends: at,
        codec: "h264".to_owned(),
        pictures: 1,
        bytes: 1,
        sha256: String::new(),
        sealed: Sealed {
            bytes: SEALED.len() as u64,
            ..Sealed::default()
        },
        tracks: Vec::new(),
    }
}

fn now() -> Utc {
    "2026-07-01T10:00:00Z".parse().unwrap()
}

fn open(folder: &Path, limits: Limits) -> Store {
    Store::open(folder, limits, Box::new(Real), Some(now())).unwrap()
}

/// The incidents that are there.
fn there(store: &Store) -> Vec<u128> {
    let all = (1..=9).filter(|n| store.get(Uuid::from_u128(*n)).unwrap().is_some());
    all.collect()
}

fn files(folder: &Path) -> Vec<String> {
    let files = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = files
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn the_least_severe_goes_first_and_of_them_the_oldest() {
    let folder = tempfile::tempdir().unwrap();
    let one = SEALED.len()
        + serde_json::to_vec(&sidecar(1, Severity::Alarm, 1))
            .unwrap()
            .len();
    let limits = Limits {
        max_bytes: one as u64 * 3 + 100,
        ..LIMITS
    };
    let mut store = open(folder.path(), limits);
    let mut put = |n, severity, minute| {
        let put = store.put(SEALED, &sidecar(n, severity, minute));
        (put.is_ok(), there(&store))
    };
    assert_eq!(put(1, Severity::Alarm, 1), (true, vec![1]));
    assert_eq!(put(2, Severity::Warning, 3), (true, vec![1, 2]));
    assert_eq!(put(3, Severity::Warning, 2), (true, vec![1, 2, 3]));
    assert_eq!(
        put(4, Severity::Alarm, 4),
        (true, vec![1, 2, 4]),
        "the older warning"
    );
    assert_eq!(
        put(5, Severity::Critical, 5),
        (true, vec![1, 4, 5]),
        "the last warning"
    );
    assert_eq!(
        put(6, Severity::Alarm, 6),
        (true, vec![4, 5, 6]),
        "the oldest alarm"
    );
    assert_eq!(
        put(7, Severity::Info, 7),
        (false, vec![4, 5, 6]),
        "what matters more stays"
    );
    let told = store.told();
    assert_eq!((told.clips, told.given_up), (3, 3));
    assert_eq!(told.oldest, Some(now() + SignedDuration::from_mins(4)));
    let on_disk: u64 = files(folder.path())
        .iter()
        .map(|name| fs::metadata(folder.path().join(name)).unwrap().len())
        .sum();
    assert_eq!(told.bytes, on_disk);
    assert!(told.bytes <= limits.max_bytes);
}

#[test]
fn what_is_too_old_goes_however_severe() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(folder.path(), LIMITS);
    store
        .put(SEALED, &sidecar(1, Severity::Critical, 0))
        .unwrap();
    store.put(SEALED, &sidecar(2, Severity::Info, 2)).unwrap();
    store.forget_old(Some(
        now() + SignedDuration::from_hours(24) + SignedDuration::from_mins(1),
    ));
    assert_eq!(there(&store), [2]);
    // A clock that fell back to the beginning of time makes nothing old, nor does one that nobody trusts.
    store.forget_old(Some(Utc::UNIX_EPOCH));
    store.forget_old(None);
    assert_eq!(there(&store), [2]);
    drop(store);
    let later = now() + SignedDuration::from_hours(48);
    let store = Store::open(folder.path(), LIMITS, Box::new(Real), Some(later)).unwrap();
    assert_eq!((there(&store), store.told().bytes), (vec![], 0));
    assert_eq!(files(folder.path()), Vec::<String>::new());
}

#[test]
fn a_restart_knows_what_is_whole_and_removes_what_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(folder.path(), LIMITS);
    for n in 1..=4 {
        store
            .put(SEALED, &sidecar(n, Severity::Alarm, n as i64))
            .unwrap();
    }
    let told = store.told();
    drop(store);
    let file = |n, end| folder.path().join(format!("{}.{end}", Uuid::from_u128(n)));
    fs::write(file(9, "mp4.age.tmp"), "half").unwrap();
    fs::write(file(8, "json.tmp"), "half").unwrap();
    fs::remove_file(file(1, "mp4.age")).unwrap();
    fs::remove_file(file(2, "json")).unwrap();
    fs::write(file(3, "mp4.age"), &SEALED[..500]).unwrap();
    fs::write(folder.path().join("a note of somebody's"), "kept").unwrap();
    let store = open(folder.path(), LIMITS);
    assert_eq!(there(&store), [4]);
    assert_eq!(store.told().bytes, told.bytes / 4);
    let (sealed, beside) = store.get(Uuid::from_u128(4)).unwrap().unwrap();
    assert_eq!(
        (sealed, beside),
        (SEALED.to_vec(), sidecar(4, Severity::Alarm, 4))
    );
    let four = Uuid::from_u128(4);
    let left = [
        format!("{four}.json"),
        format!("{four}.mp4.age"),
        "a note of somebody's".to_owned(),
    ];
    assert_eq!(files(folder.path()), left);
}

/// A disk with so many bytes left, which is not known before it is full.
pub(in crate::archive) struct Small(pub(in crate::archive) Arc<AtomicU64>);

impl Disk for Small {
    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let left = self.0.load(Ordering::Relaxed) as usize;
        Real.write(path, &bytes[..bytes.len().min(left)])?;
        self.0
            .fetch_sub(bytes.len().min(left) as u64, Ordering::Relaxed);
        if bytes.len() > left {
            return Err(io::ErrorKind::StorageFull.into());
        }
        Ok(())
    }

    fn free(&self, _: &Path) -> io::Result<u64> {
        Ok(u64::MAX)
    }
}

#[test]
fn a_disk_that_becomes_full_keeps_nothing_half_and_is_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    let left = Arc::new(AtomicU64::new(1200));
    let disk = Box::new(Small(Arc::clone(&left)));
    let mut store = Store::open(folder.path(), LIMITS, disk, Some(now())).unwrap();
    let refused = store
        .put(SEALED, &sidecar(1, Severity::Critical, 1))
        .unwrap_err();
    assert_eq!(refused.cause, "full");
    assert_eq!(files(folder.path()), Vec::<String>::new());
    assert_eq!(store.told().bytes, 0);
    left.store(1 << 20, Ordering::Relaxed);
    store
        .put(SEALED, &sidecar(1, Severity::Critical, 1))
        .unwrap();
    assert_eq!(there(&store), [1]);
}

#[test]
fn room_is_left_to_others_on_the_disk() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(folder.path(), LIMITS);
    store.put(SEALED, &sidecar(1, Severity::Alarm, 1)).unwrap();
    drop(store);
    let limits = Limits {
        keep_free: u64::MAX,
        ..LIMITS
    };
    let mut store = open(folder.path(), limits);
    let refused = store
        .put(SEALED, &sidecar(2, Severity::Alarm, 2))
        .unwrap_err();
    assert!(refused.why.contains("keep_free_mib"), "{}", refused.why);
    assert_eq!(
        there(&store),
        Vec::<u128>::new(),
        "and others gave way before"
    );
}
