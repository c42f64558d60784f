//! Cameras that misbehave on request: a small RTSP server of our own, as bad as it is told to be.
//!
//! A real server (`serve`) answers well by construction; the faults here (docs/hostile-cameras.md) lie in its answers, its
//! packets, its clock and its pictures. A camera behaves well until an [`Order`] says otherwise, by [`Hostile::order`], by
//! the control port or by a script. One camera's orders change nothing for another. No login, no truth log, no end of a film.

mod camera;
mod control;
mod conversation;
mod film;
mod order;
mod packet;
mod sdp;
mod sender;

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use self::{camera::Camera, conversation::Place};
pub use self::{
    control::{Control, Script, ScriptError},
    film::{BitRate, Codec, FilmError, Look, Source},
    order::{Answer, Method, Order, OrderError, Reports},
};

/// One camera. Its small stream is at `MOUNT/sub`.
#[derive(Clone, Debug)]
pub struct HostileCamera {
    /// Last part of its address, without a slash in front.
    pub mount: String,
    /// What it shows.
    pub source: Source,
    /// How that looks.
    pub look: Look,
}

/// A server of hostile cameras.
#[derive(Clone, Debug)]
pub struct HostileSettings {
    /// Where to listen.
    pub address: IpAddr,
    /// 0 takes a free port.
    pub port: u16,
    /// Equal seeds lose, spoil and reorder equally in sessions of equal number.
    pub seed: u64,
    /// The cameras.
    pub cameras: Vec<HostileCamera>,
}

impl HostileSettings {
    /// A free port of the loopback interface, seed 1.
    pub fn loopback(cameras: Vec<HostileCamera>) -> Self {
        HostileSettings {
            address: Ipv4Addr::LOCALHOST.into(),
            port: 0,
            seed: 1,
            cameras,
        }
    }
}

/// Why hostile cameras do not start or do not obey.
#[derive(Debug, thiserror::Error)]
pub enum HostileError {
    /// A camera has nothing to show.
    #[error("camera {mount}: {error}")]
    Film {
        /// The camera.
        mount: String,
        /// What is wrong with its source.
        error: FilmError,
    },
    /// There is no such camera.
    #[error("no camera {mount:?}; there are {known}")]
    NoCamera {
        /// As it was named.
        mount: String,
        /// Those that there are.
        known: String,
    },
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {error}; is the port in use? port 0 takes a free one")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The operating system's words.
        error: std::io::Error,
    },
    /// The operating system gives no thread.
    #[error("cannot start a thread: {0}")]
    Thread(#[from] std::io::Error),
}

/// Takes orders for the cameras of a server. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Orders(Arc<Place>);

impl Orders {
    /// Tells a camera what to do. A new look is filmed first, which takes its time.
    ///
    /// # Errors
    /// [`HostileError`] if there is no such camera or no film of that look.
    pub fn give(&self, mount: &str, order: Order) -> Result<(), HostileError> {
        let cameras = &self.0.cameras;
        let Some(camera) = cameras.iter().find(|camera| camera.mount == mount) else {
            let known: Vec<&str> = cameras.iter().map(|camera| camera.mount.as_str()).collect();
            return Err(HostileError::NoCamera {
                mount: mount.to_owned(),
                known: known.join(", "),
            });
        };
        tracing::info!(camera = mount, ?order, "told");
        camera.obey(order).map_err(|error| HostileError::Film {
            mount: mount.to_owned(),
            error,
        })
    }
}

/// Hostile cameras that are served until this is dropped.
#[derive(Debug)]
pub struct Hostile {
    address: SocketAddr,
    place: Arc<Place>,
    listening: Option<JoinHandle<()>>,
}

impl Hostile {
    /// Films all sources, then listens.
    ///
    /// # Errors
    /// [`HostileError`] names the camera or the address.
    pub fn start(settings: HostileSettings) -> Result<Self, HostileError> {
        let mut cameras = Vec::new();
        for HostileCamera {
            mount,
            source,
            look,
        } in settings.cameras
        {
            let camera = Camera::new(mount.clone(), source, look);
            let camera = camera.map_err(|error| HostileError::Film { mount, error })?;
            cameras.push(Arc::new(camera));
        }
        let address = SocketAddr::from((settings.address, settings.port));
        let refused = |error| HostileError::Listen { address, error };
        let listener = TcpListener::bind(address).map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        let place = Arc::new(Place {
            cameras,
            stopping: AtomicBool::new(false),
            seed: settings.seed,
        });
        let listening = {
            let place = Arc::clone(&place);
            let thread = std::thread::Builder::new().name("hostile-rtsp".to_owned());
            thread.spawn(move || listen(&listener, &place))?
        };
        Ok(Hostile {
            address,
            place,
            listening: Some(listening),
        })
    }

    /// A mount's address.
    pub fn url(&self, mount: &str) -> String {
        format!("rtsp://{}/{mount}", self.address)
    }

    /// Takes orders, also from other threads.
    pub fn orders(&self) -> Orders {
        Orders(Arc::clone(&self.place))
    }

    /// Tells a camera what to do, as [`Orders::give`].
    ///
    /// # Errors
    /// As there.
    pub fn order(&self, mount: &str, order: Order) -> Result<(), HostileError> {
        self.orders().give(mount, order)
    }
}

impl Drop for Hostile {
    fn drop(&mut self) {
        self.place.stopping.store(true, Ordering::Relaxed);
        knock(self.address);
        if let Some(thread) = self.listening.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread of the hostile cameras panicked");
        }
    }
}

/// Wakes a thread that waits for connections, so that it sees that it is to stop.
fn knock(address: SocketAddr) {
    let mut address = address;
    if address.ip().is_unspecified() {
        address.set_ip(Ipv4Addr::LOCALHOST.into());
    }
    if let Err(error) = TcpStream::connect_timeout(&address, Duration::from_secs(1)) {
        tracing::debug!(%error, %address, "nobody listens any more");
    }
}

/// Starts a conversation on a thread of its own for each client, and waits for all of them at the end.
fn listen(listener: &TcpListener, place: &Arc<Place>) {
    let mut talks: Vec<JoinHandle<()>> = Vec::new();
    for (number, client) in listener.incoming().enumerate() {
        if place.stopping.load(Ordering::Relaxed) {
            break;
        }
        talks.retain(|talk| !talk.is_finished());
        let here = Arc::clone(place);
        let thread = std::thread::Builder::new().name("hostile-talk".to_owned());
        let talk = client.and_then(|client| {
            thread.spawn(move || {
                if let Err(error) = conversation::converse(client, &here, number as u64) {
                    tracing::debug!(%error, "a client left in the middle");
                }
            })
        });
        match talk {
            Ok(talk) => talks.push(talk),
            Err(error) => tracing::warn!(%error, "a client is lost"),
        }
    }
    for talk in talks {
        if talk.join().is_err() {
            tracing::error!("a conversation panicked");
        }
    }
}
