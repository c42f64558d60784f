//! `camera-sim case`: a scene as a case for an evaluator.

use std::path::PathBuf;

use camera_sim::case;
use camera_sim::scene::Scene;

/// Render a scene and write its truth: clip.mp4, case.toml and truth.jsonl.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Name of a scene that ships, or a scene file.
    scene: String,
    /// The folder to write into.
    out: PathBuf,
    /// Write case.toml only, for a clip that is already there.
    #[arg(long)]
    truth_only: bool,
}

pub(crate) fn run(args: Args) -> anyhow::Result<()> {
    let scene = Scene::load(&args.scene)?;
    if args.truth_only {
        std::fs::create_dir_all(&args.out)?;
        std::fs::write(
            args.out.join("case.toml"),
            case::case_toml(&scene, "clip.mp4")?,
        )?;
        return Ok(());
    }
    case::write(&scene, &args.out, &mut super::progress)?;
    Ok(())
}
