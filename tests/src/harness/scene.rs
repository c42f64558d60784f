//! A clip with what a camera is told to watch for and what happens in it: a case of the evaluator, to be served live.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, bail};
use camera_sim::{
    case::case_toml,
    render,
    serve::{CameraSettings, ScriptedIncident},
};
use serde::Deserialize;
use toml::Table;

use super::{WatchedCamera, binary, onnx_runtime, workspace};

/// The kinds of rules that a node knows; a case may ask for more than that.
const KINDS: [&str; 3] = ["line_crossing", "intrusion", "loitering"];

/// A rule of a scene.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// The camera that watches.
    pub camera: String,
    /// Its name.
    pub id: String,
    /// Its kind, for instance `line_crossing`.
    pub kind: String,
    /// How long something must last, seconds.
    pub min_seconds: f64,
}

/// A case folder.
#[derive(Clone, Debug)]
pub struct Scene {
    /// The name of its folder: camera, mount and case are called so.
    pub name: String,
    /// One line for people.
    pub title: String,
    /// The folder with its case.toml.
    pub folder: PathBuf,
    /// Its video.
    pub clip: PathBuf,
    /// Zones, lines and rules, as in a camera's configuration.
    settings: Table,
    /// What happens.
    pub incidents: Vec<ScriptedIncident>,
}

#[derive(Deserialize)]
struct Incident {
    rule: String,
    start_s: f64,
    end_s: f64,
}

fn is_known(kind: &str) -> bool {
    KINDS.contains(&kind)
}

impl Scene {
    /// A scene that ships, rendered unless that was done before.
    ///
    /// # Errors
    /// If there is no such scene or it cannot be rendered.
    pub fn rendered(name: &str) -> anyhow::Result<Self> {
        Self::rendered_with(name, &mut |_, _| {})
    }

    /// As [`Scene::rendered`]; `progress` gets pictures done, of how many, if it is rendered now.
    ///
    /// # Errors
    /// If there is no such scene or it cannot be rendered.
    pub fn rendered_with(
        name: &str,
        progress: &mut dyn FnMut(usize, usize),
    ) -> anyhow::Result<Self> {
        let scene =
            camera_sim::scene::Scene::load(name).with_context(|| format!("scene {name}"))?;
        let cache = workspace().join(".cache/camera-sim");
        let clip = render::cached_with(&scene, &cache, progress)
            .with_context(|| format!("scene {name}"))?;
        let folder = workspace().join(".cache/cases").join(name);
        std::fs::create_dir_all(&folder)?;
        let text = case_toml(&scene, &clip.to_string_lossy())?;
        // Tests run side by side: each finds a whole file.
        let part = folder.join(format!("case.{}.part", std::process::id()));
        std::fs::write(&part, text)?;
        std::fs::rename(&part, folder.join("case.toml"))?;
        Self::load(&folder)
    }

    /// A case folder.
    ///
    /// # Errors
    /// If its case.toml cannot be read.
    pub fn load(folder: &Path) -> anyhow::Result<Self> {
        let file = folder.join("case.toml");
        let place = || file.display().to_string();
        let text = std::fs::read_to_string(&file).with_context(place)?;
        let mut case: Table = text.parse().with_context(place)?;
        let mut settings: Table = ["zones", "lines", "rules"]
            .into_iter()
            .filter_map(|key| Some((key.to_owned(), case.remove(key)?)))
            .collect();
        if let Some(rules) = settings
            .get_mut("rules")
            .and_then(|rules| rules.as_array_mut())
        {
            rules.retain(|rule| {
                rule.get("kind")
                    .and_then(|kind| kind.as_str())
                    .is_some_and(is_known)
            });
        }
        let folder = folder.canonicalize()?;
        let name = folder
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let text_of = |key: &str| case.get(key).and_then(|value| value.as_str());
        let mut scene = Scene {
            title: text_of("title").unwrap_or(&name).to_owned(),
            clip: folder.join(text_of("clip").with_context(place)?),
            name,
            folder,
            settings,
            incidents: Vec::new(),
        };
        let incidents = case
            .remove("incidents")
            .unwrap_or_else(|| toml::Value::Array(Vec::new()));
        let incidents: Vec<Incident> = incidents.try_into().with_context(place)?;
        let kinds: BTreeMap<String, String> =
            scene.rules().map(|rule| (rule.id, rule.kind)).collect();
        for Incident {
            rule,
            start_s,
            end_s,
        } in incidents
        {
            let Some(kind) = kinds.get(&rule).cloned() else {
                continue;
            };
            scene.incidents.push(ScriptedIncident {
                rule,
                kind,
                start_s,
                end_s,
            });
        }
        Ok(scene)
    }

