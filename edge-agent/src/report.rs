//! From what is seen to what is said: the only place where a type of `analytics` becomes a message.
//!
//! Owns an incident's identity on the wire: the id that its opened, updated and closed share, and their trace. Sends
//! nothing and stores nothing; a report becomes records that the spool numbers.

use std::collections::HashMap;

use analytics::incident::{IncidentChange, IncidentNumber, IncidentObject, Transition};
use protocol::{
    IncidentEvent, IncidentState, Name, NodePath, Severity, Topic, Utc, in_milliseconds,
    incident::{
        CameraRef, CaptureBasis, ClockQuality, DATA_SCHEMA, EvidenceRef, EvidenceState,
        IncidentData, IncidentTime, MAX_BYTES, ModelRef, ObjectRef, RuleRef,
    },
};
use uuid::Uuid;

use crate::{
    camera::Stamps,
    config::settings::CameraSettings,
    evidence::part::{self, Part},
    spool::{Class, NewRecord},
};

/// Longest account of a failure in a message, in characters.
const MAX_WHY: usize = 200;

/// Why a camera cannot be reported on.
#[derive(Debug, thiserror::Error)]
#[error("rule {rule:?}: {why}")]
pub struct ReporterError {
    rule: String,
    why: String,
}

/// Turns one camera's decisions into messages.
pub struct Reporter {
    node: NodePath,
    camera: CameraRef,
    rules: Vec<(RuleRef, Severity)>,
    labels: Vec<String>,
    model: ModelRef,
    open: HashMap<IncidentNumber, Uuid>,
    /// Evidence goes in chunks of this many bytes.
    chunk: usize,
}

/// One message with what belongs to it.
#[derive(Clone, Debug)]
pub struct Report {
    /// The message; the spool fills in its boot and place.
    pub event: IncidentEvent,
    /// The rule's severity.
    pub severity: Severity,
    topic: String,
    node: NodePath,
    parts: Vec<Part>,
    chunk: usize,
}

impl Reporter {
    /// For a camera watched by this model with these labels; evidence goes in chunks of `chunk` bytes.
    ///
    /// # Errors
    /// If a rule's name cannot stand in a message.
    pub fn new(
        node: &NodePath,
        camera: &CameraSettings,
        model: ModelRef,
        labels: &[String],
        chunk: usize,
    ) -> Result<Self, ReporterError> {
        let rules = camera.scene.rules.iter().map(|rule| {
            let name = |text: &str| {
                text.parse::<Name>().map_err(|why| ReporterError {
                    rule: rule.id.clone(),
                    why: format!("{text:?} {why}"),
                })
            };
            let severity = camera
                .severities
                .get(&rule.id)
                .copied()
                .unwrap_or(Severity::Alarm);
            let reference = RuleRef {
                id: name(&rule.id)?,
                kind: name(rule.rule.kind().as_str())?,
                revision: camera.revisions.get(&rule.id).cloned().unwrap_or_default(),
            };
            Ok((reference, severity))
        });
        Ok(Reporter {
            node: node.clone(),
            rules: rules.collect::<Result<_, ReporterError>>()?,
            camera: CameraRef {
                id: camera.id.clone(),
                name: camera.name.clone(),
                latitude: camera.position.map(|p| p.0),
                longitude: camera.position.map(|p| p.1),
            },
            labels: labels.to_vec(),
            model,
            open: HashMap::new(),
            chunk,
        })
    }

    /// The message about `change`, decided now. `pictures`: its evidence, why there is none, or nothing if none was
    /// wanted. `None` if the change names a rule that the camera has not.
    pub fn report(
        &mut self,
        change: &IncidentChange,
        stamps: Stamps,
        clock: ClockQuality,
        pictures: Option<Result<Vec<Part>, String>>,
    ) -> Option<Report> {
        let (rule, severity) = self.rules.get(change.rule.0)?.clone();
        let state = state(change.transition);
        let incident_id = *self
            .open
            .entry(change.incident)
            .or_insert_with(Uuid::now_v7);
        if state == IncidentState::Closed {
            self.open.remove(&change.incident);
        }
        let decided = protocol::now();
        let evidence = pictures.as_ref().map(announced).unwrap_or_default();
        let topic = self.node.topic(&Topic::Incident {
            camera: self.camera.id.clone(),
            kind: rule.kind.clone(),
        });
        let data = IncidentData {
            incident_id,
            state,
            rule,
            severity,
            confidence: change.confidence,
            camera: self.camera.clone(),
            objects: change
                .objects
                .iter()
                .map(|object| self.object(object))
                .collect(),
            time: time(stamps, decided, clock),
            evidence,
            model: self.model.clone(),
            test: false,
            suppressed_before: 0,
        };
        let event = IncidentEvent {
            specversion: "1.0".to_owned(),
            id: Uuid::now_v7(),
            source: self.node.source(&self.camera.id),
            r#type: state.event_type().to_owned(),
            time: decided,
            datacontenttype: "application/json".to_owned(),
            dataschema: DATA_SCHEMA.to_owned(),
            bootid: Uuid::nil(),
            seq: 0,
            traceparent: traceparent(incident_id),
            data,
        };
        Some(Report {
            event,
            severity,
            topic,
            node: self.node.clone(),
            parts: pictures.and_then(Result::ok).unwrap_or_default(),
            chunk: self.chunk,
        })
    }

