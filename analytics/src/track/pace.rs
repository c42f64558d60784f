//! How fast an object goes over the ground: the slope of a straight line through where it stood within the last second.

use std::{collections::VecDeque, time::Duration};

use crate::{geometry::Rect, ground::Ground};

/// Places older than this say nothing about now.
const WINDOW: Duration = Duration::from_millis(1200);

/// A slope over a shorter time is noise.
const LEAST: Duration = Duration::from_millis(300);

/// Standard deviation of a detector's foot point, as a share of the box's sides.
const FOOT_NOISE: f64 = 0.04;

/// What drawing four points by hand adds, as a share of the speed.
const DRAWN: f64 = 0.03;

/// A foot so near to the picture's lower border is cut by it, and stands elsewhere.
const CUT: f32 = 0.02;

/// A speed over the ground.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Speed {
    /// Metres a second.
    pub mps: f32,
    /// It lies within so much of that in 95 of 100 cases: what boxes tremble, as the ground stretches it where the object is,
    /// how far from a straight line it went, and the calibration.
    pub error_mps: f32,
}

/// Where an object stood lately.
#[derive(Clone, Debug, Default)]
pub(super) struct Pace {
    steps: VecDeque<Step>,
}

#[derive(Clone, Debug)]
struct Step {
    at: Duration,
    metres: [f64; 2],
    /// Standard deviation of the place, metres.
    noise: f64,
}

impl Pace {
    pub(super) fn note(&mut self, at: Duration, rect: &Rect, ground: &Ground) {
        self.steps
            .retain(|step| at.saturating_sub(step.at) <= WINDOW);
        let foot = rect.foot();
        if foot.y > 1.0 - CUT {
            self.steps.clear();
            return;
        }
        let (Some(metres), Some([right, down])) = (ground.at(foot), ground.stretch(foot)) else {
            return;
        };
        let noise = (right * f64::from(rect.w)).hypot(down * f64::from(rect.h)) * FOOT_NOISE;
        self.steps.push_back(Step { at, metres, noise });
    }

    pub(super) fn speed(&self) -> Option<Speed> {
        let (first, last) = (self.steps.front()?, self.steps.back()?);
        if last.at.saturating_sub(first.at) < LEAST || self.steps.len() < 3 {
            return None;
        }
        let number = self.steps.len() as f64;
        let mean =
            |value: &dyn Fn(&Step) -> f64| self.steps.iter().map(value).sum::<f64>() / number;
        let time = |step: &Step| step.at.saturating_sub(first.at).as_secs_f64();
        let middle = mean(&time);
        let spread = mean(&|step| (time(step) - middle).powi(2)) * number;
        let slope = |axis: &dyn Fn(&Step) -> f64| {
            mean(&|step| (time(step) - middle) * axis(step)) * number / spread
        };
        let (right, down) = (slope(&|step| step.metres[0]), slope(&|step| step.metres[1]));
        let mps = right.hypot(down);
        let middle_of = [mean(&|step| step.metres[0]), mean(&|step| step.metres[1])];
        // Who is taken for somebody else, or half hidden, does not go on a straight line.
        let beside = |step: &Step| {
            let since = time(step) - middle;
            let off = [
                step.metres[0] - middle_of[0] - right * since,
                step.metres[1] - middle_of[1] - down * since,
            ];
            off[0].powi(2) + off[1].powi(2)
        };
        let wander = (mean(&beside) * number / (number - 2.0)).sqrt();
        let noise = 2.0 * mean(&|step| step.noise).max(wander) / spread.sqrt();
        #[expect(
            clippy::cast_possible_truncation,
            reason = "speeds of a street need no more digits"
        )]
        let speed = Speed {
            mps: mps as f32,
            error_mps: noise.hypot(DRAWN * mps) as f32,
        };
        speed.mps.is_finite().then_some(speed)
    }
}
