//! The broker that cities run: outage and recovery, passwords and certificates.

use std::{
    collections::BTreeSet,
    fs,
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use edge_agent::{
    config::settings::MqttVersion,
    sink::{Cause, Link},
};
use rumqttc::v5::{
    AsyncClient, Event, MqttOptions,
    mqttbytes::{QoS, v5::Packet},
};
use tokio::time::timeout;

use super::{Node, PATIENCE, login, settings};

/// A Mosquitto of this test alone; it ends with it.
pub(super) struct Mosquitto {
    process: Child,
    config: PathBuf,
    pub(super) port: u16,
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        self.end();
    }
}

impl Mosquitto {
    /// Starts a broker on a free port of this machine. `None`, with a line that says so, where there is no Mosquitto.
    pub(super) fn start(dir: &Path, extra: &str) -> Option<Mosquitto> {
        let port = free_port();
        let config = dir.join("mosquitto.conf");
        let persistence = format!(
            "persistence true\npersistence_location {}/\n",
            dir.display()
        );
        fs::write(
            &config,
            format!("listener {port} 127.0.0.1\n{persistence}{extra}"),
        )
        .expect("the folder can be written");
        let process = run(&config)?;
        let broker = Mosquitto {
            process,
            config,
            port,
        };
        Mosquitto::wait_until_it_listens(port);
        Some(broker)
    }

    /// As `start`, with a second listener for WebSockets, whose port this gives: alone, Mosquitto 2.0.11 ends at once.
    pub(super) fn with_websocket(dir: &Path, extra: &str) -> Option<(Mosquitto, u16)> {
        let port = free_port();
        let listener = format!("listener {port} 127.0.0.1\nprotocol websockets\n");
        let broker = Mosquitto::start(dir, &format!("allow_anonymous true\n{listener}{extra}"))?;
        Mosquitto::wait_until_it_listens(port);
        Some((broker, port))
    }

