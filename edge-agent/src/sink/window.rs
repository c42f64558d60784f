//! What is on its way to the broker in this connection.
//!
//! The client gives packet identifiers only as it sends, in the order of publishing: they are matched first in, first
//! out. The window is forgotten with its connection.

use std::collections::{HashMap, HashSet, VecDeque};

/// What was handed to the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Item {
    /// A record of the spool, by its number.
    Record(i64),
    /// A message that is made anew for each connection.
    Passing,
}

#[derive(Debug, Default)]
pub(super) struct Window {
    /// Handed to the client, not sent yet.
    handed: VecDeque<Item>,
    /// Sent, by packet identifier.
    sent: HashMap<u16, Item>,
    /// Numbers of the records in either, and of those taken but not yet deleted from the spool.
    numbers: HashSet<i64>,
}

impl Window {
    /// Messages that the broker has not taken.
    pub(super) fn len(&self) -> usize {
        self.handed.len() + self.sent.len()
    }

    /// Records that must not be handed over again.
    pub(super) fn numbers(&self) -> &HashSet<i64> {
        &self.numbers
    }

    /// The client was given `item`.
    pub(super) fn handed(&mut self, item: Item) {
        if let Item::Record(number) = item {
            self.numbers.insert(number);
        }
        self.handed.push_back(item);
    }

    /// The client sent a message as packet `pkid`. `false` if none was handed to it: the match is lost.
    pub(super) fn sent(&mut self, pkid: u16) -> bool {
        match self.handed.pop_front() {
            Some(item) => self.sent.insert(pkid, item).is_none(),
            None => false,
        }
    }

    /// The broker took packet `pkid`. `None` if it was never sent.
    pub(super) fn taken(&mut self, pkid: u16) -> Option<Item> {
        self.sent.remove(&pkid)
    }

    /// The spool has deleted these records.
    pub(super) fn deleted(&mut self, numbers: &[i64]) {
        for number in numbers {
            self.numbers.remove(number);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn packets_are_matched_in_order_of_handing_over_and_taken_in_any_order() {
        let mut window = Window::default();
        for item in [Item::Record(7), Item::Passing, Item::Record(9)] {
            window.handed(item);
        }
        assert!(window.sent(1) && window.sent(2) && window.sent(3));
        assert_eq!(window.taken(3), Some(Item::Record(9)));
        assert_eq!(
            window.taken(3),
            None,
            "a second acknowledgement means nothing"
        );
        assert_eq!(window.taken(1), Some(Item::Record(7)));
        assert_eq!(
            window.numbers().len(),
            2,
            "not handed over again before they are deleted"
        );
        window.deleted(&[7, 9]);
        assert_eq!((window.numbers().len(), window.len()), (0, 1));
    }

    #[test]
    fn a_packet_that_was_never_handed_over_is_noticed() {
        let mut window = Window::default();
        assert!(!window.sent(1));
        window.handed(Item::Passing);
        window.handed(Item::Passing);
        assert!(window.sent(1));
        assert!(!window.sent(1), "an identifier that is still in use");
    }

    proptest! {
        #[test]
        fn each_record_comes_back_exactly_once(order in Just((0..40_i64).collect::<Vec<_>>()).prop_shuffle()) {
            let mut window = Window::default();
            for number in 0..40 {
                window.handed(Item::Record(number));
                prop_assert!(window.sent(number as u16 + 1));
            }
            for number in order {
                prop_assert_eq!(window.taken(number as u16 + 1), Some(Item::Record(number)));
            }
            prop_assert_eq!(window.len(), 0);
        }
    }
}
