//! Which decoded frames are due, on a grid of media time.

use std::{sync::Arc, time::Duration};

use crate::camera::pace::Pace;

/// A frame may be this share of the analysis period early and still take its turn: presentation times jitter.
const EARLY: f64 = 0.1;

/// Picks frames on a grid of media time, so that a clip is analysed at the same frames however fast it is read.
#[derive(Debug)]
pub struct FrameGate {
    pace: Arc<Pace>,
    due: Option<f64>,
}

impl FrameGate {
    /// At most `fps` frames a second, which must be positive; infinity picks all.
    pub fn new(fps: f32) -> FrameGate {
        FrameGate::at(Arc::new(Pace::new(fps)))
    }

    /// At a pace that may change from frame to frame; none is picked while the camera is paused.
    pub fn at(pace: Arc<Pace>) -> FrameGate {
        FrameGate { pace, due: None }
    }

    /// Whether to analyse the frame at `at`, which does not decrease.
    pub fn picks(&mut self, at: Duration) -> bool {
        let fps = f64::from(self.pace.fps());
        if fps <= 0.0 {
            return false;
        }
        let period = 1.0 / fps;
        let at = at.as_secs_f64();
        let due = *self.due.get_or_insert(at);
        if at < due - EARLY * period {
            return false;
        }
        // The grid stays where it is unless a whole period was missed.
        let next = due + period;
        self.due = Some(if next > at { next } else { at + period });
        true
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn picked(source_fps: f64, fps: f32, seconds: f64) -> Vec<usize> {
        let mut gate = FrameGate::new(fps);
        (0..(source_fps * seconds) as usize)
            .filter(|i| gate.picks(Duration::from_secs_f64(*i as f64 / source_fps)))
            .collect()
    }

    #[test]
    fn an_even_share_of_frames_is_picked() {
        assert_eq!(picked(25.0, 5.0, 1.0), [0, 5, 10, 15, 20]);
        assert_eq!(picked(10.0, 10.0, 0.5), [0, 1, 2, 3, 4]);
        assert_eq!(picked(12.5, 5.0, 1.0), [0, 3, 5, 8, 10]);
        assert_eq!(picked(5.0, 10.0, 1.0), [0, 1, 2, 3, 4], "there are no more");
        assert_eq!(picked(25.0, f32::INFINITY, 0.2), [0, 1, 2, 3, 4]);
    }

    #[test]
    fn after_a_gap_the_rate_is_not_made_up_for() {
        let mut gate = FrameGate::new(5.0);
        assert!(gate.picks(Duration::ZERO));
        assert!(gate.picks(Duration::from_millis(3_010)));
        assert!(!gate.picks(Duration::from_millis(3_050)));
        assert!(gate.picks(Duration::from_millis(3_210)));
    }

    #[test]
    fn a_pace_that_changes_is_followed_at_once() {
        let pace = Arc::new(Pace::new(5.0));
        let mut gate = FrameGate::at(Arc::clone(&pace));
        let mut second = |from: u64, fps: f32| {
            pace.set_fps(fps);
            (0..25)
                .filter(|i| gate.picks(Duration::from_millis(from * 1000 + i * 40)))
                .count()
        };
        assert_eq!(second(0, 5.0), 5);
        second(1, 1.0);
        assert_eq!(second(2, 1.0), 1);
        assert_eq!(second(3, 0.0), 0, "it is paused");
        assert_eq!(second(4, 5.0), 5, "and begins again at once");
        assert_eq!(second(5, 50.0), 5, "never faster than asked for");
    }

    proptest! {
        #[test]
        fn never_more_than_the_rate(steps in prop::collection::vec(1u64..200, 1..300), fps in 1u8..30) {
            let mut gate = FrameGate::new(f32::from(fps));
            let mut at = 0;
            let mut count = 0.0;
            for step in &steps {
                at += step;
                if gate.picks(Duration::from_millis(at)) {
                    count += 1.0;
                }
            }
            let span = (at - steps[0]) as f64 / 1000.0;
            prop_assert!(count <= span * f64::from(fps) + 1.0 + EARLY + 1e-6);
        }
    }
}
