//! One camera on many days: the same door, other people. What tuning is shown, and what it is not.

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
};

use camera_sim::{case::case_toml, render};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

use super::{WatchedCamera, workspace};

/// A door with a zone before it. Who waits there for eight seconds loiters; many stop for less, and some wait beside the zone.
const DOOR: &str = r#"
duration_s = 44.0
fps = 5.0
size = [640, 360]

[camera]
at = [0.0, 0.0]
height = 4.6
pitch_deg = 21.0
yaw_deg = 0.0
fov_deg = 76.0

[world]
base = "slabs"
surfaces = [{ material = "slabs", polygon = [[-40, 1], [40, 1], [40, 15], [-40, 15]], walkable = true }]
buildings = [{ at = [0, 21], size = [40, 9], height = 9, colour = 0x9a8c7c, shops = true }]

[[zones]]
id = "door"
ground = [[-2.5, 8.0], [2.5, 8.0], [2.5, 12.5], [-2.5, 12.5]]

[[rules]]
id = "waits-at-the-door"
kind = "loitering"
zone = "door"
classes = ["person"]
min_seconds = 8.0
"#;

/// Name of the rule of these days.
pub const RULE: &str = "waits-at-the-door";

/// A clip of such a day, in which nothing else matters.
///
/// # Errors
/// If it cannot be rendered.
pub fn clip_of_a_day() -> anyhow::Result<PathBuf> {
    let text = scene(1);
    let scene = camera_sim::scene::Scene::parse("day-01", Path::new("day-01"), &text)?;
    Ok(render::cached(
        &scene,
        &workspace().join(".cache/camera-sim"),
    )?)
}

/// The node's camera at the door, under the days' rule.
///
/// # Errors
/// If there is no such scene.
pub fn door() -> anyhow::Result<WatchedCamera> {
    let scene = camera_sim::scene::Scene::parse("door", Path::new("door"), &scene(1))?;
    let case: toml::Table = case_toml(&scene, "clip.mp4")?.parse()?;
    let mut camera = WatchedCamera::new("door", "rtsp://192.0.2.1/");
    let shown = case
        .into_iter()
        .filter(|(key, _)| ["zones", "rules"].contains(&key.as_str()));
    camera.more.extend(shown);
    Ok(camera)
}

/// Makes the case of a day in `folder`, named after the day; its clip is rendered unless that was done before.
///
/// # Errors
/// If it cannot be rendered or written.
pub fn day(number: u64, folder: &Path) -> anyhow::Result<()> {
    let name = format!("day-{number:02}");
    let text = scene(number);
    let scene = camera_sim::scene::Scene::parse(&name, Path::new(&name), &text)?;
    let clip = render::cached(&scene, &workspace().join(".cache/camera-sim"))?;
    let folder = folder.join(name);
    std::fs::create_dir_all(&folder)?;
    let case = case_toml(&scene, &clip.to_string_lossy())?;
    std::fs::write(folder.join("case.toml"), case)?;
    Ok(())
}

/// Who comes on a day: two who wait, two who stop for a moment, one who waits beside the zone; each at a place of their own.
fn scene(number: u64) -> String {
    let mut dice = StdRng::seed_from_u64(number);
    let mut text = format!(
        "title = \"A day at the door\"\nseed = {}\n{DOOR}",
        100 + number
    );
    let places = [-1.9, 1.9, -0.6, 0.7, 4.4];
    for (i, x) in places.into_iter().enumerate() {
        let seconds = match i {
            0 | 1 => dice.random_range(9.5..14.0),
            2 | 3 => dice.random_range(2.5..5.5),
            _ => dice.random_range(10.0..14.0),
        };
        let start = 1.0 + [0.0, 14.0, 7.0, 19.0, 3.0][i] + dice.random_range(0.0..4.0);
        let (depth, side) = (
            dice.random_range(9.0..11.5),
            if dice.random_bool(0.5) { 1.0 } else { -1.0 },
        );
        let x = x + dice.random_range(-0.25..0.25);
        write!(
            text,
            "\n[[actors]]\nname = \"guest {i}\"\nkind = \"pedestrian\"\nstart_s = {start:.2}\nspeed = 1.7\n\
             path = [[{:.2}, {:.2}], [{x:.2}, {depth:.2}], [{:.2}, {:.2}]]\nstops = [{{ at = 1, seconds = {seconds:.2} }}]\n",
            side * 15.0,
            depth - 0.4,
            -side * 15.0,
            depth + 0.5,
        )
        .expect("a string takes all");
    }
    text
}
