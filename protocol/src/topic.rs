//! Topics below `safecity/v1/{region}/{site}/{node}/`.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::id::Name;

/// First two levels of every topic.
pub const PREFIX: &str = "safecity/v1";

/// Where a node stands: region, site, node.
#[derive(
    Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
pub struct NodePath {
    /// Region, for instance a province.
    pub region: Name,
    /// Site, for instance a crossroads.
    pub site: Name,
    /// The box itself.
    pub node: Name,
}

impl NodePath {
    /// The topic of `topic` below this node.
    pub fn topic(&self, topic: &Topic) -> String {
        format!("{PREFIX}/{self}/{topic}")
    }

    /// CloudEvents `source` of one of this node's cameras.
    pub fn source(&self, camera: &Name) -> String {
        format!("/safecity/{self}/{camera}")
    }
}

impl fmt::Display for NodePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.region, self.site, self.node)
    }
}

/// What a node's message is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Topic {
    /// Retained, and the last will.
    Status,
    /// Periodic figures of the node and its cameras.
    Health,
    /// Numbers of messages that were given up.
    Tombstone,
    /// A change in an incident's life.
    Incident {
        /// The camera that saw it.
        camera: Name,
        /// The rule's kind, for instance `line_crossing`.
        kind: Name,
    },
    /// What a camera's rules have counted.
    Totals {
        /// The camera.
        camera: Name,
    },
    /// Signed manifests of messages and evidence.
    Custody,
    /// One part of an incident's evidence, whole.
    Evidence {
        /// Which incident.
        incident: Uuid,
        /// Which part, for instance `snapshot`.
        part: Name,
    },
    /// A signed command to the node.
    Command {
        /// Which request.
        request: Uuid,
    },
    /// What became of a command.
    Receipt {
        /// Which request.
        request: Uuid,
    },
    /// What the centre wants the node's cameras to be told; signed, retained.
    DesiredConfig,
    /// What the node goes by; retained.
    ReportedConfig,
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Topic::Status => f.write_str("status"),
            Topic::Health => f.write_str("health"),
            Topic::Tombstone => f.write_str("tombstone"),
            Topic::Custody => f.write_str("custody"),
            Topic::Incident { camera, kind } => write!(f, "incident/{camera}/{kind}"),
            Topic::Totals { camera } => write!(f, "totals/{camera}"),
            Topic::Evidence { incident, part } => write!(f, "evidence/{incident}/{part}"),
            Topic::Command { request } => write!(f, "command/{request}"),
            Topic::Receipt { request } => write!(f, "receipt/{request}"),
            Topic::DesiredConfig => f.write_str("config/desired"),
            Topic::ReportedConfig => f.write_str("config/reported"),
        }
    }
}

/// Why a topic is not one of ours.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("topic {topic:?}: {why}")]
pub struct InvalidTopic {
    /// The topic as it came.
    pub topic: String,
    /// What is wrong with it.
    pub why: String,
}

/// Splits a topic into the node that it belongs to and what it is about.
///
/// # Errors
/// If it is not below [`PREFIX`], a level is no [`Name`], or its words are unknown to this version.
pub fn parse(topic: &str) -> Result<(NodePath, Topic), InvalidTopic> {
    let invalid = |why: String| InvalidTopic {
        topic: topic.to_owned(),
        why,
    };
    let rest = topic
        .strip_prefix(PREFIX)
        .and_then(|rest| rest.strip_prefix('/'))
        .ok_or_else(|| invalid(format!("does not begin with {PREFIX}/")))?;
    let levels: Vec<&str> = rest.split('/').collect();
    let name = |text: &str| {
        text.parse::<Name>()
            .map_err(|e| invalid(format!("level {text:?} {e}")))
    };
    let [region, site, node, tail @ ..] = levels.as_slice() else {
        return Err(invalid(
            "has fewer than three levels after the prefix".to_owned(),
        ));
    };
    let id = |what: &str, text: &str| {
        text.parse::<Uuid>()
            .map_err(|e| invalid(format!("{what} id {text:?}: {e}")))
    };
    let path = NodePath {
        region: name(region)?,
        site: name(site)?,
        node: name(node)?,
    };
    let topic = match tail {
        ["status"] => Topic::Status,
        ["health"] => Topic::Health,
        ["tombstone"] => Topic::Tombstone,
        ["custody"] => Topic::Custody,
        ["incident", camera, kind] => Topic::Incident {
            camera: name(camera)?,
            kind: name(kind)?,
        },
        ["totals", camera] => Topic::Totals {
            camera: name(camera)?,
        },
        ["evidence", incident, part] => Topic::Evidence {
            incident: id("incident", incident)?,
            part: name(part)?,
        },
        ["command", request] => Topic::Command {
            request: id("request", request)?,
        },
        ["receipt", request] => Topic::Receipt {
            request: id("request", request)?,
        },
        ["config", "desired"] => Topic::DesiredConfig,
        ["config", "reported"] => Topic::ReportedConfig,
        _ => {
            return Err(invalid(format!(
                "{:?} is unknown to this version",
                tail.join("/")
            )));
        }
    };
    Ok((path, topic))
}
