//! Makes a scene's rules of their settings: finds the zones, lines and classes that they name.

use std::time::Duration;

use super::{SceneError, SceneSettings, Watch};
use crate::{
    detection::ClassId,
    geometry::{Line, Polygon},
    look::Source,
    picture::Change,
    rule::{
        self, Congestion, Counting, Crowd, Custom, Dispersal, Fall, FireSmoke, Gathering,
        Intrusion, Life, LineCrossing, Loitering, Look, Occupancy, Rule, RuleIndex, RuleKind,
        RuleSettings, RuleSpec, Running, Sequence, Speeding, StoppedVehicle, Tamper, Things, Words,
        WrongWay,
    },
    track::ClassGroups,
};

pub(super) fn find_duplicates<'a>(
    what: &'static str,
    names: impl Iterator<Item = &'a String> + Clone,
    errors: &mut Vec<SceneError>,
) {
    for (i, name) in names.clone().enumerate() {
        // Told once, at the second use.
        if names.clone().take(i).filter(|n| *n == name).count() == 1 {
            errors.push(SceneError::Duplicate {
                what,
                name: name.clone(),
            });
        }
    }
}

pub(super) fn resolve_classes(
    index: RuleIndex,
    rule: &RuleSettings,
    labels: &[String],
    errors: &mut Vec<SceneError>,
) -> Option<Vec<ClassId>> {
    let mut classes = Vec::new();
    let burns = matches!(rule.rule, RuleSpec::FireSmoke { .. });
    let wanted = if burns && rule.classes.is_empty() {
        fires(labels)
    } else {
        rule.classes.clone()
    };
    for class in &wanted {
        match class_of(class, labels) {
            Some(class) => classes.push(class),
            // Things need no class: theirs says by which the model may take them for objects of their own.
            None if rule::is_of_things(rule) => {}
            None => errors.push(SceneError::UnknownClass {
                rule: index,
                id: rule.id.clone(),
                class: class.clone(),
                known: list(labels.iter()),
            }),
        }
    }
    // Who is first seen lying may be of the other class for as long as it is followed.
    if rule.rule.kind() == RuleKind::Fall {
        classes.extend(class_of(FALLEN, labels).filter(|_| !classes.is_empty()));
    }
    (!wanted.is_empty() && !rule::is_of_things(rule)).then_some(classes)
}

/// What burns, of all that the model knows; all of it, where it knows none.
fn fires(labels: &[String]) -> Vec<String> {
    let all = rule::FIRES.map(str::to_owned);
    let known: Vec<String> = (all.iter().filter(|fire| labels.contains(fire)).cloned()).collect();
    if known.is_empty() {
        all.to_vec()
    } else {
        known
    }
}

fn class_of(label: &str, labels: &[String]) -> Option<ClassId> {
    let place = labels.iter().position(|known| known == label)?;
    u16::try_from(place).ok().map(ClassId)
}

/// Makes a rule.
pub(super) struct Maker<'m> {
    index: RuleIndex,
    rule: &'m RuleSettings,
    settings: &'m SceneSettings,
    labels: &'m [String],
    fallen: Option<ClassId>,
    cycles: Vec<ClassId>,
    /// Classes of things.
    things: Vec<ClassId>,
    /// Who carries them, where they are no larger.
    person: Option<ClassId>,
    /// Second models.
    looks: &'m [Source],
}

impl<'m> Maker<'m> {
    /// Of one of the scene's rules, for a model with these labels.
    pub(super) fn new(
        index: RuleIndex,
        rule: &'m RuleSettings,
        settings: &'m SceneSettings,
        labels: &'m [String],
    ) -> Self {
        Maker {
            index,
            rule,
            settings,
            labels,
            fallen: class_of(FALLEN, labels),
            cycles: CYCLES
                .iter()
                .filter_map(|cycle| class_of(cycle, labels))
                .collect(),
            things: rule::classes_of_things(rule, |name| class_of(name, labels)),
            person: class_of("person", labels).filter(|_| rule::is_carried(rule)),
            looks: &[],
        }
    }

    /// With second models that the rule may name.
    pub(super) fn with_looks(self, looks: &'m [Source]) -> Self {
        Maker { looks, ..self }
    }

    pub(super) fn watch(&self, classes: Option<Vec<ClassId>>) -> Result<Watch, SceneError> {
        let life = &self.rule.life;
        let ignore = life.ignore.iter().map(|zone| self.zone(zone));
        let ignore = ignore.collect::<Result<_, SceneError>>()?;
        Ok(Watch {
            index: self.index,
            kind: self.rule.rule.kind(),
            classes,
            min_displacement: life.min_displacement,
            rule: self.make()?,
            life: Life::new(life, ignore),
            silent: life.silent,
            active: true,
        })
    }

