//! The layers of a configuration as they were typed, laid over each other: the files of the node, over each camera what was pushed
//! for it, and under it its preset. Every value still knows its place.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};
use toml::de::{DeTable, DeValue};

use super::{
    camera,
    check::hex,
    explain::Line,
    look,
    migrate::{self, Moved},
    preset::{self, Presets},
    problem::{At, ConfigErrors, Problem, Source},
    pushed::{Over, Pushed},
    raw::{RawCamera, RawCameraFile, RawFile, RawRule},
    reader::{Field, FromToml, Node},
    rule,
    scene::list,
};

/// Names of rules that a preset has and the camera has not drawn anything for, with what is missing.
pub(super) type Idle = BTreeMap<String, String>;

/// What was typed, before it is checked.
pub(super) struct Layers {
    /// Relative paths begin here.
    pub(super) dir: PathBuf,
    /// The main file; its cameras have moved to `cameras`.
    pub(super) file: Option<At<RawFile>>,
    /// All cameras, over their presets.
    pub(super) cameras: Vec<At<RawCamera>>,
    /// Rules of presets that wait for something, by camera.
    pub(super) idle: BTreeMap<String, Idle>,
    /// What each camera was told of its picture and its rules, those that are idle included.
    pub(super) drawn: BTreeMap<String, toml::Table>,
    /// Keys of an earlier form, which were read as what they are called now.
    pub(super) moved: Vec<Moved>,
    /// What is wrong so far.
    pub(super) problems: Vec<Problem>,
}

impl Layers {
    /// Reads `path` and the files of `cameras.d/` beside it, under what was pushed.
    pub(super) fn read(path: &Path, pushed: &Pushed) -> Result<Layers, ConfigErrors> {
        let dir = path.parent().unwrap_or(Path::new("")).to_owned();
        let main = read(path)?;
        let extra = camera_files(&dir.join("cameras.d"))?;
        let extra = extra.iter().map(|path| read(path));
        let extra = extra.collect::<Result<Vec<Source>, ConfigErrors>>()?;
        Ok(Layers::of(dir, main, extra, pushed))
    }

    /// Of texts that were read.
    pub(super) fn of(dir: PathBuf, main: Source, extra: Vec<Source>, pushed: &Pushed) -> Layers {
        let (mut problems, mut moved) = (Vec::new(), Vec::new());
        let mut now = |source: Source| {
            let (text, here) = migrate::migrated(&source);
            moved.extend(here);
            Source::new(&source.path, text)
        };
        let main = now(main);
        let extra: Vec<Source> = extra.into_iter().map(now).collect();
        let mut file: Option<At<RawFile>> = parse(&main, &mut problems);
        let in_main = file.as_mut().map(|file| take(&mut file.value.cameras));
        let in_extra = extra.iter().flat_map(|source| {
            let file: Option<At<RawCameraFile>> = parse(source, &mut problems);
            file.map(|mut file| take(&mut file.value.cameras))
                .unwrap_or_default()
        });
        let typed: Vec<_> = in_main.into_iter().flatten().chain(in_extra).collect();
        let known = typed
            .iter()
            .filter_map(|camera| Some(camera.value.id.given()?.value.clone()));
        let over = Over::read(pushed, &known.collect::<Vec<String>>(), &mut problems);
        let mut presets = Presets::default();
        let (mut idle, mut drawn) = (BTreeMap::new(), BTreeMap::new());
        let cameras = typed.into_iter().map(|camera| {
            let camera = over.over(camera);
            let mut camera = presets.under(camera, &dir, &mut problems);
            let all = camera::kept(&camera.value);
            let waiting = preset::take_idle(&mut camera.value);
            if let Some(id) = camera.value.id.given() {
                idle.insert(id.value.clone(), waiting);
                drawn.insert(id.value.clone(), all);
            }
            camera
        });
        Layers {
            cameras: cameras.collect(),
            dir,
            file,
            idle,
            drawn,
            moved,
            problems,
        }
    }

