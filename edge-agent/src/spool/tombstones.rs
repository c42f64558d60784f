//! Telling the centre which numbers will never come.
//!
//! A record that was given up or set aside keeps its row until the centre has been told. Rows of one boot, class and
//! reason share a message; which rows a message names is known in memory only, because a message that was not
//! acknowledged is made anew.

use std::collections::{BTreeMap, HashSet};

use protocol::{Tombstone, Topic, tombstone, topic};
use rusqlite::params;
use uuid::Uuid;

use super::{
    Class, Record, SpoolError,
    store::{GIVEN_UP, SET_ASIDE, Store, class, disk},
};

/// Rows that are looked at for one round of messages.
const ROWS: usize = 4096;

/// What rows of one message have in common: topic, boot, class, reason.
type Common = (String, Uuid, Class, String);

/// A row that the centre has not been told of.
struct Row {
    number: i64,
    seq: u64,
    bytes: u64,
}

impl Store {
    /// Up to `limit` messages about rows that the centre has not been told of. Their numbers are below zero: they
    /// stand for no row. Messages in `skip` are on their way, and so are their rows.
    pub(super) fn tombstones(
        &mut self,
        limit: usize,
        skip: &HashSet<i64>,
    ) -> Result<Vec<Record>, SpoolError> {
        if self.stats.untold == 0 || limit == 0 {
            return Ok(Vec::new());
        }
        self.telling.retain(|number, _| skip.contains(number));
        let mut records = Vec::new();
        for (common, rows) in self.untold_rows()? {
            if records.len() == limit {
                break;
            }
            let (record, numbers) = message(common, &rows);
            self.telling.insert(record.number, numbers);
            records.push(record);
        }
        Ok(records)
    }

    /// Rows that nobody has been told of and no message on its way names, in the order of boots and numbers.
    fn untold_rows(&self) -> Result<BTreeMap<Common, Vec<Row>>, SpoolError> {
        let on_the_way: HashSet<i64> = self.telling.values().flatten().copied().collect();
        let mut select = self
            .db
            .prepare_cached(
                "SELECT record.number, boot.id, seq, class, topic, bytes, coalesce(why, '')
                 FROM record CROSS JOIN boot ON boot.number = record.boot
                 WHERE state > 0 AND told = 0 ORDER BY boot, record.number",
            )
            .map_err(disk)?;
        let mut rows = select.query([]).map_err(disk)?;
        let (mut groups, mut looked_at) = (BTreeMap::<Common, Vec<Row>>::new(), 0);
        while looked_at < ROWS
            && let Some(row) = rows.next().map_err(disk)?
        {
            let read = || -> rusqlite::Result<_> {
                let boot: String = row.get(1)?;
                let place = Row {
                    number: row.get(0)?,
                    seq: row.get::<_, i64>(2)?.unsigned_abs(),
                    bytes: row.get::<_, i64>(5)?.unsigned_abs(),
                };
                let topic: String = row.get(4)?;
                Ok((place, boot, class(row.get(3)?), topic, row.get(6)?))
            };
            let (place, boot, class, topic, why) = read().map_err(disk)?;
            if on_the_way.contains(&place.number) {
                continue;
            }
            looked_at += 1;
            // What lies below no node has no centre that waits for it.
            let Ok((node, _)) = topic::parse(&topic) else {
                continue;
            };
            let boot = boot.parse().unwrap_or_default();
            let common = (node.topic(&Topic::Tombstone), boot, class, why);
            groups.entry(common).or_default().push(place);
        }
        Ok(groups)
    }

    /// The centre was told: what was given up is forgotten, what was set aside stays for whoever looks.
    pub(super) fn told(&mut self, number: i64) -> Result<(), SpoolError> {
        for row in self.telling.remove(&number).unwrap_or_default() {
            let forgotten = self
                .db
                .prepare_cached("DELETE FROM record WHERE number = ?1 AND state = ?2")
                .and_then(|mut delete| delete.execute(params![row, GIVEN_UP]))
                .map_err(disk)?;
            let kept = self
                .db
                .prepare_cached(
                    "UPDATE record SET told = 1 WHERE number = ?1 AND state = ?2 AND told = 0",
                )
                .and_then(|mut update| update.execute(params![row, SET_ASIDE]))
                .map_err(disk)?;
            self.stats.untold = self.stats.untold.saturating_sub((forgotten + kept) as u64);
        }
        Ok(())
    }
}

/// The message about `rows`, as many of them as fit, and the numbers of those.
fn message((topic, bootid, class, reason): Common, rows: &[Row]) -> (Record, Vec<i64>) {
    let (seqs, named) = tombstone::runs(rows.iter().map(|row| row.seq));
    let rows = &rows[..named];
    let (number, seq) = rows.first().map_or((0, 0), |row| (-row.number, row.seq));
    let body = Tombstone {
        bootid,
        seqs,
        class: class.as_str().to_owned(),
        reason,
        bytes: rows.iter().map(|row| row.bytes).sum(),
        time: protocol::now(),
    };
    let record = Record {
        number,
        bootid,
        seq,
        class: Class::Status,
        topic,
        payload: serde_json::to_vec(&body).expect("plain data with text keys becomes JSON"),
    };
    (record, rows.iter().map(|row| row.number).collect())
}