    fn make(&self) -> Result<Rule, SceneError> {
        let made = match &self.rule.rule {
            RuleSpec::LineCrossing {
                line,
                direction,
                hysteresis,
            } => {
                LineCrossing::new(self.line(line)?, *direction, *hysteresis).map(Rule::LineCrossing)
            }
            RuleSpec::Intrusion { zone, min_duration } => {
                Intrusion::new(self.zone(zone)?, *min_duration).map(Rule::Intrusion)
            }
            RuleSpec::Loitering { zone, min_duration } => {
                Loitering::new(self.zone(zone)?, *min_duration).map(Rule::Loitering)
            }
            RuleSpec::WrongWay {
                zone,
                direction_degrees: degrees,
                tolerance_degrees: tolerance,
                min_distance,
            } => WrongWay::new(self.zone(zone)?, *degrees, *tolerance, *min_distance)
                .map(Rule::WrongWay),
            RuleSpec::StoppedVehicle { zone, min_duration } => {
                StoppedVehicle::new(self.zone(zone)?, *min_duration).map(Rule::StoppedVehicle)
            }
            RuleSpec::Speeding { zone, limit_kmh } if self.settings.ground.is_some() => {
                Speeding::new(self.anywhere(zone)?, *limit_kmh).map(Rule::Speeding)
            }
            RuleSpec::Speeding { .. } => {
                Err("speeding needs metres: give the camera a calibration".to_owned())
            }
            RuleSpec::Running {
                zone,
                min_speed,
                min_duration,
            } => {
                let cycles = self.cycles.clone();
                Running::new(self.anywhere(zone)?, *min_speed, *min_duration, cycles)
                    .map(Rule::Running)
            }
            RuleSpec::Fall { zone, min_duration } => {
                Fall::new(self.anywhere(zone)?, *min_duration, self.fallen).map(Rule::Fall)
            }
            RuleSpec::Counting { line } => Ok(Rule::Counting(Counting::new(self.line(line)?))),
            RuleSpec::FireSmoke { zone, min_duration } => {
                FireSmoke::new(self.anywhere(zone)?, *min_duration).map(Rule::FireSmoke)
            }
            RuleSpec::Look(spec) => {
                Look::new(spec, self.anywhere(&spec.zone)?, self.looks).map(Rule::Look)
            }
            RuleSpec::Tamper { detect } => Tamper::new(detect.clone()).map(Rule::Tamper),
            RuleSpec::AbandonedObject { zone, min_duration } => {
                Ok(self.things(Change::Left, self.zone(zone)?, *min_duration))
            }
            RuleSpec::RemovedObject { zone, min_duration } => {
                Ok(self.things(Change::Taken, self.zone(zone)?, *min_duration))
            }
            many => self.make_of_many(many)?,
        };
        made.map_err(|problem| SceneError::Rule {
            rule: self.index,
            id: self.rule.id.clone(),
            problem,
        })
    }

    fn things(&self, change: Change, zone: Polygon, min_duration: Duration) -> Rule {
        Rule::Things(Things::new(
            change,
            zone,
            min_duration,
            self.things.clone(),
            self.person,
        ))
    }

    /// Those of several objects.
    fn make_of_many(&self, spec: &RuleSpec) -> Result<Result<Rule, String>, SceneError> {
        Ok(match spec {
            RuleSpec::Crowd {
                zone,
                min_count,
                min_duration,
            } => Crowd::new(self.zone(zone)?, *min_count, *min_duration).map(Rule::Crowd),
            RuleSpec::Congestion {
                zone,
                min_count,
                max_speed,
                min_duration,
            } => Congestion::new(self.zone(zone)?, *min_count, *max_speed, *min_duration)
                .map(Rule::Congestion),
            RuleSpec::Occupancy {
                zone,
                min_count,
                max_count,
                min_duration,
            } => Occupancy::new(self.zone(zone)?, *min_count, *max_count, *min_duration)
                .map(Rule::Occupancy),
            RuleSpec::Gathering {
                zone,
                min_count,
                min_duration,
            } => Gathering::new(self.zone(zone)?, *min_count, *min_duration).map(Rule::Gathering),
            RuleSpec::Dispersal {
                zone,
                min_count,
                within,
            } => Dispersal::new(self.zone(zone)?, *min_count, *within).map(Rule::Dispersal),
            composed => self.compose(composed),
        })
    }

