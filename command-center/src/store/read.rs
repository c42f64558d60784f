//! What is asked of the store. Every answer is built from one reading transaction.

use std::path::PathBuf;

use protocol::{
    IncidentState, Utc,
    incident::{EvidenceRef, EvidenceState},
};
use rusqlite::{Connection, OptionalExtension, Row, ToSql, params};
use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::{
    Store, StoreError, custody,
    incident::{self, Merged},
    micros, node, reach, record, time, verdict,
};
use crate::{
    role::Reach,
    view::{
        Acknowledgement, AuditEntry, Ending, EndingBasis, EvidenceView, IncidentDetail,
        IncidentPage, IncidentSummary, MessageView, NodeView, ParkedMessage, Snapshot,
    },
};

/// Which incidents are asked for.
#[derive(Clone, Debug, Default)]
pub struct IncidentQuery {
    /// Only what comes after this place, the `next` of the page before.
    pub before: Option<(Utc, Uuid)>,
    /// Only what nobody has acknowledged.
    pub to_do: bool,
    /// Only of nodes there.
    pub reach: Reach,
    /// At most this many.
    pub limit: usize,
}

/// A file of evidence that is complete.
#[derive(Clone, Debug)]
pub struct EvidenceFile {
    /// Where it lies.
    pub path: PathBuf,
    /// Its media type as the node named it.
    pub content_type: String,
    /// Its SHA-256 in hexadecimal.
    pub sha256: String,
}

/// Something that consoles have to hear of, as it is now.
#[derive(Clone, Debug)]
pub enum Change {
    /// An incident is new or changed.
    Incident(Box<IncidentSummary>),
    /// A node is new or changed.
    Node(Box<NodeView>),
    /// A message was parked.
    Centre,
}

/// Changes since a place.
#[derive(Clone, Debug)]
pub enum ChangeBatch {
    /// In order; several changes of one thing are told once.
    Changes {
        /// Each with its id.
        changes: Vec<(i64, Change)>,
        /// Go on from here.
        reached: i64,
    },
    /// Too much was missed, or the place is of another database: load afresh and go on from here.
    Lost(i64),
}

impl Store {
    /// A page of incidents, newest first.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn incidents(&self, query: IncidentQuery) -> Result<IncidentPage, StoreError> {
        self.read(move |connection| page(connection, &query)).await
    }

    /// All that is known of one incident.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn incident(&self, id: Uuid) -> Result<Option<IncidentDetail>, StoreError> {
        self.read(move |connection| detail(connection, &id.to_string()))
            .await
    }

    /// A part of an incident's evidence, if it is complete.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn evidence(
        &self,
        incident: Uuid,
        part: String,
    ) -> Result<Option<EvidenceFile>, StoreError> {
        let folder = self.inner.evidence.clone();
        self.read(move |connection| {
            let id = incident.to_string();
            let Some((_, merged)) = summary(connection, &id)? else {
                return Ok(None);
            };
            let announced = merged.evidence.iter().find(|e| e.part.as_str() == part);
            let Some(announced) = announced else {
                return Ok(None);
            };
            let arrived = arrived(connection, &id, announced)?.filter(|a| a.complete.is_some());
            Ok(arrived.map(|a| EvidenceFile {
                path: folder.file(&a.sha256),
                content_type: a.content_type,
                sha256: a.sha256,
            }))
        })
        .await
    }

    /// All nodes with their cameras and gaps, by name.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn nodes(&self) -> Result<Vec<NodeView>, StoreError> {
        self.read(|connection| {
            let ids: Vec<i64> = connection
                .prepare_cached("SELECT id FROM node ORDER BY region, site, node")?
                .query_map([], |row| row.get(0))?
                .collect::<Result<_, _>>()?;
            let nodes = ids.into_iter().map(|id| node::view(connection, id));
            nodes.filter_map(Result::transpose).collect()
        })
        .await
    }

    /// The newest parked messages.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn parked(&self, limit: usize) -> Result<Vec<ParkedMessage>, StoreError> {
        self.read(move |connection| parked(connection, limit)).await
    }

    /// How many messages were ever parked.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn parked_count(&self) -> Result<u64, StoreError> {
        self.read(|connection| {
            let count: i64 = connection
                .prepare_cached("SELECT coalesce(max(id), 0) FROM parked")?
                .query_row([], |row| row.get(0))?;
            Ok(count.cast_unsigned())
        })
        .await
    }

    /// Changes after the one with id `after`, oldest first, at most `limit`.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn changes(&self, after: i64, limit: usize) -> Result<ChangeBatch, StoreError> {
        self.read(move |connection| changes(connection, after, limit))
            .await
    }
}

