//! One camera's scene: a tracker and the rules that watch its tracks.

use std::time::Duration;

use thiserror::Error;

use crate::{
    detection::{ClassId, Detection},
    geometry::{Line, Polygon},
    incident::IncidentChange,
    rule::{
        Congestion, Crowd, Intrusion, LineCrossing, Log, Loitering, Rule, RuleIndex, RuleKind,
        RuleSettings, RuleSpec, StoppedVehicle, WrongWay,
    },
    track::{ClassGroups, Track, Tracker, TrackerSettings},
};

/// What a scene is to watch.
#[derive(Clone, Debug)]
pub struct SceneSettings {
    /// Zones by name.
    pub zones: Vec<(String, Polygon)>,
    /// Lines by name.
    pub lines: Vec<(String, Line)>,
    /// Rules.
    pub rules: Vec<RuleSettings>,
    /// How objects are followed.
    pub tracker: TrackerSettings,
}

/// Why a scene is refused.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum SceneError {
    /// A rule names a zone that the scene has not.
    #[error("rule {id:?} names the zone {zone:?}; the scene has {known}")]
    UnknownZone {
        /// The rule.
        rule: RuleIndex,
        /// Its name.
        id: String,
        /// The zone it names.
        zone: String,
        /// The scene's zones.
        known: String,
    },
    /// A rule names a line that the scene has not.
    #[error("rule {id:?} names the line {line:?}; the scene has {known}")]
    UnknownLine {
        /// The rule.
        rule: RuleIndex,
        /// Its name.
        id: String,
        /// The line it names.
        line: String,
        /// The scene's lines.
        known: String,
    },
    /// A rule names a class that the model has not.
    #[error(
        "rule {id:?} names the class {class:?}, which the model does not know; it knows {known}"
    )]
    UnknownClass {
        /// The rule.
        rule: RuleIndex,
        /// Its name.
        id: String,
        /// The class it names.
        class: String,
        /// The model's labels.
        known: String,
    },
    /// Two zones, lines or rules of one name.
    #[error("two {what} are named {name:?}: every name may be used once")]
    Duplicate {
        /// "zones", "lines" or "rules".
        what: &'static str,
        /// The name.
        name: String,
    },
    /// A rule's own settings make no sense.
    #[error("rule {id:?}: {problem}")]
    Rule {
        /// The rule.
        rule: RuleIndex,
        /// Its name.
        id: String,
        /// What is wrong.
        problem: String,
    },
}

/// One camera's scene.
#[derive(Debug)]
pub struct Scene {
    tracker: Tracker,
    rules: Vec<Watch>,
    now: Duration,
    last_number: u64,
}

/// A rule with the classes it looks at.
#[derive(Debug)]
struct Watch {
    index: RuleIndex,
    kind: RuleKind,
    /// None: all.
    classes: Option<Vec<ClassId>>,
    rule: Rule,
}

