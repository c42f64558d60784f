//! Where messages go. A sink sends what the spool holds, most important first, and acknowledges to the spool what was
//! taken, nothing else. It may send twice; it must never acknowledge what was not taken, and it remembers nothing over
//! a lost connection: the spool knows.

mod brokers;
mod budget;
mod client;
mod commands;
mod connection;
mod fault;
mod mirror;
pub mod mqtt;
mod pace;
mod probe;
mod said;
mod tls;
mod trace;
mod window;

use protocol::{Health, NodePath, NodeState, NodeStatus, ReportedConfig};
use tokio::sync::watch;
use uuid::Uuid;

use crate::{
    config::settings::Broker,
    spool::{Class, Spool},
};

pub use budget::{Budget, Caps};
pub use fault::{Cause, LinkFault};

/// What every sink works from.
#[derive(Clone)]
pub struct Feed {
    /// Durable messages.
    pub spool: Spool,
    /// Incidents that are open.
    pub open_incidents: watch::Receiver<Vec<Uuid>>,
    /// Periodic figures: the latest are enough, they are not durable.
    pub health: watch::Receiver<Option<Health>>,
}

/// Who speaks.
#[derive(Clone, Debug)]
pub struct Identity {
    /// Where the node stands.
    pub node: NodePath,
    /// This boot.
    pub bootid: Uuid,
    /// What is in force.
    pub config: watch::Receiver<InForce>,
    /// How far it has come with what was pushed.
    pub reported: watch::Receiver<Option<ReportedConfig>>,
}

/// What a node says of the configuration that is in force.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InForce {
    /// Its revision.
    pub revision: String,
    /// Safety that was switched off on purpose.
    pub insecure: Vec<String>,
}

impl InForce {
    /// One that never changes.
    pub fn always(revision: &str) -> watch::Receiver<InForce> {
        let (_, receiver) = watch::channel(InForce {
            revision: revision.to_owned(),
            insecure: Vec::new(),
        });
        receiver
    }
}

impl Identity {
    /// What is said of the node at this moment to `broker`.
    pub fn status(
        &self,
        broker: &Broker,
        state: NodeState,
        open_incidents: Vec<Uuid>,
    ) -> NodeStatus {
        let InForce { revision, insecure } = self.config.borrow().clone();
        NodeStatus {
            state,
            bootid: self.bootid,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            config_revision: revision,
            time: protocol::now(),
            open_incidents,
            insecure,
            broker: Some(broker.to_string()),
        }
    }
}

/// The connection as others may see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Link {
    /// The first attempt is under way.
    Connecting,
    /// Connected.
    Up,
    /// Lost or not made.
    Down(LinkFault),
}

/// Media type of what a class of records holds.
fn content_type(class: Class) -> &'static str {
    match class {
        Class::Incident => "application/cloudevents+json; charset=utf-8",
        Class::Status | Class::Telemetry => "application/json",
        Class::Thumbnail | Class::Snapshot | Class::Clip => "application/octet-stream",
    }
}
