//! Where things belong: what somebody may look at depends on it.

use rusqlite::{Connection, OptionalExtension};
use uuid::Uuid;

use super::{Store, StoreError};
use crate::role::Reach;

impl Store {
    /// Region and site of an incident's node.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn incident_place(&self, id: Uuid) -> Result<Option<(String, String)>, StoreError> {
        self.read(move |connection| place(connection, "incident", id))
            .await
    }

    /// Region and site of the node of which something was asked.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn command_place(
        &self,
        request: Uuid,
    ) -> Result<Option<(String, String)>, StoreError> {
        self.read(move |connection| place(connection, "command", request))
            .await
    }
}

/// The nodes in reach, as a condition on an incident `i`.
pub(super) fn within(connection: &Connection, reach: &Reach) -> Result<String, StoreError> {
    if reach.is_everything() {
        return Ok("true".to_owned());
    }
    let mut statement = connection.prepare_cached("SELECT id, region, site FROM node")?;
    let mut rows = statement.query([])?;
    let mut ids = Vec::new();
    while let Some(row) = rows.next()? {
        let (region, site): (String, String) = (row.get(1)?, row.get(2)?);
        if reach.covers(&region, &site) {
            ids.push(row.get::<_, i64>(0)?.to_string());
        }
    }
    Ok(format!("i.node_id IN ({})", ids.join(", ")))
}

/// Region and site of the node of an incident or of a command.
fn place(
    connection: &Connection,
    of: &str,
    id: Uuid,
) -> Result<Option<(String, String)>, StoreError> {
    let found = connection
        .prepare_cached(&format!(
            "SELECT n.region, n.site FROM {of} o JOIN node n ON n.id = o.node_id WHERE o.{} = ?1",
            if of == "command" { "request" } else { "id" }
        ))?
        .query_row([id.to_string()], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    Ok(found)
}
