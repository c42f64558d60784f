//! What is wrong with a configuration, and where.

use std::{
    fmt,
    ops::Range,
    path::{Path, PathBuf},
    sync::Arc,
};

/// One file of the configuration.
pub(crate) struct Source {
    pub(crate) path: Arc<Path>,
    pub(crate) text: String,
    /// Byte offset at which each line begins.
    lines: Vec<usize>,
}

impl Source {
    pub(crate) fn new(path: &Path, text: String) -> Self {
        let ends = text.match_indices('\n').map(|(at, _)| at + 1);
        let lines = std::iter::once(0).chain(ends).collect();
        Source {
            path: Arc::from(path),
            text,
            lines,
        }
    }

    /// The place of the byte `offset`; lines and columns count from 1, columns in characters.
    pub(crate) fn place(&self, offset: usize, key: &str) -> Place {
        let offset = offset.min(self.text.len());
        let line = self.lines.partition_point(|begin| *begin <= offset);
        let begin = self.lines.get(line - 1).copied().unwrap_or(0);
        let column = self
            .text
            .get(begin..offset)
            .map_or(1, |t| t.chars().count() + 1);
        Place {
            file: Arc::clone(&self.path),
            line,
            column,
            key: key.to_owned(),
        }
    }

    /// The text in `span` as it was typed, cut to one short line.
    pub(crate) fn typed(&self, span: Range<usize>) -> String {
        let text = self.text.get(span).unwrap_or_default();
        let line = text.lines().next().unwrap_or_default();
        if line.chars().count() > 40 || line.len() < text.len() {
            let head: String = line.chars().take(40).collect();
            format!("{head}...")
        } else {
            line.to_owned()
        }
    }
}

/// A place in the configuration.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) file: Arc<Path>,
    pub(crate) line: usize,
    pub(crate) column: usize,
    pub(crate) key: String,
}

impl Place {
    pub(crate) fn problem(&self, text: impl Into<String>) -> Problem {
        Problem {
            place: self.clone(),
            text: text.into(),
        }
    }

    /// The place of `key` in the table that stands here.
    pub(crate) fn of_key(&self, key: &str) -> Place {
        Place {
            key: join(&self.key, key),
            ..self.clone()
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file.display(), self.line, self.column)?;
        if !self.key.is_empty() {
            write!(f, ": {}", self.key)?;
        }
        Ok(())
    }
}

/// The key path `table.key`; the root has no name.
pub(crate) fn join(table: &str, key: &str) -> String {
    if table.is_empty() {
        key.to_owned()
    } else {
        format!("{table}.{key}")
    }
}

/// A value with the place that it was typed at.
#[derive(Clone, Debug)]
pub(crate) struct At<T> {
    pub(crate) value: T,
    pub(crate) place: Place,
}

impl<T> std::ops::Deref for At<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> At<T> {
    pub(crate) fn problem(&self, text: impl Into<String>) -> Problem {
        self.place.problem(text)
    }
}

/// One thing that is wrong: `file:line:column: key: what was found and what is allowed`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    place: Place,
    text: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.text)
    }
}

/// Why a configuration was refused as a whole.
#[derive(Debug, thiserror::Error)]
pub enum ConfigErrors {
    /// A file or folder cannot be read.
    #[error("{}: {why}", path.display())]
    Unreadable {
        /// Which one.
        path: PathBuf,
        /// What the operating system says.
        why: std::io::Error,
    },
    /// All that is wrong, in the order of the files' lines.
    #[error("{}", list(.0))]
    Wrong(Vec<Problem>),
}

fn list(problems: &[Problem]) -> String {
    let lines: Vec<String> = problems.iter().map(Problem::to_string).collect();
    lines.join("\n")
}
