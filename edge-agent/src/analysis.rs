//! One camera's analysis: detections of its frames -> its scene -> incident changes, with the stamps and the frame that
//! decided. Synchronous, and the same for a live camera and for a clip under evaluation.

use std::sync::Arc;

use analytics::{
    detection::Detection,
    incident::IncidentChange,
    scene::{Scene, SceneError, SceneSettings},
    track::Track,
};

use crate::camera::{Frame, Stamps};

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
}

/// The state of one camera's analysis.
#[derive(Debug)]
pub struct Analysis {
    scene: Scene,
    last: Option<Arc<Frame>>,
}

impl Analysis {
    /// For a model with these labels.
    ///
    /// # Errors
    /// Everything in the scene that does not suit the model, at once.
    pub fn new(settings: &SceneSettings, labels: &[String]) -> Result<Analysis, Vec<SceneError>> {
        Ok(Analysis {
            scene: Scene::new(settings, labels)?,
            last: None,
        })
    }

    /// Takes the detections of the next frame, none included; frames come in the order of their time.
    pub fn update(&mut self, frame: Arc<Frame>, detections: &[Detection]) -> Vec<Decision> {
        let changes = self.scene.update(frame.stamps().at, detections);
        let decisions = decide(changes, &frame);
        self.last = Some(frame);
        decisions
    }

    /// Closes what is open: the stream ended or begins anew. The last frame stands for the end.
    pub fn finish(&mut self) -> Vec<Decision> {
        let Some(frame) = self.last.take() else {
            return Vec::new();
        };
        decide(self.scene.finish(frame.stamps().at), &frame)
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

fn decide(changes: Vec<IncidentChange>, frame: &Arc<Frame>) -> Vec<Decision> {
    changes
        .into_iter()
        .map(|change| Decision {
            change,
            stamps: frame.stamps(),
            frame: Arc::clone(frame),
        })
        .collect()
}
