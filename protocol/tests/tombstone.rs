//! Runs of numbers hold exactly the numbers that they were made of.

use proptest::prelude::*;
use protocol::{
    Tombstone,
    tombstone::{MAX_RANGES, runs},
};
use std::collections::BTreeSet;

fn tombstone(seqs: Vec<[u64; 2]>) -> Tombstone {
    Tombstone {
        bootid: uuid::Uuid::nil(),
        seqs,
        class: "snapshot".to_owned(),
        reason: "quota".to_owned(),
        bytes: 0,
        time: protocol::now(),
    }
}

proptest! {
    #[test]
    fn runs_hold_what_they_were_made_of(numbers in prop::collection::btree_set(1..2000_u64, 1..600)) {
        let (runs, taken) = runs(numbers.iter().copied());
        let held: BTreeSet<u64> = runs.iter().flat_map(|[first, last]| *first..=*last).collect();
        let expected: BTreeSet<u64> = numbers.iter().copied().take(taken).collect();
        prop_assert_eq!(&held, &expected);
        prop_assert!(taken == numbers.len() || runs.len() == MAX_RANGES);
        let tombstone = tombstone(runs);
        prop_assert_eq!(tombstone.count(), taken as u64);
        prop_assert_eq!(tombstone.fault(), None);
        prop_assert!(serde_json::to_vec(&tombstone).unwrap().len() < 8192);
    }
}

#[test]
fn what_makes_no_sense_is_named() {
    let fault = |seqs: &[[u64; 2]]| tombstone(seqs.to_vec()).fault();
    assert_eq!(fault(&[]), Some("seqs is empty"));
    for seqs in [
        &[[0, 3]][..],
        &[[5, 4]],
        &[[1, 2], [2, 3]],
        &[[1, u64::MAX], [7, 8]],
    ] {
        assert_eq!(fault(seqs), Some("seqs do not rise from 1"), "{seqs:?}");
    }
    let long: Vec<[u64; 2]> = (1..=MAX_RANGES as u64 + 1)
        .map(|n| [2 * n, 2 * n])
        .collect();
    assert_eq!(fault(&long), Some("seqs is too long"));
    assert_eq!(tombstone(vec![[1, u64::MAX]]).count(), u64::MAX);
}
