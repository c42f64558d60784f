//! The video analytics daemon on a street-camera box: cameras -> pictures -> detections -> incidents -> the centre.
//!
//! `ARCHITECTURE.md` draws the rooms and the way of a frame and of an event.

pub mod agent;
pub mod analysis;
pub mod archive;
pub mod bench;
pub mod camera;
pub mod catalogue;
pub mod clock;
pub mod command;
pub mod config;
pub mod correction;
pub mod coverage;
pub mod cpu;
pub mod custody;
pub mod evaluate;
pub mod event_log;
pub mod evidence;
pub mod fleet;
pub mod health;
pub mod http;
pub mod inference;
pub mod ladder;
pub mod metrics;
pub mod observed;
pub mod onboarding;
pub mod pictures;
pub mod replay;
pub mod report;
pub mod rollout;
mod roster;
pub mod sink;
pub mod spool;
mod streams;
pub mod supervisor;
pub mod totals;
pub mod tune;
pub mod watch;
pub mod witness;

pub use agent::{Agent, StartError};
pub use config::Settings;
