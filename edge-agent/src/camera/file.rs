//! A clip as a camera: the same decoder and gate, in media time, as fast as somebody takes the frames.
//!
//! Media time is 0 at the first picture, whatever the container's own start time says.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    time::{Duration, Instant},
};

use gstreamer::{self as gst, prelude::*};
use gstreamer_app as gst_app;
use jiff::Timestamp;

use super::{
    decoder::{Decoded, Decoder, WhenFull},
    error::{CameraError, Fault},
    feeding::{self, Feeding, GateSettings, Judge},
    frame::{Frame, Stamps},
    gate::{FrameGate, GateKind},
    hardware::Decoding,
    held,
    in_flight::Role,
    pace::Pace,
    pipeline,
    progress::Progress,
    reel::Reel,
    unit::{AccessUnit, Codec},
};

/// How often messages are looked at while no frame comes.
const LOOK: Duration = Duration::from_millis(50);

/// A clip that gives nothing for so long is given up.
const STALL: Duration = Duration::from_secs(30);

/// The reel of a gated clip: more than two of the longest groups that a gate waits for.
const REEL: Duration = Duration::from_secs(12);
/// Bound of that in bytes.
const REEL_BYTES: usize = 256 << 20;

/// Frames that may wait to be taken. Loss policy: none, the decoder waits.
const WAITING: usize = 2;

/// A clip that is being read.
pub struct Clip {
    path: PathBuf,
    pipeline: gst::Pipeline,
    bus: gst::Bus,
    shared: Arc<Shared>,
    frames: Option<Receiver<Result<Frame, String>>>,
    /// Keeps the channel open to its last frame: why a clip ends is asked of the decoder, not of the channel.
    _sender: SyncSender<Result<Frame, String>>,
}

struct Shared {
    decoder: Mutex<Option<Arc<Decoder>>>,
    fault: Mutex<Option<Fault>>,
    gated: Mutex<Option<GatedIntake>>,
    progress: Progress,
    /// Nanoseconds of media time of the last picture, picked or not.
    end: Arc<AtomicU64>,
}

impl Clip {
    /// Opens a clip whose frames are picked by `gate`.
    ///
    /// # Errors
    /// A file that cannot be read; what is wrong inside it is said by [`Clip::next_frame`].
    pub fn open(path: &Path, gate: FrameGate) -> Result<Clip, CameraError> {
        let pace = Arc::new(Pace::new(f32::INFINITY));
        Clip::start(path, Judge::alone_with(gate, pace), None)
    }

    /// Opens a clip that is gated as a camera would be, at `fps` analysed frames a second, at most. What the gate decides depends on the clip alone.
    ///
    /// # Errors
    /// As [`Clip::open`].
    pub fn gated(path: &Path, settings: &GateSettings, fps: f32) -> Result<Clip, CameraError> {
        let (feeding, judge) = feeding::gate(settings, Arc::new(Pace::new(fps)), true);
        let feeding = (settings.kind == GateKind::Encoded).then_some(feeding);
        Clip::start(path, judge, feeding)
    }

    /// What the gate has done so far; all zero where there is none.
    pub fn progress(&self) -> &Progress {
        &self.shared.progress
    }

