//! Several brokers in order of preference.

use std::{collections::BTreeSet, time::Duration};

use rumqttc::v5::{
    AsyncClient, Event, MqttOptions,
    mqttbytes::{QoS, v5::Packet},
};
use tokio::{sync::mpsc, task::JoinSet, time::Instant};

use super::{Node, PATIENCE, broker, mosquitto::Mosquitto, settings};

/// What arrives at the broker of `port`, over its restarts.
async fn listen(port: u16, arrived: mpsc::Sender<(u16, String)>) {
    let mut options = MqttOptions::new("centre", "127.0.0.1", port);
    options
        .set_clean_start(false)
        .set_session_expiry_interval(Some(3600));
    let (client, mut events) = AsyncClient::new(options, 10);
    loop {
        match events.poll().await {
            Ok(Event::Incoming(Packet::ConnAck(_))) => {
                let all = "safecity/v1/+/+/+/incident/#";
                client
                    .subscribe(all, QoS::AtLeastOnce)
                    .await
                    .expect("a queue");
            }
            Ok(Event::Incoming(Packet::SubAck(_))) => {
                arrived
                    .send((port, String::new()))
                    .await
                    .expect("the test runs");
            }
            Ok(Event::Incoming(Packet::Publish(publish))) => {
                let label = String::from_utf8_lossy(&publish.payload).into_owned();
                arrived.send((port, label)).await.expect("the test runs");
            }
            Ok(_) => {}
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

/// Raises incidents one after the other until the figures say that the broker of `port` is used.
async fn raise_until_in_use(node: &Node, port: u16, raised: &mut BTreeSet<String>) {
    let figure = format!("broker_in_use{{broker=\"localhost:{port}\"}} 1");
    let until = Instant::now() + PATIENCE;
    while !node.metrics.text().expect("figures").contains(&figure) {
        assert!(Instant::now() < until, "no {figure}");
        let label = format!("{:04}", raised.len());
        node.append(&[&label]).await;
        raised.insert(label);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_broker_takes_over_and_the_preferred_one_takes_back_and_nothing_is_lost() {
    let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let Some(mut preferred) = Mosquitto::start(dir.path(), "allow_anonymous true\n") else {
        return;
    };
    let next = Mosquitto::start(other.path(), "allow_anonymous true\n").expect("as the first");
    let (sender, mut arrivals) = mpsc::channel(10_000);
    let mut centre = JoinSet::new();
    for port in [preferred.port, next.port] {
        centre.spawn(listen(port, sender.clone()));
    }
    for _ in 0..2 {
        let subscribed = arrivals.recv().await.expect("both subscriptions");
        assert_eq!(subscribed.1, "");
    }
    let mut settings = settings(preferred.port);
    settings.brokers.push(broker(next.port));
    let node = Node::start(settings);
    let mut raised = BTreeSet::new();
    raise_until_in_use(&node, preferred.port, &mut raised).await;
    preferred.end();
    raise_until_in_use(&node, next.port, &mut raised).await;
    node.pending_becomes(0).await;
    preferred.begin_again();
    raise_until_in_use(&node, preferred.port, &mut raised).await;
    node.append(&["last"]).await;
    raised.insert("last".to_owned());
    node.pending_becomes(0).await;
    let (mut union, mut by_next) = (BTreeSet::new(), 0);
    let until = Instant::now() + PATIENCE;
    while union != raised {
        let left = until - Instant::now();
        let arrival = tokio::time::timeout(left, arrivals.recv()).await;
        let (port, label) = arrival
            .expect("all of them arrive")
            .expect("the listeners live");
        by_next += usize::from(port == next.port && !label.is_empty());
        if !label.is_empty() {
            union.insert(label);
        }
    }
    assert!(
        by_next > 0 && by_next < raised.len(),
        "{by_next} by the next broker"
    );
    node.stop().await;
}
