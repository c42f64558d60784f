//! How much the spool may hold, and what goes first when it is full.

use super::Class;

/// Bytes that the write-ahead log may take besides the database; it is cut back to this after a checkpoint.
pub const LOG: u64 = 8 << 20;

/// Page of the database in bytes.
const PAGE: u64 = 4096;
/// Bytes of a row besides its payload: topic, numbers, and its places in two indexes.
const ROW: u64 = 300;

/// Limits in bytes on the disk, as [`room`] reckons them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// All records together, set aside or waiting.
    pub total: u64,
    /// Room of `total` that is kept for [`Class::Incident`].
    pub reserved: u64,
    /// What may wait of each class, in the order of [`Class::ALL`].
    pub classes: [u64; Class::ALL.len()],
}

impl Default for Quota {
    /// 512 MiB with the log, 64 of them reserved: at 2 KiB each 32,000 incidents without a link.
    fn default() -> Self {
        Quota {
            total: (512 << 20) - LOG,
            reserved: 64 << 20,
            // Incidents have no limit but the total; each of their messages has one of manifests behind it, a status.
            classes: [
                u64::MAX,
                128 << 20,
                64 << 20,
                256 << 20,
                256 << 20,
                16 << 20,
            ],
        }
    }
}

impl Quota {
    /// What may be in use after a record of `class` was appended.
    pub(super) fn limit(&self, class: Class) -> u64 {
        match class {
            Class::Incident => self.total,
            _ => self.total.saturating_sub(self.reserved),
        }
    }

    /// What may wait of `class`.
    pub(super) fn of_class(&self, class: Class) -> u64 {
        self.classes[class as usize]
    }
}

/// What a record with a payload of so many bytes takes on the disk at most: SQLite fills pages with whole rows, and
/// gives the long ones pages of their own.
pub fn room(payload: u64) -> u64 {
    match payload + ROW {
        // Three or more share a page, a quarter of which may stay empty.
        row @ 0..=1300 => row + row.div_ceil(3),
        1301..=2000 => PAGE / 2,
        row => row.next_multiple_of(PAGE),
    }
}
