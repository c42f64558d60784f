//! Verdicts of operators: what is kept of them, what is ignored for them, and the cases that they make (docs/verdicts.md).
//!
//! Owns `verdicts.db` of the state folder. Every change is on the disk before a receipt says so. An ignored area belongs to one
//! camera and one rule; it reaches the running rule through the camera's [`Teller`], and is dropped, and told, where its rule is
//! no longer there. Never touches a rule itself, and never deletes an incident.

pub mod figures;
pub mod store;
mod teller;

use std::collections::{BTreeMap, BTreeSet};

use protocol::{
    Command, CommandOutcome, CommandRequest, IgnoreArea, IgnoredArea, Name, Utc, Verdict,
};
use tokio::sync::mpsc;
use uuid::Uuid;

use super::Done;
use crate::{
    config::Settings,
    health::Faults,
    metrics::Metrics,
    replay::{NoCase, ReplaySet},
};
use figures::VerdictFigures;
use store::{Known, Store, StoreError};
use teller::{HEARD, Heard, polygon};

pub use teller::{Teller, Tellers};

/// So many areas a node ignores at most.
const AREAS: usize = 256;
/// So many corners an area has at most.
const CORNERS: usize = 32;
/// What the usual area is larger than the boxes by, on each side: a share of their width and height, and of the picture at least.
const GROWN: [f32; 2] = [0.15, 0.01];

/// Why a command is not carried out.
type Refusal = (CommandOutcome, String);

/// See the module.
pub struct Verdicts {
    store: Result<Store, String>,
    /// Names of rules, by camera.
    cameras: BTreeMap<Name, BTreeSet<String>>,
    heard: mpsc::Receiver<Heard>,
    tellers: Tellers,
    replay: ReplaySet,
    figures: VerdictFigures,
}

fn rules(settings: &Settings) -> BTreeMap<Name, BTreeSet<String>> {
    let cameras = settings.cameras.iter().map(|camera| {
        let rules = camera.scene.rules.iter().map(|rule| rule.id.clone());
        (camera.id.clone(), rules.collect())
    });
    cameras.collect()
}

impl Verdicts {
    /// Opens what is kept in the state folder, and drops areas whose rules are no longer there. Where it cannot be used,
    /// every verdict is refused, and the health report says why.
    pub fn open(
        settings: &Settings,
        replay: ReplaySet,
        metrics: &Metrics,
        faults: &Faults,
    ) -> Verdicts {
        let (says, heard) = mpsc::channel(HEARD);
        let mut verdicts = Verdicts {
            store: open_store(settings, faults),
            cameras: rules(settings),
            heard,
            tellers: Tellers::new(says, metrics.commands.verdicts.clone()),
            replay,
            figures: metrics.commands.verdicts.clone(),
        };
        if let Err(why) = verdicts.begin() {
            tracing::error!("ignored areas are not known: {why}");
            faults.set("verdicts", Some(why.to_string()));
        }
        verdicts
    }

    /// Drops what is no longer of use, and gives every camera its areas.
    fn begin(&mut self) -> Result<(), StoreError> {
        let Ok(store) = &self.store else {
            return Ok(());
        };
        store.forget_ended(Utc::now())?;
        for area in store.areas()? {
            let IgnoredArea {
                area: id,
                camera,
                rule,
                ..
            } = &area;
            let rules = self.cameras.get(camera);
            if rules.is_some_and(|rules| rules.contains(rule.as_str())) {
                continue;
            }
            store.remove_area(*id)?;
            let why = format!(
                "the area {id} of camera {camera} is no longer ignored: its rule {rule} is not in the configuration"
            );
            tracing::warn!("{why}");
            self.figures.dropped(why);
        }
        self.publish()
    }

    /// Tells cameras, figures and the replay set which areas are ignored now.
    fn publish(&self) -> Result<(), StoreError> {
        let Ok(store) = &self.store else {
            return Ok(());
        };
        let areas = store.areas()?;
        self.figures.set_areas(areas.len());
        self.tellers.publish(&areas);
        self.replay.set_ignored(&areas);
        Ok(())
    }

    /// Where cameras' sides come from.
    pub fn tellers(&self) -> Tellers {
        self.tellers.clone()
    }

    /// Another configuration is in force. Areas of rules that are gone wait for them until the next start.
    pub fn reconfigured(&mut self, settings: &Settings) {
        self.cameras = rules(settings);
        self.replay.reconfigured(settings);
    }

