//! A child process with a log file, gone when its value is dropped.

use std::{
    ffi::OsString,
    fs::OpenOptions,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use anyhow::Context;

/// How a child learns that its parent is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leash {
    /// By this value's drop alone.
    Drop,
    /// Also when the parent is killed: a shell between them watches a pipe that only the parent holds open. The
    /// child is in a process group of its own, so that a terminal's Ctrl-C reaches the parent only.
    Pipe,
}

/// Ends the program with the shell's standard input: SIGTERM, and SIGKILL 10 s later.
const LEASH: &str = r#"
exec 3<&0 </dev/null
"$@" 3<&- & child=$!
( cat <&3 >/dev/null
  kill -TERM $child
  tries=0
  while kill -0 $child && [ $tries -lt 100 ]; do sleep 0.1; tries=$((tries + 1)); done
  kill -KILL $child ) 2>/dev/null & watcher=$!
exec 3<&-
wait $child; code=$?
kill $watcher 2>/dev/null
exit $code
"#;

/// A child process.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    leash: Leash,
    log: PathBuf,
}

impl Process {
    /// Starts `command` with its output appended to the file `log`.
    ///
    /// # Errors
    /// If the log cannot be written or the program cannot be started.
    pub fn spawn(name: &str, command: Command, log: &Path, leash: Leash) -> anyhow::Result<Self> {
        let out = OpenOptions::new()
            .create(true)
            .append(true)
            .open(log)
            .with_context(|| format!("{name}: log {}", log.display()))?;
        let mut command = match leash {
            Leash::Drop => command,
            Leash::Pipe => leashed(&command),
        };
        let input = match leash {
            Leash::Drop => Stdio::null(),
            Leash::Pipe => Stdio::piped(),
        };
        let child = command
            .stdin(input)
            .stdout(out.try_clone()?)
            .stderr(out)
            .spawn()
            .with_context(|| format!("{name}: cannot start {:?}", command.get_program()))?;
        Ok(Process {
            name: name.to_owned(),
            child,
            leash,
            log: log.to_owned(),
        })
    }

    /// The name that it was given.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Where its output is.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// All that it has said, as far as it is text.
    pub fn output(&self) -> String {
        std::fs::read(&self.log)
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_else(|error| format!("log {}: {error}", self.log.display()))
    }

    /// The last lines that it said.
    pub fn tail(&self, lines: usize) -> String {
        let output = self.output();
        let all: Vec<&str> = output.lines().collect();
        all[all.len().saturating_sub(lines)..].join("\n")
    }

    /// Its exit status, if it has ended.
    ///
    /// # Errors
    /// If the operating system does not say.
    pub fn ended(&mut self) -> anyhow::Result<Option<ExitStatus>> {
        self.child.try_wait().with_context(|| self.name.clone())
    }

    /// Asks it to end (SIGTERM) and waits; kills it after `patience`.
    ///
    /// # Errors
    /// If the operating system does not say how it ended.
    pub fn terminate(&mut self, patience: Duration) -> anyhow::Result<ExitStatus> {
        match self.leash {
            Leash::Pipe => self.let_go(),
            Leash::Drop => self.signal("-TERM")?,
        }
        let deadline = Instant::now() + patience;
        while Instant::now() < deadline {
            if let Some(status) = self.ended()? {
                return Ok(status);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        self.kill()
    }

    /// Ends it as a power cut would (SIGKILL), and waits. On a pipe's leash, the shell is killed, and the program
    /// ends after it.
    ///
    /// # Errors
    /// If the operating system does not let it be killed.
    pub fn kill(&mut self) -> anyhow::Result<ExitStatus> {
        self.let_go();
        self.child.kill().with_context(|| self.name.clone())?;
        self.child.wait().with_context(|| self.name.clone())
    }

    /// Lets go of the leash, as the death of this process would, and leaves the rest to it.
    pub fn let_go(&mut self) {
        drop(self.child.stdin.take());
    }

    /// Sends a signal by name, for instance `-STOP`, through `kill`, which needs no unsafe code here.
    ///
    /// # Errors
    /// If there is no program `kill`.
    pub fn signal(&self, signal: &str) -> anyhow::Result<()> {
        let mut kill = Command::new("kill");
        kill.arg(signal)
            .arg(self.child.id().to_string())
            .stderr(Stdio::null());
        kill.status().context("kill")?;
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if matches!(self.ended(), Ok(Some(_))) {
            return;
        }
        let ended = match self.leash {
            Leash::Pipe => self.terminate(Duration::from_secs(12)),
            Leash::Drop => self.kill(),
        };
        // Nobody is left to be told but the log.
        if let Err(error) = ended {
            tracing::warn!(process = self.name, %error, "did not end");
        }
    }
}

fn leashed(command: &Command) -> Command {
    let mut shell = Command::new("sh");
    shell
        .args(["-c", LEASH, "leash"])
        .arg(command.get_program());
    shell.args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => shell.env(name, OsString::from(value)),
            None => shell.env_remove(name),
        };
    }
    if let Some(folder) = command.get_current_dir() {
        shell.current_dir(folder);
    }
    shell.process_group(0);
    shell
}
