//! One camera from decisions to durable messages: analysis, snapshot, report, spool.
//!
//! A task a camera. Incident changes are never dropped for want of a reader; a snapshot that fails is said in the
//! message; a spool that fails is tried a few times, then the loss is counted and logged.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use analytics::incident::Transition;
use protocol::{IncidentState, Utc};
use tokio::{
    sync::{mpsc, watch},
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    analysis::{Analysis, Decision},
    camera::{Frame, mailbox::Mailbox},
    clock,
    event_log::{Event, IncidentCommitted, IncidentLost, SnapshotFailed},
    evidence::{
        part::Part,
        snapshot::{MAX_BYTES, MAX_WIDTH, SnapshotError, THUMBNAIL, snapshot_within},
    },
    health::CameraAccount,
    inference::{counters::FeedCounters, scheduler::Seen},
    metrics::Metrics,
    report::{Report, Reporter},
    spool::{Class, Spool},
};

/// Without a frame for so long nothing can be said of what was seen: open incidents are closed.
const BLIND: Duration = Duration::from_secs(30);

/// Waits before each attempt to commit a report.
const ATTEMPTS: [Duration; 3] = [
    Duration::ZERO,
    Duration::from_millis(200),
    Duration::from_secs(1),
];

/// Everything that one camera's task works with.
pub struct Watch {
    /// Its name.
    pub camera: String,
    /// Tracks and rules.
    pub analysis: Analysis,
    /// Incidents' identities.
    pub reporter: Reporter,
    /// What inference saw.
    pub results: mpsc::Receiver<Seen>,
    /// Where messages become durable.
    pub spool: Spool,
    /// Incidents that are open, of all cameras.
    pub open_incidents: watch::Sender<Vec<Uuid>>,
    /// Its account.
    pub account: Arc<CameraAccount>,
    /// Its frames on the way to inference.
    pub mailbox: Arc<Mailbox<Frame>>,
    /// What inference counts of it.
    pub counters: Arc<FeedCounters>,
    /// Counts.
    pub metrics: Metrics,
}

impl Watch {
    /// Watches until `stop`, then closes what is open.
    pub async fn run(mut self, stop: CancellationToken) {
        loop {
            tokio::select! {
                seen = timeout(BLIND, self.results.recv()) => match seen {
                    Ok(Some(seen)) => self.look(seen).await,
                    Ok(None) => break,
                    Err(_) => self.close().await,
                },
                () = stop.cancelled() => break,
            }
        }
        while let Ok(seen) = self.results.try_recv() {
            self.look(seen).await;
        }
        self.close().await;
    }

    async fn look(&mut self, seen: Seen) {
        let decisions = self.analysis.update(seen.frame, &seen.detections);
        let dropped =
            self.mailbox.dropped() + self.counters.results_dropped.load(Ordering::Relaxed);
        let analysed = self.counters.analysed.load(Ordering::Relaxed);
        self.account.dropped.store(dropped, Ordering::Relaxed);
        self.account.analysed.store(analysed, Ordering::Relaxed);
        for decision in decisions {
            self.decided(decision).await;
        }
    }

    async fn close(&mut self) {
        for decision in self.analysis.finish() {
            self.decided(decision).await;
        }
    }

    async fn decided(&mut self, decision: Decision) {
        let pictures = match decision.change.transition {
            Transition::Opened => Some(self.pictures(&decision).await),
            Transition::Updated | Transition::Closed => None,
        };
        let report = self.reporter.report(
            &decision.change,
            decision.stamps,
            clock::quality(),
            pictures,
        );
        if let Some(report) = report {
            self.commit(report).await;
        }
    }

    /// The thumbnail, which follows the alert at once, and the snapshot.
    async fn pictures(&self, decision: &Decision) -> Result<Vec<Part>, String> {
        let frame = Arc::clone(&decision.frame);
        let boxes: Vec<_> = decision
            .change
            .objects
            .iter()
            .map(|object| object.rect)
            .collect();
        let take = move || {
            let wanted = [
                (Class::Thumbnail, THUMBNAIL),
                (Class::Snapshot, (MAX_WIDTH, MAX_BYTES)),
            ];
            let parts = wanted.into_iter().map(|(class, (width, bytes))| {
                let picture = snapshot_within(&frame.picture(), &boxes, width, bytes)?;
                Ok(Part { class, picture })
            });
            parts.collect::<Result<Vec<Part>, SnapshotError>>()
        };
        let taken = tokio::task::spawn_blocking(take).await;
        let taken = match taken {
            Ok(taken) => taken.map_err(|e| e.to_string()),
            Err(e) => Err(format!("snapshot: {e}")),
        };
        if let Err(why) = &taken {
            SnapshotFailed {
                camera: &self.camera,
                why,
            }
            .emit(&self.metrics);
        }
        taken
    }

    async fn commit(&mut self, report: Report) {
        let data = &report.event.data;
        let (incident, state) = (data.incident_id, data.state);
        let arrival = data.time.arrival;
        let rule = data.rule.id.to_string();
        let mut why = String::new();
        for wait in ATTEMPTS {
            sleep(wait).await;
            match self.spool.append(report.clone().records()).await {
                Ok(appended) => {
                    self.follow(incident, state);
                    IncidentCommitted {
                        camera: &self.camera,
                        rule: &rule,
                        state: word(state),
                        incident,
                        seq: appended.first().map_or(0, |a| a.seq),
                        delay: Utc::now().duration_since(arrival).unsigned_abs(),
                    }
                    .emit(&self.metrics);
                    return;
                }
                Err(e) => why = e.to_string(),
            }
        }
        IncidentLost {
            camera: &self.camera,
            rule: &rule,
            incident,
            why: &why,
        }
        .emit(&self.metrics);
    }

    /// Keeps the list of open incidents.
    fn follow(&self, incident: Uuid, state: IncidentState) {
        match state {
            IncidentState::Opened => self.open_incidents.send_modify(|open| open.push(incident)),
            IncidentState::Closed => {
                self.open_incidents
                    .send_modify(|open| open.retain(|id| *id != incident));
            }
            IncidentState::Updated => {}
        }
    }
}

fn word(state: IncidentState) -> &'static str {
    match state {
        IncidentState::Opened => "opened",
        IncidentState::Updated => "updated",
        IncidentState::Closed => "closed",
    }
}
