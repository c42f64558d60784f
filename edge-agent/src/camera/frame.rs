//! A decoded frame: the decoder's own memory, mapped and not copied, with its time stamps.

use std::{fmt, sync::OnceLock, time::Duration};

use analytics::picture::Luma;
use gstreamer as gst;
use gstreamer_video::{self as gst_video, VideoFrame, VideoFrameExt as _, video_frame::Readable};
use jiff::{SignedDuration, Timestamp};

use super::{
    luma,
    picture::{Colour, Format, Matrix, Picture, Plane, Range, ShortPlane},
};

/// When a picture was taken, and when it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamps {
    /// On the camera's own time line; does not decrease.
    pub at: Duration,
    /// By the camera's clock, from its RTCP sender reports; nothing where it sends none.
    pub capture: Option<Timestamp>,
    /// When it reached this node.
    pub arrival: Timestamp,
}

impl Stamps {
    /// The capture time, or the arrival where the camera does not say.
    pub fn capture_or_arrival(&self) -> Timestamp {
        self.capture.unwrap_or(self.arrival)
    }

    /// How long after `other` this was, by what two streams of one camera have in common: the camera's clock, or else
    /// the time at which they arrive.
    pub fn since(&self, other: Stamps) -> SignedDuration {
        let (own, others) = match (self.capture, other.capture) {
            (Some(own), Some(others)) => (own, others),
            _ => (self.arrival, other.arrival),
        };
        own.duration_since(others)
    }

    /// Those of a moment before, `at` on the camera's time line.
    pub fn before(&self, at: Duration) -> Stamps {
        let earlier = self.at.saturating_sub(at);
        Stamps {
            at,
            capture: self
                .capture
                .and_then(|capture| capture.checked_sub(earlier).ok()),
            arrival: self.arrival.checked_sub(earlier).unwrap_or(self.arrival),
        }
    }
}

/// A decoded frame.
pub struct Frame {
    pixels: Pixels,
    stamps: Stamps,
    still_since: Option<Duration>,
    late: Option<Duration>,
    luma: OnceLock<Luma>,
}

enum Pixels {
    Mapped {
        /// Boxed: it is ten times as large as the other variant.
        frame: Box<VideoFrame<Readable>>,
        format: Format,
        colour: Colour,
    },
    Rgb {
        size: (u32, u32),
        data: Vec<u8>,
    },
    /// None: they are forgotten.
    Remembered {
        size: (u32, u32),
    },
}

impl Frame {
    /// A frame of packed RGB, as tests and tools make it.
    ///
    /// # Errors
    /// Where `data` is too short for the size.
    pub fn rgb(size: (u32, u32), data: Vec<u8>, stamps: Stamps) -> Result<Frame, ShortPlane> {
        Picture::rgb(size, &data)?;
        Ok(Frame {
            pixels: Pixels::Rgb { size, data },
            stamps,
            still_since: None,
            late: None,
            luma: OnceLock::new(),
        })
    }

    /// A frame whose picture is forgotten, all but its luma: one pixel stands for it. Without a luma that is flat, too.
    pub fn remembered(size: (u32, u32), stamps: Stamps, luma: Option<Luma>) -> Frame {
        Frame {
            pixels: Pixels::Remembered { size },
            stamps,
            still_since: None,
            late: None,
            luma: luma.map(OnceLock::from).unwrap_or_default(),
        }
    }

    /// Width and height of its picture, in pixels.
    pub fn size(&self) -> (u32, u32) {
        match &self.pixels {
            Pixels::Rgb { size, .. } | Pixels::Remembered { size } => *size,
            Pixels::Mapped { frame, .. } => (frame.width(), frame.height()),
        }
    }

