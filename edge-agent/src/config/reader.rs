//! Reads TOML into raw tables and goes on after a mistake, so that all of them are reported at once.
//!
//! serde stops at the first error; this reader walks the parsed document itself, in which every value still knows
//! its place. `table.rs` declares tables.

use std::{cell::RefCell, ops::Range, path::PathBuf, time::Duration};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{
    explain::Line,
    nearest::nearest,
    problem::{At, Place, Problem, Source, join},
    schema::{About, Schema, of_type},
};

/// A value on its way to a raw type.
pub(crate) struct Node<'d> {
    pub(crate) source: &'d Source,
    pub(crate) problems: &'d RefCell<Vec<Problem>>,
    pub(crate) value: &'d DeValue<'d>,
    pub(crate) span: Range<usize>,
    pub(crate) key: String,
}

/// A type that can be read from a TOML value.
pub(crate) trait FromToml: Sized {
    /// It has keys of its own.
    const IS_TABLE: bool = false;

    /// `None`: a problem was noted.
    fn from_toml(node: &Node<'_>) -> Option<Self>;

    /// As it would be typed.
    fn to_toml(&self) -> toml::Value;

    /// JSON Schema (draft 2020-12) of the type, before a key's own bounds.
    fn schema() -> Schema;

    /// What it says where a layer below says `below`: a value takes its place, a table goes before it key by key.
    fn over(self, below: Self) -> Self {
        drop(below);
        self
    }

    /// Tells the values in it, which stand under `key`, with their places.
    fn explain(&self, key: &str, place: &Place, told: &mut Vec<Line>) {
        told.push(Line::given(key, &self.to_toml(), place));
    }

    /// The keys of a table that somebody typed, with their places.
    fn typed(&self) -> Vec<(&'static str, Place)> {
        Vec::new()
    }

    /// Tells what holds where nothing stands under `key`: nothing, but for tables.
    fn explain_absent(_key: &str, _told: &mut Vec<Line>) {}
}

/// What stands under a key.
#[derive(Clone, Debug)]
pub(crate) enum Field<T> {
    /// Nothing.
    Absent,
    /// Something that was refused; the problem is noted.
    Faulty,
    /// A value of the right type.
    Given(At<T>),
}

impl<T> Field<T> {
    pub(crate) fn given(&self) -> Option<&At<T>> {
        match self {
            Field::Given(at) => Some(at),
            Field::Absent | Field::Faulty => None,
        }
    }

    pub(crate) fn is_absent(&self) -> bool {
        matches!(self, Field::Absent)
    }

    /// The value, after a note if there is none.
    pub(crate) fn required(
        &self,
        table: &Place,
        key: &str,
        problems: &mut Vec<Problem>,
    ) -> Option<&At<T>> {
        if self.is_absent() {
            problems.push(table.of_key(key).problem("is missing"));
        }
        self.given()
    }
}

impl<T: FromToml> Field<T> {
    /// What it says where a layer below says `below`.
    pub(crate) fn over(self, below: Field<T>) -> Field<T> {
        match (self, below) {
            (Field::Absent, below) => below,
            (Field::Given(own), Field::Given(below)) => Field::Given(At {
                value: own.value.over(below.value),
                place: own.place,
            }),
            (own, _) => own,
        }
    }

    /// Tells what stands here or holds in its place.
    pub(crate) fn explain(&self, key: &str, about: &About, told: &mut Vec<Line>) {
        match (self, about.usual()) {
            (Field::Given(at), _) => at.value.explain(key, &at.place, told),
            (_, Some(usual)) => told.push(Line::usual(key, usual)),
            _ if about.is_on() => T::explain_absent(key, told),
            _ => {}
        }
    }
}

impl<T: Clone> Field<T> {
    pub(crate) fn or(&self, default: T) -> T {
        self.given().map_or(default, |at| at.value.clone())
    }
}

impl<'d> Node<'d> {
    pub(crate) fn place(&self) -> Place {
        self.source.place(self.span.start, &self.key)
    }

    pub(crate) fn note(&self, text: impl Into<String>) {
        self.problems.borrow_mut().push(self.place().problem(text));
    }

