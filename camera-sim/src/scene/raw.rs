//! A scene file as it is typed, and all that can be wrong with it.

mod actors;
mod groups;
mod lines;
mod places;

use std::path::Path;

use serde::Deserialize;

use super::SceneError;
use super::rules::{Line, Rule, Zone};
use super::sky::{self, RawLight};
use crate::fire::Fire;
use crate::lens::Lens;
use crate::lens::faults::Fault;
use crate::space::Mount;
use crate::weather::Weather;
use crate::world::World;

pub(super) use actors::{Deed, RawAct, RawActor, RawLook, RawStop};
pub(super) use groups::{RawCrowd, RawStream};
pub(super) use lines::refusal;

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawScene {
    pub title: String,
    pub seed: u64,
    pub duration_s: f32,
    pub fps: f32,
    pub size: [u32; 2],
    pub tolerance_s: Option<f32>,
    pub camera: Mount,
    #[serde(default)]
    pub light: RawLight,
    #[serde(default)]
    pub weather: Weather,
    #[serde(default)]
    pub lens: Lens,
    #[serde(default)]
    pub lens_faults: Vec<Fault>,
    #[serde(default)]
    pub fires: Vec<Fire>,
    #[serde(default)]
    pub world: World,
    #[serde(default)]
    pub actors: Vec<RawActor>,
    #[serde(default)]
    pub crowds: Vec<RawCrowd>,
    #[serde(default)]
    pub streams: Vec<RawStream>,
    #[serde(default)]
    pub zones: Vec<Zone>,
    #[serde(default)]
    pub lines: Vec<Line>,
    #[serde(default)]
    pub rules: Vec<Rule>,
}

/// Reads the text of a scene file.
pub(super) fn parse(file: &Path, text: &str) -> Result<RawScene, SceneError> {
    let fault = |key: &str, error: &toml::de::Error| {
        let line = error.span().map_or(1, |s| {
            text[..s.start.min(text.len())].lines().count().max(1)
        });
        let place = if key.is_empty() || key == "." {
            String::new()
        } else {
            format!("{key}: ")
        };
        SceneError::Parse {
            file: file.to_owned(),
            line,
            message: format!("{place}{}", error.message().trim()),
        }
    };
    let reader = toml::Deserializer::parse(text).map_err(|e| fault("", &e))?;
    let raw: RawScene = serde_path_to_error::deserialize(reader)
        .map_err(|e| fault(&e.path().to_string(), e.inner()))?;
    let problems = problems(&raw);
    if problems.is_empty() {
        Ok(raw)
    } else {
        Err(refusal(file, text, problems))
    }
}

/// Everything that is wrong, each with its key.
fn problems(raw: &RawScene) -> Vec<String> {
    let mut out = Vec::new();
    let mut need = |good: bool, problem: &dyn Fn() -> String| {
        if !good {
            out.push(problem());
        }
    };
    let [w, h] = raw.size;
    need(
        (64..=4096).contains(&w) && (64..=4096).contains(&h) && w % 2 == 0 && h % 2 == 0,
        &|| "size: both sides must be even numbers from 64 to 4096".into(),
    );
    need(raw.fps >= 1.0 && raw.fps <= 60.0, &|| {
        "fps: must be from 1 to 60".into()
    });
    need(raw.duration_s >= 1.0 && raw.duration_s <= 7200.0, &|| {
        "duration_s: must be from 1 to 7200".into()
    });
    need(raw.camera.height > 0.5, &|| {
        "camera.height: must be above 0.5 metres".into()
    });
    need((10.0..=150.0).contains(&raw.camera.fov_deg), &|| {
        "camera.fov_deg: must be from 10 to 150".into()
    });
    need((-20.0..=89.0).contains(&raw.camera.pitch_deg), &|| {
        "camera.pitch_deg: must be from -20 to 89 (positive looks down)".into()
    });
    out.extend(sky::problems(raw));
    out.extend(actors::problems(&raw.actors));
    out.extend(groups::problems(&raw.crowds, &raw.streams));
    out.extend(places::problems(&raw.zones, &raw.lines, &raw.rules));
    out
}
