//! Real RTSP from a server in the same process.

use std::thread::{self, JoinHandle};

use gstreamer_rtsp_server::{self as rtsp, prelude::*};

use super::*;
use crate::{
    camera::mailbox::Bell,
    config::settings::{Secret, StreamSettings, Transport},
};

const LIMIT: Duration = Duration::from_secs(30);

const H264: &str = "videotestsrc is-live=true pattern=ball ! video/x-raw,width=160,height=120,framerate=25/1 \
    ! x264enc tune=zerolatency key-int-max=10 speed-preset=ultrafast ! rtph264pay name=pay0 pt=96";

/// An RTSP server on a free port of loopback, with one stream at `/live`.
struct Server {
    port: i32,
    main_loop: gst::glib::MainLoop,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    fn start(launch: &str, login: Option<(&str, &str)>) -> Server {
        gst::init().expect("GStreamer");
        let context = gst::glib::MainContext::new();
        let main_loop = gst::glib::MainLoop::new(Some(&context), false);
        let server = rtsp::RTSPServer::new();
        server.set_address("127.0.0.1");
        server.set_service("0");
        let factory = rtsp::RTSPMediaFactory::new();
        factory.set_launch(&format!("( {launch} )"));
        factory.set_shared(true);
        if let Some((user, password)) = login {
            let auth = rtsp::RTSPAuth::new();
            let token = rtsp::RTSPToken::builder()
                .field(rtsp::RTSP_TOKEN_MEDIA_FACTORY_ROLE, "viewer")
                .build();
            auth.set_supported_methods(gstreamer_rtsp_server::gst_rtsp::RTSPAuthMethod::Digest);
            auth.add_digest(user, password, &token);
            server.set_auth(Some(&auth));
            let role = gst::Structure::builder("viewer")
                .field(rtsp::RTSP_PERM_MEDIA_FACTORY_ACCESS, true)
                .field(rtsp::RTSP_PERM_MEDIA_FACTORY_CONSTRUCT, true)
                .build();
            factory.add_role_from_structure(&role);
        }
        let mounts = server.mount_points().expect("mount points");
        mounts.add_factory("/live", factory);
        server.attach(Some(&context)).expect("a free port");
        let port = server.bound_port();
        let looping = main_loop.clone();
        let thread = thread::spawn(move || {
            let served = server;
            context
                .with_thread_default(|| looping.run())
                .expect("the context is ours");
            drop(served);
        });
        Server {
            port,
            main_loop,
            thread: Some(thread),
        }
    }

    fn url(&self, path: &str) -> String {
        format!("rtsp://127.0.0.1:{}{path}", self.port)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.main_loop.quit();
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the server's thread");
        }
    }
}

fn camera(url: String) -> CameraSettings {
    CameraSettings {
        id: "gate".parse().expect("a good name"),
        name: None,
        position: None,
        enabled: true,
        stream: StreamSettings {
            url,
            login: None,
            transport: Transport::Tcp,
            insecure_tls: false,
            latency: Duration::from_millis(100),
            stall_timeout: Duration::from_secs(3),
            frozen_after: Duration::from_secs(60),
            refused_retry: Duration::from_secs(300),
        },
        substream: None,
        model: "none".to_owned(),
        min_score: 0.5,
        cascades: Vec::new(),
        looks: Vec::new(),
        likeness: None,
        decoding: Decoding::Auto,
        tiles: (1, 1),
        gate: Default::default(),
        privacy: Default::default(),
        analysis_fps: 5.0,
        analysis_fps_floor: 1.0,
        priority: 5,
        scene: analytics::scene::SceneSettings {
            zones: Vec::new(),
            lines: Vec::new(),
            rules: Vec::new(),
            tracker: Default::default(),
            ground: None,
        },
        severities: Default::default(),
        revisions: Default::default(),
        schedules: Default::default(),
        typed: toml::Table::new(),
        idle_rules: Default::default(),
        without_clips: std::collections::BTreeSet::new(),
        totals_every: Duration::from_secs(300),
        reel: Duration::from_secs(5),
        fault: None,
    }
}

fn outputs() -> Outputs {
    Outputs {
        reel: Arc::new(Mutex::new(Reel::new(Duration::from_secs(5), 10_000_000))),
        mailbox: Arc::new(Mailbox::new(Arc::new(Bell::default()))),
        progress: Arc::default(),
        pace: Arc::new(Pace::new(5.0)),
    }
}

