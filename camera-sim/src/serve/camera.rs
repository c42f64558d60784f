//! One camera's life: where it is in its clip, who watches, and what goes out when.
//!
//! Times here are of the monotonic system clock. The pipelines of all viewers run on that clock with base time 0, so
//! a picture's absolute time is its time stamp, and sender reports carry the true time of capture. Never blocks.

use std::sync::Arc;

use gstreamer as gst;
use gstreamer_app as gst_app;

use super::{
    Passes, StartMode,
    clip::Clip,
    truth::{ScriptedIncident, TruthLog, wall_clock},
};

/// A viewer who would wait longer than this for a key frame is served by moving the clip on, if nobody minds.
const MAX_WAIT: gst::ClockTime = gst::ClockTime::from_seconds(3);
/// A viewer whose queue is longer is on a link that is too slow: it loses pictures up to the next key frame.
const MAX_QUEUE_BYTES: u64 = 16 << 20;

/// A client's pipeline.
#[derive(Debug)]
pub(crate) struct Viewer {
    pub(crate) id: u64,
    pub(crate) source: gst_app::AppSrc,
    /// It has had a key frame and gets every unit.
    pub(crate) joined: bool,
}

/// One camera.
#[derive(Debug)]
pub(crate) struct Camera {
    pub(crate) mount: String,
    clip: Arc<Clip>,
    start: StartMode,
    passes: Passes,
    incidents: Vec<ScriptedIncident>,
    viewers: Vec<Viewer>,
    /// When the first picture of pass 0 was shown.
    zero: Option<gst::ClockTime>,
    pass: u64,
    next_unit: usize,
    next_incident: usize,
    ended: bool,
}

impl Camera {
    pub(crate) fn new(
        mount: String,
        clip: Arc<Clip>,
        start: StartMode,
        passes: Passes,
        mut incidents: Vec<ScriptedIncident>,
    ) -> Self {
        incidents.sort_by(|a, b| a.start_s.total_cmp(&b.start_s));
        Camera {
            mount,
            clip,
            start,
            passes,
            incidents,
            viewers: Vec::new(),
            zero: None,
            pass: 0,
            next_unit: 0,
            next_incident: 0,
            ended: false,
        }
    }

    /// When the first picture of the first pass was shown, on the monotonic clock.
    pub(crate) fn started(&self) -> Option<gst::ClockTime> {
        self.zero
    }

    pub(crate) fn ended(&self) -> bool {
        self.ended
    }

    /// Time goes on from here.
    pub(crate) fn start(&mut self, now: gst::ClockTime, truth: Option<&mut TruthLog>) {
        if self.zero.is_some() {
            return;
        }
        self.zero = Some(now);
        if let Some(truth) = truth {
            truth.pass_started(&self.mount, 0, wall_clock(now, now));
        }
    }

    pub(crate) fn add_viewer(&mut self, viewer: Viewer) {
        self.viewers.push(viewer);
    }

    pub(crate) fn remove_viewer(&mut self, id: u64) {
        self.viewers.retain(|v| v.id != id);
    }

    /// A viewer's pipeline takes data from now on. The answer to its first request waits for a picture.
    pub(crate) fn viewer_ready(&mut self, id: u64, now: gst::ClockTime) {
        if self.zero.is_none() && self.start == StartMode::OnFirstPlay {
            // The answer needs a picture, and time has not begun: the first one is shown now, and once.
            let clip = Arc::clone(&self.clip);
            if let (Some(viewer), Some(unit)) = (
                self.viewers.iter_mut().find(|v| v.id == id),
                clip.units.first(),
            ) {
                viewer.joined = send(&viewer.source, &unit.buffer, now);
                self.next_unit = 1;
            }
            return;
        }
        if self.incidents.is_empty() && !self.viewers.iter().any(|v| v.joined) {
            self.move_on_to_key(now);
        }
    }

