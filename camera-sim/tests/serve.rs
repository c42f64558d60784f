//! Real RTSP clients against simulated cameras.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failing step of a test ends it"
)]

use std::{
    io::Write,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use camera_sim::serve::{
    CameraSettings, Credentials, Passes, Password, ScriptedIncident, Server, ServerError,
    ServerSettings, StartMode, TruthLog,
};
use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app as gst_app;

const FPS: u64 = 25;
const PATIENCE: Duration = Duration::from_secs(30);

/// A clip of `seconds`, a key frame a second, made by a GStreamer test source.
fn clip(folder: &Path, name: &str, seconds: u64, encode: &str) -> PathBuf {
    gst::init().unwrap();
    let path = folder.join(name);
    let line = format!(
        "videotestsrc num-buffers={} ! video/x-raw,format=I420,width=160,height=96,framerate={FPS}/1 ! {encode} ! \
         filesink location={}",
        seconds * FPS,
        path.display()
    );
    let pipeline = gst::parse::launch(&line).unwrap();
    pipeline.set_state(gst::State::Playing).unwrap();
    let bus = pipeline.bus().unwrap();
    let end = bus
        .timed_pop_filtered(
            gst::ClockTime::from_seconds(30),
            &[gst::MessageType::Eos, gst::MessageType::Error],
        )
        .unwrap();
    pipeline.set_state(gst::State::Null).unwrap();
    assert!(
        matches!(end.view(), gst::MessageView::Eos(_)),
        "{name}: {end:?}"
    );
    path
}

fn h264(folder: &Path, name: &str, seconds: u64) -> PathBuf {
    clip(
        folder,
        name,
        seconds,
        "x264enc key-int-max=25 bframes=0 speed-preset=ultrafast ! h264parse ! mp4mux",
    )
}

/// A picture as a client got it.
#[derive(Clone, Debug)]
struct Picture {
    pts: gst::ClockTime,
    key: bool,
    /// Time of capture by the sender's reports, nanoseconds since 1970.
    captured: Option<u64>,
}

struct Client {
    pipeline: gst::Pipeline,
    pictures: gst_app::AppSink,
}

impl Client {
    fn play(url: &str, protocol: &str, login: Option<(&str, &str)>) -> Self {
        Self::play_coded(url, protocol, login, "rtph264depay ! h264parse")
    }

    fn play_coded(url: &str, protocol: &str, login: Option<(&str, &str)>, depay: &str) -> Self {
        let pipeline = gst::parse::launch(&format!(
            "rtspsrc name=camera latency=50 add-reference-timestamp-meta=true protocols={protocol} ! {depay} ! \
             appsink name=pictures sync=false"
        ))
        .unwrap()
        .downcast::<gst::Pipeline>()
        .unwrap();
        let camera = pipeline.by_name("camera").unwrap();
        camera.set_property("location", url);
        if let Some((user, password)) = login {
            camera.set_property("user-id", user);
            camera.set_property("user-pw", password);
        }
        let pictures = pipeline.by_name("pictures").and_downcast().unwrap();
        pipeline.set_state(gst::State::Playing).unwrap();
        Client { pipeline, pictures }
    }

    /// The next picture; None at the end of the stream.
    fn next(&self) -> Option<Picture> {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if let Some(sample) = self
                .pictures
                .try_pull_sample(gst::ClockTime::from_mseconds(200))
            {
                return Some(picture(&sample));
            }
            if self.pictures.is_eos() {
                return None;
            }
            if let Some(error) = self.error() {
                panic!("client: {error}");
            }
        }
        panic!("no picture for {PATIENCE:?}");
    }

    fn take(&self, count: usize) -> Vec<Picture> {
        (0..count)
            .map(|n| {
                self.next()
                    .unwrap_or_else(|| panic!("stream ended after {n} pictures"))
            })
            .collect()
    }

    fn error(&self) -> Option<String> {
        let message = self
            .pipeline
            .bus()
            .unwrap()
            .pop_filtered(&[gst::MessageType::Error])?;
        let gst::MessageView::Error(error) = message.view() else {
            return None;
        };
        Some(format!(
            "{} ({})",
            error.error(),
            error.debug().unwrap_or_default()
        ))
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.pipeline.set_state(gst::State::Null).unwrap();
    }
}