    /// Those made of expressions and of other rules.
    fn compose(&self, spec: &RuleSpec) -> Result<Rule, String> {
        match spec {
            RuleSpec::Custom { when, min_duration } => {
                let zones = self.settings.zones.clone();
                let words = Words {
                    labels: self.labels.to_vec(),
                    zones: zones.iter().map(|(name, _)| name.clone()).collect(),
                    calibrated: self.settings.ground.is_some(),
                };
                Custom::new(when, *min_duration, zones, words).map(Rule::Custom)
            }
            RuleSpec::Sequence {
                first,
                then,
                within,
                same_object,
            } => {
                let (first, then) = (self.before(first)?, self.before(then)?);
                for part in [first, then].into_iter().filter(|_| *same_object) {
                    self.has_tracks(part)?;
                }
                if !self.rule.classes.is_empty() {
                    return Err("classes: a sequence has those of its two rules".to_owned());
                }
                Sequence::new(first, then, *within, *same_object).map(Rule::Sequence)
            }
            other => Err(format!("{} is made of nothing", other.kind().as_str())),
        }
    }

    /// A rule that stands before this one.
    fn before(&self, id: &str) -> Result<RuleIndex, String> {
        let rules = &self.settings.rules;
        let found = rules.iter().take(self.index.0).position(|r| r.id == id);
        found.map(RuleIndex).ok_or_else(|| {
            let known = list(rules.iter().take(self.index.0).map(|rule| &rule.id));
            format!("no rule above it is named {id:?}; there is {known}")
        })
    }

    /// Whether the objects of a rule's incidents are tracks.
    fn has_tracks(&self, part: RuleIndex) -> Result<(), String> {
        let rule = self.settings.rules.get(part.0);
        let lacks = rule.filter(|rule| {
            let kind = rule.rule.kind();
            let silent = kind == RuleKind::Counting || kind == RuleKind::Tamper;
            silent || rule::is_of_things(rule)
        });
        match lacks {
            Some(rule) => Err(format!(
                "{:?} knows no tracked objects: object = \"any\" joins it to others by time alone",
                rule.id
            )),
            None => Ok(()),
        }
    }

    fn zone(&self, zone: &str) -> Result<Polygon, SceneError> {
        let zones = &self.settings.zones;
        let found = zones.iter().find(|(name, _)| name == zone);
        found
            .map(|(_, polygon)| polygon.clone())
            .ok_or_else(|| SceneError::UnknownZone {
                rule: self.index,
                id: self.rule.id.clone(),
                zone: zone.to_owned(),
                known: list(zones.iter().map(|(name, _)| name)),
            })
    }

    /// The zone, if one is named.
    fn anywhere(&self, zone: &Option<String>) -> Result<Option<Polygon>, SceneError> {
        zone.as_deref().map(|zone| self.zone(zone)).transpose()
    }

    fn line(&self, line: &str) -> Result<Line, SceneError> {
        let lines = &self.settings.lines;
        let found = lines.iter().find(|(name, _)| name == line);
        found
            .map(|(_, line)| *line)
            .ok_or_else(|| SceneError::UnknownLine {
                rule: self.index,
                id: self.rule.id.clone(),
                line: line.to_owned(),
                known: list(lines.iter().map(|(name, _)| name)),
            })
    }
}

/// Names for an error message.
fn list<'a>(names: impl Iterator<Item = &'a String>) -> String {
    let names: Vec<&str> = names.map(String::as_str).collect();
    if names.is_empty() {
        "none".to_owned()
    } else {
        names.join(", ")
    }
}

/// Label of people who lie, in models that tell them from those who stand.
const FALLEN: &str = "fallen";

/// Labels of what people ride on.
const CYCLES: [&str; 5] = ["bicycle", "motorcycle", "motorbike", "scooter", "moped"];

/// Labels that detectors confuse on one and the same object, frame by frame.
const CONFUSED: [&[&str]; 4] = [
    &["person", FALLEN],
    &[
        "car", "truck", "bus", "van", "lorry", "minibus", "pickup", "train",
    ],
    &CYCLES,
    &["bag", "backpack", "handbag", "suitcase"],
];

/// Each class's group is the first class it may be confused with.
pub(super) fn class_groups(labels: &[String]) -> ClassGroups {
    let kin = |label: &str| CONFUSED.iter().find(|names| names.contains(&label));
    let first = |label: &String| {
        let alike = |other: &String| {
            other == label || kin(label).is_some_and(|k| k.contains(&other.as_str()))
        };
        let place = labels.iter().position(alike).unwrap_or_default();
        u16::try_from(place).unwrap_or(u16::MAX)
    };
    labels.iter().map(first).collect()
}
