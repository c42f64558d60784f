//! The catalogue: what publishers offer, and what becomes a `model.toml`.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use serde::Deserialize;
use toml::Table;

use super::{
    address::{self, Bases},
    sheet::Sheet,
};
use crate::inference::{
    folders::is_model_name,
    manifest::{FILE_NAME, Manifest},
};

/// The catalogue that is compiled in, and the files that it names.
const BUNDLED: &str = include_str!("../../../models/catalogue.toml");
const BUNDLED_FILES: [(&str, &str); 1] =
    [("coco80.txt", include_str!("../../../models/coco80.txt"))];

/// Models that can be fetched.
#[derive(Clone, Debug)]
pub struct Catalogue {
    /// In the order of the file.
    pub entries: Vec<Entry>,
}

/// A model that can be fetched.
#[derive(Clone, Debug)]
pub struct Entry {
    /// What it is. Its path is that of a folder that need not be there.
    pub manifest: Manifest,
    /// The `model.toml` that says the same.
    pub text: String,
    /// The publisher's key in the catalogue.
    pub publisher: String,
    /// The publisher for people.
    pub publisher_title: String,
    /// Begin of the publisher's addresses.
    base: String,
    /// Path of the file, after the base.
    path: String,
    /// Bytes of the weights.
    pub size: u64,
}

/// A catalogue that cannot be used. Names the file.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {problems}", path = path.display(), problems = problems.join("; "))]
pub struct CatalogueError {
    /// The file.
    pub path: PathBuf,
    /// All that is wrong.
    pub problems: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCatalogue {
    publishers: BTreeMap<String, RawPublisher>,
    models: Vec<RawEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPublisher {
    title: String,
    base: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawEntry {
    name: String,
    title: String,
    licence: String,
    publisher: String,
    path: String,
    size: u64,
    sha256: String,
    file: Option<String>,
    labels: Option<Vec<String>>,
    labels_file: Option<String>,
    input: Table,
    decoder: Table,
}

impl Catalogue {
    /// The one in a file, else the one that is compiled in.
    ///
    /// # Errors
    /// With everything that is wrong in the file.
    pub fn load(named: Option<&Path>) -> Result<Catalogue, CatalogueError> {
        let Some(path) = named else {
            return Catalogue::bundled();
        };
        let folder = path.parent().unwrap_or(Path::new(""));
        let refused = |why: std::io::Error| CatalogueError {
            path: path.to_owned(),
            problems: vec![why.to_string()],
        };
        let text = fs::read_to_string(path).map_err(refused)?;
        let beside = |name: &str| fs::read_to_string(folder.join(name)).map_err(|e| e.to_string());
        parse(path, &text, &beside)
    }

    /// The one that is compiled in.
    ///
    /// # Errors
    /// As [`Catalogue::load`]; a test keeps it from happening.
    pub fn bundled() -> Result<Catalogue, CatalogueError> {
        let compiled_in = |name: &str| {
            let file = BUNDLED_FILES.iter().find(|(file, _)| *file == name);
            file.map(|(_, text)| (*text).to_owned())
                .ok_or_else(|| "is not compiled in".to_owned())
        };
        parse(Path::new("models/catalogue.toml"), BUNDLED, &compiled_in)
    }

    /// The entry of this name.
    pub fn get(&self, name: &str) -> Option<&Entry> {
        self.entries.iter().find(|e| e.manifest.name == name)
    }
}

impl Entry {
    /// Where the file is.
    pub fn address(&self, bases: &Bases) -> String {
        address::join(bases.base(&self.publisher, &self.base), &self.path)
    }
}

type ReadBeside<'r> = &'r dyn Fn(&str) -> Result<String, String>;

fn parse(path: &Path, text: &str, beside: ReadBeside<'_>) -> Result<Catalogue, CatalogueError> {
    let refuse = |problems| CatalogueError {
        path: path.to_owned(),
        problems,
    };
    let raw: RawCatalogue =
        toml::from_str(text).map_err(|e| refuse(vec![e.to_string().trim_end().to_owned()]))?;
    let mut problems = Vec::new();
    for (key, publisher) in &raw.publishers {
        if let Err(why) = address::check(&publisher.base) {
            problems.push(format!("publishers.{key}.base: {why}"));
        }
    }
    let mut names = BTreeSet::new();
    let mut entries = Vec::new();
    for model in &raw.models {
        if !names.insert(&model.name) {
            problems.push(format!("model {}: is there twice", model.name));
        }
        match entry(model, &raw.publishers, beside) {
            Ok(entry) => entries.push(entry),
            Err(why) => problems.push(format!("model {}: {why}", model.name)),
        }
    }
    match problems.is_empty() {
        true => Ok(Catalogue { entries }),
        false => Err(refuse(problems)),
    }
}

fn entry(
    raw: &RawEntry,
    publishers: &BTreeMap<String, RawPublisher>,
    beside: ReadBeside<'_>,
) -> Result<Entry, String> {
    let publisher = publishers
        .get(&raw.publisher)
        .ok_or_else(|| format!("publisher {:?} is not in [publishers]", raw.publisher))?;
    if !is_model_name(&raw.name) {
        return Err("name: letters, digits, '-', '_' and '.' are allowed".to_owned());
    }
    if raw.size == 0 {
        return Err("size: expected the bytes of the weights".to_owned());
    }
    let last = raw.path.rsplit('/').next().unwrap_or_default();
    let whole = !raw.path.starts_with('/') && !last.is_empty();
    if !whole || raw.path.split('/').any(|part| part == "..") {
        return Err("path: expected the path of a file below the publisher's base".to_owned());
    }
    let file = raw.file.as_deref().unwrap_or(last);
    let labels = match (&raw.labels, &raw.labels_file) {
        (Some(labels), None) => labels.clone(),
        (None, Some(name)) => {
            let text = beside(name).map_err(|why| format!("labels_file {name}: {why}"))?;
            text.lines().map(|line| line.trim().to_owned()).collect()
        }
        _ => return Err("expected either labels or labels_file".to_owned()),
    };
    let text = Sheet {
        name: &raw.name,
        title: &raw.title,
        licence: &raw.licence,
        source: &format!("{}, {}", publisher.title, raw.path),
        file,
        sha256: &raw.sha256,
        labels: &labels,
        input: &raw.input,
        decoder: &raw.decoder,
    }
    .text();
    let path = Path::new(&raw.name).join(FILE_NAME);
    let manifest = Manifest::parse(path, &text).map_err(|e| e.to_string())?;
    Ok(Entry {
        manifest,
        text,
        publisher: raw.publisher.clone(),
        publisher_title: publisher.title.clone(),
        base: publisher.base.clone(),
        path: raw.path.clone(),
        size: raw.size,
    })
}

#[cfg(test)]
#[path = "entry_tests.rs"]
mod tests;
