//! Records with their payloads, for people: read beside a running agent, changing nothing.

use std::path::Path;

use base64::{Engine, prelude::BASE64_STANDARD};
use rusqlite::{Connection, OpenFlags};
use serde::Serialize;

use super::{
    Class, SpoolError, State,
    listing::{Row, read_row},
};

/// One record as it is exported: a line of JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Export {
    /// What a listing says of it.
    #[serde(flatten)]
    pub row: Row,
    /// The payload, if it is text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The payload in Base64, if it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base64: Option<String>,
}

impl Export {
    fn new(row: Row, payload: Option<Vec<u8>>) -> Self {
        let (text, base64) = match payload.map(String::from_utf8) {
            None => (None, None),
            Some(Ok(text)) => (Some(text), None),
            Some(Err(bytes)) => (None, Some(BASE64_STANDARD.encode(bytes.as_bytes()))),
        };
        Export { row, text, base64 }
    }
}

/// Hands every record of the database at `path` that is in one of `states` and of one of
/// `classes` to `take`, in the order of appending, one at a time. Empty lists mean all. Ends when `take` fails.
///
/// # Errors
/// If there is no database, it cannot be read, or `take` fails.
pub fn export<E: From<SpoolError>>(
    path: &Path,
    states: &[State],
    classes: &[Class],
    mut take: impl FnMut(Export) -> Result<(), E>,
) -> Result<(), E> {
    let failed = |e: rusqlite::Error| SpoolError::Open {
        path: path.to_owned(),
        why: e.to_string(),
    };
    let db = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(failed)?;
    let mut select = db
        .prepare(
            "SELECT record.number, boot.id, seq, class, topic, bytes, state, why, payload
             FROM record JOIN boot ON boot.number = record.boot ORDER BY record.number",
        )
        .map_err(failed)?;
    let mut rows = select.query([]).map_err(failed)?;
    while let Some(row) = rows.next().map_err(failed)? {
        let state: i64 = row.get(6).map_err(failed)?;
        let class: i64 = row.get(3).map_err(failed)?;
        let wanted_state = states.is_empty() || states.iter().any(|s| *s as i64 == state);
        let wanted_class = classes.is_empty() || classes.iter().any(|c| *c as i64 == class);
        if !wanted_state || !wanted_class {
            continue;
        }
        let payload = row.get(8).map_err(failed)?;
        take(Export::new(read_row(row).map_err(failed)?, payload))?;
    }
    Ok(())
}
