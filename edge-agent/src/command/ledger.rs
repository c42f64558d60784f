//! Which requests came and how they were answered: what makes a replay harmless, over restarts too.
//!
//! A request is noted before it is carried out, and its receipt afterwards; both are on the disk before anything else
//! happens. The latest time at which the centre asked anything is kept as well: no later request may be older than what
//! it has outlived, whatever this node's clock says.

use std::path::{Path, PathBuf};

use protocol::{CommandRequest, Receipt, Utc};
use rusqlite::{Connection, OptionalExtension, params};
use uuid::Uuid;

const FORMAT: i64 = 1;
const TABLES: &str = "
CREATE TABLE request (id TEXT PRIMARY KEY, expires_us INTEGER NOT NULL, receipt TEXT) STRICT, WITHOUT ROWID;
CREATE TABLE latest (one INTEGER PRIMARY KEY CHECK (one = 1), issued_us INTEGER NOT NULL) STRICT;
INSERT INTO latest VALUES (1, 0);
";

/// The ledger cannot be used; no command is carried out without it.
#[derive(Debug, thiserror::Error)]
#[error("commands {}: {why}", path.display())]
pub struct LedgerError {
    path: PathBuf,
    why: String,
}

/// What is known of a request.
#[derive(Clone, Debug, PartialEq)]
pub enum Seen {
    /// Nothing.
    Never,
    /// It was begun, and the agent ended before it was answered.
    Begun,
    /// It was answered.
    Answered(Box<Receipt>),
}

/// See the module.
pub struct Ledger {
    db: Connection,
    path: PathBuf,
}

impl Ledger {
    /// Opens or makes the ledger at `path`.
    ///
    /// # Errors
    /// If the file cannot be used, or a later version wrote it.
    pub fn open(path: &Path) -> Result<Ledger, LedgerError> {
        let failed = |why: String| LedgerError {
            path: path.to_owned(),
            why,
        };
        let make = || -> rusqlite::Result<(Connection, i64)> {
            let db = Connection::open(path)?;
            db.pragma_update(None, "journal_mode", "WAL")?;
            db.pragma_update(None, "synchronous", "FULL")?;
            let format = db.pragma_query_value(None, "user_version", |row| row.get(0))?;
            if format == 0 {
                db.execute_batch(&format!(
                    "BEGIN;{TABLES}PRAGMA user_version = {FORMAT};COMMIT;"
                ))?;
            }
            Ok((db, format))
        };
        let (db, format) = make().map_err(|e| failed(e.to_string()))?;
        if format > FORMAT {
            let why =
                format!("format {format} is later than {FORMAT}: run the version that wrote it");
            return Err(failed(why));
        }
        Ok(Ledger {
            db,
            path: path.to_owned(),
        })
    }

    /// What is known of `request`.
    ///
    /// # Errors
    /// If the disk failed.
    pub fn seen(&self, request: Uuid) -> Result<Seen, LedgerError> {
        let row: Option<Option<String>> = self
            .db
            .prepare_cached("SELECT receipt FROM request WHERE id = ?1")
            .and_then(|mut select| {
                let row = select.query_row([request.to_string()], |row| row.get(0));
                row.optional()
            })
            .map_err(|e| self.failed(&e))?;
        Ok(match row {
            None => Seen::Never,
            Some(None) => Seen::Begun,
            Some(Some(text)) => match serde_json::from_str(&text) {
                Ok(receipt) => Seen::Answered(Box::new(receipt)),
                Err(_) => Seen::Begun,
            },
        })
    }

    /// The latest time at which the centre asked anything that was heeded; 1970 if it never did.
    ///
    /// # Errors
    /// If the disk failed.
    pub fn latest(&self) -> Result<Utc, LedgerError> {
        let micros: i64 = self
            .db
            .query_row("SELECT issued_us FROM latest", [], |row| row.get(0))
            .map_err(|e| self.failed(&e))?;
        Ok(Utc::from_microsecond(micros).unwrap_or(Utc::UNIX_EPOCH))
    }

    /// Notes that a request is going to be carried out, and forgets those that expired before the latest was asked:
    /// they would be refused as stale.
    ///
    /// # Errors
    /// If the disk failed; nothing was noted.
    pub fn begin(&mut self, request: &CommandRequest) -> Result<(), LedgerError> {
        let note = |db: &mut Connection| -> rusqlite::Result<()> {
            let tx = db.transaction()?;
            tx.execute(
                "UPDATE latest SET issued_us = max(issued_us, ?1)",
                [request.issued.as_microsecond()],
            )?;
            tx.execute(
                "DELETE FROM request WHERE expires_us <= (SELECT issued_us FROM latest)",
                [],
            )?;
            tx.execute(
                "INSERT INTO request VALUES (?1, ?2, NULL)",
                params![
                    request.request.to_string(),
                    request.expires.as_microsecond()
                ],
            )?;
            tx.commit()
        };
        note(&mut self.db).map_err(|e| self.failed(&e))
    }

    /// Keeps the answer to a request that was begun.
    ///
    /// # Errors
    /// If the disk failed.
    pub fn finish(&self, receipt: &Receipt) -> Result<(), LedgerError> {
        let text = serde_json::to_string(receipt).expect("plain data with text keys becomes JSON");
        self.db
            .execute(
                "UPDATE request SET receipt = ?2 WHERE id = ?1",
                params![receipt.request.to_string(), text],
            )
            .map(drop)
            .map_err(|e| self.failed(&e))
    }

    fn failed(&self, error: &rusqlite::Error) -> LedgerError {
        LedgerError {
            path: self.path.clone(),
            why: format!("{error}: check the disk of state_dir"),
        }
    }
}
