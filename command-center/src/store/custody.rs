//! Nodes' chains of custody: every manifest as it came, checked as it comes, and what stands for one incident.

use std::io;

use protocol::{
    NodePath, PinnedKey, Utc,
    custody::{self, BEGINNING, Custody, Manifest, sha256_hex},
};
use rusqlite::{Connection, OptionalExtension, params};
use uuid::Uuid;

use super::{
    Store, StoreError,
    audit::Deed,
    evidence::{EvidenceFolder, is_sha256},
    micros,
    read::collect,
    record::{Outcome, Refused},
    sequence, time,
};
use crate::view::ChainView;

/// No chain grows longer: 2^53, which every reader of JSON can tell from its neighbours.
const NUMBER_MAX: i64 = 1 << 53;

/// What a bundle of one incident is made of.
#[derive(Clone, Debug)]
pub struct Attested {
    /// The node.
    pub node: NodePath,
    /// Its public key, as people write it.
    pub key: String,
    /// Signed manifests from the incident's first to its last, in the chain's order.
    pub manifests: Vec<Vec<u8>>,
    /// Names and bytes of what is here, in the order of the manifests.
    pub items: Vec<(String, Vec<u8>)>,
    /// Numbers of the incident's manifests whose items are not here.
    pub missing: Vec<u64>,
}

/// Takes a message's manifests, all or none.
pub(super) fn take(
    connection: &Connection,
    node_id: i64,
    node: &NodePath,
    said: &Custody,
    now: Utc,
) -> Result<Outcome, Refused> {
    let key: PinnedKey = (said.key.parse()).map_err(|e| Refused::Message(format!("key {e}")))?;
    sequence::note(connection, node_id, said.bootid, said.seq, now)?;
    let mut outcome = Outcome::Duplicate;
    for line in &said.manifests {
        let wrong = |why: String| Refused::Message(format!("a manifest {why}"));
        let manifest: Manifest = custody::open(line.as_bytes(), &key).map_err(wrong)?;
        if manifest.node != *node {
            return Err(wrong(format!("is of {}", manifest.node)));
        }
        let signed = Signed {
            node_id,
            chain: manifest.chain.to_string(),
            number: (i64::try_from(manifest.number).ok())
                .filter(|number| (1..=NUMBER_MAX).contains(number))
                .ok_or_else(|| wrong(format!("has the number {}", manifest.number)))?,
            line,
            manifest: &manifest,
        };
        if signed.keep(connection, now)? {
            signed.note(connection, &said.key, now)?;
            outcome = Outcome::Stored;
        }
    }
    Ok(outcome)
}

/// A manifest whose signature fits.
struct Signed<'a> {
    node_id: i64,
    chain: String,
    number: i64,
    line: &'a str,
    manifest: &'a Manifest,
}

impl Signed<'_> {
    /// Keeps it. `false` if it was here.
    fn keep(&self, connection: &Connection, now: Utc) -> Result<bool, Refused> {
        if let Some(here) = self.line_of(connection, self.number)? {
            return match here == self.line {
                true => Ok(false),
                false => Err(Refused::Message(format!(
                    "manifest {} of chain {} was signed twice, and differently",
                    self.number, self.chain
                ))),
            };
        }
        connection
            .prepare_cached("INSERT INTO manifest VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?
            .execute(params![
                self.node_id,
                self.chain,
                self.number,
                self.manifest.incident.to_string(),
                micros(now),
                self.line
            ])?;
        Ok(true)
    }

    fn line_of(&self, connection: &Connection, number: i64) -> Result<Option<String>, StoreError> {
        let line = connection
            .prepare_cached(
                "SELECT line FROM manifest WHERE node_id = ?1 AND chain = ?2 AND number = ?3",
            )?
            .query_row(params![self.node_id, self.chain, number], |row| row.get(0))
            .optional()?;
        Ok(line)
    }

    /// How many of its neighbours it does not fit: manifests may come in any order.
    fn breaks(&self, connection: &Connection) -> Result<i64, StoreError> {
        let before = match self.number {
            1 => Some(BEGINNING.to_owned()),
            number => (self.line_of(connection, number - 1)?).map(|l| sha256_hex(l.as_bytes())),
        };
        let mut breaks = i64::from(before.is_some_and(|hash| hash != self.manifest.previous));
        if let Some(line) = self.line_of(connection, self.number + 1)? {
            let next = previous(&line)?;
            breaks += i64::from(next != sha256_hex(self.line.as_bytes()));
        }
        Ok(breaks)
    }

    /// Brings what is known of its chain up to date.
    fn note(&self, connection: &Connection, key: &str, now: Utc) -> Result<(), Refused> {
        let of: Option<String> = connection
            .prepare_cached("SELECT key FROM chain WHERE node_id = ?1 AND chain = ?2")?
            .query_row(params![self.node_id, self.chain], |row| row.get(0))
            .optional()?;
        if of.is_some_and(|of| of != key) {
            return Err(Refused::message("a manifest is of a chain of another key"));
        }
        connection
            .prepare_cached(
                "INSERT INTO chain VALUES (?1, ?2, ?3, ?4, ?5, ?5, 1, ?6)
                 ON CONFLICT DO UPDATE SET first = min(first, ?5), last = max(last, ?5),
                   manifests = manifests + 1, breaks = breaks + ?6",
            )?
            .execute(params![
                self.node_id,
                self.chain,
                key,
                micros(now),
                self.number,
                self.breaks(connection)?
            ])?;
        Ok(())
    }
}

