//! Whether a frame in which nothing moves is looked at by the model all the same.

use std::time::Duration;

use crate::camera::Frame;

/// What stands still in the picture is looked at again so often, and
const RECHECK: Duration = Duration::from_secs(2);
/// a picture without anything in it so often: what crept in is found.
const RECHECK_EMPTY: Duration = Duration::from_secs(10);

/// The memory of one camera.
#[derive(Debug, Default)]
pub struct Attention {
    looked: Option<Duration>,
    empty: bool,
}

impl Attention {
    /// Whether the model is to look at the next frame.
    pub fn wants(&self, frame: &Frame) -> bool {
        let patience = if self.empty { RECHECK_EMPTY } else { RECHECK };
        let at = frame.stamps().at;
        frame.still_since().is_none()
            || (self.looked).is_none_or(|looked| at.saturating_sub(looked) >= patience)
    }

    /// The model has looked at the frame of `at` and has seen so many things.
    pub fn looked(&mut self, at: Duration, things: usize) {
        self.looked = Some(at);
        self.empty = things == 0;
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

    #[test]
    fn what_moves_is_looked_at_and_what_stands_now_and_then() {
        let mut attention = Attention::default();
        let looks = |attention: &mut Attention, still, things| {
            let mut looks = Vec::new();
            for second in 0..22 {
                let frame = frame(second, still);
                if attention.wants(&frame) {
                    attention.looked(frame.stamps().at, things);
                    looks.push(second);
                }
            }
            looks
        };
        assert_eq!(looks(&mut attention, false, 0).len(), 22);
        let mut attention = Attention::default();
        assert_eq!(looks(&mut attention, true, 0), [0, 10, 20]);
        let mut attention = Attention::default();
        assert_eq!(
            looks(&mut attention, true, 1),
            (0..22).step_by(2).collect::<Vec<_>>()
        );
    }
}
