//! Rules: tracks -> incidents. One file a rule: its settings with a checked constructor, and how it evaluates. What the
//! kinds mean is told at [`RuleKind`].

mod congestion;
mod crowd;
mod episode;
mod intrusion;
mod line_crossing;
mod loitering;
mod presence;
mod stopped_vehicle;
mod wrong_way;

use std::time::Duration;

use crate::{
    incident::{IncidentChange, IncidentNumber, IncidentObject, Transition},
    track::Track,
};
pub(crate) use congestion::Congestion;
pub(crate) use crowd::Crowd;
pub(crate) use intrusion::Intrusion;
pub(crate) use line_crossing::LineCrossing;
pub(crate) use loitering::Loitering;
pub(crate) use stopped_vehicle::StoppedVehicle;
pub(crate) use wrong_way::WrongWay;

/// A rule as its place in [`crate::scene::SceneSettings::rules`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RuleIndex(pub usize);

/// What a rule looks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RuleKind {
    /// An object's foot point crosses a line, where its path meets the segment; once a track and direction until the track
    /// has clearly left the line.
    LineCrossing,
    /// An object's foot point is inside a zone for a while; one incident an object and visit.
    Intrusion,
    /// The same object's foot point stays inside a zone for long; one incident an object and visit.
    Loitering,
    /// Many objects stand inside a zone for a while; one incident an episode.
    Crowd,
    /// Many vehicles are inside a zone for a while, and slow; one incident an episode.
    Congestion,
    /// An object goes through a zone against its direction; one incident an object and visit.
    WrongWay,
    /// A vehicle that moved stands still inside a zone; one incident a stop.
    StoppedVehicle,
}

impl RuleKind {
    /// All kinds.
    pub const ALL: [RuleKind; 7] = [
        RuleKind::LineCrossing,
        RuleKind::Intrusion,
        RuleKind::Loitering,
        RuleKind::Crowd,
        RuleKind::Congestion,
        RuleKind::WrongWay,
        RuleKind::StoppedVehicle,
    ];

    /// Its name in configurations and messages.
    pub fn as_str(self) -> &'static str {
        match self {
            RuleKind::LineCrossing => "line_crossing",
            RuleKind::Intrusion => "intrusion",
            RuleKind::Loitering => "loitering",
            RuleKind::Crowd => "crowd",
            RuleKind::Congestion => "congestion",
            RuleKind::WrongWay => "wrong_way",
            RuleKind::StoppedVehicle => "stopped_vehicle",
        }
    }
}

/// A rule as configured.
#[derive(Clone, Debug, PartialEq)]
pub struct RuleSettings {
    /// Its name, unique in a scene.
    pub id: String,
    /// Labels of the classes it looks at, as the model names them; none means all.
    pub classes: Vec<String>,
    /// What it looks for.
    pub rule: RuleSpec,
}

/// What a rule looks for, and where.
#[derive(Clone, Debug, PartialEq)]
pub enum RuleSpec {
    /// See [`RuleKind::LineCrossing`].
    LineCrossing {
        /// Name of the line.
        line: String,
        /// Which way counts.
        direction: Direction,
        /// How far from the line a foot point is clearly beside it, as a share of the box's extent across the line; see
        /// [`DEFAULT_HYSTERESIS`].
        hysteresis: f32,
    },
    /// See [`RuleKind::Intrusion`].
    Intrusion {
        /// Name of the zone.
        zone: String,
        /// How long the object must be inside; see [`DEFAULT_INTRUSION`].
        min_duration: Duration,
    },
    /// See [`RuleKind::Loitering`].
    Loitering {
        /// Name of the zone.
        zone: String,
        /// How long the object must stay.
        min_duration: Duration,
    },
    /// See [`RuleKind::Crowd`].
    Crowd {
        /// Name of the zone.
        zone: String,
        /// How many objects must be inside at least.
        min_count: u32,
        /// For how long.
        min_duration: Duration,
    },
    /// See [`RuleKind::Congestion`].
    Congestion {
        /// Name of the zone.
        zone: String,
        /// How many vehicles must be inside at least.
        min_count: u32,
        /// Their mean speed must be below this, in widths of the picture a second.
        max_speed: f32,
        /// For how long.
        min_duration: Duration,
    },
    /// See [`RuleKind::WrongWay`].
    WrongWay {
        /// Name of the zone.
        zone: String,
        /// Where it goes in the zone: 0 is to the right, 90 down.
        direction_degrees: f32,
        /// Ways that differ by more are wrong.
        tolerance_degrees: f32,
        /// How far an object must go to be judged, as a share of the picture.
        min_distance: f32,
    },
    /// See [`RuleKind::StoppedVehicle`].
    StoppedVehicle {
        /// Name of the zone.
        zone: String,
        /// How long it must stand.
        min_duration: Duration,
    },
}

