//! `console/src/lib/wire.ts` says in TypeScript what `view` says in Rust. It is generated here from the types' JSON
//! Schema; `UPDATE_WIRE_TYPES=1 cargo test -p command-center --test wire_types` writes it anew.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "what helps a test may fail like one"
)]

use std::{env, fmt::Write as _, fs, path::Path};

use command_center::view;
use schemars::{Schema, generate::SchemaSettings};
use serde_json::{Map, Value};

#[test]
fn the_console_has_the_types_of_the_interface() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("console/src/lib/wire.ts");
    let generated = typescript();
    if env::var_os("UPDATE_WIRE_TYPES").is_some() {
        fs::write(&path, &generated).unwrap();
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == generated,
        "{} is stale: UPDATE_WIRE_TYPES=1 cargo test -p command-center --test wire_types",
        path.display()
    );
}

fn typescript() -> String {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    let mut generator = settings.into_generator();
    let roots: [Schema; 12] = [
        generator.subschema_for::<view::IncidentPage>(),
        generator.subschema_for::<view::IncidentDetail>(),
        generator.subschema_for::<view::Overview>(),
        generator.subschema_for::<view::ConfigView>(),
        generator.subschema_for::<view::PrecisionView>(),
        generator.subschema_for::<view::ParkedMessage>(),
        generator.subschema_for::<view::SessionView>(),
        generator.subschema_for::<view::UserView>(),
        generator.subschema_for::<view::TotpSetup>(),
        generator.subschema_for::<view::AuditPage>(),
        generator.subschema_for::<view::AuditCheck>(),
        generator.subschema_for::<view::Refusal>(),
    ];
    assert!(roots.iter().all(|root| root.get("$ref").is_some()));
    let mut text = String::from(
        "// Generated from command-center/src/view.rs by tests/wire_types.rs; do not edit.\n",
    );
    for (name, schema) in generator.take_definitions(true) {
        let schema = schema.as_object().unwrap();
        describe(&mut text, "", schema);
        if schema.contains_key("properties") {
            write!(text, "export interface {name} {}\n\n", object(schema)).unwrap();
        } else {
            write!(text, "export type {name} = {};\n\n", type_of(schema)).unwrap();
        }
    }
    text
}

fn describe(text: &mut String, indent: &str, schema: &Map<String, Value>) {
    if let Some(description) = schema.get("description").and_then(Value::as_str) {
        let joined = description.replace('\n', " ");
        writeln!(text, "{indent}/** {joined} */").unwrap();
    }
}

fn object(schema: &Map<String, Value>) -> String {
    let required = schema.get("required").and_then(Value::as_array);
    let mut text = String::from("{\n");
    for (name, property) in schema["properties"].as_object().unwrap() {
        let always = required.is_some_and(|r| r.iter().any(|n| n == name));
        let mark = if always { "" } else { "?" };
        let property = property.as_object().unwrap();
        describe(&mut text, "  ", property);
        writeln!(text, "  {name}{mark}: {};", type_of(property)).unwrap();
    }
    text + "}"
}

fn type_of(schema: &Map<String, Value>) -> String {
    if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
        return reference.rsplit('/').next().unwrap().to_owned();
    }
    if let Some(value) = schema.get("const") {
        return value.to_string();
    }
    for key in ["anyOf", "oneOf", "enum"] {
        if let Some(choices) = schema.get(key).and_then(Value::as_array) {
            let choices: Vec<String> = choices
                .iter()
                .map(|c| c.as_object().map_or_else(|| c.to_string(), type_of))
                .collect();
            return choices.join(" | ");
        }
    }
    match &schema["type"] {
        Value::String(name) => named(name, schema),
        Value::Array(names) => {
            let names: Vec<String> = names
                .iter()
                .map(|n| named(n.as_str().unwrap(), schema))
                .collect();
            names.join(" | ")
        }
        other => panic!("no type: {other} in {schema:?}"),
    }
}

fn named(name: &str, schema: &Map<String, Value>) -> String {
    match name {
        "integer" | "number" => "number".to_owned(),
        "array" => {
            let item = type_of(schema["items"].as_object().unwrap());
            match (schema.get("minItems"), schema.get("maxItems")) {
                (Some(least), Some(most)) if least == most => {
                    let count = usize::try_from(least.as_u64().unwrap()).unwrap();
                    format!("[{}]", vec![item; count].join(", "))
                }
                _ if item.contains('|') => format!("({item})[]"),
                _ => format!("{item}[]"),
            }
        }
        // A map: its values are of any type where the schema says nothing.
        "object" => {
            let values = schema
                .get("additionalProperties")
                .and_then(Value::as_object);
            let values = values.map_or_else(|| "unknown".to_owned(), type_of);
            format!("Record<string, {values}>")
        }
        plain @ ("string" | "boolean" | "null") => plain.to_owned(),
        other => panic!("no TypeScript for {other}"),
    }
}
