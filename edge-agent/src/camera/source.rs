//! A live camera: RTSP -> depayload -> parse -> access units, and the decoded half fed with them.
//!
//! [`stream`] blocks for as long as the stream is well and returns why it ended; whoever calls it (on a thread of its own)
//! decides when to try again. It never logs or reports a credential: `rtsp.rs` gives them to GStreamer, and the address
//! holds none.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use gstreamer::{self as gst, prelude::*};
use gstreamer_app as gst_app;
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::{
    clock::{TimeLine, believe},
    decoder::{self, Decoder, WhenFull},
    error::{CameraError, Fault},
    feeding::{self, Feeding, Judge, restamped},
    frame::{Frame, Stamps},
    hardware::Decoding,
    held,
    mailbox::Mailbox,
    pace::Pace,
    pipeline,
    progress::Progress,
    reel::Reel,
    rtsp::{self, CONNECT_LIMIT, JitterBuffer, Stage},
    unit::{AccessUnit, Codec},
};
use crate::config::settings::{CameraSettings, StreamSettings};

/// How often the stream's messages, its cancellation and its age are looked at.
const LOOK: Duration = Duration::from_millis(100);

/// Between NTP's epoch (1900) and Unix' (1970).
const NTP_TO_UNIX: i128 = 2_208_988_800_000_000_000;

/// What a stream of a camera is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Its only stream: analysed, and kept for evidence.
    Whole,
    /// The main stream beside a substream: kept for evidence, not decoded.
    Evidence,
    /// The substream: analysed, and kept no longer than its gate needs it.
    Analysis,
}

/// Where a stream's pictures go.
#[derive(Clone, Debug)]
pub struct Outputs {
    /// Encoded pictures, for evidence.
    pub reel: Arc<Mutex<Reel>>,
    /// Frames to be analysed; the latest wins.
    pub mailbox: Arc<Mailbox<Frame>>,
    /// What has been done so far.
    pub progress: Arc<Progress>,
    /// How often it is looked at for now.
    pub pace: Arc<Pace>,
}

/// Streams one part of a camera until `cancel` or a fault. Blocks: call it on a thread of its own.
///
/// # Errors
/// Why the stream ended; `Ok` only after `cancel`.
pub fn stream(
    camera: &CameraSettings,
    part: Part,
    outputs: &Outputs,
    cancel: &CancellationToken,
) -> Result<(), CameraError> {
    let stream = match (part, &camera.substream) {
        (Part::Analysis, Some(substream)) => substream,
        _ => &camera.stream,
    };
    run(camera, stream, part, outputs, cancel).map_err(|fault| CameraError {
        place: format!("camera {} ({})", camera.id, stream.url),
        fault,
    })
}

fn run(
    camera: &CameraSettings,
    stream: &StreamSettings,
    part: Part,
    outputs: &Outputs,
    cancel: &CancellationToken,
) -> Result<(), Fault> {
    gst::init().map_err(|e| Fault::Broken(format!("GStreamer: {e}")))?;
    let source = rtsp::source(stream)?;
    let packets = JitterBuffer::of(&source);
    let pipeline = gst::Pipeline::new();
    pipeline
        .add(&source)
        .map_err(|e| Fault::Broken(e.to_string()))?;
    let intake = Arc::new(Intake::new(camera, part, outputs.clone()));
    on_pad(&pipeline, &source, &intake);
    let bus = pipeline.bus().expect("a pipeline has a bus");
    // For rtspsrc this only starts its task; names are resolved and hosts are connected to on that.
    let result = match pipeline.set_state(gst::State::Playing) {
        Ok(_) => watch(&bus, &intake, &packets, stream.stall_timeout, cancel),
        Err(_) => Err(rtsp::first_fault(&bus)),
    };
    let stopped = pipeline::stop(&pipeline);
    let decoder = held(&intake.decoder).take();
    if !(stopped & decoder.is_none_or(|decoder| decoder.stop())) {
        outputs.progress.abandoned.fetch_add(1, Ordering::Relaxed);
        tracing::warn!(camera = %camera.id, "a pipeline did not stop in time and is left to itself");
    }
    result
}

