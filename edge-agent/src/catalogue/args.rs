//! The command line of `edge-agent models`.

use std::{
    io::{self, Write as _},
    path::PathBuf,
    process::ExitCode,
};

use anyhow::{Context as _, bail};

use super::{
    address::Bases,
    client::{Client, Patience},
    entry::Catalogue,
    fetch::{Consent, Fetched, fetch},
    import::{ImportOrder, import},
    licence::binds,
    list,
    progress::Progress,
    quantise::{QuantiseOrder, quantise},
    verify::verify,
};
use crate::{
    config,
    inference::{
        folders::{FolderArgs, ModelFolders},
        runtime::Runtime,
    },
};

/// What is to be done about models.
#[derive(Debug, clap::Subcommand)]
pub enum ModelsCommand {
    /// List the models of the catalogue and those that are here
    List {
        #[command(flatten)]
        places: Places,
    },
    /// Say all about a model
    Show {
        /// The model
        #[arg(value_name = "NAME")]
        name: String,
        #[command(flatten)]
        bases: BaseArgs,
        #[command(flatten)]
        places: Places,
    },
    /// Get models from their publishers
    Fetch {
        /// Models of the catalogue
        #[arg(required = true, value_name = "NAME")]
        names: Vec<String>,
        /// Accept a licence that binds who uses the model
        #[arg(long, value_name = "LICENCE")]
        accept_licence: Vec<String>,
        /// Write over another model of the name
        #[arg(long)]
        replace: bool,
        #[command(flatten)]
        bases: BaseArgs,
        #[command(flatten)]
        places: Places,
    },
    /// Check hash, inputs and outputs of models (exit code 1 if one is not what its manifest says)
    Verify {
        /// Models; without a name, all whose weights are here
        #[arg(value_name = "NAME")]
        names: Vec<String>,
        #[command(flatten)]
        places: Places,
    },
    /// Make a model's convolutions work in eight bits; refused (exit code 1) if it then sees less
    #[command(alias = "quantize")]
    Quantise {
        #[command(flatten)]
        quantise: QuantiseOrder,
        #[command(flatten)]
        places: Places,
    },
    /// Take in a model of one's own
    Import {
        #[command(flatten)]
        import: ImportOrder,
        #[command(flatten)]
        places: Places,
    },
}

/// Where models are, and which there are.
#[derive(Debug, clap::Args)]
pub struct Places {
    #[command(flatten)]
    folders: FolderArgs,
    /// Take the folders from an agent's configuration (edge-agent.toml)
    #[arg(long, value_name = "FILE", conflicts_with_all = ["models", "weights", "runtime"])]
    config: Option<PathBuf>,
    /// Another catalogue in place of the one that is compiled in
    #[arg(long, value_name = "FILE")]
    catalogue: Option<PathBuf>,
}

/// Mirrors.
#[derive(Debug, clap::Args)]
pub struct BaseArgs {
    /// A mirror that has a publisher's files under the same paths; also in SAFECITY_MODEL_BASES, with commas between
    #[arg(long, value_name = "PUBLISHER=ADDRESS")]
    base: Vec<String>,
}

impl BaseArgs {
    fn read(&self, catalogue: &Catalogue) -> anyhow::Result<Bases> {
        let bases = Bases::from_environment_and(&self.base).map_err(anyhow::Error::msg)?;
        let known = |name: &str| catalogue.entries.iter().any(|e| e.publisher == name);
        if let Some(name) = bases.publishers().find(|name| !known(name)) {
            bail!("--base: there is no publisher {name:?} in the catalogue");
        }
        Ok(bases)
    }
}

/// [`Places`], looked up.
struct Known {
    catalogue: Catalogue,
    folders: ModelFolders,
    runtime: Option<PathBuf>,
}

