//! From an incident to a sealed clip on the disk, and from there to what the centre gets.

use std::{fs, path::Path};

use analytics::{
    detection::ClassId,
    geometry::{Point, Polygon, Rect},
    incident::{IncidentNumber, IncidentObject},
    rule::{RuleIndex, RuleKind},
    track::TrackId,
};
use protocol::{
    Utc,
    incident::{ClockQuality, ModelRef},
};

use super::*;
use crate::{
    archive::store::{Disk, Real, tests::Small},
    camera::clip::tests::{decoded, h264, h265, units},
    config::{self, Settings},
    health::Faults,
    report::Reporter,
};

const CLOCK: ClockQuality = ClockQuality {
    synchronised: true,
    estimated_error_ms: None,
};
/// Of all pictures here.
const SIZE: &str = "width=128,height=96";
/// The incident's own person, and one who passes by.
const OWN: Rect = Rect {
    x: 0.0,
    y: 0.0,
    w: 0.3,
    h: 0.5,
};
const OTHER: Rect = Rect {
    x: 0.6,
    y: 0.5,
    w: 0.3,
    h: 0.4,
};

fn mask() -> Polygon {
    let corners = [(0.5, 0.0), (1.0, 0.0), (1.0, 0.33), (0.5, 0.33)];
    Polygon::new(corners.map(|(x, y)| Point { x, y }).to_vec()).unwrap()
}

/// A camera whose reel holds half a minute, and its archive.
struct Bench {
    folder: tempfile::TempDir,
    settings: Settings,
    centre: age::x25519::Identity,
    reel: Arc<Mutex<Reel>>,
    begin: Utc,
    metrics: Metrics,
    reporter: Reporter,
    recorder: Recorder,
}

impl Bench {
    fn new(video: &str, disk: Box<dyn Disk>) -> Bench {
        let folder = tempfile::tempdir().unwrap();
        let centre = age::x25519::Identity::generate();
        let text = format!(
            "node = {{ region = \"r\", site = \"s\", name = \"n\" }}\nmqtt = {{ host = \"localhost\" }}\n\
             [archive]\nrecipient = \"{}\"\npre_roll_seconds = 2\npost_roll_seconds = 3\nmax_clip_seconds = 10\n\
             keep_free_mib = 0\noriginal_roles = [\"investigator\"]\n\
             [[cameras]]\nid = \"gate\"\nurl = \"rtsp://192.0.2.1/\"\n\
             zones = [{{ id = \"z\", polygon = [[0.1, 0.1], [0.9, 0.1], [0.9, 0.9]] }}]\n\
             rules = [{{ id = \"in\", kind = \"intrusion\", zone = \"z\", severity = \"critical\" }},\n\
             {{ id = \"quiet\", kind = \"intrusion\", zone = \"z\", clip = false }}]\n",
            centre.to_public()
        );
        let file = folder.path().join("edge-agent.toml");
        fs::write(&file, text).unwrap();
        let settings = config::load(&file).unwrap();
        let model = ModelRef {
            name: "m".to_owned(),
            sha256: "0".repeat(64),
        };
        let labels = ["person".to_owned()];
        let camera = &settings.cameras[0];
        let reporter = Reporter::new(&settings.node, camera, model, &labels, 1 << 20).unwrap();
        let begin = protocol::now() - jiff::SignedDuration::from_secs(30);
        let mut reel = Reel::new(Duration::from_secs(60), 64 << 20);
        units(video, begin, Duration::ZERO)
            .into_iter()
            .for_each(|unit| reel.push(unit));
        let (reel, metrics) = (Arc::new(Mutex::new(reel)), Metrics::new());
        let archive = archive(&folder.path().join("archive"), &settings, disk, &metrics);
        let recorder = recorder(archive, &settings, &reel, &metrics);
        Bench {
            folder,
            settings,
            centre,
            reel,
            begin,
            metrics,
            reporter,
            recorder,
        }
    }

    fn archive(&self) -> std::path::PathBuf {
        self.folder.path().join("archive")
    }

    fn stamps(&self, seconds: f64) -> Stamps {
        let at = Duration::from_secs_f64(seconds);
        Stamps {
            at,
            capture: None,
            arrival: self.begin + at,
        }
    }

    /// Both persons stand in the picture all the time.
    fn look(&mut self) {
        for i in 0..150 {
            let stamps = self.stamps(f64::from(i) * 0.2);
            let boxes = [(1, OWN), (2, OTHER)].map(|(number, rect)| track(number, rect));
            self.recorder.look(stamps, &boxes);
        }
    }

