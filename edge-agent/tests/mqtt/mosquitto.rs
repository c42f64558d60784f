//! The broker that cities run: outage and recovery, passwords and certificates.

use std::{
    fs,
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use edge_agent::sink::{Cause, Link};
use rumqttc::v5::{
    AsyncClient, Event, MqttOptions,
    mqttbytes::{QoS, v5::Packet},
};
use tokio::time::timeout;

use super::{Node, PATIENCE, login, settings, tls};

/// A Mosquitto of this test alone; it ends with it.
struct Mosquitto {
    process: Child,
    config: PathBuf,
    port: u16,
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        self.end();
    }
}

impl Mosquitto {
    /// Starts a broker on a free port of this machine. `None`, with a line that says so, where there is no Mosquitto.
    fn start(dir: &Path, extra: &str) -> Option<Mosquitto> {
        let port = TcpListener::bind("127.0.0.1:0")
            .ok()?
            .local_addr()
            .ok()?
            .port();
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
        broker.wait_until_it_listens();
        Some(broker)
    }

    fn wait_until_it_listens(&self) {
        let until = Instant::now() + PATIENCE;
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(Instant::now() < until, "Mosquitto does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Ends it in good order: it keeps its sessions.
    fn end(&mut self) {
        let pid = self.process.id().to_string();
        drop(Command::new("kill").arg(pid).status());
        drop(self.process.wait());
    }

    fn begin_again(&mut self) {
        self.process = run(&self.config).expect("it started before");
        self.wait_until_it_listens();
    }
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

/// A subscriber whose session outlives the broker's restart; collects payloads.
async fn received(
    port: u16,
    count: usize,
    subscribed: tokio::sync::oneshot::Sender<()>,
) -> Vec<String> {
    let mut options = MqttOptions::new("centre", "127.0.0.1", port);
    options
        .set_clean_start(false)
        .set_session_expiry_interval(Some(3600));
    let (client, mut events) = AsyncClient::new(options, 10);
    let mut subscribed = Some(subscribed);
    let mut payloads = Vec::new();
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
                payloads.push(String::from_utf8_lossy(&publish.payload).into_owned());
            }
            Ok(_) => {}
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
    payloads
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_of_the_broker_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let Some(mut broker) = Mosquitto::start(dir.path(), "allow_anonymous true\n") else {
        return;
    };
    let mut node = Node::start(settings(broker.port));
    let (subscribed, ready) = tokio::sync::oneshot::channel();
    let collected = tokio::task::JoinSet::from_iter([received(broker.port, 150, subscribed)]);
    ready.await.unwrap();
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
    let mut collected = timeout(PATIENCE, collected.join_all())
        .await
        .expect("all of them arrive")
        .remove(0);
    // What happened last does not wait behind the whole backlog; the rest keeps its order.
    collected.sort();
    collected.dedup();
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
    let mut wrong = settings(broker.port);
    wrong.login = login("edge", "hunter2");
    let mut node = Node::start(wrong);
    let reason = node.falls(Cause::Authentication).await;
    assert!(
        reason.contains("mqtt.user") && !reason.contains("hunter2"),
        "{reason}"
    );
    node.stop().await;

    let mut right = settings(broker.port);
    right.login = login("edge", "right");
    let mut node = Node::start(right);
    node.link_becomes(|link| *link == Link::Up).await;
    node.stop().await;
}

fn openssl(dir: &Path, arguments: &str) {
    let done = Command::new("openssl")
        .current_dir(dir)
        .args(arguments.split_whitespace())
        .output();
    let done = done.expect("openssl runs");
    assert!(
        done.status.success(),
        "{}",
        String::from_utf8_lossy(&done.stderr)
    );
}

/// An authority `NAME.pem` and a certificate `NAME-broker.pem` of it for `localhost`.
fn authority(dir: &Path, name: &str) {
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
    openssl(
        dir,
        &format!("req -x509 {key} -keyout {name}.key -out {name}.pem -days 2 -subj /CN={name}"),
    );
    openssl(
        dir,
        &format!("req {key} -keyout {name}-broker.key -out {name}.csr -subj /CN=localhost"),
    );
    fs::write(
        dir.join("san"),
        "subjectAltName=DNS:localhost\nbasicConstraints=CA:FALSE\n",
    )
    .expect("a file");
    let sign = format!("-CA {name}.pem -CAkey {name}.key -CAcreateserial -extfile san -days 2");
    openssl(
        dir,
        &format!("x509 -req -in {name}.csr {sign} -out {name}-broker.pem"),
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_are_verified_and_a_foreign_authority_is_told_apart() {
    let dir = tempfile::tempdir().unwrap();
    authority(dir.path(), "city");
    authority(dir.path(), "stranger");
    let file = |name: &str| dir.path().join(name).display().to_string();
    let extra = format!(
        "allow_anonymous true\ncafile {}\ncertfile {}\nkeyfile {}\n",
        file("city.pem"),
        file("city-broker.pem"),
        file("city-broker.key")
    );
    let Some(broker) = Mosquitto::start(dir.path(), &extra) else {
        return;
    };
    let mut trusting = settings(broker.port);
    trusting.tls = tls(&dir.path().join("city.pem"));
    let mut node = Node::start(trusting);
    node.append(&["sealed"]).await;
    node.link_becomes(|link| *link == Link::Up).await;
    node.pending_becomes(0).await;
    node.stop().await;

    let mut deceived = settings(broker.port);
    deceived.tls = tls(&dir.path().join("stranger.pem"));
    let mut node = Node::start(deceived);
    let reason = node.falls(Cause::Tls).await;
    assert!(reason.contains("mqtt.ca_file"), "{reason}");
    node.stop().await;
}
