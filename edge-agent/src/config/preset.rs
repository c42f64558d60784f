//! Presets: what cameras of one kind have in common. A camera names one and says what is different.
//!
//! Those that ship stand in `config/presets/`; a file `presets/NAME.toml` beside the configuration goes before one of the same
//! name. A preset draws nothing: its rules name zones and lines, and watch as soon as the camera has drawn them.

use std::{collections::BTreeMap, fs, io, path::Path};

use super::{
    layers::parse,
    nearest::nearest,
    problem::{At, Problem, Source},
    raw::{RawCamera, RawPreset, RawRule},
    reader::{Field, FromToml as _},
    scene::list,
};

/// Those that ship, by name.
const SHIPPED: [(&str, &str); 7] = [
    ("bank", include_str!("../../../config/presets/bank.toml")),
    (
        "bazaar",
        include_str!("../../../config/presets/bazaar.toml"),
    ),
    (
        "construction-site",
        include_str!("../../../config/presets/construction-site.toml"),
    ),
    (
        "crossroads",
        include_str!("../../../config/presets/crossroads.toml"),
    ),
    (
        "motorway",
        include_str!("../../../config/presets/motorway.toml"),
    ),
    ("park", include_str!("../../../config/presets/park.toml")),
    (
        "school-gate",
        include_str!("../../../config/presets/school-gate.toml"),
    ),
];

/// Folder of an installation's own presets, beside its configuration.
const FOLDER: &str = "presets";

/// What stands for the file of a preset that ships.
fn shipped_path(name: &str) -> String {
    format!("preset {name}")
}

fn is_of_preset(file: &Path) -> bool {
    let folder = file.parent().and_then(Path::file_name);
    folder.is_some_and(|folder| folder == FOLDER) || file.to_string_lossy().starts_with("preset ")
}

/// Presets that cameras have named, each read once.
#[derive(Default)]
pub(super) struct Presets(BTreeMap<String, Option<RawPreset>>);

impl Presets {
    /// The camera over its preset, if it names one.
    pub(super) fn under(
        &mut self,
        camera: At<RawCamera>,
        dir: &Path,
        problems: &mut Vec<Problem>,
    ) -> At<RawCamera> {
        let Some(name) = camera.value.preset.given().cloned() else {
            return without_rules_if_faulty(camera);
        };
        let preset = self
            .0
            .entry(name.value.clone())
            .or_insert_with(|| read(&name, dir, problems));
        let below = preset.as_ref().and_then(|preset| preset.camera.given());
        match below {
            Some(below) => At {
                value: over(camera.value, below.value.clone()),
                place: camera.place,
            },
            None => without_rules(camera),
        }
    }
}

fn without_rules_if_faulty(camera: At<RawCamera>) -> At<RawCamera> {
    match camera.value.preset {
        Field::Faulty => without_rules(camera),
        _ => camera,
    }
}

/// What a preset that cannot be had leaves open in rules is no mistake of theirs.
fn without_rules(mut camera: At<RawCamera>) -> At<RawCamera> {
    camera.value.rules = Field::Faulty;
    camera
}

/// The preset of a name; `None` after a note.
fn read(name: &At<String>, dir: &Path, problems: &mut Vec<Problem>) -> Option<RawPreset> {
    let own = dir.join(FOLDER).join(format!("{}.toml", name.value));
    let is_name = name
        .value
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || "-_".contains(c));
    let source = if is_name && own.is_file() {
        match fs::read_to_string(&own) {
            Ok(text) => Source::new(&own, text),
            Err(e) => {
                problems.push(name.problem(format!("{}: {e}", own.display())));
                return None;
            }
        }
    } else if let Some((_, text)) = SHIPPED.iter().find(|(known, _)| *known == name.value) {
        Source::new(Path::new(&shipped_path(&name.value)), (*text).to_owned())
    } else {
        let known = SHIPPED.map(|(name, _)| name);
        let hint = match nearest(&name.value, known) {
            Some(meant) => format!("did you mean {meant:?}?"),
            None => format!(
                "allowed are {}, and files presets/NAME.toml beside the configuration",
                known.join(", ")
            ),
        };
        problems.push(name.problem(format!("{:?} is no preset, {hint}", name.value)));
        return None;
    };
    let preset: At<RawPreset> = parse(&source, problems)?;
    let raw = &preset.value;
    raw.about.required(&preset.place, "about", problems);
    let camera = raw.camera.required(&preset.place, "camera", problems)?;
    let typed = camera.value.typed().into_iter();
    for (key, place) in typed.filter(|(key, _)| OF_ONE_CAMERA.contains(key)) {
        problems.push(place.problem(format!("{key} is one camera's own and stands in no preset")));
    }
    Some(preset.value)
}

