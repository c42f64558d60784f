//! The ONVIF mirror on a broker: beside the incident, in its own place, kept where it is a property.

use edge_agent::spool::{Class, NewRecord};
use protocol::Severity;
use rumqttc::v5::{
    AsyncClient, Event, MqttOptions,
    mqttbytes::{QoS, v5::Packet},
};
use tokio::time::timeout;

use super::{Node, PATIENCE, mosquitto::Mosquitto, settings};

const SAMPLE: &str = include_str!("../../../protocol/samples/v1/incident-opened.json");

/// The sample as a rule of this kind says it.
fn incident(kind: &str) -> NewRecord {
    let mut event: protocol::IncidentEvent = serde_json::from_str(SAMPLE).expect("a sample");
    event.data.rule.kind = kind.parse().expect("a name");
    let payload = serde_json::to_vec(&event).expect("JSON");
    NewRecord {
        attest: None,
        class: Class::Incident,
        severity: Severity::Alarm,
        topic: format!("safecity/v1/r/s/n/incident/c/{kind}"),
        payload: Box::new(move |_, _| payload),
    }
}

/// The next `count` messages below `vms/`: topic, body and whether the broker had kept them.
async fn heard(port: u16, count: usize) -> Vec<(String, serde_json::Value, bool)> {
    let (client, mut events) = AsyncClient::new(MqttOptions::new("vms", "127.0.0.1", port), 10);
    let mut heard = Vec::new();
    while heard.len() < count {
        match events.poll().await.expect("the broker stays") {
            Event::Incoming(Packet::ConnAck(_)) => {
                let asked = client.subscribe("vms/#", QoS::AtLeastOnce).await;
                asked.expect("the client lives");
            }
            Event::Incoming(Packet::Publish(publish)) => heard.push((
                String::from_utf8_lossy(&publish.topic).into_owned(),
                serde_json::from_slice(&publish.payload).expect("JSON"),
                publish.retain,
            )),
            _ => {}
        }
    }
    heard
}

#[tokio::test]
async fn incidents_are_mirrored_for_video_management_systems_where_it_is_wanted() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let Some(broker) = Mosquitto::start(dir.path(), "allow_anonymous true\n") else {
        return;
    };
    let mut wanted = settings(broker.port);
    wanted.onvif_prefix = Some("vms".to_owned());
    let node = Node::start(wanted);
    for kind in ["line_crossing", "intrusion"] {
        let appended = node.spool.append(vec![incident(kind)]).await;
        appended.expect("the spool works");
    }
    node.pending_becomes(0).await;
    // Who comes later hears what is kept: who is inside now, and no crossing of the past.
    let heard = timeout(PATIENCE, heard(broker.port, 1)).await;
    let (topic, body, kept) = &heard.expect("it is kept")[0];
    assert!(
        topic.starts_with("vms/onvif-ej/RuleEngine/FieldDetector/ObjectsInside/&"),
        "{topic}"
    );
    assert_eq!(body["Data"]["IsInside"], true, "{body}");
    assert!(kept);
    node.stop().await;
}
