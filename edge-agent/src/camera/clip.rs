//! Seconds of the reel as a video file: the camera's own access units in MP4, not encoded again.
//!
//! Fragmented MP4 (ISO/IEC 14496-12): it is written front to back, and browsers and VLC play it.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use gstreamer::{self as gst, prelude::*};
use gstreamer_app as gst_app;

use super::{
    frame::Stamps,
    pipeline::{self, element},
    unit::{AccessUnit, Codec},
};

/// Longest clip in bytes: on a link of 64 kbit/s it takes an hour.
pub(super) const MAX_BYTES: usize = 32 << 20;
/// Length of a fragment in milliseconds.
pub(super) const FRAGMENT_MS: u32 = 1000;
/// Muxing is copying: what takes longer hangs.
const LIMIT: Duration = Duration::from_secs(15);

/// A video file.
#[derive(Clone, Debug)]
pub struct Film {
    /// The file.
    pub mp4: Vec<u8>,
    /// How its pictures are encoded.
    pub codec: Codec,
    /// How many there are.
    pub pictures: usize,
    /// When the first was taken.
    pub begins: Stamps,
    /// When the last was taken.
    pub ends: Stamps,
}

/// Those of `units` that one film can hold: after a change of resolution or codec begins another. That with the picture
/// nearest to `wanted`, from a key picture on, cut where it would become longer than a clip may be.
pub fn one_film(units: Vec<Arc<AccessUnit>>, wanted: Stamps) -> Vec<Arc<AccessUnit>> {
    let off = |i: &usize| units[*i].stamps.since(wanted).abs();
    let Some(nearest) = (0..units.len()).min_by_key(off) else {
        return units;
    };
    let like = |unit: &AccessUnit| unit.sample().caps() == units[nearest].sample().caps();
    let from = (0..nearest)
        .rposition(|i| !like(&units[i]))
        .map_or(0, |i| i + 1);
    let film = units[from..].iter().take_while(|unit| like(unit));
    let mut bytes = 0;
    let fits = |unit: &&Arc<AccessUnit>| {
        bytes += unit.bytes;
        bytes <= MAX_BYTES
    };
    let film = film.skip_while(|unit| !unit.key).take_while(fits);
    film.cloned().collect()
}

/// A film of these units, of one codec, in decoding order.
///
/// # Errors
/// Why there is none, in words for people.
pub fn film(units: &[Arc<AccessUnit>]) -> Result<Film, String> {
    let first = units.first().ok_or("has sent no video yet")?;
    let caps = first.sample().caps().ok_or("video without a format")?;
    let (codec, parser) = match Codec::from_caps(caps) {
        Some(codec @ Codec::H264) => (codec, "h264parse"),
        Some(codec @ Codec::H265) => (codec, "h265parse"),
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
    let last = units
        .iter()
        .map(|unit| unit.stamps)
        .max_by_key(|stamps| stamps.at);
    Ok(Film {
        mp4: mux(caps, parser, &units)?,
        codec,
        pictures: units.len(),
        begins: first.stamps,
        ends: last.unwrap_or(first.stamps),
    })
}

fn mux(caps: &gst::CapsRef, parser: &str, units: &[&Arc<AccessUnit>]) -> Result<Vec<u8>, String> {
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
    let made = run(&pipeline, &source, &sink, units);
    pipeline::stop(&pipeline);
    made
}

/// When each unit is decoded and shown, from 0. Units say when they are shown; they are decoded in their order, and none
/// later than it is shown.
fn times(units: &[&Arc<AccessUnit>]) -> Vec<(Duration, Duration)> {
    let shown: Vec<Duration> = units.iter().map(|unit| unit.stamps.at).collect();
    let mut decoded = shown.clone();
    decoded.sort_unstable();
    let begin = decoded.first().copied().unwrap_or_default();
    let late = decoded
        .iter()
        .zip(&shown)
        .map(|(d, s)| d.saturating_sub(*s));
    let late = late.max().unwrap_or_default();
    let both = decoded.into_iter().zip(shown);
    both.map(|(d, s)| (d - begin, s - begin + late)).collect()
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
    for (unit, (decoded, shown)) in units.iter().zip(times(units)) {
        let mut buffer = unit
            .sample()
            .buffer_owned()
            .ok_or_else(|| broken("no data"))?;
        let stamps = buffer.make_mut();
        stamps.set_pts(gst::ClockTime::try_from(shown).ok());
        stamps.set_dts(gst::ClockTime::try_from(decoded).ok());
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
        if let Some(why) = pipeline::fault(pipeline) {
            return Err(broken(&why));
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

#[cfg(test)]
#[path = "clip_tests.rs"]
pub(crate) mod tests;
