//! Which access units are worth decoding, and which frames worth analysing.
//!
//! - [`units`] decides on access units: while nothing moves only key units are decoded; what wakes it is fed from the reel,
//!   so that nothing since the last key unit is lost.
//! - [`frame`] picks the frames that are due, a few a second.
//! - [`motion`] tells by their luma whether anything moves in them. A frame in which nothing does is marked as still, and
//!   what was seen last is taken to stand where it stood.
//!
//! Everything here is decided by units, pictures and media time alone: no clock, no thread, no lock.

mod frame;
mod motion;
mod sizes;
mod units;
mod worth;

pub use frame::FrameGate;
pub use motion::{Motion, MotionDetector};
pub use units::{Step, UnitGate, Use};
pub use worth::Verdict;

/// What a camera's gate goes by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GateKind {
    /// Every due frame is analysed.
    #[default]
    Off,
    /// Every unit is decoded; due frames in which nothing moves are not analysed.
    Motion,
    /// As `Motion`, and while nothing moves only key units are decoded.
    Encoded,
}

impl GateKind {
    /// All kinds, by the names that a configuration has for them.
    pub const NAMES: [(&'static str, GateKind); 3] = [
        ("off", GateKind::Off),
        ("motion", GateKind::Motion),
        ("encoded", GateKind::Encoded),
    ];

    /// Its name in a configuration.
    pub fn name(self) -> &'static str {
        match self {
            GateKind::Off => "off",
            GateKind::Motion => "motion",
            GateKind::Encoded => "encoded",
        }
    }
}