    fn start(path: &Path, judge: Judge, feeding: Option<Feeding>) -> Result<Clip, CameraError> {
        let refused = |fault| CameraError {
            place: path.display().to_string(),
            fault,
        };
        std::fs::File::open(path).map_err(|e| refused(Fault::Broken(e.to_string())))?;
        gst::init().map_err(|e| refused(Fault::Broken(e.to_string())))?;
        let (sender, frames) = sync_channel(WAITING);
        let end = Arc::new(AtomicU64::new(0));
        let gated = feeding.map(|feeding| GatedIntake::new(feeding, Arc::clone(&end)));
        let mut media = Media::new(judge, Arc::clone(&end));
        let shared = Arc::new(Shared {
            decoder: Mutex::default(),
            fault: Mutex::default(),
            gated: Mutex::new(gated),
            progress: Progress::default(),
            end,
        });
        let keep_open = sender.clone();
        let counted = Arc::downgrade(&shared);
        let picture = move |decoded: Decoded<'_>| {
            if let Some(shared) = counted.upgrade() {
                shared.progress.decoded.fetch_add(1, Ordering::Relaxed);
            }
            match media.frame(decoded) {
                Some(frame) => sender.send(frame).is_ok(),
                None => true,
            }
        };
        let pipeline = build(path, &shared, picture).map_err(|e| refused(Fault::Broken(e)))?;
        let bus = pipeline.bus().expect("a pipeline has a bus");
        if pipeline.set_state(gst::State::Playing).is_err() {
            pipeline::stop(&pipeline);
            return Err(refused(Fault::Broken("cannot be played".to_owned())));
        }
        Ok(Clip {
            path: path.to_owned(),
            pipeline,
            bus,
            shared,
            frames: Some(frames),
            _sender: keep_open,
        })
    }

    /// The next frame that the gate picks; nothing at the end.
    ///
    /// # Errors
    /// A container, codec or picture that cannot be read.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, CameraError> {
        let refused = |fault| CameraError {
            place: self.path.display().to_string(),
            fault,
        };
        let Some(frames) = &self.frames else {
            return Ok(None);
        };
        let began = Instant::now();
        loop {
            if let Ok(frame) = frames.recv_timeout(LOOK) {
                return frame.map(Some).map_err(|e| refused(Fault::Broken(e)));
            }
            if let Some(fault) = self.fault() {
                return Err(refused(fault));
            }
            let ended = held(&self.shared.decoder)
                .as_ref()
                .is_some_and(|decoder| decoder.has_ended());
            if ended {
                // What came out before the end may still lie in the channel.
                return match frames.try_recv() {
                    Ok(frame) => frame.map(Some).map_err(|e| refused(Fault::Broken(e))),
                    Err(_) => Ok(None),
                };
            }
            if began.elapsed() > STALL {
                return Err(refused(Fault::Stalled {
                    after: began.elapsed(),
                    seen: "the clip gives nothing more",
                }));
            }
        }
    }

    /// Media time of the last picture that was decoded so far, picked or not.
    pub fn end(&self) -> Duration {
        Duration::from_nanos(self.shared.end.load(Ordering::Acquire))
    }

    fn fault(&self) -> Option<Fault> {
        if let Some(fault) = held(&self.shared.fault).take() {
            return Some(fault);
        }
        if let Some(message) = self.bus.pop_filtered(&[gst::MessageType::Error])
            && let gst::MessageView::Error(error) = message.view()
        {
            return Some(Fault::Broken(pipeline::text(error)));
        }
        held(&self.shared.decoder)
            .as_ref()
            .and_then(|decoder| decoder.fault())
    }
}

impl Drop for Clip {
    fn drop(&mut self) {
        // The decoder first: it may be waiting for somebody to take a frame, and the reader for the decoder.
        self.frames = None;
        let decoder = held(&self.shared.decoder).take();
        if let Some(decoder) = decoder {
            decoder.stop();
        }
        pipeline::stop(&self.pipeline);
    }
}

impl Shared {
    /// Hands an access unit on, waiting for the decoder where it has enough. False where nothing more is wanted.
    fn take(&self, sample: &gst::Sample, decoder: &Decoder) -> bool {
        match &mut *held(&self.gated) {
            None => decoder.feed(sample),
            Some(gated) => gated.take(sample, decoder, &self.progress),
        }
    }
}

/// The encoded half of a clip that is gated.
struct GatedIntake {
    feeding: Feeding,
    reel: Mutex<Reel>,
    first: Option<Duration>,
    last: Duration,
    end: Arc<AtomicU64>,
}

impl GatedIntake {
    fn new(feeding: Feeding, end: Arc<AtomicU64>) -> GatedIntake {
        GatedIntake {
            feeding,
            reel: Mutex::new(Reel::new(REEL, REEL_BYTES)),
            first: None,
            last: Duration::ZERO,
            end,
        }
    }

    fn take(&mut self, sample: &gst::Sample, decoder: &Decoder, progress: &Progress) -> bool {
        let Some(buffer) = sample.buffer() else {
            return true;
        };
        let next = self.last + buffer.duration().map(Duration::from).unwrap_or_default();
        let pts = buffer.pts().map(Duration::from);
        let first = *self.first.get_or_insert(pts.unwrap_or_default());
        let at = pts.map_or(next, |pts| pts.saturating_sub(first));
        self.last = at;
        let nanoseconds = u64::try_from(at.as_nanos()).unwrap_or(u64::MAX);
        self.end.fetch_max(nanoseconds, Ordering::Release);
        let stamps = Stamps {
            at,
            capture: None,
            arrival: Timestamp::now(),
        };
        let unit = feeding::restamped(sample, at).and_then(|s| AccessUnit::new(s, stamps));
        let Some(unit) = unit.map(Arc::new) else {
            return true;
        };
        // The gate decides at key units by what has been judged: that must not depend on how fast anything runs. It costs the
        // pictures before a key unit that follow it in an open group (H.265); a live decoder is not drained there.
        if unit.key {
            decoder.drain_and_wait(STALL);
        }
        held(&self.reel).push(Arc::clone(&unit));
        self.feeding
            .unit(&unit, decoder, &self.reel, progress, false);
        !decoder.has_ended()
    }
}

