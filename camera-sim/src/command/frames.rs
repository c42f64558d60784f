//! `camera-sim frames`: random labelled pictures for training a detector.

use std::path::PathBuf;

use camera_sim::random::frames::{Order, write};
use camera_sim::space::Size;

/// Write random labelled pictures for training a detector.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// How many pictures.
    #[arg(long)]
    count: usize,
    /// Equal seeds give equal bytes.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Folder for the pictures and labels.jsonl.
    #[arg(long)]
    out: PathBuf,
    /// Width and height of the pictures.
    #[arg(long, default_value = "832x468", value_parser = super::parse_size)]
    size: Size,
    /// Threads.
    #[arg(long, default_value_t = 2)]
    jobs: usize,
}

pub(crate) fn run(args: Args) -> anyhow::Result<()> {
    let Args {
        count,
        seed,
        out,
        size,
        jobs,
    } = args;
    let progress = |done: usize| super::progress(done, count);
    write(
        &Order {
            count,
            seed,
            size,
            out,
            jobs,
        },
        &progress,
    )?;
    Ok(())
}
