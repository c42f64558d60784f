//! Writing a `model.toml`.

use std::fmt::Write as _;

use toml::{Table, Value};

/// What stands in a `model.toml`.
pub(super) struct Sheet<'s> {
    pub(super) name: &'s str,
    pub(super) title: &'s str,
    pub(super) licence: &'s str,
    /// Where the weights come from; for people.
    pub(super) source: &'s str,
    pub(super) file: &'s str,
    pub(super) sha256: &'s str,
    pub(super) labels: &'s [String],
    pub(super) input: &'s Table,
    pub(super) decoder: &'s Table,
}

impl Sheet<'_> {
    /// The text of the file.
    pub(super) fn text(&self) -> String {
        let mut text = String::from("# Written by `edge-agent models`.\n");
        let heads = [
            ("name", self.name),
            ("title", self.title),
            ("licence", self.licence),
            ("source", self.source),
            ("file", self.file),
            ("sha256", self.sha256),
        ];
        for (key, value) in heads {
            put(&mut text, key, &Value::String(value.to_owned()));
        }
        let labels = self.labels.iter().cloned().map(Value::String);
        put(&mut text, "labels", &Value::Array(labels.collect()));
        for (name, table) in [("input", self.input), ("decoder", self.decoder)] {
            text += &format!("\n[{name}]\n");
            for (key, value) in table {
                put(&mut text, key, value);
            }
        }
        text
    }
}

fn put(text: &mut String, key: &str, value: &Value) {
    // A value prints as inline TOML, which one line can hold.
    writeln!(text, "{key} = {value}").expect("a string takes all");
}
