//! Names that may stand in a topic.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// Longest name in bytes: five names and the fixed words stay far below MQTT's topic limit of 65,535 bytes.
pub const MAX_NAME_BYTES: usize = 64;

/// The name of a region, site, node, camera or rule: 1 to 64 bytes, no white space or control characters and
/// none of `/ + # $`, which mean something in an MQTT topic.
#[derive(
    Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(try_from = "String", into = "String")]
pub struct Name(String);

/// Why a string is not a [`Name`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidName {
    /// Nothing was given.
    #[error("is empty")]
    Empty,
    /// More than [`MAX_NAME_BYTES`].
    #[error("has {0} bytes, at most {MAX_NAME_BYTES} are allowed")]
    TooLong(usize),
    /// A character that is not allowed in a topic level.
    #[error("holds {0:?}, which cannot stand in an MQTT topic")]
    Character(char),
}

impl Name {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Name {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        Name::try_from(text.to_owned())
    }
}

impl TryFrom<String> for Name {
    type Error = InvalidName;

    fn try_from(text: String) -> Result<Self, InvalidName> {
        if text.is_empty() {
            return Err(InvalidName::Empty);
        }
        if text.len() > MAX_NAME_BYTES {
            return Err(InvalidName::TooLong(text.len()));
        }
        match text
            .chars()
            .find(|c| "/+#$".contains(*c) || c.is_whitespace() || c.is_control())
        {
            Some(c) => Err(InvalidName::Character(c)),
            None => Ok(Name(text)),
        }
    }
}

impl From<Name> for String {
    fn from(name: Name) -> String {
        name.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
