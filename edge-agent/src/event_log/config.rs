//! What becomes of configurations.

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family},
    registry::Registry,
};
use tracing::{info, warn};

use super::Event;
use crate::metrics::Metrics;

/// Label of figures by what became of a configuration.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct OfOutcome {
    /// `applied` or `rejected`.
    pub(crate) outcome: &'static str,
}

/// What /metrics says of configurations.
#[derive(Clone, Debug, Default)]
pub struct ConfigFigures(Family<OfOutcome, Counter>);

impl ConfigFigures {
    /// Registers them.
    pub fn register(&self, registry: &mut Registry) {
        registry.register(
            "configs",
            "Configurations that were put in force or refused since the start",
            self.0.clone(),
        );
    }

    fn count(&self, outcome: &'static str) {
        self.0.get_or_create(&OfOutcome { outcome }).inc();
    }
}

/// A configuration is in force.
pub struct ConfigApplied<'a> {
    /// Its revision.
    pub revision: &'a str,
    /// How many cameras are at work.
    pub cameras: usize,
}

impl Event for ConfigApplied<'_> {
    fn emit(&self, metrics: &Metrics) {
        let (revision, cameras) = (self.revision, self.cameras);
        info!(revision, cameras, "another configuration is in force");
        metrics.configs.count("applied");
    }
}

/// A configuration was refused.
pub struct ConfigRejected<'a> {
    /// How many things are wrong.
    pub problems: usize,
    /// Which.
    pub why: &'a str,
}

impl Event for ConfigRejected<'_> {
    fn emit(&self, metrics: &Metrics) {
        let (problems, why) = (self.problems, self.why);
        warn!(
            problems,
            "config_rejected: the one before stays in force:\n{why}"
        );
        metrics.configs.count("rejected");
    }
}

/// A push came a step further, or to its end.
pub struct PushStepped<'a> {
    /// Its number.
    pub number: u64,
    /// What it came to.
    pub stage: &'static str,
    /// What was found.
    pub note: &'a str,
    /// What is wrong in its document.
    pub problems: &'a [String],
}

impl Event for PushStepped<'_> {
    fn emit(&self, metrics: &Metrics) {
        let (number, stage, note) = (self.number, self.stage, self.note);
        match stage {
            "rejected" | "rolled_back" => {
                warn!(
                    number,
                    stage,
                    note,
                    "pushed configuration\n{}",
                    self.problems.join("\n")
                );
            }
            _ => info!(number, stage, note, "pushed configuration"),
        }
        metrics.configs.count(stage);
    }
}

/// A document was not even taken.
pub struct PushRefused<'a> {
    /// Why.
    pub why: &'a str,
}

impl Event for PushRefused<'_> {
    fn emit(&self, metrics: &Metrics) {
        warn!("a pushed configuration is not taken: {}", self.why);
        metrics.configs.count("refused");
    }
}
