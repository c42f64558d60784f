//! Whether it pays, and is safe, to go by encoded units: some cameras never rest, and some encoders hide movement.
//!
//! Counted in groups of pictures. Now and then a group that neither sizes nor key pictures spoke of is decoded all the
//! same: movement in it is a miss.

/// Groups in a window, some ten minutes at two seconds each.
const WINDOW: u32 = 300;
/// Share of groups in a window that must have been slept through.
const WORTH: f32 = 0.15;
/// One quiet group of so many is looked into.
const AUDIT_EVERY: u32 = 120;
/// Audits that are remembered, and misses among them at which movement is taken for hidden.
const AUDITS: u32 = 20;
const MISSES: u32 = 3;
/// Groups to wait until it is tried again, about an hour and a day.
const AGAIN_AFTER_BUSY: u32 = 1_800;
const AGAIN_AFTER_MISSES: u32 = 43_200;

/// Why a camera's encoded gate rests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It pays.
    Worth,
    /// Something moves nearly always.
    Busy,
    /// Movement was found where neither sizes nor key pictures told of it.
    Hidden,
    /// Key pictures are too far apart to wait for.
    LongGroups,
}

impl Verdict {
    /// In words, for people; what is done instead follows from it.
    pub fn as_str(self) -> &'static str {
        match self {
            Verdict::Worth => "pays",
            Verdict::Busy => "something moves nearly always",
            Verdict::Hidden => "the encoder hides movement",
            Verdict::LongGroups => {
                "key pictures are too far apart: set the camera to one every two seconds"
            }
        }
    }
}

/// The account of one camera.
#[derive(Debug)]
pub(super) struct Worth {
    verdict: Verdict,
    /// Groups in this window, and those slept through.
    groups: u32,
    slept: u32,
    since_audit: u32,
    audits: u32,
    misses: u32,
    rest: u32,
}

impl Default for Worth {
    fn default() -> Self {
        Worth {
            verdict: Verdict::Worth,
            groups: 0,
            slept: 0,
            since_audit: 0,
            audits: 0,
            misses: 0,
            rest: 0,
        }
    }
}

impl Worth {
    pub(super) fn verdict(&self) -> Verdict {
        self.verdict
    }

    /// A group is over; `slept`: only its key unit was decoded.
    pub(super) fn group(&mut self, slept: bool) {
        if self.rest > 0 {
            self.rest -= 1;
            if self.rest == 0 {
                *self = Worth::default();
            }
            return;
        }
        self.groups += 1;
        self.slept += u32::from(slept);
        if self.groups >= WINDOW {
            if (self.slept as f32) < WORTH * self.groups as f32 {
                self.give_up(Verdict::Busy, AGAIN_AFTER_BUSY);
            }
            (self.groups, self.slept) = (0, 0);
        }
    }

    /// Whether the quiet group that begins is to be looked into.
    pub(super) fn audits(&mut self) -> bool {
        self.since_audit += 1;
        let due = self.since_audit >= AUDIT_EVERY;
        if due {
            self.since_audit = 0;
        }
        due
    }

    /// What came out of a look into a quiet group.
    pub(super) fn audited(&mut self, moved: bool) {
        self.audits += 1;
        self.misses += u32::from(moved);
        if self.misses >= MISSES {
            self.give_up(Verdict::Hidden, AGAIN_AFTER_MISSES);
        } else if self.audits >= AUDITS {
            // The older half is forgotten.
            (self.audits, self.misses) = (self.audits / 2, self.misses / 2);
        }
    }

    /// Key units are `long`, too far apart, or not any more.
    pub(super) fn long_groups(&mut self, long: bool) {
        match (long, self.verdict) {
            (true, Verdict::Worth) => self.give_up(Verdict::LongGroups, 0),
            (false, Verdict::LongGroups) => *self = Worth::default(),
            _ => {}
        }
    }

    fn give_up(&mut self, verdict: Verdict, rest: u32) {
        (self.verdict, self.rest) = (verdict, rest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_street_that_never_rests_is_given_up_for_an_hour() {
        let mut worth = Worth::default();
        for i in 0..WINDOW {
            worth.group(i % 20 == 0);
        }
        assert_eq!(worth.verdict(), Verdict::Busy);
        (0..AGAIN_AFTER_BUSY).for_each(|_| worth.group(false));
        assert_eq!(worth.verdict(), Verdict::Worth);
        for i in 0..2 * WINDOW {
            worth.group(i % 4 == 0);
        }
        assert_eq!(worth.verdict(), Verdict::Worth, "a quarter is worth it");
    }

    #[test]
    fn an_encoder_that_hides_movement_is_found_out() {
        let mut worth = Worth::default();
        let audits = (0..10 * AUDIT_EVERY).filter(|_| worth.audits()).count();
        assert_eq!(audits, 10);
        (0..40).for_each(|i| worth.audited(i % 16 == 0));
        assert_eq!(worth.verdict(), Verdict::Worth, "a rare miss is chance");
        (0..3).for_each(|_| worth.audited(true));
        assert_eq!(worth.verdict(), Verdict::Hidden);
    }

    #[test]
    fn long_groups_count_as_long_as_they_are() {
        let mut worth = Worth::default();
        worth.long_groups(true);
        assert_eq!(worth.verdict(), Verdict::LongGroups);
        worth.long_groups(false);
        assert_eq!(worth.verdict(), Verdict::Worth);
    }
}
