use analytics::{
    detection::ClassId,
    incident::{IncidentChange, IncidentNumber, Transition},
    rule::{RuleIndex, RuleKind},
};
use protocol::incident::{ClockQuality, ModelRef};

use super::*;
use crate::{config, report::Reporter};

const SIZE: (u32, u32) = (320, 180);

const CONFIG: &str = r#"
    node = { region = "r", site = "s", name = "n" }
    mqtt = { host = "localhost" }
    [[cameras]]
    id = "gate"
    url = "rtsp://192.0.2.1/"
    lines = [{ id = "l", from = [0.1, 0.5], to = [0.9, 0.5] }]
    rules = [{ id = "in", kind = "line_crossing", line = "l" }]
"#;

fn reporter() -> Reporter {
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), CONFIG).expect("written");
    let settings = config::load(file.path()).expect("it is good");
    let model = ModelRef {
        name: "m".to_owned(),
        sha256: "0".repeat(64),
    };
    let labels = ["person".to_owned()];
    Reporter::new(&settings.node, &settings.cameras[0], model, &labels, 4096).expect("good names")
}

/// A frame whose red says which it is, and whose pattern is the sharper the smaller its squares of `side` pixels are.
fn frame(at_ms: u64, red: u8, side: u32) -> Arc<Frame> {
    let pixels = (0..SIZE.1).flat_map(|y| (0..SIZE.0).map(move |x| (x, y)));
    let data = pixels.flat_map(|(x, y)| {
        let light = (x / side + y / side).is_multiple_of(2);
        [red, if light { 150 } else { 90 }, 100]
    });
    let stamps = Stamps {
        at: Duration::from_millis(at_ms),
        capture: None,
        arrival: protocol::now(),
    };
    Arc::new(Frame::rgb(SIZE, data.collect(), stamps).expect("whole"))
}

fn track() -> Track {
    let rect = Rect {
        x: 0.3,
        y: 0.2,
        w: 0.3,
        h: 0.6,
    };
    Track {
        id: TrackId(1),
        class: ClassId(0),
        seen_as: ClassId(0),
        score: 0.9,
        score_median: 0.9,
        rect,
        detected: rect,
        velocity: (0.0, 0.0),
        speed: None,
        displacement: 0.0,
        first_seen: Duration::ZERO,
        last_seen: Duration::ZERO,
        hits: 5,
        confirmed: true,
        seen: true,
    }
}

fn opened(reporter: &mut Reporter, number: u64, frame: &Frame) -> Report {
    let change = IncidentChange {
        incident: IncidentNumber(number),
        rule: RuleIndex(0),
        kind: RuleKind::LineCrossing,
        transition: Transition::Opened,
        at: frame.stamps().at,
        confidence: 0.8,
        objects: vec![object(&track())],
        suppressed_before: 0,
    };
    let clock = ClockQuality {
        synchronised: true,
        estimated_error_ms: None,
    };
    let report = reporter.report(&change, frame.stamps(), clock, None);
    report.expect("a rule of the camera")
}

fn pictures() -> Pictures {
    Pictures::new(Arc::new(Privacy::new(Vec::new(), Vec::new(), 0.02)), None)
}

/// All that is made from here on: class, and the red of the frame it shows, to a tenth.
async fn all(pictures: &mut Pictures) -> Vec<(Class, u8)> {
    let mut found = Vec::new();
    pictures.begin();
    while let Some((_, parts)) = pictures.made().await {
        for part in parts.expect("it encodes") {
            let rgb = image::load_from_memory(&part.bytes)
                .expect("a JPEG")
                .into_rgb8();
            let red: u64 = rgb.pixels().map(|pixel| u64::from(pixel.0[0])).sum();
            let mean = red / u64::from(rgb.width() * rgb.height());
            found.push((part.class, ((mean + 5) / 10) as u8));
        }
        pictures.begin();
    }
    found
}

