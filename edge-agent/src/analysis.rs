//! One camera's analysis: detections of its frames -> its scene -> incident changes, with the stamps and the frame that
//! decided. Synchronous, and the same for a live camera and for a clip under evaluation.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use analytics::{
    attributes::{self, Answer, Answered, Attributes, Label, Wish},
    detection::{ClassId, Detection},
    geometry::Polygon,
    incident::IncidentChange,
    look::{Said, Source},
    rule::{RuleIndex, Total},
    scene::{Scene, SceneError, SceneSettings},
    track::{Appearance, Sketch, Track, TrackId},
};

use jiff::Timestamp;

use crate::{
    camera::{Frame, Stamps},
    config::{schedule::Schedule, settings::CascadeSettings},
};

/// Slower than this, in its own heights a second, a track counts as standing: boxes of parked cars tremble.
const MOVES: f32 = 0.2;

/// An incident change, when it was seen, and on what.
#[derive(Clone, Debug)]
pub struct Decision {
    /// What changed.
    pub change: IncidentChange,
    /// Stamps of the frame that decided.
    pub stamps: Stamps,
    /// The frame itself, for evidence.
    pub frame: Arc<Frame>,
    /// What cascades say of its objects.
    pub labels: Vec<(TrackId, Label)>,
}

/// The state of one camera's analysis.
#[derive(Debug)]
pub struct Analysis {
    scene: Scene,
    /// Rules that do not always watch.
    schedules: Vec<(RuleIndex, Schedule)>,
    last: Option<Arc<Frame>>,
    /// Between frames, at the rate of analysis: still times are gone through in such steps.
    period: Duration,
    /// How often the model has looked where something stands still, and not seen it.
    missed: BTreeMap<TrackId, u32>,
    attributes: Attributes,
    /// When media time 0 was, where it is not the arrival of frames that counts.
    start: Option<Timestamp>,
}

impl Analysis {
    /// For a model with these labels, at `fps` frames a second, which must be positive.
    ///
    /// # Errors
    /// Everything in the scene that does not suit the model, at once.
    pub fn new(
        settings: &SceneSettings,
        labels: &[String],
        fps: f32,
    ) -> Result<Analysis, Vec<SceneError>> {
        Analysis::with_looks(settings, labels, fps, &[])
    }

    /// As [`Analysis::new`], with the second models that rules may name: the cascades in their order, then those of whole
    /// pictures.
    ///
    /// # Errors
    /// Everything in the scene that does not suit the models, at once.
    pub fn with_looks(
        settings: &SceneSettings,
        labels: &[String],
        fps: f32,
        looks: &[Source],
    ) -> Result<Analysis, Vec<SceneError>> {
        Ok(Analysis {
            scene: Scene::with_looks(settings, labels, looks)?,
            schedules: Vec::new(),
            last: None,
            period: Duration::from_secs_f32(1.0 / fps.clamp(0.1, 1000.0)),
            missed: BTreeMap::new(),
            attributes: Attributes::new(Vec::new()),
            start: None,
        })
    }

    /// With second models; `labels` are those of the first.
    ///
    /// # Errors
    /// Classes that the first model does not know.
    pub fn with_cascades(
        mut self,
        cascades: &[CascadeSettings],
        labels: &[String],
    ) -> Result<Analysis, String> {
        let resolved = cascades.iter().map(|cascade| {
            let place = |class: &String| {
                let place = labels.iter().position(|label| label == class);
                let place = place.and_then(|place| u16::try_from(place).ok());
                place.map(ClassId).ok_or_else(|| {
                    format!("cascade {}: the model knows no class {class:?}", cascade.id)
                })
            };
            Ok(attributes::CascadeSettings {
                classes: cascade
                    .classes
                    .iter()
                    .map(place)
                    .collect::<Result<_, _>>()?,
                min_height: cascade.min_height,
                again: cascade.again,
                per_second: cascade.per_second,
            })
        });
        self.attributes = Attributes::new(resolved.collect::<Result<_, String>>()?);
        Ok(self)
    }

    /// With rules that watch at times only, by their places in the scene's settings.
    #[must_use]
    pub fn with_schedules(mut self, schedules: Vec<(RuleIndex, Schedule)>) -> Analysis {
        self.schedules = schedules;
        self
    }