fn picture(sample: &gst::Sample) -> Picture {
    const NTP_TO_UNIX_NS: u64 = 2_208_988_800 * 1_000_000_000;
    let buffer = sample.buffer().unwrap();
    let captured = buffer
        .iter_meta::<gst::ReferenceTimestampMeta>()
        .map(|meta| meta.timestamp().nseconds() - NTP_TO_UNIX_NS)
        .next();
    Picture {
        pts: buffer.pts().unwrap(),
        key: !buffer.flags().contains(gst::BufferFlags::DELTA_UNIT),
        captured,
    }
}

fn once_from_first_play(mount: &str, file: PathBuf) -> CameraSettings {
    CameraSettings {
        start: StartMode::OnFirstPlay,
        passes: Passes::Once,
        ..CameraSettings::new(mount, file)
    }
}

fn assert_steady(pictures: &[Picture]) {
    for (n, pair) in pictures.windows(2).enumerate() {
        let gap = pair[1]
            .pts
            .checked_sub(pair[0].pts)
            .unwrap_or_else(|| panic!("time runs back after picture {n}: {pair:?}"));
        assert!(
            gap > gst::ClockTime::ZERO && gap < gst::ClockTime::from_mseconds(400),
            "picture {n}: {gap}"
        );
    }
}

fn loops_without_a_seam(protocol: &str) {
    let folder = tempfile::tempdir().unwrap();
    let file = h264(folder.path(), "two-seconds.mp4", 2);
    let server = Server::start(ServerSettings::loopback(
        folder.path(),
        vec![CameraSettings::new("gate", file)],
    ))
    .unwrap();
    let client = Client::play(&server.url("gate"), protocol, None);
    let pictures = client.take(130);
    assert!(pictures[0].key, "joined between key frames");
    assert_steady(&pictures);
    let span = pictures[129].pts - pictures[0].pts;
    let nominal = gst::ClockTime::from_mseconds(129 * 1000 / FPS);
    assert!(
        span.absdiff(nominal) < gst::ClockTime::from_mseconds(200),
        "129 pictures took {span}, nominally {nominal}"
    );
}

#[test]
fn loops_without_a_seam_over_tcp() {
    loops_without_a_seam("tcp");
}

#[test]
fn loops_without_a_seam_over_udp() {
    loops_without_a_seam("udp");
}

#[test]
fn first_client_sees_the_whole_clip_once_and_then_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let file = h264(folder.path(), "clip.mp4", 3);
    let server = Server::start(ServerSettings::loopback(
        folder.path(),
        vec![once_from_first_play("gate", file)],
    ))
    .unwrap();
    assert_eq!(server.started_at("gate"), None);
    let client = Client::play(&server.url("gate"), "tcp", None);
    let pictures: Vec<Picture> = std::iter::from_fn(|| client.next()).collect();
    assert_eq!(pictures.len() as u64, 3 * FPS);
    assert!(server.started_at("gate").is_some());
    drop(client);
    let late = Client::play(&server.url("gate"), "tcp", None);
    assert!(wait_for_error(&late).contains("404"));
}

fn wait_for_error(client: &Client) -> String {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(error) = client.error() {
            return error;
        }
        assert!(Instant::now() < deadline, "no error");
        let sample = client
            .pictures
            .try_pull_sample(gst::ClockTime::from_mseconds(50));
        assert!(sample.is_none(), "a picture where an error was due");
    }
}

