//! RTSP cameras: each mount is a video file or a rendered scene that is live, as a street is.
//!
//! Owns the RTSP server, the clips in memory and the clock that they are shown by. A file is sent as it is where RTP
//! cameras speak its codec. Time goes on whether or not anybody watches; clients join at a key frame; a clip begins
//! again without a seam. Never renders (`render/`) and never judges what is seen.

mod camera;
mod clip;
mod credentials;
mod mount;
mod pump;
mod transcode;
mod truth;

use std::{
    net::{IpAddr, Ipv4Addr},
    path::PathBuf,
    sync::Arc,
    thread::JoinHandle,
};

use gstreamer as gst;
use gstreamer::glib;
use gstreamer_rtsp_server as gst_rtsp_server;
use gstreamer_rtsp_server::prelude::*;

pub(crate) use self::clip::run_to_end;
use self::{camera::Camera, clip::Clip, pump::Street};
pub use self::{
    clip::ClipError,
    credentials::{Credentials, CredentialsError, CredentialsFile, Password},
    truth::{ScriptedIncident, TruthLog},
};

/// A client with a very long group of pictures waits long for its first picture.
const LONG_GROUP: gst::ClockTime = gst::ClockTime::from_seconds(10);

/// When a camera's time begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StartMode {
    /// With the server.
    #[default]
    WallClock,
    /// When the first client plays: what it sees first is the clip's first picture.
    OnFirstPlay,
}

/// How often a clip is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Passes {
    /// Again and again, without an end of stream at the seam.
    #[default]
    Endless,
    /// Once; then the stream ends, and the mount is gone.
    Once,
}

/// One camera of a server.
#[derive(Clone, Debug)]
pub struct CameraSettings {
    /// Last part of its address, without a slash in front.
    pub mount: String,
    /// A video file.
    pub file: PathBuf,
    /// What the clip's script makes happen, for the truth log.
    pub incidents: Vec<ScriptedIncident>,
    /// When its time begins.
    pub start: StartMode,
    /// How often it is shown.
    pub passes: Passes,
    /// Who may watch; anyone where there is none.
    pub credentials: Option<Credentials>,
}

impl CameraSettings {
    /// A camera that anyone may watch, showing `file` for ever from the server's start on.
    pub fn new(mount: impl Into<String>, file: impl Into<PathBuf>) -> Self {
        CameraSettings {
            mount: mount.into(),
            file: file.into(),
            incidents: Vec::new(),
            start: StartMode::default(),
            passes: Passes::default(),
            credentials: None,
        }
    }
}

/// A server of simulated cameras.
#[derive(Debug)]
pub struct ServerSettings {
    /// Where to listen.
    pub address: IpAddr,
    /// 0 takes a free port.
    pub port: u16,
    /// Folder for copies of files whose codec RTP cameras do not speak.
    pub cache: PathBuf,
    /// Where the truth is told.
    pub truth: Option<TruthLog>,
    /// The cameras.
    pub cameras: Vec<CameraSettings>,
}

impl ServerSettings {
    /// A free port of the loopback interface, no truth log.
    pub fn loopback(cache: impl Into<PathBuf>, cameras: Vec<CameraSettings>) -> Self {
        ServerSettings {
            address: Ipv4Addr::LOCALHOST.into(),
            port: 0,
            cache: cache.into(),
            truth: None,
            cameras,
        }
    }
}

