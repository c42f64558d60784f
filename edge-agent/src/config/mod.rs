//! The configuration: `edge-agent.toml` and the files of `cameras.d/` beside it.
//!
//! Two levels: [`raw`] is what was typed, each value with its place; [`settings`] is what the agent runs on. Between
//! them [`load`] checks the whole before any of it is used and reports all problems at once. Nothing outside this
//! room sees a raw table, and no text of a secret gets into a message.

pub mod archive;
pub(crate) mod calibration;
mod camera;
mod check;
pub mod load;
mod look;
mod mqtt;
mod nearest;
pub(crate) mod picture;
pub mod privacy;
mod problem;
mod raw;
mod reader;
pub mod replay;
mod revision;
pub(crate) mod rule;
mod scene;
pub mod schedule;
mod secret;
pub mod settings;
mod typed;

pub use check::Environment;
pub use load::{load, load_with};
pub use problem::{ConfigErrors, Problem};
pub use settings::Settings;