/// Everything that the streaming threads share.
struct Intake {
    /// The camera's name.
    camera: String,
    part: Part,
    decoding: Decoding,
    outputs: Outputs,
    /// The camera has said what it sends, and the encoded half stands.
    linked: AtomicBool,
    decoder: Mutex<Option<Decoder>>,
    units: Mutex<Units>,
    /// Who looks at decoded pictures, until the decoder takes it.
    judge: Mutex<Option<Judge>>,
    fault: Mutex<Option<Fault>>,
    began: Instant,
    /// Milliseconds from `began` to the last frame; 0 before the first.
    last_frame: Arc<AtomicU64>,
    /// Whether any access unit has come.
    heard: AtomicU64,
}

struct Units {
    line: TimeLine,
    feeding: Feeding,
    /// A presentation time and the camera's clock at it, from the last sender report.
    report: Option<(Duration, Timestamp)>,
    /// It has been said that the camera's clock is not believed.
    doubted: bool,
}

impl Intake {
    fn new(camera: &CameraSettings, part: Part, outputs: Outputs) -> Intake {
        let epoch = outputs.progress.epoch();
        let (feeding, judge) = feeding::gate(&camera.gate, Arc::clone(&outputs.pace), false);
        Intake {
            camera: camera.id.to_string(),
            part,
            decoding: camera.decoding,
            linked: AtomicBool::new(false),
            decoder: Mutex::default(),
            units: Mutex::new(Units {
                line: TimeLine::new(epoch, outputs.progress.line_end()),
                feeding,
                report: None,
                doubted: false,
            }),
            judge: Mutex::new(Some(judge)),
            fault: Mutex::default(),
            began: Instant::now(),
            last_frame: Arc::default(),
            heard: AtomicU64::new(0),
            outputs,
        }
    }

    /// Says once, and whenever it has changed, what decodes the stream.
    fn say_decoder(&self, decoder: &Decoder) {
        let hardware = decoder.is_hardware();
        if self.outputs.progress.decodes(hardware) {
            let by = if hardware { "hardware" } else { "software" };
            tracing::info!(camera = self.camera, by, "decoding");
        }
    }

    fn fail(&self, fault: Fault) {
        held(&self.fault).get_or_insert(fault);
    }

    /// Takes one access unit: into the reel, and to the decoder where the gate says so. Both see it on the camera's time
    /// line: its own presentation times may jump, and decoders leave pictures out that seem to come from the past.
    fn unit(&self, sample: &gst::Sample) {
        let pts = sample.buffer().and_then(|b| b.pts().or(b.dts()));
        let Some(pts) = pts.map(Duration::from) else {
            return;
        };
        let mut units = held(&self.units);
        let arrival = Timestamp::now();
        let stamps = Stamps {
            at: units.line.at(pts, Instant::now()),
            capture: self.capture(&mut units, pts, arrival),
            arrival,
        };
        let unit = restamped(sample, stamps.at).and_then(|sample| AccessUnit::new(sample, stamps));
        let Some(unit) = unit.map(Arc::new) else {
            return;
        };
        let progress = &self.outputs.progress;
        progress.line_reached(stamps.at);
        self.heard.store(1, Ordering::Relaxed);
        progress.units.fetch_add(1, Ordering::Relaxed);
        progress
            .bytes
            .fetch_add(unit.bytes as u64, Ordering::Relaxed);
        held(&self.outputs.reel).push(Arc::clone(&unit));
        if self.part == Part::Evidence {
            progress.rests();
            self.alive();
            return;
        }
        let decoder = held(&self.decoder);
        let Some(decoder) = &*decoder else { return };
        let paused = self.outputs.pace.is_paused();
        let reel = &self.outputs.reel;
        let left_out = (units.feeding).unit(&unit, decoder, reel, progress, paused);
        if left_out || paused {
            // Its units come, and that is all that is asked of it.
            self.alive();
        }
    }

    /// Notes that the stream has not stalled.
    fn alive(&self) {
        let now = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last_frame.store(now.max(1), Ordering::Relaxed);
    }

    /// The camera's clock at `pts`, where it has said and is believed.
    fn capture(&self, units: &mut Units, pts: Duration, arrival: Timestamp) -> Option<Timestamp> {
        let capture = capture(units.report?, pts)?;
        let (ahead, believed) = believe(capture, arrival);
        self.outputs.progress.clock_said(ahead);
        if !believed && !std::mem::replace(&mut units.doubted, true) {
            tracing::warn!(
                camera = self.camera,
                ahead_s = ahead.as_secs(),
                "the camera's clock is far from this node's and is not believed: set it by NTP"
            );
        }
        Some(capture).filter(|_| believed)
    }

