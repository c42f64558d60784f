//! The video analytics daemon on a street-camera box.

pub mod analysis;
pub mod camera;
pub mod config;
pub mod evaluate;
pub mod evidence;
pub mod inference;
