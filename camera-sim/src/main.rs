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
    Render(command::render::Args),
    Case(command::case::Args),
    Frames(command::frames::Args),
    Quiet(command::quiet::Args),
    Serve(command::serve::Args),
    Sheet(command::sheet::Args),
}

fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .init();
    match Cli::parse().command {
        Command::Serve(args) => command::serve::run(args),
        Command::Render(args) => command::render::run(args),
        Command::Case(args) => command::case::run(args),
        Command::Sheet(args) => command::sheet::run(args),
        Command::Frames(args) => command::frames::run(args),
        Command::Quiet(args) => command::quiet::run(args),
    }
}
