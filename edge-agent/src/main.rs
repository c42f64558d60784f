//! Command line of the edge agent. Exit codes: 0 done, 1 an evaluation below its mark, a damaged model or bundle, 64
//! wrong usage or configuration, 69 something that is needed is not there, 70 a defect of the agent.

use std::{
    fs::OpenOptions,
    io::{self, BufWriter, IsTerminal, Write},
    os::unix::{fs::OpenOptionsExt, process::CommandExt as _},
    path::{Path, PathBuf},
    process::{self, ExitCode},
};

use anyhow::Context as _;
use clap::{Parser, Subcommand, ValueEnum};
use edge_agent::{
    Agent, StartError, agent,
    bench::{self, BenchArgs},
    catalogue,
    command::Asked,
    config,
    custody::{self, Custodian, VerifyArgs},
    evaluate::{self, EvaluateArgs},
    observed::replay::{self, ReplayArgs},
    onboarding::{
        discover::{self, DiscoverArgs},
        probe::{self, ProbeArgs},
    },
    rollout::{Due, Rollout},
    spool,
    tune::{self, TuneArgs},
};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

const USAGE: u8 = 64;
const UNAVAILABLE: u8 = 69;
const DEFECT: u8 = 70;

/// Watches street cameras and reports incidents.
#[derive(Parser)]
#[command(version, about)]
struct Cli {
    /// How log lines are written to standard error
    #[arg(long, global = true, value_enum, default_value_t = LogFormat::Human)]
    log_format: LogFormat,
    #[command(subcommand)]
    command: Command,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum LogFormat {
    /// For people
    Human,
    /// One JSON object a line
    Json,
}

#[derive(Subcommand)]
enum Command {
    /// Watch the cameras of a configuration until SIGTERM or SIGINT
    Run {
        /// edge-agent.toml; files of cameras.d/ beside it belong to it
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
    /// Look after a configuration: check, explain, schema, migrate, presets
    #[command(subcommand)]
    Config(config::args::ConfigCommand),
    /// Run incident cases through the pipeline and score what it raises
    Evaluate(EvaluateArgs),
    Replay(ReplayArgs),
    Tune(TuneArgs),
    Discover(DiscoverArgs),
    Probe(ProbeArgs),
    Bench(BenchArgs),
    Verify(VerifyArgs),
    /// Print the public key that the node signs with; makes the key if there is none yet
    Key {
        /// edge-agent.toml; files of cameras.d/ beside it belong to it
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
    /// Look after models
    #[command(subcommand)]
    Models(catalogue::ModelsCommand),
    /// Look after the messages that wait
    #[command(subcommand)]
    Spool(SpoolCommand),
}

#[derive(Subcommand)]
enum SpoolCommand {
    /// List the messages that wait, and those set aside or given up
    Inspect {
        /// spool.db in the agent's state folder
        #[arg(value_name = "FILE")]
        spool: PathBuf,
    },
    /// Write messages with their payloads as lines of JSON: `text`, or `base64` where it is none
    Export {
        /// spool.db in the agent's state folder, or a damaged one that was put aside
        #[arg(value_name = "FILE")]
        spool: PathBuf,
        /// Only messages in this state; may be given more than once
        #[arg(long, value_enum)]
        state: Vec<spool::State>,
        /// Only messages of this class; may be given more than once
        #[arg(long, value_enum)]
        class: Vec<spool::Class>,
        /// Where the lines go: a new file, or - for standard output
        #[arg(long, value_name = "FILE", default_value = "-")]
        out: PathBuf,
    },
}

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(e) => {
            let code = if e.use_stderr() { USAGE } else { 0 };
            // Where nobody reads, nothing can be said.
            drop(e.print());
            return ExitCode::from(code);
        }
    };
    if matches!(cli.command, Command::Run { .. } | Command::Bench(_)) {
        keep_memory_small();
    }
    start_log(cli.log_format);
    let outcome = match cli.command {
        Command::Run { config } => run(&config),
        Command::Config(command) => config::args::main(&command),
        Command::Evaluate(args) => evaluate::main(&args),
        Command::Replay(args) => replay::main(&args),
        Command::Tune(args) => tune::main(&args),
        Command::Discover(args) => discover::main(&args),
        Command::Probe(args) => probe::main(&args),
        Command::Bench(args) => bench::main(&args),
        Command::Verify(args) => custody::verify(&args),
        Command::Key { config } => show_key(&config),
        Command::Models(command) => catalogue::main(&command),
        Command::Spool(SpoolCommand::Inspect { spool }) => inspect_spool(&spool),
        Command::Spool(SpoolCommand::Export {
            spool,
            state,
            class,
            out,
        }) => export_spool(&spool, &state, &class, &out),
    };
    outcome.unwrap_or_else(|e| {
        if let Some(errors) = e.downcast_ref::<config::ConfigErrors>() {
            say_error(&errors.to_string());
            return ExitCode::from(USAGE);
        }
        say_error(&format!("error: {e:#}"));
        ExitCode::from(UNAVAILABLE)
    })
}

/// Begins anew, in the same process, with an allocator that keeps less of what was freed: it can be told so only before a
/// program begins. As it comes, glibc keeps the most that each of some thirty threads ever needed, about 10 MB a camera.
/// Where somebody has told it something else, or this cannot be done, all goes on as it is.
fn keep_memory_small() {
    const FEW_ARENAS: (&str, &str) = ("MALLOC_ARENA_MAX", "2");
    // Pictures go back to the system at once.
    const LARGE: (&str, &str) = ("MALLOC_MMAP_THRESHOLD_", "1048576");
    let told = [FEW_ARENAS, LARGE].map(|(name, _)| std::env::var_os(name).is_some());
    if told.contains(&true) {
        return;
    }
    let mut anew = process::Command::new("/proc/self/exe");
    let mut words = std::env::args_os();
    if let Some(name) = words.next() {
        anew.arg0(name);
    }
    let why = anew.args(words).envs([FEW_ARENAS, LARGE]).exec();
    say_error(&format!("warning: the allocator stays as it is: {why}"));
}

fn start_log(format: LogFormat) {
    // The runtime warns of every weight that an exporter left among the inputs: hundreds of lines that help nobody here.
    let filter =
        EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info,ort=error"));
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(io::stderr().is_terminal())
        .with_writer(io::stderr);
    match format {
        LogFormat::Human => log.with_target(false).init(),
        LogFormat::Json => log.json().init(),
    }
}

fn say_error(text: &str) {
    // Where nobody reads, nothing can be said.
    drop(writeln!(io::stderr(), "{text}"));
}

fn run(path: &Path) -> anyhow::Result<ExitCode> {
    let settings = match config::load(path) {
        Ok(settings) => settings,
        Err(errors) => {
            say_error(&errors.to_string());
            return Ok(ExitCode::from(USAGE));
        }
    };
    let (rollout, settings) = Rollout::open(path, settings);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("agent")
        .build()
        .context("the runtime cannot be started")?;
    let outcome = runtime.block_on(watch(rollout, settings));
    // A stream that is stuck in a dead host must not hold the process.
    runtime.shutdown_background();
    match outcome {
        Ok(code) => Ok(code),
        Err(e @ StartError::Thread(_)) => {
            say_error(&format!("error: {e}"));
            Ok(ExitCode::from(DEFECT))
        }
        Err(e) => {
            say_error(&format!("error: {e}"));
            Ok(ExitCode::from(UNAVAILABLE))
        }
    }
}

async fn watch(mut rollout: Rollout, settings: config::Settings) -> Result<ExitCode, StartError> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    let mut agent = Agent::start(settings).await?;
    rollout.attend(&mut agent);
    loop {
        tokio::select! {
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            due = rollout.due() => match due {
                Due::Asked(Asked::Reload) => agent = reload(&mut rollout, agent).await?,
                due => rollout.step(due, &mut agent).await,
            },
            _ = hang_up.recv() => agent = reload(&mut rollout, agent).await?,
            () = agent.failed() => {
                tracing::error!("the spool's thread ended before its time: this is a defect of the agent");
                return Ok(ExitCode::from(DEFECT));
            }
        }
    }
    agent.stop().await;
    Ok(ExitCode::SUCCESS)
}

