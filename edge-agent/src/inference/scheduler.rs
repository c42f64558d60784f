//! Gives turns to the cameras that have a frame waiting; [`turns`](super::turns) says whose is next.
//!
//! Each camera has a one-slot mailbox, so nothing queues: a camera that has to wait loses frames of its own only. A camera
//! has at most one turn at a time, so that its results come in the order of its frames.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::Ordering},
    time::{Duration, Instant},
};

use analytics::{detection::Detection, track::Appearance};
use tokio::sync::mpsc;

use super::{
    attention::Attention,
    cascade::Cascade,
    counters::{FeedCounters, add_time},
    turns::{Claim, Key, Turns},
};
use crate::camera::{
    Frame,
    mailbox::{Bell, Mailbox},
    pace::Pace,
};

/// What the model saw in a frame.
#[derive(Debug)]
pub struct Seen {
    /// The frame.
    pub frame: Arc<Frame>,
    /// What was seen, none included; nothing where the frame was not looked at because nothing moves in it.
    pub detections: Option<Vec<Detection>>,
    /// How some of them look, where a model tells objects apart.
    pub appearances: Vec<Appearance>,
}

/// How many results may wait for a camera's analysis, which takes far less time than an inference.
pub const RESULTS: usize = 8;

/// The weight of a camera where something moves, compared to the same camera where nothing does.
const ACTIVE: f64 = 1.25;

/// One camera as inference sees it.
#[derive(Debug)]
pub struct Feed {
    /// Name of the camera, for logs.
    pub camera: String,
    /// Where its frames come from.
    pub mailbox: Arc<Mailbox<Frame>>,
    /// How often it is looked at for now.
    pub pace: Arc<Pace>,
    /// Its share of inference time under overload, in proportion to that of the others.
    pub priority: u8,
    /// Name of its model.
    pub model: String,
    /// Columns and rows of tiles.
    pub tiles: (u8, u8),
    /// Detections below this are not looked at.
    pub min_score: f32,
    /// Where results go, at most [`RESULTS`] waiting. Loss policy: the newest is dropped and counted.
    pub results: mpsc::Sender<Seen>,
    /// What has been done so far.
    pub counters: Arc<FeedCounters>,
    /// Which frames the model looks at.
    pub attention: Mutex<Attention>,
    /// Second models, and what they are to look at.
    pub cascade: Arc<Cascade>,
}

impl Feed {
    /// Which frames the model looks at.
    pub(super) fn attention(&self) -> MutexGuard<'_, Attention> {
        self.attention
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Feed {
    fn weight(&self) -> f64 {
        let active = self.counters.active.load(Ordering::Relaxed);
        f64::from(self.priority.max(1)) * if active { ACTIVE } else { 1.0 }
    }

    /// When the frame that lies in the mailbox will give way to the next one, as far as the pace tells.
    fn due(&self) -> Option<Instant> {
        let since = self.mailbox.waiting_since()?;
        let period = Duration::try_from_secs_f32(1.0 / self.pace.fps()).unwrap_or_default();
        since.checked_add(period)
    }
}

/// All cameras that take turns.
#[derive(Debug, Default)]
pub struct Scheduler {
    bell: Arc<Bell>,
    round: Mutex<Round>,
}

#[derive(Debug, Default)]
struct Round {
    feeds: Vec<(Key, Arc<Feed>)>,
    turns: Turns,
    /// Kept for its memory.
    claims: Vec<Claim>,
}

/// A camera's place in the round; it leaves when this is dropped.
#[derive(Debug)]
pub struct Place {
    scheduler: Arc<Scheduler>,
    key: Key,
}

/// A turn: a frame to be looked at.
#[derive(Debug)]
pub struct Turn {
    /// Whose frame it is.
    pub feed: Arc<Feed>,
    /// The frame.
    pub frame: Frame,
    /// The turn lasts until this is dropped.
    pub hold: Hold,
}

/// Holds a camera's turn. Its time, from the choice until this is dropped, is charged to the camera.
#[derive(Debug)]
pub struct Hold {
    scheduler: Arc<Scheduler>,
    feed: Arc<Feed>,
    key: Key,
    began: Instant,
}

impl Scheduler {
    /// Without cameras.
    pub fn new() -> Arc<Scheduler> {
        Arc::default()
    }

    /// The bell that mailboxes of feeds must ring.
    pub fn bell(&self) -> Arc<Bell> {
        Arc::clone(&self.bell)
    }

    /// Adds a camera to the round.
    pub fn join(self: &Arc<Scheduler>, feed: Feed) -> Place {
        let mut round = self.round();
        let key = round.turns.join();
        round.feeds.push((key, Arc::new(feed)));
        drop(round);
        self.bell.ring();
        Place {
            scheduler: Arc::clone(self),
            key,
        }
    }

    /// The next turn; waits for a camera that has a frame, but no longer than `limit`.
    pub fn next(self: &Arc<Scheduler>, limit: Duration) -> Option<Turn> {
        let rung = self.bell.rung();
        if let Some(turn) = self.take() {
            return Some(turn);
        }
        self.bell.wait(rung, limit);
        self.take()
    }

    /// Wakes everybody who waits in [`Scheduler::next`].
    pub fn wake(&self) {
        self.bell.ring();
    }

    fn take(self: &Arc<Scheduler>) -> Option<Turn> {
        let began = Instant::now();
        let mut round = self.round();
        let Round {
            feeds,
            turns,
            claims,
        } = &mut *round;
        claims.clear();
        claims.extend(
            feeds
                .iter()
                .filter(|(key, _)| !turns.has_turn(*key))
                .filter_map(|(key, feed)| {
                    Some(Claim {
                        key: *key,
                        due: feed.due()?,
                    })
                }),
        );
        let key = turns.choose(claims, began)?;
        let found = feeds.iter().find(|(k, _)| *k == key);
        let taken = found.and_then(|(_, feed)| Some((feed, feed.mailbox.take_with_time()?)));
        // Only a turn takes frames, and there is one at a time: the frame that asked is there, or a later one.
        let Some((feed, (frame, put))) = taken else {
            turns.end(key, Duration::ZERO, 1.0);
            return None;
        };
        feed.counters.turns.fetch_add(1, Ordering::Relaxed);
        add_time(
            &feed.counters.waited_us,
            began.saturating_duration_since(put),
        );
        let hold = Hold {
            scheduler: Arc::clone(self),
            feed: Arc::clone(feed),
            key,
            began,
        };
        Some(Turn {
            feed: Arc::clone(feed),
            frame,
            hold,
        })
    }

    fn round(&self) -> MutexGuard<'_, Round> {
        self.round.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let cost = self.began.elapsed();
        add_time(&self.feed.counters.inference_us, cost);
        let weight = self.feed.weight();
        self.scheduler.round().turns.end(self.key, cost, weight);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut round = self.scheduler.round();
        round.feeds.retain(|(key, _)| *key != self.key);
        round.turns.leave(self.key);
    }
}

#[cfg(test)]
#[path = "scheduler_tests.rs"]
mod tests;