    /// Notes that something else stands here than `expected`.
    fn mismatch<T>(&self, expected: &str) -> Option<T> {
        let found = match self.value {
            DeValue::Array(_) => "a list".to_owned(),
            DeValue::Table(_) => "a table".to_owned(),
            // Somebody may have typed the secret itself.
            _ if self.key.contains("password") => "something else".to_owned(),
            _ => self.source.typed(self.span.clone()),
        };
        self.note(format!("found {found}, expected {expected}"));
        None
    }

    fn child(&self, value: &'d Spanned<DeValue<'d>>, key: String) -> Node<'d> {
        Node {
            source: self.source,
            problems: self.problems,
            value: value.get_ref(),
            span: value.span(),
            key,
        }
    }

    /// The table that stands here, after a note for each key that is not one of `keys`.
    pub(crate) fn table(&self, keys: &[&str]) -> Option<&'d DeTable<'d>> {
        let DeValue::Table(table) = self.value else {
            return self.mismatch("a table");
        };
        for key in table.keys() {
            let typed: &str = key.get_ref();
            if !keys.contains(&typed) {
                let place = self.source.place(key.span().start, &join(&self.key, typed));
                self.problems
                    .borrow_mut()
                    .push(place.problem(unknown_key(typed, keys)));
            }
        }
        Some(table)
    }

    /// What stands under `key` of `table`.
    pub(crate) fn field<T: FromToml>(&self, table: &'d DeTable<'d>, key: &str) -> Field<T> {
        let Some(value) = table.get(key) else {
            return Field::Absent;
        };
        let node = self.child(value, join(&self.key, key));
        match T::from_toml(&node) {
            Some(value) => Field::Given(At {
                value,
                place: node.place(),
            }),
            None => Field::Faulty,
        }
    }
}

fn unknown_key(typed: &str, keys: &[&str]) -> String {
    if ["password", "passwd", "secret", "token"].contains(&typed) && keys.contains(&"password_file")
    {
        return "a secret does not stand in the configuration: name a file in password_file or an environment \
                variable in password_env"
            .to_owned();
    }
    match nearest(typed, keys.iter().copied()) {
        Some(meant) => format!("unknown key, did you mean {meant:?}?"),
        None => format!("unknown key, allowed are {}", keys.join(", ")),
    }
}

impl FromToml for String {
    fn from_toml(node: &Node<'_>) -> Option<Self> {
        match node.value.as_str() {
            Some(text) => Some(text.to_owned()),
            None => node.mismatch("text in quotes"),
        }
    }

    fn to_toml(&self) -> toml::Value {
        self.clone().into()
    }

    fn schema() -> Schema {
        of_type("string")
    }
}

impl FromToml for PathBuf {
    fn from_toml(node: &Node<'_>) -> Option<Self> {
        match node.value.as_str() {
            Some(text) if !text.is_empty() => Some(PathBuf::from(text)),
            _ => node.mismatch("a path in quotes"),
        }
    }

    fn to_toml(&self) -> toml::Value {
        self.to_string_lossy().into_owned().into()
    }

    fn schema() -> Schema {
        of_type("string")
    }
}

impl FromToml for bool {
    fn from_toml(node: &Node<'_>) -> Option<Self> {
        match node.value.as_bool() {
            Some(value) => Some(value),
            None => node.mismatch("true or false"),
        }
    }

    fn to_toml(&self) -> toml::Value {
        (*self).into()
    }

    fn schema() -> Schema {
        of_type("boolean")
    }
}

impl FromToml for f64 {
    fn from_toml(node: &Node<'_>) -> Option<Self> {
        let number = match node.value {
            DeValue::Float(float) => float.as_str().parse::<f64>().ok(),
            DeValue::Integer(integer) if integer.radix() == 10 => integer.as_str().parse().ok(),
            _ => None,
        };
        match number.filter(|n| n.is_finite()) {
            Some(number) => Some(number),
            None => node.mismatch("a number"),
        }
    }

    fn to_toml(&self) -> toml::Value {
        (*self).into()
    }

    fn schema() -> Schema {
        of_type("number")
    }
}

impl FromToml for u64 {
    fn from_toml(node: &Node<'_>) -> Option<Self> {
        let number = match node.value {
            DeValue::Integer(integer) => {
                u64::from_str_radix(integer.as_str(), integer.radix()).ok()
            }
            _ => None,
        };
        match number {
            Some(number) => Some(number),
            None => node.mismatch("a whole number, not negative"),
        }
    }

