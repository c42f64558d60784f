//! What lies in a spool, for people: read beside a running agent, changing nothing.

use std::path::Path;

use rusqlite::{Connection, OpenFlags};
use serde::Serialize;

use super::{
    SpoolError,
    store::{SET_ASIDE, WAITS, class},
};

/// One row of a listing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Row {
    /// Its number in this spool.
    pub number: i64,
    /// The boot that `seq` counts in.
    pub bootid: String,
    /// Its place in the order of that boot.
    pub seq: u64,
    /// What it is.
    pub class: &'static str,
    /// Where it goes.
    pub topic: String,
    /// Length of its payload.
    pub bytes: u64,
    /// `waits`, `set aside` or `given up`, with the reason.
    pub state: String,
}

/// Every row of the database at `path` in the order of appending, without payloads. Changes nothing.
///
/// # Errors
/// If there is no database or the disk failed.
pub fn inspect(path: &Path) -> Result<Vec<Row>, SpoolError> {
    let failed = |e: rusqlite::Error| SpoolError::Open {
        path: path.to_owned(),
        why: e.to_string(),
    };
    let db = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(failed)?;
    let mut select = db
        .prepare(
            "SELECT record.number, boot.id, seq, class, topic, bytes, state, why
             FROM record JOIN boot ON boot.number = record.boot ORDER BY record.number",
        )
        .map_err(failed)?;
    let rows = select.query_map([], read_row);
    rows.and_then(Iterator::collect).map_err(failed)
}

/// A row of number, boot, seq, class, topic, bytes, state, why.
pub(super) fn read_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<Row> {
    let why: Option<String> = row.get(7)?;
    let state = match row.get(6)? {
        WAITS => "waits".to_owned(),
        SET_ASIDE => format!("set aside: {}", why.unwrap_or_default()),
        _ => format!("given up: {}", why.unwrap_or_default()),
    };
    Ok(Row {
        number: row.get(0)?,
        bootid: row.get(1)?,
        seq: row.get::<_, i64>(2)? as u64,
        class: class(row.get(3)?).as_str(),
        topic: row.get(4)?,
        bytes: row.get::<_, i64>(5)? as u64,
        state,
    })
}
