//! A scene as a case for an evaluator: clip, `case.toml` with rules and incidents, `truth.jsonl` with every box.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::actor::Class;
use crate::render::{self, RenderError};
use crate::scene::rules::{Line, Rule, Zone};
use crate::scene::{Scene, Shot};
use crate::space::v2;
use crate::truth::{TruthIncident, part, track};

/// Licence of every picture that this crate renders.
const LICENCE: &str = "Apache-2.0";

/// Why a case could not be written.
#[derive(Debug, thiserror::Error)]
pub enum CaseError {
    #[error("cannot write {path}: {source}")]
    Write {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error(transparent)]
    Render(#[from] RenderError),
    #[error("cannot write the case as TOML: {0}")]
    Toml(#[from] toml::ser::Error),
    #[error("cannot write the truth as JSON: {0}")]
    Json(#[from] serde_json::Error),
}

#[derive(Serialize)]
struct CaseFile<'a> {
    clip: &'a str,
    title: &'a str,
    licence: &'a str,
    tolerance_s: f32,
    zones: &'a [Zone],
    lines: &'a [Line],
    rules: &'a [Rule],
    incidents: &'a [TruthIncident],
    #[serde(skip_serializing_if = "Option::is_none")]
    calibration: Option<Calibration>,
}

/// Where some points of the picture lie on the ground: enough to turn ways in the picture into metres.
#[derive(Serialize)]
struct Calibration {
    points: [GroundPoint; 4],
}

#[derive(Serialize)]
struct GroundPoint {
    /// Parts of the picture from the top left.
    image: [f64; 2],
    /// Metres to the east and to the north.
    ground: [f64; 2],
}

/// Four corners of a large piece of the ground that the true camera sees; nothing where it hardly sees any.
fn calibration(scene: &Scene) -> Option<Calibration> {
    let camera = scene.view().camera;
    let (w, h) = (scene.size.width as f32, scene.size.height as f32);
    let top = (camera.horizon() / h).max(0.0);
    let (far, near) = (top + (1.0 - top) * 0.2, 0.97);
    let point = |x: f32, y: f32| {
        let ground = camera.ground_at(v2(x * w, y * h))?;
        let round = |v: f32| (f64::from(v) * 1e4).round() / 1e4;
        Some(GroundPoint {
            image: [round(x), round(y)],
            ground: [round(ground.x), round(ground.y)],
        })
    };
    let [a, b, c, d] = [(0.1, near), (0.9, near), (0.9, far), (0.1, far)]
        .map(|(x, y)| (x, (y * 1e4).round() / 1e4))
        .map(|(x, y)| point(x, y));
    Some(Calibration {
        points: [a?, b?, c?, d?],
    })
}

/// The text of `case.toml` for a clip named `clip` beside it.
pub fn case_toml(scene: &Scene, clip: &str) -> Result<String, toml::ser::Error> {
    let mut incidents = scene.truth().incidents;
    for i in &mut incidents {
        (i.start_s, i.end_s) = (millis(i.start_s), millis(i.end_s));
    }
    let (zones, lines) = (&scene.zones, &scene.lines);
    let rules: Vec<Rule> = scene.rules.iter().map(Rule::spelled_out).collect();
    toml::to_string_pretty(&CaseFile {
        clip,
        title: &scene.title,
        licence: LICENCE,
        tolerance_s: scene.tolerance_s,
        zones,
        lines,
        rules: &rules,
        incidents: &incidents,
        calibration: calibration(scene),
    })
}

fn millis(seconds: f32) -> f32 {
    (seconds * 1000.0).round() / 1000.0
}

#[derive(Serialize)]
struct TruthLine {
    frame: usize,
    time_s: f32,
    objects: Vec<TruthObject>,
}

#[derive(Serialize)]
struct TruthObject {
    track: u32,
    class: Class,
    /// Left, top, width, height, pixels.
    #[serde(rename = "box")]
    bounds: [f32; 4],
    visibility: f32,
}

fn truth_line(scene: &Scene, frame: usize, shot: &Shot) -> TruthLine {
    let objects = shot.seen.iter().map(|seen| {
        let b = seen.bounds;
        let tenth = |v: f32| (v * 10.0).round() / 10.0;
        TruthObject {
            track: track(seen.actor, part(scene, seen.actor, seen.class)),
            class: seen.class,
            bounds: [b.left, b.top, b.right - b.left, b.bottom - b.top].map(tenth),
            visibility: (seen.visibility * 100.0).round() / 100.0,
        }
    });
    TruthLine {
        frame,
        time_s: millis(scene.time(frame)),
        objects: objects.collect(),
    }
}

/// Writes `clip.mp4`, `case.toml` and `truth.jsonl` into `out`; `progress` gets (pictures done, of how many).
pub fn write(
    scene: &Scene,
    out: &Path,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<(), CaseError> {
    let fault = |path: &Path| {
        let path = path.to_owned();
        move |source| CaseError::Write { path, source }
    };
    std::fs::create_dir_all(out).map_err(fault(out))?;
    let path = out.join("truth.jsonl");
    let mut lines = BufWriter::new(File::create(&path).map_err(fault(&path))?);
    let mut failed = None;
    let mut keep = |frame: usize, shot: &Shot| {
        let written =
            serde_json::to_string(&truth_line(scene, frame, shot)).map_err(CaseError::from);
        let written = written.and_then(|line| writeln!(lines, "{line}").map_err(fault(&path)));
        failed = failed.take().or(written.err());
    };
    render::encode_with(scene, &out.join("clip.mp4"), progress, &mut keep)?;
    if let Some(error) = failed {
        return Err(error);
    }
    lines.flush().map_err(fault(&path))?;
    let case = out.join("case.toml");
    std::fs::write(&case, case_toml(scene, "clip.mp4")?).map_err(fault(&case))
}
