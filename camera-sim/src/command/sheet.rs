//! `camera-sim sheet`: a scene at a glance.

use std::fs::File;
use std::io::BufWriter;
use std::path::PathBuf;

use camera_sim::scene::Scene;
use camera_sim::sheet;
use camera_sim::space::Size;
use image::ExtendedColorType;
use image::codecs::jpeg::JpegEncoder;

/// Draw a contact sheet of a scene with its zones, lines and boxes (JPEG).
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Name of a scene that ships, or a scene file.
    scene: String,
    /// The JPEG file to write.
    out: PathBuf,
    /// How many pictures.
    #[arg(long, default_value_t = 9)]
    count: usize,
    /// Width and height of each picture.
    #[arg(long, default_value = "480x270", value_parser = super::parse_size)]
    size: Size,
}

pub(crate) fn run(args: Args) -> anyhow::Result<()> {
    let scene = Scene::load(&args.scene)?.at_size(args.size);
    let (size, rgb) = sheet::sheet(&scene, args.count.max(1));
    let file = BufWriter::new(File::create(&args.out)?);
    JpegEncoder::new_with_quality(file, 80).encode(
        &rgb,
        size.width,
        size.height,
        ExtendedColorType::Rgb8,
    )?;
    Ok(())
}
