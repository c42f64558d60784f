//! Taking in a model of one's own: nothing is put in place that the agent could not use.

use std::{
    fs,
    path::{Path, PathBuf},
};

use toml::{Table, Value};

use super::{
    download::LFS_POINTER,
    entry::Catalogue,
    install::{InstallError, swap, write_whole},
    sheet::Sheet,
};
use crate::inference::{
    folders::{ModelFolders, is_model_name},
    manifest::{FILE_NAME, Manifest, sha256_hex},
    model::Model,
    runtime::Runtime,
};

/// What is taken in, and what is said about it.
#[derive(Debug, clap::Args)]
pub struct ImportOrder {
    /// The model (ONNX)
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Its name for cameras: letters, digits, '-', '_' and '.'
    #[arg(long, value_name = "NAME")]
    pub name: String,
    /// A model.toml that says how its input is laid out and its outputs are read; name, file and sha256 may be left out
    #[arg(long, value_name = "FILE", required_unless_present = "like")]
    pub manifest: Option<PathBuf>,
    /// A model here or in the catalogue that has the same input and outputs
    #[arg(long, value_name = "NAME", conflicts_with = "manifest")]
    pub like: Option<String>,
    /// Its classes, one a line, if they are others than the manifest's
    #[arg(long, value_name = "FILE")]
    pub labels: Option<PathBuf>,
    /// Width and height of its input, if they are others than the manifest's
    #[arg(long, value_name = "WIDTHxHEIGHT", value_parser = parse_size)]
    pub size: Option<(u32, u32)>,
    /// Its licence (SPDX); needed with --like
    #[arg(long, value_name = "LICENCE")]
    pub licence: Option<String>,
    /// One line about it
    #[arg(long, value_name = "TEXT")]
    pub title: Option<String>,
    /// Write over a model of this name
    #[arg(long)]
    pub replace: bool,
}

fn parse_size(text: &str) -> Result<(u32, u32), String> {
    let sides = text.split_once('x');
    let sides = sides.and_then(|(w, h)| Some((w.parse().ok()?, h.parse().ok()?)));
    sides.ok_or_else(|| "expected WIDTHxHEIGHT, as in 640x640".to_owned())
}

/// Why a model was not taken in; nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// A file cannot be read or written.
    #[error(transparent)]
    Disk(#[from] InstallError),
    /// What was said about it makes no sense.
    #[error("{place}: {why}")]
    Unclear {
        /// The file or flag.
        place: String,
        /// What is wrong.
        why: String,
    },
    /// It is not a model that the agent can use as described.
    #[error("{file} is not taken in: {why}", file = file.display())]
    Unusable {
        /// The model.
        file: PathBuf,
        /// What is wrong.
        why: String,
    },
}

fn unclear(place: impl Into<String>, why: impl Into<String>) -> ImportError {
    ImportError::Unclear {
        place: place.into(),
        why: why.into(),
    }
}

/// Takes a model in: opens it, runs it on an empty picture, and puts it into its folder with a `model.toml`.
///
/// # Errors
/// As [`ImportError`] says.
pub fn import(
    order: &ImportOrder,
    catalogue: &Catalogue,
    folders: &ModelFolders,
    runtime: &Runtime,
) -> Result<Manifest, ImportError> {
    if !is_model_name(&order.name) {
        let why = "letters, digits, '-', '_' and '.' are allowed, the first not a '.'";
        return Err(unclear("--name", why));
    }
    let folder = folders.models.join(&order.name);
    let taken = folder.join(FILE_NAME).is_file();
    if taken && !order.replace {
        let why = "a model of this name is here; --replace writes over it";
        return Err(unclear(folder.display().to_string(), why));
    }
    let bytes = fs::read(&order.file).map_err(InstallError::at(&order.file))?;
    let unusable = |why: String| ImportError::Unusable {
        file: order.file.clone(),
        why,
    };
    if bytes.starts_with(LFS_POINTER) {
        return Err(unusable(
            "it is a Git LFS pointer, not the file itself: `git lfs pull` gets that".into(),
        ));
    }
    let text = describe(order, catalogue, folders, &bytes)?;
    let stage = folders.models.join(format!(".{}.new", order.name));
    let staged = put_up(order, &stage, &text, &bytes).and_then(|()| {
        // Where it stands for the moment is nobody's concern.
        let plain = |why: String| unusable(why.replace(&format!("{}/", stage.display()), ""));
        let manifest = Manifest::load(&stage).map_err(|e| plain(e.to_string()))?;
        Model::open(runtime, &manifest, &[]).map_err(|e| plain(e.to_string()))?;
        swap(&stage, &folder).map_err(|e| InstallError::at(&folder)(e).into())
    });
    if let Err(e) = staged {
        // What went wrong first is what is told.
        drop(fs::remove_dir_all(&stage));
        return Err(e);
    }
    Manifest::load(&folder).map_err(|e| unusable(e.to_string()))
}

