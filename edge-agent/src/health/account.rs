//! One camera's account: whether it is seen, where its time went, and what it adds to the load of the box.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::Ordering},
    time::Duration,
};

use protocol::{CameraHealth, CameraState, Name};

use crate::{
    camera::{Part, gate::Verdict, pace::Pace, progress::Progress},
    coverage::{Coverage, Looks, Reason, Stretch},
    inference::counters::{FeedCounters, Tally},
};

/// A camera whose last decoded frame is older than this is not being watched at this moment.
const FRESH: Duration = Duration::from_secs(2);
/// The very same picture for so long is a frozen one, unless the configuration says otherwise.
pub const FROZEN: Duration = Duration::from_secs(60);

/// What a camera's owner last said of it.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Phase {
    Disabled,
    /// With what went wrong the last time.
    Trying(Option<String>),
    Failed(String),
}

/// One camera's account. Shared between its stream, its analysis and the health task.
#[derive(Debug)]
pub struct CameraAccount {
    id: Name,
    name: Option<String>,
    phase: Mutex<Phase>,
    /// What its stream has done.
    pub progress: Arc<Progress>,
    /// What its main stream has done, where a substream is analysed.
    pub evidence: Option<Arc<Progress>>,
    /// Why that is not received.
    evidence_fault: Mutex<Option<String>>,
    /// What inference has done with its frames.
    pub feed: Arc<FeedCounters>,
    /// How often it is looked at for now.
    pub pace: Arc<Pace>,
    /// The very same picture for so long is a frozen one.
    pub frozen_after: Duration,
    book: Mutex<Book>,
}

/// What was passed so far.
#[derive(Debug, Default)]
struct Book {
    coverage: Coverage,
    tally: Tally,
    units: u64,
    asleep: u64,
    verdict: Option<Verdict>,
    /// Looks that should have been and were not; a part of one is carried on.
    missing: f64,
    /// Units that had been left out before the decoder.
    left_out: u64,
}

/// What a camera added to the load of the box in a stretch of time.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Share {
    /// Frames that should have been analysed.
    pub looks: u64,
    /// Of these, those that gave way or never came to be.
    pub gave_way: u64,
    /// Frames that had a turn.
    pub turns: u64,
    /// Periods of the pace that those waited for it, together.
    pub waited: f64,
    /// What the turns took.
    pub inference: Duration,
}

impl CameraAccount {
    /// An account of a camera that is `enabled` or not, and of which `asked` frames a second are to be analysed.
    pub fn new(id: Name, name: Option<String>, enabled: bool, asked: f32) -> Self {
        CameraAccount {
            id,
            name,
            phase: Mutex::new(if enabled {
                Phase::Trying(None)
            } else {
                Phase::Disabled
            }),
            progress: Arc::default(),
            evidence: None,
            evidence_fault: Mutex::default(),
            feed: Arc::default(),
            pace: Arc::new(Pace::new(asked)),
            frozen_after: FROZEN,
            book: Mutex::default(),
        }
    }

    /// A connection for a part of it is being made or stands.
    pub fn trying(&self, part: Part) {
        if part == Part::Evidence {
            return;
        }
        let mut phase = self.phase();
        let last = match &*phase {
            Phase::Failed(why) => Some(why.clone()),
            Phase::Trying(last) => last.clone(),
            Phase::Disabled => None,
        };
        *phase = Phase::Trying(last);
    }

    /// A part of it failed because of `why`.
    pub fn failed(&self, part: Part, why: &str) {
        if part == Part::Evidence {
            *self.evidence_fault() = Some(why.to_owned());
            return;
        }
        *self.phase() = Phase::Failed(why.to_owned());
    }

