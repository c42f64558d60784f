//! An incident said again in the manner of ONVIF, for video management systems.

use protocol::{IncidentEvent, NodePath, onvif};

use super::{client::Message, connection::json};

/// What the mirror below `prefix` says of the incident in `payload`; `None` if it has nothing to say.
pub(super) fn message(prefix: &str, node: &NodePath, payload: &[u8]) -> Option<Message> {
    let event: IncidentEvent = serde_json::from_slice(payload).ok()?;
    let mirrored = onvif::mirror(&event, node, prefix)?;
    Some(Message {
        topic: mirrored.topic,
        payload: json(&mirrored.payload),
        content_type: "application/json",
        acknowledged: true,
        retain: mirrored.retain,
    })
}
