//! One camera from decisions to durable messages: analysis, snapshot, report, spool.
//!
//! A task a camera. Incident changes are never dropped for want of a reader; a snapshot that fails is said in the
//! message. While the spool's disk fails, changes wait here in their order and are tried again; they are not events yet,
//! and past [`UNWRITTEN`] of them, or at the end, the loss is counted and logged.

use std::{
    collections::VecDeque,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use analytics::incident::Transition;
use protocol::{IncidentState, Utc};
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, sleep, sleep_until},
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    analysis::{Analysis, Decision},
    camera::{Frame, mailbox::Mailbox},
    clock,
    event_log::{Event, IncidentCommitted, IncidentLost, SnapshotFailed},
    evidence::part::{self, Part},
    health::CameraAccount,
    inference::{counters::FeedCounters, scheduler::Seen},
    metrics::Metrics,
    report::{Report, Reporter},
    spool::Spool,
};

/// Without a frame for so long nothing can be said of what was seen: open incidents are closed.
const BLIND: Duration = Duration::from_secs(30);

/// Until reports are tried again that the spool did not take.
const RETRY: Duration = Duration::from_secs(1);
/// Reports of one camera that wait for a disk to work again: with a snapshot each, some 6 MB. Loss policy: the oldest
/// goes, counted.
const UNWRITTEN: usize = 64;
/// Attempts at the end, a [`RETRY`] apart: nobody waits longer for a shutdown.
const LAST_ATTEMPTS: usize = 3;

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
    /// Reports that the spool has not taken, oldest first; empty at first.
    pub unwritten: VecDeque<Report>,
}

impl Watch {
    /// Watches until `stop`, then closes what is open.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut seen_until = Instant::now() + BLIND;
        let mut again = Instant::now();
        loop {
            let waiting = !self.unwritten.is_empty();
            tokio::select! {
                seen = self.results.recv() => match seen {
                    Some(seen) => {
                        seen_until = Instant::now() + BLIND;
                        self.look(seen).await;
                    }
                    None => break,
                },
                () = sleep_until(seen_until) => {
                    seen_until = Instant::now() + BLIND;
                    self.close().await;
                }
                () = sleep_until(again), if waiting => {}
                () = stop.cancelled() => break,
            }
            if Instant::now() >= again || !waiting {
                self.write().await;
                again = Instant::now() + RETRY;
            }
        }
        while let Ok(seen) = self.results.try_recv() {
            self.look(seen).await;
        }
        self.close().await;
        self.write_at_last().await;
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
            self.unwritten.push_back(report);
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
        let taken =
            tokio::task::spawn_blocking(move || part::pictures(&frame.picture(), &boxes)).await;
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

    /// Commits what waits, in order, until the spool refuses one.
    async fn write(&mut self) {
        while let Some(report) = self.unwritten.front() {
            if let Err(e) = self.commit(report).await {
                let over = self.unwritten.len().saturating_sub(UNWRITTEN);
                let lost: Vec<Report> = self.unwritten.drain(..over).collect();
                lost.iter().for_each(|report| self.lost(report, &e));
                return;
            }
            self.unwritten.pop_front();
        }
    }

    /// Commits what waits, for the last time.
    async fn write_at_last(&mut self) {
        for attempt in 0..LAST_ATTEMPTS {
            if attempt > 0 {
                sleep(RETRY).await;
            }
            self.write().await;
            if self.unwritten.is_empty() {
                return;
            }
        }
        for report in std::mem::take(&mut self.unwritten) {
            self.lost(&report, "the agent ends");
        }
    }

    async fn commit(&self, report: &Report) -> Result<(), String> {
        let appended = self.spool.append(report.clone().records()).await;
        let appended = appended.map_err(|e| e.to_string())?;
        let data = &report.event.data;
        self.follow(data.incident_id, data.state);
        IncidentCommitted {
            camera: &self.camera,
            rule: data.rule.id.as_str(),
            state: word(data.state),
            incident: data.incident_id,
            seq: appended.first().map_or(0, |a| a.seq),
            delay: Utc::now().duration_since(data.time.arrival).unsigned_abs(),
        }
        .emit(&self.metrics);
        Ok(())
    }

    fn lost(&self, report: &Report, why: &str) {
        let data = &report.event.data;
        IncidentLost {
            camera: &self.camera,
            rule: data.rule.id.as_str(),
            incident: data.incident_id,
            why,
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
