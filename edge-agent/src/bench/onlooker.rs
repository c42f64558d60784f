//! Looks on while the agent works: what tracking costs, and how long the way of a message takes.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use protocol::{Severity, Utc};

use crate::{
    spool::{Class, NewRecord},
    witness::{Look, Witness},
};

/// Each camera says something so often: often enough for percentiles, too seldom to cost anything.
const SAYS_EVERY: Duration = Duration::from_millis(900);
/// An incident's message is about so long.
const BYTES: usize = 1300;

/// See the module. Cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Onlooker(Arc<Mutex<Notes>>);

#[derive(Default)]
struct Notes {
    track: Duration,
    /// When each camera last said something.
    said: HashMap<String, Instant>,
    /// When the frame was captured that a message on its way is about, by its place in the order.
    on_the_way: HashMap<u64, Utc>,
    took: Vec<Duration>,
}

impl Onlooker {
    fn notes(&self) -> MutexGuard<'_, Notes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What tracking and rules took of a core so far.
    pub(super) fn track(&self) -> Duration {
        self.notes().track
    }

    /// How long messages took since the last call, from capture to acknowledgement.
    pub(super) fn take_deliveries(&self) -> Vec<Duration> {
        std::mem::take(&mut self.notes().took)
    }
}

impl Witness for Onlooker {
    fn analysed(&self, look: &Look<'_>) -> Option<NewRecord> {
        let mut notes = self.notes();
        notes.track += look.cost;
        let last = notes.said.get(look.camera);
        if last.is_some_and(|last| last.elapsed() < SAYS_EVERY) {
            return None;
        }
        notes.said.insert(look.camera.to_owned(), Instant::now());
        let captured = look.frame.stamps().capture_or_arrival();
        let noting = self.clone();
        Some(NewRecord {
            attest: None,
            class: Class::Incident,
            severity: Severity::Info,
            topic: format!("bench/{}", look.camera),
            payload: Box::new(move |_, seq| {
                noting.notes().on_the_way.insert(seq, captured);
                vec![b' '; BYTES]
            }),
        })
    }

    fn acknowledged(&self, seq: u64) {
        let mut notes = self.notes();
        if let Some(captured) = notes.on_the_way.remove(&seq) {
            // By one machine's clock; cameras on it say their capture times by it, too.
            let took = Utc::now().duration_since(captured);
            notes
                .took
                .push(Duration::try_from(took).unwrap_or_default());
        }
    }
}
