//! Weather: what a scene file says of it, and how hard the wind blows where.
//!
//! `falling` paints drops and flakes. What weather does to light stands in `light`, to the ground in `draw::ground`.

pub mod falling;

use serde::Deserialize;

use crate::dice::Dice;
use crate::space::V2;

/// The weather over one scene; all of it nought is clear and still.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Weather {
    /// Drizzle to cloudburst, 0..1.
    pub rain: f32,
    /// Visibility, metres; clear where it is missing.
    pub fog_m: Option<f32>,
    /// Snow that falls and lies, 0..1.
    pub snow: f32,
    /// Still to storm, 0..1.
    pub wind: f32,
}

/// Where the wind of a scene blows and how it moves things.
#[derive(Clone, Copy, Debug)]
pub struct Wind {
    /// 0..1.
    pub strength: f32,
    /// Unit vector on the ground, where it blows to.
    pub towards: V2,
}

impl Wind {
    pub fn new(strength: f32, seed: u64) -> Self {
        let mut dice = Dice::salted(seed, 0x3b1d);
        Self {
            strength,
            towards: V2::from_angle(dice.range(-0.7, 0.7)),
        }
    }

    /// How far the top of something of `height` metres is bent at `time` seconds, metres along the wind; `salt` keeps
    /// neighbours out of step.
    pub fn bend(&self, height: f32, time: f32, salt: u64) -> f32 {
        let mut dice = Dice::salted(salt, 0xbe4d);
        let (phase, pace) = (dice.range(0.0, 6.0), dice.range(0.85, 1.15));
        let t = time * pace;
        let sway = 0.45 + 0.5 * (t * 1.9 + phase).sin() + 0.3 * (t * 4.7 + 2.0 * phase).sin();
        0.055 * height * self.strength * sway
    }
}