/// Id of the newest change, 0 before the first.
pub(super) fn latest_change(connection: &Connection) -> Result<i64, StoreError> {
    Ok(connection
        .prepare_cached("SELECT coalesce(max(id), 0) FROM change")?
        .query_row([], |row| row.get(0))?)
}

/// Columns of an incident's line, and where they come from.
fn summaries() -> String {
    format!(
        "SELECT i.id, i.captured_us, i.received_us, i.ended_us, i.ended_basis, i.acknowledged_by, i.acknowledged_us,
           i.merged, n.region, n.site, n.node, {}
         FROM incident i JOIN node n ON n.id = i.node_id {}",
        verdict::COLUMNS,
        verdict::JOINED
    )
}

fn page(connection: &Connection, query: &IncidentQuery) -> Result<IncidentPage, StoreError> {
    let to_do = if query.to_do {
        "i.acknowledged_us IS NULL"
    } else {
        "true"
    };
    let place = query.before.map_or((i64::MAX, String::new()), |(at, id)| {
        (micros(at), id.to_string())
    });
    let wanted = query.limit.saturating_add(1);
    let within = reach::within(connection, &query.reach)?;
    let sql = format!(
        "{} WHERE {to_do} AND {within} AND (i.captured_us, i.id) < (?1, ?2)
         ORDER BY i.captured_us DESC, i.id DESC LIMIT ?3",
        summaries()
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query(params![place.0, place.1, wanted.cast_signed()])?;
    let mut incidents = Vec::new();
    while let Some(row) = rows.next()? {
        incidents.push(read_summary(connection, row)?.0);
    }
    let more = incidents.len() > query.limit;
    incidents.truncate(query.limit);
    let next = incidents
        .last()
        .filter(|_| more)
        .map(|last| last.place.clone());
    Ok(IncidentPage { incidents, next })
}

fn summary(
    connection: &Connection,
    id: &str,
) -> Result<Option<(IncidentSummary, Merged)>, StoreError> {
    let mut statement = connection.prepare_cached(&format!("{} WHERE i.id = ?1", summaries()))?;
    let mut rows = statement.query([id])?;
    match rows.next()? {
        Some(row) => Ok(Some(read_summary(connection, row)?)),
        None => Ok(None),
    }
}

fn read_summary(
    connection: &Connection,
    row: &Row<'_>,
) -> Result<(IncidentSummary, Merged), StoreError> {
    let id: String = row.get(0)?;
    let (captured, received) = (time(row.get(1)?)?, time(row.get(2)?)?);
    let merged: Merged = json(&row.get::<_, String>(7)?, "incident")?;
    let ended = row.get::<_, Option<i64>>(3)?.map(time).transpose()?;
    let basis = match row.get::<_, Option<String>>(4)?.as_deref() {
        Some("node_status") => EndingBasis::NodeStatus,
        _ => EndingBasis::Message,
    };
    let by: Option<String> = row.get(5)?;
    let at = row.get::<_, Option<i64>>(6)?.map(time).transpose()?;
    let mut classes: Vec<String> = merged.objects.iter().map(|o| o.class.clone()).collect();
    classes.sort();
    classes.dedup();
    let summary = IncidentSummary {
        place: format!("{}.{id}", micros(captured)),
        state: if ended.is_some() {
            IncidentState::Closed
        } else {
            merged.state
        },
        severity: merged.severity,
        confidence: merged.confidence,
        rule: merged.rule.clone(),
        region: row.get(8)?,
        site: row.get(9)?,
        node: row.get(10)?,
        camera: merged.camera.clone(),
        captured,
        capture_basis: merged.time.capture_basis,
        received,
        delay_ms: received.as_millisecond() - captured.as_millisecond(),
        ended: ended.map(|at| Ending { at, basis }),
        classes,
        snapshot: snapshot(connection, &id, &merged)?,
        acknowledged: by.zip(at).map(|(by, at)| Acknowledgement { by, at }),
        verdict: verdict::read(row, 11)?,
        test: merged.test,
        suppressed_before: merged.suppressed_before,
        id: id.parse().map_err(|_| StoreError::Broken("incident id"))?,
    };
    Ok((summary, merged))
}

fn snapshot(connection: &Connection, id: &str, merged: &Merged) -> Result<Snapshot, StoreError> {
    let announced = |part: &str| merged.evidence.iter().find(|e| e.part.as_str() == part);
    let here = |announced: Option<&EvidenceRef>| match announced {
        Some(announced) => arrived(connection, id, announced)
            .map(|found| found.is_some_and(|a| a.complete.is_some())),
        None => Ok(false),
    };
    let Some(whole) = announced("snapshot") else {
        return Ok(Snapshot::None);
    };
    if here(Some(whole))? {
        return Ok(Snapshot::Ready);
    }
    if here(announced("thumbnail"))? {
        return Ok(Snapshot::Thumbnail);
    }
    Ok(match whole.state {
        EvidenceState::Queued | EvidenceState::Sent => Snapshot::Waiting,
        EvidenceState::OnRequest => Snapshot::OnRequest,
        EvidenceState::Failed => Snapshot::Failed,
    })
}

/// What has come of a part that was announced.
struct Arrived {
    sha256: String,
    content_type: String,
    received: u64,
    complete: Option<Utc>,
}

/// Looks for the part by the hash that was announced; without one, the first that came whole stands for it.
fn arrived(
    connection: &Connection,
    incident: &str,
    announced: &EvidenceRef,
) -> Result<Option<Arrived>, StoreError> {
    let found: Option<(String, String, i64, Option<i64>)> = connection
        .prepare_cached(
            "SELECT e.sha256, e.content_type, e.received, e.complete_us
             FROM evidence e JOIN incident i ON i.id = e.incident_id AND i.node_id = e.node_id
             WHERE e.incident_id = ?1 AND e.part = ?2 AND e.sha256 = coalesce(?3, e.sha256)
             ORDER BY e.complete_us IS NULL, e.id LIMIT 1",
        )?
        .query_row(
            params![incident, announced.part.as_str(), announced.sha256],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)),
        )
        .optional()?;
    let Some((sha256, content_type, received, complete)) = found else {
        return Ok(None);
    };
    Ok(Some(Arrived {
        sha256,
        content_type,
        received: received.cast_unsigned(),
        complete: complete.map(time).transpose()?,
    }))
}

