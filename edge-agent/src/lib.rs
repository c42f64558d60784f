//! The video analytics daemon on a street-camera box.

pub mod camera;
pub mod config;
pub mod inference;
