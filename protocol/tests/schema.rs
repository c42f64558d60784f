//! The JSON Schemas in `schema/` are what the types say. `UPDATE_SCHEMAS=1 cargo test -p protocol --test schema` writes
//! them anew.

use std::{env, fs, path::Path};

use protocol::{
    CommandRequest, DesiredConfig, EvidenceHeader, Health, IncidentEvent, NodeStatus, Receipt,
    ReportedConfig, Tombstone, Totals, custody::Custody, incident::IncidentData,
};
use schemars::{Schema, schema_for};

fn check(name: &str, mut schema: Schema) {
    schema.insert(
        "$id".to_owned(),
        format!("urn:safecity:schema:{name}").into(),
    );
    let text = format!(
        "{}\n",
        serde_json::to_string_pretty(&schema).expect("a schema is JSON")
    );
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("schema/{name}.json"));
    if env::var_os("UPDATE_SCHEMAS").is_some() {
        fs::write(&path, &text).expect("the schema can be written");
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(
        kept, text,
        "schema/{name}.json is stale: run this test with UPDATE_SCHEMAS=1"
    );
}

#[test]
fn schemas_are_fresh() {
    check("incident-event-v1", schema_for!(IncidentEvent));
    check("incident-v1", schema_for!(IncidentData));
    check("status-v1", schema_for!(NodeStatus));
    check("health-v1", schema_for!(Health));
    check("tombstone-v1", schema_for!(Tombstone));
    check("command-v1", schema_for!(CommandRequest));
    check("receipt-v1", schema_for!(Receipt));
    check("desired-config-v1", schema_for!(DesiredConfig));
    check("reported-config-v1", schema_for!(ReportedConfig));
    check("totals-v1", schema_for!(Totals));
    check("custody-v1", schema_for!(Custody));
    check("evidence-header-v1", schema_for!(EvidenceHeader));
    let name = protocol::incident::DATA_SCHEMA.strip_prefix("urn:safecity:schema:");
    assert_eq!(
        name,
        Some("incident-v1"),
        "messages name the schema that lies here"
    );
}
