//! `asyncapi.json` is what the types and topics say, and stands up to AsyncAPI's own parser with every sample.
//!
//! `UPDATE_SCHEMAS=1 cargo test -p protocol --test asyncapi` writes it anew. The parser wants Node and `npm ci` in
//! `asyncapi-check/`; it fails where one of them is missing and says which.

use std::{env, fs, path::Path, process::Command};

use protocol::{
    CommandRequest, DesiredConfig, EvidenceHeader, Health, IncidentEvent, NodeStatus, Receipt,
    ReportedConfig, Tombstone, Totals, custody::Custody, topic,
};
use schemars::{JsonSchema, SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};

const NODE: &str = "safecity/v1/{region}/{site}/{node}";
const JSON: &str = "application/json";
const CLOUD_EVENT: &str = "application/cloudevents+json";

/// One kind of message and where it goes.
struct Channel {
    name: &'static str,
    /// Topic levels below the node's.
    levels: &'static str,
    content_type: &'static str,
    about: &'static str,
    /// MQTT quality of service and whether the broker keeps the last one.
    delivery: (u8, bool),
    schema: fn(&mut SchemaGenerator) -> Value,
    /// Samples in `samples/v1` begin with this.
    samples: &'static str,
}

fn schema<T: JsonSchema>(generator: &mut SchemaGenerator) -> Value {
    generator.subschema_for::<T>().to_value()
}

fn channels() -> Vec<Channel> {
    vec![
        Channel {
            name: "status",
            levels: "status",
            content_type: JSON,
            about: "Whether the node is there, with its open incidents; also its last will.",
            delivery: (1, true),
            schema: schema::<NodeStatus>,
            samples: "status",
        },
        Channel {
            name: "health",
            levels: "health",
            content_type: JSON,
            about: "Periodic figures of the node and its cameras; the next one replaces a lost one.",
            delivery: (0, false),
            schema: schema::<Health>,
            samples: "health",
        },
        Channel {
            name: "incident",
            levels: "incident/{camera}/{kind}",
            content_type: CLOUD_EVENT,
            about: "A change in an incident's life. Sent until acknowledged: drop duplicates by source and id.",
            delivery: (1, false),
            schema: schema::<IncidentEvent>,
            samples: "incident",
        },
        Channel {
            name: "tombstone",
            levels: "tombstone",
            content_type: JSON,
            about: "Numbers of messages that the node gave up: do not wait for them.",
            delivery: (1, false),
            schema: schema::<Tombstone>,
            samples: "tombstone",
        },
        Channel {
            name: "totals",
            levels: "totals/{camera}",
            content_type: JSON,
            about: "What a camera's rules have counted in a stretch of time, and how much of it was watched.",
            delivery: (1, false),
            schema: schema::<Totals>,
            samples: "totals",
        },
        Channel {
            name: "custody",
            levels: "custody",
            content_type: JSON,
            about: "Signed manifests of a message and of the evidence that it announces, each chained to the one before.",
            delivery: (1, false),
            schema: schema::<Custody>,
            samples: "custody",
        },
        Channel {
            name: "evidence",
            levels: "evidence/{incident}/{part}",
            content_type: "application/octet-stream",
            about: "A chunk of evidence: one line of JSON as in `EvidenceHeader`, a line feed, then the chunk's bytes.",
            delivery: (1, false),
            schema: |generator| {
                let header = schema::<EvidenceHeader>(generator);
                json!({"type": "string", "format": "binary", "x-header-line": header})
            },
            samples: "evidence",
        },
        Channel {
            name: "command",
            levels: "command/{request}",
            content_type: "application/octet-stream",
            about: "A command of the centre: a line of JSON with key_id and signature (Ed25519), a line feed, then the \
                    signed body. Repeated until its receipt.",
            delivery: (1, false),
            schema: |generator| {
                let body = schema::<CommandRequest>(generator);
                json!({"type": "string", "format": "binary", "x-signed-body": body})
            },
            samples: "command",
        },
        Channel {
            name: "receipt",
            levels: "receipt/{request}",
            content_type: JSON,
            about: "What became of a command. A repeated request gets the same answer again.",
            delivery: (1, false),
            schema: schema::<Receipt>,
            samples: "receipt",
        },
        Channel {
            name: "desired",
            levels: "config/desired",
            content_type: "application/octet-stream",
            about: "What cameras are to be told besides the node's own files: a line of JSON with key_id and signature (Ed25519), \
                    a line feed, then the signed body.",
            delivery: (1, true),
            schema: |generator| {
                let body = schema::<DesiredConfig>(generator);
                json!({"type": "string", "format": "binary", "x-signed-body": body})
            },
            samples: "desired",
        },
        Channel {
            name: "reported",
            levels: "config/reported",
            content_type: JSON,
            about: "What the node goes by, and how far it has come with what was pushed.",
            delivery: (1, true),
            schema: schema::<ReportedConfig>,
            samples: "reported",
        },
    ]
}

