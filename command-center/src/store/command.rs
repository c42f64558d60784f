//! Commands to nodes: kept before they are sent, repeated until a receipt comes, and what became of them.

use protocol::{Command, CommandOutcome, Original, Receipt, Utc};
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};
use uuid::Uuid;

use super::{
    Store, StoreError,
    audit::Deed,
    evidence::EvidenceFolder,
    micros,
    read::{EvidenceFile, collect, json},
    record::{Outcome, Refused, changed},
    sequence, time, verdict,
};
use crate::{
    command::SignedCommand,
    view::{CommandEvidence, CommandState, CommandView},
};

/// Commands that are shown of a node.
const SHOWN: i64 = 5;
/// Between the first two attempts; it doubles up to [`REPEAT_MOST_US`].
const REPEAT_US: i64 = 2_000_000;
/// Between attempts at most.
const REPEAT_MOST_US: i64 = 30_000_000;

/// A command that is to be sent now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueCommand {
    /// Which request.
    pub request: Uuid,
    /// Where it goes.
    pub topic: String,
    /// What goes.
    pub envelope: Vec<u8>,
}

impl Store {
    /// Keeps a command that `user` gives, for sending. `false` if no such node was ever heard of.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn give_command(
        &self,
        signed: SignedCommand,
        user: String,
        now: Utc,
    ) -> Result<bool, StoreError> {
        let asked = &signed.request;
        let (kind, camera) = (asked.command.kind(), camera_of(&asked.command));
        let (action, note) = match asked.command.original() {
            None => ("commanded", format!("{kind} {camera}")),
            Some(Original { role, reason }) => (
                "original_asked",
                format!("{kind} {camera} as {role}: {reason}"),
            ),
        };
        let deed = Deed {
            note: Some(note),
            ..Deed::new(&user, action, &asked.node.to_string())
        };
        self.audited(deed, now, move |tx| {
            let asked = &signed.request;
            let path = &asked.node;
            let names = [path.region.as_str(), path.site.as_str(), path.node.as_str()];
            let node: Option<i64> = tx
                .query_row(
                    "SELECT id FROM node WHERE (region, site, node) = (?1, ?2, ?3)",
                    names,
                    |row| row.get(0),
                )
                .optional()?;
            let Some(node) = node else { return Ok(false) };
            insert(tx, node, &signed, &user)?;
            Ok(true)
        })
        .await
    }

    /// Notes in the audit that `user` opens the original that a command brought.
    ///
    /// # Errors
    /// If the database fails: then it must not be opened.
    pub async fn note_unsealed(
        &self,
        request: Uuid,
        user: String,
        reason: String,
        now: Utc,
    ) -> Result<(), StoreError> {
        let deed = Deed {
            note: Some(reason),
            ..Deed::new(&user, "original_unsealed", &request.to_string())
        };
        self.audited(deed, now, |_| Ok(true)).await.map(drop)
    }

    /// Commands that have no receipt, are still alive, and were not sent for a while; they count as sent from now on.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn due_commands(&self, now: Utc) -> Result<Vec<DueCommand>, StoreError> {
        let waiting = self
            .read(move |connection| {
                Ok(connection
                    .prepare_cached(
                        "SELECT 1 FROM command WHERE receipt IS NULL AND next_us <= ?1 AND expires_us > ?1",
                    )?
                    .exists([micros(now)])?)
            })
            .await?;
        if !waiting {
            return Ok(Vec::new());
        }
        self.write(move |connection| {
            let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let due = take_due(&tx, micros(now))?;
            tx.commit()?;
            Ok(due)
        })
        .await
    }

    /// A part of the evidence that a command brought, if it is complete.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn command_evidence(
        &self,
        request: Uuid,
        part: String,
    ) -> Result<Option<EvidenceFile>, StoreError> {
        let folder: EvidenceFolder = self.inner.evidence.clone();
        self.read(move |connection| {
            let found = connection
                .prepare_cached(
                    "SELECT e.sha256, e.content_type FROM command c
                     JOIN evidence e ON e.incident_id = c.request AND e.node_id = c.node_id
                     WHERE c.request = ?1 AND e.part = ?2 AND e.complete_us IS NOT NULL",
                )?
                .query_row(params![request.to_string(), part], |row| {
                    Ok((row.get::<_, String>(0)?, row.get(1)?))
                })
                .optional()?;
            Ok(found.map(|(sha256, content_type)| EvidenceFile {
                path: folder.file(&sha256),
                content_type,
                sha256,
            }))
        })
        .await
    }
}

/// Keeps a command for sending.
pub(super) fn insert(
    connection: &Connection,
    node: i64,
    signed: &SignedCommand,
    user: &str,
) -> Result<(), StoreError> {
    let asked = &signed.request;
    let body = serde_json::to_string(&asked.command).map_err(|_| StoreError::Broken("command"))?;
    connection.execute(
        "INSERT INTO command (request, node_id, command, asked_by, asked_us, expires_us, topic, envelope)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        params![
            asked.request.to_string(),
            node,
            body,
            user,
            micros(asked.issued),
            micros(asked.expires),
            signed.topic,
            signed.envelope
        ],
    )?;
    changed(connection, "node", &node.to_string())
}

