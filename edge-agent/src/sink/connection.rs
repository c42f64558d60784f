//! One connection to an MQTT broker, from its first packet to its end: what is on its way, what was taken, the goodbye.

use std::{
    collections::{HashMap, HashSet},
    sync::{MutexGuard, PoisonError},
    time::Duration,
};

use protocol::{NodeState, Utc};
use serde::Serialize;
use tokio::time::Instant;
use tracing::warn;

use super::{
    Budget, Cause, Link, LinkFault,
    client::{Answer, Client, Event, Limits, Message},
    commands,
    fault::Trouble,
    mirror,
    mqtt::MqttSink,
    pace::{Leave, Pace},
    trace::Trace,
    window::{Item, Window},
};
use crate::{
    config::settings::Broker,
    event_log::{BrokerConnected, Event as _, MessageSetAside},
    metrics::OfClass,
    spool::{Class, Record, SpoolError},
};

/// Records on their way at the same time, unless the broker takes fewer.
const WINDOW: usize = 64;
/// Room for a packet's header and properties.
const OVERHEAD: usize = 128;
/// Places in the window that evidence leaves to alerts.
const FOR_ALERTS: usize = 16;
/// Records that are read from the spool at once.
const READ: usize = 16;
/// A broker that acknowledges nothing for so long is as good as gone.
const SILENCE: Duration = Duration::from_secs(60);
/// The retained status follows the open incidents, but not more often than this.
const STATUS_EVERY: Duration = Duration::from_secs(10);
/// Evidence that waits for the next day's budget asks again after so long.
const NO_ROOM: Duration = Duration::from_secs(60);
/// What waits when the agent stops gets so much time to go out.
const DRAIN: Duration = Duration::from_secs(3);
/// How far the goodbye has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leaving {
    /// What waits goes out, until then at most.
    Draining(Instant),
    /// The preferred broker answers again: nothing new goes out, what is on its way is waited for, until then at most.
    Moving(Instant),
    /// `stopping` was said; its acknowledgement is waited for, until then at most.
    Saying(Instant),
    /// Nothing more to do.
    Gone,
}

/// The state of one connection.
pub(super) struct Connection<'s> {
    pub(super) sink: &'s MqttSink,
    pub(super) broker: &'s Broker,
    pub(super) client: Client,
    pub(super) window: Window,
    /// Records that the broker took, to be deleted from the spool.
    taken: Vec<i64>,
    /// Whether the broker let us in, and the connection stands.
    pub(super) up: bool,
    /// Records that may be on their way.
    capacity: usize,
    /// Largest packet that the broker takes.
    max_packet: usize,
    /// When the broker last acknowledged something, or had nothing to acknowledge.
    progress: Instant,
    /// The open incidents changed since the status was said.
    pub(super) status_stale: bool,
    /// What the node goes by found no room in the queue.
    pub(super) reported_stale: bool,
    pub(super) status_said: Instant,
    pub(super) leaving: Option<Leaving>,
    /// What evidence may take of the link.
    pace: Pace,
    /// Evidence on its way: when it went and its bytes.
    evidence: HashMap<i64, (Instant, usize)>,
    /// When the next evidence may go, if only time holds it back.
    resume: Option<Instant>,
    /// How long alerts take.
    trace: Trace,
}

impl<'s> Connection<'s> {
    pub(super) fn new(sink: &'s MqttSink, broker: &'s Broker, client: Client) -> Self {
        let now = Instant::now();
        Connection {
            sink,
            broker,
            client,
            window: Window::default(),
            taken: Vec::new(),
            up: false,
            capacity: WINDOW,
            max_packet: usize::MAX,
            progress: now,
            status_stale: false,
            reported_stale: false,
            status_said: now,
            leaving: None,
            pace: Pace::new(sink.settings.bytes_per_second, now),
            evidence: HashMap::new(),
            resume: None,
            trace: Trace::new(&sink.metrics),
        }
    }

    /// When the next evidence may go, if only time holds it back.
    pub(super) fn resume(&self) -> Option<Instant> {
        self.resume
    }