impl RuleSpec {
    /// The rule's kind.
    pub fn kind(&self) -> RuleKind {
        match self {
            RuleSpec::LineCrossing { .. } => RuleKind::LineCrossing,
            RuleSpec::Intrusion { .. } => RuleKind::Intrusion,
            RuleSpec::Loitering { .. } => RuleKind::Loitering,
            RuleSpec::Crowd { .. } => RuleKind::Crowd,
            RuleSpec::Congestion { .. } => RuleKind::Congestion,
            RuleSpec::WrongWay { .. } => RuleKind::WrongWay,
            RuleSpec::StoppedVehicle { .. } => RuleKind::StoppedVehicle,
        }
    }
}

/// Usual hysteresis of a line crossing, as a share of the box's extent across the line.
pub const DEFAULT_HYSTERESIS: f32 = 0.15;

/// Usual time after which an object inside a zone is an intrusion.
pub const DEFAULT_INTRUSION: Duration = Duration::from_millis(500);

/// Which crossings of a line count. `Forward` is from the left hand to the right hand of someone who walks along the line
/// from its first point to its second, as seen on the picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From left to right of the line.
    Forward,
    /// From right to left of the line.
    Backward,
    /// Both.
    Any,
}

/// One rule at work.
#[derive(Debug)]
pub(crate) enum Rule {
    LineCrossing(LineCrossing),
    Intrusion(Intrusion),
    Loitering(Loitering),
    Crowd(Crowd),
    Congestion(Congestion),
    WrongWay(WrongWay),
    StoppedVehicle(StoppedVehicle),
}

impl Rule {
    /// Looks at the tracks of one frame, those of other classes left out; closes all that is open where the log ends.
    pub(crate) fn evaluate<'t>(
        &mut self,
        tracks: impl Iterator<Item = &'t Track> + Clone,
        log: &mut Log<'_>,
    ) {
        match self {
            Rule::LineCrossing(rule) => rule.evaluate(tracks, log),
            Rule::Intrusion(rule) => rule.evaluate(tracks, log),
            Rule::Loitering(rule) => rule.evaluate(tracks, log),
            Rule::Crowd(rule) => rule.evaluate(tracks, log),
            Rule::Congestion(rule) => rule.evaluate(tracks, log),
            Rule::WrongWay(rule) => rule.evaluate(tracks, log),
            Rule::StoppedVehicle(rule) => rule.evaluate(tracks, log),
        }
    }
}

/// Where rules write down what they find, incidents numbered over all rules of a scene.
pub(crate) struct Log<'a> {
    pub(crate) at: Duration,
    pub(crate) rule: RuleIndex,
    pub(crate) kind: RuleKind,
    /// Nothing comes after this: what may yet return is closed all the same.
    pub(crate) ends: bool,
    pub(crate) last_number: &'a mut u64,
    pub(crate) changes: &'a mut Vec<IncidentChange>,
}

impl Log<'_> {
    /// Opens an incident of these objects.
    fn open(&mut self, tracks: &[Track]) -> IncidentNumber {
        *self.last_number += 1;
        let incident = IncidentNumber(*self.last_number);
        self.write(incident, Transition::Opened, tracks);
        incident
    }

    /// Closes an incident of these objects, as they were last seen.
    fn close(&mut self, incident: IncidentNumber, tracks: &[Track]) {
        self.write(incident, Transition::Closed, tracks);
    }

    fn write(&mut self, incident: IncidentNumber, transition: Transition, tracks: &[Track]) {
        let scores = tracks.iter().map(|track| track.score_median);
        let object = |track: &Track| IncidentObject {
            track: track.id,
            class: track.class,
            score: track.score,
            rect: track.rect,
        };
        self.changes.push(IncidentChange {
            incident,
            rule: self.rule,
            kind: self.kind,
            transition,
            at: self.at,
            confidence: scores.sum::<f32>() / tracks.len().max(1) as f32,
            objects: tracks.iter().map(object).collect(),
        });
    }
}
