//! A live camera: RTSP -> depayload -> parse -> access units, and the decoded half fed with them.
//!
//! [`stream`] blocks for as long as the stream is well and returns why it ended; whoever calls it (on a thread of its own)
//! decides when to try again. It never logs or reports a credential: they are given to GStreamer as properties, and the
//! address holds none.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use gstreamer::{self as gst, prelude::*};
use gstreamer_app as gst_app;
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::{
    clock::TimeLine,
    decoder::{Decoder, WhenFull},
    error::{CameraError, Fault},
    frame::{Frame, Stamps},
    gate::{FrameGate, UnitGate},
    held,
    in_flight::InFlight,
    mailbox::Mailbox,
    pipeline,
    progress::Progress,
    reel::Reel,
    unit::{AccessUnit, Codec},
};
use crate::config::settings::{CameraSettings, StreamSettings, Transport};

/// How often the stream's messages, its cancellation and its age are looked at.
const LOOK: Duration = Duration::from_millis(100);

/// A host that does not answer a connection attempt is given up after this long.
const CONNECT_LIMIT: Duration = Duration::from_secs(8);

/// How long a TEARDOWN may take; cameras that do not get one keep the session, and refuse the next.
const TEARDOWN_LIMIT: Duration = Duration::from_millis(500);

/// Between NTP's epoch (1900) and Unix' (1970).
const NTP_TO_UNIX: i128 = 2_208_988_800_000_000_000;

/// Where a stream's pictures go.
#[derive(Clone, Debug)]
pub struct Outputs {
    /// Encoded pictures, for evidence.
    pub reel: Arc<Mutex<Reel>>,
    /// Frames to be analysed; the latest wins.
    pub mailbox: Arc<Mailbox<Frame>>,
    /// What has been done so far.
    pub progress: Arc<Progress>,
}

/// Streams one camera until `cancel` or a fault. Blocks: call it on a thread of its own.
///
/// # Errors
/// Why the stream ended; `Ok` only after `cancel`.
pub fn stream(
    camera: &CameraSettings,
    outputs: &Outputs,
    cancel: &CancellationToken,
) -> Result<(), CameraError> {
    run(camera, outputs, cancel).map_err(|fault| CameraError {
        place: format!("camera {} ({})", camera.id, camera.stream.url),
        fault,
    })
}

fn run(
    camera: &CameraSettings,
    outputs: &Outputs,
    cancel: &CancellationToken,
) -> Result<(), Fault> {
    gst::init().map_err(|e| Fault::Broken(format!("GStreamer: {e}")))?;
    let source = rtsp_source(&camera.stream)?;
    let pipeline = gst::Pipeline::new();
    pipeline
        .add(&source)
        .map_err(|e| Fault::Broken(e.to_string()))?;
    let intake = Arc::new(Intake::new(camera.analysis_fps, outputs.clone()));
    on_pad(&pipeline, &source, &intake);
    let bus = pipeline.bus().expect("a pipeline has a bus");
    // For rtspsrc this only starts its task; names are resolved and hosts are connected to on that.
    let result = match pipeline.set_state(gst::State::Playing) {
        Ok(_) => watch(&bus, &intake, camera.stream.stall_timeout, cancel),
        Err(_) => Err(first_fault(&bus)),
    };
    let stopped = pipeline::stop(&pipeline);
    let decoder = held(&intake.decoder).take();
    if !(stopped & decoder.is_none_or(|decoder| decoder.stop())) {
        outputs.progress.abandoned.fetch_add(1, Ordering::Relaxed);
        tracing::warn!(camera = %camera.id, "a pipeline did not stop in time and is left to itself");
    }
    result
}

fn rtsp_source(settings: &StreamSettings) -> Result<gst::Element, Fault> {
    let source = pipeline::element("rtspsrc").map_err(Fault::Broken)?;
    let protocols = match settings.transport {
        Transport::Tcp => "tcp",
        Transport::Udp => "udp",
    };
    let latency = u32::try_from(settings.latency.as_millis()).unwrap_or(u32::MAX);
    let micros = |limit: Duration| u64::try_from(limit.as_micros()).unwrap_or(u64::MAX);
    source.set_property("location", &settings.url);
    source.set_property_from_str("protocols", protocols);
    source.set_property("latency", latency);
    source.set_property("tcp-timeout", micros(CONNECT_LIMIT));
    source.set_property("timeout", micros(CONNECT_LIMIT));
    source.set_property(
        "teardown-timeout",
        u64::try_from(TEARDOWN_LIMIT.as_nanos()).unwrap_or(u64::MAX),
    );
    if settings.transport == Transport::Tcp {
        // The jitter buffer's default bends presentation times to the arrival of packets, by up to 0.1 s where pictures
        // are sent out of display order (B-frames). Nothing is lost or reordered over TCP, so the camera's own RTP times
        // stand; its drift against this clock is the time line's and the sender reports' matter. Over UDP the
        // bending keeps the wait for late packets true.
        source.set_property_from_str("buffer-mode", "none");
    }
    source.set_property("add-reference-timestamp-meta", true);
    source.set_property("is-live", true);
    if settings.insecure_tls {
        accept_any_certificate(&source);
    }
    if let Some((user, password)) = &settings.login {
        source.set_property("user-id", user);
        source.set_property("user-pw", password.reveal());
    }
    // Only the first video stream is set up; audio and metadata would cost the camera's uplink.
    let video_seen = Mutex::new(false);
    source.connect("select-stream", false, move |values| {
        let caps = values.get(2).and_then(|v| v.get::<gst::Caps>().ok());
        let video = caps.is_some_and(|caps| is_video(&caps));
        let first = video && !std::mem::replace(&mut *held(&video_seen), video);
        Some(first.to_value())
    });
    Ok(source)
}

