//! The node's replay set: judged incidents as cases that `edge-agent evaluate` runs (docs/verdicts.md, docs/decisions/0020).
//!
//! Owns the folder `replay` of the state folder: a folder a case, whole or not there, and `ignored.toml`. Clips lie there as they
//! were filmed, so nothing is made unless the configuration says so, nothing leaves from here, and room and age are bounded. Never
//! stops anything but cases.

mod case;

use std::{
    collections::BTreeMap,
    fs::{self, DirBuilder, File},
    io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use protocol::{IgnoredArea, Name, Utc, Verdict};
use uuid::Uuid;

use crate::{
    archive::{
        Archive,
        sidecar::Sidecar,
        store::{Disk, Real},
    },
    clock,
    command::verdict::{figures::VerdictFigures, store::Known},
    config::{Settings, replay::ReplaySettings, settings::CameraSettings},
    evaluate::{camera_settings::OWN, case::FILE_NAME},
};
use case::{CLIP, Written, describe};

/// Name of the sidecar in a case's folder.
const SIDECAR: &str = "sidecar.json";
/// Which areas are ignored, for `evaluate --ignored`.
const IGNORED: &str = "ignored.toml";
/// How a file or folder begins that is being written.
const UNFINISHED: &str = ".part-";

/// Why there is no case of a verdict.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoCase {
    /// None are wanted.
    #[error("no case was made of it: replay.enabled is not set on this node")]
    Off,
    /// The clip is not over.
    #[error("its case is made as soon as its clip is cut")]
    NotYet,
    /// The rule is gone, and with it what the case would be of.
    #[error("no case was made of it: its rule is no longer in the configuration")]
    Rule,
    /// There is no clip, or only the centre can open it.
    #[error("no case was made of it: the camera {0}")]
    NoClip(String),
    /// The disk fails or is full.
    #[error("no case was made of it: {0}")]
    Failed(String),
}

/// A case that lies there.
#[derive(Clone, Copy, Debug)]
struct Kept {
    opened: Utc,
    bytes: u64,
}

/// See the module.
pub struct ReplaySet {
    settings: ReplaySettings,
    /// Bytes of the disk that are left to others.
    keep_free: u64,
    folder: PathBuf,
    archive: Arc<Archive>,
    cameras: BTreeMap<Name, CameraSettings>,
    cases: BTreeMap<Uuid, Kept>,
    figures: VerdictFigures,
}

