//! A clip in memory: the access units of one video file, as they are in the file, ready to be sent again and again.
//!
//! Owns reading (demultiplex, parse, put the parameter sets in band). Never decodes or encodes; a codec that RTP
//! cameras do not speak is reported as [`ClipError::Codec`], and `transcode.rs` makes a copy that can be read.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app as gst_app;

/// A clip longer than this is refused: it is held in memory whole.
const MAX_BYTES: usize = 1 << 30;
/// A demultiplexer that says nothing for this long has hung.
const PATIENCE: gst::ClockTime = gst::ClockTime::from_seconds(60);

/// What the access units are coded in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Codec {
    /// H.264 in byte-stream form.
    H264,
    /// H.265 in byte-stream form.
    H265,
    /// One JPEG a picture.
    Jpeg,
}

impl Codec {
    fn of(caps: &gst::CapsRef) -> Option<Self> {
        match caps.structure(0)?.name().as_str() {
            "video/x-h264" => Some(Codec::H264),
            "video/x-h265" => Some(Codec::H265),
            "image/jpeg" => Some(Codec::Jpeg),
            _ => None,
        }
    }

    /// Launch line from the file's elementary stream to whole access units with parameter sets at each key frame.
    fn reader(self) -> &'static str {
        match self {
            Codec::H264 => {
                "h264parse config-interval=-1 ! video/x-h264,stream-format=byte-stream,alignment=au ! \
                 appsink name=units sync=false"
            }
            Codec::H265 => {
                "h265parse config-interval=-1 ! video/x-h265,stream-format=byte-stream,alignment=au ! \
                 appsink name=units sync=false"
            }
            Codec::Jpeg => "jpegparse ! appsink name=units sync=false",
        }
    }

    /// The element that cuts access units into RTP packets, with its settings.
    pub(crate) fn payloader(self) -> &'static str {
        match self {
            Codec::H264 => "rtph264pay",
            Codec::H265 => "rtph265pay",
            Codec::Jpeg => "rtpjpegpay",
        }
    }
}

/// One coded picture.
#[derive(Debug)]
pub(crate) struct Unit {
    /// The bytes.
    pub(crate) buffer: gst::Buffer,
    /// Media time of the picture; 0 is the clip's first picture.
    pub(crate) at: gst::ClockTime,
    /// Media time at which the unit may be sent: with B-frames a unit is sent before some earlier picture.
    pub(crate) due: gst::ClockTime,
    /// A decoder can begin here.
    pub(crate) key: bool,
}

/// A clip in memory. Has at least one unit, and the first one is a key frame.
#[derive(Debug)]
pub(crate) struct Clip {
    pub(crate) codec: Codec,
    pub(crate) caps: gst::Caps,
    /// In decoding order.
    pub(crate) units: Vec<Unit>,
    /// From the first picture to the end of the last one.
    pub(crate) duration: gst::ClockTime,
}

/// Why a file cannot be a clip.
#[derive(Debug, thiserror::Error)]
pub enum ClipError {
    /// It cannot be opened.
    #[error("{file}: {error}")]
    Open {
        /// Which file.
        file: PathBuf,
        /// The operating system's words.
        error: std::io::Error,
    },
    /// RTP cameras do not speak its codec.
    #[error("{file}: codec {codec} cannot be sent as it is; H.264, H.265 and JPEG can")]
    Codec {
        /// Which file.
        file: PathBuf,
        /// GStreamer's name of the codec.
        codec: String,
    },
    /// There is no video in it.
    #[error("{file}: holds no video")]
    NoVideo {
        /// Which file.
        file: PathBuf,
    },
    /// It is too long to be held in memory.
    #[error("{file}: more than {} MiB of video; cut it first", MAX_BYTES >> 20)]
    TooLong {
        /// Which file.
        file: PathBuf,
    },
    /// GStreamer cannot read or convert it.
    #[error("{file}: {why}")]
    Media {
        /// Which file.
        file: PathBuf,
        /// GStreamer's words.
        why: String,
    },
}

impl ClipError {
    pub(crate) fn media(file: &Path, why: impl ToString) -> Self {
        ClipError::Media {
            file: file.to_owned(),
            why: why.to_string(),
        }
    }
}

