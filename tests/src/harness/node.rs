//! An edge agent as a process, and the configuration that it runs on.

use std::{
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Context;
use toml::{Table, Value};

use super::{Certificates, Leash, Process, binary, http, onnx_runtime, workspace};

/// Ending of the files that hold passwords.
const SECRET: &str = "password";

/// One camera of a node.
#[derive(Clone, Debug)]
pub struct WatchedCamera {
    /// Its name in topics.
    pub id: String,
    /// Where it is.
    pub url: String,
    /// Who may watch it: user and password. The password goes into a file that nobody else can read.
    pub login: Option<(String, String)>,
    /// All other keys of its table: zones, lines, rules, model and so on.
    pub more: Table,
}

impl WatchedCamera {
    /// A camera without rules.
    pub fn new(id: &str, url: impl Into<String>) -> Self {
        WatchedCamera {
            id: id.to_owned(),
            url: url.into(),
            login: None,
            more: Table::new(),
        }
    }

    /// Adds what stands in a fragment of TOML.
    ///
    /// # Errors
    /// If it is no TOML.
    pub fn with(mut self, fragment: &str) -> anyhow::Result<Self> {
        self.more
            .extend(fragment.parse::<Table>().context("camera fragment")?);
        Ok(self)
    }
}

/// A node's configuration.
#[derive(Clone, Debug)]
pub struct NodeConfig {
    /// Region, site, node.
    pub path: [String; 3],
    /// Port of the broker on the loopback interface.
    pub broker_port: u16,
    /// What it shows the broker, where they speak over TLS.
    pub certificates: Option<Certificates>,
    /// Whose commands it heeds.
    pub command_keys: Vec<String>,
    /// Its cameras.
    pub cameras: Vec<WatchedCamera>,
    /// Where models are.
    pub models_dir: PathBuf,
    /// More keys of `[inference]`.
    pub inference: Table,
    /// Keys of `[archive]`.
    pub archive: Table,
    /// Keys of `[replay]`.
    pub replay: Table,
    /// Port of the loopback interface for its figures, if wanted.
    pub http_port: Option<u16>,
}

impl NodeConfig {
    /// A node with the models of this workspace.
    pub fn new(node: &str, broker_port: u16, cameras: Vec<WatchedCamera>) -> Self {
        NodeConfig {
            path: ["test".to_owned(), "street".to_owned(), node.to_owned()],
            broker_port,
            certificates: None,
            command_keys: Vec::new(),
            cameras,
            models_dir: workspace().join("models"),
            inference: Table::new(),
            archive: Table::new(),
            replay: Table::new(),
            http_port: None,
        }
    }

    /// Writes the configuration and its secrets into `folder`; the path of the configuration.
    ///
    /// # Errors
    /// If the folder cannot be written.
    pub fn write(&self, folder: &Path) -> anyhow::Result<PathBuf> {
        std::fs::create_dir_all(folder)?;
        let mut inference = self.inference.clone();
        inference.insert("models_dir".to_owned(), text(self.models_dir.display()));
        if let Some(runtime) = onnx_runtime() {
            inference.insert("runtime".to_owned(), text(runtime.display()));
        }
        let mut mqtt = table_of([
            ("host", text("127.0.0.1")),
            ("port", Value::Integer(self.broker_port.into())),
        ]);
        mqtt.extend(self.certificates.iter().flat_map(Certificates::keys));
        let [region, site, name] = &self.path;
        let cameras: anyhow::Result<Vec<Value>> = self
            .cameras
            .iter()
            .map(|c| camera(c, folder).map(Value::Table))
            .collect();
        let mut root = Table::from_iter([
            ("state_dir".to_owned(), text(folder.join("state").display())),
            (
                "node".to_owned(),
                table([
                    ("region", text(region)),
                    ("site", text(site)),
                    ("name", text(name)),
                ]),
            ),
            ("mqtt".to_owned(), Value::Table(mqtt)),
            ("inference".to_owned(), Value::Table(inference)),
            ("archive".to_owned(), Value::Table(self.archive.clone())),
            ("replay".to_owned(), Value::Table(self.replay.clone())),
            ("cameras".to_owned(), Value::Array(cameras?)),
        ]);
        if !self.command_keys.is_empty() {
            let keys = self.command_keys.iter().map(text);
            let commands = table([("keys", Value::Array(keys.collect()))]);
            root.insert("commands".to_owned(), commands);
        }
        if let Some(port) = self.http_port {
            let listen = text(format!("127.0.0.1:{port}"));
            root.insert("http".to_owned(), table([("listen", listen)]));
        }
        let file = folder.join("edge-agent.toml");
        std::fs::write(&file, toml::to_string(&root)?)?;
        Ok(file)
    }
}

fn text(value: impl ToString) -> Value {
    Value::String(value.to_string())
}

fn table<const N: usize>(entries: [(&str, Value); N]) -> Value {
    Value::Table(table_of(entries))
}

fn table_of<const N: usize>(entries: [(&str, Value); N]) -> Table {
    entries
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value))
        .collect()
}

