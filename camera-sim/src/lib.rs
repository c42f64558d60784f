//! Simulated street cameras: rendered scenes with exact ground truth, or any video file, served over real RTSP.
//!
//! `scene` files say who goes where when; `stage` paints them; `truth` says what happens in them; `random` makes
//! labelled pictures for training; `quiet` writes streets in which nothing happens; `serve` shows them to RTSP clients, and `hostile` does so badly, on request. This crate
//! knows nothing of how pictures are analysed.

pub mod actor;
pub mod case;
pub mod dice;
pub mod draw;
pub mod fire;
pub mod hostile;
pub mod lamps;
pub mod lens;
pub mod light;
pub mod quiet;
pub mod random;
pub mod render;
pub mod scene;
pub mod sensor;
pub mod serve;
pub mod sheet;
pub mod space;
pub mod stage;
pub mod truth;
pub mod weather;
pub mod world;
