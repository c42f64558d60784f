//! Judges what came, has it carried out, and answers.
//!
//! In this order: the signature, the addressee, whether it was answered before, whether it is stale. What fails before
//! it is known to come from the centre gets no answer, but is counted, logged and told in the health report.

use std::{sync::Arc, time::Duration};

use protocol::{
    Command, CommandOutcome, CommandRequest, NodePath, PinnedKey, Receipt, Severity, Topic, Utc,
    command::InvalidCommand, incident::ClockQuality, signed::Unsigned, topic,
};
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::{MissedTickBehavior, interval, timeout},
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    Asked, Done, Incoming, Ledger, LedgerError, Order, Post, Posts, Refusals, Seen, Task, Verdicts,
};
use crate::{
    archive::recorder::Wanted,
    clock,
    config::Settings,
    event_log::{CommandAnswered, CommandRefused, Event as _},
    fleet::Lineup,
    metrics::Metrics,
    spool::{Class, NewRecord, Spool},
};

/// A command may live so long at most: so the ledger stays small.
const MAX_LIFE: jiff::SignedDuration = jiff::SignedDuration::from_hours(24);
/// So far two clocks that are both synchronised may differ.
const SKEW: jiff::SignedDuration = jiff::SignedDuration::from_mins(5);
/// A camera has so long to carry out an order.
const PATIENCE: Duration = Duration::from_secs(20);
/// And so long to make a clip: it is encoded again, and another may be before it. Other commands wait meanwhile.
const PATIENCE_CLIP: Duration = Duration::from_secs(120);

/// Too much is asked at once.
const BUSY: &str = "has too much to do: ask again later";

/// How often it is looked whether cases have become too old.
const TIDY_EVERY: Duration = Duration::from_secs(600);

/// Everything that is needed to judge and answer.
pub struct Inbox {
    /// This node.
    pub node: NodePath,
    /// Who may give commands.
    pub keys: Vec<PinnedKey>,
    /// What came before.
    pub ledger: Ledger,
    /// Who carries them out.
    pub lineup: watch::Receiver<Lineup>,
    /// What is in force.
    pub current: watch::Receiver<Arc<Settings>>,
    /// What is known of verdicts.
    pub verdicts: Verdicts,
    /// Where receipts go.
    pub spool: Spool,
    /// For the health report.
    pub refusals: Arc<Refusals>,
    /// Where documents of the centre go.
    pub desired: watch::Sender<Option<Vec<u8>>>,
    /// Where what is asked of the whole agent goes.
    pub owner: mpsc::Sender<Asked>,
    /// Counts.
    pub metrics: Metrics,
}

/// Why a command is not heeded.
struct Refusal {
    /// One word for figures.
    cause: &'static str,
    why: String,
    /// The request, if it is known to come from the centre and to be meant for this node.
    request: Option<Uuid>,
}

impl Refusal {
    fn silent(cause: &'static str, why: impl ToString) -> Refusal {
        Refusal {
            cause,
            why: why.to_string(),
            request: None,
        }
    }
}