/// Why a server does not start.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// GStreamer is not usable.
    #[error("gstreamer: {0}")]
    Init(#[from] glib::Error),
    /// A mount's name cannot stand in an address.
    #[error(
        "camera {mount:?}: the mount must be letters, digits, '-', '_', '.' or '/', with no '/' at its ends"
    )]
    Mount {
        /// The name.
        mount: String,
    },
    /// Two cameras have one mount.
    #[error("camera {mount}: two cameras have this mount; give one another name")]
    Twice {
        /// The mount.
        mount: String,
    },
    /// A user has one password on all mounts of a server.
    #[error(
        "camera {mount}: user {user:?} has another password on another camera; use another user name"
    )]
    Passwords {
        /// The second mount.
        mount: String,
        /// The user.
        user: String,
    },
    /// A clip cannot be served.
    #[error("camera {mount}: {error}")]
    Clip {
        /// The camera.
        mount: String,
        /// What is wrong with its file.
        error: ClipError,
    },
    /// The address cannot be listened on.
    #[error(
        "cannot listen on {address}:{port}: {why}; is the port in use? port 0 takes a free one"
    )]
    Listen {
        /// The address.
        address: IpAddr,
        /// The port.
        port: u16,
        /// The operating system's words.
        why: String,
    },
    /// The operating system gives no thread.
    #[error("cannot start a thread: {0}")]
    Thread(#[from] std::io::Error),
}

/// Cameras that are served until [`Server::stop`] or drop.
pub struct Server {
    address: IpAddr,
    rtsp: gst_rtsp_server::RTSPServer,
    source: glib::Source,
    main_loop: glib::MainLoop,
    street: Arc<Street>,
    threads: Vec<JoinHandle<()>>,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server")
            .field("address", &self.address)
            .field("port", &self.port())
            .finish()
    }
}

impl Server {
    /// Reads all clips, then listens.
    ///
    /// # Errors
    /// [`ServerError`] names the camera and the file, or the address.
    pub fn start(settings: ServerSettings) -> Result<Self, ServerError> {
        gst::init()?;
        check_names(&settings.cameras)?;
        let mut clips = Vec::new();
        for camera in &settings.cameras {
            clips.push(Arc::new(read_clip(camera, &settings.cache)?));
        }
        let cameras = settings
            .cameras
            .iter()
            .zip(&clips)
            .map(|(c, clip)| {
                Camera::new(
                    c.mount.clone(),
                    Arc::clone(clip),
                    c.start,
                    c.passes,
                    c.incidents.clone(),
                )
            })
            .collect();
        let mounts = gst_rtsp_server::RTSPMountPoints::new();
        let on_end = {
            let mounts = mounts.clone();
            move |mount: &str| mounts.remove_factory(&format!("/{mount}"))
        };
        let street = Street::new(cameras, settings.truth, on_end);
        for (index, (camera, clip)) in settings.cameras.iter().zip(&clips).enumerate() {
            let factory = mount::factory(
                &street,
                index,
                clip.codec,
                &clip.caps,
                camera.credentials.as_ref(),
            );
            mounts.add_factory(&format!("/{}", camera.mount), factory);
        }
        let rtsp = gst_rtsp_server::RTSPServer::new();
        rtsp.set_address(&settings.address.to_string());
        rtsp.set_service(&settings.port.to_string());
        rtsp.set_mount_points(Some(&mounts));
        let credentials = settings
            .cameras
            .iter()
            .filter_map(|c| c.credentials.as_ref());
        rtsp.set_auth(Some(&mount::auth(credentials)));
        if let Some(threads) = rtsp.thread_pool() {
            // A thread a client: one who waits for a key frame must not hold up another camera's client.
            threads.set_max_threads(-1);
        }
        let source = rtsp
            .create_source(None::<&gst_rtsp_server::gio::Cancellable>)
            .map_err(|error| ServerError::Listen {
                address: settings.address,
                port: settings.port,
                why: error.to_string(),
            })?;
        Self::run(settings.address, rtsp, source, street, &settings.cameras)
    }

