//! Simulated cameras: rendered street scenes with exact ground truth, or any video file, served over real RTSP.

pub mod serve;
