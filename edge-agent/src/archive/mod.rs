//! What stays on the node's own disk as evidence: clips of incidents, sealed to the centre's key.
//!
//! Owns the folder `archive` of the state folder. No video lies there but encrypted, and nothing leaves from here by itself:
//! the centre asks for a clip and gets it masked, or the sealed original where role and reason allow that. Room for clips
//! is bounded, and neither a full disk nor a slow one stops anything but clips (docs/evidence.md, docs/decisions/0016).

pub mod figures;
pub mod recorder;
pub mod seal;
pub mod sidecar;
pub mod store;
pub mod trail;
pub mod veil;

use std::{
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use protocol::{ArchiveHealth, Name, Original, Utc};
use tokio::{
    sync::Semaphore,
    time::{MissedTickBehavior, interval},
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    camera::held, clock, config::archive::ArchiveSettings, evidence::part::Part, health::Faults,
    inference::manifest::sha256_hex, metrics::Metrics,
};
use figures::ArchiveFigures;
use seal::BootKey;
use sidecar::{Sealed, Sidecar};
use store::{Disk, NotKept, Store};

/// How often it is looked whether clips have become too old.
const TIDY_EVERY: Duration = Duration::from_secs(600);
/// A clip is cut so long after its last picture was due: pictures come late.
pub(crate) const LATE: Duration = Duration::from_secs(1);
/// Of the reel besides the longest clip: what comes while a clip waits to be cut.
const SPARE: Duration = Duration::from_secs(3);
/// A reason is a sentence: so many characters at least.
const REASON: usize = 10;

/// The node's clips. Shared by all cameras.
pub struct Archive {
    settings: ArchiveSettings,
    /// The configuration under which clips are made.
    revision: Mutex<String>,
    /// Nothing is kept without it.
    store: Option<Mutex<Store>>,
    boot: BootKey,
    /// Masking takes a core: one clip at a time on this node.
    masking: Semaphore,
    figures: ArchiveFigures,
    /// What was last known of the store: who only wants to know waits for no disk.
    told: Mutex<Option<ArchiveHealth>>,
}

impl Archive {
    /// Opens the archive in `folder`, and removes what an earlier run left half-written. Without a recipient, or where the
    /// folder cannot be used, no clips are kept: that is logged, and a fault if it was meant to be otherwise.
    pub fn open(
        settings: ArchiveSettings,
        folder: &Path,
        revision: &str,
        faults: &Faults,
        metrics: &Metrics,
    ) -> Arc<Archive> {
        Archive::on(
            Box::new(store::Real),
            settings,
            folder,
            revision,
            faults,
            metrics,
        )
    }

    /// Another configuration is in force.
    pub fn reconfigured(&self, revision: &str) {
        *self.revision.lock().unwrap_or_else(PoisonError::into_inner) = revision.to_owned();
    }

    fn revision(&self) -> String {
        let revision = self.revision.lock().unwrap_or_else(PoisonError::into_inner);
        revision.clone()
    }

    /// The same on another disk, for tests of disks that fail.
    pub fn on(
        disk: Box<dyn Disk>,
        settings: ArchiveSettings,
        folder: &Path,
        revision: &str,
        faults: &Faults,
        metrics: &Metrics,
    ) -> Arc<Archive> {
        let store = settings.recipient.is_some().then(|| {
            Store::open(folder, settings.limits, disk, known_time()).inspect_err(|why| {
                tracing::error!("no clips of incidents are kept: {why}");
                faults.set("archive", Some(why.to_string()));
            })
        });
        if store.is_none() {
            tracing::info!(
                "no clips of incidents are kept: archive.recipient names no key to seal them to"
            );
        }
        let archive = Archive {
            settings,
            revision: Mutex::new(revision.to_owned()),
            store: store.and_then(Result::ok).map(Mutex::new),
            boot: BootKey::generate(),
            masking: Semaphore::new(1),
            figures: metrics.archive.clone(),
            told: Mutex::default(),
        };
        if let Some(store) = archive.store() {
            archive.tell(&store);
        }
        Arc::new(archive)
    }

    /// A clip is cut so long after its incident opened, at the latest.
    pub fn cut_within(&self) -> Duration {
        self.settings.max_clip + LATE
    }

    /// Whether clips of incidents are kept.
    pub fn keeps(&self) -> bool {
        self.store.is_some()
    }

    /// How much of a stream is to be held in memory where `own` is asked for: clips are cut out of it. Nothing where `own`
    /// is nothing: then no clips are made of that camera.
    pub fn reel(&self, own: Duration) -> Duration {
        if self.keeps() && !own.is_zero() {
            own.max(self.settings.max_clip + SPARE)
        } else {
            own
        }
    }

    /// Looks after the age of clips until `stop`.
    pub async fn tidy(self: Arc<Self>, stop: CancellationToken) {
        let mut ticks = interval(TIDY_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = stop.cancelled() => return,
            }
            let archive = Arc::clone(&self);
            let tidied = tokio::task::spawn_blocking(move || {
                if let Some(mut store) = archive.store() {
                    store.forget_old(known_time());
                    archive.tell(&store);
                }
            });
            if let Err(error) = tidied.await {
                tracing::error!(%error, "clips are not looked after");
            }
        }
    }

    /// Seals a film and keeps it with its sidecar. Blocks for the disk.
    ///
    /// # Errors
    /// There is no room for it, or the disk fails: then nothing of it is there.
    pub fn keep(&self, mp4: &[u8], mut sidecar: Sidecar) -> Result<Sealed, NotKept> {
        let Some(recipient) = &self.settings.recipient else {
            return Err(NotKept::new(
                "key",
                "archive.recipient names no key to seal it to",
            ));
        };
        let sealed = self
            .boot
            .seal(mp4, recipient)
            .map_err(|why| NotKept::new("key", why))?;
        sidecar.sealed = Sealed {
            bytes: sealed.len() as u64,
            sha256: sha256_hex(&sealed),
            recipient: recipient.to_string(),
        };
        let Some(mut store) = self.store() else {
            return Err(NotKept::new("disk", "its folder cannot be used"));
        };
        store.forget_old(known_time());
        let kept = store.put(&sealed, &sidecar);
        if kept.is_err() {
            store.note_lost();
        }
        self.tell(&store);
        kept.map(|()| sidecar.sealed)
    }

    /// Whether the original may be had.
    ///
    /// # Errors
    /// Why not, in words for people.
    pub fn allows(&self, original: &Original) -> Result<(), String> {
        if original.reason.trim().chars().count() < REASON {
            return Err(format!(
                "an original is given for a reason of at least {REASON} characters only"
            ));
        }
        if !self.settings.original_roles.contains(&original.role) {
            return Err(format!(
                "originals are not given to the role {}: archive.original_roles names those that may have them",
                original.role
            ));
        }
        Ok(())
    }

    /// The sealed original of an incident's clip, and its sidecar. Blocks for the disk.
    ///
    /// # Errors
    /// In words for people: there is none, or it cannot be read.
    pub fn original(&self, incident: Uuid, camera: &Name) -> Result<Vec<Part>, String> {
        let (sealed, sidecar) = self.stored(incident, camera)?;
        let trail = serde_json::to_vec(&sidecar).map_err(|e| e.to_string())?;
        Ok(vec![Part::original(sealed), Part::trail(trail)])
    }

    /// A film sealed to the centre now.
    ///
    /// # Errors
    /// There is no key to seal it to.
    pub fn sealed(&self, mp4: &[u8]) -> Result<Part, String> {
        let recipient = self.settings.recipient.as_ref();
        let recipient = recipient.ok_or(
            "an original leaves sealed only, and archive.recipient names no key to seal it to",
        )?;
        self.boot.seal(mp4, recipient).map(Part::original)
    }

    /// An incident's clip as it was filmed, for masking, and its sidecar. Blocks for the disk.
    ///
    /// # Errors
    /// In words for people: there is none, or it was sealed before this agent started, and so for the centre alone.
    pub fn unsealed(&self, incident: Uuid, camera: &Name) -> Result<(Vec<u8>, Sidecar), String> {
        let (sealed, sidecar) = self.stored(incident, camera)?;
        let mp4 = self.boot.unseal(&sealed).map_err(|why| {
            format!("the clip was sealed before this agent started, and can be had as the original only ({why})")
        })?;
        Ok((mp4, sidecar))
    }

    /// What the health report says, if clips are kept.
    pub fn told(&self) -> Option<ArchiveHealth> {
        held(&self.told).clone()
    }

    fn tell(&self, store: &Store) {
        let told = store.told();
        self.figures.set(&told);
        *held(&self.told) = Some(told);
    }

    fn stored(&self, incident: Uuid, camera: &Name) -> Result<(Vec<u8>, Sidecar), String> {
        let store = self.store().ok_or("no clips are kept on this node")?;
        let found = store.get(incident)?;
        let found = found.filter(|(_, sidecar)| sidecar.camera == *camera);
        found.ok_or_else(|| format!("has no clip of incident {incident} (any more)"))
    }

    fn store(&self) -> Option<MutexGuard<'_, Store>> {
        self.store.as_ref().map(held)
    }
}

/// The time, if the clock can be trusted: what was deleted by a clock that ran ahead is gone.
fn known_time() -> Option<Utc> {
    clock::quality().synchronised.then(Utc::now)
}
