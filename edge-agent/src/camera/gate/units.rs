//! Decides on access units, in decoding order: which are decoded, and when.
//!
//! Awake, every unit is. It falls asleep once nothing has moved for a while; asleep, key units are decoded
//! alone and compared with the one before. A key picture in which something moves, or predicted units larger than usual,
//! wake it, and everything since the last picture that was judged is decoded after all. Where the decoder does not keep
//! up, whole groups are left out: a decoder that misses one unit shows rubbish until the next key unit.

use std::time::Duration;

use super::{
    GateKind,
    sizes::Sizes,
    worth::{Verdict, Worth},
};

/// Nothing has moved for so long: it falls asleep at the next key unit.
const HOLD: Duration = Duration::from_millis(900);
/// Pictures up to so long ago must have been judged by then: else the decoder is behind, and nothing is known yet.
const BEHIND: Duration = Duration::from_millis(700);
/// It looks for so long before it first sleeps: the picture's own unrest has to be known.
const SETTLE: Duration = Duration::from_secs(8);
/// Key units further apart are not waited for: an alarm would come late by so much.
const LONGEST_GROUP: Duration = Duration::from_millis(4_200);

/// What is done with an access unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// It is not decoded.
    Skip,
    /// It is decoded after the one before it.
    Run,
    /// It is decoded alone: units that follow it are not.
    Alone,
    /// Everything from the key unit at or before this time on is decoded, this unit included.
    Replay(Duration),
}

/// What is done with a decoded picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// It is handed on.
    Pass,
    /// Nothing has moved since the time given: it is handed on as still.
    Still(Duration),
    /// It will come again among its neighbours.
    Drop,
}

/// Why it was woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cause {
    Start,
    Key,
    Sizes,
    Audit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Awake(Cause),
    /// To be woken with the next unit.
    Waking(Cause),
    Asleep,
}

/// The gate of one stream.
#[derive(Debug)]
pub struct UnitGate {
    kind: GateKind,
    /// It falls asleep at key units only.
    whole_groups: bool,
    waiting_for_key: bool,
    mode: Mode,
    /// Time of the first unit.
    began: Option<Duration>,
    /// Time of the last key unit.
    key: Option<Duration>,
    /// Time of the last picture that was judged, and of the last in which something moved.
    judged: Duration,
    moved: Duration,
    /// Something has moved since it was woken.
    moved_since: bool,
    /// The key unit that was decoded alone has not been judged yet.
    unsure: bool,
    audit_due: bool,
    sizes: Sizes,
    worth: Worth,
}

impl UnitGate {
    /// A gate that has seen nothing. `whole_groups`: it falls asleep at key units only, for readers of files: there all
    /// that was fed has been judged, however fast anything runs.
    pub fn new(kind: GateKind, whole_groups: bool) -> UnitGate {
        UnitGate {
            kind,
            whole_groups,
            waiting_for_key: true,
            mode: Mode::Awake(Cause::Start),
            began: None,
            key: None,
            judged: Duration::ZERO,
            moved: Duration::ZERO,
            moved_since: false,
            unsure: false,
            audit_due: false,
            sizes: Sizes::default(),
            worth: Worth::default(),
        }
    }

    /// Decides on the next unit: whether a decoder can begin with it, its size, its place on the camera's time line
    /// (which may step back from one unit to the next), and whether the decoder has as much waiting as it may.
    pub fn unit(&mut self, key: bool, bytes: usize, at: Duration, full: bool) -> Step {
        let began = *self.began.get_or_insert(at);
        if full {
            // What is left out cannot be judged; from the next key unit on it is looked again.
            self.waiting_for_key = true;
            self.mode = Mode::Awake(Cause::Start);
            self.began = Some(at.max(began));
        } else if key {
            self.waiting_for_key = false;
        }
        if self.waiting_for_key {
            return Step::Skip;
        }
        if self.kind == GateKind::Encoded {
            self.encoded(key, bytes, at)
        } else {
            Step::Run
        }
    }

