//! What an agent stands in: cameras and a broker, as processes of their own on the loopback interface.

use std::{
    fs::{self, File},
    io::{BufRead as _, BufReader},
    net::{Ipv4Addr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail, ensure};

/// How long a broker may take to listen.
const PATIENCE: Duration = Duration::from_secs(10);

/// A process that ends with this.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        // One that has ended by itself cannot be killed, and needs not be.
        drop(self.0.kill().and_then(|()| self.0.wait()));
    }
}

/// Simulated cameras.
pub(super) struct Cameras {
    _process: Process,
    /// Where they are, in their order.
    pub(super) urls: Vec<String>,
}

impl Cameras {
    /// A camera for each of `sources`, with its log in `folder`.
    pub(super) fn start(sources: &[&str], folder: &Path) -> anyhow::Result<Cameras> {
        let program = program("camera-sim").context(
            "camera-sim is neither beside this program nor in PATH: build it with `cargo build --release -p camera-sim`",
        )?;
        let mut command = Command::new(program);
        command
            .args(["serve", "--port", "0"])
            .arg("--cache")
            .arg(cache(folder));
        for (i, source) in sources.iter().enumerate() {
            command.arg(format!("cam{i}={source}"));
        }
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let mut process = Process(child.spawn().context("camera-sim does not start")?);
        let said = process
            .0
            .stderr
            .take()
            .context("camera-sim has no output")?;
        let mut lines = BufReader::new(said).lines();
        let (mut urls, mut last) = (Vec::new(), String::new());
        while urls.len() < sources.len() {
            let Some(line) = lines.next().transpose()? else {
                bail!("camera-sim ended: {last}");
            };
            match line.strip_prefix("serving ") {
                Some(url) => urls.push(url.trim().to_owned()),
                None => last = line,
            }
        }
        // It must not wait for somebody to read what else it says.
        thread::Builder::new()
            .name("camera-sim-log".to_owned())
            .spawn(move || lines.map_while(Result::ok).for_each(drop))?;
        Ok(Cameras {
            _process: process,
            urls,
        })
    }
}

/// Scenes are rendered once for all trials, where there is a place that stays.
fn cache(folder: &Path) -> PathBuf {
    let of = |variable, below: &str| Some(PathBuf::from(std::env::var_os(variable)?).join(below));
    of("XDG_CACHE_HOME", "camera-sim")
        .or_else(|| of("HOME", ".cache/camera-sim"))
        .unwrap_or_else(|| folder.join("cache"))
}

/// A broker.
pub(super) struct Broker {
    _process: Process,
    /// Where it listens on the loopback interface.
    pub(super) port: u16,
}

impl Broker {
    /// Starts Mosquitto with its files in `folder`; nothing where there is none.
    pub(super) fn start(folder: &Path) -> anyhow::Result<Option<Broker>> {
        let Some(program) = program("mosquitto") else {
            return Ok(None);
        };
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
            .local_addr()?
            .port();
        let config = folder.join("mosquitto.conf");
        fs::write(
            &config,
            format!(
                "listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\nlog_dest stderr\n"
            ),
        )?;
        let log = File::create(folder.join("mosquitto.log"))?;
        let mut command = Command::new(program);
        command
            .arg("-c")
            .arg(&config)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log);
        let mut process = Process(command.spawn().context("mosquitto does not start")?);
        let begun = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            ensure!(process.0.try_wait()?.is_none(), "mosquitto ended at once");
            ensure!(begun.elapsed() < PATIENCE, "mosquitto does not listen");
            thread::sleep(Duration::from_millis(20));
        }
        Ok(Some(Broker {
            _process: process,
            port,
        }))
    }
}

/// A program beside this one, in PATH, or where Debian puts what only root should run.
fn program(name: &str) -> Option<PathBuf> {
    let beside = std::env::current_exe()
        .ok()
        .and_then(|own| own.parent().map(PathBuf::from));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = beside.into_iter().chain(std::env::split_paths(&path));
    let sbin = ["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from);
    folders
        .chain(sbin)
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
}
