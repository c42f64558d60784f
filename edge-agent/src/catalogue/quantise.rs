//! Eight bits: a model whose convolutions work on whole numbers, put beside the one that it came from.
//!
//! The arithmetic on the model is a Python tool's (`models/quantise/quantise.py`, compiled in); what it is calibrated on
//! comes from the agent's own decoder and preprocessor. A model that loses more than a point of F1 is not put in place:
//! until then everything lies in a folder of its own, which goes on every way out.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, bail, ensure};
use toml::{Table, Value};

use super::{
    calibration,
    install::{InstallError, swap, write_whole},
    sheet::Sheet,
    worth::{Worth, compare},
};
use crate::inference::{
    folders::{ModelFolders, is_model_name},
    manifest::{FILE_NAME, Manifest, sha256_hex},
    runtime::Runtime,
};

/// The tool.
const TOOL: &str = include_str!("../../../models/quantise/quantise.py");

/// The environment variable that names the Python interpreter.
const PYTHON: &str = "SAFECITY_PYTHON";

/// What the tool exits with where a package is missing.
const PACKAGE_MISSING: i32 = 3;

/// What is to be made of which model.
#[derive(Debug, clap::Args)]
pub struct QuantiseOrder {
    /// A model that is here
    #[arg(value_name = "MODEL")]
    pub model: String,
    /// Clips of streets like those that it will see: the ranges of its values are measured on them
    #[arg(long, required = true, num_args = 1.., value_name = "CLIP")]
    pub calibrate: Vec<PathBuf>,
    /// Case folders that both models are scored on, as `evaluate` takes them; those beside a checkout by default
    #[arg(long, num_args = 1.., value_name = "DIR")]
    pub cases: Vec<PathBuf>,
    /// What an integrator would set for each case's camera, as `evaluate` takes it
    #[arg(long, value_name = "FILE")]
    pub camera_settings: Option<PathBuf>,
    /// Name of the new model; MODEL-int8 by default
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// The folder that the new model's folder is put into; the folder of models by default
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Pictures that are taken out of the clips
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub pictures: usize,
    /// A Python with the packages of models/quantise/requirements.txt; else SAFECITY_PYTHON, else python3
    #[arg(long, value_name = "FILE")]
    pub python: Option<PathBuf>,
    /// Write over a model of the new name
    #[arg(long)]
    pub replace: bool,
}

/// What came of it.
#[derive(Debug)]
pub(super) struct Quantised {
    /// Both models' figures, and what was done.
    pub(super) text: String,
    /// Whether it was put in place.
    pub(super) installed: bool,
}

/// A folder that goes with everything in it, unless it was given its place.
struct Stage(PathBuf);

impl Drop for Stage {
    fn drop(&mut self) {
        // Gone already where it was given its place.
        drop(fs::remove_dir_all(&self.0));
    }
}

/// Makes the model, scores it beside the one it came from, and puts it in place if it sees as much.
///
/// # Errors
/// Where a file, the tool or a case fails; nothing is left behind then.
pub(super) fn quantise(
    order: &QuantiseOrder,
    folders: &ModelFolders,
    runtime: &Runtime,
) -> anyhow::Result<Quantised> {
    let manifest = Manifest::load(&folders.models.join(&order.model))?;
    ensure!(
        manifest.size_input.is_none(),
        "{}: has a second input; only models with one can be made to work in eight bits",
        manifest.path.display()
    );
    let (weights, _) = manifest.weights(&folders.weights)?;
    let cases = cases(order, folders)?;
    let usual = format!("{}-int8", order.model);
    let name = order.name.as_deref().unwrap_or(&usual);
    ensure!(
        is_model_name(name),
        "--name: letters, digits, '-', '_' and '.' are allowed, the first not a '.'"
    );
    let models = order.out.as_ref().unwrap_or(&folders.models);
    let folder = models.join(name);
    ensure!(
        order.replace || !folder.join(FILE_NAME).is_file(),
        "{}: a model of this name is here; --replace writes over it",
        folder.display()
    );
    let stage = models.join(format!(".{name}.new"));
    // Left by a run that was cut off.
    drop(fs::remove_dir_all(&stage));
    fs::create_dir_all(&stage).map_err(InstallError::at(&stage))?;
    let stage = Stage(stage);
    let made = Made::new(order, name, &manifest, &weights, &stage.0)?;
    let sides = [(&manifest, &*folders.weights), (&made.manifest, &[])];
    let settings = order.camera_settings.as_deref();
    let worth = compare(runtime, sides, &cases, settings, &order.calibrate[0])?;
    if !worth.keeps() {
        return Ok(Quantised {
            text: format!(
                "{worth}refused: {name} loses more than one point of F1 and is not kept; other clips to calibrate on may \
                 help\n"
            ),
            installed: false,
        });
    }
    let note = stage.0.join("QUANTISED.md");
    let text = note_text(order, &manifest, &made, &worth);
    write_whole(&note, text.as_bytes()).map_err(InstallError::at(&note))?;
    swap(&stage.0, &folder).map_err(InstallError::at(&folder))?;
    Ok(Quantised {
        text: format!("{worth}{}: is in place\n", folder.display()),
        installed: true,
    })
}

