//! Committing what came from the nodes: one transaction a batch, a savepoint a message.

use protocol::{Health, IncidentEvent, NodePath, NodeState, NodeStatus, Utc};
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};
use uuid::Uuid;

use super::{
    StoreError, command, custody,
    evidence::{self, EvidenceFolder},
    incident::{self, Merged},
    micros, push, sequence, time, totals,
};
use crate::message::{self, Content, Message};

/// Messages of one incident that are taken: only transitions are sent, so more is a fault of the node.
const MESSAGES_MAX: usize = 256;
/// Parked messages that are kept; all are counted.
const PARKED_KEPT: i64 = 1000;
/// Bytes of a parked message that are kept.
const PARKED_BYTES: usize = 16 << 10;
/// Changes that a console may have missed and still resume; past them it loads afresh.
const CHANGES_KEPT: i64 = 20_000;

/// What came from the broker.
#[derive(Clone, Debug)]
pub struct Delivery {
    received: Utc,
    topic: String,
    /// What is kept if it is parked.
    beginning: Vec<u8>,
    bytes: usize,
    message: Result<Message, String>,
}

impl Delivery {
    /// What came at `received`, read as far as it can be.
    pub fn read(received: Utc, topic: &str, payload: &[u8]) -> Self {
        Delivery::new(received, topic, payload, message::parse(topic, payload))
    }

    /// What came at `received`; `message` is what it says, or why it cannot be read.
    pub fn new(
        received: Utc,
        topic: &str,
        payload: &[u8],
        message: Result<Message, String>,
    ) -> Self {
        let kept = payload.len().min(PARKED_BYTES);
        Delivery {
            received,
            topic: topic.to_owned(),
            beginning: payload.get(..kept).unwrap_or_default().to_vec(),
            bytes: payload.len(),
            message,
        }
    }

    /// Its topic.
    pub fn topic(&self) -> &str {
        &self.topic
    }

    /// What it says, if it can be read.
    pub fn message(&self) -> Option<&Message> {
        self.message.as_ref().ok()
    }
}

/// What became of a delivery. It is committed in every case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was new.
    Stored,
    /// It was here before, and changed nothing.
    Duplicate,
    /// It was set aside for this reason.
    Parked(String),
}

/// Why a message was not taken.
pub(super) enum Refused {
    /// It is the message's fault: park it.
    Message(String),
    /// It is the store's fault: the batch is tried again.
    Store(StoreError),
}

impl Refused {
    pub(super) fn message(reason: &str) -> Self {
        Refused::Message(reason.to_owned())
    }
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        match error {
            // a value that a table refuses would be refused for ever: one message must not block the rest
            StoreError::Database(rusqlite::Error::SqliteFailure(failure, text))
                if failure.code == rusqlite::ErrorCode::ConstraintViolation =>
            {
                Refused::Message(text.unwrap_or_else(|| failure.to_string()))
            }
            StoreError::Broken(what) => Refused::Message(format!("{what} is out of range")),
            other => Refused::Store(other),
        }
    }
}

impl From<rusqlite::Error> for Refused {
    fn from(error: rusqlite::Error) -> Self {
        StoreError::from(error).into()
    }
}

/// Commits a batch; see [`super::Store::record`].
pub(super) fn record(
    connection: &mut Connection,
    folder: &EvidenceFolder,
    batch: &[Delivery],
) -> Result<Vec<Outcome>, StoreError> {
    let mut tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut outcomes = Vec::with_capacity(batch.len());
    for delivery in batch {
        let savepoint = tx.savepoint()?;
        let taken = match &delivery.message {
            Ok(message) => take(&savepoint, folder, message, delivery.received),
            Err(reason) => Ok(Outcome::Parked(reason.clone())),
        };
        let outcome = match taken {
            Ok(outcome) => {
                savepoint.commit()?;
                outcome
            }
            Err(Refused::Message(reason)) => {
                savepoint.finish()?;
                Outcome::Parked(reason)
            }
            Err(Refused::Store(error)) => return Err(error),
        };
        if let Outcome::Parked(reason) = &outcome {
            park(&tx, delivery, reason)?;
        }
        outcomes.push(outcome);
    }
    tx.execute(
        "DELETE FROM change WHERE id <= (SELECT max(id) FROM change) - ?1",
        [CHANGES_KEPT],
    )?;
    tx.commit()?;
    Ok(outcomes)
}

