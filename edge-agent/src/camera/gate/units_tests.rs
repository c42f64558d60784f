//! Streams as lists of units, judged as a decoder and a motion detector would.

use proptest::prelude::*;

use super::*;

const PERIOD: Duration = Duration::from_millis(40);
const GROUP: u32 = 50;

/// A camera at 25 pictures a second, a key unit every two seconds, in which something moves at the times given.
struct Stream {
    gate: UnitGate,
    decoded: Vec<u32>,
    alone: Vec<u32>,
    replayed: Vec<u32>,
    moves: Box<dyn Fn(u32) -> bool>,
    tells: bool,
}

impl Stream {
    fn new(kind: GateKind, tells: bool, moves: impl Fn(u32) -> bool + 'static) -> Stream {
        Stream {
            gate: UnitGate::new(kind, true),
            decoded: Vec::new(),
            alone: Vec::new(),
            replayed: Vec::new(),
            moves: Box::new(moves),
            tells,
        }
    }

    fn run(mut self, units: u32) -> Stream {
        (0..units).for_each(|i| self.unit(i));
        self
    }

    fn unit(&mut self, i: u32) {
        let at = PERIOD * i;
        let key = i.is_multiple_of(GROUP);
        let large = self.tells && (self.moves)(i);
        let bytes = if large {
            60_000
        } else {
            20_000 + (i as usize * 31) % 900
        };
        match self.gate.unit(key, bytes, at, false) {
            Step::Skip => {}
            Step::Run => self.decode(i),
            Step::Alone => {
                self.alone.push(i);
                // Against the key picture before: it shows where something stands now.
                self.gate.judged(at, (self.moves)(i), true);
            }
            Step::Replay(from) => {
                let first = (from.as_millis() / PERIOD.as_millis()) as u32 / GROUP * GROUP;
                self.replayed.push(i);
                (first..=i).for_each(|i| self.decode(i));
            }
        }
    }

    fn decode(&mut self, i: u32) {
        self.decoded.push(i);
        if i.is_multiple_of(5) {
            self.gate.judged(PERIOD * i, (self.moves)(i), false);
        }
    }

    /// Units in which something moves that were never decoded in a run.
    fn missed(&self, units: u32) -> Vec<u32> {
        (0..units)
            .filter(|i| (self.moves)(*i) && !self.decoded.contains(i))
            .collect()
    }
}

#[test]
fn without_the_encoded_gate_every_unit_is_decoded() {
    for kind in [GateKind::Off, GateKind::Motion] {
        let stream = Stream::new(kind, true, |_| false).run(1000);
        assert_eq!(stream.decoded.len(), 1000);
    }
}

#[test]
fn a_quiet_street_is_decoded_by_its_key_units_alone() {
    let stream = Stream::new(GateKind::Encoded, false, |_| false).run(3000);
    assert!(stream.decoded.len() < 300, "{}", stream.decoded.len());
    let keys = 3000 / GROUP as usize;
    assert!(
        stream.alone.len() + 6 >= keys,
        "{} of {keys}",
        stream.alone.len()
    );
    assert!(stream.gate.rests());
}

#[test]
fn what_begins_between_two_key_units_is_decoded_from_its_beginning() {
    // Sizes tell nothing; it is there at the next key unit.
    let moves = |i: u32| (1015..1170).contains(&i);
    let stream = Stream::new(GateKind::Encoded, false, moves).run(2000);
    assert_eq!(stream.missed(2000), [0_u32; 0]);
    assert_eq!(
        stream.replayed,
        [1051],
        "one unit after the key unit that showed it"
    );
    assert!(
        stream.decoded.len() < 600,
        "it sleeps again: {}",
        stream.decoded.len()
    );
    let mut sorted = stream.decoded.clone();
    sorted.dedup();
    let replayed = sorted.iter().filter(|i| (1000..1300).contains(*i)).count();
    assert!(replayed <= 300, "nothing is decoded twice: {replayed}");
}

