//! Where others hear what one camera's analysis is told, while it works, and what is remembered of it. Nobody who listens can hold it up: who is slow misses something,
//! and knows it.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use tokio::sync::mpsc;

use super::{Step, memory::Memory};

/// What of a camera is heard by others.
#[derive(Debug, Default)]
pub struct Tap {
    /// Incidents that opened and were told, since the start.
    opened: AtomicU64,
    listeners: Mutex<Vec<Listener>>,
    memory: Mutex<Memory>,
}

#[derive(Debug)]
struct Listener {
    steps: mpsc::Sender<Arc<Step>>,
    missed: Arc<AtomicU64>,
}

/// What somebody hears who listens.
#[derive(Debug)]
pub struct Heard {
    /// What the analysis is told.
    pub steps: mpsc::Receiver<Arc<Step>>,
    missed: Arc<AtomicU64>,
}

impl Heard {
    /// How many steps did not get through.
    pub fn missed(&self) -> u64 {
        self.missed.load(Ordering::Relaxed)
    }
}

impl Tap {
    /// Listens from now on, until what comes back is dropped. Loss policy: past `room` steps that wait, new ones are left out and
    /// counted.
    pub fn listen(&self, room: usize) -> Heard {
        let (sender, steps) = mpsc::channel(room);
        let missed = Arc::<AtomicU64>::default();
        let listener = Listener {
            steps: sender,
            missed: Arc::clone(&missed),
        };
        self.listeners().push(listener);
        Heard { steps, missed }
    }

    /// Whether somebody listens.
    pub fn is_heard(&self) -> bool {
        let mut listeners = self.listeners();
        listeners.retain(|listener| !listener.steps.is_closed());
        !listeners.is_empty()
    }

    /// Tells who listens, and remembers it.
    pub fn tell(&self, step: Step) {
        self.memory().remember(&step);
        let step = Arc::new(step);
        for listener in self.listeners().iter() {
            if listener.steps.try_send(Arc::clone(&step)).is_err() {
                listener.missed.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// Counts an incident that opened.
    pub fn count_opened(&self) {
        self.opened.fetch_add(1, Ordering::Relaxed);
    }

    /// How many incidents have opened since the start.
    pub fn opened(&self) -> u64 {
        self.opened.load(Ordering::Relaxed)
    }

    /// The last hour, without pictures, the oldest step first.
    pub fn remembered(&self) -> Vec<Arc<Step>> {
        self.memory().steps()
    }

    fn memory(&self) -> std::sync::MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn listeners(&self) -> std::sync::MutexGuard<'_, Vec<Listener>> {
        self.listeners
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_slow_misses_steps_and_knows_it_and_who_left_is_forgotten() {
        let tap = Tap::default();
        assert!(!tap.is_heard());
        let (mut quick, mut slow) = (tap.listen(8), tap.listen(1));
        for _ in 0..3 {
            tap.tell(Step::Said(Vec::new()));
        }
        let count = |heard: &mut Heard| std::iter::from_fn(|| heard.steps.try_recv().ok()).count();
        assert_eq!((count(&mut quick), quick.missed()), (3, 0));
        assert_eq!((count(&mut slow), slow.missed()), (1, 2));
        drop((quick, slow));
        assert!(!tap.is_heard());
    }
}
