//! What is replayed: clips, one after the other, and where they come from.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use protocol::custody::Bundle;
use tempfile::TempDir;

use crate::{
    archive::seal,
    evaluate::case::{Case, FILE_NAME},
};

/// Endings of files that are clips.
const CLIPS: [&str; 6] = ["mp4", "mkv", "mov", "avi", "ts", "webm"];

/// Clips in the order of their time.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) clips: Vec<PathBuf>,
    /// What was unpacked lies here as long as it is needed.
    _unpacked: Option<TempDir>,
}

impl Source {
    /// A clip, a case, a folder of clips (in the order of their names), or a bundle of evidence, whose clip `identity` unseals.
    pub(super) fn open(path: &Path, identity: Option<&Path>) -> anyhow::Result<Source> {
        let place = path.display();
        if path.extension().is_some_and(|ending| ending == "tar") {
            return from_bundle(path, identity);
        }
        let clips = if path.is_dir() && path.join(FILE_NAME).is_file() {
            vec![Case::load(path)?.clip]
        } else if path.is_dir() {
            let entries = fs::read_dir(path).with_context(|| place.to_string())?;
            let files = entries.map(|entry| entry.map(|entry| entry.path()));
            let mut files = files.collect::<Result<Vec<PathBuf>, _>>()?;
            files.retain(|file| is_clip(file));
            files.sort();
            files
        } else {
            vec![path.to_owned()]
        };
        if clips.is_empty() {
            bail!("{place}: holds no clip: files *.{} are", CLIPS.join(", *."));
        }
        Ok(Source {
            clips,
            _unpacked: None,
        })
    }
}

fn is_clip(file: &Path) -> bool {
    let ending = file.extension().and_then(|ending| ending.to_str());
    ending.is_some_and(|ending| CLIPS.contains(&ending))
}

fn from_bundle(path: &Path, identity: Option<&Path>) -> anyhow::Result<Source> {
    let place = path.display();
    let file = fs::read(path).with_context(|| place.to_string())?;
    let bundle = Bundle::decode(&file).with_context(|| format!("{place}: is no bundle"))?;
    let items = || bundle.items.iter().map(|(_, bytes)| bytes);
    let film = match items().find(|bytes| bytes.get(4..8) == Some(b"ftyp".as_slice())) {
        Some(film) => film.clone(),
        None => {
            let sealed = items().find(|bytes| seal::is_sealed(bytes));
            let Some(sealed) = sealed else {
                bail!(
                    "{place}: holds no clip: the centre bundles one whose original it has fetched"
                );
            };
            let Some(identity) = identity else {
                bail!("{place}: its clip is sealed: name the centre's seal key with --identity");
            };
            let text =
                fs::read_to_string(identity).with_context(|| identity.display().to_string())?;
            seal::unseal_with(&text, sealed).map_err(|why| {
                anyhow::anyhow!(
                    "{place}: its clip does not open with {}: {why}",
                    identity.display()
                )
            })?
        }
    };
    let folder = tempfile::tempdir()?;
    let clip = folder.path().join("clip.mp4");
    fs::write(&clip, film)?;
    Ok(Source {
        clips: vec![clip],
        _unpacked: Some(folder),
    })
}