fn camera(camera: &WatchedCamera, folder: &Path) -> anyhow::Result<Table> {
    let mut table = camera.more.clone();
    table.insert("id".to_owned(), text(&camera.id));
    table.insert("url".to_owned(), text(&camera.url));
    if let Some((user, password)) = &camera.login {
        let file = folder.join(format!("{}.{SECRET}", camera.id));
        write_secret(&file, password)?;
        table.insert("user".to_owned(), text(user));
        table.insert("password_file".to_owned(), text(file.display()));
    }
    Ok(table)
}

/// Writes a file that nobody else can read, not even while it is written.
fn write_secret(file: &Path, secret: &str) -> anyhow::Result<()> {
    let mut out = std::fs::OpenOptions::new()
        .create(true)
        .write(true)
        .truncate(true)
        .mode(0o600)
        .open(file)
        .with_context(|| file.display().to_string())?;
    writeln!(out, "{secret}")?;
    Ok(())
}

/// An edge agent that runs.
#[derive(Debug)]
pub struct Node {
    /// Its process.
    pub process: Process,
    config: PathBuf,
    leash: Leash,
    http_port: Option<u16>,
}

impl Node {
    /// Starts an agent that keeps its files in `folder`.
    ///
    /// # Errors
    /// If it is not built or cannot be started. Whether it likes its configuration shows in its log and status.
    pub fn start(folder: &Path, config: &NodeConfig, leash: Leash) -> anyhow::Result<Self> {
        let http_port = config.http_port;
        let config = config.write(folder)?;
        let process = spawn(&config, leash)?;
        Ok(Node {
            process,
            config,
            leash,
            http_port,
        })
    }

    /// One of its own pages, `/metrics` or `/healthz`, whatever the status.
    ///
    /// # Errors
    /// If it shows none, or not yet.
    pub fn page(&self, path: &str) -> anyhow::Result<String> {
        let port = self.http_port.context("the node's figures are off")?;
        let answer = http::ask(port, path, None, None)?;
        Ok(String::from_utf8_lossy(&answer.body).into_owned())
    }

    /// Removes the files with the passwords of its cameras. The node has read them at its start.
    ///
    /// # Errors
    /// If one cannot be removed.
    pub fn forget_secrets(&self) -> anyhow::Result<()> {
        let folder = self.config.parent().context("configuration in no folder")?;
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            if path.extension().is_some_and(|ending| ending == SECRET) {
                std::fs::remove_file(&path).with_context(|| path.display().to_string())?;
            }
        }
        Ok(())
    }

    /// Gives it another configuration while it runs, as an installer would: writes the file and hangs up.
    ///
    /// # Errors
    /// If the folder cannot be written or the process is gone.
    pub fn reload(&self, config: &NodeConfig) -> anyhow::Result<()> {
        let folder = self.config.parent().context("configuration in no folder")?;
        config.write(folder)?;
        self.process.signal("-HUP")
    }

    /// Starts it again, with the same state, after it has ended.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn resume(&mut self) -> anyhow::Result<()> {
        self.process = spawn(&self.config, self.leash)?;
        Ok(())
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Err(error) = self.forget_secrets() {
            tracing::warn!(%error, "a password file is left");
        }
    }
}

fn spawn(config: &Path, leash: Leash) -> anyhow::Result<Process> {
    let mut command = Command::new(binary("edge-agent")?);
    command.arg("run").arg("--config").arg(config);
    let log = config.with_file_name("edge-agent.log");
    Process::spawn("edge-agent", command, &log, leash)
}
