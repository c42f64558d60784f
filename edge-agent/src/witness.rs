//! For measurements: somebody who looks on while the whole agent works, and may add messages of their own.
//!
//! The agent runs the same with and without one; in service there is none. A witness is called on the agent's own tasks:
//! it must not wait.

use std::{sync::Arc, time::Duration};

use analytics::track::Track;

use crate::{analysis::Decision, camera::Frame, spool::NewRecord};

/// What a camera's analysis has made of a frame.
pub struct Look<'a> {
    /// The camera's name in topics.
    pub camera: &'a str,
    /// The frame.
    pub frame: &'a Arc<Frame>,
    /// Tracks that are alive.
    pub tracks: &'a [Track],
    /// What changed.
    pub decisions: &'a [Decision],
    /// What tracking and rules took of a core.
    pub cost: Duration,
}

/// See the module. The provided methods do nothing.
pub trait Witness: Send + Sync {
    /// A frame was analysed. What is given back goes the way of an incident's message: into the spool, then to the broker.
    fn analysed(&self, _look: &Look<'_>) -> Option<NewRecord> {
        None
    }

    /// The broker has the incident's message of this place in the order of this boot.
    fn acknowledged(&self, _seq: u64) {}
}

/// Nobody looks on.
#[derive(Debug)]
pub struct Nobody;

impl Witness for Nobody {}
