//! A film decoded, painted over picture by picture, and encoded again: what may leave where the original may not.
//!
//! H.264 comes out, whatever went in. One picture at a time is in memory besides the two files; decoding and encoding take
//! one thread, which is nice. A picture that cannot be painted over does not leave: the whole film fails.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use gstreamer::{self as gst, prelude::*};
use gstreamer_app as gst_app;
use gstreamer_video::{self as gst_video, VideoFrameExt as _};

use super::{
    canvas::{Canvas, PlaneMut},
    clip::{FRAGMENT_MS, MAX_BYTES},
    hardware::{self, Decoding},
    held,
    pipeline::{self, element},
    unit::Codec,
};

/// Paints over a picture that is shown so long after the film's beginning. False: the film is no longer wanted.
pub type Burn = Box<dyn FnMut(&mut Canvas<'_>, Duration) -> bool + Send>;

/// Without another picture for so long it hangs: a large one takes a slow core a tenth of a second.
const STALL: Duration = Duration::from_secs(20);
/// What others do goes first: a clip is asked for by somebody who can wait.
const NICE: i32 = 10;
/// x264's constant rate factor: a plate that can be read before can be read afterwards.
const QUALITY: u32 = 23;
/// A browser finds its way in steps of two seconds at 25 pictures a second.
const KEY_EVERY: u32 = 50;

/// A film in MP4 again, with every picture painted over by `burn`. Blocks for about as long as decoding and encoding take.
///
/// # Errors
/// In words for people: the film cannot be decoded, or became longer than a clip may be.
pub fn recode(mp4: Vec<u8>, codec: Codec, burn: Burn) -> Result<Vec<u8>, String> {
    gst::init().map_err(|e| format!("GStreamer: {e}"))?;
    let progress = Arc::new(Progress::default());
    let source = gst_app::AppSrc::builder()
        .max_bytes(2 * MAX_BYTES as u64)
        .build();
    let sink = gst_app::AppSink::builder().sync(false).build();
    let pipeline = gst::Pipeline::new();
    let built = build(&pipeline, &source, &sink, codec);
    let painted = built.map_err(|why| format!("the clip cannot be masked: {why}"))?;
    paint(&painted, burn, Arc::clone(&progress));
    let made = run(&pipeline, &source, &sink, mp4, &progress);
    pipeline::stop(&pipeline);
    made.map_err(|why| format!("the clip cannot be masked: {why}"))
}

/// What the streaming thread says of itself.
#[derive(Default)]
struct Progress {
    pictures: AtomicU64,
    failed: AtomicBool,
}

/// Links source -> demultiplexer -> decoder -> encoder -> sink, and gives the pad where pictures can be painted over.
fn build(
    pipeline: &gst::Pipeline,
    source: &gst_app::AppSrc,
    sink: &gst_app::AppSink,
    codec: Codec,
) -> Result<gst::Pad, String> {
    let parser = match codec {
        Codec::H264 => "h264parse",
        Codec::H265 => "h265parse",
        other => return Err(format!("no clip is made of {other:?}")),
    };
    let (demux, parse) = (element("qtdemux")?, element(parser)?);
    let (decoder, _) = hardware::element(codec, Decoding::Software)?;
    decoder.set_property("max-threads", 1_i32);
    let (convert, encoder) = (element("videoconvert")?, encoder()?);
    let planes = gst::Caps::builder("video/x-raw")
        .field("format", "I420")
        .build();
    let planes = gst::ElementFactory::make("capsfilter")
        .property("caps", &planes)
        .build()
        .map_err(|e| e.to_string())?;
    let (again, mux) = (element("h264parse")?, element("mp4mux")?);
    mux.set_property("fragment-duration", FRAGMENT_MS);
    mux.set_property("streamable", true);
    let chain = [&parse, &decoder, &convert, &planes, &encoder, &again, &mux];
    let ends = [
        source.upcast_ref::<gst::Element>(),
        &demux,
        sink.upcast_ref(),
    ];
    pipeline
        .add_many(chain.into_iter().chain(ends))
        .and_then(|()| gst::Element::link_many(chain))
        .and_then(|()| source.link(&demux))
        .and_then(|()| mux.link(sink))
        .map_err(|e| e.to_string())?;
    let entry = parse.static_pad("sink").ok_or("a parser without a sink")?;
    demux.connect_pad_added(move |_, pad| {
        // Another track than the only one of a clip is left alone, and the pipeline says that it is not linked.
        if !entry.is_linked()
            && let Err(error) = pad.link(&entry)
        {
            tracing::warn!(%error, "a clip's track cannot be decoded");
        }
    });
    planes
        .static_pad("src")
        .ok_or_else(|| "a filter without a source".to_owned())
}

fn encoder() -> Result<gst::Element, String> {
    let encoder = element("x264enc")?;
    for (key, value) in [
        ("tune", "zerolatency"),
        ("speed-preset", "superfast"),
        ("pass", "qual"),
    ] {
        encoder.set_property_from_str(key, value);
    }
    encoder.set_property("quantizer", QUALITY);
    encoder.set_property("key-int-max", KEY_EVERY);
    encoder.set_property("threads", 1_u32);
    Ok(encoder)
}

fn paint(pad: &gst::Pad, burn: Burn, progress: Arc<Progress>) {
    let burn = Mutex::new(burn);
    pad.add_probe(gst::PadProbeType::BUFFER, move |pad, probe| {
        if progress.pictures.fetch_add(1, Ordering::Relaxed) == 0 {
            be_nice();
        }
        let caps = pad.current_caps();
        let info = caps.and_then(|caps| gst_video::VideoInfo::from_caps(&caps).ok());
        let painted = match (probe.buffer_mut(), info) {
            (Some(buffer), Some(info)) => paint_buffer(buffer, &info, &mut held(&burn)),
            _ => None,
        };
        if painted.is_some() {
            return gst::PadProbeReturn::Ok;
        }
        progress.failed.store(true, Ordering::Release);
        gst::PadProbeReturn::Drop
    });
}

/// The buffer's picture painted over; the decoder may still hold it as a reference, so it is another one afterwards.
fn paint_buffer(
    buffer: &mut gst::Buffer,
    info: &gst_video::VideoInfo,
    burn: &mut Burn,
) -> Option<()> {
    let at = Duration::from(buffer.pts()?);
    let mut own = buffer.copy_deep().ok()?;
    {
        let mut frame =
            gst_video::VideoFrameRef::from_buffer_ref_writable(own.get_mut()?, info).ok()?;
        let (width, height) = (frame.width() as usize, frame.height() as usize);
        let strides = [0, 1, 2].map(|i| usize::try_from(frame.plane_stride()[i]).unwrap_or(0));
        let [luma, u, v, _] = frame.planes_data_mut();
        let chroma = (width.div_ceil(2), height.div_ceil(2));
        let planes = [
            plane(luma, strides[0], (width, height))?,
            plane(u, strides[1], chroma)?,
            plane(v, strides[2], chroma)?,
        ];
        burn(
            &mut Canvas {
                width,
                height,
                planes,
            },
            at,
        )
        .then_some(())?;
    }
    *buffer = own;
    Some(())
}

fn plane(data: &mut [u8], stride: usize, (width, height): (usize, usize)) -> Option<PlaneMut<'_>> {
    (data.len() >= stride * height.checked_sub(1)? + width).then_some(PlaneMut {
        data,
        stride,
        width,
        height,
    })
}

