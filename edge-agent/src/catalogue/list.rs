//! `models list` and `models show`: texts for people.

use std::{collections::BTreeSet, fmt::Write as _, fs::File, path::Path};

use analytics::decoder::{CropKind, Family};

use super::{
    address::Bases,
    entry::{Catalogue, Entry},
    install::{InstallError, Presence, bytes, look, names},
    licence::binds,
};
use crate::inference::{
    folders::ModelFolders,
    manifest::{Manifest, sha256_hex_of},
    preprocess::{ColourOrder, Fitting},
};

/// A row of the list.
struct Row {
    name: String,
    size: String,
    licence: String,
    state: &'static str,
    place: String,
}

/// All models of the catalogue and all that are here, by name.
pub(super) fn list(catalogue: &Catalogue, folders: &ModelFolders) -> Result<String, InstallError> {
    let offered = catalogue.entries.iter().map(|e| e.manifest.name.clone());
    let all: BTreeSet<String> = names(folders)?.into_iter().chain(offered).collect();
    let rows: Vec<Row> = all
        .iter()
        .map(|name| row(name, catalogue.get(name), look(folders, name)))
        .collect();
    let head = Row {
        name: "name".to_owned(),
        size: "size".to_owned(),
        licence: "licence".to_owned(),
        state: "state",
        place: "where".to_owned(),
    };
    let width = |of: fn(&Row) -> usize| {
        let widths = rows.iter().chain([&head]).map(of);
        widths.max().unwrap_or_default()
    };
    let (name, licence) = (width(|r| r.name.len()), width(|r| r.licence.len()));
    let mut text = String::new();
    for row in [&head].into_iter().chain(&rows) {
        writeln!(
            text,
            "{:name$}  {:>10}  {:licence$}  {:10}  {}",
            row.name, row.size, row.licence, row.state, row.place
        )
        .expect("a string takes all");
    }
    Ok(text)
}

fn row(name: &str, entry: Option<&Entry>, presence: Presence) -> Row {
    let offered = entry.map_or_else(|| "-".to_owned(), |e| bytes(e.size));
    let publisher = match entry {
        Some(entry) => entry.publisher_title.clone(),
        None => "put its weights beside its model.toml".to_owned(),
    };
    let (licence, size, state, place) = match (presence, entry) {
        (Presence::Here(manifest, weights), _) => {
            let (size, state) = weigh(&manifest, &weights);
            let place = weights.display().to_string();
            (manifest.licence, size, state, place)
        }
        (Presence::NoWeights(manifest), _) => (manifest.licence, offered, "no weights", publisher),
        (Presence::Faulty(e), _) => ("-".to_owned(), "-".to_owned(), "faulty", e.to_string()),
        (Presence::Absent, Some(entry)) => (
            entry.manifest.licence.clone(),
            offered,
            "not here",
            publisher,
        ),
        (Presence::Absent, None) => ("-".to_owned(), offered, "not here", publisher),
    };
    Row {
        name: name.to_owned(),
        size,
        licence,
        state,
        place,
    }
}

/// Size of weights, and whether they are those of their manifest.
fn weigh(manifest: &Manifest, weights: &Path) -> (String, &'static str) {
    let looked = File::open(weights).and_then(|file| {
        let size = file.metadata()?.len();
        Ok((size, sha256_hex_of(file)?))
    });
    match looked {
        Ok((size, hash)) if hash == manifest.sha256 => (bytes(size), "verified"),
        Ok((size, _)) => (bytes(size), "damaged"),
        Err(_) => ("-".to_owned(), "unreadable"),
    }
}

/// Everything about a model; `None` where there is none of this name.
pub(super) fn show(
    name: &str,
    catalogue: &Catalogue,
    folders: &ModelFolders,
    bases: &Bases,
) -> Option<String> {
    let entry = catalogue.get(name);
    let mut text = String::new();
    let mut say = |key: &str, value: String| {
        writeln!(text, "{key:10}  {value}").expect("a string takes all");
    };
    let (here, own) = match look(folders, name) {
        Presence::Absent => ("no".to_owned(), None),
        Presence::Faulty(e) => (format!("its manifest cannot be used: {e}"), None),
        Presence::NoWeights(manifest) => {
            let file = manifest.file.display();
            let text = format!("its manifest is, its weights {file} are not");
            (text, Some(*manifest))
        }
        Presence::Here(manifest, weights) => {
            let (size, state) = weigh(&manifest, &weights);
            let text = format!("{} ({size}, {state})", weights.display());
            (text, Some(*manifest))
        }
    };
    let manifest = own.as_ref().or(entry.map(|e| &e.manifest));
    let Some(manifest) = manifest else {
        return here
            .starts_with("its")
            .then_some(format!("{name}: {here}\n"));
    };
    say("name", manifest.name.clone());
    say("title", manifest.title.clone());
    let licence = match binds(&manifest.licence) {
        None => manifest.licence.clone(),
        Some(binding) => format!("{}: it {}", manifest.licence, binding.meaning()),
    };
    say("licence", licence);
    say("here", here);
    match entry {
        Some(entry) => {
            say("publisher", entry.publisher_title.clone());
            say("address", entry.address(bases));
            say(
                "size",
                format!("{} ({} bytes)", bytes(entry.size), entry.size),
            );
            say("get it by", format!("edge-agent models fetch {name}"));
        }
        None => say("publisher", "not in the catalogue".to_owned()),
    }
    say("sha256", manifest.sha256.clone());
    say("input", input(manifest));
    say("outputs", outputs(manifest));
    say(
        "classes",
        format!("{}: {}", manifest.labels.len(), manifest.labels.join(", ")),
    );
    Some(text)
}

fn input(manifest: &Manifest) -> String {
    let spec = &manifest.spec;
    let colour = match spec.colour {
        ColourOrder::Rgb => "red first",
        ColourOrder::Bgr => "blue first",
    };
    let fit = match spec.fit {
        Fitting::LetterboxTopLeft => "scaled by one factor, at the top left",
        Fitting::LetterboxCentre => "scaled by one factor, in the middle",
        Fitting::Stretch => "stretched",
    };
    let plain = (spec.scale, spec.mean, spec.std) == (1.0, [0.0; 3], [1.0; 3]);
    let values = match plain {
        true => "code values as they are".to_owned(),
        false => format!(
            "(code value x {} - {:?}) / {:?}",
            spec.scale, spec.mean, spec.std
        ),
    };
    format!(
        "{:?}, {} x {} pixels, {colour}, {fit}; {values}",
        manifest.input, spec.size.0, spec.size.1
    )
}

fn outputs(manifest: &Manifest) -> String {
    match &manifest.family {
        Family::Yolox { strides } => format!("as YOLOX, strides {strides:?}"),
        Family::Yolov8 => "as YOLOv8".to_owned(),
        Family::EndToEnd => "boxes as they are, end to end".to_owned(),
        Family::Distribution { strides, .. } => {
            format!("distances as distributions (GFL, NanoDet, PicoDet), strides {strides:?}")
        }
        Family::Crop(CropKind::Classifier { .. }) => {
            "a label for a crop, or for a picture".to_owned()
        }
        Family::Crop(CropKind::Embedding) => "an embedding of a crop".to_owned(),
    }
}
