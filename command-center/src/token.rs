//! Random tokens. The owner gets the text; the centre keeps its hash only.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};

/// SHA-256 of a token.
pub(crate) type TokenHash = [u8; 32];

/// A token of 192 random bits and its hash.
pub(crate) fn new() -> (String, TokenHash) {
    let mut bits = [0_u8; 24];
    rand::fill(&mut bits);
    let token = URL_SAFE_NO_PAD.encode(bits);
    let hash = hash(&token);
    (token, hash)
}

/// The hash of a token. It needs no salt and no slow hash: the token itself is random.
pub(crate) fn hash(token: &str) -> TokenHash {
    Sha256::digest(token.as_bytes()).into()
}
