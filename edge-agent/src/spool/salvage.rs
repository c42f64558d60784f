//! What can still be read of a damaged spool, copied into the new one.

use std::{
    fmt,
    fs::OpenOptions,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

use rusqlite::{Connection, Row, config::DbConfig, params, types::Value};

use tracing::warn;

use super::{SpoolError, store::disk};

/// What became of a damaged file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Salvaged {
    /// Records that were copied.
    copied: u64,
    /// Records between the readable ones, at most; `None` if nobody can tell.
    lost: Option<u64>,
}

impl fmt::Display for Salvaged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.lost {
            Some(lost) => write!(
                f,
                "{} messages were saved, at most {lost} lost",
                self.copied
            ),
            None => write!(
                f,
                "{} messages were saved, how many are lost cannot be told",
                self.copied
            ),
        }
    }
}

/// Copies what can be read of the database `aside` into `db`: from its beginning up to the damage, and from its end
/// back to it.
///
/// # Errors
/// If the new database's disk fails.
pub(super) fn salvage(aside: &Path, db: &Connection) -> Result<Salvaged, SpoolError> {
    let nothing = Salvaged {
        copied: 0,
        lost: None,
    };
    // What the damaged file says of itself is an answer, not a failure.
    let Ok(old) = open(aside) else {
        return Ok(nothing);
    };
    let Ok(boots) = boots(&old) else {
        return Ok(nothing);
    };
    let new = db.unchecked_transaction().map_err(disk)?;
    for (number, id) in boots {
        new.execute(
            "INSERT OR IGNORE INTO boot VALUES (?1, ?2)",
            params![number, id],
        )
        .map_err(disk)?;
    }
    let (low, copied_low, whole) = copy(&old, &new, "number > ?1 ORDER BY number", 0)?;
    let (high, copied_high) = if whole {
        (low + 1, 0)
    } else {
        let (high, copied, _) = copy(&old, &new, "number > ?1 ORDER BY number DESC", low)?;
        (high, copied)
    };
    new.commit().map_err(disk)?;
    let between = u64::try_from(high - low - 1).ok();
    Ok(Salvaged {
        copied: copied_low + copied_high,
        lost: between.filter(|_| whole || copied_high > 0),
    })
}

/// Opens it so that nothing in it is changed, not even by closing it.
fn open(aside: &Path) -> rusqlite::Result<Connection> {
    lengthen(aside);
    let old = Connection::open(aside)?;
    old.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    old.pragma_update(None, "query_only", true)?;
    Ok(old)
}

/// Gives a file that was cut off its length back, with zeros: SQLite reads nothing of one that is shorter than it says.
fn lengthen(file: &Path) {
    let mut header = [0; 32];
    let Ok(file) = OpenOptions::new().read(true).write(true).open(file) else {
        return;
    };
    if file.read_exact_at(&mut header, 0).is_err() || !header.starts_with(b"SQLite format 3\0") {
        return;
    }
    let number = |bytes: &[u8]| bytes.iter().fold(0, |n, byte| n << 8 | u64::from(*byte));
    // Its page size (1 stands for 65536) and its pages: https://sqlite.org/fileformat2.html#the_database_header
    let page = match number(&header[16..18]) {
        1 => 65_536,
        page => page,
    };
    let length = page * number(&header[28..32]);
    let now = file.metadata().map_or(u64::MAX, |data| data.len());
    if now < length
        && let Err(why) = file.set_len(length)
    {
        warn!(%why, "the damaged spool cannot be read");
    }
}

fn boots(old: &Connection) -> rusqlite::Result<Vec<(i64, String)>> {
    let mut select = old.prepare("SELECT number, id FROM boot")?;
    let rows = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    rows.collect()
}

/// Copies records until one cannot be read. Gives the last one's number, how many there were, and whether that was all.
fn copy(
    old: &Connection,
    new: &Connection,
    which: &str,
    from: i64,
) -> Result<(i64, u64, bool), SpoolError> {
    let format: i64 = old
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .unwrap_or_default();
    let later = if format < 2 { "0, NULL" } else { "told, crc" };
    let (mut last, mut copied) = (from, 0);
    let Ok(mut select) = old.prepare(&format!(
        "SELECT number, boot, seq, class, rank, topic, payload, bytes, state, why, {later} FROM record WHERE {which}"
    )) else {
        return Ok((last, copied, false));
    };
    let Ok(mut rows) = select.query([from]) else {
        return Ok((last, copied, false));
    };
    let mut insert = new
        .prepare(
            "INSERT OR IGNORE INTO record (number, boot, seq, class, rank, topic, payload, bytes, state, why, told, crc)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        )
        .map_err(disk)?;
    loop {
        let values = match rows.next() {
            Ok(Some(row)) => values(row),
            Ok(None) => return Ok((last, copied, true)),
            Err(_) => return Ok((last, copied, false)),
        };
        let Ok(values) = values else {
            return Ok((last, copied, false));
        };
        if let Some(Value::Integer(number)) = values.first() {
            last = *number;
        }
        // A value that the table refuses is damage too.
        match insert.execute(rusqlite::params_from_iter(values)) {
            Ok(inserted) => copied += inserted as u64,
            Err(e) if e.sqlite_error_code() == Some(rusqlite::ErrorCode::ConstraintViolation) => {}
            Err(e) => return Err(disk(e)),
        }
    }
}

fn values(row: &Row<'_>) -> rusqlite::Result<Vec<Value>> {
    (0..12).map(|column| row.get(column)).collect()
}

/// Damaged files that lie beside the spool at `path`.
pub(super) fn put_aside_before(path: &Path) -> Vec<PathBuf> {
    let file = |n: u32| {
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".damaged-{n}"));
        PathBuf::from(name)
    };
    // As they are numbered: an operator may have deleted some of them.
    let here = (1..=MANY)
        .map(file)
        .filter(|file| file.try_exists().unwrap_or(false));
    here.collect()
}

/// Damaged files that are looked for.
const MANY: u32 = 100;