    /// `sha256:` and the hash of what is in force, whatever comments and the order of keys and files of cameras.
    pub(super) fn revision(&self) -> String {
        let mut hash = Sha256::new();
        let file = self.file.iter().map(|file| file.value.to_toml());
        let cameras = self.cameras.iter().map(|camera| camera.value.to_toml());
        file.chain(cameras)
            .for_each(|table| hash.update(table.to_string()));
        format!("sha256:{}", hex(&hash.finalize()))
    }

    /// Every value that is in force, with its place.
    pub(super) fn explain(&self) -> Vec<Line> {
        let mut told = Vec::new();
        if let Some(file) = &self.file {
            file.value.explain("", &file.place, &mut told);
        }
        for camera in &self.cameras {
            let id = camera.value.id.given().map_or("", |at| at.value.as_str());
            let key = format!("cameras[{id}]");
            camera.value.explain(&key, &camera.place, &mut told);
            for rule in list(&camera.value.rules) {
                explain_kind(&key, &rule.value, &mut told);
            }
        }
        told
    }
}

/// Tells what of the keys that its kind has holds where a rule says nothing.
fn explain_kind(camera: &str, raw: &RawRule, told: &mut Vec<Line>) {
    let kind = raw.kind.given().and_then(|kind| rule::kind(&kind.value));
    let (Some(kind), Some(id)) = (kind, raw.id.given()) else {
        return;
    };
    let typed = raw.to_toml();
    let keys = rule::keys(look::keyed_as(kind, raw));
    let numbers = (keys.numbers.iter())
        .filter_map(|number| Some((number.key, toml::Value::from(number.default?))));
    let texts = (keys.texts.iter()).filter_map(|text| Some((text.key, text.default?.into())));
    for (key, default) in numbers.chain(texts) {
        if typed.get(key).is_none() {
            let key = format!("{camera}.rules[{}].{key}", id.value);
            told.push(Line::usual(&key, default.to_string()));
        }
    }
}

/// The list; what was refused, or is not there, is an empty one.
fn take(field: &mut Field<Vec<At<RawCamera>>>) -> Vec<At<RawCamera>> {
    match field {
        Field::Given(list) => std::mem::take(&mut list.value),
        Field::Absent | Field::Faulty => Vec::new(),
    }
}

fn read(path: &Path) -> Result<Source, ConfigErrors> {
    let text = fs::read_to_string(path).map_err(|why| ConfigErrors::Unreadable {
        path: path.to_owned(),
        why,
    })?;
    Ok(Source::new(path, text))
}

/// The files `*.toml` of `dir` in the order of their names; none if there is no such folder.
pub(super) fn camera_files(dir: &Path) -> Result<Vec<PathBuf>, ConfigErrors> {
    let unreadable = |why| ConfigErrors::Unreadable {
        path: dir.to_owned(),
        why,
    };
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(unreadable(e)),
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(unreadable)?.path();
        if path.extension().is_some_and(|e| e == "toml") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// The raw table in `source`; `None` after a note of each place where it is no TOML.
pub(super) fn parse<T: FromToml>(source: &Source, problems: &mut Vec<Problem>) -> Option<At<T>> {
    let (table, errors) = DeTable::parse_recoverable(&source.text);
    if !errors.is_empty() {
        let noted = errors.iter().map(|e| {
            let at = e.span().map_or(0, |span| span.start);
            let hint = match e.message() {
                said if said.starts_with("invalid boolean") => ". Text stands in quotes",
                _ => "",
            };
            source
                .place(at, "")
                .problem(format!("no valid TOML: {}{hint}", e.message()))
        });
        problems.extend(noted);
        return None;
    }
    let span = table.span();
    let value = DeValue::Table(table.into_inner());
    let noted = RefCell::new(Vec::new());
    let node = Node {
        source,
        problems: &noted,
        value: &value,
        span,
        key: String::new(),
    };
    let read = T::from_toml(&node).map(|value| At {
        value,
        place: node.place(),
    });
    problems.extend(noted.into_inner());
    read
}
