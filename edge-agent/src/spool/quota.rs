//! How much the spool may hold, and what goes first when it is full.

use super::Class;

/// Limits in bytes of payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// All records together.
    pub total: u64,
    /// Room of `total` that is kept for [`Class::Incident`] and [`Class::Status`].
    pub reserved: u64,
}

impl Default for Quota {
    /// 512 MiB, 64 of them reserved: at 4 KiB each more than 16,000 incidents without a link.
    fn default() -> Self {
        Quota {
            total: 512 << 20,
            reserved: 64 << 20,
        }
    }
}

impl Quota {
    /// Bytes that may be in use after a record of `class` was appended.
    pub(super) fn limit(&self, class: Class) -> u64 {
        match class {
            Class::Incident | Class::Status => self.total,
            _ => self.total.saturating_sub(self.reserved),
        }
    }
}