/// Streams until `done` says so, and gives how it ended.
fn until(
    camera: &CameraSettings,
    outputs: &Outputs,
    done: impl FnMut(&Outputs) -> bool,
) -> Result<(), CameraError> {
    part_until(camera, Part::Whole, outputs, done)
}

fn part_until(
    camera: &CameraSettings,
    part: Part,
    outputs: &Outputs,
    mut done: impl FnMut(&Outputs) -> bool,
) -> Result<(), CameraError> {
    let cancel = CancellationToken::new();
    thread::scope(|scope| {
        let running = scope.spawn(|| stream(camera, part, outputs, &cancel));
        let began = Instant::now();
        while !done(outputs) && !running.is_finished() {
            assert!(began.elapsed() < LIMIT, "nothing happens");
            thread::sleep(Duration::from_millis(20));
        }
        cancel.cancel();
        running.join().expect("it does not panic")
    })
}

fn fault(camera: &CameraSettings) -> CameraError {
    until(camera, &outputs(), |_| false).expect_err("it ends with a fault")
}

fn gets_frames(camera: &CameraSettings) {
    let outputs = outputs();
    let mut frames = Vec::new();
    let result = until(camera, &outputs, |outputs| {
        frames.extend(outputs.mailbox.take());
        frames.len() >= 5
    });
    assert_eq!(result, Ok(()));
    let picture = frames[0].picture();
    assert_eq!((picture.width, picture.height), (160, 120));
    for pair in frames.windows(2) {
        let (a, b) = (pair[0].stamps(), pair[1].stamps());
        let step = b.at.checked_sub(a.at).expect("time does not run back");
        assert!(
            step >= Duration::from_millis(150),
            "analysed at 5 fps: {step:?}"
        );
    }
    let progress = &outputs.progress;
    assert_eq!(progress.connections.load(Ordering::Relaxed), 1);
    assert_eq!(progress.abandoned.load(Ordering::Relaxed), 0);
    assert!(progress.frame_age().expect("frames were decoded") < LIMIT);
    let reel = held(&outputs.reel).since(Duration::ZERO);
    assert!(reel.first().expect("encoded pictures").key);
}

#[test]
fn frames_come_over_tcp_with_the_cameras_clock() {
    let server = Server::start(H264, None);
    let camera = camera(server.url("/live"));
    gets_frames(&camera);
    let outputs = outputs();
    let mut last = None;
    let result = until(&camera, &outputs, |outputs| {
        last = outputs.mailbox.take().map(|frame| frame.stamps()).or(last);
        last.is_some_and(|stamps| stamps.capture.is_some())
    });
    assert_eq!(result, Ok(()));
    let stamps = last.expect("a frame");
    let lag = stamps.arrival.as_millisecond() - stamps.capture_or_arrival().as_millisecond();
    assert!(
        (-2_000..5_000).contains(&lag),
        "capture lies {lag} ms before arrival"
    );
}

#[test]
fn a_main_stream_is_kept_undecoded_and_gives_the_picture_of_a_moment() {
    let server = Server::start(H264, None);
    let mut camera = camera(server.url("/live"));
    camera.substream = Some(camera.stream.clone());
    camera.stream.stall_timeout = Duration::from_secs(2);
    let outputs = outputs();
    let result = part_until(&camera, Part::Evidence, &outputs, |outputs| {
        held(&outputs.reel).since(Duration::ZERO).len() >= 75
    });
    assert_eq!(result, Ok(()), "it is not taken for stalled");
    let progress = &outputs.progress;
    assert_eq!(progress.decoded.load(Ordering::Relaxed), 0);
    assert!(progress.frame_age().is_some_and(|age| age < LIMIT));
    let wanted = held(&outputs.reel).since(Duration::ZERO)[44].stamps;
    let still = crate::camera::still::picture(&outputs.reel, wanted).expect("a picture");
    assert_eq!(still.stamps(), wanted);
    assert_eq!((still.picture().width, still.picture().height), (160, 120));
}

#[test]
fn a_substream_is_what_is_analysed() {
    let server = Server::start(H264, None);
    let mut camera = camera("rtsp://127.0.0.1:1/main".to_owned());
    camera.substream = Some(StreamSettings {
        url: server.url("/live"),
        ..camera.stream.clone()
    });
    let outputs = outputs();
    let mut frame = None;
    let result = part_until(&camera, Part::Analysis, &outputs, |outputs| {
        frame = outputs.mailbox.take().or(frame.take());
        frame.is_some()
    });
    assert_eq!(result, Ok(()));
}

