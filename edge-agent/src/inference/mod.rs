//! From pictures to detections. The only room that names `ort`; none of its types leave it.
//!
//! A [`model::Model`] is one session on one thread: preprocessing, the run, and decoding by `analytics::decoder`.
//! Workers ([`worker`]) own models and take turns over the cameras' mailboxes ([`scheduler`]).

pub mod attention;
pub mod cascade;
pub mod counters;
pub mod folders;
mod head;
pub mod manifest;
pub mod model;
pub mod preprocess;
pub mod provider;
mod resample;
pub mod runtime;
pub mod scheduler;
pub mod tiles;
mod turns;
pub mod worker;
