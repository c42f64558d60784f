//! Random light, weather, lenses and fires: what a detector must bear.

use crate::dice::Dice;
use crate::fire::Fire;
use crate::lens::Lens;
use crate::light::{Daylight, Light};
use crate::sensor::Sensor;
use crate::space::{Camera, v2};
use crate::stage::Sky;
use crate::weather::Weather;

/// Share of pictures with a fire in them: far more than in any city, for a detector learns from what it sees.
const FIRES: f32 = 0.22;

/// Any sky, any sun, any weather.
pub(super) fn sky(dice: &mut Dice) -> Sky {
    use Daylight as D;
    let daylight = dice.pick(&[
        D::Day,
        D::Day,
        D::Day,
        D::Day,
        D::Dull,
        D::Dull,
        D::Dusk,
        D::Night,
        D::Night,
        D::Night,
    ]);
    let weather = weather(dice);
    let light = Light::new(daylight, dice.range(0.0, 360.0), dice.range(22.0, 68.0));
    let light = light.under(&weather);
    let k = dice.range(0.8, 1.12);
    // Some cameras make much of little light, some streets have few lamps.
    let dark = if light.lamps >= 1.0 {
        dice.range(0.8, 2.8)
    } else {
        1.0
    };
    Sky {
        light: Light {
            direct: light.direct * k,
            ambient: light.ambient * k * dark,
            haze_m: light.haze_m * dice.range(0.6, 1.4),
            headlights: light.headlights || dice.chance(0.1),
            ..light
        },
        weather,
    }
}

fn weather(dice: &mut Dice) -> Weather {
    let mut weather = Weather::default();
    if dice.chance(0.3) {
        weather.wind = dice.unit();
    }
    match dice.below(10) {
        0 | 1 => weather.rain = dice.range(0.2, 1.0),
        2 => weather.fog_m = Some(dice.range(30.0, 200.0)),
        3 => weather.snow = dice.range(0.2, 1.0),
        _ => {}
    }
    weather
}

/// Cameras from good to poor; by night they see worse.
pub(super) fn sensor(sky: &Sky, dice: &mut Dice) -> Sensor {
    let sensor = Sensor {
        noise: dice.range(0.5, 6.0),
        blur: dice.range(0.0, 0.28),
        gain: dice.range(0.72, 1.25),
        contrast: dice.range(0.8, 1.2),
        saturation: dice.range(0.5, 1.15),
    };
    // Cameras with infrared lamps give no colour at night.
    let grey = sky.light.lamps >= 1.0 && dice.chance(0.25);
    Sensor {
        saturation: if grey { 0.0 } else { sensor.saturation },
        ..sensor
    }
    .in_light(sky.light.lamps, dice.range(-0.1, 0.25).max(0.0))
}

/// Glass from clean to dirty, encoders from generous to starved.
pub(super) fn lens(dice: &mut Dice) -> Lens {
    let mut now_and_then = |chance: f32, most: f32| {
        if dice.chance(chance) {
            dice.range(0.1, most)
        } else {
            0.0
        }
    };
    Lens {
        insects: now_and_then(0.1, 1.0),
        compression: now_and_then(0.3, 0.8),
        ..Lens::default()
    }
}

/// Pixels by which a picture is out of focus: mostly none.
pub(super) fn defocus(dice: &mut Dice) -> usize {
    if dice.chance(0.1) {
        1 + dice.below(3)
    } else {
        0
    }
}

/// Fires that burn at `time` seconds somewhere in the picture: mostly none.
pub(super) fn fires(camera: &Camera, time: f32, dice: &mut Dice) -> Vec<Fire> {
    if !dice.chance(FIRES) {
        return Vec::new();
    }
    let size = camera.size();
    let mut fires = Vec::new();
    for _ in 0..1 + dice.below(2) {
        let (x, y) = (dice.range(0.05, 0.95), dice.range(0.15, 0.98));
        let horizon = camera.horizon().max(0.0);
        let row = horizon + y * (size.height as f32 - horizon);
        let Some(at) = camera.ground_at(v2(x * size.width as f32, row)) else {
            continue;
        };
        let kind = dice.below(10);
        fires.push(Fire {
            at,
            from_s: time - dice.range(1.0, 25.0),
            until_s: time + dice.range(1.0, 60.0),
            size: dice.range(0.4, 2.6),
            flames: kind != 0,
            smoke: kind < 8,
        });
    }
    fires.retain(|f| (f.at - camera.eye().ground()).length() < 70.0);
    fires
}
