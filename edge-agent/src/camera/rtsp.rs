//! GStreamer's RTSP source: how it is set, what it tells on the way, and what its faults mean to an installer.
//!
//! Credentials are given to it as properties; no message made here holds one.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use gstreamer::{self as gst, prelude::*};

use super::{error::Fault, held, pipeline};
use crate::config::settings::{StreamSettings, Transport};

/// A host that does not answer a connection attempt is given up after this long.
pub(super) const CONNECT_LIMIT: Duration = Duration::from_secs(8);

/// How long a TEARDOWN may take; cameras that do not get one keep the session, and refuse the next.
const TEARDOWN_LIMIT: Duration = Duration::from_millis(500);

/// The source of a stream, set as `settings` say.
pub(super) fn source(settings: &StreamSettings) -> Result<gst::Element, Fault> {
    let source = pipeline::element("rtspsrc").map_err(Fault::Broken)?;
    let protocols = match settings.transport {
        Transport::Tcp => "tcp",
        Transport::Udp => "udp",
    };
    let latency = u32::try_from(settings.latency.as_millis()).unwrap_or(u32::MAX);
    let micros = |limit: Duration| u64::try_from(limit.as_micros()).unwrap_or(u64::MAX);
    source.set_property("location", &settings.url);
    source.set_property_from_str("protocols", protocols);
    source.set_property("latency", latency);
    source.set_property("tcp-timeout", micros(CONNECT_LIMIT));
    source.set_property("timeout", micros(CONNECT_LIMIT));
    source.set_property(
        "teardown-timeout",
        u64::try_from(TEARDOWN_LIMIT.as_nanos()).unwrap_or(u64::MAX),
    );
    if settings.transport == Transport::Tcp {
        // The jitter buffer's default bends presentation times to the arrival of packets, by up to 0.1 s where pictures
        // are sent out of display order (B-frames). Nothing is lost or reordered over TCP, so the camera's own RTP times
        // stand; its drift against this clock is the time line's and the sender reports' matter. Over UDP the
        // bending keeps the wait for late packets true.
        source.set_property_from_str("buffer-mode", "none");
    }
    source.set_property("add-reference-timestamp-meta", true);
    source.set_property("is-live", true);
    if settings.insecure_tls {
        accept_any_certificate(&source);
    }
    if let Some((user, password)) = &settings.login {
        source.set_property("user-id", user);
        source.set_property("user-pw", password.reveal());
    }
    // Only the first video stream is set up; audio and metadata would cost the camera's uplink.
    let video_seen = Mutex::new(false);
    source.connect("select-stream", false, move |values| {
        let caps = values.get(2).and_then(|v| v.get::<gst::Caps>().ok());
        let video = caps.is_some_and(|caps| is_video(&caps));
        let first = video && !std::mem::replace(&mut *held(&video_seen), video);
        Some(first.to_value())
    });
    Ok(source)
}

/// Clears the flags that say which faults of a certificate matter.
fn accept_any_certificate(source: &gst::Element) {
    let flags = source.find_property("tls-validation-flags");
    let class = flags.and_then(|p| gst::glib::FlagsClass::with_type(p.value_type()));
    if let Some(none) = class.and_then(|class| class.builder().build()) {
        source.set_property_from_value("tls-validation-flags", &none);
    }
}

/// Whether the caps are of an RTP stream of pictures.
pub(super) fn is_video(caps: &gst::CapsRef) -> bool {
    caps.structure(0)
        .and_then(|s| s.get::<&str>("media").ok())
        .is_some_and(|media| media == "video")
}

/// The buffer that puts packets in order; it counts those that never come.
#[derive(Debug, Default)]
pub(super) struct JitterBuffer(Arc<Mutex<Option<gst::glib::WeakRef<gst::Element>>>>);

impl JitterBuffer {
    /// Finds it as soon as `source` makes one.
    pub(super) fn of(source: &gst::Element) -> JitterBuffer {
        let found = JitterBuffer::default();
        let place = Arc::clone(&found.0);
        source.connect("new-manager", false, move |values| {
            let manager = values.get(1)?.get::<gst::Element>().ok()?;
            let place = Arc::clone(&place);
            manager.connect("new-jitterbuffer", false, move |values| {
                let buffer = values.get(1)?.get::<gst::Element>().ok()?;
                *held(&place) = Some(buffer.downgrade());
                None
            });
            None
        });
        found
    }

    /// Packets lost so far on this connection.
    pub(super) fn lost(&self) -> u64 {
        let buffer = held(&self.0).as_ref().and_then(|buffer| buffer.upgrade());
        buffer
            .map(|buffer| buffer.property::<gst::Structure>("stats"))
            .and_then(|stats| stats.get::<u64>("num-lost").ok())
            .unwrap_or(0)
    }
}

