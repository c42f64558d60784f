//! `[replay]`: whether judged clips lie unsealed on the node as evaluation cases, how many, and for how long.

use std::time::Duration;

use super::{archive::ArchiveSettings, check::Check, problem::At, raw::RawReplay};

/// A day in seconds.
const DAY: u64 = 86_400;

/// Cases out of operators' verdicts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplaySettings {
    /// Whether any are made: their clips are not sealed, and not masked.
    pub enabled: bool,
    /// So many at most.
    pub max_cases: usize,
    /// What they may take, in bytes.
    pub max_bytes: u64,
    /// None is kept for longer after its incident.
    pub keep: Duration,
}

impl Default for ReplaySettings {
    fn default() -> Self {
        ReplaySettings {
            enabled: false,
            max_cases: 200,
            max_bytes: 1024 << 20,
            keep: Duration::from_secs(30 * DAY),
        }
    }
}

impl Check<'_> {
    pub(super) fn replay(
        &mut self,
        raw: Option<&At<RawReplay>>,
        archive: &ArchiveSettings,
    ) -> ReplaySettings {
        let usual = ReplaySettings::default();
        let Some(At { value: raw, .. }) = raw else {
            return usual;
        };
        let enabled = raw.enabled.or(false);
        if let Some(at) = raw.enabled.given()
            && enabled
            && archive.recipient.is_none()
        {
            let text =
                "needs archive.recipient: cases are made of the clips that the archive keeps";
            self.problems.push(at.problem(text));
        }
        let cases = self.number(&raw.max_cases, 1..=10_000, usual.max_cases as u64);
        let mib = self.number(&raw.max_mib, 1..=(1 << 20), usual.max_bytes >> 20);
        let days = self.number(&raw.keep_days, 1..=3650, usual.keep.as_secs() / DAY);
        ReplaySettings {
            enabled,
            max_cases: cases as usize,
            max_bytes: mib << 20,
            keep: Duration::from_secs(days * DAY),
        }
    }
}