    /// An incident of a rule that is open from 10.5 s to 12 s, and its id.
    fn incident(&mut self, rule: usize) -> Uuid {
        let mut id = Uuid::nil();
        for (transition, at) in [(Transition::Opened, 10.5), (Transition::Closed, 12.0)] {
            let change = IncidentChange {
                incident: IncidentNumber(1 + rule as u64),
                rule: RuleIndex(rule),
                kind: RuleKind::Intrusion,
                transition,
                at: Duration::from_secs_f64(at),
                confidence: 0.8,
                objects: vec![IncidentObject {
                    track: TrackId(1),
                    class: ClassId(0),
                    score: 0.9,
                    rect: OWN,
                    speed: None,
                }],
                suppressed_before: 0,
            };
            let stamps = self.stamps(at);
            let report = self.reporter.report(&change, stamps, CLOCK, None).unwrap();
            id = report.event.data.incident_id;
            assert!(self.recorder.decided(&report, &change, stamps).is_none());
        }
        id
    }

    /// An incident whose clip is cut at once: its id, and what is told.
    async fn cut(&mut self) -> (Uuid, EvidenceRef) {
        self.look();
        let id = self.incident(0);
        self.recorder.cut_due(Instant::now() + IDLE);
        let Made::Told(report) = self.recorder.next().await else {
            panic!("nothing was asked for");
        };
        assert_eq!(report.event.data.incident_id, id);
        (id, report.event.data.evidence[0].clone())
    }

    async fn ask(
        &mut self,
        wanted: Wanted,
        original: Option<Original>,
    ) -> Result<Vec<Part>, String> {
        let (answer, mut answered) = oneshot::channel();
        self.recorder.ask(Asked {
            wanted,
            original,
            request: Uuid::nil(),
            answer,
        });
        if let Ok(refused) = answered.try_recv() {
            return refused.map(|_| Vec::new());
        }
        match self.recorder.next().await {
            Made::Asked(_, made) => made,
            Made::Told(_) => panic!("no incident"),
        }
    }
}

fn archive(
    folder: &Path,
    settings: &Settings,
    disk: Box<dyn Disk>,
    metrics: &Metrics,
) -> Arc<Archive> {
    let (own, faults) = (settings.archive.clone(), Faults::default());
    Archive::on(disk, own, folder, &settings.revision, &faults, metrics)
}

fn recorder(
    archive: Arc<Archive>,
    settings: &Settings,
    reel: &Arc<Mutex<Reel>>,
    metrics: &Metrics,
) -> Recorder {
    let camera = &settings.cameras[0];
    let labels = ["person".to_owned()];
    let privacy = Privacy::new(vec![mask()], vec![ClassId(0)], 0.0125);
    let mut recorder = Recorder::new(
        archive,
        camera,
        &labels,
        Arc::new(privacy),
        Arc::clone(reel),
        metrics.clone(),
    );
    recorder.trail = Trail::new(Duration::from_secs(60));
    recorder
}

fn track(number: u64, rect: Rect) -> Track {
    Track {
        id: TrackId(number),
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
        hits: 9,
        confirmed: true,
        seen: true,
    }
}

fn original(role: &str, reason: &str) -> Option<Original> {
    Some(Original {
        role: role.parse().unwrap(),
        reason: reason.to_owned(),
    })
}

/// Spread of luma within squares of eight pixels of a part of a picture, at most: noise has much, a covered part little.
fn detail((width, height, luma): &(usize, usize, Vec<u8>), rect: Rect) -> u8 {
    let pixel = |share: f32, length: usize| (share * length as f32) as usize / 8 * 8;
    let (xs, ys) = (
        pixel(rect.x, *width)..pixel(rect.x + rect.w, *width),
        pixel(rect.y, *height)..pixel(rect.y + rect.h, *height),
    );
    let squares = ys
        .step_by(8)
        .flat_map(|y| xs.clone().step_by(8).map(move |x| (x, y)));
    let spread = squares.map(|(x, y)| {
        let all = (y..y + 8).flat_map(|row| &luma[row * width + x..row * width + x + 8]);
        all.clone().max().unwrap() - all.min().unwrap()
    });
    spread.max().unwrap_or_default()
}