    /// Takes the next thing that a camera says. May be dropped and called again: nothing is lost.
    pub async fn listen(&mut self) {
        if let Some(heard) = self.heard.recv().await {
            self.hear(heard);
        }
    }

    fn hear(&mut self, heard: Heard) {
        let Ok(store) = &mut self.store else { return };
        let taken = match heard {
            Heard::Opened(known) => store.note(&known),
            Heard::Clip(incident) => self.clip_kept(incident),
        };
        if let Err(why) = taken {
            tracing::error!("an incident cannot be judged on this node: {why}");
        }
    }

    /// The clip of an incident that was judged before it was cut becomes a case.
    fn clip_kept(&mut self, incident: Uuid) -> Result<(), StoreError> {
        let Ok(store) = &self.store else {
            return Ok(());
        };
        let (Some(known), Some(verdict)) = (store.known(incident)?, store.verdict(incident)?)
        else {
            return Ok(());
        };
        match make_case(&mut self.replay, store, &known, verdict) {
            Err(why @ NoCase::Failed(_)) => tracing::error!(%incident, "no case: {why}"),
            Err(why) => tracing::info!(%incident, "no case: {why}"),
            Ok(remark) => tracing::info!(%incident, remark, "a case of the replay set"),
        }
        Ok(())
    }

    /// Looks after the age of cases.
    pub fn tidy(&mut self) {
        self.replay.forget_old();
    }

    /// Carries out a command that is about verdicts; nothing for others.
    pub fn carry_out(&mut self, request: &CommandRequest) -> Option<Result<Done, Refusal>> {
        // What was told before the command came is known to it.
        while let Ok(heard) = self.heard.try_recv() {
            self.hear(heard);
        }
        Some(match &request.command {
            Command::Verdict {
                camera,
                incident,
                verdict,
                ignore,
            } => self.judge(request, camera, *incident, *verdict, ignore.as_ref()),
            Command::ListIgnored { camera } => self.list(camera),
            Command::Unignore { camera, area } => self.unignore(camera, *area),
            _ => return None,
        })
    }

    fn judge(
        &mut self,
        request: &CommandRequest,
        camera: &Name,
        incident: Uuid,
        verdict: Verdict,
        ignore: Option<&IgnoreArea>,
    ) -> Result<Done, Refusal> {
        self.rules_of(camera)?;
        let store = self.store.as_ref().map_err(failed)?;
        let known = store.known(incident).map_err(failed)?;
        let known = known.filter(|known| known.camera == *camera);
        let known = known.ok_or_else(|| {
            refused(format!(
                "camera {camera} has no incident {incident} (any more): the latest 10000 of the node can be judged"
            ))
        })?;
        let area = match ignore {
            Some(ignore) => Some(self.area(request, &known, ignore)?),
            None => None,
        };
        let store = self.store.as_mut().map_err(failed)?;
        let kept = store.judge(incident, verdict, request.issued, area.as_ref());
        kept.map_err(failed)?;
        tracing::info!(%camera, %incident, verdict = verdict.as_str(), ignored = area.is_some(), "judged");
        let case = make_case(&mut self.replay, store, &known, verdict);
        self.publish().map_err(failed)?;
        Ok(Done {
            incident: Some(incident),
            remark: match case {
                Ok(remark) => remark,
                Err(why) => Some(why.to_string()),
            },
            ignored: area.into_iter().collect(),
            ..Done::default()
        })
    }

    /// The area that is to be ignored.
    fn area(
        &self,
        request: &CommandRequest,
        known: &Known,
        ignore: &IgnoreArea,
    ) -> Result<IgnoredArea, Refusal> {
        let Known { camera, rule, .. } = known;
        if !self.rules_of(camera)?.contains(rule.as_str()) {
            return Err(refused(format!(
                "camera {camera} has no rule {rule} any more: give the verdict without an area"
            )));
        }
        if ignore.until.is_some_and(|until| until <= request.issued) {
            return Err(refused("ignore.until lies before the command itself"));
        }
        let corners = match &ignore.polygon {
            Some(corners) => corners.clone(),
            None => around(&known.boxes).ok_or_else(|| {
                refused(
                    "the incident has no objects, so there is no area to ignore: give a polygon",
                )
            })?,
        };
        if known.boxes.is_empty() {
            return Err(refused(format!(
                "incidents of rule {rule} have no objects, so none of them is in an area"
            )));
        }
        if corners.len() > CORNERS {
            return Err(refused(format!("an area has at most {CORNERS} corners")));
        }
        polygon(&corners).map_err(|why| refused(format!("ignore.polygon: {why}")))?;
        let store = self.store.as_ref().map_err(failed)?;
        if store.areas().map_err(failed)?.len() >= AREAS {
            return Err(refused(format!(
                "{AREAS} areas are ignored already: remove some, or mask the place in the configuration"
            )));
        }
        Ok(IgnoredArea {
            area: request.request,
            camera: camera.clone(),
            rule: rule.clone(),
            incident: known.id,
            polygon: corners,
            since: request.issued,
            until: ignore.until,
        })
    }

