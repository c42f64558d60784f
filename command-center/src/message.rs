//! From a topic and a payload to a message whose parts agree with each other, or the reason why not.

use protocol::{
    EvidenceHeader, Health, IncidentEvent, NodePath, NodeStatus, Receipt, ReportedConfig,
    Tombstone, Topic, Totals,
    custody::Custody,
    topic::{self},
};

/// A message that can be taken.
#[derive(Clone, Debug)]
pub struct Message {
    /// The node that its topic names.
    pub node: NodePath,
    /// What it says.
    pub content: Content,
}

/// What a message says.
#[derive(Clone, Debug)]
pub enum Content {
    /// A node's status.
    Status(NodeStatus),
    /// A node's figures.
    Health(Health),
    /// Numbers of messages that will not come.
    Tombstone(Tombstone),
    /// What became of a command.
    Receipt(Receipt),
    /// What a camera has counted.
    Totals(Totals),
    /// Signed manifests.
    Custody(Custody),
    /// What a node goes by.
    Config(ReportedConfig),
    /// A change in an incident's life, and the very text that was signed for.
    Incident(Box<IncidentEvent>, String),
    /// A chunk of evidence.
    Evidence(EvidenceHeader, Vec<u8>),
}

/// Reads a message. The broker grants a node the topics below its own name only, so the topic is what tells who
/// speaks: a body that claims another name is refused.
///
/// # Errors
/// The reason, in words for people.
pub fn parse(topic: &str, payload: &[u8]) -> Result<Message, String> {
    let (node, topic) = topic::parse(topic).map_err(|e| e.to_string())?;
    let content = match topic {
        Topic::Status => Content::Status(json(payload)?),
        Topic::Health => Content::Health(json(payload)?),
        Topic::Tombstone => {
            let tombstone: Tombstone = json(payload)?;
            if let Some(fault) = tombstone.fault() {
                return Err(fault.to_owned());
            }
            Content::Tombstone(tombstone)
        }
        Topic::Receipt { request } => {
            let receipt: Receipt = json(payload)?;
            let named = receipt.request.to_string();
            agree("request", &named, &request.to_string())?;
            Content::Receipt(receipt)
        }
        Topic::Totals { camera } => {
            let totals: Totals = json(payload)?;
            agree("camera", totals.camera.as_str(), camera.as_str())?;
            Content::Totals(totals)
        }
        Topic::Custody => Content::Custody(json(payload)?),
        Topic::Command { .. } => return Err("a command is for nodes".to_owned()),
        Topic::DesiredConfig => return Err("a configuration is for nodes".to_owned()),
        Topic::ReportedConfig => Content::Config(json(payload)?),
        Topic::Incident { camera, kind } => {
            let event: IncidentEvent = json(payload)?;
            let data = &event.data;
            agree("source", &event.source, &node.source(&camera))?;
            agree("data.camera.id", data.camera.id.as_str(), camera.as_str())?;
            agree("data.rule.kind", data.rule.kind.as_str(), kind.as_str())?;
            agree("specversion", &event.specversion, "1.0")?;
            agree("type", &event.r#type, data.state.event_type())?;
            let text = String::from_utf8(payload.to_vec()).map_err(|e| e.to_string())?;
            Content::Incident(Box::new(event), text)
        }
        Topic::Evidence { incident, part } => {
            let (header, chunk) = EvidenceHeader::decode(payload).map_err(|e| e.to_string())?;
            let named = header.incident_id.to_string();
            agree("incident_id", &named, &incident.to_string())?;
            agree("part", header.part.as_str(), part.as_str())?;
            Content::Evidence(header, chunk.to_vec())
        }
    };
    Ok(Message { node, content })
}

fn json<T: serde::de::DeserializeOwned>(payload: &[u8]) -> Result<T, String> {
    serde_json::from_slice(payload).map_err(|e| format!("body: {e}"))
}

fn agree(field: &str, found: &str, expected: &str) -> Result<(), String> {
    if found == expected {
        Ok(())
    } else {
        Err(format!(
            "{field} is {found:?}, its topic asks for {expected:?}"
        ))
    }
}
