//! Clips as they were filmed: who may ask for them and see them, and the key that opens them.
//!
//! Nodes seal originals to the public half; here they lie sealed too, and are opened in memory, one at a time, for somebody
//! who says why. Every asking and every opening stands in the audit.

use std::{
    collections::BTreeSet,
    fmt, io,
    io::Write as _,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use age::{secrecy::ExposeSecret as _, x25519::Identity};
use protocol::Name;

/// A reason is a sentence: so many characters at least.
const REASON_LEAST: usize = 10;
/// And at most.
const REASON_MOST: usize = 500;

/// Who may have originals, and how they are opened.
#[derive(Clone, Debug)]
pub struct Originals {
    /// What nodes know these users by: `archive.original_roles` of their configuration.
    pub role: Name,
    /// Names of users.
    pub users: BTreeSet<String>,
    /// Opens what nodes have sealed; without it originals can be fetched and are opened elsewhere.
    pub key: Option<SealKey>,
}

/// The secret half of the key to which nodes seal.
#[derive(Clone)]
pub struct SealKey(Arc<Identity>);

impl fmt::Debug for SealKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealKey({})", self.recipient())
    }
}

/// A key cannot be used or made.
#[derive(Debug, thiserror::Error)]
pub enum SealKeyError {
    /// The file cannot be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The file holds something else.
    #[error("{}: holds no age key: make one with `command-center seal-key generate`", path.display())]
    NoKey {
        /// Which file.
        path: PathBuf,
    },
}

impl Originals {
    /// The reason, if `user` may have originals for it.
    ///
    /// # Errors
    /// Why not, in words for people.
    pub fn allow<'r>(&self, user: &str, reason: &'r str) -> Result<&'r str, String> {
        if !self.users.contains(user) {
            return Err(format!(
                "{user} may not have originals: originals.users names those who may"
            ));
        }
        let reason = reason.trim();
        match reason.chars().count() {
            REASON_LEAST..=REASON_MOST => Ok(reason),
            _ => Err(format!(
                "reason: expected {REASON_LEAST} to {REASON_MOST} characters that say why"
            )),
        }
    }
}

impl SealKey {
    /// Reads a key as `age-keygen` or [`SealKey::generate`] write it.
    ///
    /// # Errors
    /// If the file cannot be read or holds no such key.
    pub fn read(path: &Path) -> Result<SealKey, SealKeyError> {
        let text = std::fs::read_to_string(path).map_err(|source| SealKeyError::File {
            path: path.to_owned(),
            source,
        })?;
        let mut lines = text.lines().map(str::trim);
        let key = lines.find(|line| !line.is_empty() && !line.starts_with('#'));
        match key.and_then(|key| key.parse().ok()) {
            Some(key) => Ok(SealKey(Arc::new(key))),
            None => Err(SealKeyError::NoKey {
                path: path.to_owned(),
            }),
        }
    }

    /// Makes a key in a new file that only its owner can read.
    ///
    /// # Errors
    /// If there is such a file already, or it cannot be written.
    pub fn generate(path: &Path) -> Result<SealKey, SealKeyError> {
        let key = Identity::generate();
        let write = || -> io::Result<()> {
            let mut file = std::fs::OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(path)?;
            writeln!(file, "# public key: {}", key.to_public())?;
            writeln!(file, "{}", key.to_string().expose_secret())?;
            file.sync_all()
        };
        write().map_err(|source| SealKeyError::File {
            path: path.to_owned(),
            source,
        })?;
        Ok(SealKey(Arc::new(key)))
    }

    /// What nodes seal to: `archive.recipient` of their configuration.
    pub fn recipient(&self) -> String {
        self.0.to_public().to_string()
    }

    /// The plain clip.
    ///
    /// # Errors
    /// It was sealed to another key, or changed since.
    pub fn unseal(&self, sealed: &[u8]) -> Result<Vec<u8>, String> {
        age::decrypt(&*self.0, sealed).map_err(|e| e.to_string())
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_key_is_for_its_owner_alone_opens_what_was_sealed_to_it_and_is_never_shown() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("seal.key");
        let made = SealKey::generate(&path).unwrap();
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(SealKey::generate(&path).is_err(), "written over");
        let read = SealKey::read(&path).unwrap();
        let recipient: age::x25519::Recipient = made.recipient().parse().unwrap();
        let sealed = age::encrypt(&recipient, b"a clip").unwrap();
        assert_eq!(read.unseal(&sealed).unwrap(), b"a clip");
        assert!(read.unseal(b"a clip").is_err());
        let text = std::fs::read_to_string(&path).unwrap();
        let secret = text.lines().nth(1).unwrap();
        assert!(secret.starts_with("AGE-SECRET-KEY-1"));
        assert!(!format!("{made:?}").contains(secret));
        std::fs::write(&path, "no key\n").unwrap();
        let refused = SealKey::read(&path).unwrap_err().to_string();
        assert!(refused.contains("seal-key generate"), "{refused}");
    }
}