/// Clears the flags that say which faults of a certificate matter.
fn accept_any_certificate(source: &gst::Element) {
    let flags = source.find_property("tls-validation-flags");
    let class = flags.and_then(|p| gst::glib::FlagsClass::with_type(p.value_type()));
    if let Some(none) = class.and_then(|class| class.builder().build()) {
        source.set_property_from_value("tls-validation-flags", &none);
    }
}

fn is_video(caps: &gst::CapsRef) -> bool {
    caps.structure(0)
        .and_then(|s| s.get::<&str>("media").ok())
        .is_some_and(|media| media == "video")
}

/// Everything that the streaming threads share.
struct Intake {
    outputs: Outputs,
    analysis_fps: f32,
    decoder: Mutex<Option<Decoder>>,
    units: Mutex<Units>,
    /// Stamps of access units that are being decoded, by presentation time.
    in_flight: Arc<InFlight>,
    fault: Mutex<Option<Fault>>,
    began: Instant,
    /// Milliseconds from `began` to the last frame; 0 before the first.
    last_frame: Arc<AtomicU64>,
    /// Whether any access unit has come.
    heard: AtomicU64,
}

struct Units {
    line: TimeLine,
    gate: UnitGate,
    /// A presentation time and the camera's clock at it, from the last sender report.
    report: Option<(Duration, Timestamp)>,
}

impl Intake {
    fn new(analysis_fps: f32, outputs: Outputs) -> Intake {
        let epoch = outputs.progress.epoch();
        Intake {
            outputs,
            analysis_fps,
            decoder: Mutex::default(),
            units: Mutex::new(Units {
                line: TimeLine::new(epoch),
                gate: UnitGate::default(),
                report: None,
            }),
            in_flight: Arc::default(),
            fault: Mutex::default(),
            began: Instant::now(),
            last_frame: Arc::default(),
            heard: AtomicU64::new(0),
        }
    }

    fn fail(&self, fault: Fault) {
        held(&self.fault).get_or_insert(fault);
    }

