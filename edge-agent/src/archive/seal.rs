//! Sealing with age: to the centre's public key, and to a key that lives in this process's memory alone.
//!
//! The second lets the node mask a clip when the centre asks for it. It is never written down: who takes the box, or only
//! its disk, has nothing that opens a clip. The only file that names `age` in this crate.

use std::{fmt, io::Write as _, str::FromStr};

use age::{Encryptor, x25519};

/// The centre's public key.
#[derive(Clone, PartialEq, Eq)]
pub struct Recipient(x25519::Recipient);

/// A text is no public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "is no public key of age: expected \"age1\" and 58 letters and digits, as `age-keygen` and `command-center seal-key` print it"
)]
pub struct InvalidRecipient;

impl FromStr for Recipient {
    type Err = InvalidRecipient;

    fn from_str(text: &str) -> Result<Self, InvalidRecipient> {
        text.parse().map(Recipient).map_err(|_| InvalidRecipient)
    }
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The key of this run of the agent.
pub struct BootKey(x25519::Identity);

impl BootKey {
    /// Another one at every start.
    pub fn generate() -> BootKey {
        BootKey(x25519::Identity::generate())
    }

    /// `plain` for the holder of `recipient`'s secret half, and for this run of the agent.
    ///
    /// # Errors
    /// None in practice: it is done in memory.
    pub fn seal(&self, plain: &[u8], recipient: &Recipient) -> Result<Vec<u8>, String> {
        let own = self.0.to_public();
        let both: [&dyn age::Recipient; 2] = [&recipient.0, &own];
        let encryptor = Encryptor::with_recipients(both.into_iter()).map_err(|e| e.to_string())?;
        let mut sealed = Vec::with_capacity(plain.len() + plain.len() / 1000 + 1024);
        let sealing = || {
            let mut writer = encryptor.wrap_output(&mut sealed)?;
            writer.write_all(plain)?;
            writer.finish().map(drop)
        };
        sealing().map_err(|e| format!("sealing: {e}"))?;
        Ok(sealed)
    }

    /// What this run of the agent has sealed.
    ///
    /// # Errors
    /// It was sealed by another run, or changed since.
    pub fn unseal(&self, sealed: &[u8]) -> Result<Vec<u8>, String> {
        age::decrypt(&self.0, sealed).map_err(|e| e.to_string())
    }
}

/// Whether these bytes are something that was sealed.
pub fn is_sealed(bytes: &[u8]) -> bool {
    bytes.starts_with(b"age-encryption.org/v1")
}

/// What was sealed for the holder of a key, given the text of its file.
///
/// # Errors
/// There is no key in the text, or it is another one's.
pub fn unseal_with(identity: &str, sealed: &[u8]) -> Result<Vec<u8>, String> {
    let mut keys = identity.lines().map(str::trim);
    let key = keys.find(|line| line.starts_with("AGE-SECRET-KEY-1"));
    let key: x25519::Identity = key.ok_or("it holds no age key")?.parse()?;
    age::decrypt(&key, sealed).map_err(|e| e.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_centre_and_this_run_can_unseal_and_nobody_else() {
        let centre = x25519::Identity::generate();
        let recipient: Recipient = centre.to_public().to_string().parse().unwrap();
        let (boot, other) = (BootKey::generate(), BootKey::generate());
        let plain = b"a clip".repeat(100_000);
        let mut sealed = boot.seal(&plain, &recipient).unwrap();
        assert_eq!(age::decrypt(&centre, &sealed).unwrap(), plain);
        assert_eq!(boot.unseal(&sealed).unwrap(), plain);
        assert!(other.unseal(&sealed).is_err());
        assert!(!sealed.windows(6).any(|bytes| bytes == b"a clip"));
        let middle = sealed.len() / 2;
        sealed[middle] ^= 1;
        assert!(boot.unseal(&sealed).is_err(), "a changed byte");
        let refused = "age1qqq".parse::<Recipient>().unwrap_err().to_string();
        assert!(refused.contains("age1"), "{refused}");
    }
}
