//! Who may watch a camera. A password is read from a file or the environment, and never shown.

use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
};

use serde::Deserialize;

/// A password. Its `Debug` does not show it.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Password(String);

impl Password {
    /// Wraps a password.
    pub fn new(text: impl Into<String>) -> Self {
        Password(text.into())
    }

    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// A user of the RTSP server.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    /// Name.
    pub user: String,
    /// Password.
    pub password: Password,
}

/// A TOML file with a table `[MOUNT]` of `user` and `password` for each mount that is not open to anyone.
#[derive(Clone, Debug, Default)]
pub struct CredentialsFile(BTreeMap<String, Credentials>);

/// Why a credentials file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {
    /// It cannot be read.
    #[error("credentials file {file}: {error}")]
    Read {
        /// Which file.
        file: PathBuf,
        /// The operating system's words.
        error: std::io::Error,
    },
    /// It is not in the form asked for. The text of the file is not shown.
    #[error(
        "credentials file {file}: line {line}: expected [mount] tables with user and password: {why}"
    )]
    Form {
        /// Which file.
        file: PathBuf,
        /// Where, from 1.
        line: usize,
        /// What the parser says.
        why: String,
    },
}

impl CredentialsFile {
    /// Reads a credentials file.
    ///
    /// # Errors
    /// [`CredentialsError`] names the file and the line.
    pub fn read(file: &Path) -> Result<Self, CredentialsError> {
        let text = std::fs::read_to_string(file).map_err(|error| CredentialsError::Read {
            file: file.to_owned(),
            error,
        })?;
        toml::from_str(&text).map(CredentialsFile).map_err(|error| {
            let before = error.span().and_then(|span| text.get(..span.start));
            CredentialsError::Form {
                file: file.to_owned(),
                line: before.unwrap_or_default().matches('\n').count() + 1,
                why: error.message().to_owned(),
            }
        })
    }

    /// Who may watch a mount.
    pub fn get(&self, mount: &str) -> Option<&Credentials> {
        self.0.get(mount)
    }

    /// The mounts that it names.
    pub fn mounts(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}
