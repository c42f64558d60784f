//! The node's chain of manifests. Its end lies in the spool's database: a message and what stands for it are kept
//! together, or not at all.

use protocol::{
    Severity, Topic,
    custody::{BEGINNING, Custody, sha256_hex, sign},
};
use rusqlite::{OptionalExtension, params};
use tracing::{info, warn};
use uuid::Uuid;

use super::{
    Class, NewRecord, SpoolError,
    store::{Store, disk},
};
use crate::custody::{Attest, Custodian, Link};

impl Store {
    /// Signs for messages that are to be attested, from now on.
    pub fn sign_as(&mut self, custodian: Custodian) {
        self.custodian = Some(custodian.into());
    }

    /// Appends the manifests of a message, of this hash and length, that was just appended.
    ///
    /// # Errors
    /// If the disk failed.
    pub(super) fn attest(
        &mut self,
        attest: &Attest,
        sha256: String,
        bytes: u64,
    ) -> Result<(), SpoolError> {
        let Some(custodian) = self.custodian.clone() else {
            return Ok(());
        };
        let mut link = self.chain(&custodian)?;
        let mut manifests = Vec::new();
        for item in attest.items(sha256, bytes) {
            let next = Link {
                number: link.number + 1,
                ..link
            };
            let (chain, number) = (next.chain, next.number);
            let signed = sign(attest.manifest(item, &custodian, next), &custodian.key)
                .map_err(|e| SpoolError::Disk(e.to_string()))?;
            link = Link {
                chain,
                number,
                previous: sha256_hex(&signed),
            };
            manifests.push(String::from_utf8_lossy(&signed).into_owned());
        }
        self.db
            .prepare_cached("UPDATE chain SET number = ?1, last = ?2")
            .and_then(|mut update| update.execute(params![link.number as i64, link.previous]))
            .map_err(disk)?;
        self.append(record(&custodian, manifests))?;
        Ok(())
    }

    /// The end of this key's chain; another begins where there is none.
    fn chain(&mut self, custodian: &Custodian) -> Result<Link, SpoolError> {
        let key = custodian.public_key().to_string();
        let found: Option<(String, String, i64, String)> = self
            .db
            .prepare_cached("SELECT id, key, number, last FROM chain")
            .and_then(|mut select| {
                let row = select.query_row([], |row| {
                    Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
                });
                row.optional()
            })
            .map_err(disk)?;
        if let Some((id, of, number, previous)) = found {
            match id.parse() {
                Ok(chain) if of == key => {
                    return Ok(Link {
                        chain,
                        number: number.unsigned_abs(),
                        previous,
                    });
                }
                _ => warn!(
                    chain = id,
                    "the node's key is another one: a new chain begins"
                ),
            }
        }
        let chain = Uuid::new_v4();
        info!(%chain, key, "a chain of custody begins");
        self.db
            .execute(
                "INSERT OR REPLACE INTO chain VALUES (1, ?1, ?2, 0, ?3)",
                params![chain.to_string(), key, BEGINNING],
            )
            .map_err(disk)?;
        Ok(Link {
            chain,
            number: 0,
            previous: BEGINNING.to_owned(),
        })
    }
}

/// Behind all other messages: an alert does not wait for its signature.
fn record(custodian: &Custodian, manifests: Vec<String>) -> NewRecord {
    let key = custodian.public_key().to_string();
    NewRecord {
        class: Class::Status,
        severity: Severity::Info,
        topic: custodian.node.topic(&Topic::Custody),
        payload: Box::new(move |bootid, seq| {
            let custody = Custody {
                bootid,
                seq,
                key,
                manifests,
            };
            serde_json::to_vec(&custody).expect("plain data with text keys becomes JSON")
        }),
        attest: None,
    }
}
