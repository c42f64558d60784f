//! `camera-sim quiet`: the scene file of an hour in which nothing happens.

use std::io::Write;

use camera_sim::quiet;

/// Print the scene file of a quiet street at an hour of a day.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Number of the camera: another one hangs and sees differently.
    #[arg(long, default_value_t = 1)]
    camera: u64,
    /// Hours since midnight of the first day.
    #[arg(long, default_value_t = 12)]
    hour: u32,
    /// Length of the scene.
    #[arg(long, default_value_t = 3600.0)]
    seconds: f32,
}

pub(crate) fn run(args: Args) -> anyhow::Result<()> {
    let text = quiet::scene_file(args.camera, args.hour, args.seconds);
    std::io::stdout().lock().write_all(text.as_bytes())?;
    Ok(())
}
