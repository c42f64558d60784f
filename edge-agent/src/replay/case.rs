//! A judged incident as an evaluation case: what its rule is told, and what really happened. Writes nothing.

use protocol::{Utc, Verdict};
use toml::{Table, Value};
use uuid::Uuid;

use crate::{
    archive::sidecar::Sidecar,
    camera::gate::GateKind,
    command::verdict::store::Known,
    config::settings::{CameraSettings, CascadeSettings},
};

/// Name of the clip in a case's folder.
pub(super) const CLIP: &str = "clip.mp4";
/// Seconds around the truth in which an alarm is still its own: tracks begin anew with the clip.
const TOLERANCE_S: f64 = 1.5;
/// Keys of a rule in a configuration that mean nothing in a case.
const ELSEWHERE: [&str; 3] = ["severity", "clip", "schedule"];
/// Keys that name other rules, of which this one is made.
const PARTS: [&str; 2] = ["first", "then"];

/// The texts of a case's files.
pub(super) struct Written {
    /// `case.toml`.
    pub(super) case: String,
    /// `camera.toml`: what the node set for the camera.
    pub(super) camera: String,
    /// What the case cannot show, in words for people.
    pub(super) remark: Option<String>,
}

/// Describes the case of `known`, with when other incidents of its rule opened; nothing if its rule is no longer there.
pub(super) fn describe(
    camera: &CameraSettings,
    known: &Known,
    sidecar: &Sidecar,
    verdict: Verdict,
    others: &[Utc],
) -> Option<Written> {
    let rules = rules(&camera.typed, known.rule.as_str())?;
    let remark = rules.last().and_then(|rule| too_short(rule, sidecar));
    let mut case = Table::new();
    let mut put = |key: &str, value: Value| drop(case.insert(key.to_owned(), value));
    put("camera", camera.id.as_str().into());
    put("clip", CLIP.into());
    put("title", title(known, verdict).into());
    put("tolerance_s", TOLERANCE_S.into());
    for key in ["zones", "lines"] {
        if let Some(shapes) = camera.typed.get(key) {
            put(key, shapes.clone());
        }
    }
    if let Some(calibration) = camera.typed.get("calibration").and_then(Value::as_table) {
        put("calibration", in_points(calibration));
    }
    put("rules", tables(rules));
    if verdict == Verdict::True {
        let truth = span(
            known,
            offset(sidecar, sidecar.time.capture),
            length(sidecar),
        );
        put("incidents", tables(vec![truth]));
    }
    put("ignore", tables(unjudged(known, sidecar, others)));
    Some(Written {
        case: toml::to_string(&case).ok()?,
        camera: toml::to_string(&settings(camera, known.id)).ok()?,
        remark,
    })
}

fn title(known: &Known, verdict: Verdict) -> String {
    let what = match verdict {
        Verdict::True => "incident",
        Verdict::False => "false alarm",
    };
    format!(
        "{what} of {} on {}, {}",
        known.rule, known.camera, known.opened
    )
}

/// The rule, last, after those that it is made of, which tell nothing of their own.
fn rules(typed: &Table, id: &str) -> Option<Vec<Table>> {
    let all = typed.get("rules")?.as_array()?;
    let all: Vec<&Table> = all.iter().filter_map(Value::as_table).collect();
    let named = |id: &str| {
        all.iter()
            .position(|rule| rule.get("id").and_then(Value::as_str) == Some(id))
    };
    let own = named(id)?;
    let mut wanted = vec![own];
    let mut next = 0;
    while let Some(place) = wanted.get(next).copied() {
        next += 1;
        let parts = PARTS
            .iter()
            .filter_map(|key| all.get(place)?.get(*key)?.as_str());
        for part in parts.filter_map(named) {
            if !wanted.contains(&part) {
                wanted.push(part);
            }
        }
    }
    // A rule stands below its parts.
    wanted.sort_unstable();
    let rules = wanted.iter().map(|place| {
        let rule = all.get(*place).copied().cloned().unwrap_or_default();
        let mut rule: Table = rule
            .into_iter()
            .filter(|(key, _)| !ELSEWHERE.contains(&key.as_str()))
            .collect();
        if *place != own {
            rule.insert("silent".to_owned(), true.into());
        }
        rule
    });
    Some(rules.collect())
}

/// Why the clip is too short for the rule to raise its alarm in it.
fn too_short(rule: &Table, sidecar: &Sidecar) -> Option<String> {
    let wanted = rule.get("min_seconds")?;
    let wanted = wanted
        .as_float()
        .or_else(|| wanted.as_integer().map(|s| s as f64))?;
    let before = offset(sidecar, sidecar.time.capture);
    (wanted > before).then(|| {
        format!(
            "the clip begins {before:.1} s before the alarm and the rule wants {wanted} s: its case raises no alarm \
             (archive.pre_roll_seconds)"
        )
    })
}

