//! What is in force, and where each value comes from.

use std::fmt;

use super::problem::Place;

/// A value that is in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    /// Its key.
    pub(crate) key: String,
    /// As it would be typed.
    pub(crate) value: String,
    /// Where it was typed; nothing: it is the default.
    pub(crate) origin: Option<String>,
}

impl Line {
    pub(crate) fn given(key: &str, value: &toml::Value, place: &Place) -> Line {
        Line {
            key: key.to_owned(),
            value: value.to_string(),
            origin: Some(format!("{}:{}", place.file.display(), place.line)),
        }
    }

    pub(crate) fn usual(key: &str, value: String) -> Line {
        Line {
            key: key.to_owned(),
            value,
            origin: None,
        }
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let origin = self.origin.as_deref().unwrap_or("default");
        let Line { key, value, .. } = self;
        write!(f, "{key} = {value}  # {origin}")
    }
}