fn take(
    connection: &Connection,
    folder: &EvidenceFolder,
    message: &Message,
    now: Utc,
) -> Result<Outcome, Refused> {
    let last_will = matches!(&message.content, Content::Status(s) if s.state == NodeState::Offline);
    let node_id = node_id(connection, &message.node, now, !last_will)?;
    let (outcome, incident) = match &message.content {
        Content::Status(status) => {
            take_status(connection, node_id, status)?;
            (Outcome::Stored, None)
        }
        Content::Health(health) => {
            take_health(connection, node_id, health)?;
            sequence::said(connection, node_id, health.bootid, health.last_seq, now)?;
            (Outcome::Stored, None)
        }
        Content::Tombstone(tombstone) => {
            let new = sequence::give_up(connection, node_id, tombstone, now)?;
            let outcome = if new {
                Outcome::Stored
            } else {
                Outcome::Duplicate
            };
            (outcome, None)
        }
        Content::Receipt(receipt) => {
            let outcome = command::take_receipt(connection, node_id, receipt, now)?;
            (outcome, None)
        }
        Content::Totals(said) => (totals::take(connection, node_id, said, now)?, None),
        Content::Custody(said) => {
            let outcome = custody::take(connection, node_id, &message.node, said, now)?;
            (outcome, None)
        }
        Content::Config(said) => (push::take(connection, node_id, said, now)?, None),
        Content::Incident(event, text) => {
            let outcome = take_incident(connection, node_id, event, text, now)?;
            (outcome, Some(event.data.incident_id))
        }
        Content::Evidence(header, chunk) => {
            let outcome = evidence::take(connection, folder, node_id, header, chunk, now)?;
            (outcome, Some(header.incident_id))
        }
    };
    match (&outcome, incident) {
        (Outcome::Stored, Some(id)) => changed(connection, "incident", &id.to_string())?,
        (Outcome::Duplicate, _) => {
            let count = "UPDATE node SET duplicates = duplicates + 1 WHERE id = ?1";
            connection.execute(count, [node_id])?;
        }
        _ => {}
    }
    changed(connection, "node", &node_id.to_string())?;
    Ok(outcome)
}

/// The node's number. A last will is the broker's word: the node itself was not heard.
fn node_id(
    connection: &Connection,
    path: &NodePath,
    now: Utc,
    heard: bool,
) -> Result<i64, StoreError> {
    let id = connection
        .prepare_cached(
            "INSERT INTO node (region, site, node, heard_us) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT DO UPDATE SET heard_us = iif(?5, excluded.heard_us, heard_us) RETURNING id",
        )?
        .query_row(
            params![
                path.region.as_str(),
                path.site.as_str(),
                path.node.as_str(),
                micros(now),
                heard
            ],
            |row| row.get(0),
        )?;
    Ok(id)
}

