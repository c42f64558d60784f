//! Passwords: what they must be, and their Argon2id hashes.

use std::sync::Arc;

use argon2::{
    Argon2, PasswordHasher, PasswordVerifier,
    password_hash::{self, phc::PasswordHash},
};
use tokio::sync::Semaphore;

/// Shortest password, in characters.
const SHORTEST: usize = 10;
/// Longest password, in bytes: the hash takes any length, a request should not.
const LONGEST: usize = 256;
/// Hashes at work at once: each takes 19 MiB and a core, and anybody may ask for one.
const AT_ONCE: usize = 2;

/// Why a password or a name is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// The password is too short.
    #[error("the password needs at least {SHORTEST} characters")]
    Short,
    /// The password is too long.
    #[error("the password may have at most {LONGEST} bytes")]
    Long,
    /// The name is empty, too long or not plain.
    #[error(
        "the name needs 1 to 64 characters, without line breaks and without blanks at its ends"
    )]
    Name,
}

/// Checks a new user's name and password.
///
/// # Errors
/// [`Unfit`] says what is wrong.
pub fn check(name: &str, password: &str) -> Result<(), Unfit> {
    let plain = name.trim() == name && !name.chars().any(char::is_control);
    if !plain || name.is_empty() || name.chars().count() > 64 {
        return Err(Unfit::Name);
    }
    if password.chars().count() < SHORTEST {
        return Err(Unfit::Short);
    }
    if password.len() > LONGEST {
        return Err(Unfit::Long);
    }
    Ok(())
}

/// Hashes a password with a random salt; takes tens of milliseconds.
///
/// # Errors
/// If the system gives no random salt.
pub fn hash(password: &str) -> Result<String, password_hash::Error> {
    let hash: PasswordHash = Argon2::default().hash_password(password.as_bytes())?;
    Ok(hash.to_string())
}

/// Verifies passwords away from the async threads, a few at once.
#[derive(Clone, Debug)]
pub struct Verifier {
    turns: Arc<Semaphore>,
    /// Verified in place of an unknown user's hash, so that the time tells nothing.
    nobody: Arc<str>,
}

impl Verifier {
    /// # Errors
    /// If the system gives no random salt.
    pub fn new() -> Result<Self, password_hash::Error> {
        Ok(Verifier {
            turns: Arc::new(Semaphore::new(AT_ONCE)),
            nobody: hash("nobody has this password")?.into(),
        })
    }

    /// Does the password belong to the hash; without a hash it takes as long and says no.
    pub async fn matches(&self, password: String, hash: Option<String>) -> bool {
        let Ok(_turn) = self.turns.acquire().await else {
            return false;
        };
        if password.len() > LONGEST {
            return false;
        }
        let nobody = Arc::clone(&self.nobody);
        let work = tokio::task::spawn_blocking(move || {
            let known = hash.is_some();
            let text = hash.as_deref().unwrap_or(&nobody);
            let matches = PasswordHash::new(text).is_ok_and(|parsed| {
                Argon2::default()
                    .verify_password(password.as_bytes(), &parsed)
                    .is_ok()
            });
            matches && known
        });
        work.await.unwrap_or(false)
    }

    /// Hashes a password away from the async threads.
    ///
    /// # Errors
    /// If the system gives no random salt.
    pub async fn hash(&self, password: String) -> Result<String, password_hash::Error> {
        let turn = self.turns.acquire().await;
        let work = tokio::task::spawn_blocking(move || hash(&password));
        let hashed = work.await.unwrap_or(Err(password_hash::Error::Crypto));
        drop(turn);
        hashed
    }
}
