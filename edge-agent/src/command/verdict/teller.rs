//! A camera's side of verdicts: what it tells of its incidents, and which areas its rules are to ignore.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use analytics::{
    geometry::{Point, Polygon},
    rule::RuleIndex,
};
use protocol::{IgnoredArea, IncidentState, Name, Utc, incident::EvidenceState};
use tokio::sync::{mpsc, watch};
use uuid::Uuid;

use super::{figures::VerdictFigures, store::Known};
use crate::{config::settings::CameraSettings, report::Report};

/// What cameras' tasks say that may wait. Loss policy: what comes while it is full is dropped and logged; that incident cannot
/// be judged on the node.
pub(super) const HEARD: usize = 1024;

/// What a camera's task says.
#[derive(Debug)]
pub(super) enum Heard {
    /// An incident opened.
    Opened(Known),
    /// An incident's clip is kept.
    Clip(Uuid),
}

/// All areas of one camera.
pub(super) type Areas = Arc<[IgnoredArea]>;

/// Where cameras' sides come from. Cheap to clone: all clones are one.
#[derive(Clone)]
pub struct Tellers {
    says: mpsc::Sender<Heard>,
    /// The areas of each camera that was ever asked for.
    areas: Arc<Mutex<BTreeMap<Name, watch::Sender<Areas>>>>,
    /// All areas that were published last.
    latest: Arc<Mutex<Vec<IgnoredArea>>>,
    figures: VerdictFigures,
}

impl Tellers {
    pub(super) fn new(says: mpsc::Sender<Heard>, figures: VerdictFigures) -> Tellers {
        Tellers {
            says,
            areas: Arc::default(),
            latest: Arc::default(),
            figures,
        }
    }

    /// A camera's side.
    pub fn of(&self, camera: &CameraSettings) -> Teller {
        let mut areas = self.areas.lock().unwrap_or_else(PoisonError::into_inner);
        let own = areas.entry(camera.id.clone()).or_insert_with(|| {
            let latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
            watch::Sender::new(own(&latest, &camera.id))
        });
        Teller {
            camera: camera.id.clone(),
            rules: (camera.scene.rules.iter().map(|rule| rule.id.clone())).collect(),
            heard: self.says.clone(),
            areas: own.subscribe(),
            next_end: None,
            fresh: true,
            counted: BTreeMap::new(),
            figures: self.figures.clone(),
        }
    }

    /// As a camera would say it.
    #[cfg(test)]
    pub(super) fn say(&self, heard: Heard) {
        self.says.try_send(heard).expect("it has room");
    }

    /// Tells cameras which areas are ignored now.
    pub(super) fn publish(&self, all: &[IgnoredArea]) {
        *self.latest.lock().unwrap_or_else(PoisonError::into_inner) = all.to_vec();
        let areas = self.areas.lock().unwrap_or_else(PoisonError::into_inner);
        for (camera, sender) in areas.iter() {
            let own = own(all, camera);
            sender.send_if_modified(|before| {
                let is_other = **before != *own;
                *before = own;
                is_other
            });
        }
    }
}

fn own(all: &[IgnoredArea], camera: &Name) -> Areas {
    all.iter()
        .filter(|area| area.camera == *camera)
        .cloned()
        .collect()
}

/// See the module.
pub struct Teller {
    pub(super) camera: Name,
    /// Names of the camera's rules, in their order.
    pub(super) rules: Vec<String>,
    pub(super) heard: mpsc::Sender<Heard>,
    pub(super) areas: watch::Receiver<Areas>,
    /// When the next area ends by itself.
    pub(super) next_end: Option<Utc>,
    /// Nothing was applied yet.
    pub(super) fresh: bool,
    pub(super) counted: BTreeMap<RuleIndex, u64>,
    pub(super) figures: VerdictFigures,
}

impl Teller {
    /// Tells of an incident that opens or whose clip is kept; other reports say nothing new.
    pub fn tell(&self, report: &Report) {
        let data = &report.event.data;
        let clip = |state| {
            let mut parts = data.evidence.iter();
            parts.any(|part| part.part.as_str() == "clip" && part.state == state)
        };
        let heard = if data.state == IncidentState::Opened {
            Heard::Opened(Known {
                id: data.incident_id,
                camera: self.camera.clone(),
                rule: data.rule.id.clone(),
                opened: data.time.capture,
                boxes: data.objects.iter().map(|object| object.r#box).collect(),
            })
        } else if clip(EvidenceState::OnRequest) {
            Heard::Clip(data.incident_id)
        } else {
            return;
        };
        if let Err(mpsc::error::TrySendError::Full(_)) = self.heard.try_send(heard) {
            tracing::warn!(camera = %self.camera, "an incident cannot be judged on this node: too much to note");
        }
    }

    /// The areas of every rule at `now`, if they have changed since they were asked for.
    pub fn due(&mut self, now: Utc) -> Option<Vec<(RuleIndex, Vec<Polygon>)>> {
        let changed = self.areas.has_changed().unwrap_or_default();
        let ended = self.next_end.is_some_and(|end| end <= now);
        if !changed && !ended && !std::mem::take(&mut self.fresh) {
            return None;
        }
        let areas = Arc::clone(&self.areas.borrow_and_update());
        let alive: Vec<&IgnoredArea> = areas
            .iter()
            .filter(|area| area.until.is_none_or(|until| until > now))
            .collect();
        self.next_end = alive.iter().filter_map(|area| area.until).min();
        let of = |rule: &String| {
            let own = alive.iter().filter(|area| area.rule.as_str() == rule);
            own.filter_map(|area| polygon(&area.polygon).ok()).collect()
        };
        let rules = self.rules.iter().enumerate();
        Some(rules.map(|(i, rule)| (RuleIndex(i), of(rule))).collect())
    }

    /// Takes what rules have held back in ignored areas since they began; logs and counts what is new.
    pub fn count(&mut self, ignored: impl Iterator<Item = (RuleIndex, u64)>) {
        for (rule, all) in ignored {
            let before = self.counted.insert(rule, all).unwrap_or_default();
            let new = all.saturating_sub(before);
            if new > 0 {
                let name = self.rules.get(rule.0).map_or("?", String::as_str);
                let camera = self.camera.as_str();
                tracing::info!(camera, rule = name, new, "held back: in an ignored area");
                self.figures.held_back(camera, name, new);
            }
        }
    }
}

/// The area of these corners.
pub(super) fn polygon(corners: &[[f32; 2]]) -> Result<Polygon, String> {
    let points = corners.iter().map(|[x, y]| Point::new(*x, *y));
    Polygon::new(points.collect()).map_err(|e| e.to_string())
}
