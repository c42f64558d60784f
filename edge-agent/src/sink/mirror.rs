//! Incidents and counts said again in the manner of ONVIF, for video management systems.

use protocol::{
    IncidentEvent, NodePath, Totals,
    onvif::{self, Mirrored},
};

use super::{client::Message, connection::json};
use crate::spool::Class;

/// What the mirror below `prefix` says of what `payload` says; nothing if it has no place there.
pub(super) fn messages(
    prefix: &str,
    node: &NodePath,
    class: Class,
    payload: &[u8],
) -> Vec<Message> {
    let mirrored = match class {
        Class::Incident => serde_json::from_slice::<IncidentEvent>(payload)
            .ok()
            .and_then(|event| onvif::mirror(&event, node, prefix))
            .into_iter()
            .collect(),
        Class::Telemetry => serde_json::from_slice::<Totals>(payload)
            .map(|totals| onvif::mirror_totals(&totals, node, prefix))
            .unwrap_or_default(),
        _ => Vec::new(),
    };
    let message = |mirrored: Mirrored| Message {
        topic: mirrored.topic,
        payload: json(&mirrored.payload),
        content_type: "application/json",
        acknowledged: true,
        retain: mirrored.retain,
    };
    mirrored.into_iter().map(message).collect()
}
