//! The folder of a model: what is in it, and putting files there so that a power cut leaves the old ones or the new.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use crate::inference::{
    folders::{ModelFolders, is_model_name},
    manifest::{FILE_NAME, Manifest, ManifestError},
};

/// A folder that cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {source}{}", advice(source), path = path.display())]
pub struct InstallError {
    /// The file or folder.
    pub path: PathBuf,
    /// What the system says.
    pub source: io::Error,
}

fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            "; --models names another folder"
        }
        io::ErrorKind::StorageFull => "; make room and run it again: what has come is kept",
        _ => "",
    }
}

impl InstallError {
    /// For `map_err` of what is done to a path.
    pub(super) fn at(path: &Path) -> impl FnOnce(io::Error) -> InstallError + '_ {
        |source| InstallError {
            path: path.to_owned(),
            source,
        }
    }
}

/// What is here of a model.
#[derive(Debug)]
pub(super) enum Presence {
    /// Nothing.
    Absent,
    /// A manifest that cannot be used.
    Faulty(ManifestError),
    /// A manifest, its weights nowhere.
    NoWeights(Box<Manifest>),
    /// Both; whether they belong together is not known yet.
    Here(Box<Manifest>, PathBuf),
}

/// What is here of the model of this name.
pub(super) fn look(folders: &ModelFolders, name: &str) -> Presence {
    let folder = folders.models.join(name);
    if let Ok(false) = folder.join(FILE_NAME).try_exists() {
        return Presence::Absent;
    }
    let manifest = match Manifest::load(&folder) {
        Ok(manifest) => Box::new(manifest),
        Err(e) => return Presence::Faulty(e),
    };
    match manifest.find_weights(&folders.weights) {
        Ok(weights) => Presence::Here(manifest, weights),
        Err(_) => Presence::NoWeights(manifest),
    }
}

/// Names of all folders with a manifest, in order; none where the folder of models is not there.
pub(super) fn names(folders: &ModelFolders) -> Result<Vec<String>, InstallError> {
    let wrong = |source| InstallError {
        path: folders.models.clone(),
        source,
    };
    let entries = match fs::read_dir(&folders.models) {
        Ok(entries) => entries,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(wrong(e)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(wrong)?;
        let name = entry.file_name().into_string().unwrap_or_default();
        if is_model_name(&name) && entry.path().join(FILE_NAME).is_file() {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

/// Writes a file so that there is the old one or the whole new one, whatever happens.
pub(super) fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let new = folder.join(format!(".{name}.new"));
    let mut file = File::create(&new)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    sync_folder(folder)
}

/// Makes renames in a folder outlive a power cut.
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Gives a folder its name; one that has the name already goes.
pub(super) fn swap(stage: &Path, folder: &Path) -> io::Result<()> {
    let parent = folder.parent().unwrap_or(Path::new("."));
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    let old = parent.join(format!(".{name}.old"));
    let there = folder.try_exists()?;
    if there {
        fs::rename(folder, &old)?;
    }
    fs::rename(stage, folder)?;
    sync_folder(parent)?;
    if there {
        fs::remove_dir_all(&old)?;
    }
    Ok(())
}

/// Bytes that may be written where this folder is, for who is not root.
pub(super) fn free_space(folder: &Path) -> io::Result<u64> {
    let disk = rustix::fs::statvfs(folder)?;
    Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
}

/// A number of bytes for people.
pub(super) fn bytes(n: u64) -> String {
    let units = ["kB", "MB", "GB", "TB", "PB", "EB"];
    if n < 1000 {
        return format!("{n} bytes");
    }
    let mut value = n as f64;
    let mut unit = "";
    for larger in units {
        if value < 999.95 {
            break;
        }
        value /= 1000.0;
        unit = larger;
    }
    format!("{value:.1} {unit}")
}
