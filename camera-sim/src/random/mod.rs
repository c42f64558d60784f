//! Random streets with random traffic, for training detectors: everything follows from a seed.
//!
//! `street` lays out a world, `sky` gives it light and weather, `traffic` fills it, `frames` writes labelled pictures.

pub mod frames;
mod sky;
mod street;
mod traffic;

pub use street::{Plot, plot};
pub use traffic::traffic;
