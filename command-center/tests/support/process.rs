//! Programs that a test runs: a broker, and the centre itself. Each is killed when its handle is dropped.

use std::{
    fs::{self, File},
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use rumqttc::v5::{
    AsyncClient, Event, MqttOptions,
    mqttbytes::{QoS, v5::Packet},
};

use super::{sample::Sent, until};

/// A child that does not outlive the test.
pub struct Guard(pub Child);

impl Drop for Guard {
    fn drop(&mut self) {
        let killed = self.0.kill().and_then(|()| self.0.wait());
        assert!(killed.is_ok(), "{killed:?}");
    }
}

pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// Mosquitto on a free port of the loopback, with sessions kept in `folder`.
pub async fn mosquitto(folder: &Path) -> (Guard, u16) {
    let port = free_port();
    let config = folder.join("mosquitto.conf");
    let text = format!(
        "listener {port} 127.0.0.1\nallow_anonymous true\npersistence true\n\
         persistence_location {}/\nuser root\nmax_queued_messages 0\n",
        folder.display()
    );
    fs::write(&config, text).unwrap();
    let program = ["/usr/sbin/mosquitto", "/usr/local/sbin/mosquitto"];
    let program = program.into_iter().find(|p| Path::new(p).is_file());
    let child = Command::new(program.unwrap_or("mosquitto"))
        .arg("-c")
        .arg(&config)
        .stdout(Stdio::null())
        .stderr(File::create(folder.join("mosquitto.log")).unwrap())
        .spawn()
        .expect("mosquitto is needed: apt-get install mosquitto");
    let guard = Guard(child);
    until("mosquitto", || async {
        TcpStream::connect(("127.0.0.1", port)).ok()
    })
    .await;
    (guard, port)
}

/// The centre as a program of its own.
pub struct CentreProgram {
    pub process: Guard,
    pub address: SocketAddr,
    /// Where it serves its figures.
    pub metrics: SocketAddr,
    pub log: PathBuf,
}

impl CentreProgram {
    /// Starts it on `folder`, on a free port, with the broker on `mqtt_port`.
    pub async fn start(folder: &Path, mqtt_port: u16) -> CentreProgram {
        CentreProgram::start_on(folder, mqtt_port, 0).await
    }

    /// The same, on a certain port.
    pub async fn start_on(folder: &Path, mqtt_port: u16, web_port: u16) -> CentreProgram {
        let config = folder.join("command-center.toml");
        let metrics = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let key = folder.join("command.key");
        if !key.is_file() {
            command_center::command::Signer::generate(&key).unwrap();
        }
        let text = format!(
            "data_dir = \"data\"\n[commands]\nkey_file = \"command.key\"\n[metrics]\nlisten = \"{metrics}\"\n[web]\nlisten = \"127.0.0.1:{web_port}\"\n[mqtt]\nhost = \"127.0.0.1\"\nport = {mqtt_port}\n"
        );
        fs::write(&config, text).unwrap();
        let log = folder.join("centre.log");
        let file = File::create(&log).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_command-center"))
            .args(["run", "--config"])
            .arg(&config)
            .env("RUST_LOG", "debug")
            .stdout(file.try_clone().unwrap())
            .stderr(file)
            .spawn()
            .unwrap();
        let process = Guard(child);
        let address = until("the centre's address", || async {
            find(&log, "console: http://")?
                .trim_end_matches('/')
                .parse()
                .ok()
        })
        .await;
        CentreProgram {
            process,
            address,
            metrics,
            log,
        }
    }

    pub async fn first_admin_token(&self) -> String {
        until("the first administrator's token", || async {
            find(&self.log, "first-admin token: ")
        })
        .await
    }
}

/// What follows `mark` in a log, up to the end of the word.
pub fn find(log: &Path, mark: &str) -> Option<String> {
    let text = fs::read_to_string(log).ok()?;
    let (_, rest) = text.split_once(mark)?;
    let (word, _) = rest.split_once('\n')?;
    Some(word.split_whitespace().next()?.to_owned())
}

/// Publishes at QoS 1 and waits until the broker has acknowledged all of it.
pub async fn publish(port: u16, messages: &[Sent]) {
    let mut options = MqttOptions::new(format!("node-{}", uuid::Uuid::new_v4()), "127.0.0.1", port);
    options.set_max_packet_size(Some(1 << 20));
    let (client, mut events) = AsyncClient::new(options, messages.len() + 1);
    for (topic, payload) in messages {
        let retain = topic.ends_with("/status");
        client
            .try_publish(topic, QoS::AtLeastOnce, retain, payload.clone())
            .unwrap();
    }
    let sent = async {
        let mut waiting = messages.len();
        while waiting > 0 {
            if let Event::Incoming(Packet::PubAck(_)) = events.poll().await.unwrap() {
                waiting -= 1;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(30), sent)
        .await
        .expect("the broker acknowledges");
}