fn detail(connection: &Connection, id: &str) -> Result<Option<IncidentDetail>, StoreError> {
    let Some((incident, merged)) = summary(connection, id)? else {
        return Ok(None);
    };
    let mut evidence = Vec::new();
    for announced in &merged.evidence {
        let arrived = arrived(connection, id, announced)?;
        let complete = arrived.as_ref().and_then(|a| a.complete);
        evidence.push(EvidenceView {
            part: announced.part.to_string(),
            announced: announced.state,
            error: announced.error.clone(),
            sha256: announced.sha256.clone(),
            bytes: announced.bytes,
            received_bytes: arrived.map_or(0, |a| a.received),
            verified: complete.filter(|_| announced.sha256.is_some()),
        });
    }
    let mut events = record::messages(connection, id)?;
    incident::sort(&mut events);
    let messages = events.iter().map(|(received, event)| MessageView {
        id: event.id,
        state: event.data.state,
        severity: event.data.severity,
        bootid: event.bootid,
        seq: event.seq,
        decided: event.time,
        received: *received,
    });
    Ok(Some(IncidentDetail {
        incident,
        time: merged.time,
        objects: merged.objects,
        model: merged.model,
        evidence,
        manifests: custody::count(connection, id)?,
        messages: messages.collect(),
        history: history(connection, id)?,
    }))
}

