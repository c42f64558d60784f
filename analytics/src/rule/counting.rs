//! Who crosses a line, counted by class and direction. No incidents: totals only.

use super::{
    DEFAULT_HYSTERESIS, Log,
    line_crossing::{Gate, Walker},
};
use crate::{detection::ClassId, geometry::Line, track::Track};

/// How many of a class have crossed in a direction since the scene began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Total {
    /// The class.
    pub class: ClassId,
    /// Whether from the left of the line to its right; else the other way.
    pub forward: bool,
    /// How many.
    pub count: u64,
}

/// Counts for ever; whoever reads the totals takes their differences.
#[derive(Debug)]
pub(crate) struct Counting {
    gate: Gate,
    walkers: Vec<Walker>,
    totals: Vec<Total>,
}

impl Counting {
    pub(crate) fn new(line: Line) -> Self {
        Counting {
            gate: Gate::new(line, DEFAULT_HYSTERESIS),
            walkers: Vec::new(),
            totals: Vec::new(),
        }
    }

    pub(crate) fn totals(&self) -> &[Total] {
        &self.totals
    }

    pub(crate) fn evaluate<'t>(
        &mut self,
        tracks: impl Iterator<Item = &'t Track> + Clone,
        log: &mut Log<'_>,
    ) {
        for track in tracks.clone().filter(|t| t.seen) {
            let Some(walker) = self.walkers.iter_mut().find(|w| w.follows(track)) else {
                self.walkers.push(Walker::new(track, &self.gate, log.at));
                continue;
            };
            if let Some(forward) = walker.step(track, &self.gate, log.at) {
                self.count(track.class, forward);
            }
        }
        self.walkers
            .retain(|walker| !log.ends && tracks.clone().any(|track| walker.follows(track)));
    }

    fn count(&mut self, class: ClassId, forward: bool) {
        let known = |total: &&mut Total| (total.class, total.forward) == (class, forward);
        match self.totals.iter_mut().find(known) {
            Some(total) => total.count += 1,
            None => self.totals.push(Total {
                class,
                forward,
                count: 1,
            }),
        }
    }
}
