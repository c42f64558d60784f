//! What a hostile camera shows: a few seconds of video cut into RTP payloads once, and sent again and again.
//!
//! Owns decoding, encoding and payloading of the source. Knows nothing of clients.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app as gst_app;

use super::packet::{PAYLOAD_TYPE, Payload, TICKS};
use crate::{serve::run_to_end, space::Size};

/// A film is no longer than this: it is held in memory whole.
const MAX_SECONDS: u32 = 30;
/// A test pattern's film; long enough that a loop of it is not taken for a frozen picture.
const PATTERN_SECONDS: u32 = 6;

/// Where the pictures come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A ball that rolls about: no file is needed.
    Pattern,
    /// A video file; its first half minute is shown.
    File(PathBuf),
}

/// What a stream is coded in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Codec {
    /// H.264.
    #[default]
    H264,
    /// H.265.
    H265,
    /// Motion JPEG.
    Jpeg,
}

/// How the encoder spends its bits; motion JPEG knows only its own way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BitRate {
    /// As much as an even quality takes.
    #[default]
    Even,
    /// So many kilobits a second, with filler data (H.264) where the picture does not need them.
    Constant(u32),
    /// Very little for one half of the film and very much for the other.
    Swinging,
}

/// How a film looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// Width and height, pixels.
    pub size: Size,
    /// Pictures a second.
    pub fps: u32,
    /// Codec.
    pub codec: Codec,
    /// Bit rate.
    pub rate: BitRate,
}

impl Default for Look {
    /// 640x360, 10 pictures a second, H.264.
    fn default() -> Self {
        Look {
            size: Size {
                width: 640,
                height: 360,
            },
            fps: 10,
            codec: Codec::default(),
            rate: BitRate::default(),
        }
    }
}

/// Why there is no film.
#[derive(Debug, thiserror::Error)]
#[error("{of:?} cannot be filmed: {why}")]
pub struct FilmError {
    of: Source,
    why: String,
}

/// One picture, cut into payloads.
#[derive(Debug)]
pub(super) struct Shot {
    pub(super) at: Duration,
    /// A decoder can begin here.
    pub(super) key: bool,
    pub(super) payloads: Vec<Payload>,
}

/// A film. Has at least one shot, and the first one is a key picture.
#[derive(Debug)]
pub(super) struct Film {
    pub(super) codec: Codec,
    /// The value of the SDP attribute `fmtp`, empty where there is none.
    pub(super) parameters: String,
    pub(super) shots: Vec<Shot>,
    /// From the first picture to the end of the last one.
    pub(super) duration: Duration,
}

impl Film {
    /// Films `source`.
    ///
    /// # Errors
    /// [`FilmError`] with GStreamer's words.
    pub(super) fn shoot(source: &Source, look: Look) -> Result<Self, FilmError> {
        let shoot = |quantiser| shoot(source, look, quantiser);
        let film = match look.rate {
            BitRate::Swinging => shoot(44).and_then(|calm| Ok(calm.spliced(shoot(12)?))),
            BitRate::Even | BitRate::Constant(_) => shoot(28),
        };
        film.map_err(|why| FilmError {
            of: source.clone(),
            why,
        })
    }

    /// The first half of this film, then the second half of `other`.
    fn spliced(mut self, other: Film) -> Film {
        let half = self.duration / 2;
        let second = other
            .shots
            .into_iter()
            .skip_while(|s| s.at < half || !s.key);
        let second: Vec<Shot> = second.collect();
        if let Some(first) = second.first() {
            self.shots.retain(|shot| shot.at < first.at);
            self.duration = other.duration;
            self.shots.extend(second);
        }
        self
    }

    /// The place of the last key picture at or before `index`.
    pub(super) fn key_before(&self, index: usize) -> usize {
        let until = self.shots.get(..=index).unwrap_or(&self.shots);
        until.iter().rposition(|shot| shot.key).unwrap_or(0)
    }

    /// Payload bytes a second, on average.
    #[cfg(test)]
    fn byte_rate(shots: &[Shot]) -> f64 {
        let payloads = shots.iter().flat_map(|shot| &shot.payloads);
        payloads.map(|p| p.bytes().len()).sum::<usize>() as f64 / shots.len() as f64
    }
}

