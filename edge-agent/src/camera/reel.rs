//! The last seconds of a camera as it encoded them, for evidence without re-encoding and for a decoder that wakes up.
//!
//! It always begins with a key unit, and forgets whole groups of pictures: as many as are older than its span, and more
//! where its bytes would grow past their bound. A single group larger than the bound is not kept at all.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use jiff::SignedDuration;

use super::{frame::Stamps, unit::AccessUnit};

/// A ring of access units in decoding order.
#[derive(Debug)]
pub struct Reel {
    units: VecDeque<Arc<AccessUnit>>,
    span: Duration,
    max_bytes: usize,
    bytes: usize,
    lost: u64,
}

impl Reel {
    /// Keeps at least the last `span` (as far as there is so much), in at most `max_bytes`. Loss policy: the oldest group
    /// of pictures goes.
    pub fn new(span: Duration, max_bytes: usize) -> Reel {
        Reel {
            units: VecDeque::new(),
            span,
            max_bytes,
            bytes: 0,
            lost: 0,
        }
    }

    /// Adds the next unit.
    pub fn push(&mut self, unit: Arc<AccessUnit>) {
        if self.units.is_empty() && !unit.key {
            self.lost += 1;
            return;
        }
        self.bytes += unit.bytes;
        self.units.push_back(unit);
        while self.bytes > self.max_bytes {
            self.lost += self.forget_group();
        }
        while self.second_group().is_some_and(|g| self.is_older(g)) {
            self.forget_group();
        }
    }

    /// The units from the last key unit at or before `at` on; all where there is none so old. `at` is a place on the
    /// camera's time line.
    pub fn since(&self, at: Duration) -> Vec<Arc<AccessUnit>> {
        let from = (self.units.iter())
            .rposition(|unit| unit.key && unit.stamps.at <= at)
            .unwrap_or(0);
        self.units.iter().skip(from).cloned().collect()
    }

    /// The last `span`, from the key unit at or before its beginning on; all where there is less.
    pub fn last(&self, span: Duration) -> Vec<Arc<AccessUnit>> {
        let newest = self.units.iter().map(|unit| unit.stamps.at).max();
        self.since(newest.unwrap_or_default().saturating_sub(span))
    }

    /// The units from the last key unit on that came before the one nearest to `wanted`, and that one. What two streams of
    /// one camera have in common is the camera's clock, or else the time at which they arrive.
    pub fn up_to(&self, wanted: Stamps) -> Vec<Arc<AccessUnit>> {
        let off = |unit: &AccessUnit| unit.stamps.since(wanted).abs();
        let nearest = (0..self.units.len()).min_by_key(|i| off(&self.units[*i]));
        let Some(nearest) = nearest else {
            return Vec::new();
        };
        let from = (0..=nearest).rev().find(|i| self.units[*i].key);
        let from = from.unwrap_or_default();
        self.units.range(from..=nearest).cloned().collect()
    }

    /// The units from the last key unit on that came `before` ahead of `wanted` or earlier, until `after` behind it; from
    /// the oldest on where there is none so old.
    pub fn around(
        &self,
        wanted: Stamps,
        before: Duration,
        after: Duration,
    ) -> Vec<Arc<AccessUnit>> {
        let signed = |d| SignedDuration::try_from(d).unwrap_or(SignedDuration::MAX);
        let (before, after) = (-signed(before), signed(after));
        let since = |unit: &AccessUnit| unit.stamps.since(wanted);
        let from = (self.units.iter()).rposition(|unit| unit.key && since(unit) <= before);
        let to = (self.units.iter()).rposition(|unit| since(unit) <= after);
        match (from.unwrap_or(0), to) {
            (from, Some(to)) if from <= to => self.units.range(from..=to).cloned().collect(),
            _ => Vec::new(),
        }
    }

    /// Encoded bytes held.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Units that could not be kept although they were within the span.
    pub fn lost(&self) -> u64 {
        self.lost
    }

    /// Place of the second key unit.
    fn second_group(&self) -> Option<usize> {
        (1..self.units.len()).find(|i| self.units[*i].key)
    }

    /// Whether the span lies wholly in and after the group that begins at `group`.
    fn is_older(&self, group: usize) -> bool {
        let newest = self.units.iter().map(|unit| unit.stamps.at).max();
        let reach = newest
            .unwrap_or_default()
            .saturating_sub(self.units[group].stamps.at);
        reach >= self.span
    }

