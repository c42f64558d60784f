//! The part of `camera-sim serve` that serves cameras which misbehave on request (docs/hostile-cameras.md).

use std::{
    io::Write,
    net::{IpAddr, SocketAddr},
    path::PathBuf,
};

use anyhow::{Context, bail};
use camera_sim::hostile::{Control, Hostile, HostileCamera, HostileSettings, Look, Script, Source};

/// Cameras that misbehave on request.
#[derive(Debug, clap::Args)]
pub(crate) struct HostileArgs {
    /// Cameras that do what they are told to, on a port of their own: MOUNT=VIDEO-FILE, or MOUNT=pattern. Each has a
    /// small stream at MOUNT/sub
    #[arg(long, value_name = "MOUNT=SOURCE")]
    hostile: Vec<String>,
    /// Port of these cameras; 0 takes a free one
    #[arg(long, default_value_t = 0, requires = "hostile")]
    hostile_port: u16,
    /// Take orders for them, `MOUNT ORDER` a line, at this address of the loopback interface; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS:PORT", requires = "hostile")]
    control: Option<SocketAddr>,
    /// Give orders from this file, `SECONDS MOUNT ORDER` a line
    #[arg(long, value_name = "FILE", requires = "hostile")]
    script: Option<PathBuf>,
}

/// What runs until it is dropped: those who give orders go first.
pub(crate) struct Running {
    _control: Option<Control>,
    _script: Option<Script>,
    _cameras: Hostile,
}

impl HostileArgs {
    /// Starts what was asked for, and says where it is.
    pub(crate) fn start(
        &self,
        address: IpAddr,
        out: &mut impl Write,
    ) -> anyhow::Result<Option<Running>> {
        if self.hostile.is_empty() {
            return Ok(None);
        }
        let cameras: Vec<HostileCamera> = self
            .hostile
            .iter()
            .map(|text| camera(text))
            .collect::<anyhow::Result<_>>()?;
        let mounts: Vec<String> = cameras.iter().map(|c| c.mount.clone()).collect();
        let cameras = Hostile::start(HostileSettings {
            address,
            port: self.hostile_port,
            ..HostileSettings::loopback(cameras)
        })?;
        for mount in mounts {
            writeln!(out, "serving hostile {}", cameras.url(&mount))?;
        }
        let control = self.control.map(|address| {
            if !address.ip().is_loopback() {
                bail!("--control {address}: expected an address of the loopback interface, as 127.0.0.1:0");
            }
            Ok(Control::start(address, cameras.orders())?)
        });
        let control = control.transpose()?;
        if let Some(control) = &control {
            writeln!(out, "control {}", control.address())?;
        }
        let script = self
            .script
            .as_ref()
            .map(|file| Script::start(file, cameras.orders()));
        Ok(Some(Running {
            _control: control,
            _script: script.transpose()?,
            _cameras: cameras,
        }))
    }
}

fn camera(text: &str) -> anyhow::Result<HostileCamera> {
    let (mount, source) = text
        .split_once('=')
        .with_context(|| format!("camera {text:?}: expected MOUNT=SOURCE"))?;
    Ok(HostileCamera {
        mount: mount.to_owned(),
        source: match source {
            "pattern" => Source::Pattern,
            file => Source::File(file.into()),
        },
        look: Look::default(),
    })
}
