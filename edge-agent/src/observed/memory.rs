//! The last hour of what a camera's analysis was told, without a pixel.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use super::{Look, Step};

/// So long is remembered,
const SPAN: Duration = Duration::from_secs(3600);

/// and not more than this, in bytes: a crowd at a high rate is remembered for less than an hour.
const BYTES: usize = 16 << 20;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Memory {
    steps: VecDeque<Arc<Step>>,
    bytes: usize,
}

impl Memory {
    pub(super) fn remember(&mut self, step: &Step) {
        let step = step.lasting();
        self.bytes += step.bytes();
        self.steps.push_back(Arc::new(step));
        let newest = self.steps.iter().rev().find_map(|step| at(step));
        while let (Some(first), Some(newest)) = (self.steps.front(), newest) {
            let old = at(first).is_some_and(|at| at + SPAN < newest);
            if !old && self.bytes <= BYTES {
                break;
            }
            self.bytes -= first.bytes();
            self.steps.pop_front();
        }
    }

    /// Everything that is remembered, the oldest first.
    pub(super) fn steps(&self) -> Vec<Arc<Step>> {
        self.steps.iter().map(Arc::clone).collect()
    }
}

fn at(step: &Step) -> Option<Duration> {
    match step {
        Step::Frame(Look { stamps, .. }) => Some(stamps.at),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::camera::Stamps;

    fn frame(seconds: u64, detections: usize) -> Step {
        use analytics::{
            detection::{ClassId, Detection},
            geometry::Rect,
        };
        let one = Detection {
            class: ClassId(0),
            score: 0.5,
            rect: Rect {
                x: 0.1,
                y: 0.1,
                w: 0.1,
                h: 0.1,
            },
        };
        Step::Frame(Look {
            stamps: Stamps {
                at: Duration::from_secs(seconds),
                capture: None,
                arrival: Timestamp::UNIX_EPOCH,
            },
            size: (640, 360),
            still_since: None,
            late: None,
            detections: Some(vec![one; detections]),
            appearances: Vec::new(),
            luma: None,
        })
    }

    #[test]
    fn an_hour_is_remembered_and_what_is_older_forgotten() {
        let mut memory = Memory::default();
        for second in 0..4000 {
            memory.remember(&frame(second, 3));
        }
        let first = memory.steps().first().and_then(|step| at(step));
        assert_eq!(first, Some(Duration::from_secs(399)));
        assert_eq!(memory.steps().len(), 3601);
    }

    #[test]
    fn what_takes_too_much_room_is_remembered_for_less() {
        let mut memory = Memory::default();
        for second in 0..100 {
            memory.remember(&frame(second, 20_000));
        }
        assert!(memory.bytes <= BYTES);
        let kept = memory.steps().len();
        assert!((1..100).contains(&kept), "{kept}");
        assert_eq!(
            memory.steps().last().and_then(|step| at(step)),
            Some(Duration::from_secs(99))
        );
    }
}
