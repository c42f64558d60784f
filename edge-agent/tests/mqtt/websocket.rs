//! MQTT through a WebSocket, where nothing else passes.

use edge_agent::{
    config::settings::{MqttSettings, MqttVersion},
    sink::Link,
};

use super::{
    Node,
    mosquitto::Mosquitto,
    settings,
    tls::{certificates, delivers, refuses, showing, trusting},
};

fn through_websocket(settings: MqttSettings) -> MqttSettings {
    MqttSettings {
        websocket: Some("/mqtt".to_owned()),
        ..settings
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn both_versions_go_through_a_websocket() {
    let dir = tempfile::tempdir().unwrap();
    let Some((_broker, port)) = Mosquitto::with_websocket(dir.path(), "") else {
        return;
    };
    for version in [MqttVersion::V5, MqttVersion::V311] {
        let mut settings = through_websocket(settings(port));
        settings.version = version;
        let node = Node::start(settings);
        node.append_sized("long", 100_000).await;
        node.append(&["short"]).await;
        node.pending_becomes(0).await;
        node.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secured_websocket_is_verified_as_strictly() {
    let dir = certificates();
    let files = showing(dir.path(), "broker");
    let Some((_broker, port)) = Mosquitto::with_websocket(dir.path(), &files) else {
        return;
    };
    delivers(through_websocket(trusting(port, dir.path(), "city"))).await;
    let foreign = through_websocket(trusting(port, dir.path(), "stranger"));
    let reason = refuses(foreign).await;
    assert!(
        reason.contains("of an authority that is not in mqtt.ca_file"),
        "{reason}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_without_websocket_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let Some(broker) = Mosquitto::start(dir.path(), "allow_anonymous true\n") else {
        return;
    };
    let mut node = Node::start(through_websocket(settings(broker.port)));
    let down =
        |link: &Link| matches!(link, Link::Down(fault) if fault.reason.contains("mqtt.path"));
    node.link_becomes(down).await;
    node.stop().await;
}
