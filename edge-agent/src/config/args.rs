//! `edge-agent config`: what an installer and an editor ask of a configuration.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context as _;
use clap::{Subcommand, ValueEnum};

use super::{
    layers::{self, Layers},
    load, migrate, preset,
    problem::Source,
    pushed::Pushed,
    schema,
};
use crate::{inference::provider::Provider, rollout};

/// Look after a configuration
#[derive(Subcommand)]
pub enum ConfigCommand {
    /// Say everything that is wrong with it, and what waits for something to be drawn
    Check {
        /// edge-agent.toml; files of cameras.d/ beside it belong to it
        #[arg(value_name = "FILE")]
        config: PathBuf,
    },
    /// Print every value that is in force, and where it comes from
    Explain {
        /// edge-agent.toml; files of cameras.d/ beside it belong to it
        #[arg(value_name = "FILE")]
        config: PathBuf,
        /// Only keys that begin so, as cameras[north].rules
        #[arg(value_name = "KEY")]
        key: Option<String>,
    },
    /// Print the JSON Schema, for editors
    Schema {
        /// Of which file
        #[arg(value_enum, default_value_t = Of::Agent)]
        of: Of,
    },
    /// Rename keys of earlier versions; without --write, say which
    Migrate {
        /// edge-agent.toml; files of cameras.d/ beside it belong to it
        #[arg(value_name = "FILE")]
        config: PathBuf,
        /// Write the files anew; the former ones stay beside them as *.toml.before
        #[arg(long)]
        write: bool,
    },
    /// List the presets, with the zones and lines that their rules wait for
    Presets,
}

/// A kind of file.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Of {
    /// edge-agent.toml
    Agent,
    /// A file of cameras.d/
    Cameras,
    /// A file of presets/
    Preset,
}

/// Carries it out.
///
/// # Errors
/// Problems of the configuration as [`super::ConfigErrors`]; what cannot be read, written or printed.
pub fn main(command: &ConfigCommand) -> anyhow::Result<ExitCode> {
    let mut out = io::stdout().lock();
    match command {
        ConfigCommand::Check { config } => check(config, &mut out)?,
        ConfigCommand::Explain { config, key } => {
            // What a centre has pushed lies in the state folder, and that is the node's own to say.
            let pushed = rollout::stays(&load::load(config)?.state_dir);
            let told = Layers::read(config, &pushed)?.explain();
            load::load_under(config, &pushed)?;
            let wanted = key.as_deref().unwrap_or_default();
            for line in told.iter().filter(|line| line.key.starts_with(wanted)) {
                writeln!(out, "{line}")?;
            }
        }
        ConfigCommand::Schema { of } => {
            writeln!(out, "{:#}", schema::schema(*of))?;
        }
        ConfigCommand::Migrate { config, write } => {
            let dir = config.parent().unwrap_or(Path::new(""));
            let mut files = vec![config.clone()];
            files.extend(layers::camera_files(&dir.join("cameras.d"))?);
            for file in files {
                migrate_file(&file, *write, &mut out)?;
            }
        }
        ConfigCommand::Presets => preset::list_shipped(&mut out)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn check(path: &Path, out: &mut impl Write) -> anyhow::Result<()> {
    let moved = Layers::read(path, &Pushed::default())?.moved;
    let settings = load::load(path)?;
    for one in &moved {
        writeln!(
            out,
            "warning: {}: {} is called {} now: `edge-agent config migrate {} --write` writes it so",
            one.place,
            one.old,
            one.new,
            path.display()
        )?;
    }
    for camera in &settings.cameras {
        let id = &camera.id;
        if let Some(fault) = &camera.fault {
            writeln!(out, "warning: camera {id} cannot be watched: {fault}")?;
        }
        for (rule, missing) in &camera.idle_rules {
            writeln!(
                out,
                "note: camera {id}: rule {rule} of its preset waits for {missing}"
            )?;
        }
    }
    let inference = &settings.inference;
    if inference.provider != Provider::Cpu {
        inference.load_runtime()?;
    }
    writeln!(
        out,
        "{}: {} cameras, inference on {}, {}",
        path.display(),
        settings.cameras.len(),
        inference.provider,
        settings.revision
    )?;
    Ok(())
}

fn migrate_file(path: &Path, write: bool, out: &mut impl Write) -> anyhow::Result<()> {
    let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
    let (now, moved) = migrate::migrated(&Source::new(path, text.clone()));
    for one in &moved {
        writeln!(out, "{}: {} -> {}", one.place, one.old, one.new)?;
    }
    if moved.is_empty() {
        writeln!(out, "{}: nothing to rename", path.display())?;
    } else if write {
        let mut before = path.as_os_str().to_owned();
        before.push(".before");
        fs::write(&before, text).with_context(|| Path::new(&before).display().to_string())?;
        fs::write(path, now).with_context(|| path.display().to_string())?;
        writeln!(out, "{}: written", path.display())?;
    }
    Ok(())
}
