//! Which element decodes: a hardware decoder that GStreamer offers and that opens here, else libav's.
//!
//! One that fails while it works is not tried again until the agent starts anew: a camera decoded in software is watched, one
//! that waits for a driver is not.

use std::sync::atomic::{AtomicBool, Ordering};

use gstreamer::{self as gst, prelude::*};

use super::{pipeline, unit::Codec};

/// What may decode a camera's stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Decoding {
    /// Hardware where it works, else software.
    #[default]
    Auto,
    /// Software alone.
    Software,
}

impl Decoding {
    /// Its names in configurations.
    pub const NAMES: [(&'static str, Decoding); 2] =
        [("auto", Decoding::Auto), ("software", Decoding::Software)];
}

/// A hardware decoder has failed in work.
static FAILED: AtomicBool = AtomicBool::new(false);

/// Notes that a hardware decoder failed in work: from now on software decodes.
pub(super) fn give_up() {
    if !FAILED.swap(true, Ordering::Relaxed) {
        tracing::warn!(
            "a hardware decoder has failed: streams are decoded in software from now on"
        );
    }
}

/// The element that decodes, and whether it is hardware's.
pub(super) fn element(codec: Codec, decoding: Decoding) -> Result<(gst::Element, bool), String> {
    let name = choose(codec, decoding, |name| {
        !FAILED.load(Ordering::Relaxed) && opens(name)
    });
    let hardware = name != software(codec);
    Ok((pipeline::element(name)?, hardware))
}

/// By order of preference, the first that is offered; software where none is.
fn choose(codec: Codec, decoding: Decoding, offered: impl Fn(&str) -> bool) -> &'static str {
    let hardware = match (decoding, codec) {
        (Decoding::Software, _) => [].as_slice(),
        (Decoding::Auto, Codec::H264) => {
            &["vah264dec", "v4l2slh264dec", "v4l2h264dec", "nvh264dec"]
        }
        (Decoding::Auto, Codec::H265) => {
            &["vah265dec", "v4l2slh265dec", "v4l2h265dec", "nvh265dec"]
        }
        (Decoding::Auto, Codec::Mjpeg | Codec::Mpeg4) => &[],
    };
    let found = hardware.iter().find(|name| offered(name));
    found.copied().unwrap_or_else(|| software(codec))
}

fn software(codec: Codec) -> &'static str {
    match codec {
        Codec::H264 => "avdec_h264",
        Codec::H265 => "avdec_h265",
        Codec::Mpeg4 => "avdec_mpeg4",
        Codec::Mjpeg => "jpegdec",
    }
}

/// Whether there is such an element and its device can be opened.
fn opens(name: &str) -> bool {
    let Ok(element) = gst::ElementFactory::make(name).build() else {
        return false;
    };
    let opened = element.set_state(gst::State::Ready).is_ok();
    // One that does not close is not used either.
    element.set_state(gst::State::Null).is_ok() && opened
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hardware_is_taken_where_it_opens_and_software_where_it_does_not_or_was_asked_for() {
        let pick = |codec, decoding, offered: &[&str]| {
            choose(codec, decoding, |name| offered.contains(&name))
        };
        let all = ["v4l2h264dec", "vah264dec", "vah265dec", "vajpegdec"];
        assert_eq!(pick(Codec::H264, Decoding::Auto, &all), "vah264dec");
        assert_eq!(pick(Codec::H265, Decoding::Auto, &all), "vah265dec");
        assert_eq!(pick(Codec::H264, Decoding::Auto, &all[..1]), "v4l2h264dec");
        assert_eq!(pick(Codec::H265, Decoding::Auto, &all[..1]), "avdec_h265");
        assert_eq!(pick(Codec::H264, Decoding::Auto, &[]), "avdec_h264");
        assert_eq!(pick(Codec::H264, Decoding::Software, &all), "avdec_h264");
        assert_eq!(pick(Codec::Mjpeg, Decoding::Auto, &all), "jpegdec");
    }

    #[test]
    fn an_element_that_is_not_there_or_has_no_device_does_not_open() {
        gst::init().expect("GStreamer");
        assert!(!opens("no-such-decoder"));
        assert!(opens("avdec_h264"));
    }
}
