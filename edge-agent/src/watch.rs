//! One camera from decisions to durable messages: analysis, report, spool; pictures follow.
//!
//! A task a camera. Incident changes are never dropped for want of a reader. An alert never waits for its pictures: [`Pictures`]
//! are made beside it, and told in messages of their own as soon as they are there (docs/decisions/0013). While the spool's disk fails, changes wait here in their order and are tried again; they are not events yet,
//! and past [`UNWRITTEN`] of them, or at the end, the loss is counted and logged.

mod clips;
mod totals;

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, atomic::Ordering},
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
    archive::recorder::{Asked, Recorder},
    camera::{Frame, Stamps, reel::Reel},
    clock,
    command::{Done, Order, Task, verdict::Teller},
    correction::{self, Corrections},
    cpu,
    event_log::{Event, IncidentCommitted, IncidentLost, RuleUnanswered, SnapshotFailed},
    evidence::part::Part,
    health::CameraAccount,
    inference::{cascade::Cascade, scheduler::Seen},
    metrics::Metrics,
    observed::{self, Step, tap::Tap},
    pictures::{Made, Pictures},
    report::{Report, Reporter},
    spool::{Class, Spool},
    totals::Book,
    witness::Look,
};

/// How often it is looked whether the clock has become right, while times wait for that.
const CLOCK_EVERY: Duration = Duration::from_secs(5);
/// Without a frame for so long nothing can be said of what was seen: open incidents are closed.
const BLIND: Duration = Duration::from_secs(30);

/// Until reports are tried again that the spool did not take.
const RETRY: Duration = Duration::from_secs(1);
/// Reports of one camera that wait for a disk to work again: with a snapshot each, some 6 MB. Loss policy: the oldest
/// goes, counted.
const UNWRITTEN: usize = 64;
/// Attempts at the end, a [`RETRY`] apart: nobody waits longer for a shutdown.
const LAST_ATTEMPTS: usize = 3;

/// A picture that is older is not what somebody wants who asks for one now.
const LATEST: Duration = Duration::from_secs(30);

/// Everything that one camera's task works with.
pub struct Watch {
    /// Its name.
    pub camera: String,
    /// Tracks and rules.
    pub analysis: Analysis,
    /// What second models are asked and say.
    pub cascade: Arc<Cascade>,
    /// Incidents' identities.
    pub reporter: Reporter,
    /// What inference saw.
    pub results: mpsc::Receiver<Seen>,
    /// What the centre asks of it.
    pub orders: mpsc::Receiver<Order>,
    /// Its last seconds as encoded.
    pub reel: Arc<Mutex<Reel>>,
    /// Pictures of its incidents.
    pub pictures: Pictures,
    /// Its clips.
    pub clips: Recorder,
    /// What operators' verdicts want to know of it, and have its rules ignore.
    pub verdicts: Teller,
    /// Where messages become durable.
    pub spool: Spool,
    /// Incidents that are open, of all cameras.
    pub open_incidents: watch::Sender<Vec<Uuid>>,
    /// Its account.
    pub account: Arc<CameraAccount>,
    /// Where others hear what its analysis is told.
    pub tap: Arc<Tap>,
    /// What its rules count.
    pub book: Book,
    /// Counts.
    pub metrics: Metrics,
    /// Reports that the spool has not taken, oldest first; empty at first.
    pub unwritten: VecDeque<Report>,
    /// Reports whose times wait for the clock; empty at first.
    pub corrections: Corrections,
    /// When the agent began.
    pub began: Instant,
}

