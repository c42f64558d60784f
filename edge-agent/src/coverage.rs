//! Where a camera's time went: every millisecond since the start goes to exactly one reason, so that the sum of all
//! reasons is the wall time.
//!
//! Pure: whoever keeps an account says what was passed and what happened in it. While frames come, time is split by
//! what became of the looks that the configuration asked for: of 5 a second, 3 analysed, 1 spared as still and 1 that gave
//! way make 600, 200 and 200 ms.

use std::time::Duration;

/// Why a stretch of time is accounted as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Frames were analysed at the rate that was asked for.
    Analysed,
    /// The gate proved that nothing moved: nothing was to be analysed.
    Still,
    /// Frames gave way to later ones, or were not decoded: the box had too much to do.
    Starved,
    /// The ladder had lowered the rate.
    Reduced,
    /// The ladder had paused the camera.
    Paused,
    /// A connection was being made, or no frame came.
    Connecting,
    /// The camera or its model failed.
    Failed,
    /// The very same picture came again and again.
    Frozen,
    /// The configuration keeps it off.
    Disabled,
}

/// All reasons, in the order of the account.
pub const REASONS: [Reason; 9] = [
    Reason::Analysed,
    Reason::Still,
    Reason::Starved,
    Reason::Reduced,
    Reason::Paused,
    Reason::Connecting,
    Reason::Failed,
    Reason::Frozen,
    Reason::Disabled,
];

impl Reason {
    /// One word for figures.
    pub fn as_str(self) -> &'static str {
        match self {
            Reason::Analysed => "analysed",
            Reason::Still => "still",
            Reason::Starved => "starved",
            Reason::Reduced => "reduced",
            Reason::Paused => "paused",
            Reason::Connecting => "connecting",
            Reason::Failed => "failed",
            Reason::Frozen => "frozen",
            Reason::Disabled => "disabled",
        }
    }
}

/// What became of the looks at a camera.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Looks {
    /// Analysed.
    pub analysed: u64,
    /// Spared because nothing moved.
    pub still: u64,
    /// Gave way to a later frame, or never came to be.
    pub starved: u64,
    /// Could not be analysed.
    pub failed: u64,
}

impl Looks {
    fn weights(self) -> [(Reason, u64); 4] {
        [
            (Reason::Analysed, self.analysed),
            (Reason::Still, self.still),
            (Reason::Starved, self.starved),
            (Reason::Failed, self.failed),
        ]
    }

    /// All of them.
    pub fn sum(self) -> u64 {
        self.weights().iter().map(|(_, count)| count).sum()
    }
}

/// What a stretch of time was.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Stretch {
    /// All of it for one reason.
    Whole(Reason),
    /// Frames came.
    Watched {
        /// Share of the rate asked for that the ladder left, 0 to 1.
        rate: f32,
        /// What became of the looks in it.
        looks: Looks,
    },
}

/// A camera's account.
#[derive(Clone, Debug)]
pub struct Coverage {
    /// Milliseconds by [`REASONS`].
    spent: [u64; REASONS.len()],
    /// What is not yet a whole millisecond.
    rest: Duration,
    /// What became of the latest looks: they stand for a stretch in which there was none.
    last: Looks,
}

impl Default for Coverage {
    fn default() -> Self {
        Coverage {
            spent: [0; REASONS.len()],
            rest: Duration::ZERO,
            // Frames that come and have not been looked at yet wait for their turn.
            last: Looks {
                starved: 1,
                ..Looks::default()
            },
        }
    }
}

impl Coverage {
    /// Adds `passed`, which was `stretch`.
    pub fn pass(&mut self, passed: Duration, stretch: Stretch) {
        let passed = self.rest + passed;
        let ms = passed.as_millis() as u64;
        self.rest = passed - Duration::from_millis(ms);
        match stretch {
            Stretch::Whole(reason) => self.add(reason, ms),
            Stretch::Watched { rate, looks } => {
                if looks.sum() > 0 {
                    self.last = looks;
                }
                let left = (ms as f64 * f64::from(rate.clamp(0.0, 1.0))).round() as u64;
                self.add(Reason::Reduced, ms - left);
                self.split(left);
            }
        }
    }

    /// Milliseconds of a reason.
    pub fn ms(&self, reason: Reason) -> u64 {
        self.spent[reason as usize]
    }

    /// Milliseconds of wall time: the sum of all reasons.
    pub fn wall_ms(&self) -> u64 {
        self.spent.iter().sum()
    }

