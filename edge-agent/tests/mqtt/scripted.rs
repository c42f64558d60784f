//! A broker of a few lines that does exactly what a test wants, connection after connection.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    thread,
    time::Duration,
};

use bytes::BytesMut;
use edge_agent::sink::{Cause, Link};
use protocol::{NodeState, NodeStatus, Tombstone};
use rumqttc::v5::mqttbytes::{
    QoS,
    v5::{
        ConnAck, ConnAckProperties, ConnectReturnCode, Disconnect, DisconnectReasonCode, Packet,
        PubAck, PubAckReason, Publish,
    },
};

use super::{Node, PATIENCE, settings};

const LARGEST: Option<u32> = Some(1 << 20);

/// One connection of the sink, seen from the broker.
struct Guest {
    stream: TcpStream,
    buffer: BytesMut,
}

impl Guest {
    /// Takes the next connection and its CONNECT.
    fn welcome(listener: &TcpListener) -> Guest {
        let (stream, _) = listener.accept().expect("a connection");
        stream
            .set_read_timeout(Some(super::PATIENCE))
            .expect("a socket");
        let mut guest = Guest {
            stream,
            buffer: BytesMut::new(),
        };
        assert!(matches!(guest.read(), Packet::Connect(..)));
        guest
    }

    fn read(&mut self) -> Packet {
        loop {
            // A plain goodbye is two bytes, which the client's own codec does not read.
            if self.buffer.starts_with(&[0xE0, 0x00]) {
                return Packet::Disconnect(Disconnect::new(
                    DisconnectReasonCode::NormalDisconnection,
                ));
            }
            if !self.buffer.is_empty()
                && let Ok(packet) = Packet::read(&mut self.buffer, LARGEST)
            {
                return packet;
            }
            let mut chunk = [0; 4096];
            let n = self
                .stream
                .read(&mut chunk)
                .expect("the sink speaks in time");
            assert!(n > 0, "the sink hung up");
            self.buffer.extend_from_slice(&chunk[..n]);
        }
    }

    fn write(&mut self, packet: Packet) {
        let mut bytes = BytesMut::new();
        packet.write(&mut bytes, LARGEST).expect("a packet");
        self.stream.write_all(&bytes).expect("the sink listens");
    }

    fn let_in(&mut self, code: ConnectReturnCode, limits: impl FnOnce(&mut ConnAckProperties)) {
        let mut properties = ConnAckProperties {
            session_expiry_interval: None,
            receive_max: None,
            max_qos: None,
            retain_available: None,
            max_packet_size: None,
            assigned_client_identifier: None,
            topic_alias_max: None,
            reason_string: None,
            user_properties: Vec::new(),
            wildcard_subscription_available: None,
            subscription_identifiers_available: None,
            shared_subscription_available: None,
            server_keep_alive: None,
            response_information: None,
            server_reference: None,
            authentication_method: None,
            authentication_data: None,
        };
        limits(&mut properties);
        self.write(Packet::ConnAck(ConnAck {
            session_present: false,
            code,
            properties: Some(properties),
        }));
    }

    /// Welcomes a connection, lets it in and takes its status.
    fn ready(listener: &TcpListener) -> Guest {
        let mut guest = Guest::welcome(listener);
        guest.let_in(ConnectReturnCode::Success, |_| {});
        let (status, _) = guest.status();
        assert_eq!(status.state, NodeState::Online);
        guest
    }

    fn publish(&mut self) -> Publish {
        loop {
            match self.read() {
                Packet::Publish(publish) => return publish,
                Packet::PingReq(_) => {}
                other => panic!("unexpected {other:?}"),
            }
        }
    }

    /// Takes word of one message that will not come, for this reason.
    fn is_told_of(&mut self, reason: &str) {
        let publish = self.publish();
        assert!(publish.topic.ends_with(b"/tombstone"), "{publish:?}");
        let told: Tombstone = serde_json::from_slice(&publish.payload).expect("a tombstone");
        assert_eq!((told.count(), told.reason.as_str()), (1, reason));
        self.acknowledge(&publish, PubAckReason::Success);
    }

    /// Takes a status, acknowledges it, and says whether it was retained.
    fn status(&mut self) -> (NodeStatus, bool) {
        let publish = self.publish();
        assert!(publish.topic.ends_with(b"/status"), "{publish:?}");
        self.acknowledge(&publish, PubAckReason::Success);
        let status = serde_json::from_slice(&publish.payload).expect("a status");
        (status, publish.retain)
    }

