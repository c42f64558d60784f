//! Whether somebody or something keeps the camera from seeing its scene.
//!
//! Each kind has signs of its own, told from one picture against the scene's long-term view; it goes on once its signs have lasted,
//! and until they have been gone for a while. The view learns from untroubled pictures only, so that what is slow (dusk, snow) is
//! followed, and what is not (a hand before the lens) is not. Thresholds are measured on real and simulated clips; where a bus or a
//! lamp could look alike, time decides.

use std::time::Duration;

use super::{
    luma::Luma,
    view::{Comparison, Sizes, View},
};

/// What may be wrong with a camera's picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Tampering {
    /// Something is before the lens, or on it.
    Covered,
    /// Out of focus.
    Blurred,
    /// The camera looks elsewhere.
    Moved,
    /// The same picture again and again.
    Frozen,
    /// The light has gone.
    Dark,
    /// No pictures, or a card that stands for none.
    SignalLoss,
}

impl Tampering {
    /// All kinds.
    pub const ALL: [Tampering; 6] = [
        Tampering::Covered,
        Tampering::Blurred,
        Tampering::Moved,
        Tampering::Frozen,
        Tampering::Dark,
        Tampering::SignalLoss,
    ];

    /// Its name in configurations.
    pub fn as_str(self) -> &'static str {
        match self {
            Tampering::Covered => "covered",
            Tampering::Blurred => "blurred",
            Tampering::Moved => "moved",
            Tampering::Frozen => "frozen",
            Tampering::Dark => "dark",
            Tampering::SignalLoss => "signal_loss",
        }
    }

    /// For how many seconds its signs must last: longer where what passes by, or stands still for once, shows the same.
    fn onset(self) -> f32 {
        match self {
            Tampering::Covered => 5.0,
            Tampering::Blurred => 3.0,
            Tampering::Moved | Tampering::SignalLoss => 1.0,
            Tampering::Frozen => 8.0,
            Tampering::Dark => 2.0,
        }
    }
}

/// Signs that are missing for longer, in seconds, begin anew; and once tampering goes on, it is over.
const GAP: f32 = 0.7;
const OVER: f32 = 5.0;
/// Seconds of untroubled pictures before anything is said.
const KNOWN: f32 = 8.0;
/// A view that nothing was learned from for so many seconds, while another one stood, has given way to that.
const GIVEN_UP: f32 = 300.0;
/// A stretch of other edges that is not the old view moved: seconds until the camera is held to be turned. A bus at its stop has
/// driven on by then.
const UNLIKE: f32 = 12.0;
/// Correlation from which on the old view is found again, moved.
const FOUND: f32 = 0.5;
/// Least share of cells that change from look to look where a sensor is at work, and most where none is.
const LIVELY: f32 = 0.04;
const STILL: f32 = 0.005;
/// Most of the cells that change by more than one code value when a still picture is encoded anew.
const RECODED: f32 = 0.02;
/// Share of the looks of a stretch that may find a still picture encoded anew.
const RECODED_LOOKS: f32 = 0.3;

/// Signs of one kind over time.
#[derive(Clone, Copy, Debug, Default)]
struct Held {
    /// Seconds for which there have been signs, and for which there have been none since.
    signs: f32,
    gone: f32,
    goes_on: bool,
}

impl Held {
    fn step(&mut self, sign: bool, seconds: f32, onset: f32) {
        if sign {
            self.signs += seconds;
            self.gone = 0.0;
        } else {
            self.gone += seconds;
            let patience = if self.goes_on { OVER } else { GAP };
            if self.gone > patience {
                *self = Held::default();
            }
        }
        self.goes_on |= self.signs >= onset;
    }
}

/// What one picture says, besides how it compares with the view.
#[derive(Clone, Copy, Debug)]
struct Change {
    /// Share of cells that differ from the picture before at all, and by more than one code value.
    any: f32,
    clear: f32,
    /// Share of cells that are as bright as the one beside them.
    even: f32,
}

/// One camera's watch over its own picture.
#[derive(Debug, Default)]
pub(super) struct Tamper {
    view: Option<View>,
    last: Option<(Duration, Vec<f32>)>,
    /// Usual share of cells that change.
    lively: f32,
    /// The latest picture did not show the scene as ever, and did so all at once.
    troubled: bool,
    cut: bool,
    /// Seconds since something was learned, and for which an unlike view has stood.
    unlearned: f32,
    unlike: f32,
    /// Share of looks of a still stretch that changed.
    recoded: f32,
    held: [Held; Tampering::ALL.len()],
}

