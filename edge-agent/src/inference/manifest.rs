//! `model.toml`: what a model file is, how its input is laid out and how its outputs are to be read. The weights lie
//! beside it, or in one of the folders of a search path; their hash is checked before anything reads them.

use std::{
    fmt::Write as _,
    fs, io,
    path::{Path, PathBuf},
};

use analytics::decoder::{CellPoint, CropKind, Family, Scoring};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::preprocess::{ColourOrder, Fitting, InputSpec};

/// Name of the file that describes a model in its folder.
pub const FILE_NAME: &str = "model.toml";

/// A model of the catalogue, checked, its weights not yet read.
#[derive(Clone, Debug)]
pub struct Manifest {
    /// The file that says all this.
    pub path: PathBuf,
    /// Name, as cameras give it; also the name of the folder.
    pub name: String,
    /// One line for people.
    pub title: String,
    /// Licence of the weights, as an SPDX expression where there is one.
    pub licence: String,
    /// File name of the weights.
    pub file: PathBuf,
    /// SHA-256 of the weights in lower-case hexadecimal.
    pub sha256: String,
    /// Name of the input that takes the picture.
    pub input: String,
    /// It takes pictures pixel by pixel, `[1, height, width, 3]`, not one colour after another.
    pub channels_last: bool,
    /// What that input wants.
    pub spec: InputSpec,
    /// Name of a second input `[n, 2]` (i64) that takes the picture's width and height, where the model has one.
    pub size_input: Option<String>,
    /// How the outputs are to be read.
    pub family: Family,
    /// Threshold of suppression, where the family's own does not suit.
    pub nms_iou: Option<f32>,
    /// Labels; a class is its place in this list.
    pub labels: Vec<String>,
}

