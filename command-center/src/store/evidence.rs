//! Evidence as files named by their SHA-256. A part may come in chunks, in any order, and more than once; it counts as
//! here only when all its bytes are, and their hash is the one in the header. Names of files are made here and never
//! come from a message.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use protocol::{EvidenceHeader, Utc};
use rusqlite::{Connection, OptionalExtension, params};
use sha2::{Digest, Sha256};

use super::{
    StoreError, micros,
    record::{Outcome, Refused},
    sequence,
};

/// Where evidence lies.
#[derive(Clone, Debug)]
pub(super) struct EvidenceFolder {
    root: PathBuf,
    max_bytes: u64,
}

impl EvidenceFolder {
    pub(super) fn open(root: &Path, max_bytes: u64) -> Result<Self, StoreError> {
        let folder = EvidenceFolder {
            root: root.to_owned(),
            max_bytes,
        };
        let partial = folder.root.join("partial");
        fs::create_dir_all(&partial).map_err(|source| StoreError::File {
            path: partial,
            source,
        })?;
        Ok(folder)
    }

    /// The file of a part that is complete.
    pub(super) fn file(&self, sha256: &str) -> PathBuf {
        self.root.join(sha256.get(..2).unwrap_or("xx")).join(sha256)
    }

    fn partial(&self, id: i64) -> PathBuf {
        self.root.join("partial").join(id.to_string())
    }
}

/// Takes one chunk.
pub(super) fn take(
    connection: &Connection,
    folder: &EvidenceFolder,
    node_id: i64,
    header: &EvidenceHeader,
    chunk: &[u8],
    now: Utc,
) -> Result<Outcome, Refused> {
    check(header, chunk, folder.max_bytes)?;
    let owner: Option<i64> = connection
        .prepare_cached("SELECT node_id FROM incident WHERE id = ?1")
        .and_then(|mut s| {
            s.query_row([header.incident_id.to_string()], |row| row.get(0))
                .optional()
        })?;
    if owner.is_some_and(|owner| owner != node_id) {
        return Err(Refused::message("the incident belongs to another node"));
    }
    let part = Part::find(connection, node_id, header)?;
    sequence::note(connection, node_id, header.bootid, header.seq, now)?;
    if part.complete || part.has(connection, header.offset, chunk.len())? {
        return Ok(Outcome::Duplicate);
    }
    let path = folder.partial(part.id);
    write_at(&path, header.offset, chunk).map_err(|source| StoreError::File {
        path: path.clone(),
        source,
    })?;
    let received = part.add(connection, header.offset, chunk.len())?;
    if received < header.total {
        return Ok(Outcome::Stored);
    }
    finish(connection, folder, &part, header, now)
}

fn check(header: &EvidenceHeader, chunk: &[u8], max_bytes: u64) -> Result<(), Refused> {
    let type_ok = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"/+-.".contains(&b);
    if !is_sha256(&header.sha256) {
        return Err(Refused::message(
            "sha256 is not 64 lower-case hexadecimal digits",
        ));
    }
    if header.content_type.len() > 64 || !header.content_type.bytes().all(type_ok) {
        return Err(Refused::message("content_type is no media type"));
    }
    if header.total > max_bytes {
        return Err(Refused::Message(format!(
            "the part has {} bytes, at most {max_bytes} are taken (evidence_max_bytes)",
            header.total
        )));
    }
    if chunk.is_empty() {
        return Err(Refused::message("the chunk is empty"));
    }
    Ok(())
}

/// Whether it is written as a SHA-256 is: a file is named by it.
pub(super) fn is_sha256(text: &str) -> bool {
    let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    text.len() == 64 && text.bytes().all(hex)
}

struct Part {
    id: i64,
    complete: bool,
}

