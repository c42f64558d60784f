//! What a node will never send: the numbers of messages that it gave up, so that the centre waits for them no longer.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::Utc;

/// Ranges of numbers in one message at most: it stays below 8 KiB.
pub const MAX_RANGES: usize = 250;

/// Messages of one boot and one class that were given up for one reason. It takes no number of its own: it stands at
/// those that it names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Tombstone {
    /// The boot that `seqs` count in.
    pub bootid: Uuid,
    /// First and last number of each run, both given up, in rising order.
    pub seqs: Vec<[u64; 2]>,
    /// What they were, for instance `snapshot`.
    pub class: String,
    /// Why, in words for people, for instance `quota`.
    pub reason: String,
    /// Their payloads in bytes.
    pub bytes: u64,
    /// When this was said.
    pub time: Utc,
}

impl Tombstone {
    /// How many messages were given up.
    pub fn count(&self) -> u64 {
        let runs = self.seqs.iter();
        runs.map(|[first, last]| (last.saturating_sub(*first)).saturating_add(1))
            .fold(0, u64::saturating_add)
    }

    /// Why it makes no sense, if it does not: `seqs` is empty, too long, not rising, or begins below 1.
    pub fn fault(&self) -> Option<&'static str> {
        let mut before = 0;
        for [first, last] in &self.seqs {
            if *first <= before || last < first {
                return Some("seqs do not rise from 1");
            }
            before = *last;
        }
        match self.seqs.len() {
            0 => Some("seqs is empty"),
            n if n > MAX_RANGES => Some("seqs is too long"),
            _ => None,
        }
    }
}

/// Runs of numbers, the first [`MAX_RANGES`] of them, out of rising numbers; and how many numbers they hold.
pub fn runs(rising: impl IntoIterator<Item = u64>) -> (Vec<[u64; 2]>, usize) {
    let (mut runs, mut taken) = (Vec::<[u64; 2]>::new(), 0);
    for seq in rising {
        let full = runs.len() == MAX_RANGES;
        match runs.last_mut() {
            Some([_, last]) if last.checked_add(1) == Some(seq) => *last = seq,
            _ if full => break,
            _ => runs.push([seq, seq]),
        }
        taken += 1;
    }
    (runs, taken)
}
