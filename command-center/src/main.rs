//! Arguments and exit codes: 0 well ended, 64 wrong usage or configuration, 65 the audit is broken, 69 something needed is not there,
//! 70 internal.

use std::{
    io::{self, BufRead, IsTerminal, Write},
    path::{Path, PathBuf},
    process::{Command as Program, ExitCode},
};

use clap::{Parser, Subcommand};
use command_center::{
    Centre,
    command::{KeyError, Signer},
    config, open_store,
    originals::{SealKey, SealKeyError},
    password,
    role::{Grant, Role},
    store::{Store, StoreError},
};
use protocol::{Name, Utc};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

const USAGE: u8 = 64;
const BROKEN: u8 = 65;
const UNAVAILABLE: u8 = 69;
const INTERNAL: u8 = 70;

/// Ingest, incident store and the operators' web console.
#[derive(Parser)]
#[command(name = "command-center", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the centre until SIGTERM or SIGINT.
    Run(ConfigFile),
    /// Check the configuration and say all that is wrong with it.
    CheckConfig(ConfigFile),
    /// The key that signs commands to nodes.
    #[command(subcommand)]
    Key(KeyCommand),
    /// The key to which nodes seal clips as they were filmed.
    #[command(subcommand)]
    SealKey(KeyCommand),
    /// Users of the console; a password is read from standard input.
    #[command(subcommand)]
    User(UserCommand),
    /// Who did what.
    #[command(subcommand)]
    Audit(AuditCommand),
}

#[derive(Subcommand)]
enum KeyCommand {
    /// Make a key in a new file, and print the public half, which nodes know: `commands.keys` or `archive.recipient`.
    Generate(KeyFile),
    /// Print the public half of a key.
    Show(KeyFile),
}

#[derive(clap::Args)]
struct KeyFile {
    /// The key file, named by `commands.key_file` or `originals.key_file` in the configuration.
    #[arg(value_name = "FILE")]
    path: PathBuf,
}

#[derive(Subcommand)]
enum UserCommand {
    /// Add a user, with one role.
    Add(NewUser),
    /// Let a user sign in without a one-time code, who has lost the authenticator, and end all sessions of that user.
    TotpOff(UserName),
    /// Give a user another password and end all sessions of that user.
    Reset(UserName),
}

#[derive(clap::Args)]
struct ConfigFile {
    /// The configuration file.
    #[arg(long, value_name = "FILE", default_value = "command-center.toml")]
    config: PathBuf,
}

#[derive(clap::Args)]
struct UserName {
    /// Name of the user.
    name: String,
    #[command(flatten)]
    file: ConfigFile,
}

#[derive(clap::Args)]
struct NewUser {
    #[command(flatten)]
    user: UserName,
    /// What the user may do; administrators grant more in the console.
    #[arg(long, value_enum, default_value = "operator")]
    role: Role,
    /// In this region only.
    #[arg(long)]
    region: Option<Name>,
    /// At this site of the region only.
    #[arg(long, requires = "region")]
    site: Option<Name>,
}

#[derive(Subcommand)]
enum AuditCommand {
    /// Go through all of it and say whether it is whole; exit code 65 if not.
    Check {
        #[command(flatten)]
        file: ConfigFile,
        /// A head that was noted down earlier: whether the audit still holds what it ended.
        #[arg(long, value_name = "HASH")]
        head: Option<String>,
    },
}

/// What went wrong, and the exit code for it.
struct Failure {
    code: u8,
    error: anyhow::Error,
}

impl Failure {
    fn new(code: u8, error: impl Into<anyhow::Error>) -> Self {
        Failure {
            code,
            error: error.into(),
        }
    }
}

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let code = if error.use_stderr() { USAGE } else { 0 };
            return match error.print() {
                Ok(()) => ExitCode::from(code),
                Err(_) => ExitCode::from(INTERNAL),
            };
        }
    };
    match act(arguments.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let said = writeln!(io::stderr(), "error: {}", failure.error);
            ExitCode::from(if said.is_ok() { failure.code } else { INTERNAL })
        }
    }
}

fn act(command: Command) -> Result<(), Failure> {
    let load = |file: &ConfigFile| config::load(&file.config).map_err(|e| Failure::new(USAGE, e));
    let runtime = || tokio::runtime::Runtime::new().map_err(|e| Failure::new(INTERNAL, e));
    match command {
        Command::Run(file) => runtime()?.block_on(run(load(&file)?)),
        Command::CheckConfig(file) => {
            load(&file)?;
            say(&format!("{}: nothing is wrong", file.config.display()))
        }
        Command::Key(KeyCommand::Generate(file)) => show_key(Signer::generate(&file.path)),
        Command::Key(KeyCommand::Show(file)) => show_key(Signer::read(&file.path)),
        Command::SealKey(KeyCommand::Generate(file)) => {
            show_seal_key(SealKey::generate(&file.path))
        }
        Command::SealKey(KeyCommand::Show(file)) => show_seal_key(SealKey::read(&file.path)),
        Command::User(command) => {
            let store = opened(&load(&command.user().file)?)?;
            runtime()?.block_on(change_user(command, store))
        }
        Command::Audit(AuditCommand::Check { file, head }) => {
            let store = opened(&load(&file)?)?;
            runtime()?.block_on(check_audit(store, head))
        }
    }
}

