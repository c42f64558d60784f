//! What a connection says of the node besides what the spool holds: its status, its figures, its configuration. None of it is durable:
//! the next one says it again.

use protocol::{NodeState, Topic};
use tokio::time::Instant;
use uuid::Uuid;

use super::{
    client::Message,
    connection::{Connection, json},
    window::Item,
};

impl Connection<'_> {
    pub(super) fn publish_status(&mut self, state: NodeState) {
        let open: Vec<Uuid> = self.sink.feed.open_incidents.borrow().clone();
        let said = self
            .client
            .publish(self.sink.status(self.broker, state, open));
        if said {
            self.window.handed(Item::Passing);
            self.status_stale = false;
            self.status_said = Instant::now();
        }
    }

    /// Figures are not durable: the next ones come soon.
    pub(super) fn publish_health(&mut self) {
        let health = self.sink.feed.health.borrow().clone();
        let Some(health) = health.filter(|_| self.up && self.leaving.is_none()) else {
            return;
        };
        let topic = self.sink.identity.node.topic(&Topic::Health);
        // Loss policy: a full queue drops the figures.
        let _handed = self.say(Message {
            topic,
            payload: json(&health),
            content_type: "application/json",
            acknowledged: false,
            retain: false,
        });
    }

    /// The broker keeps it for those who come later.
    pub(super) fn publish_reported(&mut self) {
        let reported = self.sink.identity.reported.borrow().clone();
        let Some(reported) = reported.filter(|_| self.up && self.leaving.is_none()) else {
            return;
        };
        let said = self.say(Message {
            topic: self.sink.identity.node.topic(&Topic::ReportedConfig),
            payload: json(&reported),
            content_type: "application/json",
            acknowledged: true,
            retain: true,
        });
        self.reported_stale = !said;
        if said {
            self.window.handed(Item::Passing);
        }
    }
}
