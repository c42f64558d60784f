//! One thing after another: what a rule tells after another has told something, within a while.
//!
//! It hears what the other rules tell, silent ones too; what they hold back it does not know of.

use std::{collections::VecDeque, time::Duration};

use super::{Log, RuleIndex};
use crate::{
    incident::{IncidentChange, IncidentNumber, IncidentObject, Transition},
    track::TrackId,
};

/// What is not a track has this number.
const NO_TRACK: TrackId = TrackId(0);

/// Firsts that are remembered; the oldest goes.
const REMEMBERED: usize = 256;

/// One incident for every second thing, open for as long as that is.
#[derive(Debug)]
pub(crate) struct Sequence {
    first: RuleIndex,
    then: RuleIndex,
    within: Duration,
    same_object: bool,
    firsts: VecDeque<IncidentChange>,
    open: Vec<Open>,
}

#[derive(Debug)]
struct Open {
    /// The second thing's.
    of: IncidentNumber,
    incident: IncidentNumber,
    objects: Vec<IncidentObject>,
}

impl Sequence {
    /// Of rules that stand before it.
    ///
    /// # Errors
    /// No time.
    pub(crate) fn new(
        first: RuleIndex,
        then: RuleIndex,
        within: Duration,
        same_object: bool,
    ) -> Result<Self, String> {
        if within.is_zero() {
            return Err("within_seconds is 0: nothing comes after anything in no time".to_owned());
        }
        Ok(Sequence {
            first,
            then,
            within,
            same_object,
            firsts: VecDeque::new(),
            open: Vec::new(),
        })
    }

    /// Takes what the rules before it have told at this moment.
    pub(crate) fn evaluate(&mut self, log: &mut Log<'_>) {
        let (at, within) = (log.at, self.within);
        (self.firsts).retain(|first| at.saturating_sub(first.at) <= within);
        let heard = log.heard;
        // What opens twice comes after the one before, and not after itself.
        let again = self.first == self.then;
        if !again {
            self.remember(heard);
        }
        let then = self.then;
        for change in heard.iter().filter(|change| change.rule == then) {
            self.second(change, log);
        }
        if again {
            self.remember(heard);
        }
        if log.ends {
            self.firsts.clear();
            for open in self.open.drain(..) {
                log.close_of(open.incident, open.objects);
            }
        }
    }

    fn remember(&mut self, heard: &[IncidentChange]) {
        let opened = |change: &&IncidentChange| {
            change.rule == self.first && change.transition == Transition::Opened
        };
        self.firsts.extend(heard.iter().filter(opened).cloned());
        let over = self.firsts.len().saturating_sub(REMEMBERED);
        self.firsts.drain(..over);
    }

    fn second(&mut self, change: &IncidentChange, log: &mut Log<'_>) {
        let objects = change.objects.clone();
        match change.transition {
            Transition::Opened if self.follows(&objects) => {
                let incident = log.number();
                let confidence = change.confidence;
                log.tell(incident, Transition::Opened, confidence, objects.clone());
                self.open.push(Open {
                    of: change.incident,
                    incident,
                    objects,
                });
            }
            Transition::Closed => {
                let place = (self.open.iter()).position(|open| open.of == change.incident);
                if let Some(place) = place {
                    let incident = self.open.remove(place).incident;
                    log.tell(incident, Transition::Closed, change.confidence, objects);
                }
            }
            Transition::Opened | Transition::Updated => {}
        }
    }

    /// Whether there was a first for these.
    fn follows(&self, objects: &[IncidentObject]) -> bool {
        let is_there = |first: &IncidentChange| {
            let same = |object: &IncidentObject| {
                let known = first.objects.iter().any(|of| of.track == object.track);
                object.track != NO_TRACK && known
            };
            !self.same_object || objects.iter().any(same)
        };
        self.firsts.iter().any(is_there)
    }
}