impl Watch {
    /// Watches until `stop`, then closes what is open.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut seen_until = Instant::now() + BLIND;
        let (mut again, mut look_at_clock) = (Instant::now(), Instant::now());
        loop {
            let waiting = !self.unwritten.is_empty();
            let (due, totals) = (self.pictures.due(), self.book.due());
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
                    self.be_blind();
                }
                Some(order) = self.orders.recv() => self.obey(order).await,
                Some(made) = self.pictures.made() => self.tell_pictures(made),
                () = sleep_until(due.unwrap_or(again)), if due.is_some() => self.pictures.settle_due(),
                made = self.clips.next() => self.clip_made(made).await,
                () = sleep_until(again), if waiting => {}
                () = sleep_until(look_at_clock), if self.corrections.is_waiting() => {
                    look_at_clock = Instant::now() + CLOCK_EVERY;
                    self.correct();
                }
                () = sleep_until(totals) => self.tell_totals().await,
                () = stop.cancelled() => break,
            }
            if Instant::now() >= again || !waiting {
                self.write().await;
                again = Instant::now() + RETRY;
            }
            self.pictures.begin();
        }
        while let Ok(seen) = self.results.try_recv() {
            self.look(seen).await;
        }
        self.close();
        self.write().await;
        self.tell_totals().await;
        self.finish_pictures().await;
        let clips = self.clips.finish().await;
        self.unwritten.extend(clips);
        self.write_at_last().await;
    }

    async fn look(&mut self, seen: Seen) {
        let began = cpu::thread_time();
        let answers = self.cascade.take_answers();
        if !answers.is_empty() {
            self.tap.tell(Step::Answered(answers.clone()));
        }
        self.analysis.answered(answers);
        for (rule, areas) in self.verdicts.due(Utc::now()).into_iter().flatten() {
            self.analysis.set_ignored(rule, areas);
        }
        let said = self.cascade.take_said();
        if !said.is_empty() {
            self.tap.tell(Step::Said(said.clone()));
        }
        self.analysis.hear(said);
        let Seen {
            frame,
            detections,
            appearances,
        } = seen;
        // Who listens may have rules that look at the picture.
        let luma = self.tap.is_heard();
        let look = observed::Look::of(&frame, detections.as_deref(), &appearances, luma);
        self.tap.tell(Step::Frame(look));
        self.analysis.recognise(appearances);
        let decisions = match (&detections, frame.still_since()) {
            (Some(detections), None) => self.analysis.update(Arc::clone(&frame), detections),
            (looked, _) => (self.analysis).update_still(Arc::clone(&frame), looked.as_deref()),
        };
        self.cascade.wish(self.analysis.wishes());
        if self.cascade.wants_sketches() {
            self.cascade.sketch(self.analysis.sketches());
        }
        self.verdicts.count(self.analysis.ignored());
        self.look_for_clips();
        let cost = cpu::thread_time().saturating_sub(began);
        (self.pictures).look(&frame, self.analysis.tracks(), detections.as_deref());
        let active = self.analysis.something_moves();
        self.account.feed.active.store(active, Ordering::Relaxed);
        self.show(&decisions, cost).await;
        for (rule, why) in self.analysis.take_troubles() {
            let (camera, rule) = (&self.camera, self.reporter.rule_name(rule));
            RuleUnanswered {
                camera,
                rule,
                why: &why,
            }
            .emit(&self.metrics);
        }
        decisions.into_iter().for_each(|one| self.decided(one));
    }

    /// Shows the frame to whoever looks on.
    async fn show(&self, decisions: &[Decision], cost: Duration) {
        let look = self.analysis.last_frame().map(|frame| Look {
            camera: &self.camera,
            frame,
            tracks: self.analysis.tracks(),
            decisions,
            cost,
        });
        let record = look.and_then(|look| self.metrics.witness.analysed(&look));
        if let Some(record) = record
            && let Err(why) = self.spool.append(vec![record]).await
        {
            tracing::warn!(camera = self.camera, %why, "the witness's message is lost");
        }
    }

    /// Nothing was seen for long: closes what is open. That the signal is lost may be an incident.
    fn be_blind(&mut self) {
        if !self.account.is_without_signal() {
            return self.close();
        }
        let decisions = self.analysis.lose_signal().into_iter();
        decisions.for_each(|one| self.decided(one));
    }

    fn close(&mut self) {
        let decisions = self.analysis.finish().into_iter();
        decisions.for_each(|one| self.decided(one));
        self.pictures.settle_all();
    }

    fn decided(&mut self, decision: Decision) {
        let (change, stamps) = (&decision.change, decision.stamps);
        let report = self.reporter.report(change, stamps, clock::quality(), None);
        let Some(mut report) = report else { return };
        self.reporter.attribute(&mut report, &decision.labels);
        self.corrections
            .note(&report, correction::offset(self.began));
        self.unwritten.push_back(report.clone());
        self.verdicts.tell(&report);
        self.follow_clip(&report, &decision);
        let Decision { change, frame, .. } = decision;
        if change.transition == Transition::Opened {
            self.tap.count_opened();
            self.book.opened(change.rule);
            let tracks = self.analysis.tracks();
            let refused = (self.pictures).want(report, &frame, tracks, &change.objects);
            refused
                .into_iter()
                .for_each(|made| self.tell_pictures(made));
        }
    }

    /// Makes what is still wanted, whatever time that takes.
    async fn finish_pictures(&mut self) {
        self.pictures.begin();
        while let Some(made) = self.pictures.made().await {
            self.tell_pictures(made);
            self.pictures.begin();
        }
    }

    /// Tells of an incident's pictures, or why there are none.
    fn tell_pictures(&mut self, (report, taken): Made) {
        if let Err(why) = &taken {
            self.no_picture(why);
        }
        self.unwritten.push_back(report.pictured(taken));
    }

    fn no_picture(&self, why: &str) {
        SnapshotFailed {
            camera: &self.camera,
            why,
        }
        .emit(&self.metrics);
    }

    /// Tells again, with the right times, what was told before the clock was right.
    fn correct(&mut self) {
        let offset = correction::offset(self.began);
        let due = self.corrections.due(clock::quality(), offset);
        self.unwritten.extend(due);
    }

    /// Carries out an order of the centre and answers it.
    async fn obey(&mut self, order: Order) {
        let Order {
            task,
            request,
            answer,
        } = order;
        let done = match task {
            Task::TestAlarm => self.test_alarm().await,
            Task::Snapshot => match self.latest_picture().await {
                Ok(part) => self.send(vec![part], request).await,
                Err(why) => Err(why),
            },
            Task::Clip { wanted, original } => {
                return self.clips.ask(Asked {
                    wanted,
                    original,
                    request,
                    answer,
                });
            }
        };
        self.answer(answer, done);
    }

    /// Raises an incident that is marked as a test, with the latest picture if there is one.
    async fn test_alarm(&mut self) -> Result<Done, String> {
        let frame = self.analysis.last_frame().cloned();
        let stamps = frame.as_ref().map_or(
            Stamps {
                at: Duration::ZERO,
                capture: None,
                arrival: Utc::now(),
            },
            |frame| frame.stamps(),
        );
        let pictures = match frame {
            Some(frame) => Some(self.picture_now(frame).await),
            None => None,
        };
        let reports = self.reporter.test(stamps, clock::quality(), pictures);
        let incident = reports[0].event.data.incident_id;
        let evidence = reports[0].event.data.evidence.clone();
        self.unwritten.extend(reports);
        self.write().await;
        Ok(Done {
            incident: Some(incident),
            evidence,
            ..Done::default()
        })
    }

    async fn latest_picture(&self) -> Result<Part, String> {
        let frame = self.analysis.last_frame().cloned();
        let frame = frame.ok_or("has shown no picture yet")?;
        let age = Utc::now().duration_since(frame.stamps().arrival);
        if age.unsigned_abs() > LATEST {
            return Err(format!("its last picture is {} s old", age.as_secs()));
        }
        let parts = self.picture_now(frame).await?;
        let picture = parts.into_iter().find(|part| part.class == Class::Snapshot);
        picture.ok_or_else(|| "no snapshot was taken".to_owned())
    }

    async fn picture_now(&self, frame: Arc<Frame>) -> Result<Vec<Part>, String> {
        let taken = self.pictures.now(&frame, self.analysis.tracks()).await;
        if let Err(why) = &taken {
            self.no_picture(why);
        }
        taken
    }

    /// Leaves evidence in the spool that was asked for, under the id of the request.
    async fn send(&self, parts: Vec<Part>, request: Uuid) -> Result<Done, String> {
        let evidence = parts.iter().map(Part::announced).collect();
        let parts = parts.into_iter();
        let records = parts.flat_map(|part| self.reporter.evidence(part, request));
        let kept = self.spool.append(records.collect()).await;
        kept.map_err(|e| e.to_string())?;
        Ok(Done {
            incident: Some(request),
            evidence,
            ..Done::default()
        })
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
