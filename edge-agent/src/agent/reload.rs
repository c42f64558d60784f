//! Another configuration for a running agent: what changed begins anew, the rest goes on.

use std::sync::Arc;

use tracing::{error, info};

use super::{Agent, StartError, in_force_of, told};
use crate::{
    config::{ConfigErrors, Settings},
    event_log::{ConfigApplied, ConfigRejected, Event as _},
};

/// Why another configuration is not in force. The one before is.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.join("\n"))]
pub struct Rejected(pub Vec<String>);

/// Takes over a configuration that was read anew. Where it is wrong, or cameras that it changes cannot be watched, the one before stays in force,
/// and the health report says so until a good one comes. Settings of the node itself begin the whole agent anew.
///
/// # Errors
/// The agent had to begin anew, and can begin with neither.
pub async fn reload(
    mut agent: Agent,
    read: Result<Settings, ConfigErrors>,
) -> Result<Agent, StartError> {
    let settings = match read {
        Ok(settings) => settings,
        Err(errors) => {
            let lines = errors.to_string();
            agent.reject(&Rejected(lines.lines().map(str::to_owned).collect()));
            return Ok(agent);
        }
    };
    if same_node(&agent.settings(), &settings) {
        // What is wrong was said.
        drop(agent.change(settings).await);
        return Ok(agent);
    }
    info!("settings of the node itself have changed: the agent begins anew");
    let before = agent.settings();
    agent.stop().await;
    let why = match Agent::start(settings).await {
        Ok(agent) => return Ok(agent),
        Err(why) => why,
    };
    error!(%why, "the agent goes on as before");
    let agent = Agent::start((*before).clone()).await?;
    agent.reject(&Rejected(vec![why.to_string()]));
    Ok(agent)
}

impl Agent {
    /// The settings in force.
    pub fn settings(&self) -> Arc<Settings> {
        Arc::clone(&self.current.borrow())
    }

    /// Changes to other cameras, or other settings of them; those of the node itself must be the same. All of it, or nothing.
    ///
    /// # Errors
    /// Why cameras that it changes cannot be watched; it was logged, and is a fault of the node until a good one comes.
    pub async fn change(&mut self, settings: Settings) -> Result<(), Rejected> {
        if let Err(faults) = self.fleet.change(&settings).await {
            let rejected = Rejected(told(&faults));
            self.reject(&rejected);
            return Err(rejected);
        }
        self.archive.reconfigured(&settings.revision);
        self.said.send_replace(in_force_of(&settings));
        ConfigApplied {
            revision: &settings.revision,
            cameras: self.fleet.at_work(),
        }
        .emit(&self.metrics);
        self.current.send_replace(Arc::new(settings));
        self.faults.set(PLACE, None);
        Ok(())
    }

    /// Says that a configuration was refused, in the log and, until a good one comes, in the health report.
    pub fn reject(&self, why: &Rejected) {
        ConfigRejected {
            problems: why.0.len(),
            why: &why.to_string(),
        }
        .emit(&self.metrics);
        let first = why.0.first().cloned().unwrap_or_default();
        let more = match why.0.len() {
            0 | 1 => String::new(),
            n => format!(" (and {} more)", n - 1),
        };
        self.faults.set(
            PLACE,
            Some(format!("{first}{more}; the one before stays in force")),
        );
    }
}

/// Under what the fault is told.
const PLACE: &str = "config_rejected";

/// Whether two configurations say the same of the node itself.
pub(super) fn same_node(a: &Settings, b: &Settings) -> bool {
    let node = |settings: &Settings| {
        let node = Settings {
            revision: String::new(),
            cameras: Vec::new(),
            ..settings.clone()
        };
        format!("{node:?}")
    };
    // Secrets show nothing of themselves.
    a.mqtt.login == b.mqtt.login && node(a) == node(b)
}
