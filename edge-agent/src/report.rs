//! From what is seen to what is said: the only place where a type of `analytics` becomes a message.
//!
//! Owns an incident's identity on the wire: the id that its opened, updated and closed share, and their trace. Sends
//! nothing and stores nothing; a report becomes records that the spool numbers.

pub(crate) mod totals;

use std::{collections::HashMap, sync::Arc};

use analytics::{
    attributes::Label,
    detection::ClassId,
    incident::{IncidentChange, IncidentNumber, IncidentObject, Transition},
    rule::RuleIndex,
    track::TrackId,
};
use jiff::SignedDuration;
use protocol::{
    IncidentEvent, IncidentState, Name, NodePath, Severity, Topic, Utc, in_milliseconds,
    incident::{
        Attribute, CameraRef, CaptureBasis, ClockQuality, DATA_SCHEMA, EvidenceRef, EvidenceState,
        IncidentData, IncidentTime, MAX_BYTES, ModelRef, ObjectRef, RuleRef,
    },
};
use uuid::Uuid;

use crate::{
    camera::Stamps,
    config::settings::CameraSettings,
    custody::Attest,
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
    /// Names and labels of the camera's cascades.
    cascades: Vec<(Name, Arc<[String]>)>,
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
            cascades: Vec::new(),
            open: HashMap::new(),
            chunk,
        })
    }

    /// With the names and labels of the camera's cascades, in their order.
    #[must_use]
    pub fn with_cascades(mut self, cascades: Vec<(Name, Arc<[String]>)>) -> Self {
        self.cascades = cascades;
        self
    }

    /// Adds to a report what cascades say of its objects.
    pub fn attribute(&self, report: &mut Report, labels: &[(TrackId, Label)]) {
        for object in &mut report.event.data.objects {
            let own = labels
                .iter()
                .filter(|(track, _)| track.0 == object.track_id);
            let known = own.filter_map(|(_, label)| {
                let (name, labels) = self.cascades.get(label.cascade)?;
                Some(Attribute {
                    name: name.clone(),
                    label: labels.get(label.class)?.clone(),
                    score: label.share,
                })
            });
            object.attributes = known.collect();
        }
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
        let about = About {
            incident_id,
            state,
            rule,
            severity,
            confidence: change.confidence,
            objects: change
                .objects
                .iter()
                .map(|object| self.object(object))
                .collect(),
            test: false,
            suppressed_before: change.suppressed_before,
        };
        Some(self.message(about, stamps, clock, pictures))
    }

    fn message(
        &self,
        about: About,
        stamps: Stamps,
        clock: ClockQuality,
        pictures: Option<Result<Vec<Part>, String>>,
    ) -> Report {
        let About {
            incident_id,
            state,
            rule,
            severity,
            confidence,
            objects,
            test,
            suppressed_before,
        } = about;
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
            confidence,
            camera: self.camera.clone(),
            objects,
            time: time(stamps, decided, clock),
            evidence,
            model: self.model.clone(),
            test,
            suppressed_before,
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
        Report {
            event,
            severity,
            topic,
            node: self.node.clone(),
            parts: pictures.and_then(Result::ok).unwrap_or_default(),
            chunk: self.chunk,
        }
    }

    /// A test of the whole way: opened and closed at once, as severe as an alarm, of a rule that no camera has.
    pub fn test(
        &mut self,
        stamps: Stamps,
        clock: ClockQuality,
        pictures: Option<Result<Vec<Part>, String>>,
    ) -> [Report; 2] {
        let incident_id = Uuid::now_v7();
        let about = |state| About {
            incident_id,
            state,
            rule: RuleRef {
                id: plain("test-alarm"),
                kind: plain("test_alarm"),
                revision: String::new(),
            },
            severity: Severity::Alarm,
            confidence: 1.0,
            objects: Vec::new(),
            test: true,
            suppressed_before: 0,
        };
        [
            self.message(about(IncidentState::Opened), stamps, clock, pictures),
            self.message(about(IncidentState::Closed), stamps, clock, None),
        ]
    }

    /// A rule's id.
    pub fn rule_name(&self, rule: RuleIndex) -> &str {
        let rule = self.rules.get(rule.0);
        rule.map_or("?", |(rule, _)| rule.id.as_str())
    }

    /// Labels of the model's classes, in their order.
    pub fn labels(&self) -> &[String] {
        &self.labels
    }

    /// A part of evidence that belongs to no message of this camera's rules, as evidence of `incident`.
    pub fn evidence(&self, part: Part, incident: Uuid) -> Vec<NewRecord> {
        part.records(&self.node, incident, Severity::Alarm, self.chunk)
    }

    fn object(&self, object: &IncidentObject) -> ObjectRef {
        let label = match object.class {
            ClassId::OBJECT => Some("object".to_owned()),
            class => self.labels.get(usize::from(class.0)).cloned(),
        };
        let rect = object.rect;
        ObjectRef {
            track_id: object.track.0,
            class: label.unwrap_or_else(|| format!("class {}", object.class.0)),
            score: object.score,
            r#box: [rect.x, rect.y, rect.w, rect.h],
            speed_mps: object.speed.map(|speed| speed.mps),
            speed_error_mps: object.speed.map(|speed| speed.error_mps),
            attributes: Vec::new(),
        }
    }
}