/// What the streaming threads found so far.
#[derive(Default)]
struct Found {
    codec: Option<Codec>,
    unsupported: Option<String>,
    caps: Option<gst::Caps>,
    /// Buffer and running time.
    pictures: Vec<(gst::Buffer, gst::ClockTime)>,
    bytes: usize,
    problem: Option<String>,
}

/// A mutex whose owner panicked still holds whole values: every change here is a single push or store.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Clip {
    /// Reads a video file whole.
    ///
    /// # Errors
    /// [`ClipError`] names the file and what is wrong with it.
    pub(crate) fn read(file: &Path) -> Result<Self, ClipError> {
        std::fs::File::open(file).map_err(|error| ClipError::Open {
            file: file.to_owned(),
            error,
        })?;
        let found = Arc::new(Mutex::new(Found::default()));
        let pipeline = reading_pipeline(file, &found).map_err(|e| ClipError::media(file, e))?;
        let outcome = run_to_end(&pipeline);
        let mut found = std::mem::take(&mut *lock(&found));
        if let Some(codec) = found.unsupported.take_if(|_| found.codec.is_none()) {
            return Err(ClipError::Codec {
                file: file.to_owned(),
                codec,
            });
        }
        if found.bytes > MAX_BYTES {
            return Err(ClipError::TooLong {
                file: file.to_owned(),
            });
        }
        if let Some(why) = found.problem.take() {
            return Err(ClipError::media(file, why));
        }
        outcome.map_err(|why| ClipError::media(file, why))?;
        Self::assemble(found).ok_or_else(|| ClipError::NoVideo {
            file: file.to_owned(),
        })
    }

    fn assemble(found: Found) -> Option<Self> {
        let (codec, caps) = (found.codec?, found.caps?);
        let is_key = |buffer: &gst::Buffer| !buffer.flags().contains(gst::BufferFlags::DELTA_UNIT);
        let from = found.pictures.iter().position(|(b, _)| is_key(b))?;
        let pictures = found.pictures.get(from..)?;
        let zero = pictures.iter().map(|(_, at)| *at).min()?;
        let last = pictures.iter().map(|(_, at)| *at).max()?;
        let count = pictures.len() as u64;
        // The last picture stands as long as the others do on average; a lone picture stands for a second.
        let period = match count {
            0 | 1 => gst::ClockTime::SECOND,
            _ => (last - zero) / (count - 1),
        };
        let mut earliest = last - zero;
        let mut units: Vec<Unit> = pictures
            .iter()
            .rev()
            .map(|(buffer, at)| {
                let at = *at - zero;
                earliest = earliest.min(at);
                Unit {
                    buffer: buffer.clone(),
                    at,
                    due: earliest,
                    key: is_key(buffer),
                }
            })
            .collect();
        units.reverse();
        Some(Clip {
            codec,
            caps,
            units,
            duration: last - zero + period.max(gst::ClockTime::MSECOND),
        })
    }

    /// The longest stretch between two places where a decoder can begin.
    pub(crate) fn longest_group(&self) -> gst::ClockTime {
        let mut keys: Vec<gst::ClockTime> =
            self.units.iter().filter(|u| u.key).map(|u| u.at).collect();
        keys.push(self.duration);
        keys.windows(2)
            .map(|pair| pair[1].saturating_sub(pair[0]))
            .max()
            .unwrap_or(self.duration)
    }
}

fn reading_pipeline(
    file: &Path,
    found: &Arc<Mutex<Found>>,
) -> Result<gst::Pipeline, gst::glib::BoolError> {
    let pipeline = gst::Pipeline::new();
    let source = gst::ElementFactory::make("filesrc")
        .property("location", file)
        .build()?;
    let parser = gst::ElementFactory::make("parsebin").build()?;
    pipeline.add_many([&source, &parser])?;
    source.link(&parser)?;
    let (weak, found) = (pipeline.downgrade(), Arc::clone(found));
    parser.connect_pad_added(move |_, pad| {
        let Some(pipeline) = weak.upgrade() else {
            return;
        };
        if let Err(error) = take_stream(&pipeline, pad, &found) {
            lock(&found).problem = Some(error.to_string());
        }
    });
    Ok(pipeline)
}