    fn wait_until_it_listens(port: u16) {
        let until = Instant::now() + PATIENCE;
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < until, "Mosquitto does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Ends it in good order: it keeps its sessions.
    pub(super) fn end(&mut self) {
        let pid = self.process.id().to_string();
        drop(Command::new("kill").arg(pid).status());
        drop(self.process.wait());
    }

    pub(super) fn begin_again(&mut self) {
        self.process = run(&self.config).expect("it started before");
        Mosquitto::wait_until_it_listens(self.port);
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address").port()
}

fn run(config: &Path) -> Option<Child> {
    // Debian keeps it where the path of a plain user does not lead.
    let program = ["/usr/sbin/mosquitto", "/usr/bin/mosquitto"]
        .into_iter()
        .find(|p| Path::new(p).is_file());
    let Some(program) = program else {
        println!("skipped: Mosquitto is not here");
        return None;
    };
    // As root it would change to a user of its own, which cannot read this test's folder.
    let mut text = fs::read_to_string(config).expect("the configuration was written");
    if !text.contains("user ") {
        text.push_str("\nuser root\n");
        fs::write(config, text).expect("the folder can be written");
    }
    let child = Command::new(program)
        .arg("-c")
        .arg(config)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    Some(child.expect("Mosquitto starts"))
}

/// A subscriber whose session outlives the broker's restart; collects so many different payloads, in their order. A
/// broker that restarts may deliver again what was not yet acknowledged to it.
async fn received(
    port: u16,
    count: usize,
    subscribed: tokio::sync::oneshot::Sender<()>,
) -> Vec<String> {
    let mut options = MqttOptions::new("centre", "127.0.0.1", port);
    options
        .set_clean_start(false)
        .set_session_expiry_interval(Some(3600))
        .set_max_packet_size(Some(1 << 20));
    let (client, mut events) = AsyncClient::new(options, 10);
    let mut subscribed = Some(subscribed);
    let mut payloads = BTreeSet::new();
    while payloads.len() < count {
        match events.poll().await {
            Ok(Event::Incoming(Packet::ConnAck(_))) => {
                client
                    .subscribe("safecity/v1/+/+/+/incident/#", QoS::AtLeastOnce)
                    .await
                    .expect("a queue");
            }
            Ok(Event::Incoming(Packet::SubAck(_))) => drop(subscribed.take().map(|s| s.send(()))),
            Ok(Event::Incoming(Packet::Publish(publish))) => {
                payloads.insert(String::from_utf8_lossy(&publish.payload).into_owned());
            }
            Ok(_) => {}
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
    payloads.into_iter().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_of_the_broker_loses_nothing() {
    survive_an_outage(MqttVersion::V5).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_of_a_broker_of_version_3_1_1_loses_nothing() {
    survive_an_outage(MqttVersion::V311).await;
}

async fn survive_an_outage(version: MqttVersion) {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let Some(mut broker) = Mosquitto::start(dir.path(), "allow_anonymous true\n") else {
        return;
    };
    let mut settings = settings(broker.port);
    settings.version = version;
    let mut node = Node::start(settings);
    let (subscribed, ready) = tokio::sync::oneshot::channel();
    let collected = tokio::task::JoinSet::from_iter([received(broker.port, 150, subscribed)]);
    ready.await.expect("a subscription");
    let labels: Vec<String> = (0..150).map(|i| format!("{i:03}")).collect();
    let labels: Vec<&str> = labels.iter().map(String::as_str).collect();
    node.append(&labels[..50]).await;
    node.pending_becomes(0).await;
    broker.end();
    node.falls(Cause::Lost).await;
    node.append(&labels[50..100]).await;
    broker.begin_again();
    node.append(&labels[100..]).await;
    node.link_becomes(|link| *link == Link::Up).await;
    node.pending_becomes(0).await;
    let collected = timeout(PATIENCE, collected.join_all())
        .await
        .expect("all of them arrive")
        .remove(0);
    assert_eq!(collected, labels);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_told_apart_and_not_shown() {
    let dir = tempfile::tempdir().unwrap();
    let passwords = dir.path().join("passwords");
    let made = Command::new("mosquitto_passwd")
        .args(["-b", "-c"])
        .arg(&passwords)
        .args(["edge", "right"])
        .status();
    if made.is_err() {
        println!("skipped: mosquitto_passwd is not here");
        return;
    }
    let extra = format!(
        "allow_anonymous false\npassword_file {}\n",
        passwords.display()
    );
    let Some(broker) = Mosquitto::start(dir.path(), &extra) else {
        return;
    };
    for version in [MqttVersion::V5, MqttVersion::V311] {
        let mut wrong = settings(broker.port);
        wrong.version = version;
        wrong.login = login("edge", "hunter2");
        let mut node = Node::start(wrong);
        let reason = node.falls(Cause::Authentication).await;
        assert!(
            reason.contains("mqtt.user") && !reason.contains("hunter2"),
            "{reason}"
        );
        node.stop().await;

        let mut right = settings(broker.port);
        right.version = version;
        right.login = login("edge", "right");
        let mut node = Node::start(right);
        node.link_becomes(|link| *link == Link::Up).await;
        node.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn version_3_1_1_carries_what_is_longer_than_its_clients_usual_ten_kib() {
    let dir = tempfile::tempdir().unwrap();
    let Some(broker) = Mosquitto::start(dir.path(), "allow_anonymous true\n") else {
        return;
    };
    let mut old = settings(broker.port);
    old.version = MqttVersion::V311;
    let node = Node::start(old);
    let (subscribed, ready) = tokio::sync::oneshot::channel();
    let collected = tokio::task::JoinSet::from_iter([received(broker.port, 1, subscribed)]);
    ready.await.unwrap();
    node.append_sized("long", 200_000).await;
    node.pending_becomes(0).await;
    let collected = timeout(PATIENCE, collected.join_all()).await;
    assert_eq!(collected.expect("it arrives")[0][0].len(), 200_004);
    node.stop().await;
}
