//! A scene: one street, one camera, and who goes where when.
//!
//! Reads scene files and answers what is where at any moment. Draws nothing itself: `Renderer` puts the actors on a
//! `Stage`. What happens by the rules is worked out in `truth`.

pub(crate) mod acting;
pub(crate) mod actor;
mod cast;
mod crowd;
pub(crate) mod custody;
mod motion;
mod raw;
mod renderer;
pub mod rules;
mod sky;
mod stream;
mod timetable;

use std::path::{Path, PathBuf};

use crate::actor::Posed;
use crate::draw::View;
use crate::fire::Fire;
use crate::lens::Lens;
use crate::lens::faults::Fault;
use crate::space::{Camera, Mount, Size};
use crate::stage::Sky;
use crate::truth::{self, Truth};
use crate::world::World;
pub use actor::Actor;
pub use renderer::{Renderer, Shot};
use rules::{Line, Rule, Zone};
use timetable::Timetable;

/// The scenes that ship: name and text.
const BUILTIN: [(&str, &str); 16] = [
    ("crossroads", include_str!("../../scenes/crossroads.toml")),
    ("school-gate", include_str!("../../scenes/school-gate.toml")),
    ("bazaar", include_str!("../../scenes/bazaar.toml")),
    (
        "park-at-night",
        include_str!("../../scenes/park-at-night.toml"),
    ),
    ("bus-stop", include_str!("../../scenes/bus-stop.toml")),
    ("motorway", include_str!("../../scenes/motorway.toml")),
    (
        "tunnel-mouth",
        include_str!("../../scenes/tunnel-mouth.toml"),
    ),
    ("car-park", include_str!("../../scenes/car-park.toml")),
    (
        "bank-entrance",
        include_str!("../../scenes/bank-entrance.toml"),
    ),
    (
        "construction-site",
        include_str!("../../scenes/construction-site.toml"),
    ),
    ("square", include_str!("../../scenes/square.toml")),
    ("guard-post", include_str!("../../scenes/guard-post.toml")),
    ("embankment", include_str!("../../scenes/embankment.toml")),
    ("avenue", include_str!("../../scenes/avenue.toml")),
    ("forecourt", include_str!("../../scenes/forecourt.toml")),
    ("depot", include_str!("../../scenes/depot.toml")),
];

/// Why a scene could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum SceneError {
    #[error("cannot read scene {}: {source}; give a file or one of: {}", file.display(), names().join(", "))]
    Read {
        file: PathBuf,
        source: std::io::Error,
    },
    #[error("{}:{line}: {message}", file.display())]
    Parse {
        file: PathBuf,
        line: usize,
        message: String,
    },
    /// Everything that is wrong, each with its file, line and key.
    #[error("{}", .0.join("\n"))]
    Check(Vec<String>),
}

/// A scene, checked and ready.
#[derive(Clone, Debug)]
pub struct Scene {
    /// Built-in name or the file's stem.
    pub name: String,
    pub title: String,
    pub seed: u64,
    pub duration_s: f32,
    /// Pictures a second.
    pub fps: f32,
    pub size: Size,
    /// Seconds around a truth incident within which an alarm counts.
    pub tolerance_s: f32,
    pub mount: Mount,
    pub sky: Sky,
    /// What the camera does all the time, and its scripted faults.
    pub lens: Lens,
    pub faults: Vec<Fault>,
    pub fires: Vec<Fire>,
    pub world: World,
    pub actors: Vec<Actor>,
    pub zones: Vec<Zone>,
    pub lines: Vec<Line>,
    pub rules: Vec<Rule>,
    timetable: Timetable,
    text: String,
}

/// Names of the scenes that ship.
pub fn names() -> Vec<&'static str> {
    BUILTIN.iter().map(|(name, _)| *name).collect()
}

impl Scene {
    /// Loads a scene that ships by its name, any other from its file.
    pub fn load(name_or_path: &str) -> Result<Self, SceneError> {
        if let Some((name, text)) = BUILTIN.iter().find(|(name, _)| *name == name_or_path) {
            return Self::parse(name, Path::new(&format!("{name}.toml")), text);
        }
        let file = Path::new(name_or_path);
        let text = std::fs::read_to_string(file).map_err(|source| SceneError::Read {
            file: file.to_owned(),
            source,
        })?;
        let stem = file
            .file_stem()
            .map_or_else(|| "scene".into(), |s| s.to_string_lossy());
        Self::parse(&stem, file, &text)
    }

    /// Reads a scene from the text of its file; `file` is for error messages.
    pub fn parse(name: &str, file: &Path, text: &str) -> Result<Self, SceneError> {
        let raw = raw::parse(file, text)?;
        let refused = |problems| raw::refusal(file, text, problems);
        let actors = cast::cast(&raw).map_err(refused)?;
        let (zones, lines) = raw::marks(&raw).map_err(refused)?;
        let timetable = Timetable::new(&actors, raw.duration_s);
        Ok(Self {
            name: name.to_owned(),
            title: raw.title,
            seed: raw.seed,
            duration_s: raw.duration_s,
            fps: raw.fps,
            size: Size {
                width: raw.size[0],
                height: raw.size[1],
            },
            tolerance_s: raw.tolerance_s.unwrap_or(1.5),
            mount: raw.camera,
            sky: sky::sky(&raw.light, raw.weather),
            lens: raw.lens,
            faults: raw.lens_faults,
            fires: raw.fires,
            world: raw.world,
            actors,
            zones,
            lines,
            rules: raw.rules,
            timetable,
            text: text.to_owned(),
        })
    }

    /// The same scene in another picture size, for quick looks and tests.
    pub fn at_size(self, size: Size) -> Self {
        Self { size, ..self }
    }

    /// The scene's own text, which with the renderer's version decides every pixel.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Number of pictures.
    pub fn frames(&self) -> usize {
        (self.duration_s * self.fps).round() as usize
    }

    /// Media time of a picture, seconds.
    pub fn time(&self, frame: usize) -> f32 {
        frame as f32 / self.fps
    }

    /// The camera's view under the scene's light.
    pub fn view(&self) -> View {
        View {
            camera: Camera::new(&self.mount, self.size),
            light: self.sky.light,
        }
    }

    /// Who is on the street at `t` seconds: index of the actor, and the actor as it is then.
    pub fn posed(&self, t: f32) -> Vec<(usize, Posed)> {
        let at = |&i: &usize| actor::posed(&self.actors, i, t).map(|p| (i, p));
        self.timetable.at(t).iter().filter_map(at).collect()
    }

    /// What really happens, by the meaning of the rules.
    pub fn truth(&self) -> Truth {
        truth::of(self)
    }
}
