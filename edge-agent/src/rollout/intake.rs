//! Which documents are taken at all.

use protocol::{DesiredConfig, push};

use super::Rollout;
use crate::{
    agent::Agent,
    event_log::{Event as _, PushRefused},
};

impl Rollout {
    /// Takes a document, if the centre signed it for this node and it is new.
    pub(super) async fn take(&mut self, payload: &[u8], agent: &mut Agent) {
        match self.judge(payload) {
            Ok(Some(desired)) => {
                if self.state.stage().is_some() {
                    self.back(agent, "another push came").await;
                }
                let before = self.state.clone();
                self.state.receive(desired);
                self.refused = None;
                if self.keep() {
                    self.said(agent);
                } else {
                    // It stays on the broker, and is taken when there is room.
                    self.state = before;
                }
            }
            Ok(None) => {}
            Err(why) => {
                PushRefused { why: &why }.emit(&agent.metrics);
                self.refused = Some(why);
            }
        }
    }

    /// A push to be taken; nothing where it is known already.
    fn judge(&self, payload: &[u8]) -> Result<Option<DesiredConfig>, String> {
        let desired = DesiredConfig::open(payload, &self.keys).map_err(|e| e.to_string())?;
        if desired.node != self.node {
            return Err(format!("it is meant for {}", desired.node));
        }
        if desired.document.len() > push::MAX_DOCUMENT {
            let (long, most) = (desired.document.len(), push::MAX_DOCUMENT);
            return Err(format!(
                "its document has {long} bytes, {most} are the most"
            ));
        }
        if desired.number < self.state.taken() {
            let (number, taken) = (desired.number, self.state.taken());
            return Err(format!(
                "it is number {number}, and number {taken} was taken already"
            ));
        }
        Ok((desired.number > self.state.taken()).then_some(desired))
    }
}
