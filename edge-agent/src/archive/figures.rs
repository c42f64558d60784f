//! What /metrics says of clips on the node's disk.

use std::sync::atomic::Ordering;

use prometheus_client::{
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};
use protocol::ArchiveHealth;

use crate::metrics::OfCause;

/// The figures.
#[derive(Clone, Debug, Default)]
pub struct ArchiveFigures {
    /// Clips that are not kept although they should be.
    pub lost: Family<OfCause, Counter>,
    /// Originals that were given out.
    pub originals: Counter,
    clips: Gauge,
    bytes: Gauge,
    given_up: Counter,
}

impl ArchiveFigures {
    /// Takes over the archive's figures.
    pub fn set(&self, told: &ArchiveHealth) {
        self.clips.set(told.clips.cast_signed());
        self.bytes.set(told.bytes.cast_signed());
        self.given_up
            .inner()
            .store(told.given_up, Ordering::Relaxed);
    }

    /// Registers all of them.
    pub fn register(&self, registry: &mut Registry) {
        let r = registry;
        r.register(
            "archive_clips",
            "Clips of incidents on the disk",
            self.clips.clone(),
        );
        r.register("archive_bytes", "What they take there", self.bytes.clone());
        r.register(
            "archive_given_up",
            "Clips that were deleted for want of room or for their age",
            self.given_up.clone(),
        );
        r.register(
            "archive_lost",
            "Clips that could not be kept",
            self.lost.clone(),
        );
        r.register(
            "archive_originals_given",
            "Originals that were sent, sealed, for a role and a reason",
            self.originals.clone(),
        );
    }
}