#[tokio::test]
async fn a_clip_has_pre_roll_and_post_roll_and_lies_sealed_on_the_disk() {
    for (codec, video) in [("h264", h264(150, SIZE)), ("h265", h265(150, SIZE))] {
        let mut bench = Bench::new(&video, Box::new(Real));
        let (incident, told) = bench.cut().await;
        assert_eq!(told.part.as_str(), "clip");
        assert_eq!(told.state, EvidenceState::OnRequest, "{told:?}");

        let mut found = 0;
        for file in fs::read_dir(bench.archive()).unwrap() {
            let bytes = fs::read(file.unwrap().path()).unwrap();
            for plain in [&b"ftyp"[..], b"moov", b"mdat", b"moof"] {
                assert!(
                    !bytes.windows(4).any(|at| at == plain),
                    "a plain MP4 lies on the disk"
                );
            }
            found += 1;
        }
        assert_eq!(found, 2);
        let sealed = fs::read(bench.archive().join(format!("{incident}.mp4.age"))).unwrap();
        assert_eq!(told.bytes, Some(sealed.len() as u64));
        assert_eq!(
            told.sha256,
            Some(crate::inference::manifest::sha256_hex(&sealed))
        );

        // From the key picture at 8.0 s, before the pre-roll's beginning at 8.5 s, until 3 s after the closing at 12 s.
        let mp4 = age::decrypt(&bench.centre, &sealed).unwrap();
        assert_eq!(decoded(&mp4).len(), 36);
        let beside = fs::read(bench.archive().join(format!("{incident}.json"))).unwrap();
        let beside: Sidecar = serde_json::from_slice(&beside).unwrap();
        assert_eq!((beside.codec.as_str(), beside.pictures), (codec, 36));
        assert_eq!(
            beside.begins,
            protocol::in_milliseconds(bench.begin + Duration::from_secs(8))
        );
        assert_eq!(
            beside.ends,
            protocol::in_milliseconds(bench.begin + Duration::from_secs(15))
        );
        assert_eq!(beside.sha256, crate::inference::manifest::sha256_hex(&mp4));
        assert_eq!(beside.config_revision, bench.settings.revision);
        let takes_part: Vec<(u64, bool)> = beside
            .tracks
            .iter()
            .map(|track| (track.track_id, track.takes_part))
            .collect();
        assert_eq!(takes_part, [(1, true), (2, false)]);
        let places = &beside.tracks[1].boxes;
        assert!(places.len() >= 36 && places[0].at_ms <= 0 && places[35].at_ms >= 6000);
        assert_eq!(bench.recorder.archive.told().unwrap().clips, 1);
    }
}

#[tokio::test]
async fn what_leaves_is_masked_in_every_picture() {
    for video in [h264(150, SIZE), h265(150, SIZE)] {
        let mut bench = Bench::new(&video, Box::new(Real));
        let (incident, _) = bench.cut().await;
        let wanted = [
            (Wanted::Incident(incident), 36),
            (Wanted::Last { seconds: 3 }, 20),
        ];
        for (wanted, pictures) in wanted {
            let parts = bench.ask(wanted, None).await.unwrap();
            assert_eq!(parts.len(), 1);
            assert_eq!(
                (parts[0].name.as_str(), parts[0].content_type),
                ("clip", "video/mp4")
            );
            let masked = decoded(&parts[0].bytes);
            assert_eq!(masked.len(), pictures);
            for picture in &masked {
                let (width, _, luma) = picture;
                let inside = (0..31).flat_map(|y| &luma[y * width + 64..y * width + 128]);
                let brightest = *inside.max().unwrap();
                assert!(brightest <= 24, "a pixel of {brightest} in the mask");
                let other = detail(picture, OTHER);
                assert!(other < 60, "a person who passes by has a detail of {other}");
                let own = detail(picture, OWN);
                let is_shown = matches!(wanted, Wanted::Incident(_));
                assert!(
                    (own > 150) == is_shown,
                    "{wanted:?}: the own person has a detail of {own}"
                );
            }
        }
    }
}

#[tokio::test]
async fn an_original_leaves_sealed_and_for_a_role_and_a_reason_only() {
    let mut bench = Bench::new(&h264(150, SIZE), Box::new(Real));
    let (incident, told) = bench.cut().await;
    let wanted = Wanted::Incident(incident);
    let reason = "case 4711, theft of a bicycle";
    for (original, why) in [
        (original("operator", reason), "original_roles"),
        (original("investigator", "  so  "), "reason"),
    ] {
        let refused = bench.ask(wanted, original).await.unwrap_err();
        assert!(refused.contains(why), "{refused}");
    }
    let parts = bench
        .ask(wanted, original("investigator", reason))
        .await
        .unwrap();
    let names: Vec<&str> = parts.iter().map(|part| part.name.as_str()).collect();
    assert_eq!(names, ["original", "trail"]);
    assert_eq!(
        Some(&parts[0].sha256),
        told.sha256.as_ref(),
        "as it was announced"
    );
    assert_eq!(
        decoded(&age::decrypt(&bench.centre, &parts[0].bytes).unwrap()).len(),
        36
    );
    let last = Wanted::Last { seconds: 3 };
    let parts = bench
        .ask(last, original("investigator", reason))
        .await
        .unwrap();
    assert_eq!(
        decoded(&age::decrypt(&bench.centre, &parts[0].bytes).unwrap()).len(),
        20
    );
    assert!(
        bench
            .metrics
            .text()
            .unwrap()
            .contains("archive_originals_given_total 2")
    );

    // Another run of the agent has another key: it can send what it cannot open.
    let again = archive(
        &bench.archive(),
        &bench.settings,
        Box::new(Real),
        &bench.metrics,
    );
    bench.recorder = recorder(again, &bench.settings, &bench.reel, &bench.metrics);
    let refused = bench.ask(wanted, None).await.unwrap_err();
    assert!(refused.contains("original only"), "{refused}");
    let parts = bench
        .ask(wanted, original("investigator", reason))
        .await
        .unwrap();
    assert_eq!(Some(&parts[0].sha256), told.sha256.as_ref());
    let unknown = bench
        .ask(Wanted::Incident(Uuid::nil()), None)
        .await
        .unwrap_err();
    assert!(unknown.contains("no clip of incident"), "{unknown}");
}