impl Report {
    /// The same incident told again with its pictures, or with why it has none.
    pub fn pictured(&self, pictures: Result<Vec<Part>, String>) -> Report {
        let mut again = self.again();
        again.event.data.time.decided = again.event.time;
        again.event.data.evidence = announced(&pictures);
        again.parts = pictures.unwrap_or_default();
        again
    }

    /// The same incident told again with evidence that stays on the node, or with why there is none.
    pub fn with_evidence(&self, evidence: EvidenceRef) -> Report {
        let mut again = self.again();
        again.event.data.time.decided = again.event.time;
        again.event.data.evidence = vec![evidence];
        again
    }

    /// Told once more, without anything new yet.
    fn again(&self) -> Report {
        let mut event = self.event.clone();
        event.id = Uuid::now_v7();
        event.time = protocol::now();
        event.traceparent = traceparent(event.data.incident_id);
        event.data.state = IncidentState::Updated;
        IncidentState::Updated
            .event_type()
            .clone_into(&mut event.r#type);
        event.data.evidence.clear();
        Report {
            event,
            parts: Vec::new(),
            topic: self.topic.clone(),
            node: self.node.clone(),
            ..*self
        }
    }

    /// The same incident told again with its times moved by `by`, after `clock` has become right. A capture time by the
    /// camera's own clock stays as it is.
    pub fn corrected(&self, by: SignedDuration, clock: ClockQuality) -> Report {
        let moved = |time: Utc| in_milliseconds(time.checked_add(by).unwrap_or(time));
        let mut again = self.again();
        let time = &mut again.event.data.time;
        if time.capture_basis == CaptureBasis::Arrival {
            time.capture = moved(time.capture);
        }
        time.arrival = moved(time.arrival);
        time.decided = moved(time.decided);
        time.clock = clock;
        time.corrected_by_ms = i64::try_from(by.as_millis()).ok();
        again
    }

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
            .flat_map(|part| part.records(&node, event.data.incident_id, severity, chunk))
            .collect();
        let message = NewRecord {
            attest: Some(Attest::of(&event)),
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

/// What a message says of its incident.
struct About {
    incident_id: Uuid,
    state: IncidentState,
    rule: RuleRef,
    severity: Severity,
    confidence: f32,
    objects: Vec<ObjectRef>,
    test: bool,
    suppressed_before: u32,
}

fn plain(word: &str) -> Name {
    word.parse().expect("a plain word is a name")
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
        corrected_by_ms: None,
    }
}

fn announced(pictures: &Result<Vec<Part>, String>) -> Vec<EvidenceRef> {
    match pictures {
        Ok(parts) => parts.iter().map(Part::announced).collect(),
        Err(why) => vec![failed_evidence(part::name(Class::Snapshot), why)],
    }
}

/// What a message says of a part that could not be made.
pub(crate) fn failed_evidence(part: Name, why: &str) -> EvidenceRef {
    EvidenceRef {
        part,
        sha256: None,
        bytes: None,
        state: EvidenceState::Failed,
        error: Some(why.chars().take(MAX_WHY).collect()),
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
#[path = "report_tests.rs"]
mod tests;
