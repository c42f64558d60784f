//! A camera's own time line, and how far its clock is believed.
//!
//! Presentation times order frames and measure durations, but begin anew with each connection, jump when a camera is set
//! right, and run fast or slow. The time line goes on over all that: it follows the presentation times as long as they
//! can be true, and is set to the monotonic clock where they cannot. Pictures in the order of display never step back on
//! it, not even from one connection to the next (docs/time.md).

use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};

/// A step back by more than this is a jump: the display order of no encoder explains it.
const BACK: Duration = Duration::from_secs(1);
/// Pictures cannot come from the future: further ahead of the monotonic clock, the camera's clock has jumped or runs
/// fast. Some cameras begin with a few pictures that they have kept, which is no jump.
const AHEAD: Duration = Duration::from_secs(2);
/// A slow link may hold pictures up for long, and they catch up; further behind, the camera's clock is slow.
const BEHIND: Duration = Duration::from_secs(10);
/// What is set anew goes on just behind the last picture, never on it: pictures are found by their times.
const NEXT: Duration = Duration::from_millis(1);

/// Follows one connection.
#[derive(Clone, Copy, Debug)]
pub struct TimeLine {
    epoch: Instant,
    /// A place on the line and the presentation time there.
    anchor: Option<(Duration, Duration)>,
    last_pts: Duration,
    end: Duration,
}

impl TimeLine {
    /// `epoch` is the zero of the camera's time line, the same for all its connections; `end` is where the last connection
    /// left it.
    pub fn new(epoch: Instant, end: Duration) -> TimeLine {
        TimeLine {
            epoch,
            anchor: None,
            last_pts: Duration::ZERO,
            end,
        }
    }

    /// Place on the time line of the access unit with this presentation time, that arrived at `now`.
    pub fn at(&mut self, pts: Duration, now: Instant) -> Duration {
        let arrived = now.saturating_duration_since(self.epoch);
        let steps_back = pts + BACK < self.last_pts;
        let followed = self
            .anchor
            .map(|(at, first)| (at + pts).saturating_sub(first))
            .filter(|at| !steps_back && *at <= arrived + AHEAD && *at + BEHIND >= arrived);
        let at = followed.unwrap_or_else(|| arrived.max(self.end + NEXT));
        if followed.is_none() {
            self.anchor = Some((at, pts));
        }
        self.last_pts = pts;
        self.end = self.end.max(at);
        at
    }
}

/// A camera's clock further from this node's than this is not believed: what happened when is then said by arrival.
const BELIEVED: Duration = Duration::from_secs(60);

/// How far a camera's clock is ahead of this node's, and whether it is believed.
pub(super) fn believe(capture: Timestamp, arrival: Timestamp) -> (SignedDuration, bool) {
    let ahead = capture.duration_since(arrival);
    (ahead, ahead.unsigned_abs() <= BELIEVED)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn follows_presentation_times_and_not_arrival() {
        let epoch = Instant::now();
        let mut line = TimeLine::new(epoch, Duration::ZERO);
        assert_eq!(line.at(ms(500), epoch + ms(2000)), ms(2000));
        assert_eq!(line.at(ms(540), epoch + ms(2900)), ms(2040));
        assert_eq!(
            line.at(ms(520), epoch + ms(2901)),
            ms(2020),
            "decoding order is not display order"
        );
        assert_eq!(
            line.at(ms(560), epoch + ms(9000)),
            ms(2060),
            "held up on the way"
        );
    }

    #[test]
    fn a_jump_of_the_camera_is_bridged_by_the_monotonic_clock() {
        let epoch = Instant::now();
        let mut line = TimeLine::new(epoch, Duration::ZERO);
        assert_eq!(line.at(ms(60_000), epoch + ms(100)), ms(100));
        assert_eq!(line.at(ms(40), epoch + ms(140)), ms(140));
        assert_eq!(line.at(ms(80), epoch + ms(150)), ms(180));
        assert_eq!(line.at(ms(3_600_080), epoch + ms(220)), ms(220));
    }

    /// Analysis stood still for as long as the clock had been set back.
    #[test]
    fn a_camera_that_is_set_back_by_five_seconds_is_analysed_on() {
        let epoch = Instant::now();
        let mut line = TimeLine::new(epoch, Duration::ZERO);
        assert_eq!(line.at(ms(9000), epoch + ms(100)), ms(100));
        assert_eq!(line.at(ms(4040), epoch + ms(140)), ms(140));
        assert_eq!(line.at(ms(4080), epoch + ms(180)), ms(180));
    }

    #[test]
    fn a_fast_clock_does_not_run_away_and_a_new_connection_does_not_step_back() {
        let epoch = Instant::now();
        let mut line = TimeLine::new(epoch, Duration::ZERO);
        let mut last = Duration::ZERO;
        for picture in 0..20_000 {
            // A tenth too fast.
            let now = ms(picture * 40);
            let at = line.at(ms(picture * 44), epoch + now);
            assert!(at <= now + AHEAD + ms(44) && (picture == 0 || at > last));
            last = at;
        }
        let mut next = TimeLine::new(epoch, last);
        assert!(next.at(ms(0), epoch + ms(20_000 * 40)) > last);
    }

    #[test]
    fn a_clock_of_another_hour_is_not_believed() {
        let arrival: Timestamp = "2026-07-01T10:00:00Z".parse().expect("a time");
        let seconds = SignedDuration::from_secs;
        assert_eq!(believe(arrival - seconds(2), arrival), (seconds(-2), true));
        let late = seconds(3600);
        assert_eq!(believe(arrival + late, arrival), (late, false));
        assert!(!believe(Timestamp::UNIX_EPOCH, arrival).1);
    }

    proptest! {
        #[test]
        fn whatever_the_camera_says_the_line_keeps_to_the_monotonic_clock(
            units in prop::collection::vec((0u64..20_000_000, 0u64..500), 1..100)
        ) {
            let epoch = Instant::now();
            let mut line = TimeLine::new(epoch, Duration::ZERO);
            let mut now = 0;
            for (pts, passed) in units {
                now += passed;
                let at = line.at(ms(pts), epoch + ms(now));
                prop_assert!(at <= ms(now) + AHEAD + NEXT * 100, "{at:?} at {now} ms");
                prop_assert!(at + BEHIND >= ms(now), "{at:?} at {now} ms");
            }
        }
    }
}
