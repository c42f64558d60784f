//! How often one may try to sign in. Kept in memory: a restart forgets it, which a guesser cannot cause.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

const WINDOW: Duration = Duration::from_secs(300);
/// Tries for one name from one address within the window.
const TRIES_A_NAME: u32 = 5;
/// Tries from one address within the window, whatever the names.
const TRIES_AN_ADDRESS: u32 = 30;
/// Keys that are kept; when it is full and nothing has expired, everybody waits.
const KEYS_MAX: usize = 10_000;

type Key = (IpAddr, Option<String>);

/// Counts tries by address and name.
#[derive(Debug, Default)]
pub(super) struct Throttle {
    tries: Mutex<HashMap<Key, (Instant, u32)>>,
}

impl Throttle {
    /// Counts a try before it is made, so that tries at the same time are counted too.
    ///
    /// # Errors
    /// How long to wait, if there were too many.
    pub(super) fn admit(&self, address: IpAddr, name: &str, now: Instant) -> Result<(), Duration> {
        let mut tries = self.tries.lock().unwrap_or_else(PoisonError::into_inner);
        tries.retain(|_, (since, _)| now.duration_since(*since) < WINDOW);
        if tries.len() >= KEYS_MAX {
            return Err(WINDOW);
        }
        let keys = [
            ((address, None), TRIES_AN_ADDRESS),
            ((address, Some(name.to_lowercase())), TRIES_A_NAME),
        ];
        for (key, limit) in keys {
            let (since, count) = tries.entry(key).or_insert((now, 0));
            if *count >= limit {
                return Err(WINDOW.saturating_sub(now.duration_since(*since)));
            }
            *count += 1;
        }
        Ok(())
    }

    /// Forgets the tries for a name that has signed in.
    pub(super) fn succeeded(&self, address: IpAddr, name: &str) {
        let mut tries = self.tries.lock().unwrap_or_else(PoisonError::into_inner);
        tries.remove(&(address, Some(name.to_lowercase())));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    #[test]
    fn a_name_has_five_tries_in_a_window() {
        let throttle = Throttle::default();
        let start = Instant::now();
        for _ in 0..5 {
            assert_eq!(throttle.admit(HERE, "desk", start), Ok(()));
        }
        let later = start + Duration::from_secs(100);
        let wait = Duration::from_secs(200);
        assert_eq!(throttle.admit(HERE, "Desk", later), Err(wait));
        assert_eq!(throttle.admit(HERE, "boris", later), Ok(()));
        assert_eq!(throttle.admit(HERE, "desk", start + WINDOW), Ok(()));
    }

    #[test]
    fn an_address_has_thirty_tries_whatever_the_names() {
        let throttle = Throttle::default();
        let now = Instant::now();
        for i in 0..30 {
            assert_eq!(throttle.admit(HERE, &format!("user {i}"), now), Ok(()));
        }
        assert_eq!(throttle.admit(HERE, "another", now), Err(WINDOW));
    }

    #[test]
    fn signing_in_forgets_the_tries_of_that_name() {
        let throttle = Throttle::default();
        let now = Instant::now();
        for _ in 0..12 {
            assert_eq!(throttle.admit(HERE, "desk", now), Ok(()));
            throttle.succeeded(HERE, "desk");
        }
    }
}
