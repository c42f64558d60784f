//! What whoever edits a configuration wants to know: what is in force, and what a change would have raised.

use std::collections::BTreeMap;

use protocol::{Name, Preview};

use super::Rollout;
use crate::{
    agent::Agent,
    config::{self, Pushed, Settings, settings::CameraSettings},
    observed::{preview, replay::sees_the_same},
};

impl Rollout {
    /// What a camera would have raised in the last hour, had this been pushed.
    pub(super) fn preview(
        &self,
        agent: &Agent,
        id: &Name,
        document: String,
    ) -> Result<Preview, String> {
        let tap = agent
            .tap(id)
            .ok_or_else(|| format!("camera {id} is not watched"))?;
        let pushed = Pushed {
            good: Some(document),
            trial: None,
        };
        let new = config::load_under(&self.path, &pushed).map_err(|why| why.to_string())?;
        let now = agent.settings();
        let steps = tap.remembered();
        let of = |settings: &Settings| {
            let camera = settings.cameras.iter().find(|camera| camera.id == *id);
            let camera = camera
                .cloned()
                .ok_or_else(|| format!("there is no camera {id}"))?;
            let (analysis, reporter) = agent.rehearse(settings, &camera)?;
            Ok::<_, String>((camera, analysis, reporter))
        };
        let (camera, analysis, reporter) = of(&now)?;
        let raised = preview::alarms(&steps, &camera, analysis, reporter).len() as u64;
        let (other, analysis, reporter) = of(&new)?;
        if !sees_the_same(&camera, &other) {
            return Err("its model, rate, gate, tiles or score would be others: what it would see is not known".to_owned());
        }
        Ok(preview::preview(&steps, &other, analysis, reporter, raised))
    }
}

/// What each camera goes by, for whoever edits it.
pub(super) fn typed(settings: &Settings) -> BTreeMap<Name, serde_json::Value> {
    let typed = settings.cameras.iter();
    let value = |camera: &CameraSettings| serde_json::to_value(&camera.typed).unwrap_or_default();
    typed
        .map(|camera| (camera.id.clone(), value(camera)))
        .collect()
}
