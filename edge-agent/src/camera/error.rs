//! Why a stream ended, by what is to be done about it. Every message names the camera (or file), never a credential.

use std::time::Duration;

/// Why a stream ended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {fault}")]
pub struct CameraError {
    /// The camera and its address, or the file.
    pub place: String,
    /// What happened.
    pub fault: Fault,
}

/// What happened to a stream.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Nobody answers.
    #[error("unreachable: {0}; check its address, its power and the network")]
    Unreachable(String),
    /// RTSP 401 or 403.
    #[error("login refused; check the user and the password of this camera")]
    Unauthorised,
    /// RTSP 404.
    #[error("no such stream; check the path in its address")]
    NotFound,
    /// RTSP 453 or 503: too many clients.
    #[error(
        "the camera is busy (status {0}); close other viewers, or raise its limit of connections"
    )]
    Busy(u32),
    /// A codec that nothing here decodes.
    #[error("codec {0} is not supported; set the camera to H.264, H.265 or MJPEG")]
    Codec(String),
    /// It was there, and then no frame came for long.
    #[error("no decoded frame for {} s ({seen})", after.as_secs())]
    Stalled {
        /// How long.
        after: Duration,
        /// What did come.
        seen: &'static str,
    },
    /// The other side ended the stream.
    #[error("the stream ended")]
    Ended,
    /// Anything else.
    #[error("{0}")]
    Broken(String),
}

impl Fault {
    /// One word for health reports and metrics.
    pub fn as_str(&self) -> &'static str {
        match self {
            Fault::Unreachable(_) => "unreachable",
            Fault::Unauthorised => "unauthorised",
            Fault::NotFound => "not_found",
            Fault::Busy(_) => "busy",
            Fault::Codec(_) => "unsupported_codec",
            Fault::Stalled { .. } => "stalled",
            Fault::Ended => "ended",
            Fault::Broken(_) => "broken",
        }
    }

    /// Whether trying again soon does harm: cameras lock accounts after a few wrong passwords, and a codec does not
    /// change by itself.
    pub fn retry_slowly(&self) -> bool {
        matches!(
            self,
            Fault::Unauthorised | Fault::NotFound | Fault::Codec(_)
        )
    }
}
