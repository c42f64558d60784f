//! What /metrics and the health report say of commands and verdicts.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};
use protocol::VerdictHealth;

use crate::{
    camera::held,
    metrics::{OfCause, OfCommand},
};

/// Labels of figures by rule.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct OfRule {
    /// The camera's name in topics.
    pub camera: String,
    /// The rule's name.
    pub rule: String,
}

/// Figures of commands.
#[derive(Clone, Debug, Default)]
pub struct CommandFigures {
    /// Commands that were carried out, or tried.
    pub answered: Family<OfCommand, Counter>,
    /// Commands that were not heeded.
    pub refused: Family<OfCause, Counter>,
    /// Of verdicts.
    pub verdicts: VerdictFigures,
}

impl CommandFigures {
    /// Registers all of them.
    pub fn register(&self, r: &mut Registry) {
        r.register(
            "commands",
            "Commands of the centre that were carried out, or tried",
            self.answered.clone(),
        );
        r.register(
            "commands_refused",
            "Commands that were not heeded",
            self.refused.clone(),
        );
        self.verdicts.register(r);
    }
}

/// Figures of verdicts. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct VerdictFigures {
    held_back: Family<OfRule, Counter>,
    all_held_back: Arc<AtomicU64>,
    areas: Gauge,
    dropped: Counter,
    last_dropped: Arc<std::sync::Mutex<Option<String>>>,
    cases: Gauge,
    case_bytes: Gauge,
    cases_given_up: Counter,
}

impl VerdictFigures {
    /// Counts incidents that a rule has held back in ignored areas.
    pub fn held_back(&self, camera: &str, rule: &str, new: u64) {
        let of = OfRule {
            camera: camera.to_owned(),
            rule: rule.to_owned(),
        };
        self.held_back.get_or_create(&of).inc_by(new);
        self.all_held_back.fetch_add(new, Ordering::Relaxed);
    }

    /// How many areas are ignored.
    pub fn set_areas(&self, areas: usize) {
        self.areas.set(areas as i64);
    }

    /// An area was dropped.
    pub fn dropped(&self, why: String) {
        self.dropped.inc();
        *held(&self.last_dropped) = Some(why);
    }

    /// What lies in the replay set, and how many cases were deleted by the way.
    pub fn set_cases(&self, cases: usize, bytes: u64, given_up: u64) {
        self.cases.set(cases as i64);
        self.case_bytes.set(bytes.cast_signed());
        self.cases_given_up.inc_by(given_up);
    }

    /// For the health report.
    pub fn told(&self) -> VerdictHealth {
        VerdictHealth {
            ignored_areas: self.areas.get().cast_unsigned(),
            suppressed: self.all_held_back.load(Ordering::Relaxed),
            areas_dropped: self.dropped.get(),
            last_dropped: held(&self.last_dropped).clone(),
            cases: self.cases.get().cast_unsigned(),
            case_bytes: self.case_bytes.get().cast_unsigned(),
            cases_given_up: self.cases_given_up.get(),
        }
    }

    fn register(&self, r: &mut Registry) {
        r.register(
            "incidents_ignored",
            "Incidents that were held back because they were in ignored areas",
            self.held_back.clone(),
        );
        r.register(
            "ignored_areas",
            "Areas that are ignored for a rule by an operator's verdict",
            self.areas.clone(),
        );
        r.register(
            "ignored_areas_dropped",
            "Ignored areas whose rule is no longer there",
            self.dropped.clone(),
        );
        r.register(
            "replay_cases",
            "Cases in the replay set",
            self.cases.clone(),
        );
        r.register("replay_bytes", "What they take", self.case_bytes.clone());
        r.register(
            "replay_given_up",
            "Cases that were deleted for want of room or for their age",
            self.cases_given_up.clone(),
        );
    }
}