/// What the payloader gave so far.
#[derive(Default)]
struct Found {
    parameters: Option<String>,
    zero: Option<u32>,
    shots: Vec<Shot>,
}

impl Found {
    fn take(&mut self, codec: Codec, sample: &gst::Sample) -> Option<()> {
        let buffer = sample.buffer()?;
        if self.parameters.is_none() {
            self.parameters = sample.caps().and_then(parameters);
        }
        let bytes = buffer.map_readable().ok()?;
        let (time, payload) = Payload::of_packet(&bytes)?;
        let key = is_key(codec, payload.bytes());
        let ticks = time.wrapping_sub(*self.zero.get_or_insert(time));
        let at = Duration::from_nanos(u64::from(ticks) * 1_000_000_000 / TICKS);
        match self.shots.last_mut().filter(|shot| shot.at == at) {
            Some(shot) => {
                shot.key |= key;
                shot.payloads.push(payload);
            }
            None => self.shots.push(Shot {
                at,
                key,
                payloads: vec![payload],
            }),
        }
        Some(())
    }
}

/// Whether a payload holds parameter sets or the beginning of a picture that needs no other. The payloaders' own flags
/// say it of H.264 alone.
fn is_key(codec: Codec, payload: &[u8]) -> bool {
    let byte = |at: usize| payload.get(at).copied().unwrap_or_default();
    match codec {
        // RFC 6184: 28 is a fragment, with the type in its second byte; 5 is an IDR slice, 7 a parameter set.
        Codec::H264 => match byte(0) & 0x1f {
            28 => byte(1) & 0x1f == 5,
            kind => kind == 5 || kind == 7,
        },
        // RFC 7798: 49 is a fragment, with the type in its third byte; 16 to 23 need no other picture, 32 to 34 are
        // parameter sets.
        Codec::H265 => match (byte(0) >> 1) & 0x3f {
            49 => (16..24).contains(&(byte(2) & 0x3f)),
            kind => (16..24).contains(&kind) || (32..35).contains(&kind),
        },
        Codec::Jpeg => true,
    }
}

/// The parameters that RFC 6184 and RFC 7798 put into `fmtp`.
fn parameters(caps: &gst::CapsRef) -> Option<String> {
    let structure = caps.structure(0)?;
    let names = [
        "packetization-mode",
        "profile-level-id",
        "sprop-parameter-sets",
        "sprop-vps",
        "sprop-sps",
        "sprop-pps",
    ];
    let found = names.iter().filter_map(|name| {
        let value = structure.get::<String>(*name).ok()?;
        Some(format!("{name}={value}"))
    });
    Some(found.collect::<Vec<_>>().join(";"))
}

fn shoot(source: &Source, look: Look, quantiser: u32) -> Result<Film, String> {
    gst::init().map_err(|e| e.to_string())?;
    let pipeline = gst::parse::launch(&line(source, look, quantiser)).map_err(|e| e.to_string())?;
    let pipeline = pipeline
        .downcast::<gst::Pipeline>()
        .map_err(|_| "launch line is no pipeline")?;
    if let (Source::File(path), Some(from)) = (source, pipeline.by_name("from")) {
        from.set_property("location", path);
    }
    let packets = pipeline
        .by_name("packets")
        .and_downcast::<gst_app::AppSink>()
        .ok_or("launch line has no appsink")?;
    let found = Arc::new(Mutex::new(Found::default()));
    let taking = Arc::clone(&found);
    let callbacks = gst_app::AppSinkCallbacks::builder().new_sample(move |sink| {
        let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
        let mut found = taking.lock().unwrap_or_else(PoisonError::into_inner);
        found
            .take(look.codec, &sample)
            .ok_or(gst::FlowError::Error)?;
        Ok(gst::FlowSuccess::Ok)
    });
    packets.set_callbacks(callbacks.build());
    run_to_end(&pipeline)?;
    let found = std::mem::take(&mut *found.lock().unwrap_or_else(PoisonError::into_inner));
    let mut shots = found.shots;
    shots.truncate(count(source, look));
    let last = shots.last().ok_or("there is no picture in it")?.at;
    if let Some(first) = shots.first_mut() {
        first.key = true;
    }
    Ok(Film {
        codec: look.codec,
        parameters: found.parameters.unwrap_or_default(),
        shots,
        duration: last + Duration::from_secs(1) / look.fps.max(1),
    })
}

