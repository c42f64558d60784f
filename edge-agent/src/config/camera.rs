//! One `[[cameras]]` table: from raw to [`CameraSettings`].

use std::{collections::BTreeMap, time::Duration};

use analytics::geometry::Polygon;

use super::{
    archive,
    check::Check,
    look,
    nearest::nearest,
    privacy,
    problem::At,
    raw::{RawCamera, RawCascade},
    reader::FromToml as _,
    scene,
    settings::{CameraSettings, CascadeSettings, StreamSettings, Transport},
};
use crate::camera::{Decoding, GateSettings, gate::GateKind};
use crate::health::FROZEN;
use crate::inference::folders::{BUNDLED, is_model_name};

/// The encoded gate goes back to the last key unit but one: the reel holds so much at least.
const REEL_OF_GATE: Duration = Duration::from_secs(10);

/// Longest name for people, in characters.
const MAX_DISPLAY_NAME: usize = 100;

/// Checks a camera. `None` after notes of what is wrong; a credential that cannot be read is the camera's
/// [`CameraSettings::fault`] instead, so that the others go on.
pub(super) fn check(check: &mut Check<'_>, raw: &At<RawCamera>) -> Option<CameraSettings> {
    let id = raw
        .id
        .required(&raw.place, "id", &mut check.problems)
        .cloned();
    let id = id.and_then(|id| check.name(&id));
    let (login, fault) =
        match check.login(&raw.place, &raw.user, &raw.password_file, &raw.password_env) {
            Ok(login) => (login, None),
            Err(problem) => (None, Some(problem.to_string())),
        };
    let url = raw
        .url
        .required(&raw.place, "url", &mut check.problems)
        .cloned();
    let url = url.and_then(|url| stream_url(check, &url));
    let substream = raw.substream.given().cloned();
    let substream = substream.and_then(|url| stream_url(check, &url));
    let scene = scene::check(check, raw);
    let name = display_name(check, raw);
    let position = position(check, raw);
    let transport = transport(check, raw);
    let latency = check.duration(&raw.latency, 0, 10, Duration::from_millis(200));
    let stall_timeout = check.duration(&raw.stall_timeout, 2, 600, Duration::from_secs(10));
    let frozen_after = check.duration(&raw.frozen_after, 5, 3600, FROZEN);
    let refused_retry = check.duration(&raw.refused_retry, 5, 3600, Duration::from_secs(300));
    let reel = check.duration(&raw.reel, 0, 120, Duration::from_secs(10));
    let totals_every = check.duration(&raw.totals_every, 5, 86_400, Duration::from_secs(300));
    let min_score = check.number(&raw.min_score, 0.01..=0.99, 0.1);
    let analysis_fps = check.number(&raw.analysis_fps, 0.1..=60.0, 5.0);
    let gate = gate(check, raw);
    let masks = masks(check, raw, &scene.settings.zones);
    let privacy = privacy::check(check, raw);
    let analysis_fps_floor = floor(check, raw, analysis_fps);
    let priority = check.number(&raw.priority, 1..=10, 5);
    let tiles = tiles(check, raw);
    let model = raw.model.given().cloned();
    let model = model.map_or_else(|| BUNDLED.to_owned(), |at| model_name(check, &at));
    let cascades = cascades(check, raw);
    let looks = look::check(check, raw);
    let likeness = look::likeness(check, raw);
    let stream = StreamSettings {
        url: url?,
        login,
        transport,
        insecure_tls: raw.insecure_tls.or(false),
        latency,
        stall_timeout,
        frozen_after,
        refused_retry,
    };
    Some(CameraSettings {
        id: id?,
        name,
        position,
        enabled: raw.enabled.or(true),
        substream: substream.map(|url| StreamSettings {
            url,
            ..stream.clone()
        }),
        stream,
        model,
        cascades,
        looks,
        likeness,
        decoding: decoding(check, raw),
        min_score: min_score as f32,
        tiles,
        gate: GateSettings { kind: gate, masks },
        privacy,
        analysis_fps: analysis_fps as f32,
        analysis_fps_floor: analysis_fps_floor as f32,
        priority: u8::try_from(priority).unwrap_or(u8::MAX),
        scene: scene.settings,
        severities: scene.severities,
        revisions: scene.revisions,
        schedules: scene.schedules,
        totals_every,
        without_clips: archive::without_clips(raw),
        typed: toml::Table::new(),
        idle_rules: BTreeMap::new(),
        reel: if gate == GateKind::Encoded {
            reel.max(REEL_OF_GATE)
        } else {
            reel
        },
        fault,
    })
}

