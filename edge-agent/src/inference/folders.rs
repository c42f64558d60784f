//! Where models lie: a folder with one folder a model, and folders with weights that do not lie in them. The agent,
//! `evaluate` and `models` look the same way, so that what one of them finds the others find, too.

use std::path::{Path, PathBuf};

use super::{
    manifest::FILE_NAME,
    model::{Model, ModelError},
    runtime::Runtime,
};

/// The model that is taken where nobody names one: the bundled one.
pub const BUNDLED: &str = "street-nano";

/// Where an installed agent has its models.
pub const SYSTEM: &str = "/usr/share/safecity/models";

/// Whether this can be the name of a model: it is the name of a folder, and must not lead out of its parent.
pub fn is_model_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    !name.is_empty() && !name.starts_with('.') && name.chars().all(plain)
}

/// Where models and their weights lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelFolders {
    /// One folder a model.
    pub models: PathBuf,
    /// Searched for weights that do not lie in their model's folder.
    pub weights: Vec<PathBuf>,
}

/// The same as somebody types it, with the library that runs the models.
#[derive(Debug, clap::Args)]
pub struct FolderArgs {
    /// The folder with one folder a model; found by itself in a checkout and on an installed agent
    #[arg(long, value_name = "DIR")]
    pub models: Option<PathBuf>,
    /// Where weights are looked for that do not lie beside their model.toml
    #[arg(long, value_name = "DIR")]
    pub weights: Vec<PathBuf>,
    /// The ONNX Runtime library; found by itself where it lies in a usual place
    #[arg(long, value_name = "FILE")]
    pub runtime: Option<PathBuf>,
}

impl FolderArgs {
    /// The folders that are meant.
    pub fn folders(&self) -> ModelFolders {
        ModelFolders::new(self.models.clone(), self.weights.clone())
    }
}

impl ModelFolders {
    /// The folders that somebody named. Without a name: the models of the checkout that the program was built in, else
    /// the system's, else `models` where the program runs, whichever has the bundled model first; and third-party
    /// weights beside a checkout, where developers keep them.
    pub fn new(models: Option<PathBuf>, weights: Vec<PathBuf>) -> ModelFolders {
        let models = models.unwrap_or_else(usual);
        let beside = models.join("../../shared/assets/models");
        let weights = match weights.is_empty() && beside.is_dir() {
            true => vec![beside],
            false => weights,
        };
        ModelFolders { models, weights }
    }

    /// Loads the model of this name.
    ///
    /// # Errors
    /// As [`Model::load`].
    pub fn load(&self, runtime: &Runtime, name: &str) -> Result<Model, ModelError> {
        Model::load(runtime, &self.models, name, &self.weights)
    }
}

fn usual() -> PathBuf {
    let program = std::env::current_exe().unwrap_or_default();
    let built = program.ancestors().skip(1).map(|dir| dir.join("models"));
    built
        .chain([PathBuf::from(SYSTEM), PathBuf::from("models")])
        .find(|models| has_bundled(models))
        .unwrap_or_else(|| PathBuf::from(SYSTEM))
}

fn has_bundled(models: &Path) -> bool {
    models.join(BUNDLED).join(FILE_NAME).is_file()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_finds_the_models_of_its_checkout_and_what_is_named_goes_before() {
        let usual = ModelFolders::new(None, Vec::new());
        let checkout = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models");
        assert_eq!(
            usual.models.canonicalize().expect("it is there"),
            checkout.canonicalize().expect("it is there")
        );
        let named = ModelFolders::new(Some("/a".into()), vec!["/b".into()]);
        assert_eq!(named.models, Path::new("/a"));
        assert_eq!(named.weights, [PathBuf::from("/b")]);
    }
}
