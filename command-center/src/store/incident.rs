//! What the messages of one incident say together, whatever order they came in. Pure: reads no clock and no database.

use jiff::SignedDuration;
use protocol::{
    IncidentEvent, IncidentState, Severity, Utc,
    incident::{CameraRef, EvidenceRef, IncidentTime, ModelRef, ObjectRef, RuleRef},
};
use serde::{Deserialize, Serialize};

/// One incident, as all its messages together tell it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Merged {
    pub(super) state: IncidentState,
    pub(super) severity: Severity,
    pub(super) confidence: f32,
    pub(super) rule: RuleRef,
    pub(super) camera: CameraRef,
    pub(super) objects: Vec<ObjectRef>,
    pub(super) time: IncidentTime,
    pub(super) evidence: Vec<EvidenceRef>,
    pub(super) model: ModelRef,
    pub(super) test: bool,
    pub(super) suppressed_before: u32,
    /// When the node last decided anything about it.
    pub(super) latest: Utc,
    /// When the node decided that it is over.
    pub(super) closed: Option<Utc>,
}

/// Order of an incident's messages: opened, then updates by time, then closed. `seq` alone would not do, since an
/// incident may outlive a boot of its node; it decides between updates of one instant.
fn place(event: &IncidentEvent) -> (u8, Utc, u64) {
    let rank = match event.data.state {
        IncidentState::Opened => 0,
        IncidentState::Updated => 1,
        IncidentState::Closed => 2,
    };
    (rank, event.time, event.seq)
}

/// Puts messages into the order of the incident's life.
pub(super) fn sort(events: &mut [(Utc, IncidentEvent)]) {
    events.sort_by_key(|(_, event)| place(event));
}

/// Merges messages that [`sort`] has ordered; `None` if there are none.
///
/// The first message gives place, time and objects, unless a later one corrects its time after the node's clock was
/// synchronised: that one's time counts, and moves an ending that was told before, too; severity and confidence are the highest that were said, because
/// an operator judges an incident by its worst moment; each part of the evidence is as it was last spoken of.
pub(super) fn merge(events: &[(Utc, IncidentEvent)]) -> Option<Merged> {
    let first = &events.first()?.1;
    let mut merged = Merged {
        state: first.data.state,
        severity: first.data.severity,
        confidence: first.data.confidence,
        rule: first.data.rule.clone(),
        camera: first.data.camera.clone(),
        objects: Vec::new(),
        time: first.data.time.clone(),
        evidence: Vec::new(),
        model: first.data.model.clone(),
        test: first.data.test,
        suppressed_before: first.data.suppressed_before,
        latest: first.time,
        closed: None,
    };
    for (_, event) in events {
        merged.state = event.data.state;
        merged.severity = merged.severity.max(event.data.severity);
        merged.confidence = merged.confidence.max(event.data.confidence);
        merged.latest = merged.latest.max(event.time);
        if merged.objects.is_empty() {
            merged.objects.clone_from(&event.data.objects);
        }
        if event.data.time.corrected_by_ms.is_some() {
            merged.time = event.data.time.clone();
        }
        if event.data.state == IncidentState::Closed {
            let by = merged.time.corrected_by_ms;
            let by = by.filter(|_| !event.data.time.clock.synchronised);
            let by = SignedDuration::from_millis(by.unwrap_or_default());
            merged.closed = Some(event.time.checked_add(by).unwrap_or(event.time));
        }
        for part in &event.data.evidence {
            add_evidence(&mut merged.evidence, part);
        }
    }
    Some(merged)
}

/// A later word on a part replaces an earlier one, but does not forget its hash.
fn add_evidence(known: &mut Vec<EvidenceRef>, part: &EvidenceRef) {
    match known.iter_mut().find(|k| k.part == part.part) {
        Some(earlier) => {
            let mut part = part.clone();
            part.sha256 = part.sha256.or(earlier.sha256.take());
            part.bytes = part.bytes.or(earlier.bytes);
            *earlier = part;
        }
        None => known.push(part.clone()),
    }
}
