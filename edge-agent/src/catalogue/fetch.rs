//! Getting a model from its publisher: in parts, over any number of tries and runs, and into place only when its size and
//! hash are right.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use super::{
    address::Bases,
    client::Client,
    download::Download,
    entry::Entry,
    install::{InstallError, Presence, bytes, look, write_whole},
    licence::{Binding, binds},
    progress::Progress,
};
use crate::inference::{
    folders::ModelFolders,
    manifest::{FILE_NAME, Manifest, ManifestError, sha256_hex_of},
};

/// What a fetch came to.
#[derive(Debug, PartialEq, Eq)]
pub enum Fetched {
    /// The file is in place now.
    Installed(PathBuf),
    /// It was there, and whole.
    AlreadyHere(PathBuf),
}

/// Why a model is not there now.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// Its licence binds the user.
    #[error("{name}: its licence {licence:?} {}; if you accept it, say so: --accept-licence {licence}", binding.meaning())]
    Licence {
        /// The model.
        name: String,
        /// Its licence.
        licence: String,
        /// How it binds.
        binding: Binding,
    },
    /// A model of this name is here, and it is another one.
    #[error("{path}: another model of this name is here (sha256 {found}, the catalogue's is {expected}); --replace writes over it", path = path.display())]
    Other {
        /// Its manifest.
        path: PathBuf,
        /// Hash that its manifest names.
        found: String,
        /// Hash of the catalogue's.
        expected: String,
    },
    /// A manifest is here that cannot be used.
    #[error("{0}; --replace writes over it")]
    Manifest(ManifestError),
    /// The disk has no room.
    #[error("{path}: {needed} more are needed, {free} are free", path = path.display(), needed = bytes(*needed), free = bytes(*free))]
    NoSpace {
        /// The folder.
        path: PathBuf,
        /// Bytes that are still to come.
        needed: u64,
        /// Bytes that are free.
        free: u64,
    },
    /// A file or folder cannot be read or written.
    #[error(transparent)]
    Disk(#[from] InstallError),
    /// The server has not given it.
    #[error("{address}: {why}")]
    Refused {
        /// Where the file should be.
        address: String,
        /// What happened.
        why: String,
    },
    /// It broke off too often.
    #[error("{address}: {why}; tried {tries} times without getting further. {kept} are kept: the same command goes on from there", kept = bytes(*kept))]
    GaveUp {
        /// Where the file is.
        address: String,
        /// What happened last.
        why: String,
        /// How often.
        tries: usize,
        /// Bytes in the part.
        kept: u64,
    },
    /// It is another file.
    #[error(
        "{address}: sha256 is {found}, the catalogue expects {expected}; the file was thrown away. Its publisher has changed it, or somebody between here and there has"
    )]
    Hash {
        /// Where the file is.
        address: String,
        /// Expected hash.
        expected: String,
        /// Hash of what came.
        found: String,
    },
}

/// What a user has agreed to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Consent<'c> {
    /// Licences that bind, and are accepted.
    pub licences: &'c [String],
    /// Another model of the name may be written over.
    pub replace: bool,
}

/// Gets the weights of an entry into its folder, and writes its `model.toml` unless one for these weights is there.
///
/// # Errors
/// As [`FetchError`] says; what is in place already stays as it was.
pub fn fetch(
    client: &Client,
    entry: &Entry,
    folders: &ModelFolders,
    bases: &Bases,
    consent: Consent<'_>,
    progress: &mut Progress,
) -> Result<Fetched, FetchError> {
    accept(&entry.manifest, consent.licences)?;
    let place = place(entry, folders, consent.replace)?;
    let whole = is_whole(&place.weights, entry).map_err(InstallError::at(&place.weights))?;
    if !whole {
        let folder = folders.models.join(&entry.manifest.name);
        fs::create_dir_all(&folder).map_err(InstallError::at(&folder))?;
        let address = entry.address(bases);
        let download = Download::new(client, &address, entry, &place.target);
        if let Err(e) = download.and_then(|download| download.run(progress)) {
            // It goes only if nothing is in it.
            drop(fs::remove_dir(&folder));
            return Err(e);
        }
    }
    if let Some(manifest) = &place.manifest {
        write_whole(manifest, entry.text.as_bytes()).map_err(InstallError::at(manifest))?;
    }
    Ok(match whole {
        true => Fetched::AlreadyHere(place.weights),
        false => Fetched::Installed(place.target),
    })
}

fn accept(wanted: &Manifest, licences: &[String]) -> Result<(), FetchError> {
    let accepted = |licence: &String| licence.eq_ignore_ascii_case(&wanted.licence);
    match binds(&wanted.licence) {
        Some(binding) if !licences.iter().any(accepted) => Err(FetchError::Licence {
            name: wanted.name.clone(),
            licence: wanted.licence.clone(),
            binding,
        }),
        _ => Ok(()),
    }
}

/// Where the files of a model are, and where they go.
struct Place {
    /// Where its weights are, if they are anywhere.
    weights: PathBuf,
    /// Where they go if those are not whole.
    target: PathBuf,
    /// The manifest that is to be written.
    manifest: Option<PathBuf>,
}

fn place(entry: &Entry, folders: &ModelFolders, replace: bool) -> Result<Place, FetchError> {
    let wanted = &entry.manifest;
    let folder = folders.models.join(&wanted.name);
    let fresh = folder.join(&wanted.file);
    let same = |own: &Manifest| own.sha256 == wanted.sha256;
    match look(folders, &wanted.name) {
        Presence::Here(own, weights) if same(&own) => Ok(Place {
            weights,
            target: folder.join(&own.file),
            manifest: None,
        }),
        Presence::NoWeights(own) if same(&own) => Ok(Place {
            weights: folder.join(&own.file),
            target: folder.join(&own.file),
            manifest: None,
        }),
        Presence::Here(own, _) | Presence::NoWeights(own) if !replace => Err(FetchError::Other {
            path: own.path,
            found: own.sha256,
            expected: wanted.sha256.clone(),
        }),
        Presence::Faulty(e) if !replace => Err(FetchError::Manifest(e)),
        _ => Ok(Place {
            weights: fresh.clone(),
            target: fresh,
            manifest: Some(folder.join(FILE_NAME)),
        }),
    }
}

fn is_whole(weights: &Path, entry: &Entry) -> io::Result<bool> {
    let file = match File::open(weights) {
        Ok(file) => file,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(e) => return Err(e),
    };
    Ok(file.metadata()?.len() == entry.size && sha256_hex_of(file)? == entry.manifest.sha256)
}