/// What a kept manifest names as the one before it.
fn previous(line: &str) -> Result<String, StoreError> {
    Ok(read(line)?.previous)
}

fn read(line: &str) -> Result<Manifest, StoreError> {
    #[derive(serde::Deserialize)]
    struct Kept {
        body: Manifest,
    }
    let kept = serde_json::from_str::<Kept>(line);
    Ok(kept.map_err(|_| StoreError::Broken("manifest"))?.body)
}

/// A node's chains, the newest first.
pub(super) fn chains(connection: &Connection, node_id: i64) -> Result<Vec<ChainView>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT key, begun_us, manifests, last - first + 1 - manifests, breaks FROM chain
         WHERE node_id = ?1 ORDER BY begun_us DESC, chain",
    )?;
    collect(&mut statement, &[&node_id], |row| {
        Ok(ChainView {
            key: row.get(0)?,
            begun: time(row.get(1)?)?,
            manifests: row.get::<_, i64>(2)?.cast_unsigned(),
            missing: row.get::<_, i64>(3)?.cast_unsigned(),
            breaks: row.get::<_, i64>(4)?.cast_unsigned(),
        })
    })
}

/// How many manifests of an incident are here.
pub(super) fn count(connection: &Connection, incident: &str) -> Result<u64, StoreError> {
    let count: i64 = connection
        .prepare_cached("SELECT count(*) FROM manifest WHERE incident_id = ?1")?
        .query_row([incident], |row| row.get(0))?;
    Ok(count.cast_unsigned())
}

impl Store {
    /// What is here of an incident and of its node's chain, noted in the audit as taken by `user`. `None` if no manifest
    /// of it is here.
    ///
    /// # Errors
    /// If the database or the folder of evidence fails.
    pub async fn attested(
        &self,
        incident: Uuid,
        user: String,
        now: Utc,
    ) -> Result<Option<Attested>, StoreError> {
        let folder = self.inner.evidence.clone();
        let found = self
            .read(move |connection| attested(connection, &folder, incident))
            .await?;
        if found.is_some() {
            let deed = Deed::new(&user, "bundled", &incident.to_string());
            self.audited(deed, now, |_| Ok(true)).await?;
        }
        Ok(found)
    }
}

fn attested(
    connection: &Connection,
    folder: &EvidenceFolder,
    incident: Uuid,
) -> Result<Option<Attested>, StoreError> {
    let id = incident.to_string();
    // Where a chain ended in the midst of an incident, the longer piece of it.
    let stretch: Option<(i64, String, i64, i64)> = connection
        .prepare_cached(
            "SELECT node_id, chain, min(number), max(number) FROM manifest WHERE incident_id = ?1
             GROUP BY node_id, chain ORDER BY count(*) DESC LIMIT 1",
        )?
        .query_row([&id], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
        })
        .optional()?;
    let Some((node_id, chain, first, last)) = stretch else {
        return Ok(None);
    };
    let key = connection
        .prepare_cached("SELECT key FROM chain WHERE node_id = ?1 AND chain = ?2")?
        .query_row(params![node_id, chain], |row| row.get(0))?;
    let mut statement = connection.prepare_cached(
        "SELECT line FROM manifest WHERE node_id = ?1 AND chain = ?2 AND number BETWEEN ?3 AND ?4
         ORDER BY number",
    )?;
    let lines = collect(&mut statement, &[&node_id, &chain, &first, &last], |row| {
        Ok(row.get::<_, String>(0)?)
    })?;
    let (mut node, mut items, mut missing) = (None, Vec::new(), Vec::new());
    for line in &lines {
        let manifest = read(line)?;
        if manifest.incident == incident {
            match item(connection, folder, &id, &manifest)? {
                Some(bytes) => items.push((manifest.item, bytes)),
                None => missing.push(manifest.number),
            }
            node.get_or_insert(manifest.node);
        }
    }
    Ok(Some(Attested {
        node: node.ok_or(StoreError::Broken("manifest"))?,
        key,
        manifests: lines.into_iter().map(String::into_bytes).collect(),
        items,
        missing,
    }))
}

/// The bytes that a manifest stands for, if they are here as they were signed.
fn item(
    connection: &Connection,
    folder: &EvidenceFolder,
    incident: &str,
    manifest: &Manifest,
) -> Result<Option<Vec<u8>>, StoreError> {
    let bytes = match manifest.item.strip_prefix("event-") {
        Some(event) => connection
            .prepare_cached("SELECT body FROM message WHERE incident_id = ?1 AND id = ?2")?
            .query_row([incident, event], |row| row.get::<_, String>(0))
            .optional()?
            .map(String::into_bytes),
        // A path is made of it.
        None if !is_sha256(&manifest.sha256) => None,
        None => {
            let path = folder.file(&manifest.sha256);
            match std::fs::read(&path) {
                Ok(bytes) => Some(bytes),
                Err(e) if e.kind() == io::ErrorKind::NotFound => None,
                Err(source) => return Err(StoreError::File { path, source }),
            }
        }
    };
    Ok(bytes.filter(|bytes| sha256_hex(bytes) == manifest.sha256))
}