/// Keys that are kept as they were typed, for whoever writes them down again: none that could hold an address or a login.
const KEPT: [&str; 5] = ["zones", "lines", "motion_masks", "rules", "calibration"];

pub(super) fn kept(raw: &RawCamera) -> toml::Table {
    let toml::Value::Table(mut typed) = raw.to_toml() else {
        return toml::Table::new();
    };
    typed.retain(|key, _| KEPT.contains(&key));
    typed
}

/// A name for people, short enough for every message to stay within the contract's length.
fn display_name(check: &mut Check<'_>, raw: &At<RawCamera>) -> Option<String> {
    let at = raw.name.given()?;
    match at.value.chars().count() {
        0..=MAX_DISPLAY_NAME => Some(at.value.clone()),
        n => check.refuse(
            at,
            format!("has {n} characters, at most {MAX_DISPLAY_NAME} are allowed"),
        ),
    }
}

/// A stream's address without a login in it.
fn stream_url(check: &mut Check<'_>, at: &At<String>) -> Option<String> {
    let rest = at
        .value
        .strip_prefix("rtsp://")
        .or_else(|| at.value.strip_prefix("rtsps://"));
    let Some(rest) = rest else {
        return check.refuse(at, "must begin with rtsp:// or rtsps://");
    };
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    if authority.contains('@') {
        return check.refuse(
            at,
            "holds a login: take it out of the address and name it in user and password_file (or password_env)",
        );
    }
    let query = at.value.split_once('?').map_or("", |(_, query)| query);
    let query = query.to_ascii_lowercase();
    if ["pass", "pwd", "token"]
        .iter()
        .any(|word| query.contains(word))
    {
        return check.refuse(
            at,
            "holds a secret behind the question mark, and addresses are logged: name it in password_file (or password_env)",
        );
    }
    if authority.is_empty()
        || at
            .value
            .contains(|c: char| c.is_whitespace() || c.is_control())
    {
        return check.refuse(
            at,
            "must name a host, as in rtsp://192.0.2.10:554/stream1, and hold no spaces",
        );
    }
    Some(at.value.clone())
}

fn position(check: &mut Check<'_>, raw: &At<RawCamera>) -> Option<(f64, f64)> {
    let latitude = check.number(&raw.latitude, -90.0..=90.0, 0.0);
    let longitude = check.number(&raw.longitude, -180.0..=180.0, 0.0);
    match (raw.latitude.given(), raw.longitude.given()) {
        (Some(_), Some(_)) => Some((latitude, longitude)),
        (Some(lonely), None) => check.refuse(lonely, "needs longitude beside it"),
        (None, Some(lonely)) => check.refuse(lonely, "needs latitude beside it"),
        (None, None) => None,
    }
}

fn transport(check: &mut Check<'_>, raw: &At<RawCamera>) -> Transport {
    let Some(at) = raw.transport.given() else {
        return Transport::Tcp;
    };
    match at.value.as_str() {
        "tcp" => Transport::Tcp,
        "udp" => Transport::Udp,
        _ => check
            .refuse(
                at,
                format!(
                    "{:?} is no transport, allowed are \"tcp\" and \"udp\"",
                    at.value
                ),
            )
            .unwrap_or(Transport::Tcp),
    }
}

fn gate(check: &mut Check<'_>, raw: &At<RawCamera>) -> GateKind {
    let Some(at) = raw.gate.given() else {
        return GateKind::Off;
    };
    let found = GateKind::NAMES.iter().find(|(name, _)| *name == at.value);
    match found {
        Some((_, kind)) => *kind,
        None => check
            .refuse(
                at,
                unknown("gate", &at.value, &GateKind::NAMES.map(|(name, _)| name)),
            )
            .unwrap_or(GateKind::Off),
    }
}

fn decoding(check: &mut Check<'_>, raw: &At<RawCamera>) -> Decoding {
    let Some(at) = raw.decoder.given() else {
        return Decoding::Auto;
    };
    let found = Decoding::NAMES.iter().find(|(name, _)| *name == at.value);
    match found {
        Some((_, decoding)) => *decoding,
        None => {
            let names = Decoding::NAMES.map(|(name, _)| name);
            let text = unknown("decoder", &at.value, &names);
            check.refuse(at, text).unwrap_or_default()
        }
    }
}