    /// A name for people: the title up to its colon.
    pub fn label(&self) -> &str {
        self.title.split(':').next().unwrap_or(&self.title)
    }

    /// The rules that its camera is watched by.
    pub fn rules(&self) -> impl Iterator<Item = Rule> {
        let rules = self
            .settings
            .get("rules")
            .and_then(|rules| rules.as_array());
        rules.into_iter().flatten().filter_map(|rule| {
            let text = |key: &str| Some(rule.get(key)?.as_str()?.to_owned());
            let seconds = rule.get("min_seconds");
            Some(Rule {
                camera: self.name.clone(),
                id: text("id")?,
                kind: text("kind")?,
                min_seconds: seconds
                    .and_then(|s| s.as_float().or_else(|| s.as_integer().map(|s| s as f64)))
                    .unwrap_or_default(),
            })
        })
    }

    /// The simulated camera that shows it.
    pub fn camera(&self) -> CameraSettings {
        CameraSettings {
            incidents: self.incidents.clone(),
            ..CameraSettings::new(&self.name, &self.clip)
        }
    }

    /// The node's camera that watches it at `url`.
    pub fn watched(&self, url: String, model: Option<&str>) -> WatchedCamera {
        let mut camera = WatchedCamera::new(&self.name, url);
        camera.more = self.settings.clone();
        camera.more.insert("name".to_owned(), self.label().into());
        if let Some(model) = model {
            camera.more.insert("model".to_owned(), model.into());
        }
        camera
    }

    /// What `edge-agent evaluate` raises on its file: rule and media time in seconds, in the order of time.
    ///
    /// # Errors
    /// If the evaluation fails, with its words.
    pub fn evaluate(&self, model: &str, out: &Path) -> anyhow::Result<Vec<(String, f64)>> {
        let mut command = Command::new(binary("edge-agent")?);
        command
            .arg("evaluate")
            .arg(&self.folder)
            .args(["--json", "--jobs", "1"]);
        command
            .arg("--alarms")
            .arg(out)
            .arg("--models")
            .arg(workspace().join("models"));
        if let Some(weights) = super::asset("models") {
            command.arg("--weights").arg(weights);
        }
        command.args(["--model", model]);
        if let Some(runtime) = onnx_runtime() {
            command.arg("--runtime").arg(runtime);
        }
        let done = command.stdin(Stdio::null()).output()?;
        if !done.status.success() {
            bail!(
                "edge-agent evaluate: {}\n{}{}",
                done.status,
                String::from_utf8_lossy(&done.stdout),
                String::from_utf8_lossy(&done.stderr)
            );
        }
        #[derive(Deserialize)]
        struct Alarm {
            rule: String,
            capture_s: f64,
        }
        let text = std::fs::read_to_string(out.join(format!("{}.jsonl", self.name)))?;
        let alarms = text.lines().map(|line| {
            let Alarm { rule, capture_s } = serde_json::from_str(line)?;
            anyhow::Ok((rule, capture_s))
        });
        let mut alarms: Vec<(String, f64)> = alarms.collect::<anyhow::Result<_>>()?;
        alarms.sort_by(|a, b| a.1.total_cmp(&b.1));
        Ok(alarms)
    }
}
