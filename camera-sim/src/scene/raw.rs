//! A scene file as it is typed, and all that can be wrong with it.

use std::path::Path;

use serde::Deserialize;

use super::SceneError;
use super::rules::{Line, Rule, RuleKind, Zone};
use super::sky::{self, RawLight};
use crate::actor::Kind;
use crate::draw::person::Carried;
use crate::draw::vehicle::Body;
use crate::fire::Fire;
use crate::lens::Lens;
use crate::lens::faults::Fault;
use crate::space::{Mount, V2};
use crate::weather::Weather;
use crate::world::World;

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
    pub zones: Vec<Zone>,
    #[serde(default)]
    pub lines: Vec<Line>,
    #[serde(default)]
    pub rules: Vec<Rule>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawActor {
    pub name: String,
    pub kind: Kind,
    #[serde(default)]
    pub start_s: f32,
    /// m/s; the kind's usual speed where it is missing.
    pub speed: Option<f32>,
    pub path: Vec<V2>,
    #[serde(default)]
    pub stops: Vec<RawStop>,
    /// Degrees counter-clockwise from east, for those that do not move.
    #[serde(default)]
    pub heading_deg: f32,
    /// Stands at the end of its path until the scene ends.
    #[serde(default)]
    pub stays: bool,
    #[serde(default)]
    pub look: RawLook,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawStop {
    /// Index of the waypoint, the first is 0.
    pub at: usize,
    pub seconds: f32,
}

/// What is said about an actor's looks; the rest follows from the seed.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawLook {
    /// 0xRRGGBB: paint, coat or bag.
    pub colour: Option<u32>,
    /// 0xRRGGBB: trousers or skirt.
    pub legs: Option<u32>,
    /// Metres, of a person.
    pub height: Option<f32>,
    pub carries: Option<Carried>,
    pub body: Option<Body>,
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
        Err(SceneError::Check {
            file: file.to_owned(),
            problems,
        })
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
    out.extend(
        raw.actors
            .iter()
            .enumerate()
            .flat_map(|(i, a)| actor_problems(i, a)),
    );
    out.extend(sky::problems(raw));
    out.extend(place_problems(raw));
    out
}

/// What is wrong with actor number `i`.
fn actor_problems(i: usize, a: &RawActor) -> Vec<String> {
    let mut out = Vec::new();
    let mut need = |good: bool, problem: &dyn Fn() -> String| {
        if !good {
            out.push(problem());
        }
    };
    let key = |k: &str| format!("actors[{i}].{k} ({})", a.name);
    need(!a.path.is_empty(), &|| {
        format!("{}: needs at least one point", key("path"))
    });
    need(
        a.path.windows(2).all(|p| (p[1] - p[0]).length() > 0.05),
        &|| {
            format!(
                "{}: two points in a row are the same; use stops to stand",
                key("path")
            )
        },
    );
    need(a.path.len() > 1 || a.stays, &|| {
        format!(
            "{}: one point only; add stays = true or another point",
            key("path")
        )
    });
    need(a.speed.is_none_or(|v| v > 0.0 && v < 70.0), &|| {
        format!("{}: must be above 0 and below 70 m/s", key("speed"))
    });
    need(a.start_s >= 0.0, &|| {
        format!("{}: must not be negative", key("start_s"))
    });
    for s in &a.stops {
        need(s.at < a.path.len() && s.seconds > 0.0, &|| {
            format!(
                "{}: waypoint {} of {} (the first is 0), {} s",
                key("stops"),
                s.at,
                a.path.len(),
                s.seconds
            )
        });
    }
    out
}

/// What is wrong with zones, lines and rules.
fn place_problems(raw: &RawScene) -> Vec<String> {
    let mut out = Vec::new();
    let mut need = |good: bool, problem: &dyn Fn() -> String| {
        if !good {
            out.push(problem());
        }
    };
    for (i, z) in raw.zones.iter().enumerate() {
        need(z.polygon.len() >= 3, &|| {
            format!(
                "zones[{i}].polygon ({}): needs at least three points, has {}",
                z.id,
                z.polygon.len()
            )
        });
        need(
            z.polygon.iter().flatten().all(|v| (0.0..=1.0).contains(v)),
            &|| {
                format!(
                    "zones[{i}].polygon ({}): points are from 0 to 1 of the picture",
                    z.id
                )
            },
        );
    }
    for (i, l) in raw.lines.iter().enumerate() {
        need(l.from != l.to, &|| {
            format!("lines[{i}] ({}): from and to are the same point", l.id)
        });
    }
    for (i, r) in raw.rules.iter().enumerate() {
        if let Err(problem) = check_rule(raw, r) {
            need(false, &|| format!("rules[{i}].{problem}"));
        }
    }
    out
}

fn check_rule(raw: &RawScene, rule: &Rule) -> Result<(), String> {
    if rule.kind == RuleKind::LineCrossing {
        let line = rule
            .line
            .as_ref()
            .ok_or(format!("line ({}): a line_crossing needs a line", rule.id))?;
        if !raw.lines.iter().any(|l| l.id == *line) {
            return Err(format!("line ({}): there is no line \"{line}\"", rule.id));
        }
    } else {
        let zone = rule
            .zone
            .as_ref()
            .ok_or(format!("zone ({}): this kind needs a zone", rule.id))?;
        if !raw.zones.iter().any(|z| z.id == *zone) {
            return Err(format!("zone ({}): there is no zone \"{zone}\"", rule.id));
        }
    }
    if rule.kind == RuleKind::Loitering && rule.min_seconds.is_none() {
        return Err(format!(
            "min_seconds ({}): a loitering rule needs it",
            rule.id
        ));
    }
    if rule.classes.is_empty() {
        return Err(format!("classes ({}): needs at least one class", rule.id));
    }
    Ok(())
}
