//! What is seen in the picture itself, without any model: whether the camera was tampered with, and what was left in the scene
//! or taken from it.
//!
//! Works on the luma of a small grid, some five pictures a second whatever comes, so that cost and results do not depend on the
//! rate of frames. Light may change as it likes: judged is by edges, and by brightness only after the exposure is taken off.
//! Knows no rule, no zone and no track; reads no clock.

mod background;
mod blobs;
mod field;
mod light;
mod luma;
mod tamper;
mod view;

use std::time::Duration;

use background::Background;
pub use background::{Change, Thing};
pub use luma::Luma;
use tamper::Tamper;
pub use tamper::Tampering;

/// Pictures that come sooner after one that was looked at are left out.
const EVERY: Duration = Duration::from_millis(180);

/// What is to be looked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Tampering.
    pub tampering: bool,
    /// Things that were left or taken, and the longest time for which one must be remembered.
    pub things: Option<Duration>,
}

/// What is known of the picture at its latest look.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sight {
    /// Tampering that goes on.
    pub tampering: Vec<Tampering>,
    /// What lies there that did not, and what is missing.
    pub things: Vec<Thing>,
}

/// One camera's memory of its picture.
#[derive(Debug)]
pub struct Eye {
    tamper: Option<Tamper>,
    background: Option<Background>,
    last: Option<Duration>,
    sight: Sight,
}

impl Eye {
    /// An eye that has seen nothing.
    pub fn new(wanted: Wanted) -> Eye {
        Eye {
            tamper: wanted.tampering.then(Tamper::default),
            background: wanted.things.map(Background::new),
            last: None,
            sight: Sight::default(),
        }
    }

    /// Whether the picture of this time is one to look at.
    pub fn wants(&self, at: Duration) -> bool {
        let looks = self.tamper.is_some() || self.background.is_some();
        looks && self.last.is_none_or(|last| at >= last + EVERY)
    }

    /// Looks at a picture, if it [wants](Eye::wants) it.
    pub fn look(&mut self, luma: &Luma, at: Duration) {
        if !self.wants(at) {
            return;
        }
        self.last = Some(at);
        let cells = luma.values();
        if let Some(tamper) = &mut self.tamper {
            self.sight.tampering = tamper.look(&cells, at);
        }
        // A picture that is not of the scene teaches nothing about it.
        if let Some(background) = &mut self.background
            && self.sight.tampering.is_empty()
        {
            self.sight.things = background.look(&cells, at);
        }
    }

    /// Tells that pictures have not come although they should, until the next look.
    pub fn lose_signal(&mut self) {
        if self.tamper.is_some() {
            self.sight.tampering = vec![Tampering::SignalLoss];
        }
    }

    /// What is known now.
    pub fn sight(&self) -> &Sight {
        &self.sight
    }
}
