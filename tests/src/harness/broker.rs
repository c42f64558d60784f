//! Mosquitto on a free port of the loopback interface, with a configuration and a store of its own.

use std::{
    net::{Ipv4Addr, TcpStream},
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::Context;

use super::{Leash, PATIENCE, Process, free_port, wait_for};

/// A broker that can go away and come back on the same port.
#[derive(Debug)]
pub struct Broker {
    port: u16,
    config: PathBuf,
    log: PathBuf,
    leash: Leash,
    process: Option<Process>,
}

impl Broker {
    /// Starts a broker that keeps its files in `folder`.
    ///
    /// # Errors
    /// If Mosquitto is not installed or does not listen in time.
    pub fn start(folder: &Path, leash: Leash) -> anyhow::Result<Self> {
        // What is queued for a subscriber who is away outlives a restart, as on a broker that is set up with care.
        let open = format!(
            "allow_anonymous true\npersistence true\npersistence_location {}/\n\
             autosave_interval 1\nautosave_on_changes true\nmax_queued_messages 10000\n",
            folder.display()
        );
        Self::start_with(folder, leash, |port| {
            format!("listener {port} 127.0.0.1\n{open}")
        })
    }

    /// Starts a broker with a configuration of one's own, given the port that it is to listen on.
    ///
    /// # Errors
    /// If Mosquitto is not installed or does not listen in time.
    pub fn start_with(
        folder: &Path,
        leash: Leash,
        config: impl Fn(u16) -> String,
    ) -> anyhow::Result<Self> {
        std::fs::create_dir_all(folder)?;
        let mut attempts = 0;
        loop {
            attempts += 1;
            let port = free_port()?;
            match Self::start_on(port, &config(port), folder, leash) {
                // Somebody else may have taken the port in between.
                Err(_) if attempts < 3 => {}
                other => return other,
            }
        }
    }

    fn start_on(port: u16, text: &str, folder: &Path, leash: Leash) -> anyhow::Result<Self> {
        let config = folder.join("mosquitto.conf");
        std::fs::write(&config, format!("{text}\nlog_dest stderr\nuser root\n"))?;
        let mut broker = Broker {
            port,
            config,
            log: folder.join("mosquitto.log"),
            leash,
            process: None,
        };
        broker.resume()?;
        Ok(broker)
    }

    /// The port that it listens on, or would.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Where its output is.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// Starts it again after [`Broker::stop`] or [`Broker::kill`].
    ///
    /// # Errors
    /// If it does not listen in time.
    pub fn resume(&mut self) -> anyhow::Result<()> {
        let mut command = Command::new(program()?);
        command.arg("-c").arg(&self.config);
        let mut process = Process::spawn("mosquitto", command, &self.log, self.leash)?;
        let port = self.port;
        wait_for("the broker's port", PATIENCE, &mut [&mut process], || {
            let address = (Ipv4Addr::LOCALHOST, port).into();
            Ok(TcpStream::connect_timeout(&address, Duration::from_secs(1)).ok())
        })?;
        self.process = Some(process);
        Ok(())
    }

    /// Takes it away.
    ///
    /// # Errors
    /// If it cannot be stopped.
    pub fn stop(&mut self) -> anyhow::Result<()> {
        if let Some(mut process) = self.process.take() {
            process.terminate(Duration::from_secs(5))?;
        }
        Ok(())
    }

    /// Takes it away as a power cut would.
    ///
    /// # Errors
    /// If it cannot be killed.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        if let Some(mut process) = self.process.take() {
            process.kill()?;
        }
        Ok(())
    }
}

/// Debian puts it where only root's PATH looks.
fn program() -> anyhow::Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain([PathBuf::from("/usr/sbin"), PathBuf::from("/usr/local/sbin")])
        .map(|folder| folder.join("mosquitto"))
        .find(|file| file.is_file())
        .context("mosquitto is not installed; run deploy/setup.sh")
}
