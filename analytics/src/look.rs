//! What models say of how something looks: a classifier of whole pictures, or one of objects' crops. Pure data: who runs
//! them, and how often, is the caller's matter. Which labels mean an incident is [`crate::rule::RuleKind::Look`]'s.

use std::time::Duration;

use crate::track::TrackId;

/// A model whose labels rules may watch for. Its place in the scene's list is its number.
#[derive(Clone, Debug, PartialEq)]
pub struct Source {
    /// Its name in the configuration.
    pub id: String,
    /// Its labels.
    pub labels: Vec<String>,
    /// What it looks at.
    pub subject: Subject,
    /// How often it looks at one and the same thing.
    pub every: Duration,
}

/// What a model looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// The whole picture.
    Picture,
    /// One object's crop.
    Tracks,
}

/// What a model said once.
#[derive(Clone, Debug, PartialEq)]
pub struct Said {
    /// Number of the [`Source`].
    pub source: usize,
    /// Time of the picture, on the camera's own time line.
    pub at: Duration,
    /// The object, where it looked at one.
    pub track: Option<TrackId>,
    /// Scores of 0 to 1 by label; labels that are left out have none.
    pub scores: Vec<(usize, f32)>,
}

impl Said {
    /// The highest score of these labels, 0 where none has one.
    pub(crate) fn score(&self, labels: &[usize]) -> f32 {
        let wanted = self.scores.iter().filter(|(l, _)| labels.contains(l));
        let scores = wanted.map(|(_, score)| *score).filter(|s| s.is_finite());
        scores.fold(0.0, f32::max)
    }
}
