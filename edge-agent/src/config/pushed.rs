//! What a centre has pushed: a layer over the cameras of the node's own files, for what cameras watch for and how.
//!
//! Where pictures come from, who may log in, what is kept and what pictures show to nobody is the node's own.

use std::path::Path;

use protocol::Name;

use super::{
    layers::parse,
    preset::rules_over,
    problem::{At, Problem, Source},
    raw::{RawCamera, RawCameraFile},
    reader::{Field, FromToml as _},
};

/// What stands for the file in messages.
const NAME: &str = "pushed configuration";

/// Keys of a camera that can be pushed.
const KEYS: [&str; 18] = [
    "id",
    "preset",
    "model",
    "min_score",
    "tiles",
    "analysis_fps",
    "analysis_fps_floor",
    "priority",
    "gate",
    "motion_masks",
    "zones",
    "lines",
    "rules",
    "cascades",
    "looks",
    "likeness",
    "calibration",
    "time_zone",
];

/// What was pushed, as text of camera tables.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pushed {
    /// What stays.
    pub good: Option<String>,
    /// What is being tried in its place.
    pub trial: Option<Trial>,
}

/// A push that is being tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trial {
    /// What was pushed.
    pub document: String,
    /// The camera that goes by it; all of them without one.
    pub only: Option<Name>,
}

/// The same as it was read.
pub(super) struct Over {
    good: Vec<At<RawCamera>>,
    trial: Option<(Vec<At<RawCamera>>, Option<Name>)>,
}

impl Over {
    /// Reads what was pushed for the cameras of these names.
    pub(super) fn read(pushed: &Pushed, known: &[String], problems: &mut Vec<Problem>) -> Over {
        let mut read = |text: &String| tables(text, known, problems);
        Over {
            good: pushed.good.as_ref().map(&mut read).unwrap_or_default(),
            trial: (pushed.trial.as_ref()).map(|trial| (read(&trial.document), trial.only.clone())),
        }
    }

    /// The camera under what was pushed for it.
    pub(super) fn over(&self, mut camera: At<RawCamera>) -> At<RawCamera> {
        let id = camera.value.id.given().map(|at| at.value.clone());
        let tried = self.trial.as_ref().filter(|(_, only)| {
            (only.as_ref()).is_none_or(|only| Some(only.as_str()) == id.as_deref())
        });
        let tables = tried.map_or(&self.good, |(tables, _)| tables);
        let same = |table: &&At<RawCamera>| {
            id.is_some() && table.value.id.given().map(|at| &at.value) == id.as_ref()
        };
        if let Some(table) = tables.iter().find(same) {
            let mut pushed = table.value.clone();
            let own = std::mem::replace(&mut pushed.rules, Field::Absent);
            let below = std::mem::replace(&mut camera.value.rules, Field::Absent);
            camera.value = RawCamera {
                rules: rules_over(own, below),
                ..pushed.over(camera.value)
            };
        }
        camera
    }
}

fn tables(text: &str, known: &[String], problems: &mut Vec<Problem>) -> Vec<At<RawCamera>> {
    let source = Source::new(Path::new(NAME), text.to_owned());
    let file: Option<At<RawCameraFile>> = parse(&source, problems);
    let tables = match file.map(|file| file.value.cameras) {
        Some(Field::Given(list)) => list.value,
        _ => Vec::new(),
    };
    let mut seen: Vec<&String> = Vec::new();
    for table in &tables {
        match table.value.id.given() {
            None => problems.push(table.place.problem("id is missing: which camera is meant?")),
            Some(id) if !known.contains(&id.value) => {
                let text = format!(
                    "the node has no camera {:?}, but {}",
                    id.value,
                    known.join(", ")
                );
                problems.push(id.problem(text));
            }
            Some(id) if seen.contains(&&id.value) => {
                problems.push(id.problem(format!("{:?} is here twice", id.value)));
            }
            Some(id) => seen.push(&id.value),
        }
        let typed = table.value.typed().into_iter();
        for (_, place) in typed.filter(|(key, _)| !KEYS.contains(key)) {
            problems.push(place.problem("is not pushed: it stands in the node's own files"));
        }
    }
    tables
}