    /// Milliseconds in which the camera should have been watched.
    pub fn expected_ms(&self) -> u64 {
        self.wall_ms() - self.ms(Reason::Disabled)
    }

    /// Milliseconds in which frames came and were not frozen, analysed or not.
    pub fn watched_ms(&self) -> u64 {
        [
            Reason::Analysed,
            Reason::Still,
            Reason::Starved,
            Reason::Reduced,
        ]
        .map(|reason| self.ms(reason))
        .iter()
        .sum()
    }

    /// Splits `ms` by the latest looks; what rounding leaves goes to the most frequent.
    fn split(&mut self, ms: u64) {
        let (weights, sum) = (self.last.weights(), self.last.sum());
        let mut left = ms;
        let mut most = weights[0];
        for (reason, count) in weights {
            let share = (u128::from(ms) * u128::from(count) / u128::from(sum.max(1))) as u64;
            self.add(reason, share);
            left -= share;
            if count > most.1 {
                most = (reason, count);
            }
        }
        self.add(most.0, left);
    }

    fn add(&mut self, reason: Reason, ms: u64) {
        self.spent[reason as usize] += ms;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn looks(analysed: u64, still: u64, starved: u64) -> Stretch {
        let looks = Looks {
            analysed,
            still,
            starved,
            failed: 0,
        };
        Stretch::Watched { rate: 1.0, looks }
    }

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_second_is_split_by_what_became_of_its_looks() {
        let mut coverage = Coverage::default();
        coverage.pass(SECOND, looks(3, 1, 1));
        let ms = [Reason::Analysed, Reason::Still, Reason::Starved].map(|r| coverage.ms(r));
        assert_eq!(ms, [600, 200, 200]);
        // A camera looked at every other second: the second between is as the one before.
        coverage.pass(SECOND, looks(0, 0, 0));
        assert_eq!(coverage.ms(Reason::Analysed), 1200);
    }

    #[test]
    fn a_lowered_rate_is_no_full_coverage() {
        let mut coverage = Coverage::default();
        let Stretch::Watched { looks, .. } = looks(1, 0, 0) else {
            unreachable!("it is watched")
        };
        coverage.pass(SECOND, Stretch::Watched { rate: 0.2, looks });
        assert_eq!(coverage.ms(Reason::Analysed), 200);
        assert_eq!(coverage.ms(Reason::Reduced), 800);
        assert_eq!(coverage.watched_ms(), 1000);
    }

    #[test]
    fn frames_that_nobody_has_looked_at_are_not_taken_for_analysed() {
        let mut coverage = Coverage::default();
        coverage.pass(SECOND, looks(0, 0, 0));
        assert_eq!(coverage.ms(Reason::Starved), 1000);
    }

    #[test]
    fn nothing_is_expected_of_a_camera_that_is_switched_off() {
        let mut coverage = Coverage::default();
        coverage.pass(SECOND, Stretch::Whole(Reason::Disabled));
        coverage.pass(SECOND, Stretch::Whole(Reason::Failed));
        assert_eq!(
            [
                coverage.wall_ms(),
                coverage.expected_ms(),
                coverage.watched_ms()
            ],
            [2000, 1000, 0]
        );
    }

    fn stretch() -> impl Strategy<Value = Stretch> {
        let whole = (0..REASONS.len()).prop_map(|i| Stretch::Whole(REASONS[i]));
        let count = || 0..30_u64;
        let watched = (0..=10_u8, count(), count(), count(), count()).prop_map(
            |(tenths, analysed, still, starved, failed)| Stretch::Watched {
                rate: f32::from(tenths) / 10.0,
                looks: Looks {
                    analysed,
                    still,
                    starved,
                    failed,
                },
            },
        );
        prop_oneof![whole, watched]
    }

    proptest! {
        #[test]
        fn the_sum_of_all_reasons_is_the_wall_time(
            stretches in prop::collection::vec((0..3_000_000_000_u64, stretch()), 0..200),
        ) {
            let mut coverage = Coverage::default();
            let mut wall = Duration::ZERO;
            for (nanos, stretch) in stretches {
                let passed = Duration::from_nanos(nanos);
                wall += passed;
                coverage.pass(passed, stretch);
                let sum: u64 = REASONS.iter().map(|reason| coverage.ms(*reason)).sum();
                prop_assert_eq!(sum, wall.as_millis() as u64);
                prop_assert_eq!(coverage.wall_ms(), sum);
                prop_assert!(coverage.watched_ms() <= coverage.expected_ms());
            }
        }
    }
}