/// The calling thread gives way to others.
fn be_nice() {
    let own = rustix::thread::gettid();
    if let Err(error) = rustix::process::setpriority_process(Some(own), NICE) {
        tracing::debug!(%error, "masking a clip does not give way to others");
    }
}

fn run(
    pipeline: &gst::Pipeline,
    source: &gst_app::AppSrc,
    sink: &gst_app::AppSink,
    mp4: Vec<u8>,
    progress: &Progress,
) -> Result<Vec<u8>, String> {
    pipeline
        .set_state(gst::State::Playing)
        .map_err(|e| e.to_string())?;
    let whole = gst::Buffer::from_slice(mp4);
    source.push_buffer(whole).map_err(|e| e.to_string())?;
    source.end_of_stream().map_err(|e| e.to_string())?;
    let (mut masked, mut moved) = (Vec::new(), (0, Instant::now()));
    while !sink.is_eos() {
        if let Some(sample) = sink.try_pull_sample(gst::ClockTime::from_mseconds(50)) {
            let map = sample
                .buffer()
                .and_then(|buffer| buffer.map_readable().ok());
            masked.extend_from_slice(&map.ok_or("a buffer cannot be read")?);
        }
        if let Some(why) = pipeline::fault(pipeline) {
            return Err(why);
        }
        if progress.failed.load(Ordering::Acquire) {
            return Err("a picture could not be painted over".to_owned());
        }
        if masked.len() > MAX_BYTES {
            return Err(format!("it would be longer than {} MiB", MAX_BYTES >> 20));
        }
        let pictures = progress.pictures.load(Ordering::Relaxed);
        if pictures != moved.0 {
            moved = (pictures, Instant::now());
        } else if moved.1.elapsed() > STALL {
            return Err(format!("it stopped after {pictures} pictures"));
        }
    }
    if masked.is_empty() || progress.failed.load(Ordering::Acquire) {
        return Err("nothing came out".to_owned());
    }
    Ok(masked)
}