#[test]
fn sender_reports_carry_the_time_of_capture() {
    let folder = tempfile::tempdir().unwrap();
    let file = h264(folder.path(), "clip.mp4", 6);
    let server = Server::start(ServerSettings::loopback(
        folder.path(),
        vec![once_from_first_play("gate", file)],
    ))
    .unwrap();
    let client = Client::play(&server.url("gate"), "udp", None);
    let pictures = client.take(5 * FPS as usize);
    let zero = server.started_at("gate").unwrap().as_nanosecond() as i64;
    let mut reported = 0;
    for (n, picture) in pictures.iter().enumerate() {
        let Some(captured) = picture.captured else {
            continue;
        };
        reported += 1;
        let shown = zero + n as i64 * 1_000_000_000 / FPS as i64;
        let off_ms = (captured as i64 - shown) as f64 / 1e6;
        assert!(off_ms.abs() < 5.0, "picture {n}: {off_ms} ms off");
    }
    assert!(
        reported > 50,
        "only {reported} pictures with a capture time"
    );
}

#[test]
fn a_wrong_password_is_refused_and_the_right_one_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let file = h264(folder.path(), "clip.mp4", 1);
    let guarded = CameraSettings {
        credentials: Some(Credentials {
            user: "operator".to_owned(),
            password: Password::new("correct horse"),
        }),
        ..CameraSettings::new("guarded", &file)
    };
    let server = Server::start(ServerSettings::loopback(
        folder.path(),
        vec![guarded, CameraSettings::new("open", &file)],
    ))
    .unwrap();
    for login in [
        Some(("operator", "wrong")),
        Some(("nobody", "correct horse")),
        None,
    ] {
        let error = wait_for_error(&Client::play(&server.url("guarded"), "tcp", login));
        assert!(error.contains("Unauthorized"), "{login:?}: {error}");
    }
    let login = Some(("operator", "correct horse"));
    assert!(Client::play(&server.url("guarded"), "tcp", login).take(3)[0].key);
    assert!(Client::play(&server.url("open"), "tcp", None).take(3)[0].key);
}

#[test]
fn cameras_and_clients_do_not_disturb_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let slow = clip(
        folder.path(),
        "one-key.mp4",
        8,
        "x264enc key-int-max=1000 bframes=2 b-adapt=false speed-preset=ultrafast ! h264parse ! mp4mux",
    );
    let server = Server::start(ServerSettings::loopback(
        folder.path(),
        vec![
            CameraSettings::new("slow", slow),
            CameraSettings::new("quick", h264(folder.path(), "clip.mp4", 2)),
        ],
    ))
    .unwrap();
    // The first client of a clip with one key frame is not left waiting; the second one of it is.
    let first = Client::play(&server.url("slow"), "tcp", None);
    assert!(first.take(5)[0].key);
    let _second = Client::play(&server.url("slow"), "tcp", None);
    let quick = Client::play(&server.url("quick"), "udp", None);
    let before = first.take(1)[0].pts;
    assert_steady(&quick.take(60));
    assert!(first.take(50)[49].pts > before);
    drop(quick);
    assert_steady(&Client::play(&server.url("quick"), "tcp", None).take(30));
}

#[test]
fn files_of_other_codecs_are_served() {
    let folder = tempfile::tempdir().unwrap();
    let h265 = clip(
        folder.path(),
        "h265.mkv",
        1,
        "x265enc key-int-max=25 speed-preset=ultrafast ! h265parse ! matroskamux",
    );
    let jpeg = clip(folder.path(), "jpeg.avi", 1, "jpegenc ! avimux");
    let mpeg4 = clip(
        folder.path(),
        "mpeg4.avi",
        1,
        "avenc_mpeg4 ! mpeg4videoparse ! avimux",
    );
    let server = Server::start(ServerSettings::loopback(
        folder.path().join("cache"),
        vec![
            CameraSettings::new("h265", h265),
            CameraSettings::new("jpeg", jpeg),
            once_from_first_play("mpeg4", mpeg4.clone()),
        ],
    ))
    .unwrap();
    let client = Client::play_coded(&server.url("h265"), "tcp", None, "rtph265depay ! h265parse");
    assert!(client.take(40)[0].key);
    let client = Client::play_coded(&server.url("jpeg"), "tcp", None, "rtpjpegdepay");
    assert_steady(&client.take(40));
    let client = Client::play(&server.url("mpeg4"), "tcp", None);
    assert_eq!(std::iter::from_fn(|| client.next()).count() as u64, FPS);
    drop(server);
    let copies = || {
        std::fs::read_dir(folder.path().join("cache"))
            .unwrap()
            .map(|entry| entry.unwrap().metadata().unwrap().modified().unwrap())
            .collect::<Vec<_>>()
    };
    let made = copies();
    assert_eq!(made.len(), 1, "one copy, of the one codec that needs it");
    Server::start(ServerSettings::loopback(
        folder.path().join("cache"),
        vec![CameraSettings::new("mpeg4", mpeg4)],
    ))
    .unwrap();
    assert_eq!(copies(), made, "the copy is made once");
}

