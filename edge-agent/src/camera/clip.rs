//! The last seconds as a video file: the camera's own access units in MP4, not encoded again.
//!
//! Fragmented MP4 (ISO/IEC 14496-12): it is written front to back, and browsers and VLC play it.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use gstreamer::{self as gst, prelude::*};
use gstreamer_app as gst_app;

use super::{
    pipeline::{self, element},
    unit::{AccessUnit, Codec},
};

/// Longest clip in bytes: on a link of 64 kbit/s it takes an hour.
const MAX_BYTES: usize = 32 << 20;
/// Length of a fragment in milliseconds.
const FRAGMENT_MS: u32 = 1000;
/// Muxing is copying: what takes longer hangs.
const LIMIT: Duration = Duration::from_secs(15);

/// MP4 with these units, of one codec, in decoding order.
///
/// # Errors
/// Why there is none, in words for people.
pub fn mp4(units: &[Arc<AccessUnit>]) -> Result<Vec<u8>, String> {
    let first = units.first().ok_or("has sent no video yet")?;
    let caps = first.sample().caps().ok_or("video without a format")?;
    let parser = match Codec::from_caps(caps) {
        Some(Codec::H264) => "h264parse",
        Some(Codec::H265) => "h265parse",
        _ => return Err("sends a codec of which no clip is made; H.264 and H.265 are".to_owned()),
    };
    // After a change of resolution or codec: what follows the change is another film.
    let same = |unit: &&Arc<AccessUnit>| unit.sample().caps().is_some_and(|c| c == caps);
    let units: Vec<_> = units.iter().take_while(same).collect();
    if units.iter().map(|unit| unit.bytes).sum::<usize>() > MAX_BYTES {
        return Err(format!(
            "the clip would be longer than {} MiB: ask for fewer seconds",
            MAX_BYTES >> 20
        ));
    }
    gst::init().map_err(|e| format!("GStreamer: {e}"))?;
    let source = gst_app::AppSrc::builder()
        .caps(&caps.to_owned())
        .format(gst::Format::Time)
        .max_bytes(2 * MAX_BYTES as u64)
        .build();
    let (parse, mux) = (element(parser)?, element("mp4mux")?);
    mux.set_property("fragment-duration", FRAGMENT_MS);
    mux.set_property("streamable", true);
    let sink = gst_app::AppSink::builder().sync(false).build();
    let pipeline = gst::Pipeline::new();
    let chain = [source.upcast_ref(), &parse, &mux, sink.upcast_ref()];
    pipeline
        .add_many(chain)
        .and_then(|()| gst::Element::link_many(chain))
        .map_err(|e| e.to_string())?;
    let made = run(&pipeline, &source, &sink, &units);
    pipeline::stop(&pipeline);
    made
}

fn run(
    pipeline: &gst::Pipeline,
    source: &gst_app::AppSrc,
    sink: &gst_app::AppSink,
    units: &[&Arc<AccessUnit>],
) -> Result<Vec<u8>, String> {
    let broken = |what: &str| format!("the clip cannot be made: {what}");
    pipeline
        .set_state(gst::State::Playing)
        .map_err(|e| broken(&e.to_string()))?;
    let begin = units.iter().map(|unit| unit.stamps.at).min();
    let begin = gst::ClockTime::try_from(begin.unwrap_or_default()).unwrap_or_default();
    for unit in units {
        let mut buffer = unit
            .sample()
            .buffer_owned()
            .ok_or_else(|| broken("no data"))?;
        let stamps = buffer.make_mut();
        stamps.set_pts(stamps.pts().map(|pts| pts.saturating_sub(begin)));
        stamps.set_dts(stamps.dts().map(|dts| dts.saturating_sub(begin)));
        source
            .push_buffer(buffer)
            .map_err(|e| broken(&e.to_string()))?;
    }
    source.end_of_stream().map_err(|e| broken(&e.to_string()))?;
    let (mut mp4, until) = (Vec::new(), Instant::now() + LIMIT);
    while !sink.is_eos() {
        if let Some(sample) = sink.try_pull_sample(gst::ClockTime::from_mseconds(50)) {
            let map = sample
                .buffer()
                .and_then(|buffer| buffer.map_readable().ok());
            mp4.extend_from_slice(&map.ok_or_else(|| broken("a buffer cannot be read"))?);
        }
        let error = pipeline
            .bus()
            .and_then(|bus| bus.pop_filtered(&[gst::MessageType::Error]));
        if let Some(message) = error
            && let gst::MessageView::Error(error) = message.view()
        {
            return Err(broken(&pipeline::text(error)));
        }
        if Instant::now() > until {
            return Err(broken("it took too long"));
        }
    }
    if mp4.is_empty() {
        return Err(broken("nothing came out"));
    }
    Ok(mp4)
}
