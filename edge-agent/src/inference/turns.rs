//! Whose turn it is, by share and by deadline. Pure: time is handed in, so that a test plays minutes in a moment.
//!
//! With room, the camera whose frame would give way first goes first (earliest deadline first). Once a frame has given way
//! while it waited there is too much to do, and shares follow weights: fair queueing over inference time (start-time
//! fair queueing: Goyal, Vin and Cheng, 1996). What a camera's turns took, divided by its weight, is charged to its
//! account, so that a camera with tiles pays for them, and the lowest account goes first. Nobody saves up while it asks
//! for nothing or while there is room, and nobody starves: an account that is not charged becomes the lowest.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

/// Accounts that lie within so many typical charges of the lowest are level: of these the one that is due first goes.
const LEVEL: f64 = 1.0;

/// What a camera that asked for nothing may be behind the others when it asks again, in typical charges.
const CREDIT: f64 = 2.0;

/// How fast the typical charge follows the latest ones.
const FOLLOW: f64 = 0.05;

/// A camera, as its turns know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key(u64);

/// A camera that asks for a turn.
#[derive(Clone, Copy, Debug)]
pub(super) struct Claim {
    /// Whose it is.
    pub(super) key: Key,
    /// When its frame will give way to the next one.
    pub(super) due: Instant,
}

#[derive(Debug, Default)]
struct Account {
    /// Seconds of turns, each divided by the weight that it had.
    charged: f64,
    /// It has a turn: nobody else may give it one.
    has_turn: bool,
}

/// The accounts of all cameras.
#[derive(Debug, Default)]
pub(super) struct Turns {
    accounts: BTreeMap<Key, Account>,
    next_key: u64,
    /// How far the lowest account has come; does not decrease.
    reached: f64,
    /// What a turn is charged with, about.
    typical: f64,
}

impl Turns {
    /// A camera comes, level with those that are here.
    pub(super) fn join(&mut self) -> Key {
        let key = Key(self.next_key);
        self.next_key += 1;
        let account = Account {
            charged: self.reached,
            has_turn: false,
        };
        self.accounts.insert(key, account);
        key
    }

    /// A camera goes.
    pub(super) fn leave(&mut self, key: Key) {
        self.accounts.remove(&key);
    }

    /// Whether the camera has a turn now: its results must come in order, so it gets no second one.
    pub(super) fn has_turn(&self, key: Key) -> bool {
        self.accounts.get(&key).is_some_and(|a| a.has_turn)
    }

    /// Gives one of `claims` a turn, which lasts until [`Turns::end`]. Claims of cameras that have one are not heard.
    pub(super) fn choose(&mut self, claims: &[Claim], now: Instant) -> Option<Key> {
        let least = self.reached - CREDIT * self.typical;
        let mut asking: Vec<(Claim, f64)> = Vec::with_capacity(claims.len());
        for claim in claims {
            if let Some(account) = self.accounts.get_mut(&claim.key)
                && !account.has_turn
            {
                account.charged = account.charged.max(least);
                asking.push((*claim, account.charged));
            }
        }
        let charges = asking.iter().map(|(_, charged)| *charged);
        let lowest = charges.reduce(f64::min)?;
        let overloaded = asking.iter().any(|(claim, _)| claim.due < now);
        let bound = if overloaded {
            lowest + LEVEL * self.typical
        } else {
            f64::INFINITY
        };
        let level = asking.iter().filter(|(_, charged)| *charged <= bound);
        let (first, charged) =
            level.min_by(|a, b| a.0.due.cmp(&b.0.due).then(a.1.total_cmp(&b.1)))?;
        // With room nobody takes from anybody: what one has had beyond the others is not held against it later.
        self.reached = self.reached.max(if overloaded { lowest } else { *charged });
        self.accounts.get_mut(&first.key)?.has_turn = true;
        Some(first.key)
    }

    /// Ends a turn that took `cost`, and charges it at `weight`, which must be positive.
    pub(super) fn end(&mut self, key: Key, cost: Duration, weight: f64) {
        let charge = cost.as_secs_f64() / weight;
        self.typical = if self.typical > 0.0 {
            self.typical + FOLLOW * (charge - self.typical)
        } else {
            charge
        };
        if let Some(account) = self.accounts.get_mut(&key) {
            account.has_turn = false;
            account.charged += charge;
        }
    }
}

/// How evenly shares follow weights: Jain's index of share by weight, 1 at best, 1/n at worst (Jain, Chiu, Hawe, 1984).
#[cfg(test)]
pub(super) fn jain(shares: impl Iterator<Item = (f64, f64)> + Clone) -> f64 {
    let ratios = shares.map(|(share, weight)| share / weight);
    let count = ratios.clone().count() as f64;
    let sum: f64 = ratios.clone().sum();
    let squares: f64 = ratios.map(|ratio| ratio * ratio).sum();
    sum * sum / (count * squares)
}

#[cfg(test)]
#[path = "turns_tests.rs"]
mod tests;
