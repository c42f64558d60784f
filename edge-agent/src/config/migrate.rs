//! Keys that were called otherwise once. They are read as what they are called now, in memory; `config migrate` writes it down.

use std::ops::Range;

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::problem::Source;

/// A key of an earlier form.
struct Move {
    /// Its table.
    table: &'static str,
    old: &'static str,
    new: &'static str,
    /// Its value as it is typed now; nothing: it is left for the checks to refuse.
    value: fn(&DeValue<'_>) -> Option<String>,
}

/// In the order of time.
const MOVES: [Move; 3] = [
    seconds("archive", "pre_roll_seconds", "pre_roll"),
    seconds("archive", "post_roll_seconds", "post_roll"),
    seconds("archive", "max_clip_seconds", "max_clip"),
];

const fn seconds(table: &'static str, old: &'static str, new: &'static str) -> Move {
    Move {
        table,
        old,
        new,
        value: |value| {
            let typed = match value {
                DeValue::Float(number) => number.as_str(),
                DeValue::Integer(number) => number.as_str(),
                _ => return None,
            };
            let number: f64 = typed.parse().ok()?;
            (number.is_finite() && number >= 0.0).then(|| format!("\"{number}s\""))
        },
    }
}

/// A key of an earlier form that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Moved {
    /// File and line.
    pub(crate) place: String,
    /// What it was called.
    pub(crate) old: String,
    /// What it is called now.
    pub(crate) new: String,
}

/// The text with every key as it is called now, all else as it stands, and what was changed in it.
pub(super) fn migrated(source: &Source) -> (String, Vec<Moved>) {
    let mut changes: Vec<(Range<usize>, String)> = Vec::new();
    let mut moved = Vec::new();
    if MOVES.iter().any(|one| source.text.contains(one.old)) {
        let (document, errors) = DeTable::parse_recoverable(&source.text);
        let whole = errors.is_empty().then(|| document.into_inner());
        for one in &MOVES {
            let table = whole.as_ref().and_then(|whole| whole.get(one.table));
            let Some(DeValue::Table(table)) = table.map(Spanned::get_ref) else {
                continue;
            };
            let typed = table.get_key_value(one.old);
            let Some((key, value)) = typed.filter(|_| !table.contains_key(one.new)) else {
                continue;
            };
            let Some(now) = (one.value)(value.get_ref()) else {
                continue;
            };
            moved.push(Moved {
                place: source.place(key.span().start, "").to_string(),
                old: format!("{}.{}", one.table, one.old),
                new: format!("{}.{}", one.table, one.new),
            });
            changes.push((key.span(), one.new.to_owned()));
            changes.push((value.span(), now));
        }
    }
    let mut text = source.text.clone();
    changes.sort_by_key(|(span, _)| std::cmp::Reverse(span.start));
    for (span, now) in changes {
        text.replace_range(span, &now);
    }
    (text, moved)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn keys_of_an_earlier_form_are_renamed_where_they_stand() {
        let old = "# top\n[archive] # here\npre_roll_seconds = 2.5  # before\nmax_mib = 7\nmax_clip_seconds=30\n";
        let (text, moved) = migrated(&Source::new(Path::new("a.toml"), old.to_owned()));
        let new = "# top\n[archive] # here\npre_roll = \"2.5s\"  # before\nmax_mib = 7\nmax_clip=\"30s\"\n";
        assert_eq!(text, new);
        let places: Vec<&str> = moved.iter().map(|one| one.place.as_str()).collect();
        assert_eq!(places, ["a.toml:3:1", "a.toml:5:1"]);
        let (again, moved) = migrated(&Source::new(Path::new("a.toml"), text.clone()));
        assert_eq!((again, moved), (text, vec![]));
    }

    #[test]
    fn what_cannot_be_read_is_left_for_the_checks() {
        for text in [
            "[archive]\npre_roll_seconds = \"two\"\n",
            "[archive]\npre_roll_seconds = -1\n",
            "[archive]\npre_roll_seconds = 1\npre_roll = \"1s\"\n",
            "archive = 1 # pre_roll_seconds\n",
            "[archive\npre_roll_seconds = 1\n",
        ] {
            let source = Source::new(Path::new("a.toml"), text.to_owned());
            assert_eq!(migrated(&source), (text.to_owned(), vec![]), "{text}");
        }
    }
}
