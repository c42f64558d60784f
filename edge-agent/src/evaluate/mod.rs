//! `edge-agent evaluate`: incident cases through the very pipeline of the street, in media time, and scored.
//!
//! A case's truth goes to the scorer alone ([`score`]); what runs over the clip ([`run`]) sees the clip, the scene and the
//! camera's settings.

mod args;
mod baseline;
pub mod camera_settings;
pub mod case;
pub(crate) mod html;
pub mod ignored;
mod look;
mod picture;
pub mod report;
pub mod run;
pub mod score;
pub(crate) mod subject;
mod table;

pub(crate) use args::score_model;
pub use args::{EvaluateArgs, main};