    /// What is called with each decoded picture. It holds the intake weakly: the decoder belongs to that.
    fn on_picture(
        self: &Arc<Self>,
    ) -> impl FnMut(super::decoder::Decoded<'_>) -> bool + Send + 'static {
        let outputs = self.outputs.clone();
        let intake = Arc::downgrade(self);
        let mut judge = held(&self.judge).take();
        move |decoded| {
            outputs.progress.decoded_now();
            let (Some(intake), Some(judge)) = (intake.upgrade(), &mut judge) else {
                return false;
            };
            intake.alive();
            let Some(known) = judge.recall(&decoded) else {
                return true;
            };
            match judge.picture(decoded, known) {
                Ok(Some(frame)) => hand_on(frame, &outputs),
                Ok(None) => {}
                Err(why) => tracing::warn!(camera = intake.camera, why, "a frame is left out"),
            }
            true
        }
    }
}

/// Longest wait for the frame before one that came late to be taken.
const PATIENCE: Duration = Duration::from_secs(1);

fn hand_on(frame: Frame, outputs: &Outputs) {
    let progress = &outputs.progress;
    progress.picked.fetch_add(1, Ordering::Relaxed);
    if frame.still_since().is_some() {
        progress.still.fetch_add(1, Ordering::Relaxed);
    }
    progress.seen(&frame.picture(), Instant::now());
    if frame.is_late() {
        outputs.mailbox.put_patiently(frame, PATIENCE);
    } else {
        outputs.mailbox.put(frame);
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
        if !rtsp::is_video(&caps) || intake.linked.swap(true, Ordering::Relaxed) {
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
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "unknown".to_owned());
    let codec = Codec::from_rtp(&encoding).ok_or(Fault::Codec(encoding))?;
    if intake.part != Part::Evidence {
        let progress = Arc::clone(&intake.outputs.progress);
        let look = decoder::timed(intake.on_picture(), progress);
        let decoder = Decoder::new(codec, WhenFull::Refuse, intake.decoding, look)?;
        intake.say_decoder(&decoder);
        *held(&intake.decoder) = Some(decoder);
    }
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
        .map_err(|e| Fault::Garbled(format!("{codec:?} stream cannot be linked: {e}")))?;
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
                    intake.unit(&sample);
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
    packets: &JitterBuffer,
    stall_timeout: Duration,
    cancel: &CancellationToken,
) -> Result<(), Fault> {
    let limit = gst::ClockTime::try_from(LOOK).unwrap_or(gst::ClockTime::from_mseconds(100));
    let (mut stage, mut lost) = (Stage::default(), 0);
    while !cancel.is_cancelled() {
        let kinds = [
            gst::MessageType::Error,
            gst::MessageType::Eos,
            gst::MessageType::Progress,
        ];
        let message = bus.timed_pop_filtered(limit, &kinds);
        if let Some(fault) = held(&intake.fault).take() {
            return Err(fault);
        }
        match message.as_ref().map(|message| message.view()) {
            Some(gst::MessageView::Error(error)) => return Err(rtsp::classify(error, &stage)),
            Some(gst::MessageView::Eos(_)) => return Err(Fault::Ended),
            Some(gst::MessageView::Progress(progress)) => stage.note(progress),
            _ => {}
        }
        if let Some(fault) = held(&intake.decoder).as_ref().and_then(Decoder::fault) {
            return Err(fault);
        }
        let before = std::mem::replace(&mut lost, packets.lost());
        let more = lost.saturating_sub(before);
        let progress = &intake.outputs.progress;
        progress.packets_lost.fetch_add(more, Ordering::Relaxed);
        stalled(intake, &stage, stall_timeout)?;
    }
    Ok(())
}

fn stalled(intake: &Intake, stage: &Stage, limit: Duration) -> Result<(), Fault> {
    let last = Duration::from_millis(intake.last_frame.load(Ordering::Relaxed));
    let age = intake.began.elapsed().saturating_sub(last);
    // Connecting has a limit of its own; a first frame may take that and one timeout. It also ends an answer that never
    // does.
    let limit = if last.is_zero() {
        limit + CONNECT_LIMIT
    } else {
        limit
    };
    if age < limit {
        return Ok(());
    }
    let seen = match (last.is_zero(), intake.heard.load(Ordering::Relaxed) > 0) {
        (true, false) => return Err(stage.silence()),
        (true, true) => "encoded pictures come, but none can be decoded",
        (false, _) => "the stream stood still",
    };
    Err(Fault::Stalled { after: age, seen })
}

#[cfg(test)]
#[path = "source_tests.rs"]
mod tests;
