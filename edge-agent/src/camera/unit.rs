//! An access unit: one picture as the camera encoded it, with its stamps. It shares its bytes with whoever holds it.

use gstreamer as gst;

use super::frame::Stamps;

/// The codecs that are decoded here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Codec {
    /// H.264.
    H264,
    /// H.265.
    H265,
    /// Motion JPEG.
    Mjpeg,
    /// MPEG-4 part 2; files only.
    Mpeg4,
}

impl Codec {
    /// By the encoding name of an RTP stream (RFC 6184, 7798, 2435).
    pub fn from_rtp(encoding: &str) -> Option<Codec> {
        match encoding {
            "H264" => Some(Codec::H264),
            "H265" => Some(Codec::H265),
            "JPEG" => Some(Codec::Mjpeg),
            _ => None,
        }
    }

    /// Its name in files beside clips.
    pub fn as_str(self) -> &'static str {
        match self {
            Codec::H264 => "h264",
            Codec::H265 => "h265",
            Codec::Mjpeg => "mjpeg",
            Codec::Mpeg4 => "mpeg4",
        }
    }

    /// By the media type of a parsed stream.
    pub(super) fn from_caps(caps: &gst::CapsRef) -> Option<Codec> {
        let structure = caps.structure(0)?;
        match structure.name().as_str() {
            "video/x-h264" => Some(Codec::H264),
            "video/x-h265" => Some(Codec::H265),
            "image/jpeg" => Some(Codec::Mjpeg),
            "video/mpeg" if structure.get::<i32>("mpegversion") == Ok(4) => Some(Codec::Mpeg4),
            _ => None,
        }
    }
}

/// One encoded picture.
#[derive(Clone, Debug)]
pub struct AccessUnit {
    sample: gst::Sample,
    /// Its stamps; `at` is in the order of display, and so may step back from one unit to the next.
    pub stamps: Stamps,
    /// A decoder can begin here.
    pub key: bool,
    /// Encoded length in bytes.
    pub bytes: usize,
}

impl AccessUnit {
    /// From what a parser gave; nothing where the sample has no data.
    pub(super) fn new(sample: gst::Sample, stamps: Stamps) -> Option<AccessUnit> {
        let buffer = sample.buffer()?;
        let key = !buffer.flags().contains(gst::BufferFlags::DELTA_UNIT);
        let bytes = buffer.size();
        Some(AccessUnit {
            sample,
            stamps,
            key,
            bytes,
        })
    }

    /// What it was encoded as, if that is decoded here.
    pub fn codec(&self) -> Option<Codec> {
        Codec::from_caps(self.sample.caps()?)
    }

    /// Width and height of its picture in pixels, as far as its stream has said.
    pub fn size(&self) -> Option<(u32, u32)> {
        let structure = self.sample.caps()?.structure(0)?;
        let of = |name| u32::try_from(structure.get::<i32>(name).ok()?).ok();
        Some((of("width")?, of("height")?))
    }

    /// Data and caps.
    pub(super) fn sample(&self) -> &gst::Sample {
        &self.sample
    }
}
