//! The video analytics daemon on a street-camera box: cameras -> pictures -> detections -> incidents -> the centre.
//!
//! `ARCHITECTURE.md` draws the rooms and the way of a frame and of an event.

pub mod camera;
pub mod config;
pub mod inference;
