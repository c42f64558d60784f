//! The configuration: `edge-agent.toml` and the files of `cameras.d/` beside it.
//!
//! Two levels: [`raw`] is what was typed, each value with its place, laid over presets by [`layers`]; [`settings`] is what the
//! agent runs on. Between them [`load`] checks the whole before any of it is used and reports all problems at once. Nothing outside this
//! room sees a raw table, and no text of a secret gets into a message.

pub mod archive;
pub mod args;
pub(crate) mod calibration;
mod camera;
mod check;
mod explain;
mod layers;
pub mod load;
mod look;
mod migrate;
mod mqtt;
mod nearest;
pub(crate) mod picture;
mod preset;
pub mod privacy;
mod problem;
mod pushed;
mod raw;
mod reader;
pub mod replay;
mod revision;
pub(crate) mod rule;
mod scene;
pub mod schedule;
pub mod schema;
mod secret;
pub mod settings;
mod table;

pub use check::Environment;
pub use load::{load, load_text, load_under, load_with};
pub use problem::{ConfigErrors, Problem};
pub use pushed::{Pushed, Trial};
pub use settings::Settings;
