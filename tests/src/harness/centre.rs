//! A command centre as a process, and what it answers an operator.

use std::{
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use anyhow::{Context, bail};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Certificates, Leash, PATIENCE, Process, binary, free_port, http, wait_for};

/// The words before the one-time token in the centre's log.
const TOKEN: &str = "first-admin token: ";

/// The key that signs its commands.
const KEY: &str = "command.key";

/// An incident as the centre shows it.
#[derive(Clone, Debug, Deserialize)]
pub struct Seen {
    /// Its id.
    pub id: String,
    /// opened, updated or closed.
    pub state: String,
    /// The rule that raised it.
    pub rule: protocol::incident::RuleRef,
    /// The camera that saw it.
    pub camera: protocol::incident::CameraRef,
    /// When the picture that began it was taken.
    pub captured: jiff::Timestamp,
    /// When the centre committed its first message.
    pub received: jiff::Timestamp,
    /// State of its picture, for instance `ready`.
    pub snapshot: String,
}

/// A command centre.
#[derive(Debug)]
pub struct Centre {
    /// Its process.
    pub process: Process,
    config: PathBuf,
    leash: Leash,
    port: u16,
    cookie: Option<String>,
}

impl Centre {
    /// Starts a centre that keeps its files in `folder` and listens to a broker of the loopback interface.
    ///
    /// # Errors
    /// If it does not answer in time.
    pub fn start(folder: &Path, broker_port: u16, leash: Leash) -> anyhow::Result<Self> {
        Self::start_with(folder, broker_port, None, leash)
    }

    /// As [`Centre::start`], over TLS where there are certificates.
    ///
    /// # Errors
    /// If it does not answer in time.
    pub fn start_with(
        folder: &Path,
        broker_port: u16,
        certificates: Option<&Certificates>,
        leash: Leash,
    ) -> anyhow::Result<Self> {
        std::fs::create_dir_all(folder)?;
        let tls = certificates.map_or_else(String::new, |c| c.keys().to_string());
        let port = free_port()?;
        if !folder.join(KEY).try_exists()? {
            key(folder, "generate")?;
        }
        let config = folder.join("command-center.toml");
        std::fs::write(
            &config,
            format!(
                "data_dir = \"data\"\n\n[web]\nlisten = \"127.0.0.1:{port}\"\n\n\
                 [commands]\nkey_file = \"{KEY}\"\n\n\
                 [mqtt]\nhost = \"127.0.0.1\"\nport = {broker_port}\n{tls}"
            ),
        )?;
        let process = spawn(&config, leash)?;
        let mut centre = Centre {
            process,
            config,
            leash,
            port,
            cookie: None,
        };
        centre.wait_until_connected()?;
        Ok(centre)
    }