/// Media time of a moment, in seconds.
fn offset(sidecar: &Sidecar, at: Utc) -> f64 {
    at.duration_since(sidecar.begins).as_secs_f64().max(0.0)
}

fn length(sidecar: &Sidecar) -> f64 {
    offset(sidecar, sidecar.ends)
}

fn span(known: &Known, start_s: f64, end_s: f64) -> Table {
    let seconds = |s: f64| Value::Float((s * 1000.0).round() / 1000.0);
    Table::from_iter([
        ("rule".to_owned(), known.rule.as_str().into()),
        ("start_s".to_owned(), seconds(start_s)),
        ("end_s".to_owned(), seconds(end_s.max(start_s))),
    ])
}

/// What nobody has judged: what comes before the alarm, since who was there already begins anew with the clip, and other incidents
/// of the rule after it, which have verdicts of their own.
fn unjudged(known: &Known, sidecar: &Sidecar, others: &[Utc]) -> Vec<Table> {
    let own = offset(sidecar, sidecar.time.capture);
    let before = own - 2.0 * TOLERANCE_S;
    let before = (before > 0.0).then(|| span(known, 0.0, before));
    let others = others.iter().map(|at| offset(sidecar, *at));
    let after = others.filter(|at| *at > own + 2.0 * TOLERANCE_S);
    let after = after.map(|at| span(known, at - TOLERANCE_S, at + TOLERANCE_S));
    before.into_iter().chain(after).collect()
}

/// A calibration as cases have it: by four points.
fn in_points(typed: &Table) -> Value {
    let (Some(corners), Some(sides)) = (
        typed.get("rectangle").and_then(Value::as_array),
        typed.get("sides_m").and_then(Value::as_array),
    ) else {
        return Value::Table(typed.clone());
    };
    let nought = || Value::Float(0.0);
    let side = |i: usize| sides.get(i).cloned().unwrap_or_else(nought);
    let ground = [
        [nought(), nought()],
        [side(0), nought()],
        [side(0), side(1)],
        [nought(), side(1)],
    ];
    let points = corners.iter().zip(ground).map(|(image, ground)| {
        Table::from_iter([
            ("image".to_owned(), image.clone()),
            ("ground".to_owned(), Value::Array(ground.to_vec())),
        ])
    });
    let points = tables(points.collect());
    Value::Table(Table::from_iter([("points".to_owned(), points)]))
}

fn tables(tables: Vec<Table>) -> Value {
    Value::Array(tables.into_iter().map(Value::Table).collect())
}

/// What the node set for the camera, as `evaluate --camera-settings` reads it.
fn settings(camera: &CameraSettings, case: Uuid) -> Table {
    let gate = GateKind::NAMES
        .iter()
        .find(|(_, kind)| *kind == camera.gate.kind);
    let (columns, rows) = camera.tiles;
    let mut own = Table::from_iter([
        ("model".to_owned(), camera.model.as_str().into()),
        ("analysis_fps".to_owned(), number(camera.analysis_fps)),
        ("min_score".to_owned(), number(camera.min_score)),
        (
            "tiles".to_owned(),
            Value::Array(vec![i64::from(columns).into(), i64::from(rows).into()]),
        ),
        (
            "cascades".to_owned(),
            tables(camera.cascades.iter().map(cascade).collect()),
        ),
    ]);
    if let Some((name, _)) = gate {
        own.insert("gate".to_owned(), (*name).into());
    }
    Table::from_iter([(case.to_string(), Value::Table(own))])
}

fn cascade(cascade: &CascadeSettings) -> Table {
    let classes = cascade
        .classes
        .iter()
        .map(|class| Value::from(class.as_str()));
    Table::from_iter([
        ("id".to_owned(), cascade.id.as_str().into()),
        ("model".to_owned(), cascade.model.as_str().into()),
        ("classes".to_owned(), Value::Array(classes.collect())),
        ("min_height".to_owned(), number(cascade.min_height)),
        (
            "again_seconds".to_owned(),
            cascade.again.as_secs_f64().into(),
        ),
        ("per_second".to_owned(), number(cascade.per_second)),
    ])
}

/// The shortest number that reads as the same `f32`.
fn number(value: f32) -> Value {
    Value::Float(
        value
            .to_string()
            .parse()
            .unwrap_or_else(|_| f64::from(value)),
    )
}
