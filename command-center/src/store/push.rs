//! What nodes' cameras are to be told besides the nodes' own files: kept before it is sent, sent until the node says that it has taken
//! it; and what nodes say that they go by.

use protocol::{DesiredConfig, NodePath, ReportedConfig, Topic, Trial, Utc};
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};
use uuid::Uuid;

use super::{
    Store, StoreError,
    audit::Deed,
    micros,
    read::{collect, json},
    record::{Outcome, Refused, changed},
    time,
};
use crate::{
    command::Signer,
    view::{ConfigView, PushView},
};

/// Between the first two attempts; it doubles up to [`REPEAT_MOST_US`].
const REPEAT_US: i64 = 5_000_000;
/// Between attempts at most. The broker keeps the document meanwhile.
const REPEAT_MOST_US: i64 = 600_000_000;

/// A document that is to be left at the broker now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DuePush {
    /// Where it goes.
    pub topic: String,
    /// The envelope.
    pub envelope: Vec<u8>,
}

impl Store {
    /// Keeps a document that `user` pushes to a node, signed, under the next number. Nothing if no such node was ever heard of.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn push(
        &self,
        signer: Signer,
        node: NodePath,
        (document, trial): (String, Trial),
        user: String,
        now: Utc,
    ) -> Result<Option<(Uuid, u64)>, StoreError> {
        let deed = Deed {
            note: Some(format!("{} bytes", document.len())),
            ..Deed::new(&user, "config_pushed", &node.to_string())
        };
        let (given, taken) = std::sync::mpsc::sync_channel(1);
        self.audited(deed, now, move |tx| {
            let Some(node_id) = known(tx, &node)? else { return Ok(false) };
            let number = next_number(tx, node_id)?;
            let desired = DesiredConfig {
                push: Uuid::now_v7(),
                number: number.cast_unsigned(),
                issued: protocol::in_milliseconds(now),
                document,
                trial,
                node,
            };
            let envelope = signer.sign_config(&desired).map_err(|_| StoreError::Broken("document"))?;
            let trial = serde_json::to_string(&desired.trial).map_err(|_| StoreError::Broken("trial"))?;
            tx.execute(
                "INSERT INTO config_push (node_id, number, push, document, trial, pushed_by, pushed_us, topic, envelope)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
                params![
                    node_id,
                    number,
                    desired.push.to_string(),
                    desired.document,
                    trial,
                    user,
                    micros(desired.issued),
                    desired.node.topic(&Topic::DesiredConfig),
                    envelope
                ],
            )?;
            changed(tx, "node", &node_id.to_string())?;
            // The receiver lives as long as this call.
            let _sent = given.send((desired.push, desired.number));
            Ok(true)
        })
        .await?;
        Ok(taken.try_recv().ok())
    }

    /// The latest document of each node that has not said that it has taken it, and that was not sent for a while; they count as sent
    /// from now on.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn due_pushes(&self, now: Utc) -> Result<Vec<DuePush>, StoreError> {
        let at = micros(now);
        let waiting = self.read(move |connection| {
            Ok(connection
                .prepare_cached("SELECT 1 FROM config_push WHERE NOT taken AND next_us <= ?1")?
                .exists([at])?)
        });
        if !waiting.await? {
            return Ok(Vec::new());
        }
        self.write(move |connection| {
            let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let due = {
                let mut statement = tx.prepare_cached(
                    "UPDATE config_push SET attempts = attempts + 1, next_us = ?1 + min(?3, ?2 << min(attempts, 8))
                     WHERE NOT taken AND next_us <= ?1 RETURNING topic, envelope, number,
                       number = (SELECT max(number) FROM config_push AS other WHERE other.node_id = config_push.node_id)",
                )?;
                collect(&mut statement, &[&at, &REPEAT_US, &REPEAT_MOST_US], |row| {
                    let due = DuePush {
                        topic: row.get(0)?,
                        envelope: row.get(1)?,
                    };
                    Ok((due, row.get::<_, bool>(3)?))
                })?
            };
            tx.commit()?;
            Ok(due.into_iter().filter(|(_, latest)| *latest).map(|(due, _)| due).collect())
        })
        .await
    }

    /// What was pushed to a node last, and what it says that it goes by. Nothing if no such node was ever heard of.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn config(&self, node: NodePath) -> Result<Option<ConfigView>, StoreError> {
        self.read(move |connection| {
            let Some(node_id) = known(connection, &node)? else {
                return Ok(None);
            };
            of_node(connection, node_id).map(Some)
        })
        .await
    }
}

