//! As run: what the rest of the agent works with. Built once by `load.rs` out of `raw.rs`, never changed afterwards.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    path::PathBuf,
    time::Duration,
};

use analytics::{rule::RuleIndex, scene::SceneSettings};
use protocol::{Name, NodePath, PinnedKey, Severity};
use rustls::pki_types::ServerName;

use super::{
    archive::ArchiveSettings, privacy::PrivacySettings, replay::ReplaySettings, schedule::Schedule,
};
use crate::{
    camera::{Decoding, GateSettings},
    inference::{
        folders::ModelFolders,
        provider::{Provider, ProviderError},
        runtime::{Runtime, RuntimeError},
    },
    sink::Caps,
    spool::Quota,
};

/// A secret: a password or a token. Its `Debug` shows nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret.
    pub fn new(text: String) -> Self {
        Secret(text)
    }

    /// The secret itself, for the call that needs it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Everything that the agent runs on.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `sha256:` and the hash of the effective configuration.
    pub revision: String,
    /// Where this node stands.
    pub node: NodePath,
    /// Spool, evidence and caches live below this folder.
    pub state_dir: PathBuf,
    /// How much may wait for the centre.
    pub spool: Quota,
    /// The connection to the centre.
    pub mqtt: MqttSettings,
    /// Inference.
    pub inference: InferenceSettings,
    /// Whose commands are heeded; none where it is empty.
    pub command_keys: Vec<PinnedKey>,
    /// Clips of incidents.
    pub archive: ArchiveSettings,
    /// Cases out of operators' verdicts.
    pub replay: ReplaySettings,
    /// The cameras.
    pub cameras: Vec<CameraSettings>,
    /// Loopback address of /metrics and /healthz, if wanted.
    pub http: Option<std::net::SocketAddr>,
}

/// The connection to the centre.
#[derive(Clone, Debug)]
pub struct MqttSettings {
    /// In order of preference, at least one.
    pub brokers: Vec<Broker>,
    /// How often the preferred broker is probed while another is used.
    pub probe_every: Duration,
    /// Version of the protocol.
    pub version: MqttVersion,
    /// Path of the brokers' web servers under which MQTT goes through a WebSocket; `None`: MQTT straight over TCP.
    pub websocket: Option<String>,
    /// MQTT client id; stable for the life of a node.
    pub client_id: String,
    /// User name and password.
    pub login: Option<(String, Secret)>,
    /// Transport security.
    pub tls: Tls,
    /// Keep-alive interval.
    pub keep_alive: Duration,
    /// Bytes a second that the link carries, where it is known.
    pub bytes_per_second: Option<u32>,
    /// First levels of the topics of the ONVIF mirror, where it is wanted.
    pub onvif_prefix: Option<String>,
    /// Bytes that the link may carry in a day and a month.
    pub caps: Caps,
    /// Safety that was switched off on purpose, as [`protocol::NodeStatus::insecure`] says it.
    pub insecure: Vec<String>,
}

impl MqttSettings {
    /// Bytes of evidence in one message: with its headers a tenth of a second of the link, so that an alert does not
    /// wait long behind one; 4 KiB where the link is not known. On a thin link headers are then half of it.
    pub fn evidence_chunk(&self) -> usize {
        /// Topic, header and packet of a chunk, about.
        const HEADERS: usize = 450;
        let tenth = self.bytes_per_second.map(|rate| rate as usize / 10);
        tenth.map_or(4 << 10, |bytes| {
            bytes.saturating_sub(HEADERS).clamp(384, 32 << 10)
        })
    }
}

/// Where a broker is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broker {
    /// Host name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Whose certificate it must show, if not the host's.
    pub server_name: Option<ServerName<'static>>,
}

impl fmt::Display for Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// Version of MQTT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MqttVersion {
    /// 5.
    V5,
    /// 3.1.1, for brokers that know no other: they cannot say why they do not take a message.
    V311,
}

/// Transport security, as whole variants.
#[derive(Clone, Debug)]
pub enum Tls {
    /// None, said so on purpose (`insecure_plaintext`), or a broker on loopback.
    Off,
    /// Certificates are verified against `ca`.
    Verified {
        /// PEM file.
        ca: PathBuf,
        /// PEM certificate and key of this node.
        client: Option<(PathBuf, PathBuf)>,
        /// Protocols that are offered (ALPN), in order of preference.
        alpn: Vec<String>,
    },
}

/// Inference.
#[derive(Clone, Debug)]
pub struct InferenceSettings {
    /// Path of `libonnxruntime.so`; without one it is looked for in the usual places.
    pub runtime: Option<PathBuf>,
    /// What models are computed on.
    pub provider: Provider,
    /// OS threads, one session each.
    pub sessions: usize,
    /// Whether less is analysed, step by step, when the box has too much to do or is too hot.
    pub ladder: bool,
    /// Where models and weights lie.
    pub folders: ModelFolders,
}

