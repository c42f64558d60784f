//! An incident as video management systems expect it: JSON in the manner of ONVIF's event broker (Core Specification,
//! "Event broker", `onvif-ej`). Compatible in form, not conformant with any profile.
//!
//! Topics are `{prefix}/onvif-ej/{RuleEngine/...}/&{source}/{analytics}/{rule}`; source is the camera, analytics the
//! node. A property (who is inside) is retained and follows the incident from opened to closed; an event is said once, when it
//! opens. Tests of the way are not mirrored: they are the centre's.

use serde_json::{Value, json};

use crate::{IncidentEvent, IncidentState, Name, NodePath, Totals, Utc, incident::RuleRef};

/// A message of the mirror.
#[derive(Clone, Debug, PartialEq)]
pub struct Mirrored {
    /// Where it goes.
    pub topic: String,
    /// What it says.
    pub payload: Value,
    /// The broker keeps it: it is the state of a property.
    pub retain: bool,
}

/// What `event` of `node` is in the mirror; `None` if it has no place there.
pub fn mirror(event: &IncidentEvent, node: &NodePath, prefix: &str) -> Option<Mirrored> {
    let data = &event.data;
    let over = data.state == IncidentState::Closed;
    let property = data.rule.kind.as_str() == "intrusion";
    // An event has no end, and an update says nothing that these messages could hold.
    let told = match data.state {
        IncidentState::Opened => true,
        IncidentState::Updated => false,
        IncidentState::Closed => property,
    };
    if !told || data.test {
        return None;
    }
    let mut said = json!({});
    if property {
        said["IsInside"] = json!(!over);
    }
    if data.rule.kind.as_str() == "loitering" {
        said["Since"] = json!(data.time.capture.to_string());
    }
    if let Some(object) = data.objects.first() {
        said["ObjectId"] = json!(object.track_id.to_string());
        said["ClassTypes"] = json!(class_types(data.rule.kind.as_str(), &object.class));
        if let Some(speed) = object.speed_mps {
            said["Speed"] = json!(speed);
        }
    }
    let source = Source {
        prefix,
        node,
        camera: &data.camera.id,
        rule: &data.rule,
    };
    Some(source.says(data.time.capture, &said, property))
}

/// What counting rules have counted, a message a rule: `Count` is of both directions and all classes.
pub fn mirror_totals(totals: &Totals, node: &NodePath, prefix: &str) -> Vec<Mirrored> {
    let counting = totals.rules.iter();
    let counting = counting.filter(|rule| rule.rule.kind.as_str() == "counting");
    let said = counting.map(|rule| {
        let crossed = rule.crossings.iter().map(|of| of.forward + of.backward);
        let source = Source {
            prefix,
            node,
            camera: &totals.camera,
            rule: &rule.rule,
        };
        let count: u64 = crossed.sum();
        source.says(totals.until, &json!({ "Count": count }), false)
    });
    said.collect()
}

/// Who speaks.
struct Source<'s> {
    prefix: &'s str,
    node: &'s NodePath,
    camera: &'s Name,
    rule: &'s RuleRef,
}

impl Source<'_> {
    fn says(&self, time: Utc, data: &Value, retain: bool) -> Mirrored {
        let (prefix, camera, rule) = (self.prefix, self.camera, &self.rule.id);
        let (analytics, topic) = (&self.node.node, topic(self.rule.kind.as_str()));
        Mirrored {
            topic: format!("{prefix}/onvif-ej/{topic}/&{camera}/{analytics}/{rule}"),
            payload: json!({
                "UtcTime": time.to_string(),
                "Source": {
                    "VideoSource": camera,
                    "AnalyticsConfiguration": analytics,
                    "Rule": rule,
                },
                "Data": data,
            }),
            retain,
        }
    }
}

/// The topic of a kind of rule; kinds without a standard topic get one of ours.
fn topic(kind: &str) -> String {
    let standard = match kind {
        "line_crossing" => "RuleEngine/LineDetector/Crossed",
        "intrusion" => "RuleEngine/FieldDetector/ObjectsInside",
        "loitering" => "RuleEngine/LoiteringDetector/ObjectIsLoitering",
        "counting" => "RuleEngine/CountAggregation/Counter",
        "crowd" => "RuleEngine/CountAggregation/OccupancyCounter",
        "abandoned_object" => "RuleEngine/ObjectAbandoned",
        "removed_object" => "RuleEngine/ObjectRemoved",
        "fire_smoke" => "RuleEngine/ObjectDetection/Object",
        own => return format!("RuleEngine/safecity:{}", camel(own)),
    };
    standard.to_owned()
}

/// The classes as ONVIF names them (Analytics Service Specification, object classes).
fn class_types(kind: &str, class: &str) -> String {
    match (kind, class) {
        (_, "person") => "Human".to_owned(),
        (_, "car" | "bus" | "truck" | "van") => "Vehicle".to_owned(),
        (_, "bicycle" | "motorcycle") => "Bike".to_owned(),
        (_, other) => camel(other),
    }
}

/// `wrong_way` as `WrongWay`.
fn camel(words: &str) -> String {
    let words = words.split(['_', ' ', '-']);
    let capital = |word: &str| {
        let mut letters = word.chars();
        let first = letters.next().map(|c| c.to_uppercase().to_string());
        first.unwrap_or_default() + letters.as_str()
    };
    words.map(capital).collect()
}
