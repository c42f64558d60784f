//! Which numbers of a node's durable messages have come: ranges that grow together, and the holes between them.

use protocol::{Tombstone, Utc};
use rusqlite::{Connection, params};
use uuid::Uuid;

use super::{StoreError, micros, time};
use crate::view::{Gap, GivenUp};

/// A message may be on its way for so long after the node's figures have told of it: microseconds.
const SETTLED_US: i64 = 5_000_000;

/// Notes that message `seq` of a boot has come.
pub(super) fn note(
    connection: &Connection,
    node_id: i64,
    bootid: Uuid,
    seq: u64,
    now: Utc,
) -> Result<(), StoreError> {
    let seq = number(seq)?;
    cover(connection, node_id, &bootid.to_string(), (seq, seq), now).map(drop)
}

/// Notes numbers that will never come. `false` if all of them were known to have come or to be given up.
pub(super) fn give_up(
    connection: &Connection,
    node_id: i64,
    tombstone: &Tombstone,
    now: Utc,
) -> Result<bool, StoreError> {
    let bootid = tombstone.bootid.to_string();
    let mut insert = connection
        .prepare_cached("INSERT OR IGNORE INTO given_up VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?;
    let mut new = false;
    for [first, last] in &tombstone.seqs {
        let run = (number(*first)?, number(*last)?);
        for (first, last) in cover(connection, node_id, &bootid, run, now)? {
            new = true;
            insert.execute(params![
                node_id,
                bootid,
                first,
                last,
                tombstone.class,
                tombstone.reason,
                micros(now)
            ])?;
        }
    }
    Ok(new)
}

/// Notes the highest number that a node says it gave out: so that the last of its messages are missed, too.
pub(super) fn said(
    connection: &Connection,
    node_id: i64,
    bootid: Uuid,
    seq: u64,
    now: Utc,
) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "INSERT INTO tail VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT DO UPDATE SET seq = excluded.seq, since_us = excluded.since_us WHERE excluded.seq > seq",
        )?
        .execute(params![node_id, bootid.to_string(), number(seq)?, micros(now)])?;
    Ok(())
}

fn number(seq: u64) -> Result<i64, StoreError> {
    i64::try_from(seq).map_err(|_| StoreError::Broken("sequence number"))
}

/// Makes one range of a run of numbers and all that it meets or touches. The parts of the run that are new.
fn cover(
    connection: &Connection,
    node_id: i64,
    bootid: &str,
    (first, last): (i64, i64),
    now: Utc,
) -> Result<Vec<(i64, i64)>, StoreError> {
    let mut select = connection.prepare_cached(
        "SELECT first, last, since_us FROM seq_range
         WHERE node_id = ?1 AND bootid = ?2 AND first <= ?4 AND last >= ?3 ORDER BY first",
    )?;
    let around = params![
        node_id,
        bootid,
        first.saturating_sub(1),
        last.saturating_add(1)
    ];
    let met: Vec<(i64, i64, i64)> = select
        .query_map(around, |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
        .collect::<Result<_, _>>()?;
    let (mut new, mut next) = (Vec::new(), first);
    for (start, end, _) in &met {
        if next < *start && next <= last {
            new.push((next, last.min(start - 1)));
        }
        next = next.max(end.saturating_add(1));
    }
    if next <= last {
        new.push((next, last));
    }
    if new.is_empty() {
        return Ok(new);
    }
    let start = met.iter().map(|m| m.0).fold(first, i64::min);
    let end = met.iter().map(|m| m.1).fold(last, i64::max);
    // A hole below is as old as what first showed it.
    let since = met.iter().map(|m| m.2).fold(micros(now), i64::min);
    connection
        .prepare_cached(
            "DELETE FROM seq_range WHERE node_id = ?1 AND bootid = ?2 AND first BETWEEN ?3 AND ?4",
        )?
        .execute(params![node_id, bootid, start, end])?;
    connection
        .prepare_cached("INSERT INTO seq_range VALUES (?1, ?2, ?3, ?4, ?5)")?
        .execute(params![node_id, bootid, start, end, since])?;
    Ok(new)
}

/// What a node gave up, by class and reason, most first.
pub(super) fn given_up(connection: &Connection, node_id: i64) -> Result<Vec<GivenUp>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT class, reason, sum(last - first + 1), max(heard_us) FROM given_up
         WHERE node_id = ?1 GROUP BY class, reason ORDER BY 3 DESC, 1, 2",
    )?;
    let mut rows = statement.query([node_id])?;
    let mut given_up = Vec::new();
    while let Some(row) = rows.next()? {
        given_up.push(GivenUp {
            class: row.get(0)?,
            reason: row.get(1)?,
            messages: row.get::<_, i64>(2)?.unsigned_abs(),
            latest: time(row.get(3)?)?,
        });
    }
    Ok(given_up)
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
    gaps.extend(tails(connection, node_id)?);
    gaps.sort_by_key(|gap| gap.since);
    Ok(gaps)
}

/// Numbers past the highest that came, once the node was heard again [`SETTLED_US`] after it had said that it gave them out:
/// until then they are on their way.
fn tails(connection: &Connection, node_id: i64) -> Result<Vec<Gap>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT tail.bootid, tail.seq, tail.since_us,
           coalesce((SELECT max(last) FROM seq_range r
             WHERE r.node_id = tail.node_id AND r.bootid = tail.bootid), 0) AS reached
         FROM tail JOIN node ON node.id = tail.node_id
         WHERE tail.node_id = ?1 AND tail.seq > reached AND node.heard_us - tail.since_us >= ?2",
    )?;
    let mut rows = statement.query(params![node_id, SETTLED_US])?;
    let mut tails = Vec::new();
    while let Some(row) = rows.next()? {
        let bootid: String = row.get(0)?;
        tails.push(Gap {
            bootid: bootid.parse().map_err(|_| StoreError::Broken("boot id"))?,
            first: row.get::<_, i64>(3)?.unsigned_abs() + 1,
            last: row.get::<_, i64>(1)?.unsigned_abs(),
            since: time(row.get(2)?)?,
        });
    }
    Ok(tails)
}
