//! Certificates for a broker and its clients, made by the script that an installer runs.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::bail;
use toml::{Table, Value};

use super::workspace;

/// What a client shows the broker, and the authority that it checks the broker against.
#[derive(Clone, Debug)]
pub struct Certificates {
    /// PEM of the authority.
    pub ca: PathBuf,
    /// PEM of the client's own certificate and key; without them it shows none.
    pub own: Option<(PathBuf, PathBuf)>,
}

impl Certificates {
    /// Runs `deploy/broker/certificates.sh FOLDER WORDS...`.
    ///
    /// # Errors
    /// If it fails, with what it said.
    pub fn make(folder: &Path, words: &[&str]) -> anyhow::Result<()> {
        let script = workspace().join("deploy/broker/certificates.sh");
        let done = Command::new("bash")
            .arg(script)
            .arg(folder)
            .args(words)
            .output()?;
        if !done.status.success() {
            bail!(
                "certificates.sh {words:?}: {}",
                String::from_utf8_lossy(&done.stderr)
            );
        }
        Ok(())
    }

    /// The files of `name` (`centre`, or `region/site/node`) that the script left in `folder`.
    pub fn of(folder: &Path, name: &str) -> Self {
        Certificates {
            ca: folder.join("ca.pem"),
            own: Some((
                folder.join(format!("{name}.pem")),
                folder.join(format!("{name}.key")),
            )),
        }
    }

    /// The keys of `[mqtt]` that name them, the same for agent and centre.
    pub fn keys(&self) -> Table {
        let mut keys = Table::new();
        let mut add = |key: &str, path: &Path| {
            keys.insert(key.to_owned(), Value::String(path.display().to_string()));
        };
        add("ca_file", &self.ca);
        if let Some((certificate, key)) = &self.own {
            add("client_cert_file", certificate);
            add("client_key_file", key);
        }
        keys
    }
}
