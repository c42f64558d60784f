//! `edge-agent discover`: which cameras are on the network, and where their streams are.

use std::{
    io::{self, Write as _},
    net::Ipv4Addr,
    path::PathBuf,
    process::ExitCode,
    time::Duration,
};

use anyhow::Context as _;
use serde::Serialize;

use super::{
    login::Login,
    onvif::{Camera, Profile},
    paths,
    wsdiscovery::{self, Match},
};

/// Find cameras on the network (ONVIF), and their streams where a login is named; ask hosts for paths of known makes
#[derive(clap::Args)]
pub struct DiscoverArgs {
    /// A host that is asked for paths of known makes, with its port where that is not 554; repeatable
    #[arg(long, value_name = "HOST")]
    host: Vec<String>,
    /// One more path that hosts are asked for, as /live/1; repeatable
    #[arg(long, value_name = "PATH")]
    path: Vec<String>,
    /// Whose login it is, at all of them
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// A file whose first line is the password
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// The address of this machine on the cameras' network, where it has several
    #[arg(
        long,
        value_name = "ADDRESS",
        default_value = "0.0.0.0",
        hide_default_value = true
    )]
    interface: Ipv4Addr,
    /// Listen for answers for so long; 0 asks nobody but --host
    #[arg(long, value_name = "SECONDS", default_value_t = 3, value_parser = clap::value_parser!(u64).range(0..=60))]
    seconds: u64,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// A camera that was found.
#[derive(Debug, Default, Serialize)]
struct Found {
    host: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hardware: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    onvif: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    profiles: Vec<Profile>,
    /// Streams at paths of known makes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    streams: Vec<String>,
    /// Those that want a login.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    locked: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    notes: Vec<String>,
}

/// Runs the command. Exit code 1: no camera was found.
///
/// # Errors
/// The network cannot be asked.
pub fn main(args: &DiscoverArgs) -> anyhow::Result<ExitCode> {
    let login = Login::of(args.user.as_deref(), args.password_file.as_deref())?;
    let mut cameras = Vec::new();
    if args.seconds > 0 {
        let found = wsdiscovery::discover(args.interface, Duration::from_secs(args.seconds));
        let found = found.context("the network cannot be asked by multicast: name this machine's address there with --interface")?;
        cameras.extend(
            found
                .into_iter()
                .map(|one| by_onvif(one, args, login.as_ref())),
        );
    }
    for host in &args.host {
        let mut found = Found {
            host: host.clone(),
            ..Found::default()
        };
        ask_paths(&mut found, host, args, login.as_ref());
        cameras.push(found);
    }
    let mut out = io::stdout().lock();
    if args.json {
        writeln!(out, "{}", serde_json::to_string(&cameras)?)?;
    } else {
        cameras.iter().try_for_each(|one| show(one, &mut out))?;
        closing(&cameras, &mut out)?;
    }
    let any = cameras
        .iter()
        .any(|one| one.onvif.is_some() || !one.streams.is_empty() || !one.locked.is_empty());
    Ok(ExitCode::from(u8::from(!any)))
}

fn by_onvif(found: Match, args: &DiscoverArgs, login: Option<&Login>) -> Found {
    let host = found.address.to_string();
    let mut camera = Found {
        host: host.clone(),
        name: found.scopes.get("name").cloned(),
        hardware: found.scopes.get("hardware").cloned(),
        onvif: found.service.clone(),
        ..Found::default()
    };
    let Some(service) = found.service else {
        camera
            .notes
            .push("names no service at the address that it answered from".to_owned());
        return camera;
    };
    let told = Camera::new(&service, login).and_then(|camera| camera.profiles());
    match told {
        Ok(profiles) => camera.profiles = profiles,
        Err(why) => {
            camera.notes.push(format!("ONVIF: {why}"));
            // A login that it has refused once is not shown to it again.
            if !why.contains("refuses the login") {
                ask_paths(&mut camera, &host, args, login);
            }
        }
    }
    camera
}

fn ask_paths(camera: &mut Found, host: &str, args: &DiscoverArgs, login: Option<&Login>) {
    match paths::probe(host, &args.path, login) {
        Ok(streams) => {
            camera.streams = streams.open;
            camera.locked = streams.locked;
            camera
                .notes
                .extend(streams.stopped.map(|why| format!("RTSP: {why}")));
        }
        Err(why) => camera.notes.push(format!("RTSP: {why}")),
    }
}

fn show(camera: &Found, out: &mut impl io::Write) -> io::Result<()> {
    let named = [&camera.name, &camera.hardware];
    let named: Vec<&str> = named.into_iter().flatten().map(String::as_str).collect();
    writeln!(out, "{}  {}", camera.host, named.join(", "))?;
    for profile in &camera.profiles {
        let Profile {
            name,
            codec,
            size,
            fps,
            url,
        } = profile;
        let size = size.map_or_else(String::new, |(width, height)| format!("{width} x {height}"));
        let fps = fps.map_or_else(String::new, |fps| format!("{fps}/s"));
        writeln!(
            out,
            "  {name:16} {:5} {size:12} {fps:6} {url}",
            codec.as_deref().unwrap_or("")
        )?;
    }
    camera
        .streams
        .iter()
        .try_for_each(|url| writeln!(out, "  {url}"))?;
    camera
        .locked
        .iter()
        .try_for_each(|url| writeln!(out, "  {url}  (wants a login)"))?;
    camera
        .notes
        .iter()
        .try_for_each(|note| writeln!(out, "  - {note}"))
}

fn closing(cameras: &[Found], out: &mut impl io::Write) -> io::Result<()> {
    let profiles = cameras
        .iter()
        .flat_map(|one| one.profiles.iter().map(|profile| &profile.url));
    let url = profiles
        .chain(cameras.iter().flat_map(|one| &one.streams))
        .next();
    match (url, cameras.is_empty()) {
        (Some(url), _) => writeln!(
            out,
            "\nnext: edge-agent probe {url} --picture look.html --id NAME --write cameras.d"
        ),
        (None, false) => Ok(()),
        (None, true) => writeln!(
            out,
            "no camera answered: is this machine on their network (--interface), is ONVIF switched on in them? A camera whose address is \
             known can be asked with --host ADDRESS"
        ),
    }
}
