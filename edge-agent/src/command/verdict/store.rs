//! What is kept of verdicts, over restarts: the incidents that can be judged, what was said of them, and ignored areas.
//!
//! Every change is on the disk before it is answered. A damaged file is set aside as it is and another begun: what was said
//! before is lost then, and told. Applies nothing; judges nothing.

use std::path::{Path, PathBuf};

use protocol::{IgnoredArea, Name, Utc, Verdict};
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::spool::file::{connect, is_damaged, put_aside};

const FORMAT: i64 = 1;
const TABLES: &str = "
CREATE TABLE incident (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE, camera TEXT NOT NULL, rule TEXT NOT NULL, opened_us INTEGER NOT NULL, boxes TEXT NOT NULL
) STRICT;
CREATE INDEX incident_of_rule ON incident (camera, rule, opened_us);
CREATE TABLE verdict (incident TEXT PRIMARY KEY, verdict TEXT NOT NULL, at_us INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE area (id TEXT PRIMARY KEY, until_us INTEGER, area TEXT NOT NULL) STRICT, WITHOUT ROWID;
";
/// So many incidents are remembered, the newest of all cameras: some 3 MB.
const INCIDENTS: i64 = 10_000;

/// The store cannot be used.
#[derive(Clone, Debug, thiserror::Error)]
#[error("verdicts {}: {why}", path.display())]
pub struct StoreError {
    path: PathBuf,
    why: String,
}

/// An incident that can be judged.
#[derive(Clone, Debug, PartialEq)]
pub struct Known {
    /// Which.
    pub id: Uuid,
    /// The camera that saw it.
    pub camera: Name,
    /// The rule that decided.
    pub rule: Name,
    /// When its first picture was taken, as its message says.
    pub opened: Utc,
    /// Boxes of its objects at the opening: x, y, width, height, normalised.
    pub boxes: Vec<[f32; 4]>,
}

/// See the module.
pub struct Store {
    db: Connection,
    path: PathBuf,
}

impl Store {
    /// Opens or makes the store at `path`; with it where a damaged one was put, if there was one.
    ///
    /// # Errors
    /// If the file cannot be used, or a later version wrote it.
    pub fn open(path: &Path) -> Result<(Store, Option<PathBuf>), StoreError> {
        let failed = |why: String| StoreError {
            path: path.to_owned(),
            why,
        };
        match make(path) {
            Ok(db) => Ok((Store::over(db, path), None)),
            Err(MakeError::Sqlite(error)) if is_damaged(&error) => {
                let aside = put_aside(path).map_err(|e| failed(e.to_string()))?;
                let db = make(path).map_err(|e| failed(e.to_string()))?;
                Ok((Store::over(db, path), Some(aside)))
            }
            Err(error) => Err(failed(error.to_string())),
        }
    }

    fn over(db: Connection, path: &Path) -> Store {
        Store {
            db,
            path: path.to_owned(),
        }
    }

    /// Remembers an incident, and forgets the oldest beyond the 10,000 newest.
    ///
    /// # Errors
    /// If the disk failed.
    pub fn note(&mut self, known: &Known) -> Result<(), StoreError> {
        let boxes = json(&known.boxes);
        let note = |db: &mut Connection| -> rusqlite::Result<()> {
            let tx = db.transaction()?;
            tx.execute(
                "INSERT OR IGNORE INTO incident (id, camera, rule, opened_us, boxes) VALUES (?1, ?2, ?3, ?4, ?5)",
                params![
                    known.id.to_string(),
                    known.camera.as_str(),
                    known.rule.as_str(),
                    known.opened.as_microsecond(),
                    boxes
                ],
            )?;
            let last = tx.last_insert_rowid();
            tx.execute(
                "DELETE FROM verdict WHERE incident IN (SELECT id FROM incident WHERE number <= ?1)",
                [last - INCIDENTS],
            )?;
            tx.execute(
                "DELETE FROM incident WHERE number <= ?1",
                [last - INCIDENTS],
            )?;
            tx.commit()
        };
        note(&mut self.db).map_err(|e| self.failed(&e))
    }

    /// The incident, if it is remembered.
    ///
    /// # Errors
    /// If the disk failed.
    pub fn known(&self, id: Uuid) -> Result<Option<Known>, StoreError> {
        let sql = "SELECT camera, rule, opened_us, boxes FROM incident WHERE id = ?1";
        let found = self.db.query_row(sql, [id.to_string()], |row| {
            Ok(Known {
                id,
                camera: text(row, 0)?,
                rule: text(row, 1)?,
                opened: time(row, 2)?,
                boxes: parsed(&row.get::<_, String>(3)?)?,
            })
        });
        found.optional().map_err(|e| self.failed(&e))
    }

    /// When other incidents of the rule of `known` opened from `from` to `to`.
    ///
    /// # Errors
    /// If the disk failed.
    pub fn others(&self, known: &Known, from: Utc, to: Utc) -> Result<Vec<Utc>, StoreError> {
        let read = || -> rusqlite::Result<Vec<Utc>> {
            let mut select = self.db.prepare_cached(
                "SELECT opened_us FROM incident
                 WHERE camera = ?1 AND rule = ?2 AND opened_us BETWEEN ?3 AND ?4 AND id <> ?5 ORDER BY opened_us",
            )?;
            let of = params![
                known.camera.as_str(),
                known.rule.as_str(),
                from.as_microsecond(),
                to.as_microsecond(),
                known.id.to_string()
            ];
            select.query_map(of, |row| time(row, 0))?.collect()
        };
        read().map_err(|e| self.failed(&e))
    }

    /// Keeps a verdict, in place of an earlier one, and with it an area that is ignored from now on.
    ///
    /// # Errors
    /// If the disk failed: then neither is kept.
    pub fn judge(
        &mut self,
        incident: Uuid,
        verdict: Verdict,
        at: Utc,
        area: Option<&IgnoredArea>,
    ) -> Result<(), StoreError> {
        let judge = |db: &mut Connection| -> rusqlite::Result<()> {
            let tx = db.transaction()?;
            tx.execute(
                "INSERT OR REPLACE INTO verdict VALUES (?1, ?2, ?3)",
                params![incident.to_string(), verdict.as_str(), at.as_microsecond()],
            )?;
            if let Some(area) = area {
                let until = area.until.map(|until| until.as_microsecond());
                tx.execute(
                    "INSERT OR REPLACE INTO area VALUES (?1, ?2, ?3)",
                    params![area.area.to_string(), until, json(area)],
                )?;
            }
            tx.commit()
        };
        judge(&mut self.db).map_err(|e| self.failed(&e))
    }

    /// What was said of an incident.
    ///
    /// # Errors
    /// If the disk failed.
    pub fn verdict(&self, incident: Uuid) -> Result<Option<Verdict>, StoreError> {
        let sql = "SELECT verdict FROM verdict WHERE incident = ?1";
        let found = self.db.query_row(sql, [incident.to_string()], |row| {
            Ok(match row.get::<_, String>(0)?.as_str() {
                "true" => Verdict::True,
                _ => Verdict::False,
            })
        });
        found.optional().map_err(|e| self.failed(&e))
    }

    /// All ignored areas, oldest first.
    ///
    /// # Errors
    /// If the disk failed.
    pub fn areas(&self) -> Result<Vec<IgnoredArea>, StoreError> {
        let read = || -> rusqlite::Result<Vec<IgnoredArea>> {
            let mut select = self
                .db
                .prepare_cached("SELECT area FROM area ORDER BY id")?;
            let rows = select.query_map([], |row| parsed(&row.get::<_, String>(0)?))?;
            rows.collect()
        };
        read().map_err(|e| self.failed(&e))
    }

    /// Forgets an area; `false` if there is none such.
    ///
    /// # Errors
    /// If the disk failed.
    pub fn remove_area(&self, area: Uuid) -> Result<bool, StoreError> {
        let removed = self
            .db
            .execute("DELETE FROM area WHERE id = ?1", [area.to_string()]);
        removed.map(|n| n > 0).map_err(|e| self.failed(&e))
    }

    /// Forgets areas that have ended by `now`.
    ///
    /// # Errors
    /// If the disk failed.
    pub fn forget_ended(&self, now: Utc) -> Result<(), StoreError> {
        let sql = "DELETE FROM area WHERE until_us <= ?1";
        let done = self.db.execute(sql, [now.as_microsecond()]);
        done.map(drop).map_err(|e| self.failed(&e))
    }

    fn failed(&self, error: &rusqlite::Error) -> StoreError {
        StoreError {
            path: self.path.clone(),
            why: format!("{error}: check the disk of state_dir"),
        }
    }
}

#[derive(Debug, thiserror::Error)]
enum MakeError {
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    #[error("format {0} is later than {FORMAT}: run the version that wrote it")]
    Later(i64),
}

fn make(path: &Path) -> Result<Connection, MakeError> {
    let db = connect(path)?;
    let format = db.pragma_query_value(None, "user_version", |row| row.get(0))?;
    match format {
        FORMAT => {}
        0 => db.execute_batch(&format!(
            "BEGIN;{TABLES}PRAGMA user_version = {FORMAT};COMMIT;"
        ))?,
        later => return Err(MakeError::Later(later)),
    }
    Ok(db)
}

fn json<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("plain data with text keys becomes JSON")
}

fn parsed<T: DeserializeOwned>(text: &str) -> rusqlite::Result<T> {
    serde_json::from_str(text).map_err(|e| broken(e.to_string()))
}

fn text(row: &Row<'_>, column: usize) -> rusqlite::Result<Name> {
    let text: String = row.get(column)?;
    text.parse()
        .map_err(|_| broken(format!("{text:?} is no name")))
}

fn time(row: &Row<'_>, column: usize) -> rusqlite::Result<Utc> {
    Utc::from_microsecond(row.get(column)?).map_err(|e| broken(e.to_string()))
}

/// What stands there was not written by this program.
fn broken(why: String) -> rusqlite::Error {
    let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT);
    rusqlite::Error::SqliteFailure(code, Some(why))
}