    /// Starts it again, with the same state, after it has ended. It may not be connected yet.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn resume(&mut self) -> anyhow::Result<()> {
        self.process = spawn(&self.config, self.leash)?;
        Ok(())
    }

    /// Returns when it listens to the broker.
    ///
    /// # Errors
    /// If it does not in time.
    pub fn wait_until_connected(&mut self) -> anyhow::Result<()> {
        let port = self.port;
        wait_for(
            "the centre's connection to the broker",
            PATIENCE,
            &mut [&mut self.process],
            || {
                let health = http::ask(port, "/healthz", None, None).and_then(|a| a.json());
                let connected = health.is_ok_and(|health| health["broker"] == "connected");
                Ok(connected.then_some(()))
            },
        )
    }

    /// The database file.
    pub fn database(&self) -> PathBuf {
        self.config.with_file_name("data/centre.sqlite3")
    }

    /// The console's address.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/", self.port)
    }

    /// The one-time token that names the first administrator, if there was no user at the latest start.
    pub fn first_admin_token(&self) -> Option<String> {
        let output = self.process.output();
        let line = output
            .lines()
            .rev()
            .find_map(|line| line.split_once(TOKEN))?;
        Some(line.1.trim().to_owned())
    }

    /// Signs in: as the first administrator while nobody has been named one, else as a user who is added from the
    /// command line. The password is made up and forgotten.
    ///
    /// # Errors
    /// If the centre refuses.
    pub fn sign_in(&mut self) -> anyhow::Result<()> {
        if self.cookie.is_some() {
            return Ok(());
        }
        let name = format!("observer-{}", std::process::id());
        let password = made_up_password()?;
        let needed = self.ask("/api/session", None)?["first_admin_needed"] == true;
        let answer = if needed {
            let token = self
                .first_admin_token()
                .context("no first-admin token in the centre's log")?;
            let form = json!({"token": token, "name": name, "password": password});
            http::ask(self.port, "/api/first-admin", Some(&form), None)?
        } else {
            self.add_user(&name, &password)?;
            let form = json!({"name": name, "password": password});
            http::ask(self.port, "/api/login", Some(&form), None)?
        };
        answer.json().context("signing in at the centre")?;
        self.cookie = Some(answer.cookie.context("the centre gave no session")?);
        Ok(())
    }

    fn add_user(&self, name: &str, password: &str) -> anyhow::Result<()> {
        let mut child = Command::new(binary("command-center")?)
            .args(["user", "add", name, "--role", "administrator", "--config"])
            .arg(&self.config)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()?;
        let mut input = child.stdin.take().context("no standard input")?;
        writeln!(input, "{password}")?;
        drop(input);
        let done = child.wait_with_output()?;
        if !done.status.success() {
            bail!(
                "command-center user add: {}",
                String::from_utf8_lossy(&done.stderr)
            );
        }
        Ok(())
    }

    /// Asks as the operator who is signed in; a POST where there is a body.
    ///
    /// # Errors
    /// If the centre refuses.
    pub fn ask(&self, path: &str, body: Option<&Value>) -> anyhow::Result<Value> {
        http::ask(self.port, path, body, self.cookie.as_deref())?
            .json()
            .with_context(|| path.to_owned())
    }

    /// What it answers to a GET, as it is.
    ///
    /// # Errors
    /// If the centre refuses.
    pub fn fetch(&self, path: &str) -> anyhow::Result<Vec<u8>> {
        let answer = http::ask(self.port, path, None, self.cookie.as_deref())?;
        if answer.status != 200 {
            bail!("{path}: HTTP {}", answer.status);
        }
        Ok(answer.body)
    }

    /// The public key that nodes pin to do what it says.
    ///
    /// # Errors
    /// If the key cannot be read.
    pub fn command_key(&self) -> anyhow::Result<String> {
        key(
            self.config.parent().context("configuration in no folder")?,
            "show",
        )
    }

    /// All incidents that the centre knows, oldest first.
    ///
    /// # Errors
    /// If the centre refuses or answers in another form.
    pub fn incidents(&mut self) -> anyhow::Result<Vec<Seen>> {
        self.sign_in()?;
        let mut all: Vec<Seen> = Vec::new();
        let mut path = "/api/incidents?limit=200".to_owned();
        loop {
            let page = self.ask(&path, None)?;
            let incidents: Vec<Seen> =
                serde_json::from_value(page["incidents"].clone()).context("incidents")?;
            all.extend(incidents);
            match page["next"].as_str() {
                Some(next) => path = format!("/api/incidents?limit=200&before={next}"),
                None => break,
            }
        }
        all.sort_by_key(|incident| incident.captured);
        Ok(all)
    }

    /// Asks it to end, and waits.
    ///
    /// # Errors
    /// If the operating system does not say how it ended.
    pub fn stop(&mut self) -> anyhow::Result<()> {
        self.process.terminate(Duration::from_secs(12))?;
        Ok(())
    }
}

/// What `command-center key` says of the key in `folder`.
fn key(folder: &Path, deed: &str) -> anyhow::Result<String> {
    let file = folder.join(KEY);
    let done = Command::new(binary("command-center")?)
        .args(["key", deed])
        .arg(&file)
        .output()?;
    if !done.status.success() {
        bail!(
            "command-center key {deed}: {}",
            String::from_utf8_lossy(&done.stderr)
        );
    }
    Ok(String::from_utf8(done.stdout)?.trim().to_owned())
}

fn spawn(config: &Path, leash: Leash) -> anyhow::Result<Process> {
    let mut command = Command::new(binary("command-center")?);
    command.arg("run").arg("--config").arg(config);
    let log = config.with_file_name("command-center.log");
    Process::spawn("command-center", command, &log, leash)
}

/// 24 random bytes of the operating system in hexadecimal.
fn made_up_password() -> anyhow::Result<String> {
    let mut bytes = [0_u8; 24];
    std::io::Read::read_exact(&mut std::fs::File::open("/dev/urandom")?, &mut bytes)?;
    Ok(bytes.iter().map(|b| format!("{b:02x}")).collect())
}
