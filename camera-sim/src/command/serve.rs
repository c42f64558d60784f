//! `camera-sim serve`: cameras on a port until a signal comes.

use std::{
    fs::File,
    io::Write,
    net::{IpAddr, Ipv4Addr},
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use camera_sim::{
    render,
    scene::Scene,
    serve::{
        CameraSettings, Credentials, CredentialsFile, Passes, Password, ScriptedIncident, Server,
        ServerSettings, StartMode, TruthLog,
    },
};
use tokio::signal::unix::{SignalKind, signal};

/// Serve simulated cameras over RTSP.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Cameras: MOUNT=VIDEO-FILE, or MOUNT=SCENE with the name of a scene that ships or a scene file
    #[arg(required_unless_present = "hostile", value_name = "MOUNT=SOURCE")]
    cameras: Vec<String>,
    /// Address to listen on
    #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    address: IpAddr,
    /// Port to listen on; 0 takes a free one
    #[arg(long, default_value_t = 8554)]
    port: u16,
    /// Begin a clip when its first client plays, not now
    #[arg(long)]
    from_first_play: bool,
    /// End the stream after the clip instead of beginning again
    #[arg(long)]
    once: bool,
    /// Write what really happens, a JSON line each; - is the standard output
    #[arg(long, value_name = "FILE")]
    truth: Option<PathBuf>,
    /// TOML file with tables [MOUNT] of user and password. Without it, CAMERA_SIM_USER and CAMERA_SIM_PASSWORD in the
    /// environment guard every mount, if they are set
    #[arg(long, value_name = "FILE")]
    credentials: Option<PathBuf>,
    /// Folder for rendered and transcoded clips [default: the user's cache folder]
    #[arg(long, value_name = "FOLDER")]
    cache: Option<PathBuf>,
    #[command(flatten)]
    hostile: super::hostile::HostileArgs,
}

/// Serves until SIGINT or SIGTERM.
pub(crate) fn run(args: Args) -> anyhow::Result<()> {
    let cache = match &args.cache {
        Some(folder) => folder.clone(),
        None => default_cache()?,
    };
    let logins = Logins::read(args.credentials.as_deref())?;
    let mut cameras = Vec::new();
    for text in &args.cameras {
        let (mount, source) = text
            .split_once('=')
            .with_context(|| format!("camera {text:?}: expected MOUNT=SOURCE"))?;
        cameras.push(CameraSettings {
            start: match args.from_first_play {
                true => StartMode::OnFirstPlay,
                false => StartMode::WallClock,
            },
            passes: match args.once {
                true => Passes::Once,
                false => Passes::Endless,
            },
            credentials: logins.get(mount),
            ..shown(mount, source, &cache)?
        });
    }
    logins.check(&cameras)?;
    let mounts: Vec<String> = cameras.iter().map(|c| c.mount.clone()).collect();
    let server = Server::start(ServerSettings {
        address: args.address,
        port: args.port,
        cache,
        truth: truth_log(&args)?,
        cameras,
    })?;
    // The addresses go to standard error, so that a truth log on standard output stays pure.
    let mut out = std::io::stderr().lock();
    for mount in &mounts {
        writeln!(out, "serving {}", server.url(mount))?;
    }
    let hostile = args.hostile.start(args.address, &mut out)?;
    drop(out);
    wait_for_signal()?;
    drop(hostile);
    server.stop();
    Ok(())
}

/// A scene is rendered now, unless that was done before; everything else is a video file.
fn shown(mount: &str, source: &str, cache: &Path) -> anyhow::Result<CameraSettings> {
    if Path::new(source).is_file() && !source.ends_with(".toml") {
        return Ok(CameraSettings::new(mount, source));
    }
    let place = || format!("camera {mount}: {source} is no video file");
    let scene = Scene::load(source).with_context(place)?;
    let clip = render::cached_with(&scene, cache, &mut super::progress)
        .with_context(|| format!("camera {mount}"))?;
    Ok(CameraSettings {
        incidents: ScriptedIncident::of_scene(&scene),
        ..CameraSettings::new(mount, clip)
    })
}

fn truth_log(args: &Args) -> anyhow::Result<Option<TruthLog>> {
    Ok(match &args.truth {
        None => None,
        Some(file) if file.as_os_str() == "-" => Some(TruthLog::new(std::io::stdout())),
        Some(file) => {
            let out =
                File::create(file).with_context(|| format!("truth log {}", file.display()))?;
            Some(TruthLog::new(out))
        }
    })
}

fn default_cache() -> anyhow::Result<PathBuf> {
    if let Some(folder) = std::env::var_os("XDG_CACHE_HOME") {
        return Ok(PathBuf::from(folder).join("camera-sim"));
    }
    let home = std::env::var_os("HOME").context("HOME is not set; give --cache FOLDER")?;
    Ok(PathBuf::from(home).join(".cache/camera-sim"))
}

/// Who may watch what.
struct Logins {
    file: CredentialsFile,
    everywhere: Option<Credentials>,
}

impl Logins {
    fn read(file: Option<&std::path::Path>) -> anyhow::Result<Self> {
        let variable = |name: &str| std::env::var(name).ok().filter(|text| !text.is_empty());
        let everywhere = match (variable("CAMERA_SIM_USER"), variable("CAMERA_SIM_PASSWORD")) {
            (Some(user), Some(password)) => Some(Credentials {
                user,
                password: Password::new(password),
            }),
            (None, None) => None,
            _ => bail!("CAMERA_SIM_USER and CAMERA_SIM_PASSWORD must be set both or neither"),
        };
        Ok(Logins {
            file: match file {
                Some(file) => CredentialsFile::read(file)?,
                None => CredentialsFile::default(),
            },
            everywhere,
        })
    }

    fn get(&self, mount: &str) -> Option<Credentials> {
        self.file.get(mount).or(self.everywhere.as_ref()).cloned()
    }

    /// A table for a mount that is not served is a typing error that would leave a camera open.
    fn check(&self, cameras: &[CameraSettings]) -> anyhow::Result<()> {
        for mount in self.file.mounts() {
            if !cameras.iter().any(|camera| camera.mount == mount) {
                bail!("credentials file: [{mount}] is not among the cameras that are served");
            }
        }
        Ok(())
    }
}

/// Sleeps until SIGINT or SIGTERM comes.
fn wait_for_signal() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()?;
    runtime.block_on(async {
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        Ok(())
    })
}