fn take_incident(
    connection: &Connection,
    node_id: i64,
    event: &IncidentEvent,
    text: &str,
    now: Utc,
) -> Result<Outcome, Refused> {
    let id = event.data.incident_id.to_string();
    let new = connection
        .prepare_cached("INSERT OR IGNORE INTO message VALUES (?1, ?2, ?3, ?4, ?5)")?
        .execute(params![
            event.source,
            event.id.to_string(),
            id,
            micros(now),
            text
        ])?;
    if new == 0 {
        return Ok(Outcome::Duplicate);
    }
    sequence::note(connection, node_id, event.bootid, event.seq, now)?;
    let known: Option<(i64, Option<i64>, Option<String>)> = connection
        .prepare_cached("SELECT node_id, ended_us, ended_basis FROM incident WHERE id = ?1")?
        .query_row([&id], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .optional()?;
    if known.as_ref().is_some_and(|(owner, ..)| *owner != node_id) {
        return Err(Refused::message("the incident belongs to another node"));
    }
    let mut events = messages(connection, &id)?;
    if events.len() > MESSAGES_MAX {
        return Err(Refused::Message(format!(
            "the incident has {MESSAGES_MAX} messages already"
        )));
    }
    incident::sort(&mut events);
    let received = events
        .iter()
        .map(|(received, _)| *received)
        .min()
        .unwrap_or(now);
    let merged = incident::merge(&events).ok_or(StoreError::Broken("incident"))?;
    let by_status = known.and_then(|(_, ended, basis)| {
        ended.filter(|at| basis.as_deref() == Some("node_status") && *at >= micros(merged.latest))
    });
    let ended = match (merged.closed, by_status) {
        (Some(closed), _) => Some((micros(closed), "message")),
        (None, Some(at)) => Some((at, "node_status")),
        (None, None) => None,
    };
    write_incident(connection, node_id, &id, &merged, received, ended)?;
    Ok(Outcome::Stored)
}

fn write_incident(
    connection: &Connection,
    node_id: i64,
    id: &str,
    merged: &Merged,
    received: Utc,
    ended: Option<(i64, &str)>,
) -> Result<(), Refused> {
    let body = serde_json::to_string(merged).map_err(|e| Refused::Message(e.to_string()))?;
    connection
        .prepare_cached(
            "INSERT INTO incident
               (id, node_id, captured_us, latest_us, received_us, ended_us, ended_basis, merged)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
             ON CONFLICT (id) DO UPDATE SET captured_us = excluded.captured_us,
               latest_us = excluded.latest_us, received_us = excluded.received_us,
               ended_us = excluded.ended_us, ended_basis = excluded.ended_basis, merged = excluded.merged",
        )?
        .execute(params![
            id,
            node_id,
            micros(merged.time.capture),
            micros(merged.latest),
            micros(received),
            ended.map(|(at, _)| at),
            ended.map(|(_, basis)| basis),
            body
        ])?;
    Ok(())
}

/// All messages of an incident with the time of their commit, in no order.
pub(super) fn messages(
    connection: &Connection,
    incident: &str,
) -> Result<Vec<(Utc, IncidentEvent)>, StoreError> {
    let mut statement = connection
        .prepare_cached("SELECT received_us, body FROM message WHERE incident_id = ?1")?;
    let mut rows = statement.query([incident])?;
    let mut events = Vec::new();
    while let Some(row) = rows.next()? {
        let body: String = row.get(1)?;
        let event = serde_json::from_str(&body).map_err(|_| StoreError::Broken("message"))?;
        events.push((time(row.get(0)?)?, event));
    }
    Ok(events)
}

fn take_status(connection: &Connection, node_id: i64, status: &NodeStatus) -> Result<(), Refused> {
    let known: Option<String> = connection
        .prepare_cached("SELECT status FROM node WHERE id = ?1")?
        .query_row(params![node_id], |row| row.get(0))?;
    let known: Option<NodeStatus> = known.and_then(|text| serde_json::from_str(&text).ok());
    if known.is_some_and(|known| is_of_a_broker_left(&known, status)) {
        return Ok(());
    }
    let body = serde_json::to_string(status).map_err(|e| Refused::Message(e.to_string()))?;
    connection
        .prepare_cached("UPDATE node SET status = ?2 WHERE id = ?1")?
        .execute(params![node_id, body])?;
    if status.state == NodeState::Online {
        end_what_is_over(connection, node_id, status)?;
    }
    Ok(())
}

/// Whether `status` comes late from a broker that the node has left for the one of `known`: what it said there of its
/// going, or its last will, is not true of the node.
fn is_of_a_broker_left(known: &NodeStatus, status: &NodeStatus) -> bool {
    let another =
        known.broker.is_some() && status.broker.is_some() && known.broker != status.broker;
    let farewell = status.state != NodeState::Online && known.state == NodeState::Online;
    another && known.bootid == status.bootid && (farewell || status.time < known.time)
}

/// A node lists the incidents that are still open after each connect: others that it decided on before are over, even
/// if the message that said so was lost. A retained status may be older than an incident; that one is left alone.
fn end_what_is_over(
    connection: &Connection,
    node_id: i64,
    status: &NodeStatus,
) -> Result<(), StoreError> {
    let said = micros(status.time);
    let open: Vec<String> = connection
        .prepare_cached(
            "SELECT id FROM incident WHERE node_id = ?1 AND ended_us IS NULL AND latest_us < ?2",
        )?
        .query_map(params![node_id, said], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    for id in open {
        let listed = id
            .parse::<Uuid>()
            .is_ok_and(|id| status.open_incidents.contains(&id));
        if !listed {
            connection
                .prepare_cached(
                    "UPDATE incident SET ended_us = ?2, ended_basis = 'node_status' WHERE id = ?1",
                )?
                .execute(params![id, said])?;
            changed(connection, "incident", &id)?;
        }
    }
    Ok(())
}

fn take_health(connection: &Connection, node_id: i64, health: &Health) -> Result<(), Refused> {
    let body = serde_json::to_string(health).map_err(|e| Refused::Message(e.to_string()))?;
    connection
        .prepare_cached("UPDATE node SET health = ?2 WHERE id = ?1")?
        .execute(params![node_id, body])?;
    let boot = health.bootid.to_string();
    let said = micros(health.time);
    for camera in &health.cameras {
        let body = serde_json::to_string(camera).map_err(|e| Refused::Message(e.to_string()))?;
        // rates are between two reports of one boot; a re-sent or older report keeps what is known
        connection
            .prepare_cached(
                "INSERT INTO camera (node_id, camera, bootid, said_us, health) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT DO UPDATE SET
                   decoded_fps = CASE WHEN bootid = excluded.bootid AND said_us < excluded.said_us THEN
                     max(0, excluded.health ->> 'frames_decoded' - (health ->> 'frames_decoded'))
                       * 1e6 / (excluded.said_us - said_us) END,
                   analysed_fps = CASE WHEN bootid = excluded.bootid AND said_us < excluded.said_us THEN
                     max(0, excluded.health ->> 'frames_analysed' - (health ->> 'frames_analysed'))
                       * 1e6 / (excluded.said_us - said_us) END,
                   bootid = excluded.bootid, said_us = excluded.said_us, health = excluded.health
                 WHERE bootid != excluded.bootid OR said_us < excluded.said_us",
            )?
            .execute(params![node_id, camera.id.as_str(), boot, said, body])?;
    }
    let listed: Vec<&str> = health.cameras.iter().map(|c| c.id.as_str()).collect();
    let listed = serde_json::to_string(&listed).map_err(|e| Refused::Message(e.to_string()))?;
    connection
        .prepare_cached(
            "DELETE FROM camera WHERE node_id = ?1 AND said_us <= ?3
             AND camera NOT IN (SELECT value FROM json_each(?2))",
        )?
        .execute(params![node_id, listed, said])?;
    Ok(())
}

fn park(connection: &Connection, delivery: &Delivery, reason: &str) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "INSERT INTO parked (received_us, topic, reason, bytes, payload) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![
            micros(delivery.received),
            delivery.topic,
            reason,
            delivery.bytes.cast_signed(),
            delivery.beginning
        ])?;
    connection.execute(
        "DELETE FROM parked WHERE id <= (SELECT max(id) FROM parked) - ?1",
        [PARKED_KEPT],
    )?;
    changed(connection, "centre", "")
}

/// Notes that consoles have to hear of something.
pub(super) fn changed(
    connection: &Connection,
    kind: &str,
    subject: &str,
) -> Result<(), StoreError> {
    connection
        .prepare_cached("INSERT INTO change (kind, subject) VALUES (?1, ?2)")?
        .execute([kind, subject])?;
    Ok(())
}