impl Part {
    fn find(
        connection: &Connection,
        node_id: i64,
        header: &EvidenceHeader,
    ) -> Result<Part, Refused> {
        let key = params![
            header.incident_id.to_string(),
            header.part.as_str(),
            header.sha256
        ];
        let found = connection
            .prepare_cached(
                "SELECT id, node_id, total, complete_us IS NOT NULL FROM evidence
                 WHERE incident_id = ?1 AND part = ?2 AND sha256 = ?3",
            )?
            .query_row(key, |row| {
                Ok((
                    row.get(0)?,
                    row.get::<_, i64>(1)?,
                    row.get::<_, i64>(2)?,
                    row.get(3)?,
                ))
            })
            .optional()?;
        let Some((id, owner, total, complete)) = found else {
            connection
                .prepare_cached(
                    "INSERT INTO evidence (incident_id, part, sha256, node_id, content_type, total)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                )?
                .execute(params![
                    header.incident_id.to_string(),
                    header.part.as_str(),
                    header.sha256,
                    node_id,
                    header.content_type,
                    header.total.cast_signed(),
                ])?;
            return Ok(Part {
                id: connection.last_insert_rowid(),
                complete: false,
            });
        };
        if owner != node_id {
            return Err(Refused::message("the evidence belongs to another node"));
        }
        if total.cast_unsigned() != header.total {
            return Err(Refused::message(
                "earlier chunks of this part named another length",
            ));
        }
        Ok(Part { id, complete })
    }

    fn has(&self, connection: &Connection, offset: u64, length: usize) -> Result<bool, StoreError> {
        let found = connection
            .prepare_cached(
                "SELECT 1 FROM evidence_chunk WHERE evidence_id = ?1 AND first <= ?2 AND after >= ?3",
            )?
            .exists(params![
                self.id,
                offset.cast_signed(),
                (offset + length as u64).cast_signed()
            ])?;
        Ok(found)
    }

    /// Notes a chunk and answers how many bytes of the part are here.
    fn add(&self, connection: &Connection, offset: u64, length: usize) -> Result<u64, StoreError> {
        let after = offset + length as u64;
        connection
            .prepare_cached("INSERT OR IGNORE INTO evidence_chunk VALUES (?1, ?2, ?3)")?
            .execute(params![self.id, offset.cast_signed(), after.cast_signed()])?;
        let mut statement = connection.prepare_cached(
            "SELECT first, after FROM evidence_chunk WHERE evidence_id = ?1 ORDER BY first",
        )?;
        let mut rows = statement.query([self.id])?;
        let (mut covered, mut reached) = (0_i64, 0_i64);
        while let Some(row) = rows.next()? {
            let (first, after): (i64, i64) = (row.get(0)?, row.get(1)?);
            covered += (after - first.max(reached)).max(0);
            reached = reached.max(after);
        }
        connection
            .prepare_cached("UPDATE evidence SET received = ?2 WHERE id = ?1")?
            .execute(params![self.id, covered])?;
        Ok(covered.cast_unsigned())
    }
}

/// Checks the hash of a whole part and gives the file its name. A part with another hash is forgotten whole, so that
/// it can be sent again.
fn finish(
    connection: &Connection,
    folder: &EvidenceFolder,
    part: &Part,
    header: &EvidenceHeader,
    now: Utc,
) -> Result<Outcome, Refused> {
    let partial = folder.partial(part.id);
    let path = folder.file(&header.sha256);
    let failed = |source| StoreError::File {
        path: path.clone(),
        source,
    };
    connection.execute(
        "DELETE FROM evidence_chunk WHERE evidence_id = ?1",
        [part.id],
    )?;
    // a crash between renaming and committing leaves the file under its final name
    let named_before =
        path.try_exists().map_err(failed)? && hash(&path).map_err(failed)? == header.sha256;
    if named_before {
        forget(&partial);
    } else {
        let found = hash(&partial).map_err(failed)?;
        if found != header.sha256 {
            forget(&partial);
            connection.execute("DELETE FROM evidence WHERE id = ?1", [part.id])?;
            return Ok(Outcome::Parked(format!(
                "evidence {} of incident {} has SHA-256 {found}, its header says {}",
                header.part, header.incident_id, header.sha256
            )));
        }
        name(&partial, &path).map_err(failed)?;
    }
    connection.execute(
        "UPDATE evidence SET complete_us = ?2 WHERE id = ?1",
        params![part.id, micros(now)],
    )?;
    Ok(Outcome::Stored)
}

fn write_at(path: &Path, offset: u64, chunk: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)?;
    file.seek(SeekFrom::Start(offset))?;
    file.write_all(chunk)?;
    file.sync_data()
}

/// Renames, and syncs the folder, without which a power cut may undo the renaming.
fn name(from: &Path, to: &Path) -> io::Result<()> {
    let folder = to.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    fs::rename(from, to)?;
    File::open(folder)?.sync_all()
}

fn forget(partial: &Path) {
    if let Err(error) = fs::remove_file(partial) {
        tracing::warn!(file = %partial.display(), %error, "cannot remove broken evidence");
    }
}

fn hash(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 64 << 10];
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            return Ok(hex(&hasher.finalize()));
        }
        hasher.update(buffer.get(..read).unwrap_or_default());
    }
}

/// Lower-case hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a String cannot fail");
        text
    })
}
