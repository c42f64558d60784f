//! Which numbers of a node's durable messages have come: ranges that grow together, and the holes between them.

use protocol::Utc;
use rusqlite::{Connection, OptionalExtension, params};
use uuid::Uuid;

use super::{StoreError, micros, time};
use crate::view::Gap;

/// Notes that message `seq` of a boot has come.
pub(super) fn note(
    connection: &Connection,
    node_id: i64,
    bootid: Uuid,
    seq: u64,
    now: Utc,
) -> Result<(), StoreError> {
    let bootid = bootid.to_string();
    let seq = i64::try_from(seq).map_err(|_| StoreError::Broken("sequence number"))?;
    let below = connection
        .prepare_cached(
            "SELECT first, last FROM seq_range WHERE node_id = ?1 AND bootid = ?2 AND first <= ?3
             ORDER BY first DESC LIMIT 1",
        )?
        .query_row(params![node_id, bootid, seq], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?))
        })
        .optional()?;
    if below.is_some_and(|(_, last)| last >= seq) {
        return Ok(());
    }
    let above: Option<i64> = connection
        .prepare_cached(
            "DELETE FROM seq_range WHERE node_id = ?1 AND bootid = ?2 AND first = ?3 RETURNING last",
        )?
        .query_row(params![node_id, bootid, seq.saturating_add(1)], |row| row.get(0))
        .optional()?;
    let last = above.unwrap_or(seq);
    match below {
        Some((first, end)) if end.saturating_add(1) == seq => connection
            .prepare_cached(
                "UPDATE seq_range SET last = ?4 WHERE node_id = ?1 AND bootid = ?2 AND first = ?3",
            )?
            .execute(params![node_id, bootid, first, last])?,
        _ => connection
            .prepare_cached("INSERT INTO seq_range VALUES (?1, ?2, ?3, ?4, ?5)")?
            .execute(params![node_id, bootid, seq, last, micros(now)])?,
    };
    Ok(())
}

/// The holes of a node, boots in the order in which they were first heard of. Numbers count from 1.
pub(super) fn gaps(connection: &Connection, node_id: i64) -> Result<Vec<Gap>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT bootid, first, last, since_us FROM seq_range WHERE node_id = ?1 ORDER BY bootid, first",
    )?;
    let mut rows = statement.query([node_id])?;
    let mut gaps = Vec::new();
    let mut current: Option<(String, u64)> = None;
    while let Some(row) = rows.next()? {
        let bootid: String = row.get(0)?;
        let (first, last): (i64, i64) = (row.get(1)?, row.get(2)?);
        let expected = match &current {
            Some((boot, last)) if *boot == bootid => last + 1,
            _ => 1,
        };
        let first = first.unsigned_abs();
        if first > expected {
            gaps.push(Gap {
                bootid: bootid.parse().map_err(|_| StoreError::Broken("boot id"))?,
                first: expected,
                last: first - 1,
                since: time(row.get(3)?)?,
            });
        }
        current = Some((bootid, last.unsigned_abs()));
    }
    gaps.sort_by_key(|gap| gap.since);
    Ok(gaps)
}