fn opened(settings: &config::Settings) -> Result<Store, Failure> {
    open_store(&settings.data_dir, settings.evidence_max_bytes)
        .map_err(|e| Failure::new(UNAVAILABLE, e))
}

impl UserCommand {
    fn user(&self) -> &UserName {
        match self {
            UserCommand::Add(new) => &new.user,
            UserCommand::Reset(user) | UserCommand::TotpOff(user) => user,
        }
    }
}

fn show_key(key: Result<Signer, KeyError>) -> Result<(), Failure> {
    let key = key.map_err(|e| Failure::new(UNAVAILABLE, e))?;
    say(&key.public_key().to_string())
}

fn show_seal_key(key: Result<SealKey, SealKeyError>) -> Result<(), Failure> {
    let key = key.map_err(|e| Failure::new(UNAVAILABLE, e))?;
    say(&key.recipient())
}

async fn run(settings: config::Settings) -> Result<(), Failure> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .init();
    let internal = |e| Failure::new(INTERNAL, e);
    let mut terminate = signal(SignalKind::terminate()).map_err(internal)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(internal)?;
    let centre = Centre::start(settings)
        .await
        .map_err(|e| Failure::new(UNAVAILABLE, e))?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!("stopping");
    centre.stop().await;
    Ok(())
}

async fn change_user(command: UserCommand, store: Store) -> Result<(), Failure> {
    let name = command.user().name.clone();
    let (by, now) = ("command line".to_owned(), Utc::now());
    let changed = match command {
        UserCommand::Add(new) => {
            let hash = read_hash(&name)?;
            let grant = Grant {
                role: new.role,
                region: new.region,
                site: new.site,
            };
            store
                .add_user(by, name.clone(), hash, vec![grant], now)
                .await
        }
        UserCommand::Reset(_) => {
            let hash = read_hash(&name)?;
            store.reset_password(by, name.clone(), hash, now).await
        }
        UserCommand::TotpOff(_) => store.remove_totp(by, name.clone(), now).await,
    };
    store.close().await;
    match changed {
        Ok(()) => say(&format!("{name} can sign in")),
        Err(error @ (StoreError::UserExists(_) | StoreError::NoSuchUser(_))) => {
            Err(Failure::new(USAGE, error))
        }
        Err(error) => Err(Failure::new(UNAVAILABLE, error)),
    }
}

fn read_hash(name: &str) -> Result<String, Failure> {
    let secret = read_password(name).map_err(|e| Failure::new(USAGE, e))?;
    password::check(name, &secret).map_err(|e| Failure::new(USAGE, e))?;
    password::hash(&secret)
        .map_err(|e| Failure::new(INTERNAL, anyhow::anyhow!("cannot hash the password: {e}")))
}

async fn check_audit(store: Store, head: Option<String>) -> Result<(), Failure> {
    let unavailable = |e| Failure::new(UNAVAILABLE, e);
    let check = store.check_audit().await.map_err(unavailable)?;
    let held = match &head {
        Some(head) => Some(store.audit_had(head.clone()).await.map_err(unavailable)?),
        None => None,
    };
    store.close().await;
    if let Some(line) = check.broken_at {
        let why = anyhow::anyhow!(
            "line {line} of {} is not as it was written, or one before it is missing",
            check.lines
        );
        return Err(Failure::new(BROKEN, why));
    }
    if held == Some(false) {
        let why = anyhow::anyhow!(
            "no line has the hash that was noted down: lines have gone, or it is of another centre"
        );
        return Err(Failure::new(BROKEN, why));
    }
    let held = if held.is_some() {
        ", and holds what was noted down"
    } else {
        ""
    };
    say(&format!(
        "{} lines, whole{held}\nhead {}",
        check.lines, check.head
    ))
}

/// Reads one line; on a terminal it asks, and `stty` keeps the answer off the screen.
fn read_password(name: &str) -> io::Result<String> {
    let asked = io::stdin().is_terminal();
    if asked {
        write!(io::stderr(), "password for {name}: ")?;
        echo(false);
    }
    let mut line = String::new();
    let read = io::stdin().lock().read_line(&mut line);
    if asked {
        echo(true);
        writeln!(io::stderr())?;
    }
    read?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

fn echo(on: bool) {
    let mode = if on { "echo" } else { "-echo" };
    if Program::new(Path::new("stty")).arg(mode).status().is_err() {
        tracing::warn!("the terminal shows what is typed: there is no stty");
    }
}

fn say(line: &str) -> Result<(), Failure> {
    writeln!(io::stdout(), "{line}").map_err(|e| Failure::new(INTERNAL, e))
}
