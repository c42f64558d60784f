//! What cameras have counted, as their nodes said it.

use protocol::{NodePath, Totals, Utc};
use rusqlite::{Connection, params};

use super::{
    Store, StoreError, micros,
    read::{collect, json},
    record::{Outcome, Refused},
    sequence,
};

/// Stretches in one answer at most; those after `since` come first.
const MOST: i64 = 10_000;

/// Which stretches are asked for.
#[derive(Clone, Debug)]
pub struct TotalsQuery {
    /// Of this node.
    pub node: NodePath,
    /// Of this camera only.
    pub camera: Option<String>,
    /// Those that end after this.
    pub since: Utc,
    /// Those that begin before this.
    pub until: Utc,
}

/// Keeps a message. The place among its boot's messages is its identity.
pub(super) fn take(
    connection: &Connection,
    node_id: i64,
    totals: &Totals,
    now: Utc,
) -> Result<Outcome, Refused> {
    if totals.until < totals.from {
        return Err(Refused::message("until lies before from"));
    }
    sequence::note(connection, node_id, totals.bootid, totals.seq, now)?;
    let body = serde_json::to_string(totals).map_err(|e| Refused::Message(e.to_string()))?;
    let seq = i64::try_from(totals.seq).map_err(|_| Refused::message("seq is out of range"))?;
    let new = connection
        .prepare_cached("INSERT OR IGNORE INTO totals VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?
        .execute(params![
            node_id,
            totals.bootid.to_string(),
            seq,
            totals.camera.as_str(),
            micros(totals.from),
            micros(totals.until),
            body
        ])?;
    Ok(match new {
        0 => Outcome::Duplicate,
        _ => Outcome::Stored,
    })
}

impl Store {
    /// What was counted, by camera and in the order of time; at most 10,000 stretches.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn totals(&self, query: TotalsQuery) -> Result<Vec<Totals>, StoreError> {
        self.read(move |connection| find(connection, &query)).await
    }
}

fn find(connection: &Connection, query: &TotalsQuery) -> Result<Vec<Totals>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT body FROM totals JOIN node ON node.id = node_id
         WHERE region = ?1 AND site = ?2 AND node = ?3 AND coalesce(camera = ?4, true)
           AND until_us > ?5 AND from_us < ?6
         ORDER BY from_us, camera, seq LIMIT ?7",
    )?;
    let NodePath { region, site, node } = &query.node;
    let (since, until) = (micros(query.since), micros(query.until));
    let asked: [&dyn rusqlite::ToSql; 7] = [
        &region.as_str(),
        &site.as_str(),
        &node.as_str(),
        &query.camera,
        &since,
        &until,
        &MOST,
    ];
    collect(&mut statement, &asked, |row| {
        json(&row.get::<_, String>(0)?, "totals")
    })
}
