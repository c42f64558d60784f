//! What a report says, and how its records are numbered.

use std::time::Duration;

use analytics::{
    detection::ClassId,
    geometry::Rect,
    rule::{RuleIndex, RuleKind},
    track::TrackId,
};

use protocol::EvidenceHeader;

use super::*;
use jiff::SignedDuration;

use crate::{config, correction::Corrections};

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
        speed: None,
    };
    IncidentChange {
        incident: IncidentNumber(number),
        rule: RuleIndex(0),
        kind: RuleKind::LineCrossing,
        transition,
        at: Duration::from_secs(1),
        confidence: 0.8,
        objects: (0..objects as u64).map(object).collect(),
        suppressed_before: 0,
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
        name: part::name(class),
        content_type: "image/jpeg",
        bytes: jpeg.to_vec(),
        sha256: class.as_str().to_owned(),
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
fn pictures_are_told_of_the_same_incident_after_its_alert() {
    let alert = report(&mut reporter(), &change(1, Transition::Opened, 1), None);
    let pictures = Ok(vec![Part {
        class: Class::Snapshot,
        name: part::name(Class::Snapshot),
        content_type: "image/jpeg",
        bytes: b"jpeg".to_vec(),
        sha256: "hash".to_owned(),
    }]);
    let told = alert.pictured(pictures);
    assert_ne!(told.event.id, alert.event.id, "another message");
    assert_eq!(told.event.data.incident_id, alert.event.data.incident_id);
    assert_eq!(told.event.data.state, IncidentState::Updated);
    assert_eq!(told.event.r#type, IncidentState::Updated.event_type());
    assert_eq!(told.event.data.time.arrival, alert.event.data.time.arrival);
    assert_eq!(told.event.data.evidence[0].sha256.as_deref(), Some("hash"));
    let records = spooled(told);
    assert_eq!(
        records.len(),
        1 + 2,
        "the message, then its chunks of 3 bytes"
    );
    let none = alert.pictured(Err("no".to_owned())).event.data.evidence;
    assert_eq!(none[0].state, EvidenceState::Failed);
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

#[test]
fn times_of_an_unsynchronised_clock_are_told_again_once_it_is_right() {
    const WRONG: ClockQuality = ClockQuality {
        synchronised: false,
        estimated_error_ms: None,
    };
    let mut reporter = reporter();
    let change = change(1, Transition::Opened, 1);
    let first = reporter.report(&change, stamps(), WRONG, None).unwrap();
    let sure = report(&mut reporter, &self::change(2, Transition::Opened, 1), None);
    let mut corrections = Corrections::default();
    let hours = |hours| SignedDuration::from_hours(hours);
    corrections.note(&sure, hours(1));
    assert!(!corrections.is_waiting(), "its clock was right");
    corrections.note(&first, hours(1));
    assert!(corrections.due(WRONG, hours(5)).is_empty());
    let told = corrections.due(CLOCK, hours(5));
    assert!(!corrections.is_waiting());
    let (before, after) = (&first.event, &told[0].event);
    assert_eq!(after.data.incident_id, before.data.incident_id);
    assert_ne!(after.id, before.id);
    assert_eq!(after.r#type, "city.safe.incident.updated.v1");
    assert_eq!(after.data.time.corrected_by_ms, Some(4 * 3_600_000));
    assert!(after.data.time.clock.synchronised);
    let moved = after
        .data
        .time
        .arrival
        .duration_since(before.data.time.arrival);
    assert_eq!(moved, hours(4));
    assert_eq!(after.data.time.capture, after.data.time.arrival);
}

#[test]
fn totals_name_their_rules_and_what_counts_nothing_says_so() {
    use crate::totals::{Count, Stretch};
    let stretch = |count: Count| Stretch {
        from: "2026-07-01T10:15:00Z".parse().unwrap(),
        until: "2026-07-01T10:20:00Z".parse().unwrap(),
        lasted: Duration::from_secs(300),
        analysed: Duration::from_secs(299),
        rules: vec![count],
    };
    let reporter = reporter();
    assert!(
        reporter.totals(&stretch(Count::default())).is_none(),
        "an alarm rule that has told nothing is not worth a message"
    );
    let counts = Count {
        counts: true,
        ..Count::default()
    };
    assert!(
        reporter.totals(&stretch(counts.clone())).is_some(),
        "nobody crossed, and that was counted"
    );
    let crossed = [((ClassId(0), true), 41), ((ClassId(0), false), 3)];
    let record = reporter.totals(&stretch(Count {
        suppressed: 2,
        crossings: crossed.into(),
        ..counts
    }));
    let record = record.unwrap();
    assert_eq!(record.topic, "safecity/v1/r/s/n/totals/gate");
    let said = (record.payload)(Uuid::max(), 7);
    let said: protocol::Totals = serde_json::from_slice(&said).unwrap();
    assert_eq!((said.bootid, said.seq), (Uuid::max(), 7));
    let [rule] = &said.rules[..] else {
        panic!("{said:?}");
    };
    assert_eq!((rule.rule.id.as_str(), rule.suppressed), ("in", 2));
    let crossed = &rule.crossings[0];
    assert_eq!(
        (crossed.class.as_str(), crossed.forward, crossed.backward),
        ("person", 41, 3)
    );
}