    /// Forgets the oldest group, or all where there is but one. Gives the number of units.
    fn forget_group(&mut self) -> u64 {
        let end = self.second_group().unwrap_or(self.units.len());
        self.bytes -= self
            .units
            .drain(..end)
            .map(|unit| unit.bytes)
            .sum::<usize>();
        end as u64
    }
}

#[cfg(test)]
mod tests {
    use gstreamer as gst;
    use jiff::Timestamp;
    use proptest::prelude::*;

    use super::*;

    const SPAN: Duration = Duration::from_secs(2);
    const MAX: usize = 4_000;

    fn unit(number: u64, key: bool, bytes: usize) -> Arc<AccessUnit> {
        gst::init().expect("GStreamer");
        let mut buffer = gst::Buffer::with_size(bytes).expect("memory");
        if !key {
            let buffer = buffer.get_mut().expect("the only reference");
            buffer.set_flags(gst::BufferFlags::DELTA_UNIT);
        }
        let stamps = Stamps {
            at: Duration::from_millis(number * 100),
            capture: None,
            arrival: Timestamp::UNIX_EPOCH,
        };
        let sample = gst::Sample::builder().buffer(&buffer).build();
        Arc::new(AccessUnit::new(sample, stamps).expect("it has data"))
    }

    proptest! {
        #[test]
        fn it_begins_with_a_key_unit_and_keeps_its_bounds(
            units in prop::collection::vec((prop::bool::weighted(0.15), 1usize..900), 1..200),
        ) {
            let mut reel = Reel::new(SPAN, MAX);
            for (i, (key, bytes)) in units.iter().enumerate() {
                let lost = reel.lost();
                reel.push(unit(i as u64, *key, *bytes));
                let held = reel.since(Duration::ZERO);
                prop_assert_eq!(held.iter().map(|u| u.bytes).sum::<usize>(), reel.bytes());
                prop_assert!(reel.bytes() <= MAX);
                prop_assert!(held.first().is_none_or(|u| u.key));
                let numbers: Vec<u128> = held.iter().map(|u| u.stamps.at.as_millis() / 100).collect();
                prop_assert!(numbers.windows(2).all(|pair| pair[1] == pair[0] + 1), "{:?}", numbers);
                // Nothing was lost: then the span is covered, or all there is since the last loss.
                if lost == reel.lost() && reel.lost() == 0 {
                    let first = held.first().map(|u| u.stamps.at).unwrap_or_default();
                    let newest = Duration::from_millis(i as u64 * 100);
                    prop_assert!(first.is_zero() || newest - first >= SPAN);
                }
                let groups = held.iter().skip(1).filter(|u| u.key).collect::<Vec<_>>();
                if let Some(second) = groups.first() {
                    let newest = Duration::from_millis(i as u64 * 100);
                    prop_assert!(newest - second.stamps.at < SPAN, "a group more than the span needs");
                }
            }
        }
    }

    #[test]
    fn a_picture_of_another_stream_is_found_by_its_time() {
        let mut reel = Reel::new(Duration::from_secs(60), MAX);
        for i in 0..10 {
            let mut unit = AccessUnit::clone(&unit(i, i % 4 == 0, 10));
            unit.stamps.arrival += Duration::from_millis(i * 100);
            reel.push(Arc::new(unit));
        }
        let wanted = |ms| Stamps {
            at: Duration::ZERO,
            capture: None,
            arrival: Timestamp::UNIX_EPOCH + Duration::from_millis(ms),
        };
        let found = |ms| -> Vec<u128> {
            let units = reel.up_to(wanted(ms));
            units
                .iter()
                .map(|unit| unit.stamps.at.as_millis())
                .collect()
        };
        assert_eq!(found(640), [400, 500, 600]);
        assert_eq!(found(9_000), [800, 900], "the last there is");
        assert_eq!(found(0), [0]);
        let empty = Reel::new(SPAN, MAX);
        assert!(empty.up_to(wanted(0)).is_empty());
    }

    #[test]
    fn a_decoder_is_fed_from_the_key_unit_before() {
        let mut reel = Reel::new(Duration::from_secs(60), MAX);
        for i in 0..10 {
            reel.push(unit(i, i % 4 == 0, 10));
        }
        let fed = reel.since(Duration::from_millis(650));
        let first = fed.first().expect("something").stamps.at;
        assert_eq!((first, fed.len()), (Duration::from_millis(400), 6));
    }
}
