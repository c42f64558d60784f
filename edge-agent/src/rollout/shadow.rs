//! A second analysis of a camera beside the first: told the same, and counted, not told on.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use analytics::incident::Transition;
use protocol::Name;
use tokio::task::JoinHandle;

use crate::{
    analysis::Analysis,
    observed::tap::{Heard, Tap},
};

/// Steps that may wait, some with a small luma of their frame: ten seconds of a camera.
const ROOM: usize = 128;

/// See the module. It ends when it is dropped.
pub(super) struct Shadow {
    pub(super) camera: Name,
    tap: Arc<Tap>,
    from: u64,
    raised: Arc<AtomicU64>,
    missed: Arc<AtomicU64>,
    task: JoinHandle<()>,
}

impl Shadow {
    pub(super) fn begin(camera: &Name, tap: Arc<Tap>, analysis: Analysis, min_score: f32) -> Shadow {
        let (raised, missed) = (Arc::<AtomicU64>::default(), Arc::<AtomicU64>::default());
        let heard = tap.listen(ROOM);
        let task = tokio::spawn(follow(
            heard,
            analysis,
            min_score,
            Arc::clone(&raised),
            Arc::clone(&missed),
        ));
        Shadow {
            camera: camera.clone(),
            from: tap.opened(),
            tap,
            raised,
            missed,
            task,
        }
    }

    /// Alarms that it would have raised, and those that were raised without it.
    pub(super) fn counted(&self) -> (u64, u64) {
        let without = self.tap.opened().saturating_sub(self.from);
        (self.raised.load(Ordering::Relaxed), without)
    }

    /// Steps that it did not hear.
    pub(super) fn missed(&self) -> u64 {
        self.missed.load(Ordering::Relaxed)
    }
}

impl Drop for Shadow {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn follow(
    mut heard: Heard,
    mut analysis: Analysis,
    min_score: f32,
    raised: Arc<AtomicU64>,
    missed: Arc<AtomicU64>,
) {
    while let Some(step) = heard.steps.recv().await {
        let decisions = step.tell(&mut analysis, min_score);
        let opened = decisions.iter().filter(|one| one.change.transition == Transition::Opened);
        raised.fetch_add(opened.count() as u64, Ordering::Relaxed);
        missed.store(heard.missed(), Ordering::Relaxed);
    }
}
