//! A camera's own time line.
//!
//! Presentation times order frames and measure durations, but begin anew with each connection and jump when a camera
//! is set right. The time line goes on over all that: within a connection it follows the presentation times, at a new
//! connection or a jump it is set to the monotonic clock. It never decreases (docs/time.md).

use std::time::{Duration, Instant};

/// Presentation times that move by more than this between two access units are a jump, not a gap.
const JUMP: Duration = Duration::from_secs(10);

/// Follows one connection.
#[derive(Clone, Copy, Debug)]
pub struct TimeLine {
    epoch: Instant,
    anchor: Option<(Duration, Duration)>,
    last_pts: Duration,
}

impl TimeLine {
    /// `epoch` is the zero of the camera's time line, the same for all its connections.
    pub fn new(epoch: Instant) -> TimeLine {
        TimeLine {
            epoch,
            anchor: None,
            last_pts: Duration::ZERO,
        }
    }

    /// Place on the time line of the access unit with this presentation time, that arrived at `now`.
    pub fn at(&mut self, pts: Duration, now: Instant) -> Duration {
        let jumped = pts.abs_diff(self.last_pts) > JUMP;
        self.last_pts = pts;
        match self.anchor {
            Some((at, first)) if !jumped => (at + pts).saturating_sub(first),
            _ => {
                let at = now.saturating_duration_since(self.epoch);
                self.anchor = Some((at, pts));
                at
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn follows_presentation_times_and_not_arrival() {
        let epoch = Instant::now();
        let mut line = TimeLine::new(epoch);
        assert_eq!(line.at(ms(500), epoch + ms(2000)), ms(2000));
        assert_eq!(line.at(ms(540), epoch + ms(2900)), ms(2040));
        assert_eq!(
            line.at(ms(520), epoch + ms(2901)),
            ms(2020),
            "decoding order is not display order"
        );
    }

    #[test]
    fn a_jump_of_the_camera_is_bridged_by_the_monotonic_clock() {
        let epoch = Instant::now();
        let mut line = TimeLine::new(epoch);
        assert_eq!(line.at(ms(60_000), epoch + ms(100)), ms(100));
        assert_eq!(line.at(ms(40), epoch + ms(140)), ms(140));
        assert_eq!(line.at(ms(80), epoch + ms(150)), ms(180));
        assert_eq!(line.at(ms(3_600_080), epoch + ms(220)), ms(220));
    }
}