fn take_due(connection: &Connection, now: i64) -> Result<Vec<DueCommand>, StoreError> {
    let mut statement = connection.prepare_cached(
        "UPDATE command SET attempts = attempts + 1,
           next_us = ?1 + min(?3, ?2 << min(attempts, 8))
         WHERE receipt IS NULL AND next_us <= ?1 AND expires_us > ?1
         RETURNING request, topic, envelope, node_id",
    )?;
    collect(
        &mut statement,
        &[&now, &REPEAT_US, &REPEAT_MOST_US],
        |row| {
            let node_id: i64 = row.get(3)?;
            changed(connection, "node", &node_id.to_string())?;
            let request: String = row.get(0)?;
            Ok(DueCommand {
                request: request.parse().map_err(|_| StoreError::Broken("command"))?,
                topic: row.get(1)?,
                envelope: row.get(2)?,
            })
        },
    )
}

/// Takes a receipt. The first one counts; the node sends the same words again where it is asked again.
pub(super) fn take_receipt(
    connection: &Connection,
    node_id: i64,
    receipt: &Receipt,
    now: Utc,
) -> Result<Outcome, Refused> {
    sequence::note(connection, node_id, receipt.bootid, receipt.seq, now)?;
    let text = serde_json::to_string(receipt).map_err(|e| Refused::Message(e.to_string()))?;
    let answered = connection
        .prepare_cached(
            "UPDATE command SET receipt = ?3, receipt_us = ?4
             WHERE request = ?1 AND node_id = ?2 AND receipt IS NULL",
        )?
        .execute(params![
            receipt.request.to_string(),
            node_id,
            text,
            micros(now)
        ])?;
    if answered == 1 {
        verdict::answered(connection, receipt.request)?;
        return Ok(Outcome::Stored);
    }
    let known = connection
        .prepare_cached("SELECT 1 FROM command WHERE request = ?1 AND node_id = ?2")?
        .exists(params![receipt.request.to_string(), node_id])?;
    if known {
        Ok(Outcome::Duplicate)
    } else {
        // A hole in the node's numbers would be worse than a receipt for a command of another centre.
        Ok(Outcome::Stored)
    }
}

/// The camera that a command is about; nothing where it is about the node.
fn camera_of(command: &Command) -> String {
    command
        .camera()
        .map(ToString::to_string)
        .unwrap_or_default()
}

/// What became of a command.
pub(super) fn state(receipt: Option<&Receipt>) -> CommandState {
    match receipt.map(|receipt| receipt.outcome) {
        None => CommandState::Waiting,
        Some(CommandOutcome::Done) => CommandState::Done,
        Some(CommandOutcome::Refused) => CommandState::Refused,
        Some(CommandOutcome::Failed) => CommandState::Failed,
    }
}

/// The latest commands to a node, newest first.
pub(super) fn of_node(
    connection: &Connection,
    node_id: i64,
) -> Result<Vec<CommandView>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT request, command, asked_by, asked_us, expires_us, attempts, receipt, receipt_us
         FROM command WHERE node_id = ?1 ORDER BY asked_us DESC, request DESC LIMIT ?2",
    )?;
    let mut commands = collect(&mut statement, &[&node_id, &SHOWN], |row| {
        let request: String = row.get(0)?;
        let command: Command = json(&row.get::<_, String>(1)?, "command")?;
        let receipt: Option<Receipt> = row
            .get::<_, Option<String>>(6)?
            .map(|text| json(&text, "receipt"))
            .transpose()?;
        let state = state(receipt.as_ref());
        let evidence = receipt.iter().flat_map(|receipt| &receipt.evidence);
        Ok(CommandView {
            kind: command.kind().to_owned(),
            camera: camera_of(&command),
            asked_by: row.get(2)?,
            asked: time(row.get(3)?)?,
            expires: time(row.get(4)?)?,
            attempts: row.get::<_, i64>(5)?.cast_unsigned(),
            state,
            evidence: evidence
                .map(|announced| CommandEvidence {
                    part: announced.part.to_string(),
                    bytes: announced.bytes,
                    received_bytes: 0,
                    complete: false,
                })
                .collect(),
            incident: receipt
                .as_ref()
                .and_then(|receipt| receipt.incident)
                .filter(|id| id.to_string() != request),
            ignored: receipt
                .as_ref()
                .map(|receipt| receipt.ignored.clone())
                .unwrap_or_default(),
            preview: receipt.as_ref().and_then(|receipt| receipt.preview.clone()),
            reason: receipt.and_then(|receipt| receipt.reason),
            answered: row.get::<_, Option<i64>>(7)?.map(time).transpose()?,
            request: request.parse().map_err(|_| StoreError::Broken("command"))?,
        })
    })?;
    for command in &mut commands {
        for part in &mut command.evidence {
            arrived(connection, node_id, command.request, part)?;
        }
    }
    Ok(commands)
}

fn arrived(
    connection: &Connection,
    node_id: i64,
    request: Uuid,
    part: &mut CommandEvidence,
) -> Result<(), StoreError> {
    let found: Option<(i64, bool)> = connection
        .prepare_cached(
            "SELECT received, complete_us IS NOT NULL FROM evidence
             WHERE incident_id = ?1 AND part = ?2 AND node_id = ?3",
        )?
        .query_row(params![request.to_string(), part.part, node_id], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .optional()?;
    if let Some((received, complete)) = found {
        part.received_bytes = received.cast_unsigned();
        part.complete = complete;
    }
    Ok(())
}
