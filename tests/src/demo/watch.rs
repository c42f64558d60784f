//! What was said so far: by the cameras' script, and by the node over the broker.

use std::{
    collections::BTreeMap,
    io::{self, Write},
    sync::{Arc, Mutex, PoisonError},
};

use jiff::Timestamp;
use protocol::{CameraState, Health, IncidentEvent, IncidentState};

use super::{
    screen::Screen,
    verdict::{Scripted, Windows},
};
use crate::harness::{Recorder, Told};

/// The truth log, as far as it is written.
#[derive(Clone, Debug, Default)]
pub(super) struct Script(Arc<Mutex<Vec<u8>>>);

impl Script {
    /// A writer that keeps what it writes to `file` in memory as well.
    pub(super) fn tee(&self, file: impl Write + Send + 'static) -> impl Write + Send + 'static {
        Tee {
            file,
            kept: self.clone(),
        }
    }

    /// The incidents that have begun.
    pub(super) fn incidents(&self) -> Vec<Scripted> {
        let text = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Lines about a clip's beginning are of another form.
        text.split(|byte| *byte == b'\n')
            .filter_map(|line| serde_json::from_slice(line).ok())
            .collect()
    }
}

struct Tee<W> {
    file: W,
    kept: Script,
}

impl<W: Write> Write for Tee<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write_all(bytes)?;
        self.kept
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// What the node has said.
#[derive(Debug)]
pub(super) struct Watch {
    cameras: Vec<String>,
    /// Names for people.
    names: BTreeMap<String, String>,
    read: usize,
    states: BTreeMap<String, (CameraState, Option<String>)>,
    watched_since: BTreeMap<String, Timestamp>,
    ended: Option<Timestamp>,
    alerts: usize,
}

impl Watch {
    pub(super) fn new(cameras: Vec<String>, names: BTreeMap<String, String>) -> Self {
        Watch {
            cameras,
            names,
            read: 0,
            states: BTreeMap::new(),
            watched_since: BTreeMap::new(),
            ended: None,
            alerts: 0,
        }
    }

    /// Reads what is new and tells it.
    pub(super) fn glance(
        &mut self,
        recorder: &Recorder,
        screen: &mut Screen,
    ) -> anyhow::Result<()> {
        for message in recorder.messages_from(self.read) {
            self.read += 1;
            match message.told {
                Told::Incident(event) => self.tell(&event, message.at, screen)?,
                Told::Health(health) => self.note(&health, screen)?,
                Told::Status(_) | Told::Config(_) | Told::Receipt(_) | Told::Other => {}
            }
        }
        Ok(())
    }

    fn tell(
        &mut self,
        event: &IncidentEvent,
        at: Timestamp,
        screen: &mut Screen,
    ) -> anyhow::Result<()> {
        if event.data.state != IncidentState::Opened {
            return Ok(());
        }
        self.alerts += 1;
        let id = event.data.camera.id.as_str();
        let name = self.names.get(id).map_or(id, String::as_str);
        Ok(screen.alert(event, name, at)?)
    }

    fn note(&mut self, health: &Health, screen: &mut Screen) -> anyhow::Result<()> {
        for camera in &health.cameras {
            let id = camera.id.to_string();
            let now = (camera.state, camera.reason.clone());
            if self.states.get(&id) != Some(&now) {
                screen.camera(&id, camera.state, camera.reason.as_deref())?;
            }
            if camera.state == CameraState::Watching {
                self.watched_since.entry(id.clone()).or_insert(health.time);
            }
            self.states.insert(id, now);
        }
        Ok(())
    }

    /// Every camera has been seen at least once.
    pub(super) fn all_watched(&self) -> bool {
        self.cameras
            .iter()
            .all(|id| self.watched_since.contains_key(id))
    }

    pub(super) fn alerts(&self) -> usize {
        self.alerts
    }

    pub(super) fn end(&mut self, at: Timestamp) {
        self.ended = Some(at);
    }

    /// From when to when each camera was watched.
    pub(super) fn windows(&self) -> Windows {
        let end = self.ended.unwrap_or_else(Timestamp::now);
        self.watched_since
            .iter()
            .map(|(id, from)| (id.clone(), (*from, end)))
            .collect()
    }
}