    fn to_toml(&self) -> toml::Value {
        i64::try_from(*self).unwrap_or(i64::MAX).into()
    }

    fn schema() -> Schema {
        let mut schema = of_type("integer");
        schema.insert("minimum".to_owned(), 0.into());
        schema
    }
}

impl FromToml for Duration {
    fn from_toml(node: &Node<'_>) -> Option<Self> {
        match node.value.as_str().and_then(duration) {
            Some(duration) => Some(duration),
            None => node.mismatch("a duration such as \"500ms\", \"30s\", \"5m\" or \"1h\""),
        }
    }

    fn to_toml(&self) -> toml::Value {
        let text = match self.subsec_nanos() {
            0 => format!("{}s", self.as_secs()),
            _ => format!("{}ms", self.as_secs_f64() * 1000.0),
        };
        text.into()
    }

    fn schema() -> Schema {
        let mut schema = of_type("string");
        let form = r"^[0-9]+(\.[0-9]+)?(ms|s|m|h)$";
        schema.insert("pattern".to_owned(), form.into());
        schema
    }
}

/// Reads `500ms`, `1.5s`, `5m` or `1h`.
fn duration(text: &str) -> Option<Duration> {
    let unit_at = text.find(|c: char| c.is_ascii_alphabetic())?;
    let (number, unit) = text.split_at(unit_at);
    let seconds = match unit {
        "ms" => 0.001,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return None,
    };
    let number: f64 = number.parse().ok()?;
    Duration::try_from_secs_f64(number * seconds).ok()
}

impl<T: FromToml> FromToml for Vec<At<T>> {
    fn from_toml(node: &Node<'_>) -> Option<Self> {
        let DeValue::Array(items) = node.value else {
            return node.mismatch("a list");
        };
        let read = items.iter().enumerate().map(|(i, item)| {
            let node = node.child(item, format!("{}[{i}]", node.key));
            T::from_toml(&node).map(|value| At {
                value,
                place: node.place(),
            })
        });
        // All items are read before the list is given up, so that each one's problems are noted.
        let items: Vec<Option<At<T>>> = read.collect();
        items.into_iter().collect()
    }

    fn to_toml(&self) -> toml::Value {
        toml::Value::Array(self.iter().map(|at| at.value.to_toml()).collect())
    }

    fn schema() -> Schema {
        let mut schema = of_type("array");
        schema.insert("items".to_owned(), T::schema().into());
        schema
    }

    fn explain(&self, key: &str, place: &Place, told: &mut Vec<Line>) {
        if !T::IS_TABLE {
            return told.push(Line::given(key, &self.to_toml(), place));
        }
        for (i, at) in self.iter().enumerate() {
            let typed = at.value.to_toml();
            let id = typed.get("id").and_then(toml::Value::as_str);
            let name = id.map_or_else(|| i.to_string(), str::to_owned);
            at.value.explain(&format!("{key}[{name}]"), &at.place, told);
        }
    }
}

impl<T: FromToml + Copy> FromToml for [T; 2] {
    fn from_toml(node: &Node<'_>) -> Option<Self> {
        let items: Vec<At<T>> = Vec::from_toml(node)?;
        match items.as_slice() {
            [a, b] => Some([a.value, b.value]),
            _ => {
                node.note(format!("has {} numbers, expected two", items.len()));
                None
            }
        }
    }

    fn to_toml(&self) -> toml::Value {
        toml::Value::Array(self.iter().map(T::to_toml).collect())
    }

    fn schema() -> Schema {
        let mut schema = of_type("array");
        schema.insert("items".to_owned(), T::schema().into());
        schema.insert("minItems".to_owned(), 2.into());
        schema.insert("maxItems".to_owned(), 2.into());
        schema
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_need_a_unit() {
        assert_eq!(duration("500ms"), Some(Duration::from_millis(500)));
        assert_eq!(duration("1.5s"), Some(Duration::from_millis(1500)));
        assert_eq!(duration("2h"), Some(Duration::from_secs(7200)));
        for bad in ["30", "s", "-1s", "30 sec", "1e400s", ""] {
            assert_eq!(duration(bad), None, "{bad:?}");
        }
    }
}
