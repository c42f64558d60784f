//! Decisions of a replay as the messages that the street would have sent, byte for byte the same each time.
//!
//! What on the street is drawn or read off a clock follows here from the clip: an event's id is a hash (UUID version 8) of camera,
//! rule, incident and the number of the message, and every time is the start of the replay and the media time.

use std::time::Duration;

use analytics::incident::Transition;
use jiff::Timestamp;
use protocol::{IncidentEvent, incident::ClockQuality};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::{analysis::Decision, camera::Stamps, report::Reporter};

/// Messages of one camera.
pub(super) struct Events {
    reporter: Reporter,
    start: Timestamp,
    told: u64,
}

/// An alarm: an incident that opened.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Alarm {
    /// Name of the rule.
    pub(super) rule: String,
    /// Seconds after the start.
    pub(super) at_s: f64,
}

impl Events {
    pub(super) fn new(reporter: Reporter, start: Timestamp) -> Events {
        Events {
            reporter,
            start,
            told: 0,
        }
    }

    /// The message of a decision of a clip that began `offset` after the start, and the alarm, if it is one.
    pub(super) fn tell(
        &mut self,
        decision: &Decision,
        offset: Duration,
    ) -> Option<(IncidentEvent, Option<Alarm>)> {
        let change = &decision.change;
        let at = offset + decision.stamps.at;
        let time = self.start.checked_add(at).unwrap_or(self.start);
        let stamps = Stamps {
            at,
            capture: None,
            arrival: time,
        };
        let clock = ClockQuality {
            synchronised: true,
            estimated_error_ms: None,
        };
        let mut report = self.reporter.report(change, stamps, clock, None)?;
        self.reporter.attribute(&mut report, &decision.labels);
        let mut event = report.event;
        let rule = event.data.rule.id.to_string();
        let camera = event.data.camera.id.to_string();
        let incident = format!("{camera} {rule} {:?} {offset:?}", change.incident);
        event.data.incident_id = hashed(&incident);
        event.id = hashed(&format!("{incident} {}", self.told));
        event.seq = self.told;
        event.time = time;
        event.data.time.decided = time;
        event.traceparent = format!(
            "00-{}-{:016x}-01",
            event.data.incident_id.as_simple(),
            self.told + 1
        );
        self.told += 1;
        let opened = change.transition == Transition::Opened;
        let alarm = opened.then(|| Alarm {
            rule,
            at_s: (at.as_secs_f64() * 1e6).round() / 1e6,
        });
        Some((event, alarm))
    }
}

fn hashed(text: &str) -> Uuid {
    let hash = Sha256::digest(text);
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}
