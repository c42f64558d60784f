//! Messages of every released shape are understood, whole, and what a later version adds is tolerated.

use std::{fs, path::Path};

use protocol::{
    EvidenceHeader, Health, IncidentEvent, NodeStatus, Receipt, ReportedConfig, Tombstone, Totals,
    custody::Custody,
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

/// Reads `text` as a `T` and writes it again.
fn again<T: DeserializeOwned + Serialize>(text: &[u8]) -> Result<Value, serde_json::Error> {
    serde_json::to_value(serde_json::from_slice::<T>(text)?)
}

fn reread(name: &str, text: &[u8]) -> Result<Value, serde_json::Error> {
    match name.split(['-', '.']).next() {
        Some("incident") => again::<IncidentEvent>(text),
        Some("status") => again::<NodeStatus>(text),
        Some("health") => again::<Health>(text),
        Some("tombstone") => again::<Tombstone>(text),
        Some("receipt") => again::<Receipt>(text),
        Some("custody") => again::<Custody>(text),
        Some("reported") => again::<ReportedConfig>(text),
        Some("totals") => again::<Totals>(text),
        _ => Err(serde::de::Error::custom(
            "nobody reads messages of this kind",
        )),
    }
}

/// Notes every value of `sample` that is not in `read`.
fn lost(sample: &Value, read: &Value, path: &str, out: &mut Vec<String>) {
    match (sample, read) {
        (Value::Object(sample), Value::Object(read)) => {
            for (key, value) in sample {
                lost(
                    value,
                    read.get(key).unwrap_or(&Value::Null),
                    &format!("{path}.{key}"),
                    out,
                );
            }
        }
        (Value::Array(sample), Value::Array(read)) if sample.len() == read.len() => {
            for (i, (a, b)) in sample.iter().zip(read).enumerate() {
                lost(a, b, &format!("{path}[{i}]"), out);
            }
        }
        (sample, read) if sample == read => {}
        (sample, read) => out.push(format!("{path}: {sample} became {read}")),
    }
}

#[test]
fn every_sample_is_understood_and_nothing_of_it_is_lost() {
    let mut read = 0;
    for folder in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("samples")).unwrap() {
        let folder = folder.unwrap().path();
        if !folder.is_dir() {
            continue;
        }
        for file in fs::read_dir(folder).unwrap() {
            let path = file.unwrap().path();
            let text = fs::read(&path).unwrap();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            read += 1;
            if name.ends_with(".bin") {
                let (header, chunk) = EvidenceHeader::decode(&text).unwrap();
                assert_eq!(header.encode(chunk).unwrap(), text, "{name}");
                continue;
            }
            let value = reread(&name, &text).unwrap_or_else(|e| panic!("{name}: {e}"));
            let mut differences = Vec::new();
            lost(
                &serde_json::from_slice(&text).unwrap(),
                &value,
                "",
                &mut differences,
            );
            assert!(differences.is_empty(), "{name}: {differences:?}");
        }
    }
    assert!(read >= 8, "only {read} samples were found");
}

#[test]
fn what_a_later_version_adds_is_tolerated() {
    let text = include_bytes!("../samples/v1/incident-opened.json");
    let mut value: Value = serde_json::from_slice(text).unwrap();
    value["later"] = json!({"added": true});
    value["data"]["later"] = json!(1);
    value["data"]["camera"]["later"] = json!("x");
    let read: IncidentEvent = serde_json::from_value(value).unwrap();
    assert_eq!(read, serde_json::from_slice(text).unwrap());
}

#[test]
fn a_chunk_that_reaches_past_its_part_or_has_no_header_is_refused() {
    let text = include_bytes!("../samples/v1/evidence-chunk.bin");
    assert!(EvidenceHeader::decode(&[text.as_slice(), b"more"].concat()).is_err());
    assert!(EvidenceHeader::decode(b"no line feed").is_err());
    assert!(EvidenceHeader::decode(b"{}\nbytes").is_err());
}
