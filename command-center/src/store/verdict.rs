//! What operators say of incidents: the last word on each, what became of it on its node, and how often rules are right.

use protocol::{Receipt, Utc, Verdict};
use rusqlite::{Connection, OptionalExtension, Row, params};
use uuid::Uuid;

use super::{
    Store, StoreError,
    audit::Deed,
    command, micros,
    read::{collect, json},
    record::changed,
    time,
};
use crate::{
    command::SignedCommand,
    view::{PrecisionView, VerdictView},
};

/// What somebody says of an incident.
#[derive(Clone, Debug)]
pub struct Judgement {
    /// Of which.
    pub incident: Uuid,
    /// What it was.
    pub verdict: Verdict,
    /// The command that tells its node, if the centre has a key.
    pub signed: Option<SignedCommand>,
    /// It asks for an area to be ignored.
    pub ignored: bool,
    /// For the record.
    pub note: Option<String>,
}

/// Columns of a verdict, of an incident `i`, and where they are joined from.
pub(super) const COLUMNS: &str =
    "v.verdict, v.ignored, v.judged_by, v.judged_us, c.expires_us, c.receipt";
pub(super) const JOINED: &str =
    "LEFT JOIN verdict v ON v.incident_id = i.id LEFT JOIN command c ON c.request = v.request";

impl Store {
    /// Acknowledges an incident: the first who does takes it on, a later one is noted in the audit only.
    /// `false` if there is no such incident.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn acknowledge(
        &self,
        incident: Uuid,
        user: String,
        note: Option<String>,
        now: Utc,
    ) -> Result<bool, StoreError> {
        let id = incident.to_string();
        let deed = Deed {
            note,
            ..Deed::new(&user, "acknowledged", &id)
        };
        self.audited(deed, now, move |tx| {
            let known = tx.execute(
                "UPDATE incident SET acknowledged_by = coalesce(acknowledged_by, ?2),
                   acknowledged_us = coalesce(acknowledged_us, ?3) WHERE id = ?1",
                params![id, user, micros(now)],
            )?;
            if known == 0 {
                return Ok(false);
            }
            changed(tx, "incident", &id)?;
            Ok(true)
        })
        .await
    }

    /// Keeps what `user` says, in place of what was said before, and the command that tells the node, both or neither.
    /// `false` if there is no such incident.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn judge(
        &self,
        judgement: Judgement,
        user: String,
        now: Utc,
    ) -> Result<bool, StoreError> {
        let id = judgement.incident.to_string();
        let action = match (judgement.verdict, judgement.ignored) {
            (_, true) => "area_ignored",
            (Verdict::True, false) => "judged_true",
            (Verdict::False, false) => "judged_false",
        };
        let deed = Deed {
            note: judgement.note.clone(),
            ..Deed::new(&user, action, &id)
        };
        self.audited(deed, now, move |tx| {
            let node: Option<i64> = tx
                .query_row("SELECT node_id FROM incident WHERE id = ?1", [&id], |row| {
                    row.get(0)
                })
                .optional()?;
            let Some(node) = node else { return Ok(false) };
            if let Some(signed) = &judgement.signed {
                command::insert(tx, node, signed, &user)?;
            }
            let request = judgement
                .signed
                .as_ref()
                .map(|signed| signed.request.request);
            tx.execute(
                "INSERT OR REPLACE INTO verdict VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                params![
                    id,
                    judgement.verdict.as_str(),
                    judgement.ignored,
                    user,
                    micros(now),
                    request.map(|request| request.to_string())
                ],
            )?;
            changed(tx, "incident", &id)?;
            Ok(true)
        })
        .await
    }

    /// How often each rule was right of late, by camera: of incidents since `since`, test alarms left out. Those that were
    /// wrong most often first.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn precision(&self, since: Utc) -> Result<Vec<PrecisionView>, StoreError> {
        self.read(move |connection| precision(connection, micros(since)))
            .await
    }
}

/// The verdict in a row, from column `first` on as [`COLUMNS`] names them.
pub(super) fn read(row: &Row<'_>, first: usize) -> Result<Option<VerdictView>, StoreError> {
    let Some(verdict) = row.get::<_, Option<String>>(first)? else {
        return Ok(None);
    };
    let expires: Option<i64> = row.get(first + 4)?;
    let receipt: Option<Receipt> = row
        .get::<_, Option<String>>(first + 5)?
        .map(|text| json(&text, "receipt"))
        .transpose()?;
    Ok(Some(VerdictView {
        verdict: match verdict.as_str() {
            "true" => Verdict::True,
            _ => Verdict::False,
        },
        ignored: row.get(first + 1)?,
        by: row.get(first + 2)?,
        at: time(row.get(first + 3)?)?,
        told: expires.map(|_| command::state(receipt.as_ref())),
        expires: expires.map(time).transpose()?,
        reason: receipt.and_then(|receipt| receipt.reason),
    }))
}

/// Has consoles hear of an incident whose verdict a node has answered.
pub(super) fn answered(connection: &Connection, request: Uuid) -> Result<(), StoreError> {
    let incident: Option<String> = connection
        .prepare_cached("SELECT incident_id FROM verdict WHERE request = ?1")?
        .query_row([request.to_string()], |row| row.get(0))
        .optional()?;
    match incident {
        Some(incident) => changed(connection, "incident", &incident),
        None => Ok(()),
    }
}

fn precision(connection: &Connection, since: i64) -> Result<Vec<PrecisionView>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT n.region, n.site, n.node, i.merged ->> '$.camera.id' AS camera, max(i.merged ->> '$.camera.name'),
           i.merged ->> '$.rule.id' AS rule, i.merged ->> '$.rule.kind',
           count(*) FILTER (WHERE v.verdict = 'true'), count(*) FILTER (WHERE v.verdict = 'false') AS wrong,
           count(*) FILTER (WHERE v.verdict IS NULL)
         FROM incident i JOIN node n ON n.id = i.node_id LEFT JOIN verdict v ON v.incident_id = i.id
         WHERE i.captured_us >= ?1 AND NOT i.merged ->> '$.test'
         GROUP BY n.id, camera, rule ORDER BY wrong DESC, n.region, n.site, n.node, camera, rule",
    )?;
    collect(&mut statement, &[&since], |row| {
        let count = |column| row.get::<_, i64>(column).map(i64::cast_unsigned);
        let (right, wrong) = (count(7)?, count(8)?);
        Ok(PrecisionView {
            region: row.get(0)?,
            site: row.get(1)?,
            node: row.get(2)?,
            camera: row.get(3)?,
            camera_name: row.get(4)?,
            rule: row.get(5)?,
            kind: row.get(6)?,
            judged_true: right,
            judged_false: wrong,
            unjudged: count(9)?,
            precision: (right + wrong > 0).then(|| right as f64 / (right + wrong) as f64),
        })
    })
}