    fn acknowledge(&mut self, publish: &Publish, reason: PubAckReason) {
        assert_eq!(publish.qos, QoS::AtLeastOnce);
        let mut ack = PubAck::new(publish.pkid, None);
        ack.reason = reason;
        self.write(Packet::PubAck(ack));
    }
}

fn label(publish: &Publish) -> String {
    String::from_utf8_lossy(&publish.payload).trim().to_owned()
}

fn listen() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    (listener, port)
}

/// Runs the broker's side of a test on a thread; joins it at the end, so that its failures are the test's.
async fn join<T: Send + 'static>(broker: thread::JoinHandle<T>) -> T {
    tokio::task::spawn_blocking(|| broker.join().expect("the broker's side went through"))
        .await
        .expect("it did not panic")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_between_publish_and_acknowledgement_sends_again_what_was_not_taken_and_nothing_else()
{
    let (listener, port) = listen();
    let node = Node::start(settings(port));
    node.append(&["a", "b", "c"]).await;
    let broker = thread::spawn(move || {
        let mut guest = Guest::ready(&listener);
        let first: Vec<Publish> = (0..3).map(|_| guest.publish()).collect();
        assert_eq!(first.iter().map(label).collect::<Vec<_>>(), ["a", "b", "c"]);
        guest.acknowledge(&first[1], PubAckReason::Success);
        // The cut must not overtake the acknowledgement.
        guest
            .stream
            .shutdown(std::net::Shutdown::Write)
            .expect("a socket");
        let mut guest = Guest::ready(&listener);
        let again: Vec<Publish> = (0..2).map(|_| guest.publish()).collect();
        assert_eq!(
            again.iter().map(label).collect::<Vec<_>>(),
            ["a", "c"],
            "oldest first, b is not sent again"
        );
        again
            .iter()
            .for_each(|publish| guest.acknowledge(publish, PubAckReason::Success));
        guest
    });
    node.pending_becomes(0).await;
    drop(join(broker).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_too_large_for_the_broker_is_set_aside_and_does_not_block_the_others() {
    let (listener, port) = listen();
    let node = Node::start(settings(port));
    node.append_sized("large", 2000).await;
    node.append(&["small"]).await;
    let broker = thread::spawn(move || {
        let mut guest = Guest::welcome(&listener);
        guest.let_in(ConnectReturnCode::Success, |p| {
            p.max_packet_size = Some(1000)
        });
        guest.status();
        let publish = guest.publish();
        assert_eq!(label(&publish), "small");
        guest.acknowledge(&publish, PubAckReason::Success);
        guest.is_told_of("2005 bytes, the broker takes 1000");
        let refused = guest.publish();
        assert_eq!(label(&refused), "poison");
        guest.acknowledge(&refused, PubAckReason::PayloadFormatInvalid);
        guest.is_told_of("the broker refuses it: PayloadFormatInvalid");
        guest
    });
    node.pending_becomes(0).await;
    node.append(&["poison"]).await;
    let mut stats = node.spool.stats();
    let told = stats.wait_for(|stats| stats.set_aside == 2 && stats.untold == 0);
    let told = tokio::time::timeout(PATIENCE, told).await;
    let stats = told.expect("the broker hears of both").unwrap().clone();
    assert_eq!(stats.pending, 0);
    let text = node.metrics.text().unwrap();
    assert!(
        text.contains("set_aside_total{cause=\"too_large\"} 1"),
        "{text}"
    );
    drop(join(broker).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_is_on_its_way_than_the_broker_takes() {
    let (listener, port) = listen();
    let node = Node::start(settings(port));
    node.append(&["1", "2", "3", "4", "5"]).await;
    let broker = thread::spawn(move || {
        let mut guest = Guest::welcome(&listener);
        guest.let_in(ConnectReturnCode::Success, |p| p.receive_max = Some(3));
        guest.status();
        let (one, two) = (guest.publish(), guest.publish());
        // Nothing more comes until one of the two was taken.
        guest
            .stream
            .set_read_timeout(Some(Duration::from_millis(300)))
            .expect("a socket");
        assert!(guest.buffer.is_empty() && guest.stream.read(&mut [0; 1]).is_err());
        guest
            .stream
            .set_read_timeout(Some(super::PATIENCE))
            .expect("a socket");
        let mut order = vec![label(&one), label(&two)];
        guest.acknowledge(&two, PubAckReason::Success);
        let three = guest.publish();
        order.push(label(&three));
        guest.acknowledge(&one, PubAckReason::Success);
        guest.acknowledge(&three, PubAckReason::Success);
        for _ in 0..2 {
            let publish = guest.publish();
            order.push(label(&publish));
            guest.acknowledge(&publish, PubAckReason::Success);
        }
        assert_eq!(order, ["1", "2", "3", "4", "5"]);
        guest
    });
    node.pending_becomes(0).await;
    drop(join(broker).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn stopping_sends_what_waits_and_says_so_without_the_last_will() {
    let (listener, port) = listen();
    let mut node = Node::start(settings(port));
    let broker = thread::spawn(move || {
        let mut guest = Guest::ready(&listener);
        let publish = guest.publish();
        guest.acknowledge(&publish, PubAckReason::Success);
        let (status, retained) = guest.status();
        assert_eq!((status.state, retained), (NodeState::Stopping, true));
        assert!(
            matches!(guest.read(), Packet::Disconnect(d) if d.reason_code == DisconnectReasonCode::NormalDisconnection)
        );
    });
    node.link_becomes(|link| *link == Link::Up).await;
    node.append(&["last words"]).await;
    node.stop().await;
    join(broker).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_status_names_open_incidents_after_each_connect_and_the_will_says_offline() {
    let (listener, port) = listen();
    let node = Node::start(settings(port));
    let broker = thread::spawn(move || {
        for _ in 0..2 {
            let (stream, _) = listener.accept().expect("a connection");
            let mut guest = Guest {
                stream,
                buffer: BytesMut::new(),
            };
            let Packet::Connect(connect, Some(will), _) = guest.read() else {
                panic!("no CONNECT with a will")
            };
            assert!(connect.clean_start && connect.client_id == "edge-1");
            let said: NodeStatus = serde_json::from_slice(&will.message).expect("a status");
            assert!(will.retain && said.state == NodeState::Offline);
            guest.let_in(ConnectReturnCode::Success, |_| {});
            let (status, retained) = guest.status();
            assert!(retained);
            assert_eq!(status.open_incidents, [uuid::Uuid::nil()]);
            assert_eq!(status.bootid, said.bootid);
            let named = format!("localhost:{port}");
            assert_eq!(
                [status.broker, said.broker],
                [Some(named.clone()), Some(named)]
            );
        }
    });
    join(broker).await;
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_when_the_broker_forbids_to_publish() {
    let (listener, port) = listen();
    let mut node = Node::start(settings(port));
    node.append(&["a"]).await;
    let broker = thread::spawn(move || {
        let mut guest = Guest::ready(&listener);
        let publish = guest.publish();
        guest.acknowledge(&publish, PubAckReason::NotAuthorized);
        let mut guest = Guest::ready(&listener);
        let publish = guest.publish();
        guest.acknowledge(&publish, PubAckReason::Success);
        guest
    });
    let reason = node.falls(Cause::Authentication).await;
    assert!(reason.contains("access list"), "{reason}");
    node.pending_becomes(0).await;
    drop(join(broker).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_node_with_this_client_id_is_named() {
    let (listener, port) = listen();
    let mut node = Node::start(settings(port));
    let broker = thread::spawn(move || {
        let mut guest = Guest::ready(&listener);
        // DISCONNECT, two bytes long: session taken over, no properties.
        guest
            .stream
            .write_all(&[0xE0, 0x02, 0x8E, 0x00])
            .expect("the sink listens");
        guest
    });
    let reason = node.falls(Cause::ClientId).await;
    assert!(reason.contains("mqtt.client_id"), "{reason}");
    drop(join(broker).await);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_break_at_once_again_and_again_raise_the_suspicion() {
    let (listener, port) = listen();
    let mut node = Node::start(settings(port));
    let broker = thread::spawn(move || {
        for _ in 0..3 {
            drop(Guest::ready(&listener));
        }
    });
    let suspicious =
        |link: &Link| matches!(link, Link::Down(fault) if fault.reason.contains("\"edge-1\""));
    node.link_becomes(suspicious).await;
    join(broker).await;
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_there_and_somebody_who_does_not_speak_mqtt_are_told_apart() {
    let (listener, port) = listen();
    drop(listener);
    let mut node = Node::start(settings(port));
    let reason = node.falls(Cause::NoRoute).await;
    assert!(reason.contains(&format!("localhost:{port}")), "{reason}");
    node.stop().await;

    let (listener, port) = self::listen();
    let broker = thread::spawn(move || drop(listener.accept().expect("a connection")));
    let mut node = Node::start(settings(port));
    let link = node
        .link_becomes(|link| matches!(link, Link::Down(_)))
        .await;
    let Link::Down(fault) = link else {
        panic!("{link:?}")
    };
    assert_ne!(fault.cause, Cause::NoRoute, "{fault}");
    join(broker).await;
    node.stop().await;
}
