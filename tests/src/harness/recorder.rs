//! Listens to all that is said on a broker.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use protocol::{
    Health, IncidentEvent, NodePath, NodeStatus, Receipt, ReportedConfig, Topic,
    topic::{PREFIX, parse},
};
use rumqttc::{Client, Connection, Event, MqttOptions, Packet, QoS};

/// One message of a node.
#[derive(Clone, Debug)]
pub enum Told {
    /// An incident's change.
    Incident(Box<IncidentEvent>),
    /// The node's state.
    Status(NodeStatus),
    /// Its figures.
    Health(Health),
    /// What it goes by.
    Config(Box<ReportedConfig>),
    /// What became of a command.
    Receipt(Box<Receipt>),
    /// A chunk of evidence, or what is not understood.
    Other,
}

/// A message and when it came.
#[derive(Clone, Debug)]
pub struct Message {
    /// The node that it is about; None for topics of no node.
    pub node: Option<NodePath>,
    /// Its topic as it came.
    pub topic: String,
    /// Its topic and payload together.
    pub bytes: usize,
    /// What it says.
    pub told: Told,
    /// When it came.
    pub at: jiff::Timestamp,
}

#[derive(Debug, Default)]
struct Heard {
    messages: Mutex<Vec<Message>>,
    subscribed: AtomicBool,
    stopping: AtomicBool,
}

/// A subscriber to everything below the project's prefix. It comes back by itself when the broker does.
pub struct Recorder {
    heard: Arc<Heard>,
    client: Client,
    thread: Option<JoinHandle<()>>,
}

/// Messages are handed over in memory; a town in a test says less.
const MAX_BYTES: usize = 16 << 20;
const PAUSE: Duration = Duration::from_millis(100);

impl Recorder {
    /// Listens on a broker of the loopback interface; returns when the subscription stands.
    ///
    /// # Errors
    /// If the broker does not accept it in time.
    pub fn start(port: u16) -> anyhow::Result<Self> {
        let name = format!("recorder-{port}-{:?}", Instant::now());
        let mut options = MqttOptions::new(
            name.replace(|c: char| !c.is_ascii_alphanumeric(), "-"),
            "127.0.0.1",
            port,
        );
        options
            .set_keep_alive(Duration::from_secs(5))
            .set_max_packet_size(MAX_BYTES, MAX_BYTES);
        // The queue holds subscriptions only: one a connection.
        let (client, connection) = Client::new(options, 4);
        let heard = Arc::new(Heard::default());
        let thread = {
            let (heard, client) = (Arc::clone(&heard), client.clone());
            std::thread::Builder::new()
                .name("recorder".to_owned())
                .spawn(move || listen(&client, connection, &heard))?
        };
        let recorder = Recorder {
            heard,
            client,
            thread: Some(thread),
        };
        super::wait_for(
            "the recorder's subscription",
            super::PATIENCE,
            &mut [],
            || {
                Ok(recorder
                    .heard
                    .subscribed
                    .load(Ordering::Relaxed)
                    .then_some(()))
            },
        )?;
        Ok(recorder)
    }

    /// Says something itself.
    ///
    /// # Errors
    /// If too much waits to be said.
    pub fn publish(&self, topic: &str, payload: Vec<u8>) -> anyhow::Result<()> {
        Ok(self
            .client
            .try_publish(topic, QoS::AtLeastOnce, false, payload)?)
    }

    /// The same, and the broker keeps it.
    ///
    /// # Errors
    /// As [`Recorder::publish`].
    pub fn leave(&self, topic: &str, payload: Vec<u8>) -> anyhow::Result<()> {
        Ok(self
            .client
            .publish(topic, QoS::AtLeastOnce, true, payload)?)
    }

    /// All messages so far, in the order in which they came.
    pub fn messages(&self) -> Vec<Message> {
        self.messages_from(0)
    }

    /// The messages from number `from` on.
    pub fn messages_from(&self, from: usize) -> Vec<Message> {
        let messages = self
            .heard
            .messages
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        messages.get(from..).unwrap_or_default().to_vec()
    }

    /// The incident messages so far.
    pub fn incidents(&self) -> Vec<IncidentEvent> {
        self.messages()
            .into_iter()
            .filter_map(|message| match message.told {
                Told::Incident(event) => Some(*event),
                _ => None,
            })
            .collect()
    }

    /// The last figures that any node gave.
    pub fn last_health(&self) -> Option<Health> {
        self.messages()
            .into_iter()
            .rev()
            .find_map(|message| match message.told {
                Told::Health(health) => Some(health),
                _ => None,
            })
    }
}

impl std::fmt::Debug for Recorder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Recorder").finish_non_exhaustive()
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.heard.stopping.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the recorder panicked");
        }
    }
}

fn listen(client: &Client, mut connection: Connection, heard: &Heard) {
    while !heard.stopping.load(Ordering::Relaxed) {
        match connection.recv_timeout(PAUSE) {
            Err(_) => {}
            Ok(Ok(Event::Incoming(Packet::ConnAck(_)))) => {
                if let Err(error) = client.try_subscribe(format!("{PREFIX}/#"), QoS::AtLeastOnce) {
                    tracing::error!(%error, "recorder cannot subscribe");
                }
            }
            Ok(Ok(Event::Incoming(Packet::SubAck(_)))) => {
                heard.subscribed.store(true, Ordering::Relaxed);
            }
            Ok(Ok(Event::Incoming(Packet::Publish(publish)))) => {
                let message = understand(publish.topic, &publish.payload);
                let mut messages = heard
                    .messages
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner);
                messages.push(message);
            }
            Ok(Ok(_)) => {}
            // The broker is away: it is tried again.
            Ok(Err(_)) => std::thread::sleep(PAUSE),
        }
    }
}

fn understand(topic: String, payload: &[u8]) -> Message {
    let (node, told) = match parse(&topic) {
        Err(_) => (None, None),
        Ok((node, about)) => {
            let told = match about {
                Topic::Incident { .. } => serde_json::from_slice(payload).map(Told::Incident).ok(),
                Topic::Status => serde_json::from_slice(payload).map(Told::Status).ok(),
                Topic::Health => serde_json::from_slice(payload).map(Told::Health).ok(),
                Topic::ReportedConfig => serde_json::from_slice(payload).map(Told::Config).ok(),
                Topic::Evidence { .. }
                | Topic::Tombstone
                | Topic::Custody
                | Topic::Totals { .. }
                | Topic::DesiredConfig
                | Topic::Command { .. } => None,
                Topic::Receipt { .. } => serde_json::from_slice(payload).map(Told::Receipt).ok(),
            };
            (Some(node), told)
        }
    };
    Message {
        bytes: topic.len() + payload.len(),
        node,
        topic,
        told: told.unwrap_or(Told::Other),
        at: jiff::Timestamp::now(),
    }
}
