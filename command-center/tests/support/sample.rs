//! Messages as a node sends them.

use command_center::role::{Grant, Role};
use command_center::store::{Delivery, Outcome, Store};
use protocol::{
    CameraState, Coverage, Degradation, EvidenceHeader, Health, IncidentEvent, IncidentState,
    NodePath, NodeState, NodeStatus, Severity, Topic, Utc,
    incident::{
        CameraRef, CaptureBasis, ClockQuality, EvidenceRef, EvidenceState, IncidentData,
        IncidentTime, ModelRef, ObjectRef, RuleRef,
    },
    status::CameraHealth,
};
use sha2::{Digest, Sha256};
use std::sync::Arc;
use uuid::Uuid;

/// A message on its way: topic and payload.
pub type Sent = (String, Vec<u8>);

/// A node that counts its messages.
pub struct Node {
    pub path: NodePath,
    pub bootid: Uuid,
    pub seq: u64,
    pub faults: Vec<String>,
}

pub fn at(seconds: i64) -> Utc {
    Utc::from_second(1_782_900_000 + seconds).unwrap()
}

pub fn hex(bytes: &[u8]) -> String {
    let hash = Sha256::digest(bytes);
    hash.iter().map(|b| format!("{b:02x}")).collect()
}

impl Node {
    pub fn new(name: &str) -> Node {
        Node {
            path: NodePath {
                region: "tashkent".parse().unwrap(),
                site: "chorsu-crossroads".parse().unwrap(),
                node: name.parse().unwrap(),
            },
            bootid: Uuid::new_v4(),
            seq: 0,
            faults: Vec::new(),
        }
    }

    pub fn next_seq(&mut self) -> u64 {
        self.seq += 1;
        self.seq
    }

    /// A change of an incident on camera `north`, decided at `time`.
    pub fn event(&mut self, incident: Uuid, state: IncidentState, time: Utc) -> IncidentEvent {
        let camera: protocol::Name = "north".parse().unwrap();
        IncidentEvent {
            specversion: "1.0".to_owned(),
            id: Uuid::now_v7(),
            source: self.path.source(&camera),
            r#type: state.event_type().to_owned(),
            time,
            datacontenttype: "application/json".to_owned(),
            dataschema: "incident-v1.json".to_owned(),
            bootid: self.bootid,
            seq: self.next_seq(),
            traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned(),
            data: data(incident, state, time, camera),
        }
    }

    pub fn status(&self, state: NodeState, time: Utc, open: &[Uuid]) -> Sent {
        self.status_at(None, state, time, open)
    }

    /// A status that was said to `broker`.
    pub fn status_at(
        &self,
        broker: Option<&str>,
        state: NodeState,
        time: Utc,
        open: &[Uuid],
    ) -> Sent {
        let status = NodeStatus {
            state,
            bootid: self.bootid,
            version: "0.1.0".to_owned(),
            config_revision: "sha256:9f2c41d7".to_owned(),
            time,
            open_incidents: open.to_vec(),
            insecure: Vec::new(),
            broker: broker.map(str::to_owned),
        };
        self.sent(&Topic::Status, &serde_json::to_vec(&status).unwrap())
    }

    pub fn health(&self, time: Utc, frames: u64) -> Sent {
        let camera = |id: &str, name: &str, state, reason: Option<&str>, frames| CameraHealth {
            id: id.parse().unwrap(),
            name: Some(name.to_owned()),
            state,
            reason: reason.map(str::to_owned),
            frames_decoded: frames * 5,
            frames_analysed: frames,
            frames_dropped: 3,
            connections: 1,
            watched_s: frames / 5,
            expected_s: frames / 5 + 4,
            coverage: Some(Coverage {
                analysed_ms: frames * 52,
                still_ms: frames * 110,
                starved_ms: frames * 10,
                reduced_ms: frames * 28,
                connecting_ms: 4000,
                failed_ms: if frames == 0 { 5_396_000 } else { 0 },
                ..Coverage::default()
            }),
        };
        let failed =
            Some("401 from the camera: wrong user name or password; next attempt in 5 min");
        let health = Health {
            bootid: self.bootid,
            time,
            clock: ClockQuality {
                synchronised: true,
                estimated_error_ms: Some(12),
            },
            uptime_s: 5400,
            spool_pending: 0,
            last_seq: self.seq,
            faults: self.faults.clone(),
            commands_refused: 0,
            last_refusal: None,
            archive: None,
            verdicts: None,
            degradation: Some(Degradation {
                step: 2,
                reason: "overload (24 % of the pictures to be analysed gave way to later ones): 2 of 2 cameras at \
                         their lowest rate (north, south)"
                    .to_owned(),
                since: time,
            }),
            cameras: vec![
                camera(
                    "north",
                    "Chorsu, north crossing",
                    CameraState::Watching,
                    None,
                    frames,
                ),
                camera("south", "Chorsu, bus stop", CameraState::Failed, failed, 0),
            ],
        };
        self.sent(&Topic::Health, &serde_json::to_vec(&health).unwrap())
    }

