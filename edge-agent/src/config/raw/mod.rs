//! As typed: one struct a table of the configuration, one field a key. What stands behind a key in brackets is told to
//! editors (`schema.rs`) and to `config explain`; the checks are the judges of it, and a test compares them.

mod camera;
mod node;
mod rule;

pub(crate) use camera::{
    RawCalibration, RawCamera, RawCameraFile, RawCascade, RawLine, RawLook, RawPreset, RawZone,
};
pub(crate) use node::{
    RawArchive, RawBroker, RawCommands, RawFile, RawHttp, RawInference, RawMqtt, RawMqttTls,
    RawNode, RawReplay, RawSpool,
};
pub(crate) use rule::RawRule;
