//! Whether models are what their manifests say: hash first, then inputs and outputs by opening them.

use std::{fmt::Write as _, fs::File, path::Path};

use super::{
    entry::Catalogue,
    install::{InstallError, Presence, look, names},
};
use crate::inference::{
    folders::ModelFolders,
    manifest::{Manifest, sha256_hex_of},
    model::Model,
    runtime::{Runtime, RuntimeError},
};

/// What was found out.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Verdict {
    /// A line a model.
    pub(super) text: String,
    /// Models that must not be used as they are, or that were asked for and are not here.
    pub(super) bad: usize,
}

/// Looks at the models of these names, or at all whose weights are here.
pub(super) fn verify(
    asked: &[String],
    folders: &ModelFolders,
    catalogue: &Catalogue,
    runtime: &Result<Runtime, RuntimeError>,
) -> Result<Verdict, InstallError> {
    let mut verdict = Verdict::default();
    let all = match asked.is_empty() {
        true => names(folders)?,
        false => asked.to_vec(),
    };
    if all.is_empty() {
        let models = folders.models.display();
        verdict.line(format_args!("no model is in {models}"));
    }
    for name in &all {
        match one(name, folders, catalogue, runtime) {
            Ok(good) => verdict.line(format_args!("ok        {name}  {good}")),
            Err(Wrong::NoWeights(why)) if asked.is_empty() => {
                verdict.line(format_args!("-         {name}  {why}"));
            }
            Err(Wrong::NoWeights(why)) => verdict.wrong("missing", name, &why),
            Err(Wrong::Damaged(why)) => verdict.wrong("damaged", name, &why),
            Err(Wrong::Refused(why)) => verdict.wrong("refused", name, &why),
        }
    }
    if let Err(e) = runtime {
        verdict.line(format_args!(
            "hashes only, inputs and outputs were not checked: {e}"
        ));
    }
    Ok(verdict)
}

impl Verdict {
    fn line(&mut self, text: std::fmt::Arguments<'_>) {
        writeln!(self.text, "{text}").expect("a string takes all");
    }

    fn wrong(&mut self, how: &str, name: &str, why: &str) {
        self.bad += 1;
        self.line(format_args!("{how:<8}  {name}  {why}"));
    }
}

/// What is wrong with a model, and what to do.
enum Wrong {
    NoWeights(String),
    Damaged(String),
    Refused(String),
}

fn one(
    name: &str,
    folders: &ModelFolders,
    catalogue: &Catalogue,
    runtime: &Result<Runtime, RuntimeError>,
) -> Result<String, Wrong> {
    let how = remedy(name, catalogue);
    let (manifest, weights) = match look(folders, name) {
        Presence::Here(manifest, weights) => (manifest, weights),
        Presence::NoWeights(manifest) => {
            let file = manifest.file.display();
            return Err(Wrong::NoWeights(format!(
                "its weights {file} are not here; {how}"
            )));
        }
        Presence::Absent => return Err(Wrong::NoWeights(format!("is not here; {how}"))),
        Presence::Faulty(e) => return Err(Wrong::Refused(e.to_string())),
    };
    let shown = weights.display();
    let found = hash(&weights).map_err(|e| Wrong::Damaged(format!("{shown}: {e}")))?;
    if found != manifest.sha256 {
        let expected = &manifest.sha256;
        let text = format!("{shown}: sha256 is {found}, expected {expected}; {how}");
        return Err(Wrong::Damaged(text));
    }
    if let Ok(runtime) = runtime {
        open(runtime, &manifest, folders)?;
    }
    let (licence, classes) = (&manifest.licence, manifest.labels.len());
    Ok(format!("{licence}  {classes} classes  sha256:{found}"))
}

fn hash(path: &Path) -> std::io::Result<String> {
    sha256_hex_of(File::open(path)?)
}

fn open(runtime: &Runtime, manifest: &Manifest, folders: &ModelFolders) -> Result<(), Wrong> {
    match Model::open(runtime, manifest, &folders.weights) {
        Ok(_) => Ok(()),
        Err(e) => Err(Wrong::Refused(e.to_string())),
    }
}

/// What to do about weights that are not here, or not whole.
fn remedy(name: &str, catalogue: &Catalogue) -> String {
    match catalogue.get(name) {
        Some(_) => format!("get them by: edge-agent models fetch {name}"),
        None => "put the file there from where it came".to_owned(),
    }
}