impl Inbox {
    /// Answers what comes until `stop`.
    pub async fn run(mut self, mut incoming: mpsc::Receiver<Incoming>, stop: CancellationToken) {
        let desired = self.node.topic(&Topic::DesiredConfig);
        let mut tidy = interval(TIDY_EVERY);
        tidy.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let came = tokio::select! {
                came = incoming.recv() => came,
                () = self.verdicts.listen() => continue,
                Ok(()) = self.current.changed() => {
                    let current = Arc::clone(&self.current.borrow_and_update());
                    self.verdicts.reconfigured(&current);
                    continue;
                }
                _ = tidy.tick() => {
                    self.verdicts.tidy();
                    continue;
                }
                () = stop.cancelled() => return,
            };
            let Some(came) = came else { return };
            if came.topic == desired {
                self.desired.send_replace(Some(came.payload));
            } else {
                self.take(&came).await;
            }
        }
    }

    /// Judges and answers one payload.
    pub async fn take(&mut self, came: &Incoming) {
        let received = protocol::now();
        let answered = match self.judge(came, received) {
            Ok(Judged::Again(receipt)) => self.send(*receipt).await,
            Ok(Judged::Fresh(request)) => self.heed(*request, received).await,
            Err(refusal) => self.refuse(refusal, received).await,
        };
        // The centre repeats what was not answered.
        if let Err(why) = answered {
            CommandRefused {
                cause: "disk",
                why: &why,
            }
            .emit(&self.metrics);
            self.refusals.add(&why);
        }
    }

    fn judge(&self, came: &Incoming, received: Utc) -> Result<Judged, Refusal> {
        let request = self.open(came)?;
        let known = |request| {
            move |e: LedgerError| Refusal {
                cause: "disk",
                why: e.to_string(),
                request,
            }
        };
        let id = Some(request.request);
        match self.ledger.seen(request.request).map_err(known(None))? {
            Seen::Answered(receipt) => return Ok(Judged::Again(receipt)),
            Seen::Begun => {
                return Err(Refusal {
                    cause: "interrupted",
                    why: "the agent ended while it carried this out: ask anew".to_owned(),
                    request: id,
                });
            }
            Seen::Never => {}
        }
        let latest = self.ledger.latest().map_err(known(None))?;
        match staleness(&request, received, &clock::quality(), latest) {
            None => Ok(Judged::Fresh(Box::new(request))),
            Some(why) => Err(Refusal {
                cause: "stale",
                why,
                request: id,
            }),
        }
    }

    /// The request, if a pinned key signed it for this node.
    fn open(&self, came: &Incoming) -> Result<CommandRequest, Refusal> {
        let request = CommandRequest::open(&came.payload, &self.keys).map_err(|e| match e {
            InvalidCommand::Unsigned(Unsigned::Malformed) => Refusal::silent("unsigned", e),
            InvalidCommand::Unsigned(Unsigned::UnknownKey(_)) => Refusal::silent("unknown_key", e),
            InvalidCommand::Unsigned(Unsigned::Signature) => Refusal::silent("signature", e),
            InvalidCommand::Body { request, .. } => Refusal {
                cause: "unknown",
                why: e.to_string(),
                request,
            },
        })?;
        if request.node != self.node {
            let why = format!("it is meant for {}", request.node);
            return Err(Refusal::silent("addressee", why));
        }
        let meant = Topic::Command {
            request: request.request,
        };
        if topic::parse(&came.topic) != Ok((self.node.clone(), meant)) {
            let why = format!("it came as {}, which is another's place", came.topic);
            return Err(Refusal::silent("addressee", why));
        }
        Ok(request)
    }

    async fn heed(&mut self, request: CommandRequest, received: Utc) -> Result<(), String> {
        self.ledger.begin(&request).map_err(|e| e.to_string())?;
        let outcome = match self.verdicts.carry_out(&request) {
            Some(outcome) => outcome,
            None => {
                let posts = self.lineup.borrow().posts.clone();
                carry_out(&posts, &self.owner, &request).await
            }
        };
        let (outcome, problem, done) = match outcome {
            Ok(done) => (CommandOutcome::Done, None, done),
            Err((outcome, why)) => (outcome, Some(why), Done::default()),
        };
        CommandAnswered {
            command: request.command.kind(),
            camera: request
                .command
                .camera()
                .map_or("", |camera| camera.as_str()),
            request: request.request,
            problem: problem.as_deref(),
        }
        .emit(&self.metrics);
        let receipt = Receipt {
            outcome,
            reason: problem.or(done.remark),
            incident: done.incident,
            evidence: done.evidence,
            ignored: done.ignored,
            preview: done.preview,
            ..empty(request.request, received)
        };
        self.ledger.finish(&receipt).map_err(|e| e.to_string())?;
        self.send(receipt).await
    }

    async fn refuse(&self, refusal: Refusal, received: Utc) -> Result<(), String> {
        let Refusal {
            cause,
            why,
            request,
        } = refusal;
        CommandRefused { cause, why: &why }.emit(&self.metrics);
        self.refusals.add(&why);
        let Some(request) = request else {
            return Ok(());
        };
        let receipt = Receipt {
            reason: Some(why),
            ..empty(request, received)
        };
        self.send(receipt).await
    }

    /// Leaves a receipt in the spool.
    async fn send(&self, receipt: Receipt) -> Result<(), String> {
        let topic = self.node.topic(&Topic::Receipt {
            request: receipt.request,
        });
        let record = NewRecord {
            attest: None,
            class: Class::Status,
            severity: Severity::Info,
            topic,
            payload: Box::new(move |bootid, seq| {
                let receipt = Receipt {
                    bootid,
                    seq,
                    ..receipt
                };
                serde_json::to_vec(&receipt).expect("plain data with text keys becomes JSON")
            }),
        };
        let kept = self.spool.append(vec![record]).await;
        kept.map(drop).map_err(|e| format!("a receipt: {e}"))
    }
}

/// What is to be done with a command that came from the centre.
enum Judged {
    /// It was answered before.
    Again(Box<Receipt>),
    /// It is to be carried out.
    Fresh(Box<CommandRequest>),
}