impl Places {
    fn read(&self) -> anyhow::Result<Known> {
        let catalogue = Catalogue::load(self.catalogue.as_deref())?;
        let (folders, runtime) = match &self.config {
            Some(path) => {
                let inference = config::load(path)?.inference;
                (inference.folders, inference.runtime)
            }
            None => (self.folders.folders(), self.folders.runtime.clone()),
        };
        Ok(Known {
            catalogue,
            folders,
            runtime,
        })
    }
}

/// Runs the command.
///
/// # Errors
/// Where files cannot be read, or a model cannot be got or taken in. What is wrong with a configuration is a
/// [`config::ConfigErrors`].
pub fn main(command: &ModelsCommand) -> anyhow::Result<ExitCode> {
    match command {
        ModelsCommand::List { places } => {
            let known = places.read()?;
            print(&list::list(&known.catalogue, &known.folders)?)?;
        }
        ModelsCommand::Show {
            name,
            bases,
            places,
        } => {
            let known = places.read()?;
            let bases = bases.read(&known.catalogue)?;
            let shown = list::show(name, &known.catalogue, &known.folders, &bases);
            print(&shown.with_context(|| unknown(name, &known))?)?;
        }
        ModelsCommand::Fetch {
            names,
            accept_licence,
            replace,
            bases,
            places,
        } => {
            let consent = Consent {
                licences: accept_licence,
                replace: *replace,
            };
            let known = places.read()?;
            fetch_all(names, consent, &bases.read(&known.catalogue)?, &known)?;
        }
        ModelsCommand::Verify { names, places } => {
            let known = places.read()?;
            let runtime = Runtime::load(known.runtime.as_deref());
            let verdict = verify(names, &known.folders, &known.catalogue, &runtime)?;
            print(&verdict.text)?;
            return Ok(ExitCode::from(u8::from(verdict.bad > 0)));
        }
        ModelsCommand::Import {
            import: order,
            places,
        } => {
            let known = places.read()?;
            let runtime = Runtime::load(known.runtime.as_deref())?;
            let manifest = import(order, &known.catalogue, &known.folders, &runtime)?;
            print(&format!(
                "{}: sha256 {}\n",
                manifest.path.display(),
                manifest.sha256
            ))?;
        }
        ModelsCommand::Quantise {
            quantise: order,
            places,
        } => {
            let known = places.read()?;
            let runtime = Runtime::load(known.runtime.as_deref())?;
            let done = quantise(order, &known.folders, &runtime)?;
            print(&done.text)?;
            return Ok(ExitCode::from(u8::from(!done.installed)));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn unknown(name: &str, known: &Known) -> String {
    let offered = known.catalogue.entries.iter();
    let names: Vec<&str> = offered.map(|e| e.manifest.name.as_str()).collect();
    format!(
        "there is no model {name:?}; the catalogue has {}",
        names.join(", ")
    )
}

fn fetch_all(
    names: &[String],
    consent: Consent<'_>,
    bases: &Bases,
    known: &Known,
) -> anyhow::Result<()> {
    let client = Client::new(Patience::default());
    let mut failed = Vec::new();
    for name in names {
        let entry = known.catalogue.get(name);
        let entry = entry.with_context(|| unknown(name, known))?;
        let mut progress = Progress::on_stderr(name);
        match fetch(
            &client,
            entry,
            &known.folders,
            bases,
            consent,
            &mut progress,
        ) {
            Ok(Fetched::Installed(path)) => {
                let licence = &entry.manifest.licence;
                progress.say(&format!(
                    "{} is in place, licence {licence}",
                    path.display()
                ));
                if binds(licence).is_some() {
                    progress.say(&format!("you have accepted {licence}"));
                }
            }
            Ok(Fetched::AlreadyHere(path)) => {
                progress.say(&format!("{} is here already, and whole", path.display()));
            }
            Err(e) => failed.push(e.to_string()),
        }
    }
    if !failed.is_empty() {
        bail!("{}", failed.join("\n"));
    }
    Ok(())
}

fn print(text: &str) -> io::Result<()> {
    io::stdout().lock().write_all(text.as_bytes())
}