    pub fn sent(&self, topic: &Topic, payload: &[u8]) -> Sent {
        (self.path.topic(topic), payload.to_vec())
    }

    pub fn send_event(&self, event: &IncidentEvent) -> Sent {
        let topic = Topic::Incident {
            camera: event.data.camera.id.clone(),
            kind: event.data.rule.kind.clone(),
        };
        self.sent(&topic, &serde_json::to_vec(event).unwrap())
    }

    /// A chunk of a part of evidence; the header tells `whole`'s hash and length.
    pub fn chunk(&mut self, incident: Uuid, whole: &[u8], range: std::ops::Range<usize>) -> Sent {
        self.chunk_of("snapshot", incident, whole, range)
    }

    pub fn chunk_of(
        &mut self,
        part: &str,
        incident: Uuid,
        whole: &[u8],
        range: std::ops::Range<usize>,
    ) -> Sent {
        let part: protocol::Name = part.parse().unwrap();
        let header = EvidenceHeader {
            bootid: self.bootid,
            seq: self.next_seq(),
            incident_id: incident,
            part: part.clone(),
            content_type: "image/jpeg".to_owned(),
            sha256: hex(whole),
            total: whole.len() as u64,
            offset: range.start as u64,
        };
        let payload = header.encode(&whole[range]).unwrap();
        self.sent(&Topic::Evidence { incident, part }, &payload)
    }
}

fn data(incident: Uuid, state: IncidentState, time: Utc, camera: protocol::Name) -> IncidentData {
    IncidentData {
        incident_id: incident,
        state,
        rule: RuleRef {
            id: "gate-3".parse().unwrap(),
            kind: "line_crossing".parse().unwrap(),
            revision: "sha256:5d1f".to_owned(),
        },
        severity: Severity::Alarm,
        confidence: 0.83,
        camera: CameraRef {
            id: camera,
            name: Some("Chorsu, north crossing".to_owned()),
            latitude: Some(41.3265),
            longitude: Some(69.2352),
        },
        objects: vec![ObjectRef {
            track_id: 15,
            class: "person".to_owned(),
            score: 0.83,
            r#box: [0.42, 0.35, 0.07, 0.3],
            speed_mps: None,
            speed_error_mps: None,
            attributes: Vec::new(),
        }],
        time: IncidentTime {
            corrected_by_ms: None,
            capture: time
                .checked_sub(std::time::Duration::from_millis(180))
                .unwrap(),
            capture_basis: CaptureBasis::RtcpSr,
            arrival: time
                .checked_sub(std::time::Duration::from_millis(90))
                .unwrap(),
            decided: time,
            clock: ClockQuality {
                synchronised: true,
                estimated_error_ms: Some(12),
            },
        },
        evidence: Vec::new(),
        model: ModelRef {
            name: "street-nano".to_owned(),
            sha256: hex(b"model"),
        },
        test: false,
        suppressed_before: 0,
    }
}

/// Announces `picture` as the snapshot of an event.
pub fn announce(event: &mut IncidentEvent, picture: &[u8]) {
    announce_part("snapshot", event, picture);
}

pub fn announce_part(part: &str, event: &mut IncidentEvent, picture: &[u8]) {
    event.data.evidence.push(EvidenceRef {
        part: part.parse().unwrap(),
        sha256: Some(hex(picture)),
        bytes: Some(picture.len() as u64),
        state: EvidenceState::Queued,
        error: None,
    });
}

/// Commits messages as one batch.
pub async fn record(store: &Store, sent: &[&Sent]) -> Vec<Outcome> {
    record_at(store, sent, Utc::now()).await
}

/// The same, received at `now`.
pub async fn record_at(store: &Store, sent: &[&Sent], now: Utc) -> Vec<Outcome> {
    let batch = sent
        .iter()
        .map(|(topic, payload)| Delivery::read(now, topic, payload))
        .collect();
    store.record(Arc::new(batch)).await.unwrap()
}

/// What a user is granted who may do everything.
pub fn administrator() -> Vec<Grant> {
    vec![Grant::everywhere(Role::Administrator)]
}
