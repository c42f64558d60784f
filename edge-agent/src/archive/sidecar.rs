//! What stands beside a clip: which incident it is of, under which configuration it was made, and where everything was in it.

use std::{collections::BTreeMap, sync::Arc};

use analytics::geometry::Rect;
use protocol::{
    Name, Severity, Utc, in_milliseconds,
    incident::{IncidentTime, ModelRef, RuleRef},
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::trail::Look;
use crate::{camera::clip::Film, inference::manifest::sha256_hex, report::Report};

/// Version of the form.
const FORMAT: u32 = 1;

/// The file beside a clip, in JSON.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sidecar {
    /// Version of this form.
    pub format: u32,
    /// The incident.
    pub incident: Uuid,
    /// The camera.
    pub camera: Name,
    /// The rule that decided.
    pub rule: RuleRef,
    /// How much the incident matters.
    pub severity: Severity,
    /// The times of its opening, with the clock's quality.
    pub time: IncidentTime,
    /// The model that saw it.
    pub model: ModelRef,
    /// `sha256:` and the hash of the node's configuration.
    pub config_revision: String,
    /// When the first picture was taken, as far as the camera says, else when it came.
    pub begins: Utc,
    /// When the last was.
    pub ends: Utc,
    /// `h264` or `h265`.
    pub codec: String,
    /// How many pictures there are.
    pub pictures: u64,
    /// Length of the MP4 in bytes, unsealed.
    pub bytes: u64,
    /// SHA-256 of the MP4 in hexadecimal, unsealed.
    pub sha256: String,
    /// The file as it lies on the disk.
    pub sealed: Sealed,
    /// Where everything was.
    pub tracks: Vec<Trace>,
}

/// A sealed file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sealed {
    /// Its length in bytes.
    pub bytes: u64,
    /// Its SHA-256 in hexadecimal.
    pub sha256: String,
    /// Whose secret key unseals it.
    pub recipient: String,
}

/// A track's way through a clip.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trace {
    /// As in the incident's messages.
    pub track_id: u64,
    /// Class label.
    pub class: String,
    /// Whether it takes part in the incident.
    pub takes_part: bool,
    /// Where it was, in the order of time.
    pub boxes: Vec<Place>,
}

/// Where a track was.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Place {
    /// Milliseconds after the clip's first picture; before it where negative.
    pub at_ms: i64,
    /// x, y, width, height; normalised to 0..1, origin at the top left.
    pub r#box: [f32; 4],
}

impl Place {
    /// Its box.
    pub fn rect(&self) -> Rect {
        let [x, y, w, h] = self.r#box;
        Rect { x, y, w, h }
    }
}

impl Sidecar {
    /// Of a film of `report`'s incident.
    pub fn new(report: &Report, film: &Film, revision: &str, tracks: Vec<Trace>) -> Sidecar {
        let data = &report.event.data;
        let when = |stamps: crate::camera::Stamps| in_milliseconds(stamps.capture_or_arrival());
        Sidecar {
            format: FORMAT,
            incident: data.incident_id,
            camera: data.camera.id.clone(),
            rule: data.rule.clone(),
            severity: report.severity,
            time: data.time.clone(),
            model: data.model.clone(),
            config_revision: revision.to_owned(),
            begins: when(film.begins),
            ends: when(film.ends),
            codec: film.codec.as_str().to_owned(),
            pictures: film.pictures as u64,
            bytes: film.mp4.len() as u64,
            sha256: sha256_hex(&film.mp4),
            sealed: Sealed::default(),
            tracks,
        }
    }
}

/// The tracks of `looks` by their ways through `film`, where it was filmed or shortly before and after; `takes_part` says
/// which are of the incident.
pub fn traces(
    looks: &[Arc<Look>],
    film: &Film,
    labels: &[String],
    takes_part: impl Fn(u64) -> bool,
) -> Vec<Trace> {
    /// Boxes before the first picture and after the last tell where somebody was in them.
    const MARGIN_MS: i64 = 1000;
    let length = film.ends.since(film.begins).as_millis() as i64;
    let mut tracks: BTreeMap<u64, Trace> = BTreeMap::new();
    for look in looks {
        let at_ms = look.stamps.since(film.begins).as_millis() as i64;
        if !(-MARGIN_MS..=length + MARGIN_MS).contains(&at_ms) {
            continue;
        }
        for seen in &look.boxes {
            let class = labels.get(usize::from(seen.class));
            let class = class
                .cloned()
                .unwrap_or_else(|| format!("class {}", seen.class));
            let trace = tracks.entry(seen.track).or_insert_with(|| Trace {
                track_id: seen.track,
                class: String::new(),
                takes_part: takes_part(seen.track),
                boxes: Vec::new(),
            });
            // The class is voted over the track: the last word counts.
            trace.class = class;
            let Rect { x, y, w, h } = seen.rect;
            trace.boxes.push(Place {
                at_ms,
                r#box: [x, y, w, h].map(|v| (v * 10_000.0).round() / 10_000.0),
            });
        }
    }
    tracks.into_values().collect()
}