#[tokio::test]
async fn the_snapshot_is_of_the_best_frame_of_a_second_and_not_of_the_first() {
    let (mut pictures, mut reporter) = (pictures(), reporter());
    let tracks = [track()];
    let first = frame(0, 60, 40);
    pictures.look(&first, &tracks, None);
    let report = opened(&mut reporter, 1, &first);
    let refused = pictures.want(report, &first, &tracks, &[object(&tracks[0])]);
    assert!(refused.is_none());
    // The thumbnail does not wait.
    assert_eq!(all(&mut pictures).await, [(Class::Thumbnail, 6)]);
    for (at, red, side) in [(250, 110, 8), (500, 160, 2), (750, 210, 30)] {
        pictures.look(&frame(at, red, side), &tracks, None);
        assert_eq!(
            all(&mut pictures).await,
            [],
            "not before the second is over"
        );
    }
    pictures.look(&frame(1250, 250, 1), &tracks, None);
    assert_eq!(all(&mut pictures).await, [(Class::Snapshot, 16)]);
    assert_eq!(pictures.due(), None);
}

/// Reds of one thumbnail and one snapshot, whichever is made first.
async fn both(pictures: &mut Pictures) -> [u8; 2] {
    let mut made = all(pictures).await;
    made.sort_by_key(|(class, _)| *class == Class::Snapshot);
    assert_eq!(made.len(), 2, "{made:?}");
    assert_eq!((made[0].0, made[1].0), (Class::Thumbnail, Class::Snapshot));
    [made[0].1, made[1].1]
}

#[tokio::test]
async fn who_is_gone_or_unfollowed_is_waited_for_no_longer() {
    let (mut pictures, mut reporter) = (pictures(), reporter());
    let tracks = [track()];
    let first = frame(0, 60, 40);
    let report = opened(&mut reporter, 1, &first);
    let refused = pictures.want(report, &first, &tracks, &[object(&tracks[0])]);
    assert!(refused.is_none() && pictures.due().is_some());
    pictures.look(&frame(250, 110, 2), &[], None);
    assert_eq!(both(&mut pictures).await, [6, 6]);
    let report = opened(&mut reporter, 2, &first);
    assert!(pictures.want(report, &first, &[], &[]).is_none());
    assert_eq!(both(&mut pictures).await, [6, 6]);
}

#[tokio::test]
async fn few_frames_are_held_however_many_incidents_open() {
    let (mut pictures, mut reporter) = (pictures(), reporter());
    let tracks = [track()];
    let mut made = Vec::new();
    let mut frames = Vec::new();
    for i in 0..8_u64 {
        // Each is sharper than the one before.
        let frame = frame(i * 100, 60, 40 - 4 * i as u32);
        pictures.look(&frame, &tracks, None);
        let report = opened(&mut reporter, i, &frame);
        let refused = pictures.want(report, &frame, &tracks, &[object(&tracks[0])]);
        assert!(refused.is_none());
        made.extend(all(&mut pictures).await);
        frames.push(frame);
        let held = frames.iter().filter(|frame| Arc::strong_count(frame) > 1);
        assert!(held.count() <= HELD, "after {i}");
    }
    pictures.settle_all();
    made.extend(all(&mut pictures).await);
    let of = |class| made.iter().filter(|(c, _)| *c == class).count();
    assert_eq!((of(Class::Thumbnail), of(Class::Snapshot)), (8, 8));
}

#[test]
fn two_streams_lie_as_far_apart_as_their_times_and_clocks_say() {
    let now = protocol::now();
    let stamps = |capture: Option<i64>, arrival: i64| Stamps {
        at: Duration::ZERO,
        capture: capture.map(|ms| now + jiff::SignedDuration::from_millis(ms)),
        arrival: now + jiff::SignedDuration::from_millis(arrival),
    };
    let ms = Duration::from_millis;
    assert_eq!(
        apart(stamps(Some(0), 900), stamps(Some(30), 0)),
        ms(30) + APART.0
    );
    assert_eq!(
        apart(stamps(Some(0), 900), stamps(None, 500)),
        ms(400) + APART.1
    );
}

#[tokio::test]
async fn a_picture_that_nobody_makes_is_refused_with_its_report() {
    let (mut pictures, mut reporter) = (pictures(), reporter());
    let first = frame(0, 60, 40);
    for i in 0..=WAITING as u64 {
        let report = opened(&mut reporter, i, &first);
        let refused = pictures.want(report, &first, &[], &[]);
        assert_eq!(refused.is_none(), i < WAITING as u64, "{i}");
    }
}
