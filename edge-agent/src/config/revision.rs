//! What a rule is, in one hash: the centre sees by it that a rule was changed.

use std::collections::BTreeMap;

use analytics::{ground::Ground, rule::RuleSpec};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{
    check::hex,
    raw::{RawCamera, RawRule},
    scene::{Typed, list},
};

/// `sha256:` and the hash of a rule as it runs, with the shapes and the ground that it goes by.
pub(super) fn of(
    typed: &Typed,
    raw: &RawRule,
    camera: &RawCamera,
    ground: &Option<Ground>,
) -> String {
    let zone = |id: &str| -> Value {
        let zones = list(&camera.zones).iter();
        let raw = zones
            .filter(|z| z.id.given().is_some_and(|at| at.value == id))
            .flat_map(|z| list(&z.polygon));
        raw.map(|at| json!(at.value)).collect()
    };
    let line = |id: &str| -> Value {
        let mut lines = list(&camera.lines).iter();
        let raw = lines.find(|l| l.id.given().is_some_and(|at| at.value == id));
        json!(raw.map(|l| [l.from.or([0.0; 2]), l.to.or([0.0; 2])]))
    };
    let Typed {
        settings,
        severity,
        numbers,
        texts,
    } = typed;
    let schedule: Vec<&str> = list(&raw.schedule)
        .iter()
        .map(|at| at.value.as_str())
        .collect();
    let direction = match &settings.rule {
        RuleSpec::LineCrossing { direction, .. } => Some(format!("{direction:?}")),
        _ => None,
    };
    let ignored: Value = settings.life.ignore.iter().map(|id| zone(id)).collect();
    // Rules run with single precision: what is no other number to them is no other revision.
    let numbers: BTreeMap<_, _> = (numbers.iter())
        .map(|(key, number)| (key, (*number as f32).to_string()))
        .collect();
    let mut whole = json!({
        "id": settings.id,
        "kind": settings.rule.kind().as_str(),
        "classes": settings.classes,
        "severity": severity,
        "zone": raw.zone.given().map(|at| zone(&at.value)),
        "line": raw.line.given().map(|at| line(&at.value)),
        "detect": list(&raw.detect).iter().map(|at| &at.value).collect::<Vec<_>>(),
        "direction": direction,
        "numbers": numbers,
        "texts": texts,
        "silent": settings.life.silent,
        "ground": ground.as_ref().map(|ground| format!("{ground:?}")),
        "ignore": ignored,
        "schedule": schedule,
        "time_zone": camera.time_zone.given().map(|at| &at.value),
    });
    if let (RuleSpec::Look(look), Value::Object(keys)) = (&settings.rule, &mut whole) {
        keys.insert("look".to_owned(), json!(look.look));
        keys.insert("labels".to_owned(), json!(look.labels));
    }
    format!("sha256:{}", hex(&Sha256::digest(whole.to_string())))
}
