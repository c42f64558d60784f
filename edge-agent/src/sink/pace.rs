//! How fast evidence may go, so that an alert never waits long behind it.
//!
//! Alerts are never held back. Evidence keeps to two bounds: a token bucket, where the configuration says what the link
//! carries, and a window of bytes on their way. The window follows the time that acknowledgements take, as TCP Vegas
//! does: it grows while they come as fast as the link ever gave them, and halves when they do not, for then bytes are
//! waiting somewhere. Pure: the time is given.

use std::time::Duration;

use tokio::time::Instant;

/// Evidence on its way at first, and at least: bytes.
const LEAST: usize = 4 << 10;
/// More is never needed: 1 MiB fills 80 Mbit/s at 100 ms.
const MOST: usize = 1 << 20;
/// Acknowledgements that are later than the fastest by this do not count as late.
const SLACK: Duration = Duration::from_millis(40);
/// Alerts that overdraw the bucket hold evidence back for so long at most.
const DEBT: Duration = Duration::from_secs(5);

/// What may go now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leave {
    /// The next chunk.
    Go,
    /// Nothing before this.
    At(Instant),
    /// Nothing before an acknowledgement.
    Wait,
}

#[derive(Debug)]
pub(super) struct Pace {
    /// Bytes a second, where the configuration says so.
    rate: Option<f64>,
    /// Bytes that the bucket holds; below zero after a chunk went on credit.
    tokens: f64,
    filled: Instant,
    window: usize,
    on_the_way: usize,
    fastest: Option<Duration>,
}

impl Pace {
    pub(super) fn new(rate: Option<u32>, now: Instant) -> Self {
        Pace {
            rate: rate.map(f64::from),
            tokens: 0.0,
            filled: now,
            window: LEAST,
            on_the_way: 0,
            fastest: None,
        }
    }

    /// Whether a chunk of evidence may go.
    pub(super) fn leave(&mut self, now: Instant) -> Leave {
        // One chunk may always be on its way, however long it is.
        if self.on_the_way >= self.window {
            return Leave::Wait;
        }
        let Some(rate) = self.rate else {
            return Leave::Go;
        };
        self.fill(rate, now);
        if self.tokens >= 0.0 {
            return Leave::Go;
        }
        Leave::At(now + Duration::from_secs_f64(-self.tokens / rate))
    }

    /// An alert of so many bytes went.
    pub(super) fn alert(&mut self, bytes: usize, now: Instant) {
        if let Some(rate) = self.rate {
            self.fill(rate, now);
            self.tokens = (self.tokens - bytes as f64).max(-rate * DEBT.as_secs_f64());
        }
    }

    /// A chunk of evidence of so many bytes went.
    pub(super) fn evidence(&mut self, bytes: usize, now: Instant) {
        self.alert(bytes, now);
        self.on_the_way += bytes;
    }

    /// A chunk of so many bytes was acknowledged after `took`.
    pub(super) fn acknowledged(&mut self, bytes: usize, took: Duration) {
        self.on_the_way = self.on_the_way.saturating_sub(bytes);
        let fastest = self.fastest.map_or(took, |fastest| fastest.min(took));
        self.fastest = Some(fastest);
        self.window = if took <= fastest + fastest / 4 + SLACK {
            (self.window + bytes).min(MOST)
        } else {
            (self.window / 2).max(LEAST)
        };
    }

    /// The bucket is never more than empty-handed: saved-up time would go out as a burst in front of an alert.
    fn fill(&mut self, rate: f64, now: Instant) {
        let gained = now.saturating_duration_since(self.filled).as_secs_f64() * rate;
        self.tokens = (self.tokens + gained).min(0.0);
        self.filled = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn a_configured_link_carries_what_it_is_said_to_carry() {
        let start = Instant::now();
        let mut pace = Pace::new(Some(8000), start);
        let (mut now, mut sent) = (start, 0);
        while now < start + 10_000 * MS {
            match pace.leave(now) {
                Leave::Go => {
                    pace.evidence(1000, now);
                    pace.acknowledged(1000, 5 * MS);
                    sent += 1000;
                }
                Leave::At(at) => now = at,
                Leave::Wait => now += MS,
            }
        }
        assert!((79_000..=81_000).contains(&sent), "{sent}");
    }

    #[test]
    fn an_alert_goes_on_credit_and_evidence_pays() {
        let start = Instant::now();
        let mut pace = Pace::new(Some(1000), start);
        pace.alert(2000, start);
        assert_eq!(pace.leave(start), Leave::At(start + 2000 * MS));
        pace.alert(1_000_000, start);
        assert_eq!(pace.leave(start), Leave::At(start + 5000 * MS));
    }

    #[test]
    fn the_window_opens_on_a_fast_link_and_closes_when_bytes_wait() {
        let now = Instant::now();
        let mut pace = Pace::new(None, now);
        for _ in 0..400 {
            pace.evidence(4096, now);
            pace.acknowledged(4096, 2 * MS);
        }
        assert_eq!(pace.window, MOST);
        for _ in 0..20 {
            pace.evidence(4096, now);
            pace.acknowledged(4096, 400 * MS);
        }
        assert_eq!(pace.window, LEAST);
        pace.evidence(150_000, now);
        assert_eq!(
            pace.leave(now),
            Leave::Wait,
            "one chunk may be longer than the window, no more"
        );
    }
}