/// The cases that were named, else those beside a checkout, where its developers keep them.
fn cases(order: &QuantiseOrder, folders: &ModelFolders) -> anyhow::Result<Vec<PathBuf>> {
    let beside = folders.models.join("../../shared/assets/cases");
    match (order.cases.is_empty(), beside.is_dir()) {
        (false, _) => Ok(order.cases.clone()),
        (true, true) => Ok(vec![beside]),
        (true, false) => bail!("--cases: name folders of cases to score both models on"),
    }
}

/// The new model in its stage.
struct Made {
    manifest: Manifest,
    pictures: usize,
}

impl Made {
    fn new(
        order: &QuantiseOrder,
        name: &str,
        from: &Manifest,
        weights: &Path,
        stage: &Path,
    ) -> anyhow::Result<Made> {
        let tensors = stage.join("calibration.f32");
        let pictures = calibration::write(&tensors, from, &order.calibrate, order.pictures)?;
        let file = stage.join(format!("{name}.onnx"));
        run_tool(order, from, weights, &tensors, &file)?;
        fs::remove_file(&tensors).map_err(InstallError::at(&tensors))?;
        let bytes = fs::read(&file).map_err(InstallError::at(&file))?;
        let text = sheet(name, from, &sha256_hex(&bytes))?;
        let path = stage.join(FILE_NAME);
        write_whole(&path, text.as_bytes()).map_err(InstallError::at(&path))?;
        copy_licences(from, stage)?;
        let manifest = Manifest::load(stage)?;
        Ok(Made { manifest, pictures })
    }
}

fn run_tool(
    order: &QuantiseOrder,
    from: &Manifest,
    weights: &Path,
    tensors: &Path,
    file: &Path,
) -> anyhow::Result<()> {
    let named = std::env::var_os(PYTHON).map(PathBuf::from);
    let python = order.python.clone().or(named);
    let python = python.unwrap_or_else(|| PathBuf::from("python3"));
    let (width, height) = from.spec.size;
    let done = Command::new(&python)
        .args(["-c", TOOL])
        .args([weights, file])
        .args(["--input", &from.input])
        .args(["--shape", &format!("3x{height}x{width}")])
        .arg("--calibrate")
        .arg(tensors)
        .output();
    let place = python.display();
    let advice = "make one with `python3 -m venv VENV && VENV/bin/pip install -r models/quantise/requirements.txt` and name \
                  it by --python VENV/bin/python or SAFECITY_PYTHON";
    let done = done.with_context(|| format!("{place}: cannot be started; {advice}"))?;
    let said = String::from_utf8_lossy(&done.stderr);
    let last = said.trim_end().lines().last().unwrap_or_default();
    if done.status.code() == Some(PACKAGE_MISSING) {
        bail!("{place}: {last}; {advice}");
    }
    ensure!(
        done.status.success(),
        "{}: cannot be made to work in eight bits: {last}",
        weights.display()
    );
    Ok(())
}

/// The text of the new `model.toml`: as the old one, but for what it is.
fn sheet(name: &str, from: &Manifest, sha256: &str) -> anyhow::Result<String> {
    let text = fs::read_to_string(&from.path).map_err(InstallError::at(&from.path))?;
    let table: Table = text.parse()?;
    let section = |key: &str| table.get(key).and_then(Value::as_table);
    let (Some(input), Some(decoder)) = (section("input"), section("decoder")) else {
        bail!("{}: lacks [input] or [decoder]", from.path.display());
    };
    Ok(Sheet {
        name,
        title: &format!("{}, int8", from.title),
        licence: &from.licence,
        source: &format!(
            "made out of {} by `edge-agent models quantise`, see QUANTISED.md",
            from.name
        ),
        file: &format!("{name}.onnx"),
        sha256,
        labels: &from.labels,
        input,
        decoder,
    }
    .text())
}

/// Files beside the manifest that say what its licence asks for.
fn copy_licences(from: &Manifest, stage: &Path) -> anyhow::Result<()> {
    let folder = from.path.parent().unwrap_or(Path::new("."));
    let entries = fs::read_dir(folder).map_err(InstallError::at(folder))?;
    for entry in entries {
        let path = entry.map_err(InstallError::at(folder))?.path();
        let name = path.file_name().unwrap_or_default();
        let plain = name.to_string_lossy().to_uppercase();
        if ["LICENCE", "LICENSE", "NOTICE"]
            .iter()
            .any(|head| plain.starts_with(head))
        {
            fs::copy(&path, stage.join(name)).map_err(InstallError::at(&path))?;
        }
    }
    Ok(())
}

fn note_text(order: &QuantiseOrder, from: &Manifest, made: &Made, worth: &Worth) -> String {
    let clips = order.calibrate.iter();
    let clips: Vec<_> = clips
        .map(|clip| clip.file_name().unwrap_or_default().to_string_lossy())
        .collect();
    format!(
        "# {}\n\n{} (sha256 `{}`) with its convolutions in eight bits. Ranges were measured on {} pictures of {}.\n\n```\n\
         {worth}```\n",
        made.manifest.name,
        from.name,
        from.sha256,
        made.pictures,
        clips.join(", "),
    )
}
