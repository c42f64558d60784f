//! The owner of every task: each has a name, hears one signal to stop, and is waited for.

use std::{future::Future, time::Duration};

use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::Instrument;

/// Tasks that live and end together.
#[derive(Clone, Debug, Default)]
pub struct Tasks {
    tracker: TaskTracker,
    stop: CancellationToken,
}

impl Tasks {
    /// Starts `work` under `name`. It must end soon after [`Tasks::stopping`] says so.
    pub fn start(&self, name: &'static str, work: impl Future<Output = ()> + Send + 'static) {
        let span = tracing::info_span!("task", name);
        self.tracker.spawn(
            async move {
                work.await;
                tracing::debug!("task ended");
            }
            .instrument(span),
        );
    }

    /// The signal to stop.
    pub fn stopping(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Asks all tasks to stop and waits for them; `false` if some were still at work after `grace`.
    pub async fn stop(&self, grace: Duration) -> bool {
        self.stop.cancel();
        self.tracker.close();
        tokio::time::timeout(grace, self.tracker.wait())
            .await
            .is_ok()
    }
}
