//! Clips as files: two an incident, `ID.mp4.age` and `ID.json`, whole or not there.
//!
//! A file is written under another name, synced, and then renamed; the sidecar first, so that a clip never lies there
//! without one. What an interruption left is removed at the next start. Room is bounded: the least severe go first, and
//! of them the oldest; each is counted.

use std::{
    collections::BTreeMap,
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use protocol::{ArchiveHealth, Severity, Utc};
use uuid::Uuid;

use super::sidecar::Sidecar;

/// How a clip's file ends.
const CLIP: &str = "mp4.age";
/// How its sidecar's does.
const BESIDE: &str = "json";
/// How a file ends that is being written.
const UNFINISHED: &str = "tmp";

/// Bounds of the archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// All files together, in bytes.
    pub max_bytes: u64,
    /// Nothing is kept for longer.
    pub keep: Duration,
    /// So much of the disk is left to others, in bytes: the spool above all.
    pub keep_free: u64,
}

/// A clip is not kept.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct NotKept {
    /// One word for figures.
    pub cause: &'static str,
    /// Why, in words for people.
    pub why: String,
}

impl NotKept {
    pub(super) fn new(cause: &'static str, why: impl ToString) -> NotKept {
        NotKept {
            cause,
            why: why.to_string(),
        }
    }

    fn io(path: &Path, error: &io::Error) -> NotKept {
        let full = matches!(
            error.kind(),
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
        );
        let cause = if full { "full" } else { "disk" };
        NotKept::new(cause, format!("{}: {error}", path.display()))
    }
}

/// What the archive does on a disk and a test may do elsewhere.
pub trait Disk: Send {
    /// Writes a new file and syncs it.
    ///
    /// # Errors
    /// What the disk says.
    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()>;

    /// Bytes that are free there.
    ///
    /// # Errors
    /// What the disk says.
    fn free(&self, folder: &Path) -> io::Result<u64>;
}

/// The node's own disk.
pub struct Real;

impl Disk for Real {
    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut options = OpenOptions::new();
        let mut file = options
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(path)?;
        file.write_all(bytes)?;
        file.sync_all()
    }

    fn free(&self, folder: &Path) -> io::Result<u64> {
        let found = rustix::fs::statvfs(folder)?;
        Ok(found.f_bavail.saturating_mul(found.f_frsize))
    }
}

/// A clip that lies there.
#[derive(Clone, Copy, Debug)]
struct Kept {
    severity: Severity,
    opened: Utc,
    bytes: u64,
}

/// See the module.
pub struct Store {
    folder: PathBuf,
    limits: Limits,
    disk: Box<dyn Disk>,
    kept: BTreeMap<Uuid, Kept>,
    bytes: u64,
    given_up: u64,
    lost: u64,
}

impl Store {
    /// Opens the folder, removes what is half-written, and what is too old at `now`, if that is known.
    ///
    /// # Errors
    /// If the folder cannot be made or read.
    pub fn open(
        folder: &Path,
        limits: Limits,
        disk: Box<dyn Disk>,
        now: Option<Utc>,
    ) -> Result<Store, NotKept> {
        let mut store = Store {
            folder: folder.to_owned(),
            limits,
            disk,
            kept: BTreeMap::new(),
            bytes: 0,
            given_up: 0,
            lost: 0,
        };
        store.read().map_err(|error| NotKept::io(folder, &error))?;
        store.forget_old(now);
        Ok(store)
    }

