//! What becomes of the incidents that a rule finds: which of them are told. Owns a rule's cool-down, its cap a minute and its
//! ignored areas; counts what it holds back, and tells the number with the next incident that it lets through.

use std::{collections::VecDeque, time::Duration};

use crate::{
    geometry::{Point, Polygon},
    incident::{IncidentChange, IncidentNumber, IncidentObject, Transition},
    track::Track,
};

/// Time over which incidents are counted against the cap.
const MINUTE: Duration = Duration::from_secs(60);

/// Who has left an ignored area for so long has come out of it into what the rule watches: an object that has left that, too,
/// is gone by then.
const CAME_OUT: Duration = Duration::from_millis(1200);

/// Usual cap: so many incidents of a rule a minute are told.
pub const DEFAULT_PER_MINUTE: u32 = 60;

/// How a rule's incidents are thinned out.
#[derive(Clone, Debug, PartialEq)]
pub struct LifeSettings {
    /// After an incident opened, no other of the rule is told for so long.
    pub cool_down: Duration,
    /// So many are told a minute.
    pub max_per_minute: u32,
    /// Objects that have never been so far from where they were first seen are not looked at; a share of the picture.
    pub min_displacement: f32,
    /// Names of zones: incidents whose objects all stand inside one are held back until one of them comes out.
    pub ignore: Vec<String>,
    /// Nothing of it is told; it is there for sequences.
    pub silent: bool,
}

impl Default for LifeSettings {
    fn default() -> Self {
        LifeSettings {
            cool_down: Duration::ZERO,
            max_per_minute: DEFAULT_PER_MINUTE,
            min_displacement: 0.0,
            ignore: Vec::new(),
            silent: false,
        }
    }
}

#[derive(Debug)]
pub(crate) struct Life {
    cool_down: Duration,
    max_per_minute: usize,
    ignore: Vec<Polygon>,
    /// The same, given while the rule runs.
    also: Vec<Polygon>,
    /// Incidents that opened and closed in ignored areas.
    ignored: u64,
    /// When incidents of the last minute opened, and the last one at all.
    opened: VecDeque<Duration>,
    last: Option<Duration>,
    /// Not told, and not told of yet.
    suppressed: u32,
    /// Not told, ever.
    suppressed_in_all: u64,
    /// Open and not told.
    silent: Vec<IncidentNumber>,
    /// Open in an ignored area, and since when outside of it.
    held: Vec<(IncidentChange, Option<Duration>)>,
}

impl Life {
    pub(crate) fn new(settings: &LifeSettings, ignore: Vec<Polygon>) -> Self {
        Life {
            cool_down: settings.cool_down,
            max_per_minute: settings.max_per_minute.max(1) as usize,
            ignore,
            also: Vec::new(),
            ignored: 0,
            opened: VecDeque::new(),
            last: None,
            suppressed: 0,
            suppressed_in_all: 0,
            silent: Vec::new(),
            held: Vec::new(),
        }
    }

    /// How many incidents were held back since the beginning.
    pub(crate) fn suppressed(&self) -> u64 {
        self.suppressed_in_all
    }

    fn suppress(&mut self) {
        self.suppressed = self.suppressed.saturating_add(1);
        self.suppressed_in_all += 1;
    }

    /// Sets the areas that are ignored besides those of the settings, from now on. What is held in one that goes is told as if
    /// it had come out.
    pub(crate) fn set_ignored(&mut self, areas: Vec<Polygon>) {
        self.also = areas;
    }

    /// How many incidents opened and closed in ignored areas.
    pub(crate) fn ignored(&self) -> u64 {
        self.ignored
    }

    /// Lets through of what was `found` at this moment what is to be told.
    pub(crate) fn pass(
        &mut self,
        found: Vec<IncidentChange>,
        tracks: &[Track],
        at: Duration,
        told: &mut Vec<IncidentChange>,
    ) {
        for change in found {
            let closes = change.transition == Transition::Closed;
            let same = |number: &IncidentNumber| *number == change.incident;
            if change.transition == Transition::Opened {
                if self.is_ignored(&change.objects) {
                    self.held.push((change, None));
                } else {
                    self.open(change, told);
                }
            } else if let Some(place) = self.held.iter().position(|(held, _)| same(&held.incident))
            {
                if closes {
                    self.held.remove(place);
                    self.suppress();
                    self.ignored += 1;
                }
            } else if let Some(place) = self.silent.iter().position(same) {
                if closes {
                    self.silent.remove(place);
                }
            } else {
                told.push(change);
            }
        }
        self.let_out(tracks, at, told);
    }

    /// Tells those whose objects have come out of an ignored area.
    fn let_out(&mut self, tracks: &[Track], at: Duration, told: &mut Vec<IncidentChange>) {
        for (mut change, outside) in std::mem::take(&mut self.held) {
            for object in &mut change.objects {
                if let Some(track) = tracks.iter().find(|t| t.id == object.track && t.seen) {
                    object.rect = track.rect;
                }
            }
            let since = outside.unwrap_or(at);
            if self.is_ignored(&change.objects) {
                self.held.push((change, None));
            } else if at.saturating_sub(since) < CAME_OUT {
                self.held.push((change, Some(since)));
            } else {
                self.open(IncidentChange { at, ..change }, told);
            }
        }
    }

    fn is_ignored(&self, objects: &[IncidentObject]) -> bool {
        let ignored = |object: &IncidentObject| {
            // A box may reach beyond the picture, an area may not.
            let foot = object.rect.foot();
            let foot = Point::new(foot.x.clamp(0.0, 1.0), foot.y.clamp(0.0, 1.0));
            let mut areas = self.ignore.iter().chain(&self.also);
            areas.any(|area| area.contains(foot))
        };
        !objects.is_empty() && objects.iter().all(ignored)
    }

    fn open(&mut self, change: IncidentChange, told: &mut Vec<IncidentChange>) {
        let since = |then: Duration| change.at.saturating_sub(then);
        self.opened.retain(|then| since(*then) < MINUTE);
        let cooling = self.last.is_some_and(|last| since(last) < self.cool_down);
        if cooling || self.opened.len() >= self.max_per_minute {
            self.suppress();
            self.silent.push(change.incident);
            return;
        }
        self.opened.push_back(change.at);
        self.last = Some(change.at);
        told.push(IncidentChange {
            suppressed_before: std::mem::take(&mut self.suppressed),
            ..change
        });
    }
}