impl Tamper {
    /// Looks at a picture, given as `Luma`'s cells; gives what goes on.
    pub(super) fn look(&mut self, cells: &[f32], at: Duration) -> Vec<Tampering> {
        let now = Sizes::of(cells);
        let last = self.last.replace((at, cells.to_vec()));
        let (Some(view), Some((then, before))) = (&mut self.view, last) else {
            self.view = Some(View::new(now));
            return Vec::new();
        };
        let since = at.saturating_sub(then);
        // Between looks that lie far apart, as those of a sleeping camera, nobody knows what was.
        let seconds = since.as_secs_f32().min(4.5);
        let change = Change::between(&before, cells);
        view.pass(&now, since);
        let seen = view.compare(&now).unwrap_or_default();
        let known = view.age >= KNOWN && seen.told;
        let signs = self.signs(&seen, change, seconds, known);
        for ((held, sign), kind) in self.held.iter_mut().zip(signs).zip(Tampering::ALL) {
            held.step(sign, seconds, kind.onset());
        }
        let goes_on: Vec<Tampering> = (Tampering::ALL.into_iter().zip(&self.held))
            .filter(|(_, held)| held.goes_on)
            .map(|(kind, _)| kind)
            .collect();
        self.learn(now, &seen, change, seconds, goes_on.is_empty());
        goes_on
    }

    /// Signs of each kind, in the order of [`Tampering::ALL`].
    fn signs(&mut self, seen: &Comparison, change: Change, seconds: f32, known: bool) -> [bool; 6] {
        let good = seen.is_good();
        let gone = known && seen.contrast < 0.3 && seen.likeness < 0.6;
        // A card comes from one picture to the next; a hand takes longer.
        self.cut = !good && (self.cut || !self.troubled && gone);
        self.troubled = !good;
        let card = gone && self.cut && change.any <= STILL && change.even >= 0.95;
        let dark = known
            && seen.contrast < 0.3
            && seen.bright < 45.0
            && seen.bright < 0.4 * seen.was_bright;
        // What moves before the lens goes by.
        let covered = gone && change.clear < 0.35 && seen.flat >= 0.35 && seen.flat > seen.other;
        let blurred =
            known && seen.sharpness < 0.58 && seen.likeness >= 0.7 && seen.contrast >= 0.3;
        let moved = known && !card && seen.lost >= 0.55 && seen.other >= 0.45;
        let unlike = if moved { seconds } else { -2.0 * seconds };
        self.unlike = (self.unlike + unlike).clamp(0.0, UNLIKE);
        let found = moved && self.view.as_ref().is_some_and(|view| view.moved() >= FOUND);
        let moved = moved && (found || self.unlike >= UNLIKE || self.goes_on(Tampering::Moved));
        let frozen = self.is_still(change) && !gone && !dark && !moved;
        [
            covered && !card,
            blurred,
            moved,
            frozen,
            dark && !card,
            card,
        ]
    }

    fn goes_on(&self, kind: Tampering) -> bool {
        let mut held = Tampering::ALL.into_iter().zip(&self.held);
        held.any(|(known, held)| known == kind && held.goes_on)
    }

    /// Whether the picture is the one before, of a camera whose pictures never are: a sensor's noise changes some cells always.
    fn is_still(&mut self, change: Change) -> bool {
        let again = change.clear <= RECODED;
        let moved = if again {
            f32::from(u8::from(change.any > STILL))
        } else {
            1.0
        };
        self.recoded += 0.1 * (moved - self.recoded);
        again && self.lively >= LIVELY && self.recoded <= RECODED_LOOKS
    }

    /// Learns from an untroubled picture; takes another view for the scene's own once it has stood for long.
    fn learn(&mut self, now: Sizes, seen: &Comparison, change: Change, seconds: f32, calm: bool) {
        let Some(view) = &mut self.view else { return };
        if calm && (seen.is_good() || !seen.told) {
            view.learn(&now, seconds);
            self.unlearned = 0.0;
            if change.any > STILL {
                self.lively += (seconds / 30.0) * (change.any.min(0.2) - self.lively);
            }
            return;
        }
        self.unlearned += seconds;
        if self.unlearned >= GIVEN_UP && seen.other >= 0.4 {
            *view = View::new(now);
            self.unlearned = 0.0;
        }
    }
}

impl Change {
    /// Of the middle of the picture: cameras write their clocks into its upper and lower margin.
    fn between(before: &[f32], now: &[f32]) -> Change {
        let margin = Luma::ROWS / 8 * Luma::COLUMNS;
        let middle = |cells| {
            <[f32]>::iter(cells)
                .skip(margin)
                .take(Luma::COLUMNS * Luma::ROWS - 2 * margin)
        };
        let (mut any, mut clear, mut even, mut count) = (0_u32, 0_u32, 0_u32, 0_u32);
        let mut beside = None;
        for (before, now) in middle(before).zip(middle(now)) {
            let change = (now - before).abs();
            any += u32::from(change >= 1.0);
            clear += u32::from(change >= 2.0);
            even += u32::from(beside.is_some_and(|beside: f32| (now - beside).abs() <= 1.0));
            beside = Some(*now);
            count += 1;
        }
        let share = |cells: u32| cells as f32 / count.max(1) as f32;
        Change {
            any: share(any),
            clear: share(clear),
            even: share(even),
        }
    }
}