#[test]
fn a_live_gate_leaves_a_still_picture_undecoded_and_the_stream_is_not_taken_for_stalled() {
    let still = H264.replace("pattern=ball", "pattern=circular");
    let server = Server::start(&still, None);
    let mut camera = camera(server.url("/live"));
    camera.gate.kind = crate::camera::gate::GateKind::Encoded;
    camera.stream.stall_timeout = Duration::from_secs(2);
    let outputs = outputs();
    let result = until(&camera, &outputs, |outputs| {
        outputs.mailbox.take();
        outputs.progress.asleep.load(Ordering::Relaxed) >= 100
    });
    assert_eq!(result, Ok(()));
    let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    let (units, decoded) = (
        count(&outputs.progress.units),
        count(&outputs.progress.decoded),
    );
    assert!(decoded + 80 <= units, "{decoded} of {units} decoded");
    assert!(count(&outputs.progress.still) > 0);
    assert_eq!(count(&outputs.progress.connections), 1);
}

/// A jitter buffer that follows arrivals moves such pictures by up to 0.1 s: they are sent out of display order.
#[test]
fn pictures_sent_out_of_display_order_keep_their_even_times_over_tcp() {
    let launch = "videotestsrc is-live=true pattern=ball ! video/x-raw,width=160,height=120,framerate=10/1 \
        ! x264enc bframes=3 b-adapt=false key-int-max=10 speed-preset=veryfast ! video/x-h264,profile=main \
        ! rtph264pay name=pay0 pt=96";
    let server = Server::start(launch, None);
    let mut camera = camera(server.url("/live"));
    camera.analysis_fps = f32::INFINITY;
    let outputs = outputs();
    let result = until(&camera, &outputs, |outputs| {
        held(&outputs.reel).since(Duration::ZERO).len() >= 30
    });
    assert_eq!(result, Ok(()));
    let units = held(&outputs.reel).since(Duration::ZERO);
    let mut times: Vec<_> = units.iter().map(|unit| unit.stamps.at).collect();
    let sent = times.clone();
    times.sort();
    assert_ne!(sent, times, "there are pictures out of display order");
    // The reel begins with a key frame; pictures of its end may not have come yet.
    for pair in times[..times.len() - 6].windows(2) {
        let step = (pair[1] - pair[0]).as_secs_f64();
        assert!(
            (step - 0.1).abs() < 0.002,
            "a step of {step} s in {times:?}"
        );
    }
}

#[test]
fn only_the_picture_is_asked_of_a_camera_with_sound() {
    let launch = format!("{H264} audiotestsrc is-live=true ! alawenc ! rtppcmapay name=pay1 pt=8");
    let server = Server::start(&launch, None);
    gets_frames(&camera(server.url("/live")));
}

#[test]
fn certificates_are_looked_at_unless_that_is_switched_off() {
    gst::init().expect("GStreamer");
    let mut settings = camera("rtsps://127.0.0.1/live".to_owned()).stream;
    let flags = |settings: &StreamSettings| {
        let source = crate::camera::rtsp::source(settings).expect("a source");
        let value = source.property_value("tls-validation-flags");
        let (_, set) = gst::glib::FlagsValue::from_value(&value).expect("flags");
        set.iter()
            .map(|flag| flag.nick().to_owned())
            .collect::<Vec<_>>()
    };
    assert!(!flags(&settings).is_empty());
    settings.insecure_tls = true;
    assert_eq!(flags(&settings), Vec::<String>::new());
}

#[test]
fn frames_come_over_udp() {
    let server = Server::start(H264, None);
    let mut camera = camera(server.url("/live"));
    camera.stream.transport = Transport::Udp;
    gets_frames(&camera);
}

#[test]
fn frames_come_as_motion_jpeg() {
    let launch = "videotestsrc is-live=true ! video/x-raw,format=I420,width=160,height=120,framerate=25/1 \
        ! jpegenc ! rtpjpegpay name=pay0 pt=26";
    let server = Server::start(launch, None);
    gets_frames(&camera(server.url("/live")));
}