fn history(connection: &Connection, subject: &str) -> Result<Vec<AuditEntry>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT at_us, user, action, note FROM audit WHERE subject = ?1 AND action <> 'viewed' ORDER BY id",
    )?;
    collect(&mut statement, &[&subject], |row| {
        Ok(AuditEntry {
            at: time(row.get(0)?)?,
            user: row.get(1)?,
            action: row.get(2)?,
            note: row.get(3)?,
        })
    })
}

fn parked(connection: &Connection, limit: usize) -> Result<Vec<ParkedMessage>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT received_us, topic, reason, bytes, substr(payload, 1, 512) FROM parked
         ORDER BY id DESC LIMIT ?1",
    )?;
    collect(&mut statement, &[&limit.cast_signed()], |row| {
        let beginning: Vec<u8> = row.get(4)?;
        Ok(ParkedMessage {
            received: time(row.get(0)?)?,
            topic: row.get(1)?,
            reason: row.get(2)?,
            bytes: row.get::<_, i64>(3)?.cast_unsigned(),
            excerpt: String::from_utf8_lossy(&beginning).into_owned(),
        })
    })
}

fn changes(connection: &Connection, after: i64, limit: usize) -> Result<ChangeBatch, StoreError> {
    let (oldest, latest): (i64, i64) = connection
        .prepare_cached("SELECT coalesce(min(id), 1), coalesce(max(id), 0) FROM change")?
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    if after > latest || after + 1 < oldest {
        return Ok(ChangeBatch::Lost(latest));
    }
    let told: Vec<(i64, String, String)> = connection
        .prepare_cached(
            "SELECT max(id) AS newest, kind, subject FROM change WHERE id > ?1
             GROUP BY kind, subject ORDER BY newest LIMIT ?2",
        )?
        .query_map(params![after, limit.cast_signed()], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })?
        .collect::<Result<_, _>>()?;
    let reached = told.last().map_or(after, |(id, ..)| *id);
    let mut changes = Vec::with_capacity(told.len());
    for (id, kind, subject) in told {
        let change = match kind.as_str() {
            // evidence may come before its incident; there is nothing to tell yet
            "incident" => {
                summary(connection, &subject)?.map(|(s, _)| Change::Incident(Box::new(s)))
            }
            "node" => {
                let id = subject.parse().map_err(|_| StoreError::Broken("change"))?;
                node::view(connection, id)?.map(|n| Change::Node(Box::new(n)))
            }
            _ => Some(Change::Centre),
        };
        changes.extend(change.map(|change| (id, change)));
    }
    Ok(ChangeBatch::Changes { changes, reached })
}

pub(super) fn collect<T>(
    statement: &mut rusqlite::CachedStatement<'_>,
    parameters: &[&dyn ToSql],
    read: impl Fn(&Row<'_>) -> Result<T, StoreError>,
) -> Result<Vec<T>, StoreError> {
    let mut rows = statement.query(parameters)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(read(row)?);
    }
    Ok(found)
}

pub(super) fn json<T: DeserializeOwned>(text: &str, what: &'static str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|_| StoreError::Broken(what))
}
