//! What a rollout needs of a running agent.

use std::sync::Arc;

use protocol::{Name, ReportedConfig};
use tokio::sync::{mpsc, watch};

use super::{Agent, Rejected, reload::same_node};
use crate::{
    analysis::Analysis,
    command::Asked,
    config::{Settings, settings::CameraSettings},
    health::Faults,
    observed::tap::Tap,
    report::Reporter,
};

impl Agent {
    /// The latest document that the broker keeps for this node, as it came.
    pub fn desired(&self) -> watch::Receiver<Option<Vec<u8>>> {
        self.desired.clone()
    }

    /// Has the broker keep what the node goes by.
    pub fn report(&self, reported: ReportedConfig) {
        self.reported.send_if_modified(|last| {
            // The time alone is nothing new.
            let same = last.as_ref().is_some_and(|last| {
                let time = reported.time;
                ReportedConfig {
                    time,
                    ..last.clone()
                } == reported
            });
            if !same {
                *last = Some(reported);
            }
            !same
        });
    }

    /// What is asked of whoever owns the agent; the second time, nothing more comes.
    pub fn take_asked(&mut self) -> mpsc::Receiver<Asked> {
        std::mem::replace(&mut self.asked, mpsc::channel(1).1)
    }

    /// What is wrong with the node itself.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// Where others hear what a camera's analysis is told, if it is at work.
    pub fn tap(&self, camera: &Name) -> Option<Arc<Tap>> {
        self.lineup.borrow().taps.get(camera).cloned()
    }

    /// The analysis that a camera would have with other settings, and its messages.
    ///
    /// # Errors
    /// What does not suit the models that are there.
    pub fn rehearse(
        &self,
        settings: &Settings,
        camera: &CameraSettings,
    ) -> Result<(Analysis, Reporter), String> {
        self.fleet.rehearse(settings, camera)
    }

    /// As [`Agent::change`], where nothing of the node itself is different.
    ///
    /// # Errors
    /// As [`Agent::change`]; or the node's own files say something else of the node than what it runs on.
    pub async fn change_cameras(&mut self, settings: Settings) -> Result<(), Rejected> {
        if !same_node(&self.settings(), &settings) {
            let why = "the node's own files say something else of the node itself than it runs on: reload them first (SIGHUP)";
            return Err(Rejected(vec![why.to_owned()]));
        }
        self.change(settings).await
    }
}
