//! The decoded half: access units in, frames out, in the decoder's own memory and format.

use std::{
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use gstreamer::{self as gst, prelude::*};
use gstreamer_app as gst_app;
use gstreamer_video as gst_video;

use super::{
    error::Fault,
    frame::{Frame, Stamps},
    hardware::{self, Decoding},
    held, pipeline,
    progress::Progress,
    unit::Codec,
};
use crate::cpu;

/// Access units that may wait for the decoder of a file.
const WAITING_FILES: u64 = 30;

/// What is done when a decoder has enough access units waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenFull {
    /// The caller is told and decides: live streams.
    Refuse,
    /// The caller waits: files.
    Wait,
}

/// A picture that a decoder has just made.
pub struct Decoded<'a> {
    sample: &'a gst::Sample,
    full_range: bool,
    /// Presentation time.
    pub pts: Option<Duration>,
    /// How long it is shown.
    pub duration: Option<Duration>,
}

impl Decoded<'_> {
    /// Maps it, for as long as the frame lives.
    ///
    /// # Errors
    /// A format that is not handled, in words.
    pub fn into_frame(self, stamps: Stamps) -> Result<Frame, String> {
        Frame::map(self.sample, self.full_range, stamps)
    }
}

/// The same look at pictures, with what it takes of the decoder's thread added to the camera's figures.
pub(super) fn timed(
    mut look: impl FnMut(Decoded<'_>) -> bool + Send + 'static,
    progress: Arc<Progress>,
) -> impl FnMut(Decoded<'_>) -> bool + Send + 'static {
    move |decoded| {
        let began = cpu::thread_time();
        let more = look(decoded);
        let took = cpu::thread_time().saturating_sub(began);
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        progress.gate_us.fetch_add(micros, Ordering::Relaxed);
        more
    }
}

/// One decoder.
pub struct Decoder {
    pipeline: gst::Pipeline,
    source: gst_app::AppSrc,
    bus: gst::Bus,
    ended: Arc<AtomicBool>,
    drained: Arc<Drained>,
    when_full: WhenFull,
    hardware: bool,
}

/// How often the decoder was told to give out all that it holds, and how often it has.
#[derive(Default)]
struct Drained {
    /// Something has been fed since it was last told.
    fed: AtomicBool,
    asked: AtomicU64,
    done: Mutex<u64>,
    changed: Condvar,
}

impl Decoder {
    /// Starts a decoder. `picture` is called with each picture in display order, on the decoder's thread, and says whether
    /// more are wanted.
    ///
    /// # Errors
    /// An element that is missing.
    pub fn new(
        codec: Codec,
        when_full: WhenFull,
        decoding: Decoding,
        mut picture: impl FnMut(Decoded<'_>) -> bool + Send + 'static,
    ) -> Result<Decoder, Fault> {
        let source = gst_app::AppSrc::builder()
            .format(gst::Format::Time)
            .block(when_full == WhenFull::Wait)
            .max_buffers(WAITING_FILES)
            .max_bytes(0)
            .build();
        let caps = gst::Caps::builder("video/x-raw")
            .field("format", gst::List::new(["I420", "NV12", "GRAY8"]))
            .build();
        let ended = Arc::new(AtomicBool::new(false));
        let full_range = codec == Codec::Mjpeg;
        let at_end = Arc::clone(&ended);
        let drained = Arc::<Drained>::default();
        let at_drained = Arc::clone(&drained);
        let sink = gst_app::AppSink::builder()
            .caps(&caps)
            .sync(false)
            .max_buffers(2)
            .enable_last_sample(false)
            .callbacks(
                gst_app::AppSinkCallbacks::builder()
                    .new_sample(move |sink| {
                        let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
                        let buffer = sample.buffer();
                        let pts = buffer.and_then(gst::BufferRef::pts);
                        let duration = buffer.and_then(gst::BufferRef::duration);
                        let decoded = Decoded {
                            sample: &sample,
                            full_range,
                            pts: pts.map(Duration::from),
                            duration: duration.map(Duration::from),
                        };
                        if picture(decoded) {
                            Ok(gst::FlowSuccess::Ok)
                        } else {
                            Err(gst::FlowError::Eos)
                        }
                    })
                    .new_event(move |sink| {
                        // Events are not needed otherwise; they are taken so that none piles up.
                        let event = sink.try_pull_object(gst::ClockTime::ZERO);
                        let event = event.and_then(|e| e.downcast::<gst::Event>().ok());
                        if event.is_some_and(|e| e.type_() == gst::EventType::SegmentDone) {
                            *held(&at_drained.done) += 1;
                            at_drained.changed.notify_all();
                        }
                        true
                    })
                    .eos(move |_| at_end.store(true, Ordering::Release))
                    .build(),
            )
            .build();
        take_as_decoded(&sink);
        let pipeline = gst::Pipeline::new();
        let (decoder, hardware) = hardware::element(codec, decoding).map_err(Fault::Broken)?;
        build(&pipeline, &decoder, source.upcast_ref(), sink.upcast_ref())
            .map_err(Fault::Broken)?;
        let bus = pipeline.bus().expect("a pipeline has a bus");
        pipeline
            .set_state(gst::State::Playing)
            .map_err(|_| Fault::Broken(format!("the decoder of {codec:?} does not start")))?;
        Ok(Decoder {
            pipeline,
            source,
            bus,
            ended,
            drained,
            when_full,
            hardware,
        })
    }

    /// Whether it is a hardware decoder.
    pub(super) fn is_hardware(&self) -> bool {
        self.hardware
    }

    /// Access units that wait for it.
    pub(super) fn waiting(&self) -> u64 {
        self.source.current_level_buffers()
    }

    /// Whether who feeds it has to wait where much is waiting.
    pub(super) fn waits(&self) -> bool {
        self.when_full == WhenFull::Wait
    }

    /// Makes it give out what it holds back to bring pictures into the order of display; the next unit must be a key
    /// unit.
    pub(super) fn drain(&self) {
        if !self.drained.fed.swap(false, Ordering::Relaxed) {
            return;
        }
        self.drained.asked.fetch_add(1, Ordering::Relaxed);
        self.source
            .send_event(gst::event::SegmentDone::new(gst::ClockTime::ZERO));
    }

    /// As [`Decoder::drain`], and waits until all of it has been looked at, or no longer than `limit`.
    pub(super) fn drain_and_wait(&self, limit: Duration) {
        self.drain();
        let asked = self.drained.asked.load(Ordering::Relaxed);
        let until = Instant::now() + limit;
        let mut done = held(&self.drained.done);
        while *done < asked && !self.has_ended() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            done = match self.drained.changed.wait_timeout(done, left) {
                Ok((guard, _)) => guard,
                Err(poisoned) => poisoned.into_inner().0,
            };
        }
    }

    /// Hands over an encoded picture. False where the decoder takes no more.
    pub(super) fn feed(&self, sample: &gst::Sample) -> bool {
        self.drained.fed.store(true, Ordering::Relaxed);
        self.source.push_sample(sample).is_ok()
    }

    /// Says that nothing follows.
    pub(super) fn end(&self) {
        if self.source.end_of_stream().is_err() {
            self.ended.store(true, Ordering::Release);
        }
    }

    /// Whether all pictures have come out after [`Decoder::end`].
    pub(super) fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    /// What went wrong in it since the last call.
    pub(super) fn fault(&self) -> Option<Fault> {
        let message = self.bus.pop_filtered(&[gst::MessageType::Error])?;
        match message.view() {
            gst::MessageView::Error(error) => {
                if self.hardware {
                    hardware::give_up();
                }
                Some(Fault::Undecodable(pipeline::text(error)))
            }
            _ => None,
        }
    }

    /// Stops it; false where it had to be left to itself.
    pub(super) fn stop(&self) -> bool {
        pipeline::stop(&self.pipeline)
    }
}

impl Drop for Decoder {
    fn drop(&mut self) {
        if self.pipeline.current_state() != gst::State::Null {
            self.stop();
        }
    }
}

/// Says that pictures are taken with the strides and padding that the decoder gives them, which [`Frame::map`] reads: a
/// decoder that does not hear that may copy each picture. GStreamer's appsink says it by itself from 1.24 on only.
fn take_as_decoded(sink: &gst_app::AppSink) {
    let pad = sink.static_pad("sink").expect("an appsink has a sink");
    pad.add_probe(gst::PadProbeType::QUERY_DOWNSTREAM, |_, info| {
        let query = info.query_mut().map(gst::QueryRef::view_mut);
        let Some(gst::QueryViewMut::Allocation(allocation)) = query else {
            return gst::PadProbeReturn::Ok;
        };
        allocation.add_allocation_meta::<gst_video::VideoMeta>(None);
        gst::PadProbeReturn::Handled
    });
}

fn build(
    pipeline: &gst::Pipeline,
    decoder: &gst::Element,
    source: &gst::Element,
    sink: &gst::Element,
) -> Result<(), String> {
    // One thread a camera: cameras are the parallelism, and frame threads would add a frame of delay each.
    if decoder.find_property("max-threads").is_some() {
        decoder.set_property("max-threads", 1_i32);
    }
    // Passes I420, NV12 and grey through untouched; only rarer formats (4:2:2, 10 bits) are converted.
    let convert = pipeline::element("videoconvert")?;
    let chain = [source, decoder, &convert, sink];
    pipeline.add_many(chain).map_err(|e| e.to_string())?;
    gst::Element::link_many(chain).map_err(|e| e.to_string())
}
