//! Making room: what is given up for a record that matters more, and the figures that follow.

use rusqlite::{OptionalExtension, params};

use super::{
    Class, SpoolError, SpoolStats,
    quota::room,
    store::{GIVEN_UP, Store, class, disk, ranks},
};

impl SpoolStats {
    /// A record waits.
    pub(super) fn enter(&mut self, class: Class, bytes: u64) {
        self.pending += 1;
        self.bytes += bytes;
        self.room += room(bytes);
        self.classes[class as usize] += room(bytes);
    }

    /// A record waits no more.
    pub(super) fn leave(&mut self, class: Class, bytes: u64) {
        self.pending -= 1;
        self.bytes -= bytes;
        self.room -= room(bytes);
        self.classes[class as usize] -= room(bytes);
    }
}

impl Store {
    /// Gives up records that matter no more than one of `rank`, last ranks and oldest first, until it fits with its
    /// `bytes`. Says whether it does.
    pub(super) fn make_room(
        &mut self,
        class: Class,
        bytes: u64,
        rank: i64,
    ) -> Result<bool, SpoolError> {
        let needed = room(bytes);
        let (of_class, limit) = (self.quota.of_class(class), self.quota.limit(class));
        if needed > of_class.min(limit) {
            return Ok(false);
        }
        while self.stats.classes[class as usize] + needed > of_class {
            if !self.give_up(rank..ranks(class).end)? {
                return Ok(false);
            }
        }
        while self.stats.room + needed > limit {
            if !self.drop_set_aside()? && !self.give_up(rank..i64::MAX)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Gives up the oldest record of the last of these ranks. Says whether there was one.
    fn give_up(&mut self, ranks: std::ops::Range<i64>) -> Result<bool, SpoolError> {
        let last: Option<(i64, i64, i64)> = self
            .db
            .prepare_cached(
                "SELECT number, class, bytes FROM record WHERE state = 0 AND rank =
                   (SELECT max(rank) FROM record WHERE state = 0 AND rank >= ?1 AND rank < ?2)
                 ORDER BY number LIMIT 1",
            )
            .and_then(|mut select| {
                select
                    .query_row(params![ranks.start, ranks.end], |row| {
                        Ok((row.get(0)?, row.get(1)?, row.get(2)?))
                    })
                    .optional()
            })
            .map_err(disk)?;
        let Some((number, of, bytes)) = last else {
            return Ok(false);
        };
        self.forget_payload(number, "quota")?;
        self.stats.leave(class(of), bytes.unsigned_abs());
        self.stats.given_up += 1;
        self.stats.untold += 1;
        Ok(true)
    }

    /// Makes a record one that was given up because of `why`. It is deleted and written anew: a row that shrinks where it
    /// stands would hold its page.
    fn forget_payload(&self, number: i64, why: &str) -> Result<(), SpoolError> {
        let (boot, seq, of, rank, topic, bytes): (i64, i64, i64, i64, String, i64) = self
            .db
            .prepare_cached(
                "DELETE FROM record WHERE number = ?1 RETURNING boot, seq, class, rank, topic, bytes",
            )
            .and_then(|mut delete| {
                delete.query_row([number], |row| {
                    Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?))
                })
            })
            .map_err(disk)?;
        self.db
            .prepare_cached(
                "INSERT INTO record (number, boot, seq, class, rank, topic, bytes, state, why)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            )
            .and_then(|mut insert| {
                insert.execute(params![
                    number, boot, seq, of, rank, topic, bytes, GIVEN_UP, why
                ])
            })
            .map_err(disk)?;
        Ok(())
    }

    /// Drops the oldest payload that was set aside: it will never be sent, so it goes before anything that waits. Says
    /// whether there was one.
    fn drop_set_aside(&mut self) -> Result<bool, SpoolError> {
        if self.stats.kept_aside == 0 {
            return Ok(false);
        }
        let oldest: Option<(i64, i64, bool, String)> = self
            .db
            .prepare_cached(
                "SELECT number, bytes, told, why FROM record WHERE state = 1 ORDER BY number LIMIT 1",
            )
            .and_then(|mut select| {
                select
                    .query_row([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))
                    .optional()
            })
            .map_err(disk)?;
        let Some((number, bytes, told, why)) = oldest else {
            return Ok(false);
        };
        if told {
            self.db
                .prepare_cached("DELETE FROM record WHERE number = ?1")
                .and_then(|mut delete| delete.execute([number]))
                .map_err(disk)?;
        } else {
            // The centre is still to hear of it.
            self.forget_payload(number, &why)?;
        }
        self.stats.kept_aside -= 1;
        self.stats.room -= room(bytes.unsigned_abs());
        Ok(true)
    }

    /// Counts what lies in the database.
    pub(super) fn recount(&mut self) -> rusqlite::Result<()> {
        let mut select = self.db.prepare(
            "SELECT state, class, count(*), bytes FROM record WHERE state IN (0, 1) GROUP BY state, class, bytes",
        )?;
        let mut rows = select.query([])?;
        while let Some(row) = rows.next()? {
            let (state, of, count): (i64, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
            let bytes = row.get::<_, i64>(3)?.unsigned_abs();
            for _ in 0..count {
                if state == 0 {
                    self.stats.enter(class(of), bytes);
                } else {
                    self.stats.kept_aside += 1;
                    self.stats.room += room(bytes);
                }
            }
        }
        self.stats.untold = self.db.query_row(
            "SELECT count(*) FROM record WHERE state > 0 AND told = 0",
            [],
            |row| row.get::<_, i64>(0).map(i64::unsigned_abs),
        )?;
        Ok(())
    }
}