impl Scene {
    /// Builds the scene for a model with these labels.
    ///
    /// # Errors
    /// Everything that is wrong, at once.
    pub fn new(settings: &SceneSettings, labels: &[String]) -> Result<Scene, Vec<SceneError>> {
        let mut errors = Vec::new();
        find_duplicates(
            "zones",
            settings.zones.iter().map(|(name, _)| name),
            &mut errors,
        );
        find_duplicates(
            "lines",
            settings.lines.iter().map(|(name, _)| name),
            &mut errors,
        );
        find_duplicates("rules", settings.rules.iter().map(|r| &r.id), &mut errors);
        let mut rules = Vec::new();
        for (index, rule) in settings.rules.iter().enumerate() {
            let index = RuleIndex(index);
            let classes = resolve_classes(index, rule, labels, &mut errors);
            match build_rule(index, rule, settings) {
                Ok(built) => rules.push(Watch {
                    index,
                    kind: rule.rule.kind(),
                    classes,
                    rule: built,
                }),
                Err(error) => errors.push(error),
            }
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        Ok(Scene {
            tracker: Tracker::with_groups(settings.tracker.clone(), class_groups(labels)),
            rules,
            now: Duration::ZERO,
            last_number: 0,
        })
    }

    /// Takes the detections of the frame at `at`, empty frames too. `at` is the camera's own time line; a time before that
    /// of the last frame is taken as that one. Gives what changed.
    pub fn update(&mut self, at: Duration, detections: &[Detection]) -> Vec<IncidentChange> {
        self.now = self.now.max(at);
        let tracks = self.tracker.update(self.now, detections);
        let mut changes = Vec::new();
        for watch in &mut self.rules {
            let classes = watch.classes.as_deref();
            let watched = tracks
                .iter()
                .filter(|t| classes.is_none_or(|c| c.contains(&t.class)));
            let mut log = Log {
                at: self.now,
                rule: watch.index,
                kind: watch.kind,
                ends: false,
                last_number: &mut self.last_number,
                changes: &mut changes,
            };
            watch.rule.evaluate(watched, &mut log);
        }
        changes
    }

    /// Tracks that are alive.
    pub fn tracks(&self) -> &[Track] {
        self.tracker.tracks()
    }

    /// Closes what is open: the stream ended or begins anew. Tracks are forgotten, their numbers are not used again.
    pub fn finish(&mut self, at: Duration) -> Vec<IncidentChange> {
        self.now = self.now.max(at);
        self.tracker.forget();
        let mut changes = Vec::new();
        for watch in &mut self.rules {
            let mut log = Log {
                at: self.now,
                rule: watch.index,
                kind: watch.kind,
                ends: true,
                last_number: &mut self.last_number,
                changes: &mut changes,
            };
            watch.rule.evaluate([].iter(), &mut log);
        }
        changes
    }
}

fn find_duplicates<'a>(
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

fn resolve_classes(
    index: RuleIndex,
    rule: &RuleSettings,
    labels: &[String],
    errors: &mut Vec<SceneError>,
) -> Option<Vec<ClassId>> {
    let mut classes = Vec::new();
    for class in &rule.classes {
        let place = labels
            .iter()
            .position(|l| l == class)
            .and_then(|p| u16::try_from(p).ok());
        match place {
            Some(place) => classes.push(ClassId(place)),
            None => errors.push(SceneError::UnknownClass {
                rule: index,
                id: rule.id.clone(),
                class: class.clone(),
                known: list(labels.iter()),
            }),
        }
    }
    (!rule.classes.is_empty()).then_some(classes)
}

fn build_rule(
    index: RuleIndex,
    rule: &RuleSettings,
    settings: &SceneSettings,
) -> Result<Rule, SceneError> {
    let id = || rule.id.clone();
    let zone = |zone: &String| {
        let found = settings.zones.iter().find(|(name, _)| name == zone);
        found
            .map(|(_, polygon)| polygon.clone())
            .ok_or_else(|| SceneError::UnknownZone {
                rule: index,
                id: id(),
                zone: zone.clone(),
                known: list(settings.zones.iter().map(|(name, _)| name)),
            })
    };
    let line = |line: &String| {
        let found = settings.lines.iter().find(|(name, _)| name == line);
        found
            .map(|(_, line)| *line)
            .ok_or_else(|| SceneError::UnknownLine {
                rule: index,
                id: id(),
                line: line.clone(),
                known: list(settings.lines.iter().map(|(name, _)| name)),
            })
    };
    let built = match &rule.rule {
        RuleSpec::LineCrossing {
            line: name,
            direction,
            hysteresis,
        } => LineCrossing::new(line(name)?, *direction, *hysteresis).map(Rule::LineCrossing),
        RuleSpec::Intrusion {
            zone: name,
            min_duration,
        } => Intrusion::new(zone(name)?, *min_duration).map(Rule::Intrusion),
        RuleSpec::Loitering {
            zone: name,
            min_duration,
        } => Loitering::new(zone(name)?, *min_duration).map(Rule::Loitering),
        RuleSpec::Crowd {
            zone: name,
            min_count,
            min_duration,
        } => Crowd::new(zone(name)?, *min_count, *min_duration).map(Rule::Crowd),
        RuleSpec::Congestion {
            zone: name,
            min_count,
            max_speed,
            min_duration,
        } => Congestion::new(zone(name)?, *min_count, *max_speed, *min_duration)
            .map(Rule::Congestion),
        RuleSpec::WrongWay {
            zone: name,
            direction_degrees: degrees,
            tolerance_degrees: tolerance,
            min_distance,
        } => WrongWay::new(zone(name)?, *degrees, *tolerance, *min_distance).map(Rule::WrongWay),
        RuleSpec::StoppedVehicle {
            zone: name,
            min_duration,
        } => StoppedVehicle::new(zone(name)?, *min_duration).map(Rule::StoppedVehicle),
    };
    built.map_err(|problem| SceneError::Rule {
        rule: index,
        id: id(),
        problem,
    })
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

/// Labels that detectors confuse on one and the same object, frame by frame.
const CONFUSED: [&[&str]; 3] = [
    &[
        "car", "truck", "bus", "van", "lorry", "minibus", "pickup", "train",
    ],
    &["bicycle", "motorcycle", "motorbike", "scooter", "moped"],
    &["bag", "backpack", "handbag", "suitcase"],
];

/// Each class's group is the first class it may be confused with.
fn class_groups(labels: &[String]) -> ClassGroups {
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