    fn run(
        address: IpAddr,
        rtsp: gst_rtsp_server::RTSPServer,
        source: glib::Source,
        street: Arc<Street>,
        cameras: &[CameraSettings],
    ) -> Result<Self, ServerError> {
        let context = glib::MainContext::new();
        let main_loop = glib::MainLoop::new(Some(&context), false);
        source.attach(Some(&context));
        let mut server = Server {
            address,
            rtsp,
            source,
            main_loop: main_loop.clone(),
            street,
            threads: Vec::new(),
        };
        let listening = std::thread::Builder::new()
            .name("serve-rtsp".to_owned())
            .spawn(move || {
                if let Err(error) = context.with_thread_default(|| main_loop.run()) {
                    tracing::error!(%error, "rtsp thread has no main context");
                }
            })?;
        server.threads.push(listening);
        for (index, camera) in cameras.iter().enumerate() {
            if camera.start == StartMode::WallClock {
                let now = server.street.now();
                server
                    .street
                    .change(index, |camera, truth| camera.start(now, truth));
            }
        }
        server.threads.push(server.street.pump()?);
        Ok(server)
    }

    /// The port that is listened on.
    pub fn port(&self) -> u16 {
        u16::try_from(self.rtsp.bound_port()).unwrap_or_default()
    }

    /// A mount's address, without credentials.
    pub fn url(&self, mount: &str) -> String {
        let host = match self.address {
            IpAddr::V4(v4) => v4.to_string(),
            IpAddr::V6(v6) => format!("[{v6}]"),
        };
        format!("rtsp://{host}:{}/{mount}", self.port())
    }

    /// When the first picture of a camera's first pass was shown: media time 0. None before that.
    pub fn started_at(&self, mount: &str) -> Option<jiff::Timestamp> {
        let zero = {
            let state = self.street.lock();
            state.cameras.iter().find(|c| c.mount == mount)?.started()?
        };
        Some(truth::wall_clock(zero, self.street.now()))
    }

    /// Closes all connections and ends all threads.
    pub fn stop(self) {
        drop(self);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.street.stop();
        self.source.destroy();
        self.rtsp
            .client_filter(Some(&mut |_, _| gst_rtsp_server::RTSPFilterResult::Remove));
        if let Some(sessions) = self.rtsp.session_pool() {
            sessions.filter(Some(&mut |_, _| gst_rtsp_server::RTSPFilterResult::Remove));
        }
        // A loop that does not run yet forgets a quit: it must be said from inside.
        let main_loop = self.main_loop.clone();
        self.main_loop.context().invoke(move || main_loop.quit());
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a thread of the camera server panicked");
            }
        }
    }
}

fn check_names(cameras: &[CameraSettings]) -> Result<(), ServerError> {
    for (index, camera) in cameras.iter().enumerate() {
        let mount = &camera.mount;
        let sound = mount
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-_./".contains(c));
        if !sound || mount.split('/').any(str::is_empty) {
            return Err(ServerError::Mount {
                mount: mount.clone(),
            });
        }
        let before = cameras.get(..index).unwrap_or_default();
        if before.iter().any(|other| other.mount == *mount) {
            return Err(ServerError::Twice {
                mount: mount.clone(),
            });
        }
        let Some(mine) = &camera.credentials else {
            continue;
        };
        let clash = before
            .iter()
            .filter_map(|c| c.credentials.as_ref())
            .any(|other| other.user == mine.user && other.password != mine.password);
        if clash {
            return Err(ServerError::Passwords {
                mount: mount.clone(),
                user: mine.user.clone(),
            });
        }
    }
    Ok(())
}

fn read_clip(camera: &CameraSettings, cache: &std::path::Path) -> Result<Clip, ServerError> {
    let clip = match Clip::read(&camera.file) {
        Err(ClipError::Codec { file, .. }) => {
            transcode::cached_h264(&file, cache).and_then(|copy| Clip::read(&copy))
        }
        other => other,
    };
    let clip = clip.map_err(|error| ServerError::Clip {
        mount: camera.mount.clone(),
        error,
    })?;
    let group = clip.longest_group();
    if group > LONG_GROUP {
        tracing::warn!(
            camera = camera.mount,
            seconds = group.seconds(),
            "few key frames: a second client may wait this long for its first picture"
        );
    }
    Ok(clip)
}
