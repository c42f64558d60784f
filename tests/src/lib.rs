//! The end-to-end harness: a real broker, real RTSP, real processes; and the demonstration that is made of it.
//!
//! Nothing that ships depends on this crate. It knows the other rooms by their command lines, configuration files and
//! wire messages, as an integrator does.

pub mod demo;
pub mod harness;
pub mod mot;
