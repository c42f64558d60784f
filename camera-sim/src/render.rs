//! A scene as a video file: H.264 in MP4, a key frame every two seconds, no B-frames.
//!
//! The bytes depend on nothing but the scene and this crate: the encoder runs with a fixed number of threads, and
//! the times of day that a muxer writes are taken out again.

use std::path::{Path, PathBuf};

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app::AppSrc;

use crate::scene::{Renderer, Scene, Shot};

/// Raise it with every change that alters pixels, so that cached clips are rendered anew.
pub const RENDERER_VERSION: u32 = 4;

/// Pictures that wait for the encoder at most; then rendering waits.
const QUEUE: u64 = 4;

/// Why a scene could not be encoded.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    #[error("cannot start GStreamer: {0}")]
    Start(#[from] gst::glib::Error),
    #[error("cannot encode: {what}; are gstreamer1.0-plugins-good and -ugly installed?")]
    Pipeline { what: String },
    #[error("cannot write {path}: {source}")]
    Write {
        path: PathBuf,
        source: std::io::Error,
    },
}

fn broken(what: impl std::fmt::Display) -> RenderError {
    RenderError::Pipeline {
        what: what.to_string(),
    }
}

/// Encodes `scene` into `out` (MP4); `progress` gets (pictures done, of how many).
pub fn encode(
    scene: &Scene,
    out: &Path,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<(), RenderError> {
    encode_with(scene, out, progress, &mut |_, _| {})
}

/// The clip of `scene` in `cache`, rendered now if it is not there yet.
pub fn cached(scene: &Scene, cache: &Path) -> Result<PathBuf, RenderError> {
    cached_with(scene, cache, &mut |_, _| {})
}

/// As `cached`; `progress` gets (pictures done, of how many), if it is rendered.
pub fn cached_with(
    scene: &Scene,
    cache: &Path,
    progress: &mut dyn FnMut(usize, usize),
) -> Result<PathBuf, RenderError> {
    let path = cache.join(format!("{}-{:016x}.mp4", scene.name, fingerprint(scene)));
    if path.try_exists().unwrap_or(false) {
        return Ok(path);
    }
    std::fs::create_dir_all(cache).map_err(|source| RenderError::Write {
        path: cache.to_owned(),
        source,
    })?;
    encode(scene, &path, progress)?;
    Ok(path)
}

/// Changes with the scene's text, its size and the renderer (FNV-1a, 64 bits).
fn fingerprint(scene: &Scene) -> u64 {
    let versions = [RENDERER_VERSION, scene.size.width, scene.size.height];
    let bytes = scene
        .text()
        .bytes()
        .chain(versions.iter().flat_map(|v| v.to_le_bytes()));
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, b| {
        (hash ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// As `encode`; `each` sees every picture with what shows in it.
pub fn encode_with(
    scene: &Scene,
    out: &Path,
    progress: &mut dyn FnMut(usize, usize),
    each: &mut dyn FnMut(usize, &Shot),
) -> Result<(), RenderError> {
    gst::init()?;
    let fault = |source| RenderError::Write {
        path: out.to_owned(),
        source,
    };
    // Rendered beside its place and moved there whole, so that nobody finds half a clip.
    let part = out.with_extension(format!("part{}", std::process::id()));
    let (pipeline, source) = pipeline(scene, &part)?;
    pipeline.set_state(gst::State::Playing).map_err(broken)?;
    let pushed = push(scene, &source, progress, each);
    let finished = pushed.and_then(|()| wait(&pipeline));
    pipeline.set_state(gst::State::Null).map_err(broken)?;
    finished.inspect_err(|_| drop(std::fs::remove_file(&part)))?;
    let mut bytes = std::fs::read(&part).map_err(fault)?;
    forget_times(&mut bytes);
    std::fs::write(&part, bytes)
        .and_then(|()| std::fs::rename(&part, out))
        .map_err(fault)
}

fn pipeline(scene: &Scene, out: &Path) -> Result<(gst::Pipeline, AppSrc), RenderError> {
    let key_frames = (2.0 * scene.fps).round() as u32;
    let make = gst::ElementFactory::make;
    let caps = gst::Caps::builder("video/x-raw")
        .field("format", "I420")
        .field("width", scene.size.width as i32)
        .field("height", scene.size.height as i32)
        .field(
            "framerate",
            gst::Fraction::new((scene.fps * 100.0).round() as i32, 100),
        )
        .field("colorimetry", "bt709")
        .build();
    let source = AppSrc::builder()
        .caps(&caps)
        .format(gst::Format::Time)
        .block(true)
        .max_buffers(QUEUE)
        .build();
    let encoder = make("x264enc")
        .property_from_str("speed-preset", "veryfast")
        .property_from_str("pass", "quant")
        .property("quantizer", 24u32)
        .property("key-int-max", key_frames)
        .property("bframes", 0u32)
        .property("threads", 2u32)
        // Key frames come on the beat only: scene cuts would move them.
        .property(
            "option-string",
            format!("scenecut=0:keyint={key_frames}:min-keyint={key_frames}"),
        )
        .build()
        .map_err(broken)?;
    let parser = make("h264parse").build().map_err(broken)?;
    let muxer = make("mp4mux").build().map_err(broken)?;
    let sink = make("filesink")
        .property("location", out)
        .build()
        .map_err(broken)?;
    let pipeline = gst::Pipeline::new();
    let chain = [source.upcast_ref(), &encoder, &parser, &muxer, &sink];
    pipeline.add_many(chain).map_err(broken)?;
    gst::Element::link_many(chain).map_err(broken)?;
    Ok((pipeline, source))
}

fn push(
    scene: &Scene,
    source: &AppSrc,
    progress: &mut dyn FnMut(usize, usize),
    each: &mut dyn FnMut(usize, &Shot),
) -> Result<(), RenderError> {
    let renderer = Renderer::new(scene);
    let total = scene.frames();
    let at = |i: usize| {
        gst::ClockTime::from_nseconds((i as f64 / f64::from(scene.fps) * 1e9).round() as u64)
    };
    for i in 0..total {
        let shot = renderer.render(i);
        each(i, &shot);
        let mut buffer = gst::Buffer::from_slice(shot.frame.data);
        if let Some(b) = buffer.get_mut() {
            b.set_pts(at(i));
            b.set_duration(at(i + 1) - at(i));
        }
        source.push_buffer(buffer).map_err(broken)?;
        progress(i + 1, total);
    }
    source.end_of_stream().map(drop).map_err(broken)
}

/// Until the file is whole.
fn wait(pipeline: &gst::Pipeline) -> Result<(), RenderError> {
    let bus = pipeline.bus().expect("a pipeline always has a bus");
    for message in bus.iter_timed(gst::ClockTime::from_seconds(120)) {
        match message.view() {
            gst::MessageView::Eos(_) => return Ok(()),
            gst::MessageView::Error(e) => return Err(broken(e.error())),
            _ => {}
        }
    }
    Err(broken("the encoder did not finish within two minutes"))
}

/// Sets the creation and modification times in an MP4 file's headers to nought (ISO 14496-12, version 0 boxes).
fn forget_times(bytes: &mut [u8]) {
    let mut at = 0;
    while at + 8 <= bytes.len() {
        let length =
            u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]) as usize;
        // 64-bit and to-the-end lengths occur for media data only; the headers follow it or stand before it.
        let length = match length {
            1 if at + 16 <= bytes.len() => {
                let wide: [u8; 8] = std::array::from_fn(|i| bytes[at + 8 + i]);
                u64::from_be_bytes(wide) as usize
            }
            _ => length,
        };
        let end = at.saturating_add(length);
        if length < 8 || end > bytes.len() {
            return;
        }
        match &bytes[at + 4..at + 8] {
            b"moov" | b"trak" | b"mdia" => forget_times(&mut bytes[at + 8..end]),
            b"mvhd" | b"tkhd" | b"mdhd" if length >= 20 => bytes[at + 12..at + 20].fill(0),
            _ => {}
        }
        at = end;
    }
}