/// Models cannot be run as the configuration says.
#[derive(Debug, thiserror::Error)]
pub enum InferenceError {
    /// There is no library.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
    /// It cannot compute on what was asked for.
    #[error(transparent)]
    Provider(#[from] ProviderError),
}

impl InferenceSettings {
    /// The library, computing on what was asked for.
    ///
    /// # Errors
    /// Where there is no library, or it does not offer the provider.
    pub fn load_runtime(&self) -> Result<Runtime, InferenceError> {
        Ok(Runtime::load(self.runtime.as_deref())?.on(self.provider)?)
    }
}

/// One camera.
#[derive(Clone, Debug)]
pub struct CameraSettings {
    /// Its name in topics.
    pub id: Name,
    /// Its name for people.
    pub name: Option<String>,
    /// Degrees north and east (WGS 84).
    pub position: Option<(f64, f64)>,
    /// Kept in the configuration, but not watched.
    pub enabled: bool,
    /// Where its pictures come from.
    pub stream: StreamSettings,
    /// A smaller stream of the same view that is analysed in its place; then `stream` is kept for evidence alone.
    pub substream: Option<StreamSettings>,
    /// What may decode its stream.
    pub decoding: Decoding,
    /// Name of the model: a folder in [`ModelFolders::models`].
    pub model: String,
    /// Detections below this score are not looked at.
    pub min_score: f32,
    /// Second models, which look at the objects that the first has found.
    pub cascades: Vec<CascadeSettings>,
    /// Models that look at whole pictures.
    pub looks: Vec<LookSettings>,
    /// A model that tells objects apart by their looks, for the tracker.
    pub likeness: Option<LikenessSettings>,
    /// Columns and rows of tiles that a picture is analysed in, besides the whole; (1, 1) is the whole alone.
    pub tiles: (u8, u8),
    /// Which units are decoded and which frames analysed.
    pub gate: GateSettings,
    /// What its pictures show to nobody.
    pub privacy: PrivacySettings,
    /// Analysed frames a second, at most.
    pub analysis_fps: f32,
    /// The ladder leaves it so many, or pauses it.
    pub analysis_fps_floor: f32,
    /// 1 to 10: its share of inference time under overload, and how late the ladder comes to it.
    pub priority: u8,
    /// Zones, lines and rules; labels still by name, resolved against the model at start.
    pub scene: SceneSettings,
    /// Severity of each rule's incidents, by the rule's name.
    pub severities: BTreeMap<String, Severity>,
    /// `sha256:` and the hash of each rule with the zone or line that it names, by the rule's name.
    pub revisions: BTreeMap<String, String>,
    /// When rules watch, by their names; those that are not here always do.
    pub schedules: BTreeMap<String, Schedule>,
    /// What rules count is told so often.
    pub totals_every: Duration,
    /// Encoded seconds kept for evidence.
    pub reel: Duration,
    /// Rules of whose incidents no clips are made, by their names.
    pub without_clips: BTreeSet<String>,
    /// Its zones, lines, rules and calibration as they were typed, over its preset.
    pub typed: toml::Table,
    /// Rules of its preset that wait for something to be drawn or said, by name, with what is missing.
    pub idle_rules: BTreeMap<String, String>,
    /// What keeps this camera from being watched, with its place in the configuration: its credentials cannot be
    /// read. The other cameras go on.
    pub fault: Option<String>,
}

impl CameraSettings {
    /// Whether it has models besides its own.
    pub fn has_second_models(&self) -> bool {
        !self.cascades.is_empty() || !self.looks.is_empty() || self.likeness.is_some()
    }

    /// The rules that watch at times only, by their places in the scene.
    pub fn scheduled(&self) -> Vec<(RuleIndex, Schedule)> {
        let rules = self.scene.rules.iter().enumerate();
        let scheduled = rules.filter_map(|(place, rule)| {
            let schedule = self.schedules.get(&rule.id)?.clone();
            Some((RuleIndex(place), schedule))
        });
        scheduled.collect()
    }
}

/// A second model of a camera, which looks at crops of its objects.
#[derive(Clone, Debug, PartialEq)]
pub struct CascadeSettings {
    /// Its name in messages.
    pub id: String,
    /// Name of the model.
    pub model: String,
    /// Labels of the first model whose objects it looks at; none means all.
    pub classes: Vec<String>,
    /// Boxes must be so high at least, as a share of the picture's height.
    pub min_height: f32,
    /// After its first looks a track is looked at again after so long.
    pub again: Duration,
    /// Looks a second, all tracks of the camera together.
    pub per_second: f32,
}

/// A model of a camera that looks at whole pictures.
#[derive(Clone, Debug, PartialEq)]
pub struct LookSettings {
    /// What rules name it by.
    pub id: String,
    /// Name of the model.
    pub model: String,
    /// How often it looks.
    pub every: Duration,
}

/// A model that tells objects apart by their looks.
#[derive(Clone, Debug, PartialEq)]
pub struct LikenessSettings {
    /// Name of the model.
    pub model: String,
    /// Objects of a frame that it looks at, at most.
    pub crops_per_frame: usize,
}

/// Where a camera's pictures come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamSettings {
    /// `rtsp://` or `rtsps://`, without user and password.
    pub url: String,
    /// User and password.
    pub login: Option<(String, Secret)>,
    /// TCP or UDP.
    pub transport: Transport,
    /// RTSPS certificates are not verified, said so on purpose.
    pub insecure_tls: bool,
    /// Jitter buffer.
    pub latency: Duration,
    /// Without a decoded frame for so long the stream is torn down and built anew.
    pub stall_timeout: Duration,
    /// The very same picture for so long is a frozen one.
    pub frozen_after: Duration,
    /// The wait until the next attempt at a camera that refused the login: cameras lock accounts.
    pub refused_retry: Duration,
}

/// RTP transport.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// Interleaved in the RTSP connection.
    Tcp,
    /// UDP.
    Udp,
}