/// Media time of decoded pictures, and which of them are frames.
struct Media {
    judge: Judge,
    first: Option<Duration>,
    last: Duration,
    end: Arc<AtomicU64>,
}

impl Media {
    fn new(judge: Judge, end: Arc<AtomicU64>) -> Media {
        Media {
            judge,
            first: None,
            last: Duration::ZERO,
            end,
        }
    }

    /// Containers without presentation times (AVI) give the times of B-frames twice or not at all: such a picture follows
    /// the one before it by its own duration.
    fn at(&mut self, pts: Option<Duration>, duration: Duration) -> Duration {
        let Some(first) = self.first else {
            self.first = Some(pts.unwrap_or_default());
            return Duration::ZERO;
        };
        let next = self.last + duration;
        pts.map(|pts| pts.saturating_sub(first))
            .filter(|at| *at > self.last)
            .unwrap_or(next)
    }

    fn frame(&mut self, decoded: Decoded<'_>) -> Option<Result<Frame, String>> {
        let known = self.judge.recall(&decoded);
        let known = known.unwrap_or_else(|| (self.stamps(&decoded), Role::Run));
        self.judge.picture(decoded, known).transpose()
    }

    fn stamps(&mut self, decoded: &Decoded<'_>) -> Stamps {
        let at = self.at(decoded.pts, decoded.duration.unwrap_or_default());
        self.last = at;
        let nanoseconds = u64::try_from(at.as_nanos()).unwrap_or(u64::MAX);
        self.end.store(nanoseconds, Ordering::Release);
        Stamps {
            at,
            capture: None,
            arrival: Timestamp::now(),
        }
    }
}

fn build(
    path: &Path,
    shared: &Arc<Shared>,
    picture: impl FnMut(Decoded<'_>) -> bool + Send + 'static,
) -> Result<gst::Pipeline, String> {
    let pipeline = gst::Pipeline::new();
    let source = pipeline::element("filesrc")?;
    source.set_property("location", path);
    let parse = pipeline::element("parsebin")?;
    pipeline
        .add_many([&source, &parse])
        .map_err(|e| e.to_string())?;
    source.link(&parse).map_err(|e| e.to_string())?;
    let weak = pipeline.downgrade();
    let shared = Arc::clone(shared);
    let picture = Mutex::new(Some(picture));
    parse.connect_pad_added(move |_, pad| {
        let Some(pipeline) = weak.upgrade() else {
            return;
        };
        let caps = pad.current_caps().unwrap_or_else(|| pad.query_caps(None));
        let name = caps.structure(0).map(|s| s.name().to_string());
        let name = name.unwrap_or_default();
        if !(name.starts_with("video/") || name.starts_with("image/")) {
            return;
        }
        let Some(picture) = held(&picture).take() else {
            return;
        };
        let result = Codec::from_caps(&caps)
            .ok_or(Fault::Codec(name))
            .inspect(|codec| {
                // Its units do not tell when they are shown: the gate cannot go by them.
                if *codec == Codec::Mpeg4 {
                    held(&shared.gated).take();
                }
            })
            .and_then(|codec| Decoder::new(codec, WhenFull::Wait, Decoding::Software, picture))
            .and_then(|decoder| {
                *held(&shared.decoder) = Some(Arc::new(decoder));
                link(&pipeline, pad, &shared).map_err(Fault::Broken)
            });
        if let Err(fault) = result {
            held(&shared.fault).get_or_insert(fault);
        }
    });
    Ok(pipeline)
}

/// Hands the access units of a parsed stream to the decoder.
fn link(pipeline: &gst::Pipeline, pad: &gst::Pad, shared: &Arc<Shared>) -> Result<(), String> {
    let (units, end) = (Arc::clone(shared), Arc::clone(shared));
    let sink = gst_app::AppSink::builder()
        .sync(false)
        .max_buffers(4)
        .enable_last_sample(false)
        .callbacks(
            gst_app::AppSinkCallbacks::builder()
                .new_sample(move |sink| {
                    let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
                    let decoder = held(&units.decoder).clone();
                    match decoder.is_some_and(|decoder| units.take(&sample, &decoder)) {
                        true => Ok(gst::FlowSuccess::Ok),
                        false => Err(gst::FlowError::Eos),
                    }
                })
                .eos(move |_| {
                    let decoder = held(&end.decoder).clone();
                    if let Some(decoder) = decoder {
                        decoder.end();
                    }
                })
                .build(),
        )
        .build();
    pipeline.add(&sink).map_err(|e| e.to_string())?;
    sink.sync_state_with_parent().map_err(|e| e.to_string())?;
    let entry = sink.static_pad("sink").expect("an appsink has a sink");
    pad.link(&entry).map_err(|e| e.to_string())?;
    Ok(())
}

#[cfg(test)]
#[path = "file_tests.rs"]
mod tests;
