//! The spool's database: SQLite in WAL mode with `synchronous=FULL`, so that a commit has reached the disk.
//!
//! Synchronous and used by one thread. A record is a row until it is acknowledged; a row that the quota gave up keeps
//! its place in the order (`state` 2, no payload) until the centre has been told that it will not come.

use std::{
    collections::{HashMap, HashSet},
    fs,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use protocol::custody::sha256_hex;
use rusqlite::{Connection, ErrorCode, OptionalExtension, params};
use tracing::{error, warn};
use uuid::Uuid;

use super::{
    Appended, Class, NewRecord, Quota, Record, SpoolError, SpoolStats,
    file::{connect, is_damaged, put_aside, upgrade},
    quota::room,
    salvage::{put_aside_before, salvage},
};
use crate::custody::Custodian;

pub(super) const WAITS: i64 = 0;
pub(super) const SET_ASIDE: i64 = 1;
pub(super) const GIVEN_UP: i64 = 2;

/// The database and the figures that follow it.
pub struct Store {
    pub(super) db: Connection,
    path: PathBuf,
    pub(super) quota: Quota,
    bootid: Uuid,
    /// Row of this boot; it is written with the first record.
    boot: Option<i64>,
    pub(super) stats: SpoolStats,
    /// Who signs, if anybody does.
    pub(super) custodian: Option<Arc<Custodian>>,
    /// Rows that each message on its way to the centre names as given up.
    pub(super) telling: HashMap<i64, Vec<i64>>,
}

impl Store {
    /// Opens or makes the database at `path`. One that is damaged is renamed and a new one is begun.
    ///
    /// # Errors
    /// If the disk fails or the file has a later format.
    pub fn open(path: &Path, quota: Quota, bootid: Uuid) -> Result<Store, SpoolError> {
        let failed = |why: String| SpoolError::Open {
            path: path.to_owned(),
            why,
        };
        if let Some(dir) = path.parent() {
            // It holds pictures of people.
            let made = fs::DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(dir);
            made.map_err(|e| failed(e.to_string()))?;
        }
        let (db, damage) = match connect(path) {
            Err(e) if is_damaged(&e) => {
                let aside = put_aside(path).map_err(|e| failed(e.to_string()))?;
                (connect(path), Some((aside, e.to_string())))
            }
            other => (other, None),
        };
        let db = db.map_err(|e| failed(in_words(&e)))?;
        upgrade(&db, path)?;
        let mut stats = SpoolStats {
            damaged: put_aside_before(path),
            ..SpoolStats::default()
        };
        if let Some((aside, why)) = damage {
            let account = salvage(&aside, &db)?.to_string();
            error!(spool = %path.display(), aside = %aside.display(), why,
                "the spool is damaged: it was put aside and a new one begun; {account}");
            stats.salvaged = Some(account);
        }
        let mut store = Store {
            db,
            path: path.to_owned(),
            quota,
            bootid,
            boot: None,
            stats,
            custodian: None,
            telling: HashMap::new(),
        };
        store.recount().map_err(|e| failed(e.to_string()))?;
        Ok(store)
    }

    /// The boot that records appended now belong to.
    pub fn bootid(&self) -> Uuid {
        self.bootid
    }

    /// The figures.
    pub fn stats(&self) -> SpoolStats {
        self.stats.clone()
    }

    /// Whether the latest command failed.
    pub(super) fn failing(&self) -> bool {
        self.stats.fault.is_some()
    }

    /// Goes on in a new file with what can be read of this one, which is damaged; the boot and its order go on too.
    ///
    /// # Errors
    /// As [`Store::open`]. Then nothing is taken until the next start.
    pub(super) fn renew(&mut self) -> Result<(), SpoolError> {
        // Closed before the file is renamed: closing deletes the log by its name. A database without tables takes
        // nothing, so nothing can be kept in memory by mistake.
        self.db = Connection::open_in_memory().map_err(disk)?;
        let mut fresh = Store::open(&self.path, self.quota, self.bootid)?;
        fresh.custodian = self.custodian.take();
        let old = std::mem::replace(self, fresh).stats;
        self.stats.last_seq = old.last_seq;
        self.stats.last_number = old.last_number;
        self.stats.given_up = old.given_up;
        self.stats.set_aside = old.set_aside;
        self.stats.fault = old.fault;
        Ok(())
    }

    /// Runs `work` in one transaction. If any of it fails or it cannot be committed, nothing of it was kept.
    ///
    /// # Errors
    /// What the disk says; it is also [`SpoolStats::fault`] until something was written again.
    pub fn transaction(
        &mut self,
        work: impl FnOnce(&mut Store) -> Result<(), SpoolError>,
    ) -> Result<(), SpoolError> {
        let before = (self.stats.clone(), self.boot);
        let changes = self.db.total_changes();
        let begun = self.db.execute_batch("BEGIN IMMEDIATE").map_err(disk);
        let done = begun.and_then(|()| work(self));
        let outcome = done.and_then(|()| self.db.execute_batch("COMMIT").map_err(disk));
        match &outcome {
            Ok(()) if self.db.total_changes() > changes => self.stats.fault = None,
            Ok(()) => {}
            Err(why) => {
                if !self.db.is_autocommit()
                    && let Err(e) = self.db.execute_batch("ROLLBACK")
                {
                    warn!(why = %e, "the spool could not roll back");
                }
                let damaged = matches!(why, SpoolError::Damaged(_));
                if !self.failing() || damaged {
                    error!(why = %why, "the spool's disk fails: messages are not taken");
                }
                (self.stats, self.boot) = before;
                self.stats.fault = Some(why.to_string());
            }
        }
        outcome
    }

    /// Appends a record, after others of less importance were given up if the quota is reached.
    ///
    /// # Errors
    /// If the disk failed: the record does not exist, and its place in the order is free for the next.
    pub fn append(&mut self, record: NewRecord) -> Result<Appended, SpoolError> {
        let boot = self.boot()?;
        let seq = self.stats.last_seq + 1;
        let rank = rank(&record);
        let payload = (record.payload)(self.bootid, seq);
        let bytes = payload.len() as u64;
        let crc = crc32fast::hash(&payload);
        let attest = (record.attest).map(|attest| (attest, sha256_hex(&payload)));
        let fits = self.make_room(record.class, bytes, rank)?;
        let (payload, state, why) = if fits {
            (Some(payload), WAITS, None)
        } else {
            (None, GIVEN_UP, Some("quota"))
        };
        let mut insert = self
            .db
            .prepare_cached(
                "INSERT INTO record (boot, seq, class, rank, topic, payload, bytes, state, why, crc)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
            )
            .map_err(disk)?;
        insert
            .execute(params![
                boot,
                seq as i64,
                record.class as i64,
                rank,
                record.topic,
                payload,
                bytes as i64,
                state,
                why,
                crc
            ])
            .map_err(disk)?;
        drop(insert);
        let number = self.db.last_insert_rowid();
        self.stats.last_seq = seq;
        self.stats.last_number = number;
        if fits {
            self.stats.enter(record.class, bytes);
            if let Some((attest, sha256)) = attest {
                self.attest(&attest, sha256, bytes)?;
            }
        } else {
            self.stats.given_up += 1;
            self.stats.untold += 1;
        }
        Ok(Appended { number, seq })
    }

    /// Up to `limit` records that wait, most important first, then oldest, without those in `skip`. What was given up
    /// is said after messages and before evidence. While a backlog of messages fills `limit`, a quarter of it goes to
    /// the latest ones: what happens now is not to wait for what happened.
    ///
    /// # Errors
    /// If the disk failed.
    pub fn pending(
        &mut self,
        limit: usize,
        skip: &HashSet<i64>,
    ) -> Result<Vec<Record>, SpoolError> {
        let live = limit / 4;
        let mut records = self.waiting(0..EVIDENCE, limit - live, skip)?;
        if records.len() == limit - live {
            let known = records.iter().map(|r| r.number).chain(skip.iter().copied());
            let known = known.collect();
            records.extend(self.latest(live, &known)?);
        }
        records.extend(self.tombstones(limit - records.len(), skip)?);
        records.extend(self.waiting(EVIDENCE..i64::MAX, limit - records.len(), skip)?);
        Ok(records)
    }

    /// Up to `limit` messages of this boot that wait, among the last [`LIVE`] records, the latest first.
    fn latest(&mut self, limit: usize, skip: &HashSet<i64>) -> Result<Vec<Record>, SpoolError> {
        let select = "SELECT record.number, boot.id, seq, class, topic, payload, crc
             FROM record NOT INDEXED CROSS JOIN boot ON boot.number = record.boot
             WHERE record.number > ?2 AND state = 0 AND rank < ?1 ORDER BY record.number DESC";
        let from = self.stats.last_number - LIVE;
        self.read(select, params![EVIDENCE, from], limit, skip)
    }

    /// Up to `limit` records of these ranks that wait.
    fn waiting(
        &mut self,
        ranks: std::ops::Range<i64>,
        limit: usize,
        skip: &HashSet<i64>,
    ) -> Result<Vec<Record>, SpoolError> {
        let select = "SELECT record.number, boot.id, seq, class, topic, payload, crc
             FROM record CROSS JOIN boot ON boot.number = record.boot
             WHERE state = 0 AND rank >= ?1 AND rank < ?2 ORDER BY rank, record.number";
        self.read(select, params![ranks.start, ranks.end], limit, skip)
    }

    /// What `select` finds. A record that is not as it was written is set aside instead.
    fn read(
        &mut self,
        select: &str,
        values: &[&dyn rusqlite::ToSql],
        limit: usize,
        skip: &HashSet<i64>,
    ) -> Result<Vec<Record>, SpoolError> {
        let mut changed = Vec::new();
        let records = self.read_into(select, values, limit, skip, &mut changed)?;
        for number in changed {
            error!(
                number,
                "a message in the spool has changed on the disk: it is set aside"
            );
            self.set_aside(number, "its bytes changed on the disk")?;
        }
        Ok(records)
    }

    fn read_into(
        &self,
        select: &str,
        values: &[&dyn rusqlite::ToSql],
        limit: usize,
        skip: &HashSet<i64>,
        changed: &mut Vec<i64>,
    ) -> Result<Vec<Record>, SpoolError> {
        let mut select = self.db.prepare_cached(select).map_err(disk)?;
        let mut rows = select.query(values).map_err(disk)?;
        let mut records = Vec::new();
        while records.len() < limit
            && let Some(row) = rows.next().map_err(disk)?
        {
            let number: i64 = row.get(0).map_err(disk)?;
            if skip.contains(&number) {
                continue;
            }
            let record = read_record(row).map_err(disk)?;
            match row.get::<_, Option<u32>>(6).map_err(disk)? {
                Some(crc) if crc != crc32fast::hash(&record.payload) => changed.push(number),
                _ => records.push(record),
            }
        }
        Ok(records)
    }

    /// Deletes records that were taken.
    ///
    /// # Errors
    /// If the disk failed.
    pub fn acknowledge(&mut self, numbers: &[i64]) -> Result<(), SpoolError> {
        for number in numbers {
            if *number < 0 {
                self.told(*number)?;
                continue;
            }
            let waited: Option<(i64, i64, i64)> = self
                .db
                .prepare_cached(
                    "DELETE FROM record WHERE number = ?1 RETURNING state, class, bytes",
                )
                .and_then(|mut delete| {
                    delete
                        .query_row([number], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
                        .optional()
                })
                .map_err(disk)?;
            match waited {
                Some((WAITS, of, bytes)) => self.stats.leave(class(of), bytes.unsigned_abs()),
                // It was given up while it was on its way, and arrived all the same.
                Some(_) => self.stats.untold = self.stats.untold.saturating_sub(1),
                None => {}
            }
        }
        Ok(())
    }

    /// Keeps a record that can never be sent, but out of the way.
    ///
    /// # Errors
    /// If the disk failed.
    pub fn set_aside(&mut self, number: i64, why: &str) -> Result<(), SpoolError> {
        if number < 0 {
            warn!(why, "the broker will not hear which messages were given up");
            return self.told(number);
        }
        let moved: Option<(i64, i64)> = self
            .db
            .prepare_cached(
                "UPDATE record SET state = ?2, why = ?3 WHERE number = ?1 AND state = 0 RETURNING class, bytes",
            )
            .and_then(|mut update| {
                update
                    .query_row(params![number, SET_ASIDE, why], |row| Ok((row.get(0)?, row.get(1)?)))
                    .optional()
            })
            .map_err(disk)?;
        if let Some((of, bytes)) = moved {
            let bytes = bytes.unsigned_abs();
            self.stats.leave(class(of), bytes);
            self.stats.room += room(bytes);
            self.stats.kept_aside += 1;
            self.stats.set_aside += 1;
            self.stats.untold += 1;
        }
        Ok(())
    }

    /// The row of this boot.
    fn boot(&mut self) -> Result<i64, SpoolError> {
        if let Some(boot) = self.boot {
            return Ok(boot);
        }
        // Boots of which nothing is left are forgotten.
        self.db
            .execute(
                "DELETE FROM boot WHERE number NOT IN (SELECT boot FROM record)",
                [],
            )
            .map_err(disk)?;
        self.db
            .execute(
                "INSERT OR IGNORE INTO boot (id) VALUES (?1)",
                [self.bootid.to_string()],
            )
            .map_err(disk)?;
        let boot = self
            .db
            .query_row(
                "SELECT number FROM boot WHERE id = ?1",
                [self.bootid.to_string()],
                |row| row.get(0),
            )
            .map_err(disk)?;
        self.boot = Some(boot);
        Ok(boot)
    }
}

/// So many of the latest records count as what happens now.
const LIVE: i64 = 1000;

/// First rank of evidence.
const EVIDENCE: i64 = Class::Thumbnail as i64 * 4;

/// Ranks of a class.
pub(super) fn ranks(class: Class) -> std::ops::Range<i64> {
    let first = class as i64 * 4;
    first..first + 4
}

/// A record's place among others: its class, then its severity.
fn rank(record: &NewRecord) -> i64 {
    let calm = 3 - record.severity as i64;
    record.class as i64 * 4 + calm
}

pub(super) fn class(number: i64) -> Class {
    let index = usize::try_from(number).unwrap_or(usize::MAX);
    Class::ALL.get(index).copied().unwrap_or(Class::Telemetry)
}

fn read_record(row: &rusqlite::Row<'_>) -> rusqlite::Result<Record> {
    let bootid: String = row.get(1)?;
    Ok(Record {
        number: row.get(0)?,
        bootid: bootid.parse().unwrap_or_default(),
        seq: row.get::<_, i64>(2)? as u64,
        class: class(row.get(3)?),
        topic: row.get(4)?,
        payload: row.get(5)?,
    })
}

pub(super) fn disk(error: rusqlite::Error) -> SpoolError {
    if is_damaged(&error) {
        return SpoolError::Damaged(error.to_string());
    }
    SpoolError::Disk(in_words(&error))
}

/// What the database says, and what is to be done.
fn in_words(error: &rusqlite::Error) -> String {
    let advice = match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => "free room on the disk of state_dir",
        Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
            "make state_dir writable"
        }
        Some(ErrorCode::SystemIoFailure) => "check the disk of state_dir",
        _ => return error.to_string(),
    };
    format!("{error}: {advice}, nothing is taken until then")
}
