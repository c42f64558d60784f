//! Detections of one frame after another -> tracks of objects.

use std::time::Duration;

use crate::{
    detection::{ClassId, Detection},
    geometry::Rect,
};

/// A track of one camera, numbered from 1 as they begin; never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TrackId(pub u64);

/// How a tracker decides. The defaults suit probabilities of a detector at 2 to 30 frames a second.
#[derive(Clone, Debug, PartialEq)]
pub struct TrackerSettings {
    /// Detections from here on are associated first and may begin a track.
    pub high_score: f32,
    /// Detections below this are not looked at; those between only continue tracks.
    pub low_score: f32,
    /// A track that nothing continued for so long ends.
    pub max_lost: Duration,
}

impl Default for TrackerSettings {
    fn default() -> Self {
        TrackerSettings {
            high_score: 0.45,
            low_score: 0.1,
            max_lost: Duration::from_millis(1500),
        }
    }
}

/// An object followed over time.
#[derive(Clone, Debug, PartialEq)]
pub struct Track {
    /// Its number.
    pub id: TrackId,
    /// Its class, voted over its life by score.
    pub class: ClassId,
    /// Score of its latest detection.
    pub score: f32,
    /// Median of its scores.
    pub score_median: f32,
    /// Filtered box; predicted while the object is not seen.
    pub rect: Rect,
    /// Velocity of the box's middle, normalised units a second.
    pub velocity: (f32, f32),
    /// Time of its first detection.
    pub first_seen: Duration,
    /// Time of its latest detection.
    pub last_seen: Duration,
    /// Number of its detections.
    pub hits: u32,
    /// Whether it has been seen often enough to be believed.
    pub confirmed: bool,
    /// Whether the latest frame showed it.
    pub seen: bool,
}

/// Follows objects.
#[derive(Clone, Debug)]
pub struct Tracker {
    settings: TrackerSettings,
    tracks: Vec<Track>,
}

impl Tracker {
    /// A tracker that has seen nothing.
    pub fn new(settings: TrackerSettings) -> Tracker {
        Tracker {
            settings,
            tracks: Vec::new(),
        }
    }

    /// Takes the detections of the frame at `at` (the camera's own time line, not decreasing); gives all tracks that are
    /// alive: seen, and lost ones that may come back.
    pub fn update(&mut self, at: Duration, dets: &[Detection]) -> &[Track] {
        let _ = (at, dets, &self.settings);
        &self.tracks
    }

    /// All tracks that are alive.
    pub fn tracks(&self) -> &[Track] {
        &self.tracks
    }
}
