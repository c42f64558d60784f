//! A second analysis of a camera beside the first: told the same, and counted, not told on.

use std::sync::Arc;

use analytics::incident::Transition;
use protocol::Name;

use crate::{
    analysis::Analysis,
    observed::tap::{Heard, Tap},
};

/// Steps that may wait until somebody looks, each with a small luma of its frame: some ten seconds of a camera.
const ROOM: usize = 128;

/// See the module.
pub(super) struct Shadow {
    pub(super) camera: Name,
    tap: Arc<Tap>,
    heard: Heard,
    analysis: Analysis,
    min_score: f32,
    from: u64,
    raised: u64,
}

impl Shadow {
    pub(super) fn begin(
        camera: &Name,
        tap: Arc<Tap>,
        analysis: Analysis,
        min_score: f32,
    ) -> Shadow {
        Shadow {
            camera: camera.clone(),
            heard: tap.listen(ROOM),
            from: tap.opened(),
            tap,
            analysis,
            min_score,
            raised: 0,
        }
    }

    /// Tells the analysis what was heard since it was last looked at.
    pub(super) fn follow(&mut self) {
        while let Ok(step) = self.heard.steps.try_recv() {
            let decisions = step.tell(&mut self.analysis, self.min_score);
            let opened = decisions
                .iter()
                .filter(|one| one.change.transition == Transition::Opened);
            self.raised += opened.count() as u64;
        }
    }

    /// Alarms that it would have raised, and those that were raised without it.
    pub(super) fn counted(&self) -> (u64, u64) {
        (self.raised, self.tap.opened().saturating_sub(self.from))
    }

    /// Steps that it did not hear.
    pub(super) fn missed(&self) -> u64 {
        self.heard.missed()
    }
}