/// Links the first video stream that can be sent to a reader and everything else to nowhere.
fn take_stream(
    pipeline: &gst::Pipeline,
    pad: &gst::Pad,
    found: &Arc<Mutex<Found>>,
) -> Result<(), gst::glib::BoolError> {
    let caps = pad.current_caps().unwrap_or_else(|| pad.query_caps(None));
    let codec = Codec::of(&caps);
    let wanted = codec.filter(|_| lock(found).codec.is_none());
    let target = match wanted {
        Some(codec) => {
            lock(found).codec = Some(codec);
            let reader = gst::parse::bin_from_description(codec.reader(), true)
                .map_err(|e| gst::glib::bool_error!("{e}"))?;
            collect_units(&reader, found)?;
            reader.upcast::<gst::Element>()
        }
        None => {
            let name = caps.structure(0).map(|s| s.name().to_string());
            if let Some(name) = name.filter(|n| n.starts_with("video/")) {
                lock(found).unsupported = Some(name);
            }
            gst::ElementFactory::make("fakesink")
                .property("async", false)
                .property("sync", false)
                .build()?
        }
    };
    pipeline.add(&target)?;
    let sink = target
        .static_pad("sink")
        .ok_or_else(|| gst::glib::bool_error!("reader has no sink pad"))?;
    pad.link(&sink).map_err(|e| gst::glib::bool_error!("{e}"))?;
    target.sync_state_with_parent()
}

fn collect_units(reader: &gst::Bin, found: &Arc<Mutex<Found>>) -> Result<(), gst::glib::BoolError> {
    let units = reader
        .by_name("units")
        .and_downcast::<gst_app::AppSink>()
        .ok_or_else(|| gst::glib::bool_error!("reader has no appsink"))?;
    let found = Arc::clone(found);
    units.set_callbacks(
        gst_app::AppSinkCallbacks::builder()
            .new_sample(move |sink| {
                let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
                let mut found = lock(&found);
                collect_unit(&mut found, &sample)
            })
            .build(),
    );
    Ok(())
}

fn collect_unit(
    found: &mut Found,
    sample: &gst::Sample,
) -> Result<gst::FlowSuccess, gst::FlowError> {
    let Some(buffer) = sample.buffer_owned() else {
        return Ok(gst::FlowSuccess::Ok);
    };
    let time = sample
        .segment()
        .and_then(|s| s.downcast_ref::<gst::ClockTime>())
        .and_then(|s| s.to_running_time(buffer.pts().or(buffer.dts())));
    let Some(time) = time else {
        found.problem = Some("a picture has no time stamp; remux the file first".to_owned());
        return Err(gst::FlowError::Error);
    };
    found.bytes += buffer.size();
    if found.bytes > MAX_BYTES {
        return Err(gst::FlowError::Error);
    }
    if found.caps.is_none() {
        found.caps = sample.caps_owned();
    }
    found.pictures.push((buffer, time));
    Ok(gst::FlowSuccess::Ok)
}

/// Plays a pipeline until its end, then stops it.
pub(crate) fn run_to_end(pipeline: &gst::Pipeline) -> Result<(), String> {
    let bus = pipeline
        .bus()
        .expect("a pipeline that was not disposed of has a bus");
    let outcome = match pipeline.set_state(gst::State::Playing) {
        Err(error) => Err(error.to_string()),
        Ok(_) => wait_for_end(pipeline, &bus),
    };
    if let Err(error) = pipeline.set_state(gst::State::Null) {
        tracing::warn!(%error, "pipeline did not stop");
    }
    outcome
}

fn wait_for_end(pipeline: &gst::Pipeline, bus: &gst::Bus) -> Result<(), String> {
    let mut position = None;
    loop {
        let message =
            bus.timed_pop_filtered(PATIENCE, &[gst::MessageType::Eos, gst::MessageType::Error]);
        match message.as_ref().map(|m| m.view()) {
            Some(gst::MessageView::Error(error)) => return Err(error.error().to_string()),
            Some(_) => return Ok(()),
            None => {
                let now = pipeline.query_position::<gst::ClockTime>();
                if now.is_none() || now == position {
                    return Err(format!("no progress for {} s", PATIENCE.seconds()));
                }
                position = now;
            }
        }
    }
}
