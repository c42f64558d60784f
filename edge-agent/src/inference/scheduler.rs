//! Whose turn it is: round robin over the cameras that have a frame waiting.
//!
//! Each camera has a one-slot mailbox, so a camera that has to wait loses frames of its own only, and a fast one cannot
//! take the turns of the others.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use analytics::detection::Detection;
use tokio::sync::mpsc;

use super::{attention::Attention, counters::FeedCounters};
use crate::camera::{
    Frame,
    mailbox::{Bell, Mailbox},
};

/// What the model saw in a frame.
#[derive(Debug)]
pub struct Seen {
    /// The frame.
    pub frame: Arc<Frame>,
    /// What was seen, none included; nothing where the frame was not looked at because nothing moves in it.
    pub detections: Option<Vec<Detection>>,
}

/// How many results may wait for a camera's analysis, which takes far less time than an inference.
pub const RESULTS: usize = 8;

/// One camera as inference sees it.
#[derive(Debug)]
pub struct Feed {
    /// Name of the camera, for logs.
    pub camera: String,
    /// Where its frames come from.
    pub mailbox: Arc<Mailbox<Frame>>,
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
}

impl Feed {
    /// Which frames the model looks at.
    pub(super) fn attention(&self) -> MutexGuard<'_, Attention> {
        self.attention
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// All cameras that take turns.
#[derive(Debug, Default)]
pub struct Scheduler {
    bell: Arc<Bell>,
    turns: Mutex<Turns>,
}

#[derive(Debug, Default)]
struct Turns {
    feeds: Vec<Arc<Feed>>,
    next: usize,
}

/// A camera's place in the round; it leaves when this is dropped.
#[derive(Debug)]
pub struct Place {
    scheduler: Arc<Scheduler>,
    feed: Arc<Feed>,
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
        let feed = Arc::new(feed);
        self.turns().feeds.push(Arc::clone(&feed));
        self.bell.ring();
        Place {
            scheduler: Arc::clone(self),
            feed,
        }
    }

    /// The next camera that has a frame, and the frame; waits for one, but no longer than `limit`.
    pub fn next(&self, limit: Duration) -> Option<(Arc<Feed>, Frame)> {
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

    fn take(&self) -> Option<(Arc<Feed>, Frame)> {
        let mut turns = self.turns();
        let count = turns.feeds.len();
        for step in 0..count {
            let i = (turns.next + step) % count;
            if let Some(frame) = turns.feeds[i].mailbox.take() {
                turns.next = (i + 1) % count;
                return Some((Arc::clone(&turns.feeds[i]), frame));
            }
        }
        None
    }

    fn turns(&self) -> MutexGuard<'_, Turns> {
        self.turns.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut turns = self.scheduler.turns();
        if let Some(i) = turns.feeds.iter().position(|f| Arc::ptr_eq(f, &self.feed)) {
            turns.feeds.remove(i);
            if turns.next > i {
                turns.next -= 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::camera::Stamps;

    const SOON: Duration = Duration::from_millis(1);

    fn frame() -> Frame {
        let stamps = Stamps {
            at: Duration::ZERO,
            capture: None,
            arrival: Timestamp::UNIX_EPOCH,
        };
        Frame::rgb((1, 1), vec![0; 3], stamps).expect("whole")
    }

    fn join(scheduler: &Arc<Scheduler>, camera: &str) -> (Place, Arc<Mailbox<Frame>>) {
        let mailbox = Arc::new(Mailbox::new(scheduler.bell()));
        let place = scheduler.join(Feed {
            camera: camera.to_owned(),
            mailbox: Arc::clone(&mailbox),
            model: String::new(),
            tiles: (1, 1),
            min_score: 0.5,
            results: mpsc::channel(1).0,
            counters: Arc::default(),
            attention: Mutex::default(),
        });
        (place, mailbox)
    }

    fn turns(scheduler: &Scheduler, count: usize) -> String {
        let turn = |_| scheduler.next(SOON).map(|(feed, _)| feed.camera.clone());
        (0..count).filter_map(turn).collect()
    }

    #[test]
    fn cameras_take_turns_and_a_busy_one_gets_no_more_than_its_share() {
        let scheduler = Scheduler::new();
        let places = ["a", "b", "c"].map(|name| join(&scheduler, name));
        let mut order = String::new();
        for _ in 0..4 {
            for (i, (_, mailbox)) in places.iter().enumerate() {
                // Camera a is twice as fast as there are turns.
                (0..if i == 0 { 6 } else { 1 }).for_each(|_| mailbox.put(frame()));
            }
            order += &turns(&scheduler, 3);
        }
        assert_eq!(order, "abcabcabcabc");
        assert!(scheduler.next(SOON).is_none());
    }

    #[test]
    fn only_cameras_with_a_frame_are_asked_and_the_round_goes_on_from_there() {
        let scheduler = Scheduler::new();
        let places = ["a", "b", "c"].map(|name| join(&scheduler, name));
        places[1].1.put(frame());
        assert_eq!(turns(&scheduler, 1), "b");
        places[0].1.put(frame());
        places[2].1.put(frame());
        assert_eq!(turns(&scheduler, 2), "ca");
    }

    #[test]
    fn a_camera_that_leaves_is_asked_no_more() {
        let scheduler = Scheduler::new();
        let [a, b, c] = ["a", "b", "c"].map(|name| join(&scheduler, name));
        a.1.put(frame());
        assert_eq!(turns(&scheduler, 1), "a");
        drop(a.0);
        for mailbox in [&a.1, &b.1, &c.1] {
            mailbox.put(frame());
        }
        assert_eq!(turns(&scheduler, 3), "bc");
    }

    #[test]
    fn a_frame_that_comes_later_is_waited_for() {
        let scheduler = Scheduler::new();
        let (_place, mailbox) = join(&scheduler, "a");
        let waiting = Arc::clone(&scheduler);
        let waiter = std::thread::spawn(move || waiting.next(Duration::from_secs(3600)).is_some());
        mailbox.put(frame());
        assert!(waiter.join().expect("it does not panic"));
    }
}
