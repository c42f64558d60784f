//! The raiser as a process: a node without cameras that raises at a given rate, and its journal.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::Context;
use uuid::Uuid;

use super::{Leash, Process, binary};

/// A message that is known to be durable.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Raised {
    /// The boot that `seq` counts in.
    pub bootid: Uuid,
    /// Its place in that boot.
    pub seq: u64,
    /// With `id` its identity.
    pub source: String,
    /// With `source` its identity.
    pub id: Uuid,
}

/// What a raiser is to do.
#[derive(Clone, Debug, Default)]
pub struct Raising {
    /// Messages.
    pub count: u64,
    /// Between two of them.
    pub pause: Duration,
    /// What its configuration says that the link carries.
    pub bytes_per_second: Option<u32>,
    /// Clips of 3 MB that wait in its spool before it raises.
    pub clips: u32,
    /// Its clock jumps about by hours and decades.
    pub wild_clock: bool,
}

/// See `tests/src/bin/raiser.rs`. It ends by itself when all is raised and the broker has taken it.
#[derive(Debug)]
pub struct Raiser {
    /// Its process.
    pub process: Process,
    config: PathBuf,
    raising: Raising,
}

impl Raiser {
    /// Starts one that keeps its files in `folder` and sends to a broker or proxy of the loopback interface.
    ///
    /// # Errors
    /// If it is not built or cannot be started.
    pub fn start(folder: &Path, port: u16, raising: &Raising) -> anyhow::Result<Self> {
        std::fs::create_dir_all(folder)?;
        let rate = raising.bytes_per_second;
        let rate = rate.map_or_else(String::new, |rate| format!(", bytes_per_second = {rate}"));
        let config = folder.join("edge-agent.toml");
        let text = format!(
            r#"node = {{ region = "r", site = "s", name = "raiser" }}
state_dir = "{}"
mqtt = {{ host = "127.0.0.1", port = {port}{rate} }}

[[cameras]]
id = "none"
url = "rtsp://192.0.2.1/"
lines = [{{ id = "line", from = [0.1, 0.5], to = [0.9, 0.5] }}]
rules = [{{ id = "in", kind = "line_crossing", line = "line", severity = "alarm" }}]
"#,
            folder.join("state").display()
        );
        std::fs::write(&config, text)?;
        std::fs::create_dir_all(folder.join("state"))?;
        let process = spawn(&config, raising)?;
        Ok(Raiser {
            process,
            config,
            raising: raising.clone(),
        })
    }

    /// Starts it again, with the same state, after it has ended.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn resume(&mut self) -> anyhow::Result<()> {
        self.process = spawn(&self.config, &self.raising)?;
        Ok(())
    }

    /// Where it keeps its spool and journal.
    pub fn state(&self) -> PathBuf {
        self.config.with_file_name("state")
    }

    /// What is known to be durable so far. A last line that is being written is left out.
    ///
    /// # Errors
    /// If the journal cannot be read or has a line that is none of its own.
    pub fn journal(&self) -> anyhow::Result<Vec<Raised>> {
        let text = match std::fs::read_to_string(self.state().join("journal.txt")) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(error).context("journal"),
        };
        let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
        whole.lines().map(parse).collect()
    }
}

fn parse(line: &str) -> anyhow::Result<Raised> {
    let mut words = line.split(' ');
    let mut word = || words.next().with_context(|| format!("journal: {line:?}"));
    Ok(Raised {
        bootid: word()?.parse()?,
        seq: word()?.parse()?,
        source: word()?.to_owned(),
        id: word()?.parse()?,
    })
}

fn spawn(config: &Path, raising: &Raising) -> anyhow::Result<Process> {
    let mut command = Command::new(binary("raiser")?);
    command
        .arg(config)
        .arg(raising.count.to_string())
        .arg(raising.pause.as_micros().to_string())
        .arg(raising.clips.to_string())
        .arg(if raising.wild_clock { "wild" } else { "true" });
    let log = config.with_file_name("raiser.log");
    Process::spawn("raiser", command, &log, Leash::Drop)
}