    /// Takes one access unit: into the reel, and to the decoder where the gate says so.
    fn unit(&self, sample: gst::Sample) {
        let arrived = Instant::now();
        let pts = sample.buffer().and_then(|b| b.pts().or(b.dts()));
        let Some(pts) = pts.map(Duration::from) else {
            return;
        };
        let mut units = held(&self.units);
        let stamps = Stamps {
            at: units.line.at(pts, arrived),
            capture: units.report.and_then(|report| capture(report, pts)),
            arrival: Timestamp::now(),
        };
        let Some(unit) = AccessUnit::new(sample, stamps) else {
            return;
        };
        let unit = Arc::new(unit);
        let progress = &self.outputs.progress;
        self.heard.store(1, Ordering::Relaxed);
        progress.units.fetch_add(1, Ordering::Relaxed);
        progress
            .bytes
            .fetch_add(unit.bytes as u64, Ordering::Relaxed);
        held(&self.outputs.reel).push(Arc::clone(&unit));
        let decoder = held(&self.decoder);
        let Some(decoder) = &*decoder else { return };
        if units.gate.decodes(unit.key, decoder.is_full()) {
            self.in_flight.remember(pts, stamps);
            decoder.feed(unit.sample());
        } else {
            progress.not_decoded.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// What is called with each decoded picture.
    fn on_picture(&self) -> impl FnMut(super::decoder::Decoded<'_>) -> bool + Send + 'static {
        let mut gate = FrameGate::new(self.analysis_fps);
        let mut last = Duration::ZERO;
        let outputs = self.outputs.clone();
        let in_flight = Arc::clone(&self.in_flight);
        let last_frame = Arc::clone(&self.last_frame);
        let began = self.began;
        move |decoded| {
            outputs.progress.decoded_now();
            let now = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
            last_frame.store(now.max(1), Ordering::Relaxed);
            let stamps = decoded.pts.and_then(|pts| in_flight.recall(pts));
            let Some(mut stamps) = stamps else {
                return true;
            };
            stamps.at = stamps.at.max(last);
            last = stamps.at;
            if gate.picks(stamps.at) {
                outputs.progress.picked.fetch_add(1, Ordering::Relaxed);
                match decoded.into_frame(stamps) {
                    Ok(frame) => outputs.mailbox.put(frame),
                    Err(why) => tracing::warn!(why, "a frame is left out"),
                }
            }
            true
        }
    }
}

/// The camera's clock at `pts`, by its last report.
fn capture((report_pts, report): (Duration, Timestamp), pts: Duration) -> Option<Timestamp> {
    let ahead =
        i128::try_from(pts.as_nanos()).ok()? - i128::try_from(report_pts.as_nanos()).ok()?;
    Timestamp::from_nanosecond(report.as_nanosecond() + ahead).ok()
}

/// Builds the encoded half and starts the decoder once the camera has said what it sends.
fn on_pad(pipeline: &gst::Pipeline, source: &gst::Element, intake: &Arc<Intake>) {
    let pipeline = pipeline.downgrade();
    let intake = Arc::clone(intake);
    source.connect_pad_added(move |_, pad| {
        let Some(pipeline) = pipeline.upgrade() else {
            return;
        };
        let caps = pad.current_caps().unwrap_or_else(|| pad.query_caps(None));
        if !is_video(&caps) || held(&intake.decoder).is_some() {
            return;
        }
        if let Err(fault) = receive(&pipeline, pad, &caps, &intake) {
            intake.fail(fault);
        }
    });
}

fn receive(
    pipeline: &gst::Pipeline,
    pad: &gst::Pad,
    caps: &gst::CapsRef,
    intake: &Arc<Intake>,
) -> Result<(), Fault> {
    let encoding = caps
        .structure(0)
        .and_then(|s| s.get::<String>("encoding-name").ok())
        .unwrap_or_else(|| "unknown".to_owned());
    let codec = Codec::from_rtp(&encoding).ok_or(Fault::Codec(encoding))?;
    let decoder = Decoder::new(codec, WhenFull::Refuse, intake.on_picture())?;
    *held(&intake.decoder) = Some(decoder);
    intake
        .outputs
        .progress
        .connections
        .fetch_add(1, Ordering::Relaxed);
    watch_reports(pad, intake);
    let broken = |e: gst::glib::BoolError| Fault::Broken(e.to_string());
    let (chain, parsed) = encoded_half(codec).map_err(Fault::Broken)?;
    let sink = unit_sink(&parsed, intake);
    let mut chain: Vec<&gst::Element> = chain.iter().collect();
    chain.push(sink.upcast_ref());
    pipeline.add_many(&chain).map_err(broken)?;
    gst::Element::link_many(&chain).map_err(broken)?;
    for element in chain.iter().rev() {
        element.sync_state_with_parent().map_err(broken)?;
    }
    let entry = chain[0]
        .static_pad("sink")
        .expect("a depayloader has a sink");
    pad.link(&entry)
        .map_err(|e| Fault::Broken(format!("{codec:?} stream cannot be linked: {e}")))?;
    Ok(())
}

/// Depayloader and parser, and the caps that the parser is to give: every unit whole, and self-contained where a decoder
/// may begin.
fn encoded_half(codec: Codec) -> Result<(Vec<gst::Element>, gst::Caps), String> {
    let (depay, parse, media) = match codec {
        Codec::H264 => ("rtph264depay", "h264parse", "video/x-h264"),
        Codec::H265 => ("rtph265depay", "h265parse", "video/x-h265"),
        _ => ("rtpjpegdepay", "jpegparse", "image/jpeg"),
    };
    let parse = pipeline::element(parse)?;
    let mut caps = gst::Caps::builder(media);
    if matches!(codec, Codec::H264 | Codec::H265) {
        // Parameter sets in front of every key unit: the reel may be cut there, and resolutions may change there.
        parse.set_property("config-interval", -1_i32);
        caps = caps
            .field("stream-format", "byte-stream")
            .field("alignment", "au");
    }
    Ok((vec![pipeline::element(depay)?, parse], caps.build()))
}

fn unit_sink(caps: &gst::Caps, intake: &Arc<Intake>) -> gst_app::AppSink {
    let intake = Arc::clone(intake);
    gst_app::AppSink::builder()
        .caps(caps)
        .sync(false)
        .enable_last_sample(false)
        .callbacks(
            gst_app::AppSinkCallbacks::builder()
                .new_sample(move |sink| {
                    let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
                    intake.unit(sample);
                    Ok(gst::FlowSuccess::Ok)
                })
                .build(),
        )
        .build()
}

/// Keeps the camera's clock of the latest RTP packet that carries one. Read where packets come in, as depayloaders and
/// parsers of GStreamer 1.22 do not all pass it on.
fn watch_reports(pad: &gst::Pad, intake: &Arc<Intake>) {
    let intake = Arc::downgrade(intake);
    pad.add_probe(
        gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST,
        move |_, info| {
            let buffer = match &info.data {
                Some(gst::PadProbeData::Buffer(buffer)) => Some(buffer.as_ref()),
                Some(gst::PadProbeData::BufferList(list)) => list.get(0),
                _ => None,
            };
            if let (Some(intake), Some(report)) = (intake.upgrade(), buffer.and_then(report)) {
                held(&intake.units).report = Some(report);
            }
            gst::PadProbeReturn::Ok
        },
    );
}

fn report(buffer: &gst::BufferRef) -> Option<(Duration, Timestamp)> {
    let meta = buffer.meta::<gst::ReferenceTimestampMeta>()?;
    let ntp = meta.reference().structure(0)?.name() == "timestamp/x-ntp";
    let nanoseconds = i128::from(meta.timestamp().nseconds()) - NTP_TO_UNIX;
    let time = Timestamp::from_nanosecond(nanoseconds).ok()?;
    Some((buffer.pts()?.into(), time)).filter(|_| ntp)
}

/// Waits for a fault, for the end, or for `cancel`.
fn watch(
    bus: &gst::Bus,
    intake: &Intake,
    stall_timeout: Duration,
    cancel: &CancellationToken,
) -> Result<(), Fault> {
    let limit = gst::ClockTime::try_from(LOOK).unwrap_or(gst::ClockTime::from_mseconds(100));
    while !cancel.is_cancelled() {
        let kinds = [gst::MessageType::Error, gst::MessageType::Eos];
        let message = bus.timed_pop_filtered(limit, &kinds);
        if let Some(fault) = held(&intake.fault).take() {
            return Err(fault);
        }
        match message.as_ref().map(|message| message.view()) {
            Some(gst::MessageView::Error(error)) => return Err(classify(error)),
            Some(gst::MessageView::Eos(_)) => return Err(Fault::Ended),
            _ => {}
        }
        if let Some(fault) = held(&intake.decoder).as_ref().and_then(Decoder::fault) {
            return Err(fault);
        }
        stalled(intake, stall_timeout)?;
    }
    Ok(())
}

fn stalled(intake: &Intake, limit: Duration) -> Result<(), Fault> {
    let last = Duration::from_millis(intake.last_frame.load(Ordering::Relaxed));
    let age = intake.began.elapsed().saturating_sub(last);
    // Connecting has a limit of its own; a first frame may take that and one timeout.
    let limit = if last.is_zero() {
        limit + CONNECT_LIMIT
    } else {
        limit
    };
    if age < limit {
        return Ok(());
    }
    let seen = match (last.is_zero(), intake.heard.load(Ordering::Relaxed) > 0) {
        (true, false) => return Err(Fault::Unreachable("no picture came".to_owned())),
        (true, true) => "encoded pictures come, but none can be decoded",
        (false, _) => "the stream stood still",
    };
    Err(Fault::Stalled { after: age, seen })
}

fn first_fault(bus: &gst::Bus) -> Fault {
    match bus.pop_filtered(&[gst::MessageType::Error]) {
        Some(message) => match message.view() {
            gst::MessageView::Error(error) => classify(error),
            _ => Fault::Broken("the stream does not start".to_owned()),
        },
        None => Fault::Broken("the stream does not start".to_owned()),
    }
}

/// By the RTSP status that rtspsrc hands on, else by GStreamer's own kinds of errors.
fn classify(error: &gst::message::Error) -> Fault {
    let status = error
        .details()
        .and_then(|details| details.get::<u32>("rtsp-status-code").ok());
    match status {
        Some(401 | 403) => return Fault::Unauthorised,
        Some(404) => return Fault::NotFound,
        Some(status @ (453 | 503)) => return Fault::Busy(status),
        _ => {}
    }
    let kind = error.error();
    match kind.kind::<gst::ResourceError>() {
        Some(gst::ResourceError::NotAuthorized) => Fault::Unauthorised,
        Some(gst::ResourceError::NotFound) => Fault::NotFound,
        Some(gst::ResourceError::OpenRead | gst::ResourceError::OpenReadWrite) => {
            Fault::Unreachable(pipeline::text(error))
        }
        _ => match kind.kind::<gst::StreamError>() {
            Some(gst::StreamError::CodecNotFound) => Fault::Codec(pipeline::text(error)),
            _ => Fault::Broken(pipeline::text(error)),
        },
    }
}

#[cfg(test)]
#[path = "source_tests.rs"]
mod tests;
