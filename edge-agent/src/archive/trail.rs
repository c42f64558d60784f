//! The boxes of the last seconds: what the reel is for pictures, this is for tracks.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use analytics::{geometry::Rect, track::Track};
use jiff::SignedDuration;

use crate::camera::Stamps;

/// Boxes that are kept of a camera, at 40 bytes each. Loss policy: the oldest frame's go.
const MOST: usize = 50_000;

/// Where everything was in one analysed frame.
#[derive(Debug)]
pub struct Look {
    /// Of the frame.
    pub stamps: Stamps,
    /// What was tracked in it.
    pub boxes: Vec<Seen>,
}

/// A track in a frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Seen {
    /// The track's number.
    pub track: u64,
    /// Its class, as a place in the model's labels.
    pub class: u16,
    /// Where it is; predicted where it was not seen.
    pub rect: Rect,
}

/// See the module.
#[derive(Debug)]
pub struct Trail {
    looks: VecDeque<Arc<Look>>,
    span: Duration,
    boxes: usize,
}

impl Trail {
    /// Keeps the last `span`.
    pub fn new(span: Duration) -> Trail {
        Trail {
            looks: VecDeque::new(),
            span,
            boxes: 0,
        }
    }

    /// Adds where the tracks are, those that are not believed yet included: a person may be among them.
    pub fn push(&mut self, stamps: Stamps, tracks: &[Track]) {
        let boxes = tracks.iter().map(|track| Seen {
            track: track.id.0,
            class: track.class.0,
            rect: track.rect,
        });
        let boxes: Vec<Seen> = boxes.collect();
        self.boxes += boxes.len();
        self.looks.push_back(Arc::new(Look { stamps, boxes }));
        let span = SignedDuration::try_from(self.span).unwrap_or(SignedDuration::MAX);
        while let Some(oldest) = self.looks.front()
            && (self.boxes > MOST || stamps.since(oldest.stamps) > span)
        {
            self.boxes -= oldest.boxes.len();
            self.looks.pop_front();
        }
    }

    /// What is there, oldest first.
    pub fn looks(&self) -> Vec<Arc<Look>> {
        self.looks.iter().cloned().collect()
    }

    /// When it was added to last.
    pub fn latest(&self) -> Option<Stamps> {
        self.looks.back().map(|look| look.stamps)
    }
}