#[test]
fn errors_name_the_camera_and_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("notes.mp4");
    std::fs::write(&text, "no video").unwrap();
    let start = |cameras: Vec<CameraSettings>| {
        Server::start(ServerSettings::loopback(folder.path(), cameras))
            .unwrap_err()
            .to_string()
    };
    let missing = start(vec![CameraSettings::new("gate", "/no/such/clip.mp4")]);
    assert!(
        missing.contains("camera gate") && missing.contains("/no/such/clip.mp4"),
        "{missing}"
    );
    let broken = start(vec![CameraSettings::new("gate", &text)]);
    assert!(
        broken.contains("camera gate") && broken.contains("notes.mp4"),
        "{broken}"
    );
    let clash = start(vec![
        CameraSettings::new("gate", &text),
        CameraSettings::new("gate", &text),
    ]);
    assert!(clash.contains("two cameras"), "{clash}");
    assert!(start(vec![CameraSettings::new("a b", &text)]).contains("\"a b\""));
}

#[test]
fn a_port_in_use_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let settings = ServerSettings {
        port,
        ..ServerSettings::loopback(std::env::temp_dir(), Vec::new())
    };
    let error = Server::start(settings).unwrap_err();
    assert!(matches!(error, ServerError::Listen { .. }));
    assert!(error.to_string().contains(&port.to_string()), "{error}");
}

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Lines {
    fn wait_for(&self, count: usize) -> Vec<serde_json::Value> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
            let lines: Vec<_> = text
                .lines()
                .map(|line| serde_json::from_str(line).unwrap())
                .collect();
            if lines.len() >= count {
                return lines;
            }
            assert!(Instant::now() < deadline, "only {lines:?}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

#[test]
fn the_truth_is_told_as_it_happens_in_every_pass() {
    let folder = tempfile::tempdir().unwrap();
    let camera = CameraSettings {
        incidents: vec![ScriptedIncident {
            rule: "in".to_owned(),
            kind: "line_crossing".to_owned(),
            start_s: 0.5,
            end_s: 0.75,
        }],
        ..CameraSettings::new("gate", h264(folder.path(), "clip.mp4", 1))
    };
    let lines = Lines::default();
    let server = Server::start(ServerSettings {
        truth: Some(TruthLog::new(lines.clone())),
        ..ServerSettings::loopback(folder.path(), vec![camera])
    })
    .unwrap();
    let told = lines.wait_for(4);
    let zero = server.started_at("gate").unwrap();
    let time = |line: usize, key: &str| -> f64 {
        let at: jiff::Timestamp = told[line][key].as_str().unwrap().parse().unwrap();
        at.duration_since(zero).as_secs_f64()
    };
    assert_eq!(told[0]["event"], "loop_started");
    assert!(time(0, "at").abs() < 0.01);
    for (line, pass) in [(1, 0.0), (3, 1.0)] {
        assert_eq!(told[line]["rule"], "in");
        assert_eq!(told[line]["kind"], "line_crossing");
        assert_eq!(told[line]["loop"], pass as u64);
        assert!((time(line, "start") - pass - 0.5).abs() < 0.01);
        assert!((time(line, "end") - pass - 0.75).abs() < 0.01);
    }
    assert!((time(2, "at") - 1.0).abs() < 0.01);
}
