//! The truth log: what really happens before a camera, one line of JSON each, written as it happens.

use std::io::Write;

use gstreamer as gst;
use jiff::Timestamp;
use serde::Serialize;

use crate::scene::Scene;

/// An incident of a clip's script, in media time.
#[derive(Clone, Debug, PartialEq, Serialize, serde::Deserialize)]
pub struct ScriptedIncident {
    /// The rule that must raise it.
    pub rule: String,
    /// The rule's kind, for instance `line_crossing`.
    pub kind: String,
    /// Seconds from the clip's first picture.
    pub start_s: f64,
    /// Seconds from the clip's first picture.
    pub end_s: f64,
}

impl ScriptedIncident {
    /// What a scene's script makes happen.
    pub fn of_scene(scene: &Scene) -> Vec<Self> {
        let incidents = scene.truth().incidents.into_iter();
        let scripted = incidents.map(|incident| ScriptedIncident {
            rule: incident.rule,
            kind: incident.kind.as_str().to_owned(),
            start_s: f64::from(incident.start_s),
            end_s: f64::from(incident.end_s),
        });
        scripted.collect()
    }
}

#[derive(Serialize)]
#[serde(untagged)]
enum Line<'a> {
    Incident {
        camera: &'a str,
        rule: &'a str,
        kind: &'a str,
        start: Timestamp,
        end: Timestamp,
        #[serde(rename = "loop")]
        pass: u64,
    },
    Event {
        camera: &'a str,
        event: &'static str,
        at: Timestamp,
        #[serde(rename = "loop")]
        pass: u64,
    },
}

/// Where the lines go.
pub struct TruthLog {
    out: Box<dyn Write + Send>,
    failed: bool,
}

impl std::fmt::Debug for TruthLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TruthLog")
            .field("failed", &self.failed)
            .finish_non_exhaustive()
    }
}

impl TruthLog {
    /// Lines go to `out`, each flushed as it is written.
    pub fn new(out: impl Write + Send + 'static) -> Self {
        TruthLog {
            out: Box::new(out),
            failed: false,
        }
    }

    pub(crate) fn pass_started(&mut self, camera: &str, pass: u64, at: Timestamp) {
        self.write(&Line::Event {
            camera,
            event: "loop_started",
            at,
            pass,
        });
    }

    /// `zero` is the time of the pass's first picture.
    pub(crate) fn incident(
        &mut self,
        camera: &str,
        pass: u64,
        zero: Timestamp,
        what: &ScriptedIncident,
    ) {
        self.write(&Line::Incident {
            camera,
            rule: &what.rule,
            kind: &what.kind,
            start: after(zero, what.start_s),
            end: after(zero, what.end_s),
            pass,
        });
    }

    fn write(&mut self, line: &Line<'_>) {
        let written = serde_json::to_vec(line)
            .map_err(std::io::Error::from)
            .and_then(|mut text| {
                text.push(b'\n');
                self.out.write_all(&text)?;
                self.out.flush()
            });
        if let Err(error) = written
            && !std::mem::replace(&mut self.failed, true)
        {
            tracing::error!(%error, "truth log cannot be written; lines are lost from here on");
        }
    }
}

/// Seconds in a script are small numbers; one that is not moves nothing.
fn after(zero: Timestamp, seconds: f64) -> Timestamp {
    jiff::SignedDuration::try_from_secs_f64(seconds)
        .ok()
        .and_then(|d| zero.checked_add(d).ok())
        .unwrap_or(zero)
}

/// Wall-clock time of an instant of the monotonic clock. Both clocks are read now, so that a step of the wall clock
/// is followed from the next line on.
pub(crate) fn wall_clock(instant: gst::ClockTime, now: gst::ClockTime) -> Timestamp {
    let wall = Timestamp::now();
    let signed = |time: gst::ClockTime| i64::try_from(time.nseconds()).unwrap_or(i64::MAX);
    let offset = jiff::SignedDuration::from_nanos(signed(instant).saturating_sub(signed(now)));
    wall.checked_add(offset).unwrap_or(wall)
}