/// Why a model of the catalogue cannot be used. Every variant names the file.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// A file cannot be read.
    #[error("{path}: {source}", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// It is no TOML, or has unknown or missing keys.
    #[error("{path}: {message}", path = path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// With line and key.
        message: String,
    },
    /// Values make no sense.
    #[error("{path}: {problems}", path = path.display(), problems = problems.join("; "))]
    Invalid {
        /// The file.
        path: PathBuf,
        /// Everything that is wrong.
        problems: Vec<String>,
    },
    /// The weights are nowhere.
    #[error(
        "{path}: its weights {file} are not in {searched}; put the file there, or see `edge-agent models show {name}`",
        path = path.display(), file = file.display()
    )]
    NoWeights {
        /// The manifest.
        path: PathBuf,
        /// The model.
        name: String,
        /// File name of the weights.
        file: PathBuf,
        /// Folders that were looked in.
        searched: String,
    },
    /// The weights are not the ones that the manifest speaks of.
    #[error(
        "{weights}: sha256 is {found}, but {path} expects {expected}; fetch the file again, or correct the manifest",
        weights = weights.display(), path = path.display()
    )]
    Hash {
        /// The weights.
        weights: PathBuf,
        /// The manifest.
        path: PathBuf,
        /// Expected hash.
        expected: String,
        /// Hash of the file.
        found: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawManifest {
    name: String,
    title: String,
    licence: String,
    /// Where the weights come from; for people.
    #[serde(default)]
    #[expect(dead_code, reason = "read by people, kept so that the key is known")]
    source: String,
    file: PathBuf,
    sha256: String,
    labels: Option<Vec<String>>,
    labels_file: Option<PathBuf>,
    input: RawInput,
    decoder: RawDecoder,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawInput {
    name: String,
    size: (u32, u32),
    colour: ColourOrder,
    fit: Fitting,
    #[serde(default)]
    pad: f32,
    #[serde(default = "one")]
    scale: f32,
    #[serde(default)]
    mean: [f32; 3],
    #[serde(default = "ones")]
    std: [f32; 3],
    size_input: Option<String>,
    #[serde(default)]
    channels_last: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawDecoder {
    family: RawFamily,
    strides: Option<Vec<u32>>,
    reg_max: Option<usize>,
    cell_point: Option<RawCellPoint>,
    softmax: Option<bool>,
    #[serde(default)]
    sigmoid: bool,
    nms_iou: Option<f32>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum RawFamily {
    Yolox,
    Yolov8,
    EndToEnd,
    Distribution,
    Classifier,
    Embedding,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum RawCellPoint {
    Centre,
    MiddlePixel,
}

fn one() -> f32 {
    1.0
}

fn ones() -> [f32; 3] {
    [1.0; 3]
}

impl Manifest {
    /// Reads and checks `folder/model.toml`.
    ///
    /// # Errors
    /// Names the file and everything that is wrong in it.
    pub fn load(folder: &Path) -> Result<Manifest, ManifestError> {
        let path = folder.join(FILE_NAME);
        let text = read_text(&path)?;
        Manifest::parse(path, &text)
    }

    /// Checks the text of a manifest that stands, or will stand, in `path`.
    ///
    /// # Errors
    /// As [`Manifest::load`].
    pub fn parse(path: PathBuf, text: &str) -> Result<Manifest, ManifestError> {
        let raw: RawManifest = toml::from_str(text).map_err(|e| ManifestError::Parse {
            path: path.clone(),
            message: e.to_string().trim_end().to_owned(),
        })?;
        let mut problems = Vec::new();
        let folder = path.parent().unwrap_or(Path::new("."));
        let labels = read_labels(folder, &raw, &mut problems)?;
        check(&raw, &labels, &mut problems);
        let family = family(&raw.decoder, &mut problems);
        match family {
            Some(family) if problems.is_empty() => Ok(Manifest {
                path,
                name: raw.name,
                title: raw.title,
                licence: raw.licence,
                file: raw.file,
                sha256: raw.sha256.to_ascii_lowercase(),
                input: raw.input.name,
                channels_last: raw.input.channels_last,
                spec: InputSpec {
                    size: raw.input.size,
                    colour: raw.input.colour,
                    fit: raw.input.fit,
                    pad: raw.input.pad,
                    scale: raw.input.scale,
                    mean: raw.input.mean,
                    std: raw.input.std,
                },
                size_input: raw.input.size_input,
                family,
                nms_iou: raw.decoder.nms_iou,
                labels,
            }),
            _ => Err(ManifestError::Invalid { path, problems }),
        }
    }

    /// Finds the weights beside the manifest or in `search`; their hash is not checked.
    ///
    /// # Errors
    /// [`ManifestError::NoWeights`].
    pub fn find_weights(&self, search: &[PathBuf]) -> Result<PathBuf, ManifestError> {
        let folder = self.path.parent().unwrap_or(Path::new("."));
        let folders: Vec<&Path> = std::iter::once(folder)
            .chain(search.iter().map(PathBuf::as_path))
            .collect();
        let found = folders
            .iter()
            .map(|folder| folder.join(&self.file))
            .find(|path| path.is_file());
        found.ok_or_else(|| {
            let searched: Vec<String> = folders.iter().map(|f| f.display().to_string()).collect();
            ManifestError::NoWeights {
                path: self.path.clone(),
                name: self.name.clone(),
                file: self.file.clone(),
                searched: searched.join(", "),
            }
        })
    }

    /// Finds the weights beside the manifest or in `search`, reads them and checks their hash.
    ///
    /// # Errors
    /// Where they are nowhere, cannot be read, or are others.
    pub fn weights(&self, search: &[PathBuf]) -> Result<(PathBuf, Vec<u8>), ManifestError> {
        let weights = self.find_weights(search)?;
        let bytes = fs::read(&weights).map_err(|source| ManifestError::Read {
            path: weights.clone(),
            source,
        })?;
        let found = sha256_hex(&bytes);
        if found == self.sha256 {
            Ok((weights, bytes))
        } else {
            Err(ManifestError::Hash {
                weights,
                path: self.path.clone(),
                expected: self.sha256.clone(),
                found,
            })
        }
    }
}

/// SHA-256 in lower-case hexadecimal.
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// SHA-256 of all that a reader still gives, in lower-case hexadecimal.
///
/// # Errors
/// Those of the reader.
pub fn sha256_hex_of(mut reader: impl io::Read) -> io::Result<String> {
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 256 * 1024];
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => return Ok(hex(&hash.finalize())),
            Ok(n) => hash.update(buffer.get(..n).unwrap_or_default()),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    let text = String::with_capacity(2 * bytes.len());
    bytes.iter().fold(text, |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a string cannot fail");
        text
    })
}

fn read_text(path: &Path) -> Result<String, ManifestError> {
    fs::read_to_string(path).map_err(|source| ManifestError::Read {
        path: path.to_owned(),
        source,
    })
}

fn read_labels(
    folder: &Path,
    raw: &RawManifest,
    problems: &mut Vec<String>,
) -> Result<Vec<String>, ManifestError> {
    match (&raw.labels, &raw.labels_file) {
        (Some(labels), None) => Ok(labels.clone()),
        (None, Some(file)) => {
            let text = read_text(&folder.join(file))?;
            Ok(text.lines().map(|line| line.trim().to_owned()).collect())
        }
        (None, None) if matches!(raw.decoder.family, RawFamily::Embedding) => Ok(Vec::new()),
        _ => {
            problems.push("expected either labels or labels_file".to_owned());
            Ok(Vec::new())
        }
    }
}

fn check(raw: &RawManifest, labels: &[String], problems: &mut Vec<String>) {
    let mut refuse = |wrong: bool, problem: &str| {
        if wrong {
            problems.push(problem.to_owned());
        }
    };
    let hex = raw.sha256.len() == 64 && raw.sha256.bytes().all(|b| b.is_ascii_hexdigit());
    refuse(!hex, "sha256: expected 64 hexadecimal digits");
    refuse(
        raw.file.components().count() != 1,
        "file: expected a file name without folders",
    );
    refuse(raw.licence.is_empty(), "licence: must not be empty");
    let unlabelled = !labels.is_empty() && labels.iter().any(String::is_empty);
    refuse(unlabelled, "labels: must not be empty");
    let sorted = {
        let mut sorted: Vec<&String> = labels.iter().collect();
        sorted.sort();
        sorted
    };
    for pair in sorted.windows(2) {
        refuse(
            pair[0] == pair[1],
            &format!("labels: {:?} is there twice", pair[0]),
        );
    }
    let (w, h) = raw.input.size;
    let side = 16..=4096;
    refuse(
        !side.contains(&w) || !side.contains(&h),
        "input.size: expected width and height of 16 to 4096",
    );
    let stretched_out = raw.input.std.iter().any(|v| !v.is_normal());
    refuse(stretched_out, "input.std: must not be zero");
    refuse(
        !(0.0..=255.0).contains(&raw.input.pad),
        "input.pad: expected a code value of 0 to 255",
    );
    refuse(
        !raw.input.scale.is_normal(),
        "input.scale: must not be zero",
    );
    let iou = raw.decoder.nms_iou.unwrap_or(0.5);
    refuse(
        !(0.0..=1.0).contains(&iou),
        "decoder.nms_iou: expected 0 to 1",
    );
}

fn family(raw: &RawDecoder, problems: &mut Vec<String>) -> Option<Family> {
    let strided = matches!(raw.family, RawFamily::Yolox | RawFamily::Distribution);
    let distances = matches!(raw.family, RawFamily::Distribution);
    let present = [
        ("strides", raw.strides.is_some(), strided),
        ("reg_max", raw.reg_max.is_some(), distances),
        ("cell_point", raw.cell_point.is_some(), distances),
        (
            "softmax",
            raw.softmax.is_some(),
            matches!(raw.family, RawFamily::Classifier),
        ),
    ];
    let before = problems.len();
    for (key, is, should) in present {
        match (is, should) {
            (false, true) => problems.push(format!("decoder.{key}: this family needs it")),
            (true, false) => problems.push(format!("decoder.{key}: this family has none")),
            _ => {}
        }
    }
    let classifies = matches!(raw.family, RawFamily::Classifier);
    if raw.sigmoid && (!classifies || raw.softmax == Some(true)) {
        problems.push("decoder.sigmoid: only a classifier without softmax has it".to_owned());
    }
    if problems.len() > before {
        return None;
    }
    let strides = raw.strides.clone().unwrap_or_default();
    Some(match raw.family {
        RawFamily::Yolox => Family::Yolox { strides },
        RawFamily::Yolov8 => Family::Yolov8,
        RawFamily::EndToEnd => Family::EndToEnd,
        RawFamily::Classifier => Family::Crop(CropKind::Classifier {
            scoring: match (raw.softmax?, raw.sigmoid) {
                (true, _) => Scoring::Softmax,
                (false, true) => Scoring::Sigmoid,
                (false, false) => Scoring::Scores,
            },
        }),
        RawFamily::Embedding => Family::Crop(CropKind::Embedding),
        RawFamily::Distribution => Family::Distribution {
            strides,
            reg_max: raw.reg_max?,
            cell_point: match raw.cell_point? {
                RawCellPoint::Centre => CellPoint::Centre,
                RawCellPoint::MiddlePixel => CellPoint::MiddlePixel,
            },
        },
    })
}

#[cfg(test)]
#[path = "manifest_tests.rs"]
mod tests;
