//! `[archive]`: which clips stay on the node's disk, to whose key they are sealed, and how much of the disk they take.

use std::{collections::BTreeSet, time::Duration};

use protocol::Name;

use super::{
    check::Check,
    problem::At,
    raw::{RawArchive, RawCamera},
};
use crate::archive::{seal::Recipient, store::Limits};

/// Largest archive: 16 TiB.
const MAX_MIB: u64 = 16 << 20;
/// A day in seconds.
const DAY: u64 = 86_400;

/// Clips of incidents.
#[derive(Clone, Debug)]
pub struct ArchiveSettings {
    /// The centre's key, to which clips are sealed; without it none are kept.
    pub recipient: Option<Recipient>,
    /// A clip begins so long before its incident, at the key picture before that.
    pub pre_roll: Duration,
    /// It ends so long after the incident has closed.
    pub post_roll: Duration,
    /// It is at most so long, from the beginning of the pre-roll.
    pub max_clip: Duration,
    /// How much of the disk they take, and for how long.
    pub limits: Limits,
    /// Who may have originals.
    pub original_roles: BTreeSet<Name>,
}

impl Default for ArchiveSettings {
    fn default() -> Self {
        ArchiveSettings {
            recipient: None,
            pre_roll: Duration::from_secs(5),
            post_roll: Duration::from_secs(5),
            max_clip: Duration::from_secs(20),
            limits: Limits {
                max_bytes: 4096 << 20,
                keep: Duration::from_secs(14 * DAY),
                keep_free: 1024 << 20,
            },
            original_roles: BTreeSet::new(),
        }
    }
}

impl Check<'_> {
    pub(super) fn archive(&mut self, raw: Option<&At<RawArchive>>) -> ArchiveSettings {
        let default = ArchiveSettings::default();
        let Some(At { value: raw, .. }) = raw else {
            return default;
        };
        let recipient = raw
            .recipient
            .given()
            .and_then(|at| match at.value.parse::<Recipient>() {
                Ok(recipient) => Some(recipient),
                // Not what was typed: somebody may have taken the secret half.
                Err(why) => self.refuse(at, why.to_string()),
            });
        let pre_roll = self.duration(&raw.pre_roll, 0, 60, default.pre_roll);
        let post_roll = self.duration(&raw.post_roll, 0, 60, default.post_roll);
        let usual = default.max_clip.max(pre_roll + post_roll);
        let max_clip = self.duration(&raw.max_clip, 0, 120, usual);
        if let Some(at) = raw.max_clip.given()
            && max_clip < pre_roll + post_roll
        {
            let text = "is shorter than pre_roll and post_roll together";
            self.problems.push(at.problem(text));
        }
        let limits = default.limits;
        let max_mib = self.number(&raw.max_mib, 1..=MAX_MIB, limits.max_bytes >> 20);
        let days = self.number(&raw.keep_days, 1..=3650, limits.keep.as_secs() / DAY);
        let free = self.number(&raw.keep_free_mib, 0..=MAX_MIB, limits.keep_free >> 20);
        let roles = raw.original_roles.given().map_or(&[][..], |at| &at.value);
        ArchiveSettings {
            recipient,
            pre_roll,
            post_roll,
            max_clip,
            limits: Limits {
                max_bytes: max_mib << 20,
                keep: Duration::from_secs(days * DAY),
                keep_free: free << 20,
            },
            original_roles: roles.iter().filter_map(|role| self.name(role)).collect(),
        }
    }
}

/// The rules of a camera of whose incidents no clips are made (`clip = false`).
pub(super) fn without_clips(raw: &RawCamera) -> BTreeSet<String> {
    let rules = raw.rules.given().map_or(&[][..], |at| &at.value);
    let without = rules.iter().filter(|rule| !rule.clip.or(true));
    without
        .filter_map(|rule| rule.id.given().map(|at| at.value.clone()))
        .collect()
}
