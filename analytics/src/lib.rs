//! What is seen: tensors -> detections -> tracks -> incidents.
//!
//! Pure and synchronous: no input or output, no clock, no environment; time arrives with the frame. Bad tensors are
//! refused by shape when a decoder is built, so that nothing can fail while frames flow. Nothing here is serialised:
//! `edge-agent/src/report.rs` is the only place where these types become messages.

#![deny(missing_docs)]
#![deny(clippy::cast_possible_truncation)]
#![cfg_attr(not(test), deny(clippy::indexing_slicing))]

pub mod attributes;
pub mod decoder;
pub mod detection;
pub mod geometry;
pub mod ground;
pub mod incident;
pub mod look;
pub mod picture;
pub mod rule;
pub mod scene;
pub mod suppress;
pub mod track;