    pub(super) fn is_over(&self) -> bool {
        self.leaving == Some(Leaving::Gone)
    }

    pub(super) fn is_leaving(&self) -> bool {
        self.leaving.is_some()
    }

    pub(super) fn has_taken(&self) -> bool {
        !self.taken.is_empty()
    }

    fn fault(&self, cause: Cause, what: impl std::fmt::Display) -> LinkFault {
        LinkFault::new(cause, self.broker, what)
    }

    pub(super) async fn event(&mut self, event: Result<Event, Trouble>) -> Result<(), LinkFault> {
        match event {
            Ok(Event::Connected(limits)) => self.connected(&limits).await,
            Ok(Event::Acknowledged(pkid, answer)) => self.acknowledged(pkid, answer).await,
            Ok(Event::Sent(pkid)) if self.window.sent(pkid) => Ok(()),
            Ok(Event::Sent(_)) => Err(self.fault(Cause::Protocol, "the order of packets was lost")),
            Ok(Event::Publish { topic, payload }) => {
                commands::hand_in(self.sink.commands.as_ref(), topic, payload);
                Ok(())
            }
            Ok(Event::Subscribed { refused: Some(why) }) => {
                warn!(
                    broker = %self.broker,
                    "the broker does not let this node hear commands ({why}): check its access list"
                );
                Ok(())
            }
            Ok(Event::Subscribed { refused: None } | Event::Other) => Ok(()),
            // The broker may close first when we say goodbye.
            Err(_) if matches!(self.leaving, Some(Leaving::Saying(_))) => {
                self.leaving = Some(Leaving::Gone);
                Ok(())
            }
            Err((cause, what)) => Err(self.fault(cause, what)),
        }
    }

    /// The connection broke: acknowledgements that came before still count.
    pub(super) async fn last_words(&mut self, events: Vec<Event>) -> Result<(), LinkFault> {
        for event in events {
            self.event(Ok(event)).await?;
        }
        self.up = false;
        self.settle().await
    }

    async fn connected(&mut self, limits: &Limits) -> Result<(), LinkFault> {
        self.up = true;
        let receive_max = limits.receive_max.map_or(WINDOW, usize::from);
        self.capacity = WINDOW.min(receive_max.max(2) - 1);
        self.max_packet = limits.max_packet.unwrap_or(usize::MAX);
        let pending = self.sink.feed.spool.stats().borrow().pending;
        BrokerConnected {
            broker: &self.broker.to_string(),
            pending,
        }
        .emit(&self.sink.metrics);
        self.sink.link.send_replace(Link::Up);
        self.publish_status(NodeState::Online);
        self.publish_reported();
        self.publish_health();
        self.ask_for_commands();
        self.offer().await
    }

    fn ask_for_commands(&self) {
        if self.sink.commands.is_some() {
            let filters = commands::filters(&self.sink.identity.node);
            if !filters.iter().all(|filter| self.client.subscribe(filter)) {
                warn!("commands cannot be asked for on this connection");
            }
        }
    }

    /// Hands records over while the window has room and evidence its leave.
    pub(super) async fn offer(&mut self) -> Result<(), LinkFault> {
        self.resume = None;
        loop {
            let on_the_way = self.window.numbers().len();
            let room = self.capacity.saturating_sub(on_the_way).min(READ);
            let waiting = self.sink.feed.spool.stats().borrow().to_send();
            let draining = matches!(self.leaving, None | Some(Leaving::Draining(_)));
            if !self.up || room == 0 || !draining || waiting <= on_the_way as u64 {
                return Ok(());
            }
            let skip: HashSet<i64> = self.window.numbers().clone();
            let records = self.sink.feed.spool.pending(room, skip).await;
            let records = records.map_err(|e| self.spool_failed(&e))?;
            if records.is_empty() {
                return Ok(());
            }
            for record in records {
                if !self.may_go(&record) {
                    return Ok(());
                }
                self.hand_over(record).await?;
            }
        }
    }

