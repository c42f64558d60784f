//! Quiet streets: an hour of a day in which nothing happens that a rule tells of, to count false alarms in.
//!
//! One street (`streets/quiet.toml`), hung differently for every camera, under the light, weather, lens and traffic of
//! an hour; everything follows from the camera's number and the hour. Gives the text of a scene file and renders nothing.

use toml::{Table, Value};

use crate::dice::Dice;

const STREET: &str = include_str!("../streets/quiet.toml");

/// Traffic of an hour of the day as a part of a busy hour's, from midnight on.
const TRAFFIC: [f32; 24] = [
    0.2, 0.1, 0.1, 0.1, 0.1, 0.2, 0.4, 0.8, 1.0, 0.7, 0.6, 0.6, 0.8, 0.7, 0.6, 0.7, 0.9, 1.0, 0.9,
    0.6, 0.5, 0.4, 0.3, 0.2,
];
/// Hours with a sun above the roofs.
const SUNNY: std::ops::RangeInclusive<u32> = 7..=18;
/// Hours of half light.
const DUSKY: [u32; 3] = [6, 19, 20];

/// The scene file of `seconds` seconds of hour `hour` (0 to 23, later hours are of later days) before camera `camera`.
pub fn scene_file(camera: u64, hour: u32, seconds: f32) -> String {
    let mut scene: Table = toml::from_str(STREET).expect("the street that ships is TOML");
    let mut dice = Dice::salted(camera, u64::from(hour));
    let of_day = hour % 24;
    let title = format!("Quiet street: camera {camera}, hour {hour}");
    scene.insert("title".into(), title.into());
    let seed = i64::try_from(dice.below(1 << 30)).expect("below 2^30");
    scene.insert("seed".into(), seed.into());
    scene.insert("duration_s".into(), number(seconds));
    hang(&mut scene, camera);
    let (light, weather) = sky(of_day, &mut dice);
    scene.insert("lens".into(), lens(&weather, &mut dice).into());
    scene.insert("light".into(), light.into());
    scene.insert("weather".into(), weather.into());
    thin(&mut scene, TRAFFIC[of_day as usize]);
    toml::to_string(&scene).expect("a table of plain values is TOML")
}

/// A number as a scene file has it: to the thousandth, so that the text is the same everywhere.
fn number(value: f32) -> Value {
    Value::Float((f64::from(value) * 1000.0).round() / 1000.0)
}

fn table<const N: usize>(values: [(&str, f32); N]) -> Table {
    let named = values.map(|(key, value)| (key.to_owned(), number(value)));
    named.into_iter().collect()
}

/// Every camera hangs a little differently, at all hours the same.
fn hang(scene: &mut Table, camera: u64) {
    let mut dice = Dice::salted(camera, 0xca3e);
    let mount = scene.get_mut("camera").and_then(Value::as_table_mut);
    let mount = mount.expect("the street that ships has a camera");
    mount.extend(table([
        ("height", dice.range(5.4, 6.8)),
        ("pitch_deg", dice.range(22.0, 25.0)),
        ("yaw_deg", dice.range(-5.0, 5.0)),
    ]));
}

/// The tables `light` and `weather` of an hour of the day.
fn sky(of_day: u32, dice: &mut Dice) -> (Table, Table) {
    let windy = dice.chance(0.4);
    let wind = if windy { dice.range(0.2, 0.9) } else { 0.0 };
    let mut weather = table([("wind", wind)]);
    let wet = dice.chance(0.35);
    if wet {
        weather.insert("rain".into(), number(dice.range(0.2, 0.9)));
    } else if dice.chance(0.1) {
        weather.insert("fog_m".into(), number(dice.range(60.0, 200.0)));
    }
    let daylight = match of_day {
        hour if DUSKY.contains(&hour) => "dusk",
        hour if !SUNNY.contains(&hour) => "night",
        _ if dice.chance(if wet { 0.6 } else { 0.2 }) => "dull",
        _ => "day",
    };
    // Sunrise in the east at six, 55 degrees high at half past twelve.
    let since_sunrise = of_day.saturating_sub(6) as f32;
    let height = 55.0 * (std::f32::consts::PI * since_sunrise / 13.0).sin();
    let mut light = table([
        ("sun_azimuth_deg", 90.0 + 14.0 * since_sunrise),
        ("sun_height_deg", height.max(8.0)),
        ("clouds", dice.range(0.2, 0.9)),
    ]);
    light.insert("daylight".into(), daylight.into());
    (light, weather)
}

/// The table `lens`: the pole shakes in a strong wind, exposure hunts, the encoder is starved now and then.
fn lens(weather: &Table, dice: &mut Dice) -> Table {
    let wind = weather.get("wind").and_then(Value::as_float);
    let gusts = (wind.unwrap_or_default() as f32 - 0.5).max(0.0);
    let mut some = |chance: f32, most: f32| match dice.chance(chance) {
        true => dice.range(0.1, most),
        false => 0.0,
    };
    table([
        ("shake", gusts),
        ("hunting", some(0.4, 0.5)),
        ("compression", some(0.3, 0.4)),
    ])
}

/// Leaves `part` of the traffic on every stream.
fn thin(scene: &mut Table, part: f32) {
    let streams = scene.get_mut("streams").and_then(Value::as_array_mut);
    for stream in streams.into_iter().flatten() {
        if let Some(Value::Float(rate)) = stream.get_mut("per_minute") {
            *rate = (*rate * f64::from(part) * 1000.0).round() / 1000.0;
        }
    }
}