    fn list(&self, camera: &Name) -> Result<Done, Refusal> {
        self.rules_of(camera)?;
        let store = self.store.as_ref().map_err(failed)?;
        let now = Utc::now();
        let areas = store.areas().map_err(failed)?.into_iter();
        let own = areas.filter(|a| a.camera == *camera && a.until.is_none_or(|until| until > now));
        Ok(Done {
            ignored: own.collect(),
            ..Done::default()
        })
    }

    fn unignore(&mut self, camera: &Name, id: Uuid) -> Result<Done, Refusal> {
        self.rules_of(camera)?;
        let store = self.store.as_ref().map_err(failed)?;
        let areas = store.areas().map_err(failed)?;
        if !areas.iter().any(|a| a.area == id && a.camera == *camera) {
            return Err(refused(format!(
                "camera {camera} ignores no area {id} (any more)"
            )));
        }
        store.remove_area(id).map_err(failed)?;
        tracing::info!(%camera, area = %id, "an area is watched again");
        self.publish().map_err(failed)?;
        Ok(Done::default())
    }

    fn rules_of(&self, camera: &Name) -> Result<&BTreeSet<String>, Refusal> {
        self.cameras.get(camera).ok_or_else(|| {
            let known: Vec<&str> = self.cameras.keys().map(Name::as_str).collect();
            refused(format!(
                "there is no camera {camera}; these are there: {}",
                known.join(", ")
            ))
        })
    }
}

fn open_store(settings: &Settings, faults: &Faults) -> Result<Store, String> {
    let path = settings.state_dir.join("verdicts.db");
    if settings.command_keys.is_empty() && !path.try_exists().unwrap_or(true) {
        return Err("this node takes no commands".to_owned());
    }
    match Store::open(&path) {
        Ok((store, aside)) => {
            if let Some(aside) = aside {
                let why = format!(
                    "{} was damaged and is now {}: verdicts and ignored areas from before are lost, give them again",
                    path.display(),
                    aside.display()
                );
                tracing::error!("{why}");
                faults.set("verdicts", Some(why));
            }
            Ok(store)
        }
        Err(why) => {
            tracing::error!("no verdict is taken, and no area ignored: {why}");
            faults.set("verdicts", Some(why.to_string()));
            Err(why.to_string())
        }
    }
}

/// Makes the case of a verdict out of the incident's clip.
fn make_case(
    replay: &mut ReplaySet,
    store: &Store,
    known: &Known,
    verdict: Verdict,
) -> Result<Option<String>, NoCase> {
    let others = |from, to| store.others(known, from, to).unwrap_or_default();
    replay.add(known, verdict, &others)
}

/// Around these boxes, a little larger; nothing around none.
fn around(boxes: &[[f32; 4]]) -> Option<Vec<[f32; 2]>> {
    let far =
        |get: fn(&[f32; 4]) -> f32, pick: fn(f32, f32) -> f32| boxes.iter().map(get).reduce(pick);
    let left = far(|b| b[0], f32::min)?;
    let top = far(|b| b[1], f32::min)?;
    let right = far(|b| b[0] + b[2], f32::max)?;
    let bottom = far(|b| b[1] + b[3], f32::max)?;
    let [share, least] = GROWN;
    let (dx, dy) = (
        ((right - left) * share).max(least),
        ((bottom - top) * share).max(least),
    );
    let within = |v: f32| (v.clamp(0.0, 1.0) * 10_000.0).round() / 10_000.0;
    let (x0, x1) = (within(left - dx), within(right + dx));
    let (y0, y1) = (within(top - dy), within(bottom + dy));
    Some(vec![[x0, y0], [x1, y0], [x1, y1], [x0, y1]])
}

fn refused(why: impl ToString) -> Refusal {
    (CommandOutcome::Refused, why.to_string())
}

fn failed(why: impl ToString) -> Refusal {
    (CommandOutcome::Failed, why.to_string())
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
