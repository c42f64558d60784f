//! The decoded half: access units in, frames out, in the decoder's own memory and format.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use gstreamer::{self as gst, prelude::*};
use gstreamer_app as gst_app;
use gstreamer_video as gst_video;

use super::{
    error::Fault,
    frame::{Frame, Stamps},
    pipeline,
    progress::Progress,
    unit::Codec,
};
use crate::cpu;

/// Access units that may wait for a live decoder; about a second of video.
const WAITING: u64 = 30;

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

/// The entry of a decoder.
pub(super) struct Feeder(gst_app::AppSrc);

impl Feeder {
    /// Hands over an encoded picture; waits where [`WhenFull::Wait`] says so. False where the decoder takes no more.
    pub(super) fn feed(&self, sample: &gst::Sample) -> bool {
        self.0.push_sample(sample).is_ok()
    }
}

/// One decoder.
pub struct Decoder {
    pipeline: gst::Pipeline,
    source: gst_app::AppSrc,
    bus: gst::Bus,
    ended: Arc<AtomicBool>,
    when_full: WhenFull,
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
        mut picture: impl FnMut(Decoded<'_>) -> bool + Send + 'static,
    ) -> Result<Decoder, Fault> {
        let source = gst_app::AppSrc::builder()
            .format(gst::Format::Time)
            .block(when_full == WhenFull::Wait)
            .max_buffers(WAITING)
            .max_bytes(0)
            .build();
        let caps = gst::Caps::builder("video/x-raw")
            .field("format", gst::List::new(["I420", "NV12", "GRAY8"]))
            .build();
        let ended = Arc::new(AtomicBool::new(false));
        let full_range = codec == Codec::Mjpeg;
        let at_end = Arc::clone(&ended);
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
                    .eos(move |_| at_end.store(true, Ordering::Release))
                    .build(),
            )
            .build();
        take_as_decoded(&sink);
        let pipeline = gst::Pipeline::new();
        build(&pipeline, codec, source.upcast_ref(), sink.upcast_ref()).map_err(Fault::Broken)?;
        let bus = pipeline.bus().expect("a pipeline has a bus");
        pipeline
            .set_state(gst::State::Playing)
            .map_err(|_| Fault::Broken(format!("the decoder of {codec:?} does not start")))?;
        Ok(Decoder {
            pipeline,
            source,
            bus,
            ended,
            when_full,
        })
    }

    /// Whether as much is waiting as may.
    pub fn is_full(&self) -> bool {
        self.when_full == WhenFull::Refuse && self.source.current_level_buffers() >= WAITING
    }

    /// Its entry, for threads that may have to wait there: they must not hold a lock meanwhile.
    pub(super) fn feeder(&self) -> Feeder {
        Feeder(self.source.clone())
    }

    /// Hands over an encoded picture. False where the decoder takes no more.
    pub(super) fn feed(&self, sample: &gst::Sample) -> bool {
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
            gst::MessageView::Error(error) => Some(Fault::Undecodable(pipeline::text(error))),
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

/// Says that pictures are taken with the strides and padding that the decoder gives them: [`Frame::map`] reads both. Without
/// that word the decoder copies each picture (GStreamer's appsink gives it from 1.24 on only), and keeps twice as many.
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
    codec: Codec,
    source: &gst::Element,
    sink: &gst::Element,
) -> Result<(), String> {
    let decoder = match codec {
        Codec::H264 => pipeline::element("avdec_h264")?,
        Codec::H265 => pipeline::element("avdec_h265")?,
        Codec::Mpeg4 => pipeline::element("avdec_mpeg4")?,
        Codec::Mjpeg => pipeline::element("jpegdec")?,
    };
    // One thread a camera: cameras are the parallelism, and frame threads would add a frame of delay each.
    if decoder.find_property("max-threads").is_some() {
        decoder.set_property("max-threads", 1_i32);
    }
    // Passes I420, NV12 and grey through untouched; only rarer formats (4:2:2, 10 bits) are converted.
    let convert = pipeline::element("videoconvert")?;
    let chain = [source, &decoder, &convert, sink];
    pipeline.add_many(chain).map_err(|e| e.to_string())?;
    gst::Element::link_many(chain).map_err(|e| e.to_string())
}
