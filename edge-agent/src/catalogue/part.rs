//! A download that is not whole yet: `FILE.part` beside where the file will be, and `FILE.part.json` with where it comes
//! from. Both outlive the process, so that a later try goes on where this one ended. Only a finished part becomes the
//! file, in one step.

use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::install::sync_folder;
use crate::inference::manifest::sha256_hex_of;

/// An open part, locked against other processes.
#[derive(Debug)]
pub(super) struct Part {
    path: PathBuf,
    file: File,
    length: u64,
    origin: Origin,
}

/// Where the bytes of a part come from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Origin {
    pub(super) address: String,
    /// What changes when the file there does.
    pub(super) validator: Option<String>,
}

impl Part {
    /// Opens or creates the part of a file; what it holds already is kept.
    pub(super) fn open(target: &Path) -> io::Result<Part> {
        let path = with_ending(target, ".part");
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)?;
        file.try_lock().map_err(|e| match e {
            TryLockError::WouldBlock => io::Error::other("another process is fetching this file"),
            TryLockError::Error(e) => e,
        })?;
        let length = file.metadata()?.len();
        // A note that cannot be read says as much as none: the hash decides in the end.
        let note = fs::read(with_ending(&path, ".json")).unwrap_or_default();
        let mut part = Part {
            file,
            length,
            origin: serde_json::from_slice(&note).unwrap_or_default(),
            path,
        };
        part.file.seek(SeekFrom::End(0))?;
        Ok(part)
    }

    /// Bytes that are here.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// What to ask for with the rest, if it comes from the same address.
    pub(super) fn validator(&self, address: &str) -> Option<&str> {
        let same = self.origin.address == address;
        self.origin.validator.as_deref().filter(|_| same)
    }

    /// Notes where the next bytes come from.
    pub(super) fn set_origin(&mut self, origin: Origin) -> io::Result<()> {
        if self.origin != origin {
            fs::write(
                with_ending(&self.path, ".json"),
                serde_json::to_vec(&origin)?,
            )?;
            self.origin = origin;
        }
        Ok(())
    }

    /// Appends bytes.
    pub(super) fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.length += bytes.len() as u64;
        Ok(())
    }

    /// Forgets all bytes.
    pub(super) fn start_over(&mut self) -> io::Result<()> {
        self.file.set_len(0)?;
        self.file.seek(SeekFrom::Start(0))?;
        self.length = 0;
        Ok(())
    }

    /// SHA-256 of what is here, in lower-case hexadecimal.
    pub(super) fn sha256(&mut self) -> io::Result<String> {
        self.file.seek(SeekFrom::Start(0))?;
        sha256_hex_of(&self.file)
    }

    /// Its first bytes, `most` at the most.
    pub(super) fn beginning(&mut self, most: u64) -> io::Result<Vec<u8>> {
        self.file.seek(SeekFrom::Start(0))?;
        let mut bytes = Vec::new();
        Read::by_ref(&mut self.file)
            .take(most)
            .read_to_end(&mut bytes)?;
        self.file.seek(SeekFrom::End(0))?;
        Ok(bytes)
    }

    /// Makes it the file: on the disk first, then under its name.
    pub(super) fn finish(self, target: &Path) -> io::Result<()> {
        self.file.sync_all()?;
        fs::rename(&self.path, target)?;
        sync_folder(target.parent().unwrap_or(Path::new(".")))?;
        remove(&with_ending(&self.path, ".json"))
    }

    /// Removes it.
    pub(super) fn discard(self) -> io::Result<()> {
        remove(&with_ending(&self.path, ".json"))?;
        remove(&self.path)
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    }
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(ending);
    PathBuf::from(name)
}
