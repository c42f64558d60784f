//! Light, weather, lens, faults and fires of a scene file as they are typed, and all that can be wrong with them.

use serde::Deserialize;

use super::raw::RawScene;
use crate::lens::faults::Kind;
use crate::light::{Daylight, Light};
use crate::stage::Sky;
use crate::weather::Weather;

/// The table `[light]`.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawLight {
    pub daylight: Daylight,
    /// Degrees clockwise from north and above the horizon.
    pub sun_azimuth_deg: f32,
    pub sun_height_deg: f32,
    /// Part of the ground in the shadow of clouds, 0..1.
    pub clouds: f32,
}

impl Default for RawLight {
    fn default() -> Self {
        Self {
            daylight: Daylight::Day,
            sun_azimuth_deg: 220.0,
            sun_height_deg: 48.0,
            clouds: 0.0,
        }
    }
}

/// The sky that the two tables describe.
pub(super) fn sky(raw: &RawLight, weather: Weather) -> Sky {
    let clear = Light::new(raw.daylight, raw.sun_azimuth_deg, raw.sun_height_deg);
    let clouds = if clear.shadow > 0.0 { raw.clouds } else { 0.0 };
    Sky {
        light: Light { clouds, ..clear }.under(&weather),
        weather,
    }
}

/// Everything that is wrong, each with its key.
pub(super) fn problems(raw: &RawScene) -> Vec<String> {
    let (light, weather, lens) = (&raw.light, &raw.weather, &raw.lens);
    let mut out = Vec::new();
    let parts = [
        ("light.clouds", light.clouds),
        ("weather.rain", weather.rain),
        ("weather.snow", weather.snow),
        ("weather.wind", weather.wind),
        ("lens.shake", lens.shake),
        ("lens.hunting", lens.hunting),
        ("lens.insects", lens.insects),
        ("lens.compression", lens.compression),
        ("lens.noise", lens.noise),
    ];
    for (key, value) in parts {
        if !(0.0..=1.0).contains(&value) {
            out.push(format!("{key}: must be from 0 to 1, is {value}"));
        }
    }
    if !(5.0..=90.0).contains(&light.sun_height_deg) {
        out.push("light.sun_height_deg: must be from 5 to 90".into());
    }
    if weather.fog_m.is_some_and(|m| !(8.0..=5000.0).contains(&m)) {
        out.push("weather.fog_m: must be from 8 to 5000 metres; leave it out for clear air".into());
    }
    out.extend(timed_problems(raw));
    out
}

/// What is wrong with faults and fires.
fn timed_problems(raw: &RawScene) -> Vec<String> {
    let duration_s = raw.duration_s;
    let mut out = Vec::new();
    let times = |key: &str, from_s: f32, until_s: f32| {
        let good = from_s >= 0.0 && from_s < until_s && until_s <= duration_s;
        (!good).then(|| {
            format!("{key}.from_s: {from_s} and until_s {until_s} must follow each other within the scene's {duration_s} s")
        })
    };
    for (i, f) in raw.lens_faults.iter().enumerate() {
        out.extend(times(&format!("lens_faults[{i}]"), f.from_s, f.until_s));
        if (f.kind == Kind::Turned) != f.turn_deg.is_some() {
            out.push(format!(
                "lens_faults[{i}].turn_deg: a turned camera needs it, no other fault takes it"
            ));
        }
    }
    for (i, f) in raw.fires.iter().enumerate() {
        out.extend(times(&format!("fires[{i}]"), f.from_s, f.until_s));
        if !(0.1..=10.0).contains(&f.size) {
            out.push(format!(
                "fires[{i}].size: must be from 0.1 to 10 metres, is {}",
                f.size
            ));
        }
        if !f.flames && !f.smoke {
            out.push(format!(
                "fires[{i}].flames: neither flames nor smoke; set one of them to true"
            ));
        }
    }
    out
}