#[tokio::test]
async fn a_full_disk_costs_the_clip_and_the_event_says_so() {
    let mut bench = Bench::new(&h264(150, SIZE), Box::new(Small(Arc::default())));
    let (_, told) = bench.cut().await;
    assert_eq!(told.state, EvidenceState::Failed);
    assert!(told.error.unwrap().contains("no storage space"));
    assert_eq!(fs::read_dir(bench.archive()).unwrap().count(), 0);
    let health = bench.recorder.archive.told().unwrap();
    assert_eq!((health.clips, health.lost), (0, 1));
    let text = bench.metrics.text().unwrap();
    assert!(
        text.contains("archive_lost_total{cause=\"full\"} 1"),
        "{text}"
    );
}

#[tokio::test]
async fn no_clip_is_made_where_the_rule_says_so_and_a_long_incident_is_cut() {
    let mut bench = Bench::new(&h264(150, SIZE), Box::new(Real));
    bench.look();
    bench.incident(1);
    assert!(bench.recorder.waiting.is_empty());
    // One that never closes waits for as long as its clip may become, from the beginning of the pre-roll.
    bench.incident(0);
    let waiting = &bench.recorder.waiting[0];
    assert_eq!(waiting.until, Duration::from_millis(4500));
    let (opened, early, late) = (bench.stamps(10.0), bench.stamps(9.0), bench.stamps(11.0));
    let in_s = |due: Instant| due.duration_since(Instant::now()).as_secs_f64().round();
    assert_eq!(in_s(due(Duration::from_secs(8), opened, early)), 10.0);
    assert_eq!(in_s(due(Duration::from_secs(8), opened, late)), 8.0);
    assert!(bench.recorder.archive.reel(Duration::from_secs(10)) >= Duration::from_secs(12));
    assert_eq!(bench.recorder.archive.reel(Duration::ZERO), Duration::ZERO);
    let told = bench.recorder.finish().await;
    assert_eq!(told.len(), 1, "what waits is cut at the end");
}

#[tokio::test]
async fn nothing_is_kept_without_a_key_or_a_folder_and_the_last_seconds_still_leave_masked() {
    let mut bench = Bench::new(&h264(150, SIZE), Box::new(Real));
    let (mut settings, faults) = (bench.settings.archive.clone(), Faults::default());
    let in_the_way = bench.folder.path().join("file");
    fs::write(&in_the_way, "").unwrap();
    let folder = in_the_way.join("archive");
    let archive = Archive::open(settings.clone(), &folder, "", &faults, &bench.metrics);
    assert!(!archive.keeps());
    assert!(
        faults.told()[0].starts_with("archive: "),
        "{:?}",
        faults.told()
    );

    settings.recipient = None;
    let faults = Faults::default();
    let archive = Archive::open(settings, &bench.archive(), "", &faults, &bench.metrics);
    assert_eq!(
        (archive.keeps(), archive.told(), faults.told().len()),
        (false, None, 0)
    );
    bench.recorder = recorder(archive, &bench.settings, &bench.reel, &bench.metrics);
    bench.look();
    bench.incident(0);
    assert!(bench.recorder.waiting.is_empty());
    let last = Wanted::Last { seconds: 3 };
    let parts = bench.ask(last, None).await.unwrap();
    assert_eq!(decoded(&parts[0].bytes).len(), 20);
    let investigator = original("investigator", "case 4711, theft of a bicycle");
    let refused = bench.ask(last, investigator).await.unwrap_err();
    assert!(refused.contains("archive.recipient"), "{refused}");
}
