//! `edge-agent bench`: how many cameras this box can watch, and where its time goes.
//!
//! The whole agent runs on simulated cameras over real RTSP on the loopback interface; the cameras and the broker are
//! processes of their own, whose work is not counted. Measures and prints; nothing here runs in service.

mod limit;
mod onlooker;
mod row;
mod search;
mod split;
mod surroundings;
mod table;
mod trial;

use std::{
    io::{self, Write as _},
    path::PathBuf,
    process::ExitCode,
    str::FromStr,
};

use crate::inference::folders::FolderArgs;

/// How many cameras are simulated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cameras {
    /// So many.
    Some(usize),
    /// More and more, until frames are lost.
    Max,
}

impl FromStr for Cameras {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.parse() {
            Ok(count @ 1..=search::MOST) => Ok(Cameras::Some(count)),
            _ if text == "max" => Ok(Cameras::Max),
            _ => Err(format!("a number from 1 to {}, or max", search::MOST)),
        }
    }
}

/// Measures how many cameras this box can watch, on simulated ones.
///
/// Starts the simulated cameras (camera-sim, beside this program or in PATH) and a broker (mosquitto) on free ports of the
/// loopback interface, runs the whole agent on them, and prints what a camera costs. Ends all that it started.
#[derive(Debug, clap::Args)]
pub struct BenchArgs {
    /// Simulated cameras, or `max` for the most that lose nothing
    #[arg(long, default_value = "1", value_name = "N")]
    cameras: Cameras,
    /// What the cameras show: a video file, or a scene of camera-sim (rendered the first time)
    #[arg(long, default_value = "crossroads", value_name = "FILE")]
    clip: String,
    /// What those cameras show in front of which nothing happens: needed with --activity
    #[arg(long, value_name = "FILE", requires = "activity")]
    quiet_clip: Option<String>,
    /// Share of the cameras that show the clip, 0 to 1; the others show the quiet one
    #[arg(
        long,
        default_value_t = 1.0,
        value_name = "SHARE",
        requires = "quiet_clip",
        value_parser = share
    )]
    activity: f64,
    /// A folder in the models folder
    #[arg(long, default_value = crate::inference::folders::BUNDLED, value_name = "NAME")]
    model: String,
    /// Pictures analysed a second of each camera
    #[arg(long, default_value_t = 5.0)]
    fps: f32,
    /// How long is measured, once every camera is watched
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(5..=3600))]
    seconds: u64,
    /// A line for each camera's table of the configuration, such as 'tiles = [2, 1]'; may be given more than once
    #[arg(long, value_name = "TOML")]
    camera: Vec<String>,
    /// A line for the table [inference], such as 'sessions = 1'; may be given more than once
    #[arg(long, value_name = "TOML")]
    inference: Vec<String>,
    /// Folder for the spool while it runs: on the disk that the agent will use, for commits wait for it
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Print JSON, a line a row, instead of a table
    #[arg(long)]
    json: bool,
    /// Leave out decoding alone and inference alone
    #[arg(long)]
    no_limit: bool,
    /// Where models are
    #[command(flatten)]
    places: FolderArgs,
}

fn share(text: &str) -> Result<f64, String> {
    let share = text
        .parse()
        .ok()
        .filter(|share| (0.0..=1.0).contains(share));
    share.ok_or_else(|| "a number from 0 to 1".to_owned())
}

/// Runs the command.
///
/// # Errors
/// What is missing to run it, and where to get it.
pub fn main(args: &BenchArgs) -> anyhow::Result<ExitCode> {
    let rows = match args.cameras {
        Cameras::Some(count) => vec![trial::run(args, count)?],
        Cameras::Max => search::most(args)?,
    };
    let mut out = io::stdout().lock();
    if args.json {
        for row in &rows {
            writeln!(out, "{}", serde_json::to_string(row)?)?;
        }
    } else {
        out.write_all(table::table(&rows, args.fps).as_bytes())?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Says how far it is, to whoever waits.
fn say(text: &str) {
    // Where nobody reads, nothing can be said.
    drop(writeln!(io::stderr(), "bench: {text}"));
}

#[cfg(test)]
mod tests {
    use clap::{Args as _, Command, FromArgMatches as _};

    use super::*;

    fn parse(words: &[&str]) -> Result<BenchArgs, clap::Error> {
        let command = BenchArgs::augment_args(Command::new("bench").no_binary_name(true));
        BenchArgs::from_arg_matches(&command.try_get_matches_from(words)?)
    }

    #[test]
    fn what_makes_no_sense_is_refused_before_anything_starts() {
        assert_eq!(parse(&[]).unwrap().cameras, Cameras::Some(1));
        assert_eq!(parse(&["--cameras", "max"]).unwrap().cameras, Cameras::Max);
        for wrong in [
            &["--cameras", "0"][..],
            &["--cameras", "many"],
            &["--activity", "0.1"],
            &["--activity", "2", "--quiet-clip", "x"],
            &["--seconds", "1"],
        ] {
            assert!(parse(wrong).is_err(), "{wrong:?}");
        }
    }
}