    fn object(&self, object: &IncidentObject) -> ObjectRef {
        let label = self.labels.get(usize::from(object.class.0));
        let rect = object.rect;
        ObjectRef {
            track_id: object.track.0,
            class: label
                .cloned()
                .unwrap_or_else(|| format!("class {}", object.class.0)),
            score: object.score,
            r#box: [rect.x, rect.y, rect.w, rect.h],
            speed_mps: None,
        }
    }
}

impl Report {
    /// The records of this report: the message, then the chunks of its pictures.
    pub fn records(self) -> Vec<NewRecord> {
        let Report {
            event,
            severity,
            topic,
            node,
            parts,
            chunk,
        } = self;
        let parts = parts.into_iter();
        let pictures: Vec<NewRecord> = parts
            .flat_map(|part| part.records(&node, &event, severity, chunk))
            .collect();
        let message = NewRecord {
            class: Class::Incident,
            severity,
            topic,
            payload: Box::new(move |bootid, seq| {
                message(IncidentEvent {
                    bootid,
                    seq,
                    ..event
                })
            }),
        };
        std::iter::once(message).chain(pictures).collect()
    }
}

fn state(transition: Transition) -> IncidentState {
    match transition {
        Transition::Opened => IncidentState::Opened,
        Transition::Updated => IncidentState::Updated,
        Transition::Closed => IncidentState::Closed,
    }
}

fn time(stamps: Stamps, decided: Utc, clock: ClockQuality) -> IncidentTime {
    let basis = match stamps.capture {
        Some(_) => CaptureBasis::RtcpSr,
        None => CaptureBasis::Arrival,
    };
    IncidentTime {
        capture: in_milliseconds(stamps.capture_or_arrival()),
        capture_basis: basis,
        arrival: in_milliseconds(stamps.arrival),
        decided,
        clock,
    }
}

fn announced(pictures: &Result<Vec<Part>, String>) -> Vec<EvidenceRef> {
    match pictures {
        Ok(parts) => parts.iter().map(Part::announced).collect(),
        Err(why) => vec![EvidenceRef {
            part: part::name(Class::Snapshot),
            sha256: None,
            bytes: None,
            state: EvidenceState::Failed,
            error: Some(why.chars().take(MAX_WHY).collect()),
        }],
    }
}

/// W3C trace context: all messages of an incident share a trace, each is a span of its own.
fn traceparent(incident: Uuid) -> String {
    let span = rand::random_range(1..=u64::MAX);
    format!("00-{}-{span:016x}-01", incident.as_simple())
}