    /// Alerts always may. Notes when to ask again for evidence that may not yet.
    fn may_go(&mut self, record: &Record) -> bool {
        if record.class <= Class::Status {
            return true;
        }
        if self.window.numbers().len() + FOR_ALERTS > self.capacity && !self.evidence.is_empty() {
            return false;
        }
        if !self.budget().leaves_room(Utc::now()) {
            self.resume = Some(Instant::now() + NO_ROOM);
            return false;
        }
        match self.pace.leave(Instant::now()) {
            Leave::Go => true,
            Leave::At(at) => {
                self.resume = Some(at);
                false
            }
            Leave::Wait => false,
        }
    }

    async fn hand_over(&mut self, record: Record) -> Result<(), LinkFault> {
        let Record {
            number,
            seq,
            class,
            topic,
            payload,
            ..
        } = record;
        let bytes = topic.len() + payload.len() + OVERHEAD;
        if bytes > self.max_packet {
            let (long, most) = (payload.len(), self.max_packet);
            let why = format!("{long} bytes, the broker takes {most}");
            return self.set_aside(number, &topic, "too_large", &why).await;
        }
        if class == Class::Incident {
            self.trace.published(number, seq, &payload);
        }
        self.mirror(class, &payload);
        let handed = self.say(Message {
            topic: topic.clone(),
            payload,
            content_type: super::content_type(class),
            acknowledged: true,
            retain: false,
        });
        if !handed {
            // The queue has room for the whole window: what it refuses is the topic.
            return self
                .set_aside(number, &topic, "topic", "not a topic of MQTT")
                .await;
        }
        let now = Instant::now();
        if self.window.len() == 0 {
            self.progress = now;
        }
        self.window.handed(Item::Record(number));
        if class <= Class::Status {
            self.pace.alert(bytes, now);
        } else {
            self.pace.evidence(bytes, now);
            self.evidence.insert(number, (now, bytes));
        }
        let of = OfClass {
            class: class.as_str(),
        };
        self.sink.metrics.published.get_or_create(&of).inc();
        Ok(())
    }

    /// Says an incident or a count in the manner of ONVIF too, where that is wanted: before the record itself, so that whoever sends the
    /// record again says this again.
    fn mirror(&mut self, class: Class, payload: &[u8]) {
        let Some(prefix) = self.sink.settings.onvif_prefix.as_ref() else {
            return;
        };
        let node = &self.sink.identity.node;
        for message in mirror::messages(prefix, node, class, payload) {
            if self.say(message) {
                self.window.handed(Item::Passing);
            }
        }
    }

    /// Hands a message over, and counts it where it went. `false`: the queue is full, or the topic is none.
    pub(super) fn say(&self, message: Message) -> bool {
        let bytes = message.topic.len() + message.payload.len() + OVERHEAD;
        let handed = self.client.publish(message);
        if handed {
            self.budget().spent(bytes, Utc::now());
            self.sink.metrics.uplink_bytes.inc_by(bytes as u64);
        }
        handed
    }

    /// Writes what was used of the link's budget.
    pub(super) fn keep_budget(&self) {
        self.budget().keep(true);
    }