    fn evidence_fault(&self) -> MutexGuard<'_, Option<String>> {
        (self.evidence_fault.lock()).unwrap_or_else(PoisonError::into_inner)
    }

    /// Why there is no evidence of what the substream shows.
    fn without_evidence(&self) -> Option<String> {
        let age = self.evidence.as_ref()?.frame_age();
        if age.is_some_and(|age| age < FRESH) {
            return None;
        }
        let why = self.evidence_fault().clone();
        let why = why.unwrap_or_else(|| "nothing comes".to_owned());
        Some(format!(
            "watched, but without evidence: the main stream: {why}"
        ))
    }

    /// What is to be known of its gate: the camera could be set up better.
    fn gate_note(&self) -> Option<String> {
        match self.progress.verdict() {
            Verdict::Worth | Verdict::Busy => None,
            verdict @ (Verdict::Hidden | Verdict::LongGroups) => Some(format!(
                "watched, and every picture is decoded: {}",
                verdict.as_str()
            )),
        }
    }

    /// What is found of going by encoded units, once after each change.
    pub(super) fn new_verdict(&self) -> Option<Verdict> {
        let verdict = self.progress.verdict();
        let before = self.book().verdict.replace(verdict);
        (before.unwrap_or(Verdict::Worth) != verdict).then_some(verdict)
    }

    fn phase(&self) -> MutexGuard<'_, Phase> {
        self.phase.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What its time goes to at this moment, and why it is not watched.
    fn standing(&self) -> (Reason, Option<String>) {
        let last = match self.phase().clone() {
            Phase::Disabled => return (Reason::Disabled, None),
            Phase::Failed(why) => return (Reason::Failed, Some(why)),
            Phase::Trying(last) => last,
        };
        if self.pace.is_paused() {
            let why = "paused to relieve the node; see its faults".to_owned();
            return (Reason::Paused, Some(why));
        }
        match self.progress.frame_age() {
            Some(age) if age < FRESH => match self.frozen() {
                Some(why) => (Reason::Frozen, Some(why)),
                None => {
                    let note = self.without_evidence().or_else(|| self.gate_note());
                    (Reason::Analysed, note)
                }
            },
            Some(age) => {
                let why = last.unwrap_or_else(|| format!("no frame for {} s", age.as_secs()));
                (Reason::Connecting, Some(why))
            }
            None => (Reason::Connecting, last),
        }
    }

    /// Whether its pictures should come and do not: it is neither disabled nor paused.
    pub fn is_without_signal(&self) -> bool {
        matches!(self.standing().0, Reason::Connecting | Reason::Failed)
    }

    fn state(&self) -> (CameraState, Option<String>) {
        let (reason, why) = self.standing();
        let state = match reason {
            Reason::Disabled => CameraState::Disabled,
            Reason::Failed | Reason::Frozen | Reason::Paused => CameraState::Failed,
            Reason::Connecting => CameraState::Connecting,
            Reason::Analysed | Reason::Still | Reason::Starved | Reason::Reduced => {
                CameraState::Watching
            }
        };
        (state, why)
    }

    /// Why its picture is taken for frozen. It is analysed on all the same: a picture without any noise, as after heavy
    /// noise reduction at night, may look so too.
    pub(super) fn frozen(&self) -> Option<String> {
        let still = self.progress.still_for();
        (still >= self.frozen_after).then(|| {
            format!(
                "the picture is frozen: not one sample of it has changed for {} s; restart the camera",
                still.as_secs()
            )
        })
    }

    /// Adds `passed` to the account; gives what the camera added to the load in it.
    pub fn pass(&self, passed: Duration) -> Share {
        let (reason, _) = self.standing();
        let mut book = self.book();
        let tally = self.feed.tally();
        let units = self.progress.units.load(Ordering::Relaxed);
        let asleep = self.progress.asleep.load(Ordering::Relaxed);
        let grown = tally.since(book.tally);
        let new_units = units.saturating_sub(book.units);
        let slept = asleep.saturating_sub(book.asleep) as f64 / new_units.max(1) as f64;
        (book.tally, book.units, book.asleep) = (tally, units, asleep);
        if reason != Reason::Analysed {
            book.missing = 0.0;
            book.coverage.pass(passed, Stretch::Whole(reason));
            return Share::default();
        }
        let fps = self.pace.fps();
        let mut looks = Looks {
            analysed: grown.analysed.saturating_sub(grown.results_dropped),
            still: grown.still,
            starved: grown.gave_way + grown.results_dropped,
            failed: grown.failed,
        };
        // Whole groups of pictures are left out where the decoder has too much to do: frames that nobody counts. Those that
        // the gate left out because nothing moved are none of them.
        let asked = (f64::from(fps) * passed.as_secs_f64()).min(new_units as f64);
        let slept = (asked * slept.min(1.0)).round();
        looks.still += slept as u64;
        book.missing = (book.missing + asked - looks.sum() as f64).max(-1.0);
        let missing = book.missing.max(0.0) as u64;
        // Left out before the decoder: it had too much to do. Else it makes no pictures of what comes, and doing less would
        // not help it; a second's worth may be on its way through it.
        let left_out = self.progress.not_decoded.load(Ordering::Relaxed);
        let overrun = std::mem::replace(&mut book.left_out, left_out) < left_out;
        let on_its_way = if overrun { 0 } else { fps.ceil() as u64 };
        let missing = missing.saturating_sub(on_its_way);
        book.missing -= missing as f64;
        let (too_much, broken) = if overrun { (missing, 0) } else { (0, missing) };
        looks.starved += too_much;
        looks.failed += broken;
        let rate = fps / self.pace.asked();
        book.coverage.pass(passed, Stretch::Watched { rate, looks });
        let gave_way = grown.gave_way + too_much;
        Share {
            looks: grown.turns + gave_way,
            gave_way,
            turns: grown.turns,
            waited: grown.waited_us as f64 / 1e6 * f64::from(fps),
            inference: Duration::from_micros(grown.inference_us),
        }
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where its time went.
    pub fn coverage(&self) -> Coverage {
        self.book().coverage.clone()
    }

    /// Its name in topics.
    pub fn id(&self) -> &Name {
        &self.id
    }

    /// Its figures.
    pub fn health(&self) -> CameraHealth {
        let (state, reason) = self.state();
        let tally = self.feed.tally();
        let coverage = self.coverage();
        CameraHealth {
            id: self.id.clone(),
            name: self.name.clone(),
            state,
            reason,
            frames_decoded: self.progress.decoded.load(Ordering::Relaxed),
            frames_analysed: tally.analysed,
            frames_dropped: tally.gave_way + tally.results_dropped,
            connections: self.progress.connections.load(Ordering::Relaxed),
            watched_s: coverage.watched_ms() / 1000,
            expected_s: coverage.expected_ms() / 1000,
            coverage: Some(protocol::Coverage {
                analysed_ms: coverage.ms(Reason::Analysed),
                still_ms: coverage.ms(Reason::Still),
                starved_ms: coverage.ms(Reason::Starved),
                reduced_ms: coverage.ms(Reason::Reduced),
                paused_ms: coverage.ms(Reason::Paused),
                connecting_ms: coverage.ms(Reason::Connecting),
                failed_ms: coverage.ms(Reason::Failed),
                frozen_ms: coverage.ms(Reason::Frozen),
                disabled_ms: coverage.ms(Reason::Disabled),
            }),
        }
    }
}

#[cfg(test)]
#[path = "account_tests.rs"]
mod tests;