fn known(connection: &Connection, node: &NodePath) -> Result<Option<i64>, StoreError> {
    let names = [node.region.as_str(), node.site.as_str(), node.node.as_str()];
    let id = connection
        .prepare_cached("SELECT id FROM node WHERE (region, site, node) = (?1, ?2, ?3)")?
        .query_row(names, |row| row.get(0));
    Ok(id.optional()?)
}

/// One more than was ever pushed to it, by this centre's memory and by its own.
fn next_number(connection: &Connection, node_id: i64) -> Result<i64, StoreError> {
    let pushed: Option<i64> = connection.query_row(
        "SELECT max(number) FROM config_push WHERE node_id = ?1",
        [node_id],
        |row| row.get(0),
    )?;
    let said = reported(connection, node_id)?.and_then(|(said, _)| said.push);
    let said = said.and_then(|push| i64::try_from(push.number).ok());
    Ok(pushed.max(said).unwrap_or_default().saturating_add(1))
}

fn reported(
    connection: &Connection,
    node_id: i64,
) -> Result<Option<(ReportedConfig, Utc)>, StoreError> {
    let found: Option<(String, i64)> = connection
        .prepare_cached("SELECT body, received_us FROM config_report WHERE node_id = ?1")?
        .query_row([node_id], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    found
        .map(|(body, at)| Ok((json(&body, "config")?, time(at)?)))
        .transpose()
}

fn of_node(connection: &Connection, node_id: i64) -> Result<ConfigView, StoreError> {
    let (reported, heard) = reported(connection, node_id)?.unzip();
    let good = reported.as_ref().and_then(|said| said.confirmed);
    let good = good.and_then(|number| i64::try_from(number).ok());
    let good = good.map(|number| pushed(connection, node_id, Some(number)));
    Ok(ConfigView {
        pushed: pushed(connection, node_id, None)?,
        good: good.transpose()?.flatten(),
        reported,
        heard,
    })
}

/// The push of a number, or the last one.
fn pushed(
    connection: &Connection,
    node_id: i64,
    number: Option<i64>,
) -> Result<Option<PushView>, StoreError> {
    let row = connection
        .prepare_cached(
            "SELECT push, number, document, trial, pushed_by, pushed_us, taken FROM config_push
             WHERE node_id = ?1 AND (?2 IS NULL OR number = ?2) ORDER BY number DESC LIMIT 1",
        )?
        .query_row(params![node_id, number], |row| {
            Ok((
                (row.get::<_, String>(0)?, row.get::<_, i64>(1)?, row.get(2)?),
                (
                    row.get::<_, String>(3)?,
                    row.get(4)?,
                    row.get::<_, i64>(5)?,
                    row.get(6)?,
                ),
            ))
        })
        .optional()?;
    row.map(
        |((push, number, document), (trial, pushed_by, at, taken))| {
            Ok::<_, StoreError>(PushView {
                push: push.parse().map_err(|_| StoreError::Broken("push"))?,
                number: number.cast_unsigned(),
                document,
                trial: json(&trial, "trial")?,
                pushed_by,
                pushed: time(at)?,
                taken,
            })
        },
    )
    .transpose()
}

/// Takes what a node says that it goes by.
pub(super) fn take(
    connection: &Connection,
    node_id: i64,
    said: &ReportedConfig,
    now: Utc,
) -> Result<Outcome, Refused> {
    let body = serde_json::to_string(said).map_err(|e| Refused::Message(e.to_string()))?;
    connection
        .prepare_cached(
            "INSERT INTO config_report (node_id, body, received_us) VALUES (?1, ?2, ?3)
             ON CONFLICT DO UPDATE SET body = excluded.body, received_us = excluded.received_us",
        )?
        .execute(params![node_id, body, micros(now)])?;
    if let Some(push) = &said.push {
        let number =
            i64::try_from(push.number).map_err(|_| Refused::message("number is out of range"))?;
        connection
            .prepare_cached("UPDATE config_push SET taken = 1 WHERE node_id = ?1 AND number <= ?2 AND NOT taken")?
            .execute(params![node_id, number])?;
    }
    Ok(Outcome::Stored)
}
