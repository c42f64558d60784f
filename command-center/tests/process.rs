//! The centre as a program, with a real broker or one that this test plays.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "what helps a test may fail like one"
)]

mod support;

use std::{
    fs,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use protocol::{IncidentState, Tombstone, Topic};
use rusqlite::Connection;
use serde_json::json;
use support::{
    http::Client,
    process::{CentreProgram, mosquitto, publish},
    sample::{Node, Sent, announce, at},
    until,
};
use uuid::Uuid;

const PASSWORD: &str = "correct horse battery";

async fn first_admin(centre: &CentreProgram) -> (Client, String) {
    let mut client = Client::new(centre.address);
    let token = centre.first_admin_token().await;
    let form = json!({"token": token, "name": "desk", "password": PASSWORD});
    let answer = client.sign_in("/api/first-admin", &form).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    assert_eq!(client.sign_in("/api/first-admin", &form).await.status, 403);
    (client, token)
}

async fn connected(client: &Client) {
    until("the connection to the broker", || async {
        (client.get("/healthz").await.json()["broker"] == "connected").then_some(())
    })
    .await;
}

async fn incidents(client: &Client, count: usize) {
    until("the incidents", || async {
        let page = client.get("/api/incidents").await.json();
        (page["incidents"].as_array().unwrap().len() == count).then_some(())
    })
    .await;
}

#[tokio::test]
async fn what_is_sent_while_the_centre_is_away_reaches_it() {
    let folder = tempfile::tempdir().unwrap();
    let (_broker, port) = mosquitto(folder.path()).await;
    let centre = CentreProgram::start(folder.path(), port).await;
    let (client, _) = first_admin(&centre).await;
    connected(&client).await;
    let mut node = Node::new("box-1");
    let mut sent = Vec::new();
    for i in 0..100 {
        let event = node.event(Uuid::now_v7(), IncidentState::Opened, at(i));
        sent.push(node.send_event(&event));
    }
    publish(port, &sent[..10]).await;
    incidents(&client, 10).await;
    drop(centre); // killed
    publish(port, &sent[10..50]).await;
    let centre = CentreProgram::start(folder.path(), port).await;
    let client = Client {
        address: centre.address,
        ..client
    };
    publish(port, &sent[40..]).await;
    until("all incidents", || async {
        let page = client.get("/api/incidents?limit=200").await.json();
        (page["incidents"].as_array().unwrap().len() == 100).then_some(())
    })
    .await;
    let nodes = client.get("/api/nodes").await.json();
    assert_eq!(nodes["nodes"][0]["gaps"], json!([]));
}

/// The centre once took tombstones and did not listen to their topic: the broker took them for nobody.
#[tokio::test]
async fn the_centre_hears_of_what_was_given_up() {
    let folder = tempfile::tempdir().unwrap();
    let (_broker, port) = mosquitto(folder.path()).await;
    let centre = CentreProgram::start(folder.path(), port).await;
    let (client, _) = first_admin(&centre).await;
    connected(&client).await;
    let mut node = Node::new("box-1");
    let events: Vec<_> = (0..3)
        .map(|i| node.event(Uuid::now_v7(), IncidentState::Opened, at(i)))
        .collect();
    let told = Tombstone {
        bootid: node.bootid,
        seqs: vec![[2, 2]],
        class: "clip".to_owned(),
        reason: "quota".to_owned(),
        bytes: 7,
        time: at(9),
    };
    let told = node.sent(&Topic::Tombstone, &serde_json::to_vec(&told).unwrap());
    let sent = [
        node.send_event(&events[0]),
        node.send_event(&events[2]),
        told,
    ];
    publish(port, &sent).await;
    let seen = until("word of what was given up", || async {
        let seen = client.get("/api/nodes").await.json()["nodes"][0].clone();
        (seen["given_up"][0]["messages"] == 1).then_some(seen)
    })
    .await;
    assert_eq!(seen["gaps"], json!([]));
}

/// Mosquitto 2.0.11 sends far more at once than the centre asks for.
#[tokio::test]
async fn figures_tell_what_came_and_how_late() {
    let folder = tempfile::tempdir().unwrap();
    let (_broker, port) = mosquitto(folder.path()).await;
    let centre = CentreProgram::start(folder.path(), port).await;
    let (client, _) = first_admin(&centre).await;
    connected(&client).await;
    let mut node = Node::new("box-1");
    // Decided long ago: it had waited for the link.
    let old = node.event(Uuid::now_v7(), IncidentState::Opened, at(0));
    let now = node.event(Uuid::now_v7(), IncidentState::Opened, protocol::now());
    let sent = [&old, &now, &now].map(|event| node.send_event(event));
    publish(port, &sent).await;
    let figures = Client::new(centre.metrics);
    until("the figures", || async {
        let text = figures.get("/metrics").await.body;
        let text = String::from_utf8(text).unwrap();
        let wanted = [
            "safecity_centre_messages_total{outcome=\"stored\"} 2",
            "safecity_centre_messages_total{outcome=\"duplicate\"} 1",
            "alert_stage_delay_seconds_count{stage=\"ingested\",way=\"live\"} 1",
            "alert_stage_delay_seconds_count{stage=\"ingested\",way=\"backlog\"} 1",
        ];
        wanted.iter().all(|line| text.contains(line)).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_burst_is_stored_whole() {
    let folder = tempfile::tempdir().unwrap();
    let (_broker, port) = mosquitto(folder.path()).await;
    let centre = CentreProgram::start(folder.path(), port).await;
    let (client, _) = first_admin(&centre).await;
    connected(&client).await;
    let mut node = Node::new("box-1");
    let sent: Vec<Sent> = (0..2000)
        .map(|i| {
            let event = node.event(Uuid::now_v7(), IncidentState::Opened, at(i));
            node.send_event(&event)
        })
        .collect();
    publish(port, &sent).await;
    committed(folder.path(), 2000).await;
    let nodes = client.get("/api/nodes").await.json();
    assert_eq!(nodes["nodes"][0]["gaps"], json!([]));
    assert_eq!(nodes["nodes"][0]["duplicates"], 0);
}

/// Plays the broker's part of one connection: sends one message and hears nothing of what comes back.
fn deliver(listener: &TcpListener, sent: &Sent) -> TcpStream {
    let (mut stream, _) = listener.accept().unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(60)))
        .unwrap();
    assert_eq!(packet(&mut stream).0 >> 4, 1, "CONNECT");
    stream.write_all(&[0x20, 3, 1, 0, 0]).unwrap(); // CONNACK, session present, success
    let (kind, body) = packet(&mut stream);
    assert_eq!(kind >> 4, 8, "SUBSCRIBE");
    let id = [body[0], body[1]];
    stream
        .write_all(&[0x90, 7, id[0], id[1], 0, 1, 1, 1, 1])
        .unwrap(); // SUBACK, four times QoS 1
    let (topic, payload) = sent;
    let mut publish = Vec::new();
    publish.extend_from_slice(&u16::try_from(topic.len()).unwrap().to_be_bytes());
    publish.extend_from_slice(topic.as_bytes());
    publish.extend_from_slice(&[0, 7, 0]); // packet id 7, no properties
    publish.extend_from_slice(payload);
    let mut packet = vec![0x32]; // PUBLISH, QoS 1
    let mut length = publish.len();
    while length >= 128 {
        packet.push(u8::try_from(length % 128).unwrap() | 128);
        length /= 128;
    }
    packet.push(u8::try_from(length).unwrap());
    packet.extend_from_slice(&publish);
    stream.write_all(&packet).unwrap();
    stream
}

/// Type and body of the next packet.
fn packet(stream: &mut TcpStream) -> (u8, Vec<u8>) {
    let mut byte = [0];
    stream.read_exact(&mut byte).unwrap();
    let kind = byte[0];
    let (mut length, mut shift) = (0_usize, 0);
    loop {
        stream.read_exact(&mut byte).unwrap();
        length |= usize::from(byte[0] & 127) << shift;
        shift += 7;
        if byte[0] & 128 == 0 {
            break;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).unwrap();
    (kind, body)
}

async fn committed(folder: &Path, wanted: i64) {
    let database = folder.join("data/centre.sqlite3");
    until("the commit", || async {
        let connection = Connection::open(&database).ok()?;
        let count =
            connection.query_row("SELECT count(*) FROM message", [], |r| r.get::<_, i64>(0));
        count.ok().filter(|count| *count == wanted)
    })
    .await;
}

#[tokio::test]
async fn killed_between_commit_and_acknowledgement_it_stores_once_and_acknowledges_then() {
    let folder = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut node = Node::new("box-1");
    let event = node.event(Uuid::now_v7(), IncidentState::Opened, at(0));
    let sent = node.send_event(&event);
    let centre = CentreProgram::start(folder.path(), port).await;
    let (client, _) = first_admin(&centre).await;
    let stream = deliver(&listener, &sent);
    committed(folder.path(), 1).await;
    drop(centre); // killed; what it may have acknowledged was never read, as if it had not been sent
    drop(stream);
    let centre = CentreProgram::start(folder.path(), port).await;
    let mut stream = deliver(&listener, &sent);
    let (kind, body) = packet(&mut stream);
    assert_eq!(
        (kind >> 4, &body[..2]),
        (4, &[0, 7][..]),
        "PUBACK of packet 7"
    );
    let client = Client {
        address: centre.address,
        ..client
    };
    incidents(&client, 1).await;
    let id = event.data.incident_id;
    let detail = client.get(&format!("/api/incidents/{id}")).await.json();
    assert_eq!(detail["messages"].as_array().unwrap().len(), 1);
    let nodes = client.get("/api/nodes").await.json();
    assert_eq!(nodes["nodes"][0]["duplicates"], 1);
}

#[tokio::test]
async fn no_log_holds_a_secret() {
    let folder = tempfile::tempdir().unwrap();
    let (_broker, port) = mosquitto(folder.path()).await;
    let centre = CentreProgram::start(folder.path(), port).await;
    let (mut client, token) = first_admin(&centre).await;
    let first_cookie = client.cookie.clone().unwrap();
    let form = json!({"name": "desk", "password": "a wrong password"});
    assert_eq!(client.post("/api/login", &form).await.status, 401);
    let form = json!({"name": "desk", "password": PASSWORD});
    assert_eq!(client.sign_in("/api/login", &form).await.status, 200);
    connected(&client).await;
    let mut node = Node::new("box-1");
    let mut event = node.event(Uuid::now_v7(), IncidentState::Opened, at(0));
    announce(&mut event, b"picture");
    publish(port, &[node.send_event(&event)]).await;
    incidents(&client, 1).await;
    let log = fs::read_to_string(&centre.log).unwrap();
    assert_eq!(
        log.matches(&token).count(),
        1,
        "the one-time token is said once"
    );
    let cookies = [first_cookie, client.cookie.unwrap()];
    let tokens = cookies.iter().map(|c| c.split_once('=').unwrap().1);
    for secret in tokens.chain([PASSWORD, "a wrong password", "argon2id"]) {
        assert!(!log.contains(secret), "the log holds {secret:?}");
    }
}

#[tokio::test]
async fn a_user_is_added_at_the_command_line_and_signs_in() {
    let folder = tempfile::tempdir().unwrap();
    let centre = CentreProgram::start(folder.path(), support::process::free_port()).await;
    let add = |password: &str| {
        let mut child = Command::new(env!("CARGO_BIN_EXE_command-center"))
            .args(["user", "add", "boris", "--config"])
            .arg(folder.path().join("command-center.toml"))
            .stdin(Stdio::piped())
            .stderr(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let mut input = child.stdin.take().unwrap();
        input.write_all(format!("{password}\n").as_bytes()).unwrap();
        drop(input);
        let output = child.wait_with_output().unwrap();
        (
            output.status.code(),
            String::from_utf8(output.stderr).unwrap(),
        )
    };
    let (code, said) = add("short");
    assert_eq!(code, Some(64));
    assert!(said.contains("at least 10 characters"), "{said}");
    assert_eq!(add("long enough now").0, Some(0));
    assert_eq!(add("long enough now").0, Some(64));
    let mut client = Client::new(centre.address);
    let form = json!({"name": "boris", "password": "long enough now"});
    assert_eq!(client.sign_in("/api/login", &form).await.status, 200);
}

#[tokio::test]
async fn it_ends_in_order_and_says_when_its_port_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    let mut centre = CentreProgram::start(folder.path(), support::process::free_port()).await;
    let config = folder.path().join("taken.toml");
    let text = format!(
        "data_dir = \"other\"\n[web]\nlisten = \"{}\"\n[mqtt]\nhost = \"127.0.0.1\"\n",
        centre.address
    );
    fs::write(&config, text).unwrap();
    let second = Command::new(env!("CARGO_BIN_EXE_command-center"))
        .args(["run", "--config"])
        .arg(&config)
        .output()
        .unwrap();
    let said = String::from_utf8(second.stderr).unwrap();
    assert_eq!(second.status.code(), Some(69), "{said}");
    assert!(
        said.contains(&format!("error: web.listen {}: ", centre.address)),
        "{said}"
    );
    let terminate = format!("kill -TERM {}", centre.process.0.id());
    assert!(
        Command::new("sh")
            .args(["-c", &terminate])
            .status()
            .unwrap()
            .success()
    );
    let ended = until("the end", || {
        let ended = centre.process.0.try_wait().unwrap();
        async move { ended }
    })
    .await;
    assert_eq!(ended.code(), Some(0));
}
