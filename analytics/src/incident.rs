//! What rules say: changes in the life of incidents.

use std::time::Duration;

use crate::{
    detection::ClassId,
    geometry::Rect,
    rule::{RuleIndex, RuleKind},
    track::{Speed, TrackId},
};

/// An incident of one camera, numbered from 1 as they open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct IncidentNumber(pub u64);

/// A change in the life of an incident.
#[derive(Clone, Debug, PartialEq)]
pub struct IncidentChange {
    /// Which incident.
    pub incident: IncidentNumber,
    /// Which rule, as its place in [`crate::scene::SceneSettings::rules`].
    pub rule: RuleIndex,
    /// The rule's kind.
    pub kind: RuleKind,
    /// What happened to it.
    pub transition: Transition,
    /// Time of the frame that decided, on the camera's own time line.
    pub at: Duration,
    /// 0..=1: the mean over the objects of the score medians of their tracks; 1 where no object takes part.
    pub confidence: f32,
    /// The objects that take part, at the time of this change.
    pub objects: Vec<IncidentObject>,
    /// With an incident that opens: how many of the rule were held back since the one before.
    pub suppressed_before: u32,
}

/// What happened to an incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transition {
    /// It began.
    Opened,
    /// Its severity or its objects changed in a way that matters.
    Updated,
    /// It is over.
    Closed,
}

/// An object that takes part in an incident.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct IncidentObject {
    /// Its track.
    pub track: TrackId,
    /// Its class (voted over the track).
    pub class: ClassId,
    /// Score of its latest detection.
    pub score: f32,
    /// Its latest box.
    pub rect: Rect,
    /// How fast it goes, where the ground is calibrated.
    pub speed: Option<Speed>,
}