    /// Takes what a decoded picture shows. `alone`: it came of [`Step::Alone`].
    pub fn judged(&mut self, at: Duration, moving: bool, alone: bool) -> Use {
        if !alone {
            self.judged = self.judged.max(at);
            if moving {
                self.moved = self.moved.max(at);
                self.moved_since = true;
            }
            return Use::Pass;
        }
        self.unsure = false;
        if self.mode != Mode::Asleep {
            return Use::Drop;
        }
        if moving {
            self.mode = Mode::Waking(Cause::Key);
            return Use::Drop;
        }
        if std::mem::take(&mut self.audit_due) {
            self.mode = Mode::Waking(Cause::Audit);
            return Use::Drop;
        }
        let since = std::mem::replace(&mut self.judged, at);
        Use::Still(since)
    }

    /// Whether units are left out because nothing moves, and their key units could be decoded.
    pub fn rests(&self) -> bool {
        self.mode == Mode::Asleep && !self.unsure
    }

    /// Whether going by encoded units pays.
    pub fn verdict(&self) -> Verdict {
        self.worth.verdict()
    }

    fn encoded(&mut self, key: bool, bytes: usize, at: Duration) -> Step {
        if key {
            self.sizes.key();
            self.group_ends(at);
        }
        match self.mode {
            Mode::Waking(cause) => self.wake(cause),
            Mode::Awake(cause) => self.awake(cause, key, bytes, at),
            Mode::Asleep => self.asleep(key, bytes),
        }
    }

    fn awake(&mut self, cause: Cause, key: bool, bytes: usize, at: Duration) -> Step {
        if (key || !self.whole_groups) && self.falls_asleep(cause, at) {
            self.mode = Mode::Asleep;
            self.unsure = key;
            return if key { Step::Alone } else { Step::Skip };
        }
        // What is usual is learned while nothing moves; there is nobody to be woken.
        if !key && at.saturating_sub(self.moved) > HOLD {
            self.sizes.calls(bytes);
        }
        Step::Run
    }

    fn asleep(&mut self, key: bool, bytes: usize) -> Step {
        if key {
            // A key unit that never came out of the decoder says nothing: everything is looked at again.
            let lost = std::mem::replace(&mut self.unsure, true);
            return if lost {
                self.wake(Cause::Key)
            } else {
                Step::Alone
            };
        }
        if self.sizes.calls(bytes) {
            self.wake(Cause::Sizes)
        } else {
            Step::Skip
        }
    }

    fn wake(&mut self, cause: Cause) -> Step {
        self.mode = Mode::Awake(cause);
        self.moved_since = false;
        Step::Replay(self.judged)
    }

    /// A key unit has come.
    fn group_ends(&mut self, at: Duration) {
        let asleep = self.mode == Mode::Asleep;
        if let Some(last) = self.key.replace(at) {
            self.worth
                .long_groups(at.saturating_sub(last) > LONGEST_GROUP);
            self.worth.group(asleep);
        }
        if asleep {
            self.audit_due = self.worth.audits();
        }
        if asleep || at.saturating_sub(self.moved) > HOLD {
            self.sizes.settle();
        }
    }

    fn falls_asleep(&mut self, cause: Cause, at: Duration) -> bool {
        let quiet = self.judged.saturating_sub(self.moved) >= HOLD;
        let up_to_date = at.saturating_sub(self.judged) <= BEHIND;
        let settled = self
            .began
            .is_some_and(|began| at.saturating_sub(began) >= SETTLE);
        if !(quiet && up_to_date && settled) {
            return false;
        }
        match cause {
            Cause::Sizes if !self.moved_since => self.sizes.was_wrong(),
            Cause::Audit => self.worth.audited(self.moved_since),
            _ => {}
        }
        self.worth.verdict() == Verdict::Worth
    }
}

#[cfg(test)]
#[path = "units_tests.rs"]
mod tests;