/// What says which camera it is stands with the camera.
const OF_ONE_CAMERA: [&str; 7] = [
    "id",
    "preset",
    "url",
    "substream",
    "user",
    "password_env",
    "password_file",
];

/// A camera over a preset: its keys go before the preset's, and of rules with the same name the keys of each.
fn over(mut camera: RawCamera, mut preset: RawCamera) -> RawCamera {
    let own = std::mem::replace(&mut camera.rules, Field::Absent);
    let below = std::mem::replace(&mut preset.rules, Field::Absent);
    RawCamera {
        rules: rules_over(own, below),
        ..camera.over(preset)
    }
}

/// The rules below in their order, each with what is said of it above; then those above that are not below.
pub(super) fn rules_over(
    own: Field<Vec<At<RawRule>>>,
    below: Field<Vec<At<RawRule>>>,
) -> Field<Vec<At<RawRule>>> {
    let (own, below) = match (own, below) {
        (Field::Given(own), Field::Given(below)) => (own, below),
        (own, below) => return own.over(below),
    };
    let id = |rule: &At<RawRule>| rule.id.given().map(|at| at.value.clone());
    let mut mine = own.value;
    let mut rules: Vec<At<RawRule>> = Vec::new();
    for rule in below.value {
        let place = mine
            .iter()
            .position(|one| id(one).is_some() && id(one) == id(&rule));
        rules.push(match place {
            Some(place) => {
                let one = mine.remove(place);
                At {
                    value: one.value.over(rule.value),
                    place: one.place,
                }
            }
            None => rule,
        });
    }
    rules.extend(mine);
    Field::Given(At {
        value: rules,
        place: own.place,
    })
}

/// Prints the presets that ship, with what their rules wait for.
///
/// # Errors
/// What the operating system says of `out`.
pub(super) fn list_shipped(out: &mut impl io::Write) -> io::Result<()> {
    for (name, text) in SHIPPED {
        let source = Source::new(Path::new(&shipped_path(name)), text.to_owned());
        let preset: Option<At<RawPreset>> = parse(&source, &mut Vec::new());
        let Some(preset) = preset else { continue };
        let about = preset.value.about.or(String::new());
        writeln!(out, "{name}: {about}")?;
        let Some(camera) = preset.value.camera.given() else {
            continue;
        };
        for rule in list(&camera.value.rules) {
            let needs = missing(&camera.value, rule).map(|what| format!(", needs {what}"));
            let text = |field: &Field<String>| field.or(String::new());
            writeln!(
                out,
                "  {:16} {}{}",
                text(&rule.id),
                text(&rule.kind),
                needs.unwrap_or_default()
            )?;
        }
    }
    Ok(())
}

/// Takes the rules out that were switched off, and those of the camera's preset that name what the camera has not drawn:
/// their names, with what is missing.
pub(super) fn take_idle(camera: &mut RawCamera) -> BTreeMap<String, String> {
    let mut idle = BTreeMap::new();
    let Field::Given(mut rules) = std::mem::replace(&mut camera.rules, Field::Absent) else {
        return idle;
    };
    rules.value.retain(|rule| {
        if !rule.enabled.or(true) {
            return false;
        }
        let missing = missing(camera, rule);
        let id = rule.id.given().map(|at| at.value.clone());
        let goes = missing.is_some();
        idle.extend(id.zip(missing));
        !goes
    });
    camera.rules = Field::Given(rules);
    idle
}

/// What a preset's rule names and the camera does not have.
fn missing(camera: &RawCamera, rule: &RawRule) -> Option<String> {
    // What the camera itself has typed is checked like everything else.
    let of_preset = |at: &At<String>| is_of_preset(&at.place.file);
    let drawn = |ids: Vec<&At<String>>, name: &str| ids.iter().any(|id| id.value == name);
    let zones = list(&camera.zones).iter();
    let lines = list(&camera.lines).iter();
    let zones = zones.filter_map(|zone| zone.id.given()).collect();
    let lines = lines.filter_map(|line| line.id.given()).collect();
    if let Some(zone) = rule.zone.given().filter(|at| of_preset(at))
        && !drawn(zones, &zone.value)
    {
        return Some(format!("zone {:?}", zone.value));
    }
    if let Some(line) = rule.line.given().filter(|at| of_preset(at))
        && !drawn(lines, &line.value)
    {
        return Some(format!("line {:?}", line.value));
    }
    let kind = rule.kind.given().filter(|at| of_preset(at))?;
    if kind.value == "speeding" && camera.calibration.is_absent() {
        return Some("a calibration".to_owned());
    }
    let scheduled = rule.schedule.given().is_some();
    (scheduled && camera.time_zone.is_absent()).then(|| "a time_zone".to_owned())
}
