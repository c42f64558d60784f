//! What the centre asks of this node: a command is checked, carried out at most once, and answered by a receipt.
//!
//! [`inbox`] judges what came, [`ledger`] remembers it over restarts, a camera's own task carries it out. Nothing is
//! heeded without a pinned key, and nothing here waits for the link: receipts go through the spool.

mod inbox;
mod ledger;
pub mod verdict;

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use protocol::{IgnoredArea, Name, Original, Preview, incident::EvidenceRef};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::archive::recorder::Wanted;
pub use inbox::Inbox;
pub use ledger::{Ledger, LedgerError, Seen};
pub use verdict::Verdicts;

/// Payloads that may wait to be judged. Loss policy: what comes while it is full is dropped; the centre repeats.
pub const QUEUE: usize = 16;
/// Orders that may wait at a camera. Loss policy: one more is answered with a failure.
pub const ORDERS: usize = 4;

/// A payload that came for this node.
#[derive(Clone, Debug)]
pub struct Incoming {
    /// Where it was published.
    pub topic: String,
    /// What was published.
    pub payload: Vec<u8>,
}

/// What a camera's task is asked to do.
#[derive(Debug)]
pub struct Order {
    /// What.
    pub task: Task,
    /// The request, under whose id pictures go.
    pub request: Uuid,
    /// Where the answer goes.
    pub answer: oneshot::Sender<Result<Done, String>>,
}

/// What a camera's task can do on request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Task {
    /// Raise an incident that is marked as a test, and close it.
    TestAlarm,
    /// Send the latest picture.
    Snapshot,
    /// Send a clip.
    Clip {
        /// Which.
        wanted: Wanted,
        /// As it was filmed, for whom and why; masked where there is nothing.
        original: Option<Original>,
    },
}

/// What is asked of whoever owns the agent: it has all of the configuration.
#[derive(Debug)]
pub enum Asked {
    /// To read the configuration again.
    Reload,
    /// What a camera would have raised.
    Preview {
        /// Which.
        camera: Name,
        /// Had this been pushed.
        document: String,
        /// Where the answer goes.
        answer: oneshot::Sender<Result<Preview, String>>,
    },
}

/// What was done.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Done {
    /// The incident that was raised, or under whose id evidence follows.
    pub incident: Option<Uuid>,
    /// Evidence that follows.
    pub evidence: Vec<EvidenceRef>,
    /// Areas that are ignored.
    pub ignored: Vec<IgnoredArea>,
    /// What a camera would have raised.
    pub preview: Option<Preview>,
    /// What was not done of it, in words for people.
    pub remark: Option<String>,
}

/// A camera that takes orders.
#[derive(Clone, Debug)]
pub struct Post {
    /// Its task.
    pub orders: mpsc::Sender<Order>,
    /// Its stream.
    pub restart: Restart,
}

/// The cameras that are watched, by their names.
pub type Posts = BTreeMap<Name, Post>;

/// Ends a stream's run, so that the next begins.
#[derive(Clone, Debug, Default)]
pub struct Restart(Arc<Mutex<CancellationToken>>);

impl Restart {
    /// The token of a run that begins now and ends with `stop` at the latest.
    pub fn run(&self, stop: &CancellationToken) -> CancellationToken {
        let token = stop.child_token();
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = token.clone();
        token
    }

    /// Ends the present run.
    pub fn now(&self) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .cancel();
    }
}

/// Commands that were not heeded, for the health report.
#[derive(Debug, Default)]
pub struct Refusals {
    count: AtomicU64,
    latest: Mutex<Option<String>>,
}

impl Refusals {
    /// How many, and why the latest was not.
    pub fn told(&self) -> (u64, Option<String>) {
        let latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        (self.count.load(Ordering::Relaxed), latest.clone())
    }

    fn add(&self, why: &str) {
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        self.count.fetch_add(1, Ordering::Relaxed);
        *latest = Some(why.to_owned());
    }
}
