//! The centre's word to the nodes: the key that signs commands, and what may be asked.

use std::{
    fmt, io,
    io::Write as _,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use protocol::{
    Command, CommandRequest, DesiredConfig, NodePath, PinnedKey, Topic, Utc,
    custody::{Bundle, Head},
};
use ring::{rand::SystemRandom, signature::Ed25519KeyPair};
use rustls::pki_types::{PrivatePkcs8KeyDer, pem::PemObject};
use uuid::Uuid;

/// A node that does not hear a command within this time does not carry it out.
pub const LIFE: Duration = Duration::from_secs(300);

/// What an operator has said of an incident is worth a day to a node that is away: a node accepts no longer life.
pub const VERDICT_LIFE: Duration = Duration::from_secs(86_400);

/// Signs commands.
#[derive(Clone)]
pub struct Signer(Arc<Ed25519KeyPair>);

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({})", self.public_key())
    }
}

/// A command that is signed and can be sent, again and again.
#[derive(Clone, Debug)]
pub struct SignedCommand {
    /// What it says.
    pub request: CommandRequest,
    /// Where it goes.
    pub topic: String,
    /// The envelope.
    pub envelope: Vec<u8>,
}

/// A key cannot be used or made.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file cannot be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The file holds something else.
    #[error("{}: holds no Ed25519 key in PEM: make one with `command-center key generate`", path.display())]
    NoKey {
        /// Which file.
        path: PathBuf,
    },
    /// The system gives no random numbers.
    #[error("the system gives no random numbers")]
    Random,
}

impl Signer {
    /// Reads a key (PKCS #8 in PEM).
    ///
    /// # Errors
    /// If the file cannot be read or holds no such key.
    pub fn read(path: &Path) -> Result<Signer, KeyError> {
        let pem = std::fs::read(path).map_err(|source| KeyError::File {
            path: path.to_owned(),
            source,
        })?;
        let key = PrivatePkcs8KeyDer::from_pem_slice(&pem).ok();
        // OpenSSL writes keys without their public half.
        let key = key.and_then(|key| {
            Ed25519KeyPair::from_pkcs8_maybe_unchecked(key.secret_pkcs8_der()).ok()
        });
        match key {
            Some(key) => Ok(Signer(Arc::new(key))),
            None => Err(KeyError::NoKey {
                path: path.to_owned(),
            }),
        }
    }

    /// Makes a key in a new file that only its owner can read.
    ///
    /// # Errors
    /// If there is such a file already, or it cannot be written.
    pub fn generate(path: &Path) -> Result<Signer, KeyError> {
        let key = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new());
        let key = key.map_err(|_| KeyError::Random)?;
        let write = || -> io::Result<()> {
            let mut file = std::fs::OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(path)?;
            let text = STANDARD.encode(key.as_ref());
            writeln!(file, "-----BEGIN PRIVATE KEY-----")?;
            for line in text.as_bytes().chunks(64) {
                file.write_all(line)?;
                writeln!(file)?;
            }
            writeln!(file, "-----END PRIVATE KEY-----")?;
            file.sync_all()
        };
        write().map_err(|source| KeyError::File {
            path: path.to_owned(),
            source,
        })?;
        Signer::read(path)
    }

    /// What nodes pin: `commands.keys` of their configuration.
    pub fn public_key(&self) -> PinnedKey {
        PinnedKey::of(&self.0)
    }

    /// A bundle of evidence, with this key under its head.
    ///
    /// # Errors
    /// Never in practice: a head is plain data.
    pub fn bundle(
        &self,
        head: Head,
        manifests: Vec<Vec<u8>>,
        items: Vec<(String, Vec<u8>)>,
    ) -> Result<Bundle, serde_json::Error> {
        Bundle::sign(head, manifests, items, &self.0)
    }

    /// The envelope of a document for a node.
    ///
    /// # Errors
    /// Never in practice: it is plain data.
    pub fn sign_config(&self, desired: &DesiredConfig) -> Result<Vec<u8>, serde_json::Error> {
        desired.sign(&self.0)
    }

    /// A command to `node`, given now.
    ///
    /// # Errors
    /// Never in practice: a command is plain data.
    pub fn sign(
        &self,
        node: NodePath,
        command: Command,
        now: Utc,
    ) -> Result<SignedCommand, serde_json::Error> {
        let issued = protocol::in_milliseconds(now);
        let life = match command {
            Command::Verdict { .. } => VERDICT_LIFE,
            _ => LIFE,
        };
        let request = CommandRequest {
            request: Uuid::now_v7(),
            node,
            issued,
            expires: issued.checked_add(life).unwrap_or(issued),
            command,
        };
        Ok(SignedCommand {
            topic: request.node.topic(&Topic::Command {
                request: request.request,
            }),
            envelope: request.sign(&self.0)?,
            request,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_key_is_for_its_owner_alone_is_kept_and_never_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("command.key");
        let made = Signer::generate(&path).unwrap();
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let read = Signer::read(&path).unwrap();
        assert_eq!(read.public_key(), made.public_key());
        assert!(matches!(
            Signer::generate(&path),
            Err(KeyError::File { .. })
        ));
        assert_eq!(Signer::read(&path).unwrap().public_key(), made.public_key());
        let text = std::fs::read_to_string(&path).unwrap();
        let secret = text.lines().nth(1).unwrap();
        assert!(
            !format!("{made:?}").contains(secret),
            "a key is never shown"
        );
    }

    #[test]
    fn a_file_that_holds_no_key_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("command.key");
        std::fs::write(&path, "-----BEGIN PRIVATE KEY-----\nAAAA\n").unwrap();
        let refused = Signer::read(&path).unwrap_err().to_string();
        assert!(refused.contains("command.key"), "{refused}");
        assert!(refused.contains("key generate"), "{refused}");
    }
}
