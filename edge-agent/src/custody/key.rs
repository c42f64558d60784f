//! The node's own key: made once, in `node.key` of the state folder, and never leaves the node.

use std::{
    fmt,
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use protocol::{NodePath, PinnedKey};
use ring::{rand::SystemRandom, signature::Ed25519KeyPair};

/// Its name in the state folder: PKCS #8, as DER.
const FILE: &str = "node.key";

/// Who signs: a node with its key.
pub struct Custodian {
    pub(crate) node: NodePath,
    pub(crate) key: Ed25519KeyPair,
}

/// The node's key cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file cannot be read or made.
    #[error("{}: {source}: make it readable and writable for the agent's user", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The file holds something else.
    #[error("{}: holds no Ed25519 key: put it back from a copy, or delete it and a new key is made, which begins a new chain", path.display())]
    NoKey {
        /// Which file.
        path: PathBuf,
    },
    /// The system gives no random numbers.
    #[error("the system gives no random numbers")]
    Random,
}

impl fmt::Debug for Custodian {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Custodian({} {})", self.node, self.public_key())
    }
}

impl Custodian {
    /// Reads the key in `state_dir`; makes it if there is none yet.
    ///
    /// # Errors
    /// If the file cannot be read or made, or holds something else.
    pub fn open(state_dir: &Path, node: NodePath) -> Result<Self, KeyError> {
        let path = state_dir.join(FILE);
        let der = match fs::read(&path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => make(state_dir, &path)?,
            other => other.map_err(|source| KeyError::File {
                path: path.clone(),
                source,
            })?,
        };
        let key = Ed25519KeyPair::from_pkcs8(&der).map_err(|_| KeyError::NoKey { path })?;
        Ok(Custodian { node, key })
    }

    /// What others check its signatures with.
    pub fn public_key(&self) -> PinnedKey {
        PinnedKey::of(&self.key)
    }
}

/// Makes a key; a crash leaves either none or a whole one.
fn make(folder: &Path, path: &Path) -> Result<Vec<u8>, KeyError> {
    let key = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new());
    let key = key.map_err(|_| KeyError::Random)?;
    let written = (|| {
        let mut make = fs::DirBuilder::new();
        make.recursive(true).mode(0o700).create(folder)?;
        let part = path.with_extension("part");
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600);
        let mut file = options.open(&part)?;
        file.write_all(key.as_ref())?;
        file.sync_all()?;
        fs::rename(&part, path)?;
        File::open(folder)?.sync_all()
    })();
    written.map_err(|source| KeyError::File {
        path: path.to_owned(),
        source,
    })?;
    Ok(key.as_ref().to_vec())
}
