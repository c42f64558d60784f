//! Command line of the simulated cameras: a table of subcommands, each in its own file under `command/`.

mod command;

use clap::{Parser, Subcommand};

/// Simulated street cameras.
#[derive(Parser)]
#[command(version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Frames(command::frames::Args),
}

fn main() -> anyhow::Result<()> {
    match Cli::parse().command {
        Command::Frames(args) => command::frames::run(args),
    }
}
