//! One slot: the latest frame wins. What is not taken in time is dropped and counted; nothing ever waits for a reader.

use std::{
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use super::held;

/// Wakes those who wait for any of several mailboxes.
#[derive(Debug, Default)]
pub struct Bell {
    rung: Mutex<u64>,
    changed: Condvar,
}

impl Bell {
    /// Wakes everybody who waits.
    pub fn ring(&self) {
        *held(&self.rung) += 1;
        self.changed.notify_all();
    }

    /// How often it has been rung: taken before a look at the mailboxes, so that nothing is missed between the look and
    /// [`Bell::wait`].
    pub fn rung(&self) -> u64 {
        *held(&self.rung)
    }

    /// Waits until it has been rung more than `seen` times, or until `limit` has passed.
    pub fn wait(&self, seen: u64, limit: Duration) {
        let until = Instant::now() + limit;
        let mut rung = held(&self.rung);
        while *rung == seen {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            rung = match self.changed.wait_timeout(rung, left) {
                Ok((guard, _)) => guard,
                Err(poisoned) => poisoned.into_inner().0,
            };
        }
    }
}

/// A slot for one value.
#[derive(Debug)]
pub struct Mailbox<T> {
    slot: Mutex<Option<Waiting<T>>>,
    dropped: Arc<AtomicU64>,
    bell: Arc<Bell>,
    emptied: Condvar,
}

/// What lies in a slot.
#[derive(Debug)]
struct Waiting<T> {
    value: T,
    /// Since when this value lies there.
    put: Instant,
    /// Since when the slot has not been empty.
    since: Instant,
}

impl<T> Mailbox<T> {
    /// An empty slot that rings `bell` when something is put in. Loss policy: the latest wins.
    pub fn new(bell: Arc<Bell>) -> Mailbox<T> {
        Mailbox::counting(bell, Arc::default())
    }

    /// As [`Mailbox::new`]; what is dropped is counted in `dropped`.
    pub fn counting(bell: Arc<Bell>, dropped: Arc<AtomicU64>) -> Mailbox<T> {
        Mailbox {
            slot: Mutex::new(None),
            dropped,
            bell,
            emptied: Condvar::new(),
        }
    }

    /// Puts a value in; one that still lies there is dropped and counted.
    pub fn put(&self, value: T) {
        self.put_at(value, Instant::now());
    }

    /// As [`Mailbox::put`], with the time of this moment.
    pub fn put_at(&self, value: T, now: Instant) {
        let mut slot = held(&self.slot);
        let since = slot.as_ref().map_or(now, |old| old.since);
        let old = slot.replace(Waiting {
            value,
            put: now,
            since,
        });
        drop(slot);
        if old.is_some() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
        self.bell.ring();
    }

    /// As [`Mailbox::put`], but waits for the slot to be empty, no longer than `limit`: for what came late in a burst and
    /// is wanted all the same.
    pub fn put_patiently(&self, value: T, limit: Duration) {
        let until = Instant::now() + limit;
        let mut slot = held(&self.slot);
        while slot.is_some() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            slot = match self.emptied.wait_timeout(slot, left) {
                Ok((guard, _)) => guard,
                Err(poisoned) => poisoned.into_inner().0,
            };
        }
        drop(slot);
        self.put(value);
    }

    /// Takes what lies there.
    pub fn take(&self) -> Option<T> {
        self.take_with_time().map(|(value, _)| value)
    }

    /// Takes what lies there, with the time at which it was put in.
    pub fn take_with_time(&self) -> Option<(T, Instant)> {
        let waiting = held(&self.slot).take()?;
        self.emptied.notify_all();
        Some((waiting.value, waiting.put))
    }

    /// Since when the slot has not been empty: a value that gives way to a later one passes its place in time on.
    pub fn waiting_since(&self) -> Option<Instant> {
        held(&self.slot).as_ref().map(|waiting| waiting.since)
    }

    /// How many values were dropped.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_wins_and_the_rest_is_counted() {
        let mailbox = Mailbox::new(Arc::default());
        assert_eq!(mailbox.take(), None);
        for i in 1..=3 {
            mailbox.put(i);
        }
        assert_eq!((mailbox.take(), mailbox.dropped()), (Some(3), 2));
        assert_eq!(mailbox.take(), None);
        mailbox.put(4);
        assert_eq!((mailbox.take(), mailbox.dropped()), (Some(4), 2));
    }

    #[test]
    fn what_is_put_patiently_pushes_nothing_out_while_somebody_takes() {
        let mailbox = Arc::new(Mailbox::new(Arc::default()));
        let writer = {
            let mailbox = Arc::clone(&mailbox);
            let limit = Duration::from_secs(60);
            std::thread::spawn(move || (0..100).for_each(|i| mailbox.put_patiently(i, limit)))
        };
        let mut taken = Vec::new();
        while taken.len() < 100 {
            taken.extend(mailbox.take());
        }
        writer.join().expect("writer");
        assert_eq!((taken, mailbox.dropped()), ((0..100).collect(), 0));
        mailbox.put(1);
        mailbox.put_patiently(2, Duration::ZERO);
        assert_eq!((mailbox.take(), mailbox.dropped()), (Some(2), 1));
    }

    #[test]
    fn a_later_value_takes_over_the_place_in_time_of_the_one_before() {
        let mailbox = Mailbox::new(Arc::default());
        let begun = Instant::now();
        let later = begun + Duration::from_secs(1);
        assert_eq!(mailbox.waiting_since(), None);
        mailbox.put_at('a', begun);
        mailbox.put_at('b', later);
        assert_eq!(mailbox.waiting_since(), Some(begun));
        assert_eq!(mailbox.take_with_time(), Some(('b', later)));
        mailbox.put_at('c', later);
        assert_eq!(mailbox.waiting_since(), Some(later));
    }

    #[test]
    fn a_ring_between_the_look_and_the_wait_is_not_missed() {
        let bell = Arc::new(Bell::default());
        let mailbox = Mailbox::new(Arc::clone(&bell));
        let seen = bell.rung();
        mailbox.put(());
        bell.wait(seen, Duration::from_secs(3600));
        assert!(mailbox.take().is_some());
    }

    #[test]
    fn every_value_is_taken_or_counted() {
        let bell = Arc::new(Bell::default());
        let mailbox = Arc::new(Mailbox::new(Arc::clone(&bell)));
        let writer = {
            let mailbox = Arc::clone(&mailbox);
            std::thread::spawn(move || (1..=10_000_u64).for_each(|i| mailbox.put(i)))
        };
        let (mut taken, mut last) = (0, 0);
        while last < 10_000 {
            let seen = bell.rung();
            match mailbox.take() {
                Some(value) => {
                    assert!(value > last, "values come in order");
                    (taken, last) = (taken + 1, value);
                }
                None => bell.wait(seen, Duration::from_secs(3600)),
            }
        }
        writer.join().expect("writer");
        assert_eq!(taken + mailbox.dropped(), 10_000);
    }
}