/// What stands between braces, in order.
fn parameters(address: &str) -> impl Iterator<Item = &str> {
    let levels = address.split('/');
    levels.filter_map(|level| level.strip_prefix('{')?.strip_suffix('}'))
}

fn about(parameter: &str) -> &'static str {
    match parameter {
        "region" => "Region, for instance a province",
        "site" => "Site, for instance a crossroads",
        "node" => "The box itself",
        "camera" => "The camera that saw it",
        "kind" => "The rule's kind, for instance line_crossing",
        "incident" => "Id of the incident",
        "request" => "Id of the request",
        _ => "Part of the evidence, for instance snapshot",
    }
}

fn document() -> Value {
    let settings =
        SchemaSettings::draft07().with(|s| s.definitions_path = "/components/schemas".into());
    let mut generator = settings.into_generator();
    let (mut shown, mut operations, mut messages) = (Map::new(), Map::new(), Map::new());
    for channel in channels() {
        let Channel {
            name,
            levels,
            content_type,
            about: what,
            delivery: (qos, retain),
            ..
        } = channel;
        let address = format!("{NODE}/{levels}");
        let named = parameters(&address).map(|p| (p.to_owned(), json!({"description": about(p)})));
        let named: Map<String, Value> = named.collect();
        let message = json!({"$ref": format!("#/components/messages/{name}")});
        let payload = (channel.schema)(&mut generator);
        messages.insert(
            name.to_owned(),
            json!({"name": name, "contentType": content_type, "summary": what, "payload": payload}),
        );
        shown.insert(
            name.to_owned(),
            json!({"address": address, "parameters": named, "messages": {name: message}}),
        );
        // Seen from the node.
        let action = if ["command", "desired"].contains(&name) {
            "receive"
        } else {
            "send"
        };
        operations.insert(
            format!("{name}.{action}"),
            json!({
                "action": action,
                "channel": {"$ref": format!("#/channels/{name}")},
                "summary": what,
                "bindings": {"mqtt": {"qos": qos, "retain": retain, "bindingVersion": "0.2.0"}},
            }),
        );
    }
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Safe City Edge: a node's messages",
            "version": "1.0.0",
            "description": "What a node at the edge says over MQTT 5 or 3.1.1. Within v1 changes are additive only: \
                            readers tolerate fields that they do not know.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": JSON,
        "channels": shown,
        "operations": operations,
        "components": {"messages": messages, "schemas": generator.take_definitions(true)},
    })
}

#[test]
fn the_document_is_fresh() {
    let text = format!("{}\n", serde_json::to_string_pretty(&document()).unwrap());
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("asyncapi.json");
    if env::var_os("UPDATE_SCHEMAS").is_some() {
        fs::write(&path, &text).unwrap();
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(
        kept, text,
        "asyncapi.json is stale: run this test with UPDATE_SCHEMAS=1"
    );
}

#[test]
fn every_address_is_a_topic_of_ours() {
    for channel in channels() {
        let address = format!("{NODE}/{}", channel.levels);
        let filled: Vec<&str> = address
            .split('/')
            .map(|level| match level {
                "{incident}" | "{request}" => "01890a5d-ac96-774b-bcce-b302099a8057",
                level if level.starts_with('{') => "x",
                level => level,
            })
            .collect();
        let filled = filled.join("/");
        let (node, topic) = topic::parse(&filled).unwrap();
        assert_eq!(node.topic(&topic), filled);
    }
}

#[test]
fn asyncapis_own_parser_accepts_it_and_every_sample() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let check = folder.join("asyncapi-check");
    assert!(
        check.join("node_modules/@asyncapi/parser").is_dir(),
        "npm ci has not run in {}",
        check.display()
    );
    let samples: Map<String, Value> = channels()
        .iter()
        .map(|c| (c.name.to_owned(), c.samples.into()))
        .collect();
    let out = Command::new("node")
        .arg(check.join("check.mjs"))
        .args([folder.join("asyncapi.json"), folder.join("samples/v1")])
        .arg(Value::Object(samples).to_string())
        .output()
        .expect("Node 20.19 or later is installed");
    let said = String::from_utf8_lossy(&out.stdout);
    assert!(
        out.status.success(),
        "{said}{}",
        String::from_utf8_lossy(&out.stderr)
    );
    let files = fs::read_dir(folder.join("samples/v1")).unwrap();
    assert_eq!(
        said.lines().count(),
        files.count(),
        "every sample is looked at: {said}"
    );
}
