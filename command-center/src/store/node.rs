//! A node as consoles see it.

use protocol::{Health, NodeStatus, status::CameraHealth};
use rusqlite::Connection;

use super::{
    StoreError, command, custody,
    read::{collect, json},
    sequence, time,
};
use crate::view::{CameraView, NodeView};

pub(super) fn view(connection: &Connection, id: i64) -> Result<Option<NodeView>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT region, site, node, heard_us, status, health, duplicates FROM node WHERE id = ?1",
    )?;
    let mut rows = statement.query([id])?;
    let Some(row) = rows.next()? else {
        return Ok(None);
    };
    let text = |column| row.get::<_, Option<String>>(column);
    let status: Option<NodeStatus> = text(4)?.map(|t| json(&t, "status")).transpose()?;
    let health: Option<Health> = text(5)?.map(|t| json(&t, "health")).transpose()?;
    Ok(Some(NodeView {
        id,
        region: row.get(0)?,
        site: row.get(1)?,
        node: row.get(2)?,
        state: status.as_ref().map(|s| s.state),
        version: status.as_ref().map(|s| s.version.clone()),
        config_revision: status.as_ref().map(|s| s.config_revision.clone()),
        insecure: status.map(|s| s.insecure).unwrap_or_default(),
        heard: time(row.get(3)?)?,
        clock: health.as_ref().map(|h| h.clock),
        uptime_s: health.as_ref().map(|h| h.uptime_s),
        spool_pending: health.as_ref().map(|h| h.spool_pending),
        commands: command::of_node(connection, id)?,
        commands_refused: health.as_ref().map_or(0, |h| h.commands_refused),
        last_refusal: health.as_ref().and_then(|h| h.last_refusal.clone()),
        verdicts: health.as_ref().and_then(|h| h.verdicts.clone()),
        degradation: health.as_ref().and_then(|h| h.degradation.clone()),
        faults: health.map(|h| h.faults).unwrap_or_default(),
        cameras: cameras(connection, id)?,
        chains: custody::chains(connection, id)?,
        gaps: sequence::gaps(connection, id)?,
        given_up: sequence::given_up(connection, id)?,
        duplicates: row.get::<_, i64>(6)?.cast_unsigned(),
    }))
}

fn cameras(connection: &Connection, node_id: i64) -> Result<Vec<CameraView>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT health, decoded_fps, analysed_fps FROM camera WHERE node_id = ?1 ORDER BY camera",
    )?;
    collect(&mut statement, &[&node_id], |row| {
        let health: CameraHealth = json(&row.get::<_, String>(0)?, "camera")?;
        Ok(CameraView {
            id: health.id.to_string(),
            name: health.name,
            state: health.state,
            reason: health.reason,
            decoded_fps: row.get(1)?,
            analysed_fps: row.get(2)?,
            frames_decoded: health.frames_decoded,
            frames_analysed: health.frames_analysed,
            frames_dropped: health.frames_dropped,
            connections: health.connections,
            watched_s: health.watched_s,
            expected_s: health.expected_s,
            coverage: health.coverage,
        })
    })
}