#[test]
fn larger_units_wake_it_before_the_next_key_unit() {
    let moves = |i: u32| (1010..1030).contains(&i);
    let stream = Stream::new(GateKind::Encoded, true, moves).run(2000);
    assert_eq!(stream.missed(2000), [0_u32; 0]);
    assert_eq!(stream.replayed, [1011]);
}

#[test]
fn movement_that_neither_tells_is_found_by_audits_and_ends_the_gate() {
    // Half a second in each group, over before the key unit.
    let moves = |i: u32| i > 400 && (10..24).contains(&(i % GROUP));
    let groups = 120 * 4 + 20;
    let stream = Stream::new(GateKind::Encoded, false, moves).run(groups * GROUP);
    assert_eq!(stream.gate.verdict(), Verdict::Hidden);
    let last = groups * GROUP - 1;
    assert!(
        stream.decoded.contains(&last),
        "everything is decoded since"
    );
}

#[test]
fn key_units_too_far_apart_are_not_waited_for() {
    let mut gate = UnitGate::new(GateKind::Encoded, true);
    let mut skipped = 0;
    for i in 0..3000 {
        let at = PERIOD * i;
        if gate.unit(i.is_multiple_of(250), 1000, at, false) == Step::Skip {
            skipped += 1;
        }
        gate.judged(at, false, false);
    }
    assert_eq!((skipped, gate.verdict()), (0, Verdict::LongGroups));
}

#[test]
fn a_key_unit_that_never_came_out_of_the_decoder_wakes_it() {
    let mut gate = UnitGate::new(GateKind::Encoded, true);
    for i in 0..400 {
        gate.unit(i % GROUP == 0, 1000, PERIOD * i, false);
        gate.judged(PERIOD * i, false, false);
    }
    let mut steps = (400..600).map(|i| gate.unit(i % GROUP == 0, 1000, PERIOD * i, false));
    assert_eq!(steps.next(), Some(Step::Alone));
    assert!(steps.any(|step| matches!(step, Step::Replay(_))));
    assert!(!gate.rests());
}

#[test]
fn a_live_gate_sleeps_as_soon_as_nothing_moves() {
    let moves = |i: u32| (1015..1170).contains(&i);
    let mut stream = Stream::new(GateKind::Encoded, false, moves);
    stream.gate = UnitGate::new(GateKind::Encoded, false);
    let stream = stream.run(2000);
    assert_eq!(stream.missed(2000), [0_u32; 0]);
    let last = stream.decoded.last().copied().unwrap_or_default();
    assert!((1170..1200).contains(&last), "{last}");
    assert_eq!(
        stream.alone.last(),
        Some(&1950),
        "and goes on with key units"
    );
}

proptest! {
    #[test]
    fn a_decoded_run_begins_with_a_key_unit(units in prop::collection::vec((any::<bool>(), any::<bool>()), 0..200)) {
        let mut gate = UnitGate::new(GateKind::Off, true);
        let mut running = false;
        for (i, (key, full)) in units.into_iter().enumerate() {
            let decodes = gate.unit(key, 100, PERIOD * i as u32, full) == Step::Run;
            prop_assert!(!(decodes && full));
            prop_assert!(!decodes || running || key, "a run that begins without a key unit");
            running = decodes;
        }
    }

    #[test]
    fn whatever_shows_in_a_key_picture_or_in_sizes_is_never_missed(
        begins in 300u32..900, lasts in 51u32..300, tells: bool, whole_groups: bool,
    ) {
        let mut stream = Stream::new(GateKind::Encoded, tells, move |i| (begins..begins + lasts).contains(&i));
        stream.gate = UnitGate::new(GateKind::Encoded, whole_groups);
        let stream = stream.run(1400);
        prop_assert_eq!(stream.missed(1400), Vec::<u32>::new());
    }
}