    /// Moves the clip to its next key frame where that is far off.
    fn move_on_to_key(&mut self, now: gst::ClockTime) {
        let Some(zero) = self.zero else { return };
        let rest = self.clip.units.iter().enumerate().skip(self.next_unit);
        let next_key = rest
            .into_iter()
            .find(|(_, u)| u.key)
            .map(|(i, u)| (i, u.due));
        let (unit, due, pass) = match (next_key, self.passes) {
            (Some((unit, due)), _) => (unit, due, self.pass),
            (None, Passes::Endless) => (0, gst::ClockTime::ZERO, self.pass + 1),
            (None, Passes::Once) => return,
        };
        let position = self.pass_start(gst::ClockTime::ZERO, pass) + due;
        if (zero + position).saturating_sub(now) < MAX_WAIT {
            return;
        }
        // The clock of the machine is far from its own beginning compared with any clip, or nothing moves.
        if let Some(zero) = now.checked_sub(position) {
            self.zero = Some(zero);
            (self.next_unit, self.pass) = (unit, pass);
        }
    }

    fn pass_start(&self, zero: gst::ClockTime, pass: u64) -> gst::ClockTime {
        zero + self.clip.duration * pass
    }

    /// When there is something to do.
    pub(crate) fn due(&self) -> Option<gst::ClockTime> {
        if self.ended {
            return None;
        }
        let start = self.pass_start(self.zero?, self.pass);
        let unit = self.clip.units.get(self.next_unit);
        // After the last unit the clip's end is waited for, so that its last picture stands as long as the others.
        Some(start + unit.map_or(self.clip.duration, |u| u.due))
    }

    /// Does what is due. To be called again until [`Camera::due`] lies ahead.
    pub(crate) fn advance(&mut self, now: gst::ClockTime, mut truth: Option<&mut TruthLog>) {
        let Some(zero) = self.zero else { return };
        let start = self.pass_start(zero, self.pass);
        let clip = Arc::clone(&self.clip);
        self.tell_incidents(start, now, truth.as_deref_mut());
        if let Some(unit) = clip.units.get(self.next_unit) {
            for viewer in &mut self.viewers {
                serve(viewer, unit.key, &unit.buffer, start + unit.at);
            }
            self.next_unit += 1;
            return;
        }
        match self.passes {
            Passes::Once => self.end(),
            Passes::Endless => {
                self.pass += 1;
                (self.next_unit, self.next_incident) = (0, 0);
                if let Some(truth) = truth {
                    let start = self.pass_start(zero, self.pass);
                    truth.pass_started(&self.mount, self.pass, wall_clock(start, now));
                }
            }
        }
    }

    fn tell_incidents(
        &mut self,
        start: gst::ClockTime,
        now: gst::ClockTime,
        truth: Option<&mut TruthLog>,
    ) {
        let position = now.saturating_sub(start).nseconds() as f64 / 1e9;
        let rest = self.incidents.iter().skip(self.next_incident);
        let begun: Vec<_> = rest.take_while(|i| i.start_s <= position).collect();
        if let Some(truth) = truth {
            for incident in &begun {
                truth.incident(&self.mount, self.pass, wall_clock(start, now), incident);
            }
        }
        self.next_incident += begun.len();
    }

    fn end(&mut self) {
        self.ended = true;
        for viewer in &self.viewers {
            if let Err(error) = viewer.source.end_of_stream() {
                tracing::debug!(camera = self.mount, %error, "a viewer left before the end");
            }
        }
    }
}

/// Hands a unit to a viewer who has joined or can join with it.
fn serve(viewer: &mut Viewer, key: bool, unit: &gst::Buffer, time: gst::ClockTime) {
    if viewer.joined && viewer.source.current_level_bytes() > MAX_QUEUE_BYTES {
        tracing::warn!(
            viewer = viewer.id,
            "link too slow: pictures are left out up to a key frame"
        );
        viewer.joined = false;
    }
    if viewer.joined || key {
        viewer.joined = send(&viewer.source, unit, time);
    }
}

/// False if the viewer's pipeline does not take data (not yet, or no more).
fn send(source: &gst_app::AppSrc, unit: &gst::Buffer, time: gst::ClockTime) -> bool {
    let mut unit = unit.copy();
    let stamps = unit.make_mut();
    stamps.set_pts(time);
    stamps.set_dts(None);
    source.push_buffer(unit).is_ok()
}