/// The message as JSON of at most [`MAX_BYTES`]: a crowd is cut to the objects that fit.
fn message(mut event: IncidentEvent) -> Vec<u8> {
    loop {
        let bytes = serde_json::to_vec(&event).expect("plain data with text keys becomes JSON");
        if bytes.len() <= MAX_BYTES || event.data.objects.pop().is_none() {
            return bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use analytics::{
        detection::ClassId,
        geometry::Rect,
        rule::{RuleIndex, RuleKind},
        track::TrackId,
    };

    use protocol::EvidenceHeader;

    use super::*;
    use crate::{config, evidence::snapshot::Snapshot};

    const CONFIG: &str = r#"
        node = { region = "r", site = "s", name = "n" }
        mqtt = { host = "localhost" }
        [[cameras]]
        id = "gate"
        url = "rtsp://192.0.2.1/"
        lines = [{ id = "l", from = [0.1, 0.5], to = [0.9, 0.5] }]
        rules = [{ id = "in", kind = "line_crossing", line = "l", severity = "critical" }]
    "#;

    fn reporter() -> Reporter {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), CONFIG).unwrap();
        let settings = config::load(file.path()).unwrap();
        let model = ModelRef {
            name: "m".to_owned(),
            sha256: "0".repeat(64),
        };
        Reporter::new(
            &settings.node,
            &settings.cameras[0],
            model,
            &["person".to_owned()],
            3,
        )
        .unwrap()
    }

    fn change(number: u64, transition: Transition, objects: usize) -> IncidentChange {
        let rect = Rect {
            x: 0.123_456_7,
            y: 0.2,
            w: 0.1,
            h: 0.3,
        };
        let object = |track| IncidentObject {
            track: TrackId(track),
            class: ClassId(0),
            score: 0.9,
            rect,
        };
        IncidentChange {
            incident: IncidentNumber(number),
            rule: RuleIndex(0),
            kind: RuleKind::LineCrossing,
            transition,
            at: Duration::from_secs(1),
            confidence: 0.8,
            objects: (0..objects as u64).map(object).collect(),
        }
    }

    fn stamps() -> Stamps {
        Stamps {
            at: Duration::from_secs(1),
            capture: None,
            arrival: "2026-07-01T10:15:30.123Z".parse().unwrap(),
        }
    }

    const CLOCK: ClockQuality = ClockQuality {
        synchronised: true,
        estimated_error_ms: None,
    };

    fn report(
        reporter: &mut Reporter,
        change: &IncidentChange,
        pictures: Option<Result<Vec<Part>, String>>,
    ) -> Report {
        reporter.report(change, stamps(), CLOCK, pictures).unwrap()
    }

    /// The records' topics and payloads as the spool would have them at places 7 and 8.
    fn spooled(report: Report) -> Vec<(String, Vec<u8>)> {
        let records = report.records().into_iter().zip(7..);
        records
            .map(|(record, seq)| (record.topic, (record.payload)(Uuid::max(), seq)))
            .collect()
    }

    #[test]
    fn an_incident_keeps_its_id_and_trace_from_opened_to_closed() {
        let mut reporter = reporter();
        let opened = report(&mut reporter, &change(1, Transition::Opened, 1), None).event;
        let other = report(&mut reporter, &change(2, Transition::Opened, 1), None).event;
        let closed = report(&mut reporter, &change(1, Transition::Closed, 1), None).event;
        assert_eq!(opened.data.incident_id, closed.data.incident_id);
        assert_ne!(opened.data.incident_id, other.data.incident_id);
        assert_eq!(opened.traceparent[..35], closed.traceparent[..35]);
        assert_ne!(
            opened.id, closed.id,
            "each message has an identity of its own"
        );
        assert_eq!(closed.r#type, "city.safe.incident.closed.v1");
        let reopened = report(&mut reporter, &change(1, Transition::Opened, 1), None).event;
        assert_ne!(
            reopened.data.incident_id, opened.data.incident_id,
            "a closed incident is over"
        );
    }

    #[test]
    fn the_message_and_its_picture_are_numbered_by_the_spool() {
        let part = |class, jpeg: &[u8]| Part {
            class,
            picture: Snapshot {
                jpeg: jpeg.to_vec(),
                size: (1, 1),
                sha256: class.as_str().to_owned(),
            },
        };
        let pictures = vec![
            part(Class::Thumbnail, b"sm"),
            part(Class::Snapshot, b"large"),
        ];
        let report = report(
            &mut reporter(),
            &change(1, Transition::Opened, 1),
            Some(Ok(pictures)),
        );
        let id = report.event.data.incident_id;
        let records = spooled(report);
        assert_eq!(
            records[0].0,
            "safecity/v1/r/s/n/incident/gate/line_crossing"
        );
        let event: IncidentEvent = serde_json::from_slice(&records[0].1).unwrap();
        assert_eq!((event.bootid, event.seq), (Uuid::max(), 7));
        assert_eq!(event.data.severity, Severity::Critical);
        assert_eq!(event.data.objects[0].class, "person");
        assert_eq!(event.data.time.capture_basis, CaptureBasis::Arrival);
        let announced = event.data.evidence.iter();
        let announced: Vec<_> = announced.map(|e| (e.part.as_str(), e.bytes)).collect();
        assert_eq!(announced, [("thumbnail", Some(2)), ("snapshot", Some(5))]);
        let chunks = records[1..].iter().map(|(topic, payload)| {
            let (header, bytes) = EvidenceHeader::decode(payload).unwrap();
            assert_eq!((header.bootid, header.incident_id), (Uuid::max(), id));
            let part = topic.strip_prefix(&format!("safecity/v1/r/s/n/evidence/{id}/"));
            assert_eq!(part, Some(header.part.as_str()));
            (
                header.sha256,
                header.seq,
                header.offset,
                header.total,
                bytes.to_vec(),
            )
        });
        let expected = [
            ("thumbnail", 8, 0, 2, &b"sm"[..]),
            ("snapshot", 9, 0, 5, b"lar"),
            ("snapshot", 10, 3, 5, b"ge"),
        ];
        let expected = expected.map(|(s, n, o, t, b)| (s.to_owned(), n, o, t, b.to_vec()));
        assert_eq!(chunks.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_failed_snapshot_is_said_in_the_message_and_has_no_record() {
        let why = Err("x".repeat(1000));
        let records = spooled(report(
            &mut reporter(),
            &change(1, Transition::Opened, 1),
            Some(why),
        ));
        assert_eq!(records.len(), 1);
        let event: IncidentEvent = serde_json::from_slice(&records[0].1).unwrap();
        assert_eq!(event.data.evidence[0].state, EvidenceState::Failed);
        assert_eq!(
            event.data.evidence[0].error.as_ref().map(String::len),
            Some(MAX_WHY)
        );
    }

    #[test]
    fn a_crowd_does_not_make_a_message_longer_than_the_contract() {
        let records = spooled(report(
            &mut reporter(),
            &change(1, Transition::Opened, 500),
            None,
        ));
        assert!(records[0].1.len() <= MAX_BYTES);
        let event: IncidentEvent = serde_json::from_slice(&records[0].1).unwrap();
        assert!(
            event.data.objects.len() > 10,
            "{}",
            event.data.objects.len()
        );
    }
}