async fn reload(rollout: &mut Rollout, agent: Agent) -> Result<Agent, StartError> {
    let mut agent = agent::reload(agent, rollout.settings()).await?;
    rollout.attend(&mut agent);
    Ok(agent)
}

fn show_key(path: &Path) -> anyhow::Result<ExitCode> {
    let settings = config::load(path)?;
    let custodian = Custodian::open(&settings.state_dir, settings.node)?;
    writeln!(io::stdout(), "{}", custodian.public_key())?;
    Ok(ExitCode::SUCCESS)
}

fn inspect_spool(path: &Path) -> anyhow::Result<ExitCode> {
    let mut out = io::stdout().lock();
    writeln!(
        out,
        "{:>8}  {:36}  {:>8}  {:9}  {:>8}  state, topic",
        "number", "boot", "seq", "class", "bytes"
    )?;
    for row in spool::inspect(path)? {
        writeln!(
            out,
            "{:>8}  {:36}  {:>8}  {:9}  {:>8}  {}, {}",
            row.number, row.bootid, row.seq, row.class, row.bytes, row.state, row.topic
        )?;
    }
    Ok(ExitCode::SUCCESS)
}

fn export_spool(
    path: &Path,
    states: &[spool::State],
    classes: &[spool::Class],
    out: &Path,
) -> anyhow::Result<ExitCode> {
    let mut out: Box<dyn Write> = if out == Path::new("-") {
        Box::new(io::stdout().lock())
    } else {
        // It may hold pictures of people.
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(out);
        let file = file.with_context(|| format!("{}: cannot be made", out.display()))?;
        Box::new(BufWriter::new(file))
    };
    spool::export(path, states, classes, |record| -> anyhow::Result<()> {
        serde_json::to_writer(&mut out, &record)?;
        out.write_all(b"\n")?;
        Ok(())
    })?;
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}