    fn read(&mut self) -> io::Result<()> {
        fs::create_dir_all(&self.folder)?;
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            let name = path
                .file_name()
                .and_then(|name| name.to_str())
                .unwrap_or_default();
            let Some((id, end)) = name.split_once('.') else {
                continue;
            };
            let Ok(id) = id.parse::<Uuid>() else { continue };
            if end.ends_with(UNFINISHED) {
                remove(&path);
            } else if end == CLIP || end == BESIDE {
                match self.sidecar(id) {
                    Some(sidecar) if self.length(id, CLIP) == Some(sidecar.sealed.bytes) => {
                        self.note(id, &sidecar);
                    }
                    _ => {
                        tracing::warn!(file = %path.display(), "half of a clip is removed");
                        remove(&path);
                    }
                }
            }
        }
        Ok(())
    }

    fn sidecar(&self, incident: Uuid) -> Option<Sidecar> {
        let text = fs::read(self.path(incident, BESIDE)).ok()?;
        serde_json::from_slice(&text).ok()
    }

    fn length(&self, incident: Uuid, end: &str) -> Option<u64> {
        fs::metadata(self.path(incident, end))
            .ok()
            .map(|found| found.len())
    }

    fn note(&mut self, incident: Uuid, sidecar: &Sidecar) {
        let beside = self.length(incident, BESIDE).unwrap_or_default();
        let kept = Kept {
            severity: sidecar.severity,
            opened: sidecar.time.arrival,
            bytes: sidecar.sealed.bytes + beside,
        };
        let before = self.kept.insert(incident, kept);
        self.bytes = self.bytes + kept.bytes - before.map_or(0, |before| before.bytes);
    }

    /// Keeps a clip, and forgets others as far as there must be room for it.
    ///
    /// # Errors
    /// There is no room but that of more severe ones, or the disk fails: then nothing of it is there.
    pub fn put(&mut self, sealed: &[u8], sidecar: &Sidecar) -> Result<(), NotKept> {
        let incident = sidecar.incident;
        let beside = serde_json::to_vec(sidecar).map_err(|e| NotKept::new("disk", e))?;
        self.make_room(sidecar.severity, (sealed.len() + beside.len()) as u64)?;
        let written = self
            .write(incident, BESIDE, &beside)
            .and_then(|()| self.write(incident, CLIP, sealed))
            .and_then(|()| self.sync());
        if let Err(error) = written {
            for end in [CLIP, BESIDE] {
                remove(&self.path(incident, end));
                remove(&self.unfinished(incident, end));
            }
            return Err(NotKept::io(&self.path(incident, CLIP), &error));
        }
        self.note(incident, sidecar);
        Ok(())
    }

    fn write(&self, incident: Uuid, end: &str, bytes: &[u8]) -> io::Result<()> {
        let unfinished = self.unfinished(incident, end);
        self.disk.write(&unfinished, bytes)?;
        fs::rename(unfinished, self.path(incident, end))
    }

    /// Makes names last.
    fn sync(&self) -> io::Result<()> {
        File::open(&self.folder)?.sync_all()
    }

    fn make_room(&mut self, severity: Severity, bytes: u64) -> Result<(), NotKept> {
        let Limits {
            max_bytes,
            keep_free,
            ..
        } = self.limits;
        loop {
            let free = self.disk.free(&self.folder);
            let free = free.map_err(|error| NotKept::io(&self.folder, &error))?;
            let why = if self.bytes + bytes > max_bytes {
                format!("clips may take {max_bytes} bytes (archive.max_mib)")
            } else if free < keep_free.saturating_add(bytes) {
                format!(
                    "{free} bytes of the disk are free, and {keep_free} are left to others (archive.keep_free_mib)"
                )
            } else {
                return Ok(());
            };
            let first = self
                .first_to_go()
                .filter(|(_, kept)| kept.severity <= severity);
            let Some((incident, _)) = first else {
                return Err(NotKept::new(
                    "full",
                    format!("{why}, and what is there matters more"),
                ));
            };
            self.forget(incident);
        }
    }

    /// The least severe, and of them the oldest.
    fn first_to_go(&self) -> Option<(Uuid, Kept)> {
        let kept = self.kept.iter().map(|(incident, kept)| (*incident, *kept));
        kept.min_by_key(|(incident, kept)| (kept.severity, kept.opened, *incident))
    }

    /// Forgets what is older at `now` than it may become; nothing where the time is not known.
    pub fn forget_old(&mut self, now: Option<Utc>) {
        let Some(now) = now else { return };
        let old = |kept: &Kept| now.duration_since(kept.opened).unsigned_abs() > self.limits.keep;
        let kept = self
            .kept
            .iter()
            .filter(|(_, kept)| kept.opened < now && old(kept));
        let old: Vec<Uuid> = kept.map(|(incident, _)| *incident).collect();
        old.into_iter().for_each(|incident| self.forget(incident));
    }

    fn forget(&mut self, incident: Uuid) {
        if let Some(kept) = self.kept.remove(&incident) {
            self.bytes -= kept.bytes;
            self.given_up += 1;
            // The clip first: without its sidecar it would be half of one.
            remove(&self.path(incident, CLIP));
            remove(&self.path(incident, BESIDE));
        }
    }

    /// An incident's clip, sealed, and its sidecar.
    ///
    /// # Errors
    /// It is there and cannot be read.
    pub fn get(&self, incident: Uuid) -> Result<Option<(Vec<u8>, Sidecar)>, String> {
        if !self.kept.contains_key(&incident) {
            return Ok(None);
        }
        let path = self.path(incident, CLIP);
        let sealed = fs::read(&path).map_err(|e| format!("{}: {e}", path.display()))?;
        let sidecar = self
            .sidecar(incident)
            .ok_or_else(|| format!("{}: cannot be read", self.path(incident, BESIDE).display()))?;
        Ok(Some((sealed, sidecar)))
    }

    /// Counts a clip that could not be kept.
    pub fn note_lost(&mut self) {
        self.lost += 1;
    }

    /// Its figures.
    pub fn told(&self) -> ArchiveHealth {
        ArchiveHealth {
            clips: self.kept.len() as u64,
            bytes: self.bytes,
            max_bytes: self.limits.max_bytes,
            given_up: self.given_up,
            lost: self.lost,
            oldest: self.kept.values().map(|kept| kept.opened).min(),
        }
    }

    fn path(&self, incident: Uuid, end: &str) -> PathBuf {
        self.folder.join(format!("{incident}.{end}"))
    }

    fn unfinished(&self, incident: Uuid, end: &str) -> PathBuf {
        self.folder.join(format!("{incident}.{end}.{UNFINISHED}"))
    }
}

/// Removes a file, if it is there.
fn remove(path: &Path) {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            tracing::warn!(file = %path.display(), %error, "a file of a clip cannot be removed");
        }
        _ => {}
    }
}

#[cfg(test)]
#[path = "store_tests.rs"]
pub(super) mod tests;
