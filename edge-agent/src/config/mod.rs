//! The configuration: `edge-agent.toml` and the files of `cameras.d/` beside it.
//!
//! Two levels: [`raw`] is what was typed, each value with its place; [`settings`] is what the agent runs on. Between
//! them [`load`] checks the whole before any of it is used and reports all problems at once. Nothing outside this
//! room sees a raw table, and no text of a secret gets into a message.

mod camera;
mod check;
pub mod load;
mod mqtt;
mod nearest;
mod problem;
mod raw;
mod reader;
pub(crate) mod rule;
mod scene;
mod secret;
pub mod settings;

pub use check::Environment;
pub use load::{load, load_with};
pub use problem::{ConfigErrors, Problem};
pub use settings::Settings;
