//! Making and unmaking GStreamer pipelines, without ever waiting for one that hangs.

use std::{sync::mpsc, thread, time::Duration};

use gstreamer::{self as gst, prelude::*};

/// A pipeline that has not stopped after this long is left to itself: a dead host can hold a socket call for minutes.
const STOP_LIMIT: Duration = Duration::from_secs(5);

/// An element by its factory's name; the error says which plugin package may be missing.
pub(super) fn element(factory: &str) -> Result<gst::Element, String> {
    gst::ElementFactory::make(factory).build().map_err(|_| {
        format!("GStreamer has no element {factory}: install its plugin packages (deploy/setup.sh)")
    })
}

/// Sets a pipeline to NULL on a thread of its own and waits for a limited time. Gives whether it stopped.
pub(super) fn stop(pipeline: &gst::Pipeline) -> bool {
    let (done, stopped) = mpsc::sync_channel::<()>(1);
    let stopping = pipeline.clone();
    let thread = thread::Builder::new()
        .name("camera-stop".to_owned())
        .spawn(move || {
            // Nothing is left to be done about a pipeline that fails to stop; dropping `done` tells that it tried.
            if stopping.set_state(gst::State::Null).is_err() {
                tracing::warn!(pipeline = %stopping.name(), "pipeline failed to stop");
            }
            drop(done);
        });
    if thread.is_err() {
        return false;
    }
    matches!(
        stopped.recv_timeout(STOP_LIMIT),
        Err(mpsc::RecvTimeoutError::Disconnected) | Ok(())
    )
}

/// The text of an error that the pipeline has told of since the last look.
pub(super) fn fault(pipeline: &gst::Pipeline) -> Option<String> {
    let message = pipeline.bus()?.pop_filtered(&[gst::MessageType::Error])?;
    match message.view() {
        gst::MessageView::Error(error) => Some(text(error)),
        _ => None,
    }
}

/// The text of an error message, with what the element adds for those who debug it.
pub(super) fn text(error: &gst::message::Error) -> String {
    match error.debug() {
        Some(debug) => format!("{} ({})", error.error(), debug.lines().last().unwrap_or("")),
        None => error.error().to_string(),
    }
}