    fn budget(&self) -> MutexGuard<'_, Budget> {
        let budget = self.sink.budget.lock();
        budget.unwrap_or_else(PoisonError::into_inner)
    }

    async fn acknowledged(&mut self, pkid: u16, answer: Answer) -> Result<(), LinkFault> {
        self.progress = Instant::now();
        let Some(item) = self.window.taken(pkid) else {
            return Err(self.fault(Cause::Protocol, "acknowledged what was never sent"));
        };
        if let Item::Record(number) = item
            && let Some((went, bytes)) = self.evidence.remove(&number)
        {
            self.pace.acknowledged(bytes, went.elapsed());
        }
        if let Item::Record(number) = item {
            self.trace.acknowledged(number);
        }
        match (answer, item) {
            (Answer::Taken, Item::Record(number)) => {
                self.taken.push(number);
                Ok(())
            }
            (Answer::Taken, Item::Passing) => Ok(()),
            (Answer::Unfit(why), Item::Record(number)) => {
                let why = format!("the broker refuses it: {why}");
                self.set_aside(number, "", "refused", &why).await
            }
            (Answer::Forbidden, _) => Err(self.fault(
                Cause::Authentication,
                "this node may not publish its messages: check the broker's access list",
            )),
            (Answer::Refused(why) | Answer::Unfit(why), _) => {
                Err(self.fault(Cause::Refused, format!("does not take a message ({why})")))
            }
        }
    }

    /// Deletes from the spool what was taken, and goes on with the next.
    pub(super) async fn settle(&mut self) -> Result<(), LinkFault> {
        let taken = std::mem::take(&mut self.taken);
        let deleted = self.sink.feed.spool.acknowledge(taken.clone()).await;
        deleted.map_err(|e| self.spool_failed(&e))?;
        self.window.deleted(&taken);
        self.sink.metrics.acknowledged.inc_by(taken.len() as u64);
        self.offer().await
    }

    async fn set_aside(
        &mut self,
        number: i64,
        topic: &str,
        cause: &'static str,
        why: &str,
    ) -> Result<(), LinkFault> {
        MessageSetAside {
            number,
            topic,
            cause,
            why,
        }
        .emit(&self.sink.metrics);
        let moved = self.sink.feed.spool.set_aside(number, why.to_owned()).await;
        moved.map_err(|e| self.spool_failed(&e))?;
        self.window.deleted(&[number]);
        Ok(())
    }

    fn spool_failed(&self, error: &SpoolError) -> LinkFault {
        LinkFault {
            cause: Cause::Spool,
            reason: format!("nothing can be sent, the spool failed: {error}"),
        }
    }

    pub(super) fn tick(&mut self) -> Result<(), LinkFault> {
        let now = Instant::now();
        if self.up && self.window.len() > 0 && now - self.progress > SILENCE {
            let what = format!("has acknowledged nothing for {SILENCE:?}");
            return Err(self.fault(Cause::Silent, what));
        }
        if self.up
            && self.status_stale
            && self.leaving.is_none()
            && now - self.status_said > STATUS_EVERY
        {
            self.publish_status(NodeState::Online);
        }
        if self.reported_stale {
            self.publish_reported();
        }
        self.budget().keep(false);
        self.goodbye(now);
        Ok(())
    }

    /// The agent stops: what waits gets a little time, then `stopping` is said.
    pub(super) fn leave(&mut self) {
        let leaving = if self.up {
            Leaving::Draining(Instant::now() + DRAIN)
        } else {
            Leaving::Gone
        };
        self.leaving = Some(leaving);
    }

    /// The preferred broker answers again: this connection ends in good order once what is on its way was taken.
    pub(super) fn move_away(&mut self) {
        let leaving = if self.up {
            Leaving::Moving(Instant::now() + DRAIN)
        } else {
            Leaving::Gone
        };
        self.leaving = Some(leaving);
    }

    fn goodbye(&mut self, now: Instant) {
        match self.leaving {
            Some(Leaving::Moving(until)) if now > until || self.window.len() == 0 => {
                self.publish_status(NodeState::Stopping);
                self.leaving = Some(Leaving::Saying(now + DRAIN));
            }
            Some(Leaving::Draining(until))
                if now > until || self.sink.feed.spool.stats().borrow().pending == 0 =>
            {
                self.publish_status(NodeState::Stopping);
                self.leaving = Some(Leaving::Saying(now + DRAIN));
            }
            // After the acknowledgement a plain disconnect: the last will stays unsaid.
            Some(Leaving::Saying(until)) if now > until || self.window.len() == 0 => {
                let asked = self.client.disconnect();
                self.leaving = Some(if asked && now <= until {
                    Leaving::Saying(now)
                } else {
                    Leaving::Gone
                });
            }
            _ => {}
        }
    }
}

/// The messages of this room are plain data: writing them as JSON cannot fail.
pub(super) fn json(message: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(message).expect("plain data with text keys becomes JSON")
}
