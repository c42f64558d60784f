//! The spool's file: its tables, older formats of it, and what becomes of a damaged one.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use rusqlite::{Connection, ErrorCode};

use super::{SpoolError, quota::LOG, store::disk};

/// Format of the database, as `PRAGMA user_version`.
const FORMAT: i64 = 3;

const SCHEMA: &str = "
CREATE TABLE boot (
    number INTEGER PRIMARY KEY,
    id     TEXT NOT NULL UNIQUE
);
CREATE TABLE record (
    number  INTEGER PRIMARY KEY AUTOINCREMENT,
    boot    INTEGER NOT NULL REFERENCES boot (number),
    seq     INTEGER NOT NULL,
    class   INTEGER NOT NULL,
    rank    INTEGER NOT NULL,              -- 0 goes first, and is given up last
    topic   TEXT NOT NULL,
    bytes   INTEGER NOT NULL,
    state   INTEGER NOT NULL DEFAULT 0,    -- 0 waits, 1 set aside, 2 given up
    why     TEXT,                          -- of states 1 and 2
    told    INTEGER NOT NULL DEFAULT 0,    -- the centre knows that it will not come
    crc     INTEGER,                       -- CRC-32 of the payload; NULL from format 1
    payload BLOB,                          -- NULL once given up; last: what stands behind it is slow to reach
    UNIQUE (boot, seq)
);
CREATE INDEX waiting ON record (state, rank, number);
CREATE INDEX untold ON record (boot, number) WHERE state > 0 AND told = 0;
";

/// From format 2, and part of every new file: where the chain of manifests ends. A damaged file's is not taken over:
/// another chain begins.
const CHAIN: &str = "
CREATE TABLE chain (
    one    INTEGER PRIMARY KEY CHECK (one = 1),
    id     TEXT NOT NULL,
    key    TEXT NOT NULL,                  -- public key that signs it
    number INTEGER NOT NULL,               -- of its last manifest
    last   TEXT NOT NULL                   -- SHA-256 of that
);
";

/// From format 1: what was given up was kept, but never said.
const FROM_1: &str = "
ALTER TABLE record ADD COLUMN told INTEGER NOT NULL DEFAULT 0;
ALTER TABLE record ADD COLUMN crc INTEGER;
CREATE INDEX untold ON record (boot, number) WHERE state > 0 AND told = 0;
";

pub(crate) fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let db = Connection::open(path)?;
    let pages: i64 = db.pragma_query_value(None, "page_count", |row| row.get(0))?;
    if pages == 0 {
        // In a file that has pages this would write.
        db.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    }
    db.pragma_update(None, "journal_mode", "WAL")?;
    db.pragma_update(None, "synchronous", "FULL")?;
    db.pragma_update(None, "journal_size_limit", LOG as i64)?;
    let verdict: String = db.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if verdict == "ok" {
        // Not before: a damaged file is left as it is.
        db.execute_batch("PRAGMA incremental_vacuum")?;
        return Ok(db);
    }
    let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT);
    Err(rusqlite::Error::SqliteFailure(code, Some(verdict)))
}

pub(crate) fn is_damaged(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
    )
}

/// Renames the database and its log to the first free `.damaged-N`.
pub(crate) fn put_aside(path: &Path) -> io::Result<PathBuf> {
    let with = |suffix: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        PathBuf::from(name)
    };
    let mut n = 1;
    while with(&format!(".damaged-{n}")).try_exists()? {
        n += 1;
    }
    let aside = with(&format!(".damaged-{n}"));
    fs::rename(path, &aside)?;
    for log in ["-wal", "-shm"] {
        match fs::rename(with(log), with(&format!(".damaged-{n}{log}"))) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
            _ => {}
        }
    }
    Ok(aside)
}

/// Brings the database to [`FORMAT`].
pub(super) fn upgrade(db: &Connection, path: &Path) -> Result<(), SpoolError> {
    let found: i64 = db
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .map_err(disk)?;
    match found {
        FORMAT => Ok(()),
        0 => change(db, &[SCHEMA, CHAIN]),
        1 => change(db, &[FROM_1, CHAIN]),
        2 => change(db, &[CHAIN]),
        _ => Err(SpoolError::Format {
            path: path.to_owned(),
            found,
            known: FORMAT,
        }),
    }
}

/// Changes the database to [`FORMAT`], all or nothing.
fn change(db: &Connection, steps: &[&str]) -> Result<(), SpoolError> {
    let steps = steps.concat();
    let all = format!("BEGIN IMMEDIATE; {steps} PRAGMA user_version = {FORMAT}; COMMIT;");
    db.execute_batch(&all).map_err(disk)
}
