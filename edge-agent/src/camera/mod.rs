//! From a camera to pictures. The only room that names `gstreamer`; none of its types leave it.
//!
//! A stream has two halves. The encoded half ([`source`] for cameras, [`file`] for clips) receives access units and keeps
//! the last of them in the [`reel`]; the decoded half ([`decoder`]) makes frames of those that the [`gate`] lets through,
//! and leaves one at a time in the [`mailbox`]. Everything here runs on GStreamer's threads or on the camera's own, never
//! on a worker of the async runtime.

pub mod canvas;
pub mod clip;
pub mod clock;
pub mod decoder;
pub mod error;
mod feeding;
pub mod file;
pub mod frame;
pub mod gate;
mod hardware;
mod in_flight;
mod luma;
pub mod mailbox;
pub mod pace;
pub mod picture;
mod pipeline;
pub mod progress;
pub mod recode;
pub mod reel;
mod rtsp;
pub mod source;
pub mod still;
pub mod unit;

use std::sync::{Mutex, MutexGuard, PoisonError};

pub use error::CameraError;
pub use feeding::GateSettings;
pub use frame::{Frame, Stamps};
pub use hardware::Decoding;
pub use source::{Outputs, Part, stream};

/// Locks, going on after a panic elsewhere: what these locks guard is whole after every statement.
pub(crate) fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