    /// Maps what the decoder gave. `full_range` is taken where the stream itself says nothing (JPEG).
    pub(super) fn map(
        sample: &gst::Sample,
        full_range: bool,
        stamps: Stamps,
    ) -> Result<Frame, String> {
        let caps = sample.caps().ok_or("a decoded frame without caps")?;
        let info = gst_video::VideoInfo::from_caps(caps).map_err(|e| e.to_string())?;
        let buffer = sample
            .buffer_owned()
            .ok_or("a decoded frame without data")?;
        let format = match info.format() {
            gst_video::VideoFormat::I420 => Format::I420,
            gst_video::VideoFormat::Nv12 => Format::Nv12,
            gst_video::VideoFormat::Gray8 => Format::Gray,
            other => return Err(format!("a decoded frame in the format {other:?}")),
        };
        let colour = colour(&info, full_range);
        let frame = VideoFrame::from_buffer_readable(buffer, &info)
            .map_err(|_| "a decoded frame that cannot be mapped")?;
        let frame = Frame {
            pixels: Pixels::Mapped {
                frame: Box::new(frame),
                format,
                colour,
            },
            stamps,
            still_since: None,
            late: None,
            luma: OnceLock::new(),
        };
        frame.try_picture().map_err(|e| e.to_string())?;
        Ok(frame)
    }

    /// Marks it as one in which nothing has moved since `since`.
    #[must_use]
    pub fn still(self, since: Duration) -> Frame {
        Frame {
            still_since: Some(since),
            ..self
        }
    }

    /// Where nothing moves in it: since when nothing has, on the camera's time line.
    pub fn still_since(&self) -> Option<Duration> {
        self.still_since
    }

    /// Marks it as one that was left out at first, until the time line had come to `until`.
    #[must_use]
    pub fn left_out_until(self, until: Duration) -> Frame {
        Frame {
            late: Some(until),
            ..self
        }
    }

    /// Whether it was left out at first: who takes it should not lose it to the next one.
    pub fn is_late(&self) -> bool {
        self.late.is_some()
    }

    /// Until when it was left out at first.
    pub(crate) fn late(&self) -> Option<Duration> {
        self.late
    }

    /// When it could be looked at, on the camera's time line: later than its own time where it was left out at first.
    pub fn seen_at(&self) -> Duration {
        self.late.unwrap_or_default().max(self.stamps.at)
    }

    /// Its time stamps.
    pub fn stamps(&self) -> Stamps {
        self.stamps
    }

    /// Its planes.
    pub fn picture(&self) -> Picture<'_> {
        self.try_picture().expect("checked when the frame was made")
    }

    /// Its luma on a small grid; made when it is first asked for.
    pub fn luma(&self) -> &Luma {
        self.luma.get_or_init(|| luma::of(&self.picture()))
    }

    fn try_picture(&self) -> Result<Picture<'_>, ShortPlane> {
        match &self.pixels {
            Pixels::Rgb { size, data } => Picture::rgb(*size, data),
            Pixels::Remembered { .. } => Picture::rgb((1, 1), &[0, 0, 0]),
            Pixels::Mapped {
                frame,
                format,
                colour,
            } => {
                let mut planes = [Plane::NONE; 3];
                for (i, plane) in planes.iter_mut().enumerate().take(format.planes()) {
                    // A negative stride or a missing plane shows as a short one.
                    let stride = usize::try_from(frame.plane_stride()[i]).unwrap_or(0);
                    let data = frame.plane_data(i as u32).unwrap_or_default();
                    *plane = Plane { data, stride };
                }
                Picture::new((frame.width(), frame.height()), *format, planes, *colour)
            }
        }
    }
}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let picture = self.picture();
        f.debug_struct("Frame")
            .field("size", &(picture.width, picture.height))
            .field("format", &picture.format)
            .field("stamps", &self.stamps)
            .finish()
    }
}

fn colour(info: &gst_video::VideoInfo, full_range: bool) -> Colour {
    let unsaid = Colour::unsaid(info.height());
    let matrix = match info.colorimetry().matrix() {
        gst_video::VideoColorMatrix::Bt709 => Matrix::Bt709,
        gst_video::VideoColorMatrix::Bt601 => Matrix::Bt601,
        _ => unsaid.matrix,
    };
    let range = match info.colorimetry().range() {
        gst_video::VideoColorRange::Range0_255 => Range::Full,
        gst_video::VideoColorRange::Range16_235 => Range::Limited,
        _ if full_range => Range::Full,
        _ => unsaid.range,
    };
    Colour { matrix, range }
}