/// A refusal that says nothing yet.
fn empty(request: Uuid, received: Utc) -> Receipt {
    Receipt {
        bootid: Uuid::nil(),
        seq: 0,
        request,
        outcome: CommandOutcome::Refused,
        reason: None,
        incident: None,
        evidence: Vec::new(),
        ignored: Vec::new(),
        preview: None,
        received,
        answered: protocol::now(),
    }
}

/// Why a request is too old, too long-lived or from the future; `None` if it is none of these. A clock that is not
/// synchronised may lag by years, so what has expired is judged by the latest request, too.
fn staleness(
    request: &CommandRequest,
    now: Utc,
    clock: &ClockQuality,
    latest: Utc,
) -> Option<String> {
    let CommandRequest {
        issued, expires, ..
    } = request;
    if *expires <= now.max(latest) {
        return Some(format!(
            "it expired at {expires}; this node's clock says {now}, and the latest command was given at {latest}"
        ));
    }
    let life = expires.duration_since(*issued);
    if life > MAX_LIFE || life.is_negative() {
        return Some(format!(
            "it is to live from {issued} to {expires}; a day is the most"
        ));
    }
    let ahead = issued.duration_since(now);
    (clock.synchronised && ahead > SKEW).then(|| {
        format!(
            "it was given at {issued}, and this node's clock, which is synchronised, says {now}"
        )
    })
}

async fn carry_out(
    posts: &Posts,
    owner: &mpsc::Sender<Asked>,
    request: &CommandRequest,
) -> Result<Done, (CommandOutcome, String)> {
    let command = &request.command;
    let failed = |why: String| (CommandOutcome::Failed, why);
    let camera = match command {
        Command::Preview { camera, document } => {
            return preview(owner, camera, document).await.map_err(failed);
        }
        // Its answer goes before it: the agent may have to begin anew.
        command => match command.camera() {
            Some(camera) => camera,
            None => {
                let asked = owner
                    .try_send(Asked::Reload)
                    .map_err(|_| failed(BUSY.to_owned()));
                return asked.map(|()| Done::default());
            }
        },
    };
    let Some(post) = posts.get(camera) else {
        let watched: Vec<&str> = posts.keys().map(protocol::Name::as_str).collect();
        let why = format!(
            "camera {camera} is not watched; these are: {}",
            watched.join(", ")
        );
        return Err((CommandOutcome::Refused, why));
    };
    let task = match command {
        Command::RestartCamera { .. } => {
            post.restart.now();
            return Ok(Done::default());
        }
        Command::TestAlarm { .. } => Task::TestAlarm,
        Command::Snapshot { .. } => Task::Snapshot,
        Command::FetchClip {
            seconds, original, ..
        } => Task::Clip {
            wanted: Wanted::Last { seconds: *seconds },
            original: original.clone(),
        },
        Command::FetchIncidentClip {
            incident, original, ..
        } => Task::Clip {
            wanted: Wanted::Incident(*incident),
            original: original.clone(),
        },
        // Carried out before any camera is asked.
        Command::Verdict { .. }
        | Command::ListIgnored { .. }
        | Command::Unignore { .. }
        | Command::Preview { .. }
        | Command::ReloadConfig => {
            return Ok(Done::default());
        }
    };
    let done = order(post, task, request.request).await;
    done.map_err(|why| failed(format!("camera {camera}: {why}")))
}

async fn preview(
    owner: &mpsc::Sender<Asked>,
    camera: &protocol::Name,
    document: &str,
) -> Result<Done, String> {
    let (answer, answered) = oneshot::channel();
    let asked = Asked::Preview {
        camera: camera.clone(),
        document: document.to_owned(),
        answer,
    };
    owner.try_send(asked).map_err(|_| BUSY.to_owned())?;
    match timeout(PATIENCE, answered).await {
        Ok(Ok(preview)) => Ok(Done {
            preview: Some(preview?),
            ..Done::default()
        }),
        _ => Err(format!("no answer within {PATIENCE:?}")),
    }
}

async fn order(post: &Post, task: Task, request: Uuid) -> Result<Done, String> {
    let patience = match task {
        Task::Clip { .. } => PATIENCE_CLIP,
        _ => PATIENCE,
    };
    let (answer, answered) = oneshot::channel();
    let order = Order {
        task,
        request,
        answer,
    };
    if post.orders.try_send(order).is_err() {
        return Err(BUSY.to_owned());
    }
    match timeout(patience, answered).await {
        Ok(Ok(done)) => done,
        Ok(Err(_)) => Err("its task ended before it had answered".to_owned()),
        Err(_) => Err(format!("did not answer within {patience:?}")),
    }
}

#[cfg(test)]
#[path = "inbox_tests.rs"]
mod tests;
