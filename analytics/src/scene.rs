//! One camera's scene: a tracker and the rules that watch its tracks.

use std::time::Duration;

use thiserror::Error;

use crate::{
    detection::Detection,
    geometry::{Line, Polygon},
    incident::IncidentChange,
    rule::{RuleIndex, RuleSettings},
    track::{Track, Tracker, TrackerSettings},
};

/// What a scene is to watch.
#[derive(Clone, Debug)]
pub struct SceneSettings {
    /// Zones by name.
    pub zones: Vec<(String, Polygon)>,
    /// Lines by name.
    pub lines: Vec<(String, Line)>,
    /// Rules.
    pub rules: Vec<RuleSettings>,
    /// How objects are followed.
    pub tracker: TrackerSettings,
}

/// Why a scene is refused.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum SceneError {
    /// A rule names a zone that the scene has not.
    #[error("rule {id:?} names the zone {zone:?}; the scene has {known}")]
    UnknownZone {
        /// The rule.
        rule: RuleIndex,
        /// Its name.
        id: String,
        /// The zone it names.
        zone: String,
        /// The scene's zones.
        known: String,
    },
    /// A rule names a line that the scene has not.
    #[error("rule {id:?} names the line {line:?}; the scene has {known}")]
    UnknownLine {
        /// The rule.
        rule: RuleIndex,
        /// Its name.
        id: String,
        /// The line it names.
        line: String,
        /// The scene's lines.
        known: String,
    },
    /// A rule names a class that the model has not.
    #[error(
        "rule {id:?} names the class {class:?}, which the model does not know; it knows {known}"
    )]
    UnknownClass {
        /// The rule.
        rule: RuleIndex,
        /// Its name.
        id: String,
        /// The class it names.
        class: String,
        /// The model's labels.
        known: String,
    },
    /// Two zones, lines or rules of one name.
    #[error("two {what} are named {name:?}: every name may be used once")]
    Duplicate {
        /// "zones", "lines" or "rules".
        what: &'static str,
        /// The name.
        name: String,
    },
    /// A rule's own settings make no sense.
    #[error("rule {id:?}: {problem}")]
    Rule {
        /// The rule.
        rule: RuleIndex,
        /// Its name.
        id: String,
        /// What is wrong.
        problem: String,
    },
}

/// One camera's scene.
#[derive(Debug)]
pub struct Scene {
    tracker: Tracker,
}

impl Scene {
    /// Builds the scene for a model with these labels.
    ///
    /// # Errors
    /// Everything that is wrong, at once.
    pub fn new(settings: &SceneSettings, labels: &[String]) -> Result<Scene, Vec<SceneError>> {
        let _ = labels;
        Ok(Scene {
            tracker: Tracker::new(settings.tracker.clone()),
        })
    }

    /// Takes the detections of the frame at `at`, empty frames too. `at` is the camera's own time line and does not
    /// decrease. Gives what changed.
    pub fn update(&mut self, at: Duration, detections: &[Detection]) -> Vec<IncidentChange> {
        let _ = self.tracker.update(at, detections);
        Vec::new()
    }

    /// Tracks that are alive.
    pub fn tracks(&self) -> &[Track] {
        self.tracker.tracks()
    }

    /// Closes what is open: the stream ended or begins anew.
    pub fn finish(&mut self, at: Duration) -> Vec<IncidentChange> {
        let _ = at;
        Vec::new()
    }
}