impl ReplaySet {
    /// Opens the set in the state folder, and removes what is half-written or too old. A set that was switched off grows old
    /// like another.
    pub fn open(settings: &Settings, archive: Arc<Archive>, figures: VerdictFigures) -> ReplaySet {
        let cameras = settings.cameras.iter();
        let mut set = ReplaySet {
            settings: settings.replay.clone(),
            keep_free: settings.archive.limits.keep_free,
            folder: settings.state_dir.join("replay"),
            archive,
            cameras: cameras.map(|c| (c.id.clone(), c.clone())).collect(),
            cases: BTreeMap::new(),
            figures,
        };
        match set.read() {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::error!(folder = %set.folder.display(), %error, "the replay set cannot be read");
            }
            _ => {}
        }
        set.forget_old();
        set.tell(0);
        set
    }

    /// Another configuration is in force.
    pub fn reconfigured(&mut self, settings: &Settings) {
        let cameras = settings.cameras.iter();
        self.cameras = cameras.map(|c| (c.id.clone(), c.clone())).collect();
    }

    fn read(&mut self) -> io::Result<()> {
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            let name = path.file_name().and_then(|name| name.to_str());
            let name = name.unwrap_or_default();
            if name.starts_with(UNFINISHED) {
                remove(&path);
            } else if let Ok(id) = name.parse::<Uuid>() {
                match kept(&path) {
                    Some(kept) => drop(self.cases.insert(id, kept)),
                    None => remove(&path),
                }
            }
        }
        Ok(())
    }

    /// Makes the case of a verdict, or writes it anew where there is one of an earlier verdict. `others` gives when other incidents
    /// of the rule opened between two times. What the case cannot show is given back. Blocks for the disk.
    ///
    /// # Errors
    /// Why there is none.
    pub fn add(
        &mut self,
        known: &Known,
        verdict: Verdict,
        others: &dyn Fn(Utc, Utc) -> Vec<Utc>,
    ) -> Result<Option<String>, NoCase> {
        if !self.settings.enabled {
            return Err(NoCase::Off);
        }
        let camera = self.cameras.get(&known.camera).ok_or(NoCase::Rule)?;
        let folder = self.folder.join(known.id.to_string());
        let there = self.cases.contains_key(&known.id);
        let (clip, sidecar) = if there {
            let sidecar = sidecar(&folder);
            (
                None,
                sidecar.ok_or_else(|| NoCase::Failed("its sidecar cannot be read".to_owned()))?,
            )
        } else {
            let (clip, sidecar) = self.clip(known)?;
            (Some(clip), sidecar)
        };
        let others = others(sidecar.begins, sidecar.ends);
        let written = describe(camera, known, &sidecar, verdict, &others).ok_or(NoCase::Rule)?;
        let done = match clip {
            Some(clip) => self.write_new(&folder, &clip, &sidecar, &written)?,
            None => replace(&folder.join(FILE_NAME), written.case.as_bytes()),
        };
        done.map_err(|e| NoCase::Failed(format!("{}: {e}", folder.display())))?;
        if let Some(kept) = kept(&folder) {
            self.cases.insert(known.id, kept);
        }
        self.tell(0);
        Ok(written.remark)
    }

    fn clip(&self, known: &Known) -> Result<(Vec<u8>, Sidecar), NoCase> {
        let found = self.archive.unsealed(known.id, &known.camera);
        found.map_err(|why| {
            let age = Utc::now().duration_since(known.opened);
            let cut = age.unsigned_abs() > self.archive.cut_within();
            match cut || !self.archive.keeps() {
                true => NoCase::NoClip(why),
                false => NoCase::NotYet,
            }
        })
    }

    /// Writes a case beside its place, synced, and moves it there as a whole.
    fn write_new(
        &mut self,
        folder: &Path,
        clip: &[u8],
        sidecar: &Sidecar,
        written: &Written,
    ) -> Result<io::Result<()>, NoCase> {
        let beside = serde_json::to_vec(sidecar).map_err(|e| NoCase::Failed(e.to_string()))?;
        let files: [(&str, &[u8]); 4] = [
            (CLIP, clip),
            (SIDECAR, &beside),
            (OWN, written.camera.as_bytes()),
            (FILE_NAME, written.case.as_bytes()),
        ];
        let bytes = files.iter().map(|(_, bytes)| bytes.len() as u64).sum();
        self.make_room(bytes)?;
        let part = self
            .folder
            .join(format!("{UNFINISHED}{}", sidecar.incident));
        let write = || -> io::Result<()> {
            make(&self.folder)?;
            make(&part)?;
            for (name, bytes) in files {
                Real.write(&part.join(name), bytes)?;
            }
            File::open(&part)?.sync_all()?;
            fs::rename(&part, folder)?;
            File::open(&self.folder)?.sync_all()
        };
        let done = write();
        if done.is_err() {
            remove(&part);
        }
        Ok(done)
    }

    /// Forgets the oldest as far as there must be room.
    fn make_room(&mut self, bytes: u64) -> Result<(), NoCase> {
        let ReplaySettings {
            max_cases,
            max_bytes,
            ..
        } = self.settings;
        if bytes > max_bytes {
            return Err(NoCase::Failed(format!(
                "it takes {bytes} bytes (replay.max_mib)"
            )));
        }
        while self.cases.len() >= max_cases || self.bytes() + bytes > max_bytes {
            let oldest = self
                .cases
                .iter()
                .min_by_key(|(id, kept)| (kept.opened, **id));
            let Some(oldest) = oldest.map(|(id, _)| *id) else {
                break;
            };
            self.forget(oldest);
        }
        let state = self.folder.parent().unwrap_or(&self.folder);
        let free = Real
            .free(state)
            .map_err(|e| NoCase::Failed(e.to_string()))?;
        if free < self.keep_free.saturating_add(bytes) {
            let kept = self.keep_free;
            return Err(NoCase::Failed(format!(
                "{free} bytes of the disk are free, and {kept} are left to others (archive.keep_free_mib)"
            )));
        }
        Ok(())
    }

    /// Forgets cases that are too old, if the time is known.
    pub fn forget_old(&mut self) {
        if !clock::quality().synchronised {
            return;
        }
        let (now, keep) = (Utc::now(), self.settings.keep);
        let age = |kept: &Kept| now.duration_since(kept.opened);
        let old = self.cases.iter().filter(|(_, kept)| {
            let age = age(kept);
            age.is_positive() && age.unsigned_abs() > keep
        });
        let old: Vec<Uuid> = old.map(|(id, _)| *id).collect();
        old.into_iter().for_each(|id| self.forget(id));
    }

    fn forget(&mut self, id: Uuid) {
        if self.cases.remove(&id).is_some() {
            remove(&self.folder.join(id.to_string()));
            tracing::info!(incident = %id, "a case of the replay set is deleted: no room, or too old");
            self.tell(1);
        }
    }

    /// Writes down which areas are ignored, for whoever evaluates.
    pub fn set_ignored(&self, areas: &[IgnoredArea]) {
        if !self.settings.enabled {
            return;
        }
        let text = toml::to_string(&BTreeMap::from([("areas", areas)]));
        let text = text.expect("plain data becomes TOML");
        let written =
            make(&self.folder).and_then(|()| replace(&self.folder.join(IGNORED), text.as_bytes()));
        if let Err(error) = written {
            tracing::error!(folder = %self.folder.display(), %error, "{IGNORED} cannot be written");
        }
    }

    fn bytes(&self) -> u64 {
        self.cases.values().map(|kept| kept.bytes).sum()
    }

    fn tell(&self, given_up: u64) {
        self.figures
            .set_cases(self.cases.len(), self.bytes(), given_up);
    }
}

/// Makes a folder for this program alone, if it is not there.
fn make(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// Writes a file anew, whole or not at all.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let part = path.with_file_name(format!("{UNFINISHED}{name}"));
    Real.write(&part, bytes)?;
    fs::rename(&part, path)?;
    File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()
}

fn sidecar(folder: &Path) -> Option<Sidecar> {
    serde_json::from_slice(&fs::read(folder.join(SIDECAR)).ok()?).ok()
}

/// What lies in a case's folder; nothing if it is not whole.
fn kept(folder: &Path) -> Option<Kept> {
    let length = |name: &str| Some(fs::metadata(folder.join(name)).ok()?.len());
    let files = [CLIP, SIDECAR, OWN, FILE_NAME].map(length);
    let bytes = files.into_iter().sum::<Option<u64>>()?;
    let opened = sidecar(folder)?.time.arrival;
    Some(Kept { opened, bytes })
}

/// Removes a file, or a folder and what is in it.
fn remove(path: &Path) {
    let removed = if path.is_dir() {
        fs::remove_dir_all(path)
    } else {
        fs::remove_file(path)
    };
    if let Err(error) = removed
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::warn!(path = %path.display(), %error, "a case cannot be removed");
    }
}