/// The number of pictures of a film, at most.
fn count(source: &Source, look: Look) -> usize {
    let seconds = match source {
        Source::Pattern => PATTERN_SECONDS,
        Source::File(_) => MAX_SECONDS,
    };
    (seconds * look.fps) as usize
}

/// From the source to RTP packets, a key picture a second.
fn line(source: &Source, look: Look, quantiser: u32) -> String {
    let Look { size, fps, .. } = look;
    let from = match source {
        Source::Pattern => "videotestsrc pattern=ball",
        Source::File(_) => "filesrc name=from ! decodebin",
    };
    let coded = match (look.codec, look.rate) {
        (Codec::H264, BitRate::Constant(kbit)) => format!(
            "x264enc pass=cbr bitrate={kbit} option-string=nal-hrd=cbr:filler=1 bframes=0 key-int-max={fps} \
             speed-preset=veryfast ! video/x-h264,profile=main ! rtph264pay config-interval=-1"
        ),
        (Codec::H264, _) => format!(
            "x264enc pass=quant quantizer={quantiser} bframes=0 key-int-max={fps} speed-preset=veryfast \
             ! video/x-h264,profile=main ! rtph264pay config-interval=-1"
        ),
        (Codec::H265, _) => format!(
            "x265enc qp={quantiser} tune=zerolatency key-int-max={fps} speed-preset=ultrafast \
             option-string=log-level=none ! h265parse config-interval=-1 \
             ! video/x-h265,stream-format=byte-stream,alignment=au ! rtph265pay config-interval=-1"
        ),
        (Codec::Jpeg, _) => "jpegenc ! rtpjpegpay".to_owned(),
    };
    // An even rate, and an end soon after so many pictures.
    format!(
        "{from} ! videoconvert ! videoscale ! videorate \
         ! video/x-raw,format=I420,width={},height={},framerate={fps}/1,pixel-aspect-ratio=1/1 \
         ! identity eos-after={} ! {coded} name=pay pt={PAYLOAD_TYPE} mtu=1200 timestamp-offset=0 seqnum-offset=0 \
         ! appsink name=packets sync=false",
        size.width,
        size.height,
        count(source, look) + 1,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn small(codec: Codec, rate: BitRate) -> Film {
        let size = Size {
            width: 160,
            height: 96,
        };
        let look = Look {
            size,
            fps: 5,
            codec,
            rate,
        };
        Film::shoot(&Source::Pattern, look).unwrap()
    }

    #[test]
    fn every_codec_is_filmed_with_a_key_picture_a_second() {
        for codec in [Codec::H264, Codec::H265, Codec::Jpeg] {
            let film = small(codec, BitRate::Even);
            assert_eq!(film.duration, Duration::from_secs(6), "{codec:?}");
            assert_eq!(film.shots.len(), 30, "{codec:?}");
            let keys = film.shots.iter().filter(|shot| shot.key).count();
            assert!(keys >= 6, "{codec:?}: {keys} key pictures");
            let before = film.shots[film.key_before(7)].at.as_secs_f64();
            let expected = if codec == Codec::Jpeg { 1.4 } else { 1.0 };
            assert_eq!(before, expected, "{codec:?}");
            assert_eq!(
                film.parameters.contains("sprop"),
                codec != Codec::Jpeg,
                "{codec:?}: {}",
                film.parameters
            );
        }
    }

    #[test]
    fn a_constant_rate_is_filled_up_and_a_swinging_one_swings() {
        let constant = small(Codec::H264, BitRate::Constant(400));
        let kbit = Film::byte_rate(&constant.shots) * 5.0 * 8.0 / 1000.0;
        assert!((200.0..600.0).contains(&kbit), "{kbit} kbit/s");
        let swinging = small(Codec::H264, BitRate::Swinging);
        let (calm, wild) = swinging.shots.split_at(15);
        let (calm, wild) = (Film::byte_rate(calm), Film::byte_rate(wild));
        assert!(wild > 2.0 * calm, "{calm} and {wild} bytes a picture");
    }

    #[test]
    fn a_file_that_is_no_video_is_named() {
        let source = Source::File("/no/such/clip.mp4".into());
        let error = Film::shoot(&source, Look::default()).unwrap_err();
        assert!(error.to_string().contains("/no/such/clip.mp4"), "{error}");
    }
}