/// How far a connection has come, in the source's own words; they say where a camera fell silent.
#[derive(Debug, Default)]
pub(super) struct Stage {
    words: Option<String>,
    /// The camera has accepted the connection.
    pub(super) connected: bool,
    /// It has agreed to send.
    plays: bool,
}

impl Stage {
    /// Takes note of a message.
    pub(super) fn note(&mut self, progress: &gst::message::Progress) {
        let (kind, code, text) = progress.get();
        match (kind, code) {
            (gst::ProgressType::Complete, "request") => self.plays = true,
            (gst::ProgressType::Complete | gst::ProgressType::Canceled, _) => {}
            (gst::ProgressType::Error, _) => {}
            (_, "connect") => self.words = Some(text.to_owned()),
            _ => {
                self.connected |= code != "open";
                self.words = Some(text.to_owned());
            }
        }
    }

    /// Why nothing came.
    pub(super) fn silence(&self) -> Fault {
        match &self.words {
            _ if self.plays => Fault::Silent,
            Some(words) if self.connected => Fault::Mute(format!("at: {words}")),
            _ => Fault::Unreachable("no picture came".to_owned()),
        }
    }
}

/// The fault of a pipeline that does not start.
pub(super) fn first_fault(bus: &gst::Bus) -> Fault {
    let broken = || Fault::Broken("the stream does not start".to_owned());
    let message = bus.pop_filtered(&[gst::MessageType::Error]);
    message.map_or_else(broken, |message| match message.view() {
        gst::MessageView::Error(error) => classify(error, &Stage::default()),
        _ => broken(),
    })
}

/// By the RTSP status that rtspsrc hands on, else by GStreamer's own kinds of errors.
pub(super) fn classify(error: &gst::message::Error, stage: &Stage) -> Fault {
    let text = pipeline::text(error);
    let status = error
        .details()
        .and_then(|details| details.get::<u32>("rtsp-status-code").ok());
    match status.or_else(|| status_in(&text)) {
        Some(401) => return Fault::Unauthorised,
        Some(403) => return Fault::Forbidden,
        Some(404) => return Fault::NotFound,
        Some(453) => return Fault::OutOfSessions,
        Some(454) => return Fault::SessionLost,
        Some(503) => return Fault::Overloaded,
        Some(status) => return Fault::Refused(status),
        None => {}
    }
    let kind = error.error();
    match kind.kind::<gst::ResourceError>() {
        Some(gst::ResourceError::NotAuthorized) => return Fault::Unauthorised,
        Some(gst::ResourceError::NotFound) => return Fault::NotFound,
        Some(gst::ResourceError::OpenRead | gst::ResourceError::OpenReadWrite) => {
            return Fault::Unreachable(text);
        }
        Some(gst::ResourceError::Settings) => return Fault::Garbled(detail(error)),
        Some(gst::ResourceError::Read | gst::ResourceError::Write) => {
            return match stage.connected {
                true if text.contains("imeout") || text.contains("any UDP") => stage.silence(),
                true => Fault::CutOff,
                false => Fault::Unreachable(text),
            };
        }
        _ => {}
    }
    // What follows the source takes the stream apart.
    let of_source = error
        .src()
        .and_then(|element| element.downcast_ref::<gst::Element>()?.factory())
        .is_some_and(|factory| factory.name() == "rtspsrc");
    match kind.kind::<gst::StreamError>() {
        // It also finds no codec where there is no stream of pictures at all.
        Some(gst::StreamError::CodecNotFound) if of_source => {
            Fault::Garbled("it offers no pictures that can be asked for".to_owned())
        }
        Some(gst::StreamError::CodecNotFound) => Fault::Codec(text),
        Some(_) if of_source => Fault::Garbled(detail(error)),
        Some(_) => Fault::Undecodable(text),
        None => Fault::Broken(text),
    }
}

/// What the element adds for those who debug it says more than the error's own words here.
fn detail(error: &gst::message::Error) -> String {
    let debug = error.debug().unwrap_or_default();
    let last = debug.lines().last().unwrap_or_default();
    last.trim().to_owned()
}

/// Some of rtspsrc's messages have the status in words alone: `Error (453): Not Enough Bandwidth`.
fn status_in(text: &str) -> Option<u32> {
    let within = text.split('(').skip(1);
    let numbers = within.filter_map(|rest| rest.split_once(')')?.0.parse().ok());
    numbers
        .into_iter()
        .find(|status| (300..600).contains(status))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_found_in_words() {
        let text = "Could not write to resource. (Error (453): Not Enough Bandwidth)";
        assert_eq!(status_in(text), Some(453));
        assert_eq!(status_in("Could not read. (Timeout (5) s)"), None);
        assert_eq!(status_in("no status"), None);
    }
}
