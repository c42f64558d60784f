//! The mirror says what a video management system understands, and nothing of tests.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "what helps a test may fail like one"
)]

use protocol::{
    IncidentEvent, IncidentState, NodePath,
    onvif::{mirror, mirror_totals},
};
use serde_json::json;

fn node() -> NodePath {
    NodePath {
        region: "tashkent".parse().unwrap(),
        site: "crossroads-12".parse().unwrap(),
        node: "edge-1".parse().unwrap(),
    }
}

/// The sample of an opened incident, as a rule of this kind would say it.
fn event(kind: &str, state: IncidentState) -> IncidentEvent {
    let text = include_str!("../samples/v1/incident-opened.json");
    let mut event: IncidentEvent = serde_json::from_str(text).unwrap();
    event.data.rule.kind = kind.parse().unwrap();
    event.data.rule.id = "gate-3".parse().unwrap();
    event.data.camera.id = "north".parse().unwrap();
    event.data.state = state;
    event
}

#[test]
fn a_crossing_is_said_once_with_who_crossed() {
    let event = event("line_crossing", IncidentState::Opened);
    let object = &event.data.objects[0];
    let said = mirror(&event, &node(), "city").unwrap();
    assert_eq!(
        said.topic,
        "city/onvif-ej/RuleEngine/LineDetector/Crossed/&north/edge-1/gate-3"
    );
    assert!(!said.retain);
    assert_eq!(
        said.payload["Source"],
        json!({"VideoSource": "north", "AnalyticsConfiguration": "edge-1", "Rule": "gate-3"})
    );
    assert_eq!(
        said.payload["Data"]["ObjectId"],
        object.track_id.to_string()
    );
    assert_eq!(object.class, "car");
    assert_eq!(said.payload["Data"]["ClassTypes"], "Vehicle");
    let utc = event.data.time.capture.to_string();
    assert_eq!(said.payload["UtcTime"], utc);
    for state in [IncidentState::Updated, IncidentState::Closed] {
        assert_eq!(
            mirror(&self::event("line_crossing", state), &node(), "city"),
            None
        );
    }
}

#[test]
fn who_is_inside_is_a_property_that_is_kept_and_changes_at_the_end() {
    for (state, inside) in [
        (IncidentState::Opened, true),
        (IncidentState::Closed, false),
    ] {
        let said = mirror(&event("intrusion", state), &node(), "city").unwrap();
        assert!(said.retain);
        assert_eq!(said.payload["Data"]["IsInside"], inside);
    }
}

#[test]
fn a_kind_without_a_standard_topic_gets_one_of_ours() {
    let said = mirror(&event("wrong_way", IncidentState::Opened), &node(), "city").unwrap();
    assert_eq!(
        said.topic,
        "city/onvif-ej/RuleEngine/safecity:WrongWay/&north/edge-1/gate-3"
    );
}

#[test]
fn a_test_alarms_nobody_else() {
    let mut event = event("line_crossing", IncidentState::Opened);
    event.data.test = true;
    assert_eq!(mirror(&event, &node(), "city"), None);
}

#[test]
fn what_is_counted_is_said_with_the_sum_of_both_ways() {
    let text = include_str!("../samples/v1/totals.json");
    let totals = serde_json::from_str(text).unwrap();
    let said = mirror_totals(&totals, &node(), "city");
    let [said] = &said[..] else {
        panic!("{said:?}");
    };
    assert_eq!(
        said.topic,
        "city/onvif-ej/RuleEngine/CountAggregation/Counter/&north/edge-1/traffic"
    );
    assert_eq!(said.payload["Data"], json!({"Count": 44}));
    assert!(!said.retain);
}
