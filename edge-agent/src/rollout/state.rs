//! What of a rollout survives a power cut: one small file, replaced whole.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use protocol::{DesiredConfig, Name, PushReport, PushStage, PushStep, Trial};
use serde::{Deserialize, Serialize};

use crate::config::{self, Pushed};

/// Name of the file in the state folder.
const FILE: &str = "rollout.json";

/// A trial that the agent did not live to see the end of is begun anew so often: it may be the reason.
const MAX_INTERRUPTIONS: u32 = 2;

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct State {
    /// Highest number that was taken.
    taken: u64,
    /// What stays.
    good: Option<Good>,
    /// What is being tried.
    trying: Option<Trying>,
    /// How the latest trial ended.
    last: Option<PushReport>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Good {
    number: u64,
    document: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Trying {
    desired: DesiredConfig,
    stage: PushStage,
    steps: Vec<PushStep>,
    interruptions: u32,
}

impl State {
    pub(super) fn taken(&self) -> u64 {
        self.taken
    }

    /// Number of the push that stays.
    pub(super) fn confirmed(&self) -> Option<u64> {
        self.good.as_ref().map(|good| good.number)
    }

    /// How far a trial has come, if there is one.
    pub(super) fn stage(&self) -> Option<PushStage> {
        self.trying.as_ref().map(|trying| trying.stage)
    }

    /// How the present push is to be tried.
    pub(super) fn trial(&self) -> &Trial {
        static USUAL: std::sync::LazyLock<Trial> = std::sync::LazyLock::new(Trial::default);
        self.trying
            .as_ref()
            .map_or(&USUAL, |trying| &trying.desired.trial)
    }

    /// The push that is tried, or the one before.
    pub(super) fn report(&self) -> Option<PushReport> {
        let trying = self.trying.as_ref().map(|trying| PushReport {
            push: trying.desired.push,
            number: trying.desired.number,
            stage: trying.stage,
            steps: trying.steps.clone(),
            problems: Vec::new(),
        });
        trying.or_else(|| self.last.clone())
    }

    /// What is in force at this stage.
    pub(super) fn pushed(&self) -> Pushed {
        let trial = self.trying.as_ref().and_then(|trying| {
            let only = match trying.stage {
                PushStage::Canary => Some(trying.desired.trial.canary.clone()?),
                PushStage::Everywhere => None,
                _ => return None,
            };
            Some(config::Trial {
                document: trying.desired.document.clone(),
                only,
            })
        });
        Pushed {
            trial,
            ..self.good()
        }
    }

    /// What stays.
    pub(super) fn good(&self) -> Pushed {
        Pushed {
            good: self.good.as_ref().map(|good| good.document.clone()),
            trial: None,
        }
    }

    /// What would be in force if the present push stayed.
    pub(super) fn everywhere(&self) -> Pushed {
        match &self.trying {
            Some(trying) => Pushed {
                good: Some(trying.desired.document.clone()),
                trial: None,
            },
            None => self.good(),
        }
    }

    pub(super) fn receive(&mut self, desired: DesiredConfig) {
        self.taken = desired.number;
        self.trying = Some(Trying {
            desired,
            stage: PushStage::Received,
            steps: Vec::new(),
            interruptions: 0,
        });
        self.enter(PushStage::Received, None);
    }

    /// Which camera goes first, where nobody has said.
    pub(super) fn name_canary(&mut self, camera: Name) {
        if let Some(trying) = &mut self.trying {
            trying.desired.trial.canary.get_or_insert(camera);
        }
    }

    pub(super) fn enter(&mut self, stage: PushStage, note: Option<String>) {
        if let Some(trying) = &mut self.trying {
            trying.stage = stage;
            trying.steps.push(PushStep {
                stage,
                time: protocol::now(),
                note,
            });
        }
    }

    pub(super) fn finish(&mut self, stage: PushStage, note: &str, problems: Vec<String>) {
        self.enter(stage, Some(note.to_owned()));
        self.last = self
            .report()
            .map(|report| PushReport { problems, ..report });
        if let Some(trying) = self.trying.take()
            && stage == PushStage::Confirmed
        {
            self.good = Some(Good {
                number: trying.desired.number,
                document: trying.desired.document,
            });
        }
    }

    /// The process has begun anew: a trial under way begins anew, too, unless it was interrupted too often. Whether something has
    /// changed.
    pub(super) fn interrupted(&mut self) -> bool {
        let Some(trying) = &mut self.trying else {
            return false;
        };
        trying.interruptions += 1;
        let was = trying.stage;
        if trying.interruptions > MAX_INTERRUPTIONS {
            let note = format!(
                "the agent ended {} times while it was tried",
                trying.interruptions
            );
            let stage = match was >= PushStage::Canary {
                true => PushStage::RolledBack,
                false => PushStage::Rejected,
            };
            self.finish(stage, &note, Vec::new());
        } else {
            let note = format!("begins anew: the agent ended at {:?}", was.as_str());
            self.enter(PushStage::Received, Some(note));
        }
        true
    }
}

/// The file.
pub(super) struct Store(PathBuf);

/// What was pushed to the node with this state folder and stays, as far as it can be read.
pub(crate) fn stays(folder: &Path) -> Pushed {
    let text = fs::read(folder.join(FILE)).unwrap_or_default();
    serde_json::from_slice(&text).map_or_else(|_| Pushed::default(), |state: State| state.good())
}

impl Store {
    /// What stands in the file of a state folder. One that cannot be read is put aside, and said so: nothing was pushed then.
    pub(super) fn open(folder: &Path) -> (Store, State, Option<String>) {
        let path = folder.join(FILE);
        let read = match fs::read(&path) {
            Ok(text) => serde_json::from_slice(&text).map_err(|e| e.to_string()),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(State::default()),
            Err(e) => Err(e.to_string()),
        };
        let (state, fault) = match read {
            Ok(state) => (state, None),
            Err(why) => {
                let aside = path.with_extension("damaged");
                let kept = fs::rename(&path, &aside);
                let kept = kept.map_or_else(
                    |e| e.to_string(),
                    |()| format!("it is kept as {}", aside.display()),
                );
                let fault = format!(
                    "{}: {why}; what was pushed is forgotten, {kept}",
                    path.display()
                );
                (State::default(), Some(fault))
            }
        };
        (Store(path), state, fault)
    }

    /// Writes it, whole or not at all.
    pub(super) fn write(&self, state: &State) -> Result<(), String> {
        let write = || -> io::Result<()> {
            let folder = self.0.parent().unwrap_or(Path::new("."));
            fs::create_dir_all(folder)?;
            let mut part = tempfile::NamedTempFile::new_in(folder)?;
            part.write_all(&serde_json::to_vec_pretty(state)?)?;
            part.as_file().sync_all()?;
            part.persist(&self.0)?;
            File::open(folder)?.sync_all()
        };
        write().map_err(|e| format!("{}: {e}", self.0.display()))
    }
}

#[cfg(test)]
#[path = "state_tests.rs"]
mod tests;
