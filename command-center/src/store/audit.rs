//! Who did what: a line a deed, each with the hash of itself and of the line before it, so that a change of the past shows.

use protocol::Utc;
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};
use sha2::{Digest as _, Sha256};

use super::{Store, StoreError, evidence::hex, micros, read::collect, time};
use crate::view::{AuditCheck, AuditLine, AuditPage};

/// What somebody did.
pub(super) struct Deed {
    pub(super) user: String,
    pub(super) action: &'static str,
    pub(super) subject: String,
    pub(super) note: Option<String>,
}

/// Which lines of the audit, newest first.
#[derive(Clone, Debug, Default)]
pub struct AuditQuery {
    /// Older than this one.
    pub before: Option<i64>,
    /// Of this user.
    pub user: Option<String>,
    /// Of this kind.
    pub action: Option<String>,
    /// About this.
    pub subject: Option<String>,
    /// At most so many.
    pub limit: usize,
}

/// A line as it is kept.
struct Line {
    id: i64,
    at_us: i64,
    user: String,
    action: String,
    subject: String,
    note: Option<String>,
    hash: Option<[u8; 32]>,
}

impl Line {
    /// SHA-256 of the hash before it and of the line as a JSON list.
    fn link(&self, before: &[u8; 32]) -> Result<[u8; 32], StoreError> {
        let told = (
            self.id,
            self.at_us,
            &self.user,
            &self.action,
            &self.subject,
            &self.note,
        );
        let told = serde_json::to_vec(&told).map_err(|_| StoreError::Broken("audit"))?;
        let mut hash = Sha256::new();
        hash.update(before);
        hash.update(told);
        Ok(hash.finalize().into())
    }
}

impl Deed {
    pub(super) fn new(user: &str, action: &'static str, subject: &str) -> Deed {
        Deed {
            user: user.to_owned(),
            action,
            subject: subject.to_owned(),
            note: None,
        }
    }

    fn audit(&self, connection: &Connection, now: Utc) -> Result<(), StoreError> {
        let (last, before) = head(connection)?;
        let line = Line {
            id: last + 1,
            at_us: micros(now),
            user: self.user.clone(),
            action: self.action.to_owned(),
            subject: self.subject.clone(),
            note: self.note.clone(),
            hash: None,
        };
        let hash = line.link(&before)?;
        connection
            .prepare_cached(
                "INSERT INTO audit (id, at_us, user, action, subject, note, hash) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )?
            .execute(params![
                line.id, line.at_us, line.user, line.action, line.subject, line.note, hash
            ])?;
        Ok(())
    }
}

impl Store {
    /// Changes something together with its line in the audit, both or neither. Where `change` says that there was
    /// nothing to do (`false`), there is no line either.
    pub(super) async fn audited(
        &self,
        deed: Deed,
        now: Utc,
        change: impl FnOnce(&Transaction<'_>) -> Result<bool, StoreError> + Send + 'static,
    ) -> Result<bool, StoreError> {
        self.write(move |connection| {
            let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let done = change(&tx)?;
            if done {
                deed.audit(&tx, now)?;
                tx.commit()?;
            }
            Ok(done)
        })
        .await
    }

    /// Notes that `user` looked at something.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn note_viewed(
        &self,
        user: String,
        subject: String,
        part: String,
        now: Utc,
    ) -> Result<(), StoreError> {
        let deed = Deed {
            note: Some(part),
            ..Deed::new(&user, "viewed", &subject)
        };
        self.audited(deed, now, |_| Ok(true)).await.map(drop)
    }

    /// Lines of the audit, newest first.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn audit(&self, query: AuditQuery) -> Result<AuditPage, StoreError> {
        self.read(move |connection| page(connection, &query)).await
    }

    /// Goes through all of the audit and says whether it is whole.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn check_audit(&self) -> Result<AuditCheck, StoreError> {
        self.read(check).await
    }

    /// Whether the audit once ended with this hash, as it was noted down elsewhere, in hexadecimal.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn audit_had(&self, head: String) -> Result<bool, StoreError> {
        self.read(move |connection| {
            let mut found =
                connection.prepare("SELECT 1 FROM audit WHERE lower(hex(hash)) = ?1")?;
            Ok(found.exists([head.to_lowercase()])?)
        })
        .await
    }
}

const COLUMNS: &str = "SELECT id, at_us, user, action, subject, note, hash FROM audit";

fn line(row: &rusqlite::Row<'_>) -> rusqlite::Result<Line> {
    Ok(Line {
        id: row.get(0)?,
        at_us: row.get(1)?,
        user: row.get(2)?,
        action: row.get(3)?,
        subject: row.get(4)?,
        note: row.get(5)?,
        hash: row.get(6)?,
    })
}

/// Number and hash of the newest line. Lines of before there were hashes are hashed into the first that has one.
fn head(connection: &Connection) -> Result<(i64, [u8; 32]), StoreError> {
    let newest = connection
        .prepare_cached(&format!("{COLUMNS} ORDER BY id DESC LIMIT 1"))?
        .query_row([], line)
        .optional()?;
    let Some(newest) = newest else {
        return Ok((0, [0; 32]));
    };
    let hash = match newest.hash {
        Some(hash) => hash,
        None => walk(connection)?.hash,
    };
    Ok((newest.id, hash))
}

/// The audit from its first line on.
struct Walked {
    lines: u64,
    last: i64,
    hash: [u8; 32],
    /// The first line that is not as it was written, or before which one is missing.
    broken: Option<i64>,
}

fn walk(connection: &Connection) -> Result<Walked, StoreError> {
    let mut walked = Walked {
        lines: 0,
        last: 0,
        hash: [0; 32],
        broken: None,
    };
    let mut chained = false;
    let mut statement = connection.prepare(&format!("{COLUMNS} ORDER BY id"))?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let line = line(row)?;
        let hash = line.link(&walked.hash)?;
        let follows = line.id == walked.last + 1;
        let same = line.hash.map_or(!chained, |kept| kept == hash);
        if !(follows && same) && walked.broken.is_none() {
            walked.broken = Some(line.id);
        }
        chained |= line.hash.is_some();
        walked.hash = line.hash.unwrap_or(hash);
        walked.last = line.id;
        walked.lines += 1;
    }
    Ok(walked)
}

fn check(connection: &Connection) -> Result<AuditCheck, StoreError> {
    let walked = walk(connection)?;
    Ok(AuditCheck {
        lines: walked.lines,
        head: hex(&walked.hash),
        broken_at: walked.broken,
    })
}

fn page(connection: &Connection, query: &AuditQuery) -> Result<AuditPage, StoreError> {
    let mut statement = connection.prepare_cached(&format!(
        "{COLUMNS} WHERE id < ?1 AND (?2 IS NULL OR user = ?2) AND (?3 IS NULL OR action = ?3)
           AND (?4 IS NULL OR subject = ?4)
         ORDER BY id DESC LIMIT ?5"
    ))?;
    let wanted = query.limit.saturating_add(1).cast_signed();
    let before = query.before.unwrap_or(i64::MAX);
    let mut lines = collect(
        &mut statement,
        &[&before, &query.user, &query.action, &query.subject, &wanted],
        |row| {
            let line = line(row)?;
            Ok(AuditLine {
                id: line.id,
                at: time(line.at_us)?,
                user: line.user,
                action: line.action,
                subject: line.subject,
                note: line.note,
            })
        },
    )?;
    let more = lines.len() > query.limit;
    lines.truncate(query.limit);
    let next = lines.last().filter(|_| more).map(|line| line.id);
    Ok(AuditPage { lines, next })
}
