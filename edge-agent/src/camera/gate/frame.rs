//! Which decoded frames are due, on a grid of media time.

use std::time::Duration;

/// A frame may be this share of the analysis period early and still take its turn: presentation times jitter.
const EARLY: f64 = 0.1;

/// Picks frames on a grid of media time, so that a clip is analysed at the same frames however fast it is read.
#[derive(Debug)]
pub struct FrameGate {
    period: f64,
    due: Option<f64>,
}

impl FrameGate {
    /// At most `fps` frames a second, which must be positive; infinity picks all.
    pub fn new(fps: f32) -> FrameGate {
        FrameGate {
            period: 1.0 / f64::from(fps),
            due: None,
        }
    }

    /// Whether to analyse the frame at `at`, which does not decrease.
    pub fn picks(&mut self, at: Duration) -> bool {
        let at = at.as_secs_f64();
        let due = *self.due.get_or_insert(at);
        if at < due - EARLY * self.period {
            return false;
        }
        // The grid stays where it is unless a whole period was missed.
        let next = due + self.period;
        self.due = Some(if next > at { next } else { at + self.period });
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
