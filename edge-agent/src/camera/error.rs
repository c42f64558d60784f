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
    /// RTSP 401.
    #[error("the camera refused the login (401); check the user and the password of this camera")]
    Unauthorised,
    /// RTSP 403.
    #[error(
        "the camera forbids this user to watch (403); give the user the right to live video, and look for an address \
         filter or a locked account on the camera"
    )]
    Forbidden,
    /// RTSP 404.
    #[error("no such stream (404); check the path in its address")]
    NotFound,
    /// RTSP 453.
    #[error(
        "the camera is out of sessions (453); close other viewers, or raise its limit of connections"
    )]
    OutOfSessions,
    /// RTSP 454.
    #[error("the camera has forgotten the session (454); a new one is asked for")]
    SessionLost,
    /// RTSP 503.
    #[error("the camera is overloaded or still starting (503); close other viewers if it stays so")]
    Overloaded,
    /// Any other RTSP status.
    #[error("the camera answered with status {0}; look for it in the camera's manual")]
    Refused(u32),
    /// It took the connection and then said nothing, or not all that it should.
    #[error("the camera stopped answering ({0}); restart it, and look for newer firmware")]
    Mute(String),
    /// It agrees to play and then sends nothing.
    #[error(
        "the camera agrees to play and then sends no picture; restart it, and with transport = \"udp\" look for a \
         firewall or change to \"tcp\""
    )]
    Silent,
    /// It describes its stream in a way that nobody understands, or describes no picture.
    #[error(
        "the camera's description of its stream (SDP) is of no use: {0}; look for newer firmware"
    )]
    Garbled(String),
    /// What comes is not what was described.
    #[error(
        "what comes cannot be decoded ({0}); a camera that has changed its codec is asked anew"
    )]
    Undecodable(String),
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
    #[error("the camera ended the stream")]
    Ended,
    /// The connection broke.
    #[error(
        "the connection broke off; check the network and the camera's power if it does so often"
    )]
    CutOff,
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
            Fault::Forbidden => "forbidden",
            Fault::NotFound => "not_found",
            Fault::OutOfSessions => "out_of_sessions",
            Fault::SessionLost => "session_lost",
            Fault::Overloaded => "overloaded",
            Fault::Refused(_) => "refused",
            Fault::Mute(_) => "mute",
            Fault::Silent => "silent",
            Fault::Garbled(_) => "garbled",
            Fault::Undecodable(_) => "undecodable",
            Fault::Codec(_) => "unsupported_codec",
            Fault::Stalled { .. } => "stalled",
            Fault::Ended => "ended",
            Fault::CutOff => "cut_off",
            Fault::Broken(_) => "broken",
        }
    }

    /// Whether trying again soon does harm: cameras lock accounts after a few wrong passwords, and a codec does not
    /// change by itself.
    pub fn retry_slowly(&self) -> bool {
        matches!(
            self,
            Fault::Unauthorised | Fault::Forbidden | Fault::Codec(_)
        )
    }
}