    /// With schedules that go by a clip's own time: media time 0 was at `start`, where that is known.
    #[must_use]
    pub fn beginning(mut self, start: Option<Timestamp>) -> Analysis {
        self.start = start;
        self
    }

    /// What rules have counted since the start.
    pub fn totals(&self) -> impl Iterator<Item = (RuleIndex, Total)> + '_ {
        self.scene.totals()
    }

    /// How many incidents of each rule were held back since the start.
    pub fn suppressed(&self) -> impl Iterator<Item = (RuleIndex, u64)> + '_ {
        self.scene.suppressed()
    }

    /// Sets the areas that a rule ignores besides those of its settings.
    pub fn set_ignored(&mut self, rule: RuleIndex, areas: Vec<Polygon>) {
        self.scene.set_ignored(rule, areas);
    }

    /// How many incidents of each rule opened and closed in ignored areas since the start.
    pub fn ignored(&self) -> impl Iterator<Item = (RuleIndex, u64)> + '_ {
        self.scene.ignored()
    }

    /// Rules that could not be evaluated of late, and why, told once.
    pub fn take_troubles(&mut self) -> Vec<(RuleIndex, String)> {
        self.scene.take_troubles()
    }

    /// The looks that cascades are to take at the tracks of the latest frame.
    pub fn wishes(&mut self) -> Vec<Wish> {
        let now = self.last.as_ref().map(|frame| frame.stamps().at);
        now.map_or_else(Vec::new, |now| {
            self.attributes.wishes(now, self.scene.tracks())
        })
    }

    /// Takes what cascades have said.
    pub fn answered(&mut self, answers: Vec<Answered>) {
        let at = self.last.as_ref().map(|frame| frame.stamps().at);
        for answered in answers {
            if let (Some(at), Answer::Label { class, score }) = (at, &answered.answer) {
                self.scene.hear(Said {
                    source: answered.cascade,
                    at,
                    track: Some(answered.track),
                    scores: vec![(*class, *score)],
                });
            }
            self.attributes.note(answered);
        }
    }

    /// Takes what models of whole pictures have said.
    pub fn hear(&mut self, said: Vec<Said>) {
        said.into_iter().for_each(|one| self.scene.hear(one));
    }

    /// Takes how some detections of the next frame look: a second cue for who is who.
    pub fn recognise(&mut self, seen: Vec<Appearance>) {
        self.scene.recognise(seen);
    }

    /// Tracks with what is known of their looks, for whoever chooses the detections that are looked at.
    pub fn sketches(&self) -> Vec<Sketch> {
        self.scene.sketches()
    }

    /// Takes the detections of the next frame, none included; frames come in the order of their time.
    pub fn update(&mut self, frame: Arc<Frame>, detections: &[Detection]) -> Vec<Decision> {
        self.look(&frame);
        let changes = self.see(&frame, frame.stamps().at, detections);
        let decisions = self.decide_at(changes, &frame, frame.stamps().at);
        self.last = Some(frame);
        decisions
    }

    /// Takes a frame in which nothing has moved for a while: what was tracked stands where it stood. `looked`: what the
    /// model saw, where it looked at the frame.
    pub fn update_still(
        &mut self,
        frame: Arc<Frame>,
        looked: Option<&[Detection]>,
    ) -> Vec<Decision> {
        let at = frame.stamps().at;
        let mut decisions = Vec::new();
        let mut time = frame.still_since().unwrap_or(at) + self.period;
        // The time since was not looked at frame by frame, yet it counts as if it had been.
        while time + self.period / 2 < at {
            let standing = self.standing(&[]);
            let changes = self.see(&frame, time, &standing);
            decisions.extend(self.decide_at(changes, &frame, time));
            time += self.period;
        }
        let seen = looked.unwrap_or_default();
        let mut detections = seen.to_vec();
        if looked.is_some() {
            self.note_missed(seen);
        }
        detections.extend(self.standing(seen));
        self.look(&frame);
        let changes = self.see(&frame, at, &detections);
        decisions.extend(self.decide_at(changes, &frame, at));
        self.last = Some(frame);
        decisions
    }

    /// Shows the scene the picture itself, where a rule is to know it: it does for still frames too.
    fn look(&mut self, frame: &Frame) {
        let at = frame.stamps().at;
        if self.scene.wants_picture(at) {
            self.scene.look(frame.luma(), at);
        }
    }

    /// Whether a rule is to know the picture of this time.
    pub fn wants_picture(&self, at: Duration) -> bool {
        self.scene.wants_picture(at)
    }

    /// One step of the scene, at the frame or a moment before it.
    fn see(&mut self, frame: &Frame, at: Duration, seen: &[Detection]) -> Vec<IncidentChange> {
        let (width, height) = frame.size();
        self.scene.set_aspect(width as f32 / height as f32);
        // By this node's clock, as the wall's is: a camera's may be anything.
        let arrival = frame.stamps().before(at).arrival;
        let now = self
            .start
            .and_then(|start| start.checked_add(at).ok())
            .unwrap_or(arrival);
        for (rule, schedule) in &self.schedules {
            self.scene.set_active(*rule, schedule.is_active(now));
        }
        self.scene.update(at, seen)
    }

    /// What stands still and is not among `seen`: tracked surely, seen in the last frame, and not missed again and again.
    fn standing(&self, seen: &[Detection]) -> Vec<Detection> {
        let tracks = self.scene.tracks().iter();
        let standing = tracks.filter(|track| {
            let missed = self.missed.get(&track.id).copied().unwrap_or_default();
            track.confirmed && track.seen && missed < MISSED && !is_among(track, seen)
        });
        let again = standing.map(|track| Detection {
            class: track.class,
            score: track.score_median.max(track.score),
            rect: track.detected,
        });
        again.collect()
    }

    fn note_missed(&mut self, seen: &[Detection]) {
        let tracks = self.scene.tracks();
        self.missed
            .retain(|id, _| tracks.iter().any(|track| track.id == *id));
        for track in tracks.iter().filter(|track| track.confirmed) {
            let missed = self.missed.entry(track.id).or_default();
            *missed = if is_among(track, seen) {
                0
            } else {
                *missed + 1
            };
        }
    }

    /// Closes what is open: the stream ended or begins anew. The last frame stands for the end.
    pub fn finish(&mut self) -> Vec<Decision> {
        self.end(false)
    }

    /// As [`Analysis::finish`], where pictures should come and do not: that is an incident too.
    pub fn lose_signal(&mut self) -> Vec<Decision> {
        self.end(true)
    }

    fn end(&mut self, lost: bool) -> Vec<Decision> {
        let Some(frame) = self.last.take() else {
            return Vec::new();
        };
        let mut changes = self.scene.finish(frame.stamps().at);
        if lost {
            changes.extend(self.scene.lose_signal());
        }
        self.decide_at(changes, &frame, frame.stamps().at)
    }

    /// Decisions of a moment before the frame, or of the frame's own.
    fn decide_at(
        &self,
        changes: Vec<IncidentChange>,
        frame: &Arc<Frame>,
        at: Duration,
    ) -> Vec<Decision> {
        let labels = |change: &IncidentChange| {
            let tracks = change.objects.iter().map(|object| object.track);
            let labels = tracks.flat_map(|track| {
                let labels = self.attributes.labels(track).into_iter();
                labels.map(move |label| (track, label))
            });
            labels.collect()
        };
        let decisions = changes.into_iter().map(|change| Decision {
            labels: labels(&change),
            change,
            stamps: frame.stamps().before(at),
            frame: Arc::clone(frame),
        });
        decisions.collect()
    }

    /// The frame that was looked at last, if the stream has not ended since.
    pub fn last_frame(&self) -> Option<&Arc<Frame>> {
        self.last.as_ref()
    }

    /// Whether a believed track was seen in the last frame and moves: by more than [`MOVES`].
    pub fn something_moves(&self) -> bool {
        let moves = |track: &Track| {
            let (x, y) = track.velocity;
            track.confirmed && track.seen && x.hypot(y) > MOVES * track.rect.h
        };
        self.scene.tracks().iter().any(moves)
    }

    /// Tracks that are alive.
    pub fn tracks(&self) -> &[Track] {
        self.scene.tracks()
    }
}

/// A thing that stands still is given up when the model has looked for it so often and has not seen it.
const MISSED: u32 = 3;

/// Whether a detection shows the track where it was.
fn is_among(track: &Track, seen: &[Detection]) -> bool {
    seen.iter().any(|det| det.rect.iou(&track.detected) > 0.4)
}
