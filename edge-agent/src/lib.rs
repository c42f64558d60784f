//! The video analytics daemon on a street-camera box: cameras -> pictures -> detections -> incidents -> the centre.
//!
//! `ARCHITECTURE.md` draws the rooms and the way of a frame and of an event.

pub mod analysis;
pub mod camera;
pub mod config;
pub mod evaluate;
pub mod event_log;
pub mod evidence;
pub mod inference;
pub mod metrics;
pub mod sink;
pub mod spool;
pub mod supervisor;
