//! Whether a frame in which nothing moves is looked at by the model all the same.

use std::time::Duration;

use crate::camera::Frame;

/// What has just come to a stand is looked at again after so long, then after twice as long, and so on,
const SOON: Duration = Duration::from_secs(2);
/// up to this: what crept in or out is found. An empty picture is looked at so rarely from the first.
const RARELY: Duration = Duration::from_secs(16);

/// The memory of one camera.
#[derive(Debug, Default)]
pub struct Attention {
    looked: Option<Duration>,
    patience: Duration,
}

impl Attention {
    /// Whether the model is to look at the next frame.
    pub fn wants(&self, frame: &Frame) -> bool {
        let at = frame.stamps().at;
        frame.still_since().is_none()
            || (self.looked).is_none_or(|looked| at.saturating_sub(looked) >= self.patience)
    }

    /// The model has looked at the frame and has seen so many things.
    pub fn looked(&mut self, frame: &Frame, things: usize) {
        self.looked = Some(frame.stamps().at);
        self.patience = match (things, frame.still_since()) {
            (0, _) => RARELY,
            (_, Some(_)) => (self.patience * 2).clamp(SOON, RARELY),
            (_, None) => SOON,
        };
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::camera::Stamps;

    fn frame(seconds: u64, still: bool) -> Frame {
        let stamps = Stamps {
            at: Duration::from_secs(seconds),
            capture: None,
            arrival: Timestamp::UNIX_EPOCH,
        };
        let frame = Frame::rgb((1, 1), vec![0; 3], stamps).expect("whole");
        if still { frame.still(stamps.at) } else { frame }
    }

    /// The seconds at which the model looks at frames, one a second, of which some are still; it always sees as many `things`.
    fn looks(still: impl Fn(u64) -> bool, seconds: u64, things: usize) -> Vec<u64> {
        let mut attention = Attention::default();
        let mut looks = Vec::new();
        for second in 0..seconds {
            let frame = frame(second, still(second));
            if attention.wants(&frame) {
                attention.looked(&frame, things);
                looks.push(second);
            }
        }
        looks
    }

    #[test]
    fn what_moves_is_looked_at_always() {
        assert_eq!(looks(|_| false, 22, 0).len(), 22);
        assert_eq!(looks(|_| false, 22, 1).len(), 22);
    }

    #[test]
    fn what_stands_is_looked_at_ever_more_rarely_until_something_moves() {
        assert_eq!(looks(|_| true, 40, 0), [0, 16, 32]);
        assert_eq!(looks(|_| true, 50, 1), [0, 2, 6, 14, 30, 46]);
        assert_eq!(
            looks(|second| second != 20, 40, 1),
            [0, 2, 6, 14, 20, 22, 26, 34]
        );
    }
}
