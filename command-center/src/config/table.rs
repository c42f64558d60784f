//! A TOML table read key by key, which remembers every problem with its line.
//!
//! Deriving `Deserialize` would stop at the first problem; an operator wants the whole list at once.

use std::{fmt, time::Duration};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

/// One thing that is wrong with a configuration file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Line in the file, from 1.
    pub line: usize,
    /// Dotted key; empty where the file is no TOML at all.
    pub key: String,
    /// What is wrong, and what was expected.
    pub what: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.key.as_str() {
            "" => write!(f, "{}: {}", self.line, self.what),
            key => write!(f, "{}: {key}: {}", self.line, self.what),
        }
    }
}

/// The problems found so far.
#[derive(Debug, Default)]
pub(super) struct Problems(pub(super) Vec<Problem>);

impl Problems {
    pub(super) fn add(&mut self, line: usize, key: impl Into<String>, what: impl Into<String>) {
        self.0.push(Problem {
            line,
            key: key.into(),
            what: what.into(),
        });
    }
}

/// The line, from 1, of a byte offset.
pub(super) fn line_of(text: &str, offset: usize) -> usize {
    let before = text.as_bytes().get(..offset).unwrap_or(text.as_bytes());
    1 + before.iter().filter(|b| **b == b'\n').count()
}

/// A value together with the place where it stands.
#[derive(Clone, Debug)]
pub(super) struct Located<T> {
    pub(super) line: usize,
    pub(super) key: String,
    pub(super) value: T,
}

/// A table whose keys are taken one by one; what is left over is unknown.
pub(super) struct Table<'a> {
    text: &'a str,
    path: String,
    line: usize,
    left: DeTable<'a>,
    known: Vec<&'static str>,
}

impl<'a> Table<'a> {
    pub(super) fn root(text: &'a str, table: DeTable<'a>) -> Self {
        Table {
            text,
            path: String::new(),
            line: 1,
            left: table,
            known: Vec::new(),
        }
    }

    /// Line of the table's own head.
    pub(super) fn line(&self) -> usize {
        self.line
    }

    /// Full dotted name of one of its keys.
    pub(super) fn name(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        }
    }

    fn take(&mut self, key: &'static str) -> Option<Located<Spanned<DeValue<'a>>>> {
        self.known.push(key);
        let value = self.left.remove(key)?;
        Some(Located {
            line: line_of(self.text, value.span().start),
            key: self.name(key),
            value,
        })
    }

    fn typed<T>(
        &mut self,
        key: &'static str,
        expected: &str,
        problems: &mut Problems,
        read: impl FnOnce(&DeValue<'a>) -> Option<T>,
    ) -> Option<Located<T>> {
        let found = self.take(key)?;
        let Some(value) = read(found.value.get_ref()) else {
            let kind = found.value.get_ref().type_str();
            problems.add(
                found.line,
                found.key,
                format!("expected {expected}, found {}", article(kind)),
            );
            return None;
        };
        Some(Located {
            line: found.line,
            key: found.key,
            value,
        })
    }

    /// Text that is not empty.
    pub(super) fn text(
        &mut self,
        key: &'static str,
        problems: &mut Problems,
    ) -> Option<Located<String>> {
        let found = self.typed(key, "text in quotes", problems, |v| {
            v.as_str().map(str::to_owned)
        })?;
        if found.value.trim().is_empty() {
            problems.add(found.line, found.key, "is empty");
            return None;
        }
        Some(found)
    }

    /// A list of texts.
    pub(super) fn texts(
        &mut self,
        key: &'static str,
        problems: &mut Problems,
    ) -> Option<Located<Vec<String>>> {
        self.typed(key, "a list of texts in quotes", problems, |v| {
            let items = v.as_array()?.iter();
            items
                .map(|item| item.get_ref().as_str().map(str::to_owned))
                .collect()
        })
    }

    /// `true` or `false`; `false` where it is missing.
    pub(super) fn flag(&mut self, key: &'static str, problems: &mut Problems) -> bool {
        self.typed(key, "true or false", problems, DeValue::as_bool)
            .is_some_and(|found| found.value)
    }

    /// A whole number within `range`.
    pub(super) fn number(
        &mut self,
        key: &'static str,
        range: std::ops::RangeInclusive<u64>,
        problems: &mut Problems,
    ) -> Option<u64> {
        let expected = format!("a whole number from {} to {}", range.start(), range.end());
        let found = self.typed(key, &expected, problems, |v| {
            let number = v.as_integer()?;
            i128::from_str_radix(number.as_str(), number.radix()).ok()
        })?;
        match u64::try_from(found.value) {
            Ok(value) if range.contains(&value) => Some(value),
            _ => {
                problems.add(
                    found.line,
                    found.key,
                    format!("expected {expected}, found {}", found.value),
                );
                None
            }
        }
    }

    /// A duration such as `"30s"`, `"5m"` or `"2h"`.
    pub(super) fn duration(
        &mut self,
        key: &'static str,
        problems: &mut Problems,
    ) -> Option<Duration> {
        let found = self.text(key, problems)?;
        let parsed = duration(&found.value);
        if parsed.is_none() {
            problems.add(
                found.line,
                found.key,
                format!(
                    "expected a duration such as \"30s\", \"5m\" or \"2h\", found {:?}",
                    found.value
                ),
            );
        }
        parsed
    }

    /// A table of its own; an empty one where it is missing.
    pub(super) fn table(&mut self, key: &'static str, problems: &mut Problems) -> Table<'a> {
        let text = self.text;
        let path = self.name(key);
        let found = self.take(key);
        let line = found.as_ref().map_or(self.line, |f| f.line);
        let left = match found.map(|f| f.value.into_inner()) {
            Some(DeValue::Table(table)) => table,
            None => DeTable::new(),
            Some(other) => {
                let kind = article(other.type_str());
                problems.add(
                    line,
                    path.clone(),
                    format!("expected a table, found {kind}"),
                );
                DeTable::new()
            }
        };
        Table {
            text,
            path,
            line,
            left,
            known: Vec::new(),
        }
    }

    /// Reports every key that nobody asked for.
    pub(super) fn finish(self, problems: &mut Problems) {
        for key in self.left.keys() {
            let line = line_of(self.text, key.span().start);
            problems.add(
                line,
                self.name(key.get_ref()),
                format!("unknown key; known here: {}", self.known.join(", ")),
            );
        }
    }
}

fn duration(text: &str) -> Option<Duration> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => return None,
    };
    let number: u64 = number.parse().ok()?;
    let total = number.checked_mul(seconds).filter(|s| *s > 0)?;
    Some(Duration::from_secs(total))
}

fn article(kind: &str) -> String {
    match kind.as_bytes().first() {
        Some(b'a' | b'e' | b'i' | b'o' | b'u') => format!("an {kind}"),
        _ => format!("a {kind}"),
    }
}
