//! `camera-sim render`: a scene as an MP4 file.

use std::path::PathBuf;

use camera_sim::render;
use camera_sim::scene::Scene;

/// Render a scene as an H.264 clip.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Name of a scene that ships, or a scene file.
    scene: String,
    /// The MP4 file to write.
    out: PathBuf,
}

pub(crate) fn run(args: Args) -> anyhow::Result<()> {
    let scene = Scene::load(&args.scene)?;
    render::encode(&scene, &args.out, &mut super::progress)?;
    Ok(())
}
