//! Where rules write down what they find.

use std::time::Duration;

use crate::{
    incident::{IncidentChange, IncidentNumber, IncidentObject, Transition},
    look::Said,
    picture::Sight,
    rule::{RuleIndex, RuleKind},
    track::Track,
};

/// Where rules write down what they find, incidents numbered over all rules of a scene.
pub(crate) struct Log<'a> {
    pub(crate) at: Duration,
    pub(crate) rule: RuleIndex,
    pub(crate) kind: RuleKind,
    /// Tracks of all classes.
    pub(crate) all: &'a [Track],
    /// Width of the picture by its height.
    pub(crate) aspect: f32,
    /// Nothing comes after this: what may yet return is closed all the same.
    pub(crate) ends: bool,
    /// What the rules before this one have told at this moment, silent ones too.
    pub(crate) heard: &'a [IncidentChange],
    /// What is known of the picture itself.
    pub(crate) sight: &'a Sight,
    /// What second models have said since the last time.
    pub(crate) said: &'a [Said],
    pub(crate) last_number: &'a mut u64,
    pub(crate) changes: &'a mut Vec<IncidentChange>,
}

impl Log<'_> {
    /// Opens an incident of these tracks.
    pub(super) fn open(&mut self, tracks: &[Track]) -> IncidentNumber {
        let number = self.number();
        self.write(number, Transition::Opened, tracks);
        number
    }

    /// Opens an incident of these tracks, of which something else is sure than their detector.
    pub(super) fn open_surely(&mut self, confidence: f32, tracks: &[Track]) -> IncidentNumber {
        let number = self.number();
        let objects = tracks.iter().map(object).collect();
        self.tell(number, Transition::Opened, confidence, objects);
        number
    }

    /// Closes an incident of these tracks, as they were last seen.
    pub(super) fn close(&mut self, incident: IncidentNumber, tracks: &[Track]) {
        self.write(incident, Transition::Closed, tracks);
    }

    /// Opens an incident of objects that are no tracks.
    pub(super) fn open_of(&mut self, objects: Vec<IncidentObject>) -> IncidentNumber {
        let number = self.number();
        self.tell(number, Transition::Opened, 1.0, objects);
        number
    }

    /// Closes one.
    pub(super) fn close_of(&mut self, incident: IncidentNumber, objects: Vec<IncidentObject>) {
        self.tell(incident, Transition::Closed, 1.0, objects);
    }

    pub(super) fn number(&mut self) -> IncidentNumber {
        *self.last_number += 1;
        IncidentNumber(*self.last_number)
    }

    pub(super) fn write(
        &mut self,
        incident: IncidentNumber,
        transition: Transition,
        tracks: &[Track],
    ) {
        let scores = tracks.iter().map(|track| track.score_median);
        let confidence = if tracks.is_empty() {
            1.0
        } else {
            scores.sum::<f32>() / tracks.len() as f32
        };
        let objects = tracks.iter().map(object).collect();
        self.tell(incident, transition, confidence, objects);
    }

    pub(super) fn tell(
        &mut self,
        incident: IncidentNumber,
        transition: Transition,
        confidence: f32,
        objects: Vec<IncidentObject>,
    ) {
        self.changes.push(IncidentChange {
            incident,
            rule: self.rule,
            kind: self.kind,
            transition,
            at: self.at,
            confidence,
            objects,
            suppressed_before: 0,
        });
    }
}

/// As it takes part in an incident.
fn object(track: &Track) -> IncidentObject {
    IncidentObject {
        track: track.id,
        class: track.class,
        score: track.score,
        rect: track.rect,
        speed: track.speed,
    }
}
