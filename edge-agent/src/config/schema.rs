//! JSON Schema of the configuration, made of the raw tables: what editors complete and mark while somebody types
//! (`config/edge-agent.schema.json`). The loader stays the judge; a test sees to it that the two agree.

use serde_json::{Map, Value, json};

use super::{
    args::Of,
    raw::{RawCameraFile, RawFile, RawPreset},
    reader::FromToml,
    rule,
};
use analytics::rule::RuleKind;

/// A JSON Schema (draft 2020-12) of an object, an array or a value.
pub(crate) type Schema = Map<String, Value>;

const DRAFT: &str = "https://json-schema.org/draft/2020-12/schema";

/// What is known of a key besides its type.
#[derive(Clone, Debug, Default)]
pub(crate) struct About {
    doc: String,
    /// In TOML.
    default: Option<&'static str>,
    /// In words, where the default hangs on something else.
    by: Option<&'static str>,
    range: Option<(f64, f64)>,
    choices: Vec<&'static str>,
    required: bool,
    on: bool,
}

/// A key with its description.
pub(crate) fn key(doc: &[&str]) -> About {
    About {
        doc: sentence(doc),
        ..Default::default()
    }
}

impl About {
    /// What holds where it is left out, as it would be typed.
    pub(crate) fn default(mut self, toml: &'static str) -> About {
        self.default = Some(toml);
        self
    }

    /// What holds where it is left out, in words: it hangs on something else.
    pub(crate) fn by(mut self, words: &'static str) -> About {
        self.by = Some(words);
        self
    }

    /// Least and most; of durations, in seconds.
    pub(crate) fn range(mut self, least: f64, most: f64) -> About {
        self.range = Some((least, most));
        self
    }

    /// What may stand there.
    pub(crate) fn one_of(mut self, choices: impl IntoIterator<Item = &'static str>) -> About {
        self.choices = choices.into_iter().collect();
        self
    }

    /// It must stand there.
    pub(crate) fn required(mut self) -> About {
        self.required = true;
        self
    }

    /// A table whose defaults hold where it is left out.
    pub(crate) fn on(mut self) -> About {
        self.on = true;
        self
    }

    pub(crate) fn is_on(&self) -> bool {
        self.on
    }

    /// What holds where it is left out.
    pub(crate) fn usual(&self) -> Option<String> {
        let by = || self.by.map(|words| format!("({words})"));
        self.default.map(str::to_owned).or_else(by)
    }

    fn complete(&self, schema: &mut Schema) {
        let mut set = |key: &str, value: Value| schema.insert(key.to_owned(), value);
        let mut doc = self.doc.clone();
        if let Some(words) = self.by {
            doc = format!("{doc} Default: {words}.");
        }
        set("description", doc.trim().into());
        if let Some(default) = self.default.and_then(json_of) {
            set("default", default);
        }
        if !self.choices.is_empty() {
            set("enum", json!(self.choices));
        }
        let is_number = ["number", "integer"]
            .iter()
            .any(|name| schema.get("type").is_some_and(|kind| kind == name));
        if let (Some((least, most)), true) = (self.range, is_number) {
            schema.insert("minimum".to_owned(), number(least));
            schema.insert("maximum".to_owned(), number(most));
        }
    }
}

/// Text of doc comments as one paragraph.
fn sentence(doc: &[&str]) -> String {
    let lines: Vec<&str> = doc.iter().map(|line| line.trim()).collect();
    lines.join(" ").trim().to_owned()
}

/// A value in TOML as JSON.
fn json_of(toml: &str) -> Option<Value> {
    let table: toml::Table = toml::from_str(&format!("v = {toml}")).ok()?;
    serde_json::to_value(table.get("v")?).ok()
}

/// Whole numbers without a point.
fn number(value: f64) -> Value {
    if value.fract() == 0.0 && value.abs() < 1e15 {
        json!(value as i64)
    } else {
        json!(value)
    }
}

/// `{"type": name}`
pub(crate) fn of_type(name: &str) -> Schema {
    Schema::from_iter([("type".to_owned(), name.into())])
}

/// A table with these keys, and the schemas of their types.
pub(crate) fn of_table(doc: &[&str], keys: Vec<(&str, About)>, types: Vec<Schema>) -> Schema {
    let mut schema = of_type("object");
    let required: Vec<&str> = (keys.iter())
        .filter_map(|(name, about)| about.required.then_some(*name))
        .collect();
    let title = sentence(doc);
    schema.insert("title".to_owned(), title.into());
    if !required.is_empty() {
        schema.insert("required".to_owned(), json!(required));
    }
    let properties: Map<String, Value> = (keys.into_iter().zip(types))
        .map(|((name, about), mut schema)| {
            about.complete(&mut schema);
            (name.to_owned(), schema.into())
        })
        .collect();
    schema.insert("properties".to_owned(), properties.into());
    schema.insert("additionalProperties".to_owned(), false.into());
    schema
}

/// The keys of rules that only some kinds have: bounds and defaults by kind.
fn kinds() -> Value {
    let of_kind = RuleKind::ALL.into_iter().map(|kind| {
        let keys = rule::keys(kind);
        let numbers = keys.numbers.iter().map(|number| {
            let mut schema = of_type("number");
            schema.insert("minimum".to_owned(), self::number(*number.allowed.start()));
            schema.insert("maximum".to_owned(), self::number(*number.allowed.end()));
            let default = number.default.map(self::number);
            schema.extend(default.map(|value| ("default".to_owned(), value)));
            (number.key.to_owned(), Value::from(schema))
        });
        let texts = keys
            .texts
            .iter()
            .filter(|text| !text.allowed.is_empty())
            .map(|text| (text.key.to_owned(), json!({ "enum": text.allowed })));
        let properties: Map<String, Value> = numbers.chain(texts).collect();
        json!({
            "if": { "properties": { "kind": { "const": kind.as_str() } }, "required": ["kind"] },
            "then": { "properties": properties },
        })
    });
    Value::Array(of_kind.collect())
}

/// The schema of a kind of file.
pub fn schema(of: Of) -> Value {
    let (mut schema, camera) = match of {
        Of::Agent => (RawFile::schema(), "/properties/cameras/items"),
        Of::Cameras => (RawCameraFile::schema(), "/properties/cameras/items"),
        Of::Preset => (RawPreset::schema(), "/properties/camera"),
    };
    schema.insert("$schema".to_owned(), DRAFT.into());
    let mut schema = Value::from(schema);
    if let Some(Value::Object(camera)) = schema.pointer_mut(camera) {
        if of == Of::Preset {
            camera.remove("required");
        }
        let rules = camera
            .get_mut("properties")
            .and_then(|keys| keys.pointer_mut("/rules/items"));
        if let Some(Value::Object(rules)) = rules {
            rules.insert("allOf".to_owned(), kinds());
        }
    }
    schema
}
