//! Colours and daylight: what a surface of a given colour and slope looks like under the sky of a scene.

use serde::Deserialize;

use crate::dice::Dice;
use crate::lamps::Lamplight;
use crate::space::{V3, v3};
use crate::weather::Weather;

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

    pub fn plus(self, o: Self) -> Self {
        Self(self.0 + o.0, self.1 + o.1, self.2 + o.2)
    }

    /// The largest of the three.
    pub fn peak(self) -> f32 {
        self.0.max(self.1).max(self.2)
    }

    /// Without part of its colour: 0 keeps it, 1 leaves grey.
    pub fn fade(self, part: f32) -> Self {
        let grey = 0.3 * self.0 + 0.6 * self.1 + 0.1 * self.2;
        self.mix(Self(grey, grey, grey), part)
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
    Night,
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
    /// Strength of street lamps, headlights on the road and lit windows, 0 by day, 1 at night.
    pub lamps: f32,
    /// Whether vehicles drive with their lights on.
    pub headlights: bool,
    /// Snow on what faces up, 0..1.
    pub snow: f32,
    /// Part of the ground that clouds shade while they pass, 0..1; under the sun only.
    pub clouds: f32,
}

/// Mean distance at which a thing is just seen, in haze lengths (5 % of its contrast is left: Koschmieder).
const SEEN_HAZES: f32 = 3.0;

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
            lamps: 0.0,
            headlights: false,
            snow: 0.0,
            clouds: 0.0,
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
                direct: 0.06,
                ambient: 0.42,
                tint: Rgb(0.88, 0.93, 1.12),
                shadow: 0.0,
                sky_top: Rgb::hex(0x35415f),
                sky_low: Rgb::hex(0xa58a80),
                haze_m: 260.0,
                lamps: 0.45,
                headlights: true,
                ..base
            },
            Daylight::Night => Self {
                sun: v3(0.25, 0.3, 0.92),
                direct: 0.02,
                ambient: 0.085,
                tint: Rgb(0.80, 0.92, 1.22),
                shadow: 0.0,
                sky_top: Rgb::hex(0x04060d),
                sky_low: Rgb::hex(0x141720),
                haze_m: 320.0,
                lamps: 1.0,
                headlights: true,
                ..base
            },
        }
    }

    /// The same light in `weather`: rain, snow and fog hide the sun and thicken the air.
    pub fn under(self, weather: &Weather) -> Self {
        let cover = weather.rain.max(weather.snow);
        let fog = weather.fog_m.map_or(0.0, |m| 1.0 - m / (m + 400.0));
        let dull = (cover * 1.6).max(fog * 1.3).min(1.0);
        let night = self.lamps >= 1.0;
        // Fog and cloud send the town's light back down, by night it is all the light there is.
        let grey = if night {
            Rgb(0.115, 0.11, 0.105).scale(1.0 + fog)
        } else {
            let bright = (self.ambient + 0.3 * self.direct) * (1.0 - 0.25 * weather.rain);
            Rgb(0.93, 0.96, 0.98).scale(bright)
        };
        let seen_m = [
            weather.fog_m.unwrap_or(f32::MAX),
            700.0 / weather.rain.max(0.01),
            260.0 / weather.snow.max(0.01),
        ];
        let seen_m = seen_m.into_iter().fold(f32::MAX, f32::min);
        Self {
            direct: self.direct * (1.0 - 0.92 * dull),
            ambient: self.ambient * (1.0 + 0.25 * dull * self.shadow) * (1.0 - 0.15 * weather.rain),
            tint: self
                .tint
                .mix(Rgb(0.95, 0.98, 1.0), if night { 0.0 } else { dull }),
            shadow: self.shadow * (1.0 - dull),
            sky_top: self.sky_top.mix(grey.scale(0.86), dull),
            sky_low: self.sky_low.mix(grey, dull),
            haze_m: self.haze_m.min(seen_m / SEEN_HAZES),
            headlights: self.headlights || dull > 0.45,
            snow: weather.snow,
            clouds: self.clouds * (1.0 - dull),
            ..self
        }
    }

    /// The same light in the shadow of a cloud; `part` of the cloud's shadow, 0..1.
    pub fn shaded(self, part: f32) -> Self {
        Self {
            direct: self.direct * (1.0 - 0.85 * part),
            ambient: self.ambient * (1.0 + 0.04 * part),
            tint: self.tint.mix(Rgb(0.94, 0.98, 1.04), part),
            shadow: self.shadow * (1.0 - part),
            ..self
        }
    }

    /// The light at a place on which lamps throw `lamplight`: they shine from one side and cast the shadow.
    pub fn with_lamps(self, lamplight: &Lamplight) -> Self {
        if lamplight.strongest <= 0.0 {
            return self;
        }
        let all = self
            .tint
            .scale(self.ambient)
            .plus(lamplight.colour.scale(0.55));
        let ambient = all.peak().max(0.01);
        let direct = 0.5 * lamplight.strongest;
        Self {
            sun: if direct > self.direct {
                lamplight.towards
            } else {
                self.sun
            },
            direct: direct.max(self.direct),
            ambient,
            tint: all.scale(1.0 / ambient),
            shadow: (0.5 * lamplight.strongest / (ambient + 0.2))
                .min(0.45)
                .max(self.shadow),
            ..self
        }
    }

    /// What falls on level ground without lamps, a channel each.
    pub fn on_ground(&self) -> Rgb {
        self.shade_bare(Rgb(1.0, 1.0, 1.0), v3(0.0, 0.0, 1.0))
    }

    /// Colour of a surface with unit `normal`, under what snow lies on it.
    pub fn shade(&self, colour: Rgb, normal: V3) -> Rgb {
        let lying = self.snow * ((normal.z - 0.45) * 3.0).clamp(0.0, 1.0);
        self.shade_bare(colour.mix(SNOW, 0.92 * lying), normal)
    }

    fn shade_bare(&self, colour: Rgb, normal: V3) -> Rgb {
        let sky = 0.72 + 0.28 * normal.z;
        let k = self.ambient * sky + self.direct * normal.dot(self.sun).max(0.0);
        colour.scale(k).times(self.tint)
    }

    /// `colour` seen through `distance` metres of air.
    pub fn through_air(&self, colour: Rgb, distance: f32) -> Rgb {
        colour.mix(self.sky_low, self.air(distance))
    }

    /// Part of a colour that `distance` metres of air take, 0..1.
    pub fn air(&self, distance: f32) -> f32 {
        1.0 - (-distance / self.haze_m).exp()
    }
}

/// Fresh snow.
pub const SNOW: Rgb = Rgb::hex(0xeceff2);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thing_at_the_limit_of_visibility_keeps_a_twentieth_of_its_contrast() {
        let weather = Weather {
            fog_m: Some(80.0),
            ..Weather::default()
        };
        let light = Light::new(Daylight::Day, 200.0, 50.0).under(&weather);
        assert!((1.0 - light.air(80.0) - 0.05).abs() < 0.005);
        assert!(light.shadow < 0.3, "fog hides the sun");
    }

    #[test]
    fn snow_whitens_what_faces_up_only() {
        let weather = Weather {
            snow: 1.0,
            ..Weather::default()
        };
        let light = Light::new(Daylight::Dull, 200.0, 50.0).under(&weather);
        let red = Rgb::hex(0xa01010);
        let roof = light.shade(red, v3(0.0, 0.0, 1.0));
        let wall = light.shade(red, v3(1.0, 0.0, 0.0));
        assert!(roof.1 > 0.5 && wall.1 < 0.2, "{roof:?} {wall:?}");
    }
}
