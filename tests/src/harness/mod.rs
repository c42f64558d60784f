//! Starts and stops what a town has: a broker, cameras, nodes, a centre.
//!
//! Everything listens on free ports of the loopback interface, keeps its state in a folder of its own, writes its log
//! to a file there, and is gone when its value is dropped, also on a panic.

mod broker;
mod centre;
mod certificates;
mod days;
mod http;
mod node;
mod odd_camera;
mod place;
mod process;
mod proxy;
mod raiser;
mod recorder;
mod scene;
mod town;
mod wait;

pub use broker::Broker;
pub use centre::{Centre, Seen};
pub use certificates::Certificates;
pub use days::{RULE, clip_of_a_day, day, door};
pub use node::{Node, NodeConfig, WatchedCamera};
pub use odd_camera::OddCamera;
pub use place::{asset, binary, free_port, onnx_runtime, workspace};
pub use process::{Leash, Process};
pub use proxy::{Conduct, Proxy, Way};
pub use raiser::{Raised, Raiser, Raising};
pub use recorder::{Recorder, Told};
pub use scene::{Rule, Scene};
pub use town::Town;
pub use wait::{PATIENCE, wait_for};