/// The text of its `model.toml`.
fn describe(
    order: &ImportOrder,
    catalogue: &Catalogue,
    folders: &ModelFolders,
    bytes: &[u8],
) -> Result<String, ImportError> {
    let (place, table) = pattern(order, catalogue, folders)?;
    let given = |key: &str| table.get(key).and_then(Value::as_str);
    let section = |key: &str| {
        let table = table.get(key).and_then(Value::as_table).cloned();
        table.ok_or_else(|| unclear(&*place, format!("lacks the table [{key}]")))
    };
    let (mut input, decoder) = (section("input")?, section("decoder")?);
    if let Some((w, h)) = order.size {
        let sides = [w, h].map(|side| Value::Integer(side.into()));
        input.insert("size".to_owned(), Value::Array(sides.to_vec()));
    }
    let own_licence = given("licence").filter(|_| order.like.is_none());
    let licence = order.licence.as_deref().or(own_licence).ok_or_else(|| {
        unclear(
            "--licence",
            "say under which licence the model is, as an SPDX name; \"proprietary\" is one, too",
        )
    })?;
    let labels = labels(order, &place, &table)?;
    let file = order.file.file_name().unwrap_or_default().to_string_lossy();
    let own_title = given("title").filter(|_| order.like.is_none());
    Ok(Sheet {
        name: &order.name,
        title: order.title.as_deref().or(own_title).unwrap_or(&order.name),
        licence,
        source: &format!("imported from {}", order.file.display()),
        file: &file,
        sha256: &sha256_hex(bytes),
        labels: &labels,
        input: &input,
        decoder: &decoder,
    }
    .text())
}

/// The manifest that the new one is made after, and its file.
fn pattern(
    order: &ImportOrder,
    catalogue: &Catalogue,
    folders: &ModelFolders,
) -> Result<(String, Table), ImportError> {
    let like = order.like.as_deref().unwrap_or_default();
    let here = folders.models.join(like).join(FILE_NAME);
    let (path, text) = match (&order.manifest, catalogue.get(like)) {
        (Some(path), _) => (path.clone(), read(path)?),
        (None, _) if is_model_name(like) && here.is_file() => (here.clone(), read(&here)?),
        (None, Some(entry)) => (entry.manifest.path.clone(), entry.text.clone()),
        (None, None) => {
            return Err(unclear(
                "--like",
                format!("there is no model {like:?} here or in the catalogue"),
            ));
        }
    };
    let place = path.display().to_string();
    match text.parse() {
        Ok(table) => Ok((place, table)),
        Err(e) => Err(unclear(place, e.to_string().trim_end())),
    }
}

fn labels(order: &ImportOrder, place: &str, table: &Table) -> Result<Vec<String>, ImportError> {
    let lines = |path: &Path| -> Result<Vec<String>, ImportError> {
        Ok(read(path)?
            .lines()
            .map(|line| line.trim().to_owned())
            .collect())
    };
    if let Some(path) = &order.labels {
        return lines(path);
    }
    if let Some(file) = table.get("labels_file").and_then(Value::as_str) {
        let folder = Path::new(place).parent().unwrap_or(Path::new(""));
        return lines(&folder.join(file));
    }
    let labels = table.get("labels").and_then(Value::as_array);
    let texts = labels.and_then(|all| all.iter().map(|l| Some(l.as_str()?.to_owned())).collect());
    texts.ok_or_else(|| unclear(place, "lacks labels; --labels names a file with one a line"))
}

fn read(path: &Path) -> Result<String, ImportError> {
    Ok(fs::read_to_string(path).map_err(InstallError::at(path))?)
}

/// Puts both files into a folder of their own.
fn put_up(order: &ImportOrder, stage: &Path, text: &str, bytes: &[u8]) -> Result<(), ImportError> {
    let at_stage = InstallError::at;
    // Left by a run that was cut off.
    drop(fs::remove_dir_all(stage));
    fs::create_dir_all(stage).map_err(at_stage(stage))?;
    let weights = stage.join(order.file.file_name().unwrap_or_default());
    write_whole(&weights, bytes).map_err(at_stage(&weights))?;
    let manifest = stage.join(FILE_NAME);
    write_whole(&manifest, text.as_bytes()).map_err(at_stage(&manifest))?;
    Ok(())
}
