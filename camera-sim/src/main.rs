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
    Serve(command::serve::Args),
}

fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .init();
    match Cli::parse().command {
        Command::Serve(args) => command::serve::run(args),
        Command::Frames(args) => command::frames::run(args),
    }
}
