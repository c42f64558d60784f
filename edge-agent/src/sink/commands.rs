//! Commands on their way in: what is asked for on a connection, and where it goes.

use protocol::{NodePath, Topic, topic};
use tokio::sync::mpsc;
use tracing::warn;

use crate::command::Incoming;

/// The topics that commands for `node` come by, and what its cameras are to be told.
pub(super) fn filters(node: &NodePath) -> [String; 2] {
    [
        format!("{}/{node}/command/+", topic::PREFIX),
        node.topic(&Topic::DesiredConfig),
    ]
}

/// Passes on what came for this node. Loss policy: one too many is dropped, the centre repeats it.
pub(super) fn hand_in(commands: Option<&mpsc::Sender<Incoming>>, topic: String, payload: Vec<u8>) {
    let Some(commands) = commands else {
        return;
    };
    if commands.try_send(Incoming { topic, payload }).is_err() {
        warn!("a command is dropped, too many came at once; the centre repeats it");
    }
}
