//! Rules: tracks -> incidents. One file a rule: its settings with a checked constructor, and how it evaluates. What the
//! kinds mean is told at [`RuleKind`].

mod bouts;
mod congestion;
mod counting;
mod crowd;
mod custom;
mod dispersal;
mod episode;
mod fall;
mod fire_smoke;
mod gathering;
mod hidden;
mod intrusion;
mod life;
mod line_crossing;
mod log;
mod loitering;
mod look;
mod occupancy;
mod presence;
mod running;
mod sequence;
mod sight;
mod spec;
mod speeding;
mod stopped_vehicle;
mod tamper;
mod things;
mod wrong_way;

use crate::{
    geometry::{Point, Polygon},
    track::Track,
};
pub(crate) use congestion::Congestion;
pub(crate) use counting::Counting;
pub use counting::Total;
pub(crate) use crowd::Crowd;
pub(crate) use custom::{Custom, Words};
pub(crate) use dispersal::Dispersal;
pub(crate) use fall::Fall;
pub(crate) use fire_smoke::{FIRES, FireSmoke};
pub(crate) use gathering::Gathering;
pub(crate) use intrusion::Intrusion;
pub(crate) use life::Life;
pub use life::{DEFAULT_PER_MINUTE, LifeSettings};
pub(crate) use line_crossing::LineCrossing;
pub(crate) use log::Log;
pub(crate) use loitering::Loitering;
pub(crate) use look::Look;
pub(crate) use occupancy::Occupancy;
pub(crate) use running::Running;
pub(crate) use sequence::Sequence;
pub(crate) use sight::{classes_of_things, is_carried, is_of_things, wanted};
pub use spec::{
    DEFAULT_HYSTERESIS, DEFAULT_INTRUSION, Direction, LookSpec, RuleIndex, RuleKind, RuleSettings,
    RuleSpec,
};
pub(crate) use speeding::Speeding;
pub(crate) use stopped_vehicle::StoppedVehicle;
pub(crate) use tamper::Tamper;
pub(crate) use things::Things;
pub(crate) use wrong_way::WrongWay;

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
    Speeding(Speeding),
    Running(Running),
    Fall(Fall),
    Occupancy(Occupancy),
    Gathering(Gathering),
    Dispersal(Dispersal),
    Counting(Counting),
    Things(Things),
    FireSmoke(FireSmoke),
    Look(Look),
    Tamper(Tamper),
    Custom(Custom),
    Sequence(Sequence),
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
            Rule::Speeding(rule) => rule.evaluate(tracks, log),
            Rule::Running(rule) => rule.evaluate(tracks, log),
            Rule::Fall(rule) => rule.evaluate(tracks, log),
            Rule::Occupancy(rule) => rule.evaluate(tracks, log),
            Rule::Gathering(rule) => rule.evaluate(tracks, log),
            Rule::Dispersal(rule) => rule.evaluate(tracks, log),
            Rule::Counting(rule) => rule.evaluate(tracks, log),
            Rule::Things(rule) => rule.evaluate(tracks, log),
            Rule::FireSmoke(rule) => rule.evaluate(tracks, log),
            Rule::Look(rule) => rule.evaluate(tracks, log),
            Rule::Tamper(rule) => rule.evaluate(log),
            Rule::Custom(rule) => rule.evaluate(tracks, log),
            Rule::Sequence(rule) => rule.evaluate(log),
        }
    }

    /// What it has counted, where it counts.
    pub(crate) fn totals(&self) -> &[Total] {
        match self {
            Rule::Counting(rule) => rule.totals(),
            _ => &[],
        }
    }

    /// Why it could not be evaluated of late, told once.
    pub(crate) fn take_trouble(&mut self) -> Option<String> {
        match self {
            Rule::Custom(rule) => rule.take_trouble(),
            _ => None,
        }
    }
}

/// Whether a point lies in a zone, if one is named.
fn within(zone: &Option<Polygon>, point: Point) -> bool {
    zone.as_ref().is_none_or(|zone| zone.contains(point))
}