/// The zones in which movement counts for nothing.
fn masks(check: &mut Check<'_>, raw: &At<RawCamera>, zones: &[(String, Polygon)]) -> Vec<Polygon> {
    let mut masks = Vec::new();
    for at in raw.motion_masks.given().map_or(&[][..], |at| &at.value) {
        match zones.iter().find(|(name, _)| *name == at.value) {
            Some((_, zone)) => masks.push(zone.clone()),
            None => {
                let known: Vec<&str> = zones.iter().map(|(name, _)| name.as_str()).collect();
                check
                    .problems
                    .push(at.problem(unknown("zone", &at.value, &known)));
            }
        }
    }
    masks
}

/// What the ladder leaves of the rate: one picture a second, unless that is more than is asked for.
fn floor(check: &mut Check<'_>, raw: &At<RawCamera>, analysis_fps: f64) -> f64 {
    let floor = check.number(&raw.analysis_fps_floor, 0.1..=60.0, 1.0);
    match raw.analysis_fps_floor.given() {
        Some(at) if floor > analysis_fps => check
            .refuse(
                at,
                format!("{floor} is more than analysis_fps, {analysis_fps}"),
            )
            .unwrap_or(analysis_fps),
        _ => floor.min(analysis_fps),
    }
}

fn tiles(check: &mut Check<'_>, raw: &At<RawCamera>) -> (u8, u8) {
    let Some(at) = raw.tiles.given() else {
        return (1, 1);
    };
    let side = |n: u64| u8::try_from(n).ok().filter(|n| (1..=8).contains(n));
    match at.value.map(side) {
        [Some(columns), Some(rows)] => (columns, rows),
        _ => check
            .refuse(at, "columns and rows must be 1 to 8 each")
            .unwrap_or((1, 1)),
    }
}

/// A track is looked at again after so long, where nothing is said.
pub(super) const AGAIN: Duration = Duration::from_secs(5);

/// At most so many cascades a camera: an object's message stays within the contract's length.
const MAX_CASCADES: usize = 4;

fn cascades(check: &mut Check<'_>, raw: &At<RawCamera>) -> Vec<CascadeSettings> {
    let list = raw.cascades.given().map_or(&[][..], |at| &at.value);
    check.unique("cascade", list.iter().filter_map(|raw| raw.id.given()));
    if let Some(one) = list.get(MAX_CASCADES) {
        let text = format!("a camera has at most {MAX_CASCADES} cascades");
        check.problems.push(one.problem(text));
    }
    list.iter().filter_map(|raw| cascade(check, raw)).collect()
}

fn cascade(check: &mut Check<'_>, raw: &At<RawCascade>) -> Option<CascadeSettings> {
    let problems = &mut check.problems;
    let id = raw.id.required(&raw.place, "id", problems).cloned();
    let model = raw.model.required(&raw.place, "model", problems).cloned();
    let id = id.and_then(|id| check.name(&id));
    let model = model.map(|at| model_name(check, &at));
    let classes = raw.classes.given().map_or(&[][..], |at| &at.value);
    let min_height = check.number(&raw.min_height, 0.0..=1.0, 0.1);
    let per_second = check.number(&raw.per_second, 0.1..=100.0, 2.0);
    Some(CascadeSettings {
        id: id?.to_string(),
        model: model?,
        classes: classes.iter().map(|at| at.value.clone()).collect(),
        min_height: min_height as f32,
        again: check.duration(&raw.again, 1, 3600, AGAIN),
        per_second: per_second as f32,
    })
}

/// The name of a folder in `models_dir`.
pub(super) fn model_name(check: &mut Check<'_>, at: &At<String>) -> String {
    if !is_model_name(&at.value) {
        let text = format!(
            "{:?} is no model name: letters, digits, '-', '_' and '.' are allowed",
            at.value
        );
        check.problems.push(at.problem(text));
    }
    at.value.clone()
}

/// `{typed:?} is no {what}`, with the nearest of `known` or all of them.
pub(super) fn unknown(what: &str, typed: &str, known: &[&str]) -> String {
    match nearest(typed, known.iter().copied()) {
        Some(meant) => format!("{typed:?} is no {what}, did you mean {meant:?}?"),
        None if known.is_empty() => format!("{typed:?} is no {what}, this camera has none"),
        None => format!("{typed:?} is no {what}, allowed are {}", known.join(", ")),
    }
}