#[test]
fn frames_come_as_h265() {
    gst::init().expect("GStreamer");
    if gst::ElementFactory::find("x265enc").is_none() {
        println!("skipped: no H.265 encoder is here");
        return;
    }
    let launch = H264
        .replace("x264enc tune=zerolatency", "x265enc tune=zerolatency")
        .replace("rtph264pay", "rtph265pay");
    let server = Server::start(&launch, None);
    gets_frames(&camera(server.url("/live")));
}

#[test]
fn a_login_is_used_and_a_wrong_one_is_told_from_other_faults() {
    let server = Server::start(H264, Some(("guard", "correct horse")));
    let mut camera = camera(server.url("/live"));
    let login = |password: &str| Some(("guard".to_owned(), Secret::new(password.to_owned())));
    camera.stream.login = login("correct horse");
    gets_frames(&camera);
    camera.stream.login = login("battery staple");
    let error = fault(&camera);
    assert_eq!(error.fault, Fault::Unauthorised);
    assert!(error.fault.retry_slowly());
    let text = format!("{error} {error:?}");
    assert!(text.contains("camera gate (rtsp://127.0.0.1:"), "{text}");
    assert!(!text.contains("staple"), "{text}");
}

#[test]
fn other_faults_have_their_own_names() {
    let server = Server::start(H264, None);
    let error = fault(&camera(server.url("/nothing")));
    assert_eq!(error.fault, Fault::NotFound);

    let nobody = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("rtsp://{}/live", nobody.local_addr().expect("its address"));
    drop(nobody);
    let error = fault(&camera(url));
    assert!(matches!(error.fault, Fault::Unreachable(_)), "{error}");

    let launch = "videotestsrc is-live=true ! video/x-raw,width=64,height=48 ! vp8enc deadline=1 \
        ! rtpvp8pay name=pay0 pt=96";
    let vp8 = Server::start(launch, None);
    let error = fault(&camera(vp8.url("/live")));
    assert_eq!(error.fault, Fault::Codec("VP8".to_owned()));
}

#[test]
fn a_stream_that_ends_or_stands_still_is_noticed() {
    // After two seconds nothing more comes.
    let launch = H264.replace("pattern=ball", "pattern=ball num-buffers=50");
    let server = Server::start(&launch, None);
    let error = fault(&camera(server.url("/live")));
    let expected = matches!(error.fault, Fault::Stalled { .. } | Fault::Ended);
    assert!(expected, "{error}");
}

#[test]
fn the_resolution_may_change_in_mid_stream() {
    gst::init().expect("GStreamer");
    let sizes = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&sizes);
    let decoder = Decoder::new(
        Codec::H264,
        WhenFull::Wait,
        Decoding::Auto,
        move |decoded| {
            let stamps = Stamps {
                at: Duration::ZERO,
                capture: None,
                arrival: Timestamp::UNIX_EPOCH,
            };
            let frame = decoded.into_frame(stamps).expect("a frame");
            held(&seen).push((frame.picture().width, frame.picture().height));
            true
        },
    )
    .expect("a decoder");
    for (width, height) in [(64, 48), (128, 96), (64, 48)] {
        let launch = format!(
            "videotestsrc num-buffers=5 ! video/x-raw,width={width},height={height} ! x264enc tune=zerolatency \
             ! h264parse config-interval=-1 ! video/x-h264,stream-format=byte-stream,alignment=au ! appsink name=sink sync=false"
        );
        let encoder = gst::parse::launch(&launch).expect("a good description");
        let encoder = encoder.downcast::<gst::Pipeline>().expect("a pipeline");
        let sink = encoder.by_name("sink").expect("the sink");
        let sink = sink.downcast::<gst_app::AppSink>().expect("an appsink");
        encoder.set_state(gst::State::Playing).expect("it starts");
        while let Ok(sample) = sink.pull_sample() {
            assert!(decoder.feed(&sample));
        }
        encoder.set_state(gst::State::Null).expect("it stops");
    }
    decoder.end();
    let began = Instant::now();
    while !decoder.has_ended() {
        assert_eq!(decoder.fault(), None);
        assert!(began.elapsed() < LIMIT, "it does not end");
        thread::sleep(Duration::from_millis(10));
    }
    let mut sizes = held(&sizes).clone();
    assert_eq!(sizes.len(), 15);
    sizes.dedup();
    assert_eq!(sizes, [(64, 48), (128, 96), (64, 48)]);
}
