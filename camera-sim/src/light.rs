//! Colours and daylight: what a surface of a given colour and slope looks like under the sky of a scene.

use serde::Deserialize;

use crate::dice::Dice;
use crate::space::{V3, v3};

/// Red, green, blue, 0..1, display values (gamma as in the picture).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rgb(pub f32, pub f32, pub f32);

impl Rgb {
    /// From 0xRRGGBB.
    pub const fn hex(value: u32) -> Self {
        Self(
            ((value >> 16) & 255) as f32 / 255.0,
            ((value >> 8) & 255) as f32 / 255.0,
            (value & 255) as f32 / 255.0,
        )
    }

    pub fn scale(self, k: f32) -> Self {
        Self(self.0 * k, self.1 * k, self.2 * k)
    }

    pub fn mix(self, o: Self, t: f32) -> Self {
        Self(
            self.0 + (o.0 - self.0) * t,
            self.1 + (o.1 - self.1) * t,
            self.2 + (o.2 - self.2) * t,
        )
    }

    pub fn times(self, o: Self) -> Self {
        Self(self.0 * o.0, self.1 * o.1, self.2 * o.2)
    }

    /// The same colour, a little off, as no two things of one paint look alike.
    pub fn vary(self, dice: &mut Dice, spread: f32) -> Self {
        let all = 1.0 + spread * dice.range(-1.0, 1.0);
        let mut one = || all * (1.0 + 0.3 * spread * dice.range(-1.0, 1.0));
        Self(self.0 * one(), self.1 * one(), self.2 * one())
    }

    pub fn bytes(self) -> [u8; 3] {
        [self.0, self.1, self.2].map(|c| (c.clamp(0.0, 1.0) * 255.0 + 0.5) as u8)
    }
}

/// What the sky gives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Daylight {
    #[default]
    Day,
    Dull,
    Dusk,
}

/// The light over one scene.
#[derive(Clone, Copy, Debug)]
pub struct Light {
    /// Unit vector towards the sun.
    pub sun: V3,
    /// Strength of sunlight and skylight on a white surface, 0..1.
    pub direct: f32,
    pub ambient: f32,
    /// Colour that white takes.
    pub tint: Rgb,
    /// Opacity of cast shadows, 0..1; contact shadows are there under any sky.
    pub shadow: f32,
    pub sky_top: Rgb,
    pub sky_low: Rgb,
    /// Distance at which haze takes two thirds of a colour, metres.
    pub haze_m: f32,
    /// Whether headlights and lit windows show.
    pub lamps: bool,
}

impl Light {
    /// The usual light of `daylight` with the sun at `azimuth_deg` clockwise from north, `height_deg` above the horizon.
    pub fn new(daylight: Daylight, azimuth_deg: f32, height_deg: f32) -> Self {
        let (az, el) = (azimuth_deg.to_radians(), height_deg.to_radians());
        let sun = v3(az.sin() * el.cos(), az.cos() * el.cos(), el.sin());
        let base = Self {
            sun,
            direct: 0.58,
            ambient: 0.64,
            tint: Rgb(1.0, 0.985, 0.95),
            shadow: 0.42,
            sky_top: Rgb::hex(0x6f9fd0),
            sky_low: Rgb::hex(0xc9dbe8),
            haze_m: 420.0,
            lamps: false,
        };
        match daylight {
            Daylight::Day => base,
            Daylight::Dull => Self {
                direct: 0.10,
                ambient: 0.84,
                tint: Rgb(0.95, 0.98, 1.0),
                shadow: 0.0,
                sky_top: Rgb::hex(0xa9b3bb),
                sky_low: Rgb::hex(0xd3d8da),
                haze_m: 240.0,
                ..base
            },
            Daylight::Dusk => Self {
                direct: 0.10,
                ambient: 0.50,
                tint: Rgb(0.90, 0.93, 1.10),
                shadow: 0.0,
                sky_top: Rgb::hex(0x3d4a68),
                sky_low: Rgb::hex(0xa58a80),
                haze_m: 260.0,
                lamps: true,
                ..base
            },
        }
    }

    /// Colour of a surface with unit `normal`.
    pub fn shade(&self, colour: Rgb, normal: V3) -> Rgb {
        let sky = 0.72 + 0.28 * normal.z;
        let k = self.ambient * sky + self.direct * normal.dot(self.sun).max(0.0);
        colour.scale(k).times(self.tint)
    }

    /// `colour` seen through `distance` metres of air.
    pub fn through_air(&self, colour: Rgb, distance: f32) -> Rgb {
        colour.mix(self.sky_low, 1.0 - (-distance / self.haze_m).exp())
    }
}
