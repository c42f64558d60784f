//! What the camera itself does to a picture: shake, hunting exposure, dirt on the glass, noise, compression, faults.
//!
//! Works on the planes of a finished picture and knows nothing of streets. Everything follows from the time.

pub mod blocks;
pub mod exposure;
pub mod faults;
pub mod insects;
pub mod shake;

use serde::Deserialize;

use crate::dice::Dice;
use crate::sensor::Frame;
use crate::space::{Size, V2};
use faults::{Fault, Spray};
use insects::Insects;

/// What the camera does all the time; all of it nought is a good camera on a stiff pole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Lens {
    /// Wind on the pole, 0..1.
    pub shake: f32,
    /// Exposure that overshoots when something bright or dark comes, 0..1.
    pub hunting: f32,
    /// Insects and threads on the glass, 0..1.
    pub insects: f32,
    /// Coarseness of compression, 0..1.
    pub compression: f32,
    /// Grain beyond a good camera's, 0..1.
    pub noise: f32,
}

/// The glass before a sensor, with all that is prepared for it.
pub struct Glass {
    lens: Lens,
    faults: Vec<Fault>,
    insects: Option<Insects>,
    spray: Option<Spray>,
    size: Size,
    seed: u64,
}

impl Glass {
    /// The glass of a camera with pictures of `size`; `bright` is how light dirt on it looks, 0 by night, 1 by day.
    pub fn new(lens: &Lens, faults: &[Fault], size: Size, bright: f32, seed: u64) -> Self {
        let seed = Dice::salted(seed, 0x1e45).roll();
        let sprayed = faults.iter().any(|f| f.kind == faults::Kind::Sprayed);
        Self {
            lens: *lens,
            faults: faults.to_vec(),
            insects: (lens.insects > 0.0).then(|| Insects::new(lens.insects, size, bright, seed)),
            spray: sprayed.then(|| Spray::new(size, seed)),
            size,
            seed,
        }
    }

    /// How far the picture has moved at `time`, pixels to the right and down.
    pub fn shift(&self, time: f32) -> V2 {
        shake::shift(self.lens.shake, self.size, time, self.seed)
    }

    /// What reaches the sensor through the glass at `time`.
    pub fn through(&self, frame: &mut Frame, time: f32) {
        if self.lens.shake > 0.0 {
            shake::moved(frame, self.shift(time));
        }
        if let Some(insects) = &self.insects {
            insects.over(frame, time);
        }
        for fault in &self.faults {
            faults::apply(fault, self.spray.as_ref(), frame, time, self.seed);
        }
    }

    /// What compression leaves of a picture.
    pub fn compress(&self, frame: &mut Frame) {
        blocks::coarsen(frame, self.lens.compression);
    }

    /// The time of the picture that shows at `time`: a frozen camera repeats its last one.
    pub fn frozen(&self, time: f32) -> Option<f32> {
        faults::frozen(&self.faults, time)
    }
}
