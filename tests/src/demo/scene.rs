//! What the demonstration shows: rendered scenes with their rules and their script, or a real camera.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, bail};
use camera_sim::serve::{ScriptedIncident, Server};
use serde::Deserialize;
use toml::Table;

use super::{screen::Screen, verdict::Rule};
use crate::harness::{WatchedCamera, binary, workspace};

/// The scenes that are shown where none is named.
const SCENES: [&str; 2] = ["crossroads", "school-gate"];

/// A clip with what a camera is told to watch for and what happens in it.
#[derive(Clone, Debug)]
pub(super) struct Scene {
    pub(super) mount: String,
    pub(super) title: String,
    pub(super) clip: PathBuf,
    /// Zones, lines and rules, as in a camera's configuration.
    settings: Table,
    pub(super) incidents: Vec<ScriptedIncident>,
}

#[derive(Deserialize)]
struct Incident {
    rule: String,
    start_s: f64,
    end_s: f64,
}

/// Loads scenes by name or folder, rendering those that have not been rendered before.
pub(super) fn load_all(
    names: &[String],
    screen: &mut Screen,
    interrupted: &dyn Fn() -> bool,
) -> anyhow::Result<Vec<Scene>> {
    let usual = SCENES.map(str::to_owned);
    let names = if names.is_empty() { &usual[..] } else { names };
    let mut scenes = Vec::new();
    for name in names {
        if interrupted() {
            break;
        }
        let folder = match Path::new(name).join("case.toml").is_file() {
            true => PathBuf::from(name),
            false => rendered(name, screen)?,
        };
        scenes.push(load(&folder)?);
    }
    Ok(scenes)
}

/// Renders a scene with its truth; the program keeps what it has rendered before.
fn rendered(name: &str, screen: &mut Screen) -> anyhow::Result<PathBuf> {
    let folder = workspace().join(".cache/demo").join(name);
    screen.say(format!(
        "scene {name}: rendering, unless it was rendered before"
    ))?;
    let done = Command::new(binary("camera-sim")?)
        .args(["case", name])
        .arg(&folder)
        .stdin(Stdio::null())
        .output()
        .context("camera-sim case")?;
    if !done.status.success() {
        bail!(
            "scene {name}: {}",
            String::from_utf8_lossy(&done.stderr).trim()
        );
    }
    Ok(folder)
}

fn load(folder: &Path) -> anyhow::Result<Scene> {
    let file = folder.join("case.toml");
    let text = std::fs::read_to_string(&file).with_context(|| file.display().to_string())?;
    let mut case: Table = text.parse().with_context(|| file.display().to_string())?;
    let mut settings = Table::new();
    for key in ["zones", "lines", "rules"] {
        if let Some(value) = case.remove(key) {
            settings.insert(key.to_owned(), value);
        }
    }
    let name = folder.canonicalize()?;
    let mount = name
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let text_of = |key: &str| case.get(key).and_then(|value| value.as_str());
    let mut scene = Scene {
        title: text_of("title").unwrap_or(&mount).to_owned(),
        clip: folder.join(text_of("clip").context("case.toml has no clip")?),
        mount,
        settings,
        incidents: Vec::new(),
    };
    let incidents = case
        .remove("incidents")
        .unwrap_or_else(|| toml::Value::Array(Vec::new()));
    let incidents: Vec<Incident> = incidents
        .try_into()
        .with_context(|| file.display().to_string())?;
    for incident in incidents {
        let rule = scene.rules().find(|rule| rule.id == incident.rule);
        let kind = rule
            .with_context(|| format!("{}: no rule {}", file.display(), incident.rule))?
            .kind;
        scene.incidents.push(ScriptedIncident {
            rule: incident.rule,
            kind,
            start_s: incident.start_s,
            end_s: incident.end_s,
        });
    }
    Ok(scene)
}

impl Scene {
    /// The rules that its camera is watched by.
    pub(super) fn rules(&self) -> impl Iterator<Item = Rule> {
        let rules = self
            .settings
            .get("rules")
            .and_then(|rules| rules.as_array());
        rules.into_iter().flatten().filter_map(|rule| {
            let text = |key: &str| Some(rule.get(key)?.as_str()?.to_owned());
            let seconds = rule.get("min_seconds");
            Some(Rule {
                camera: self.mount.clone(),
                id: text("id")?,
                kind: text("kind")?,
                min_seconds: seconds
                    .and_then(|s| s.as_float().or_else(|| s.as_integer().map(|s| s as f64)))
                    .unwrap_or_default(),
            })
        })
    }

    /// The node's camera that watches it.
    pub(super) fn watched(&self, server: &Server, model: Option<&str>) -> WatchedCamera {
        let mut camera = WatchedCamera::new(&self.mount, server.url(&self.mount));
        camera.more = self.settings.clone();
        camera
            .more
            .insert("name".to_owned(), self.title.clone().into());
        if let Some(model) = model {
            camera.more.insert("model".to_owned(), model.into());
        }
        camera
    }
}

/// A real camera with an intrusion rule over its whole picture. The login leaves the address here, so that it never
/// stands on a command line or in a log.
pub(super) fn real_camera(url: &str) -> anyhow::Result<WatchedCamera> {
    let Some((scheme, rest)) = url
        .split_once("://")
        .filter(|(s, _)| matches!(*s, "rtsp" | "rtsps"))
    else {
        bail!("CAMERA: expected rtsp://user:password@host/path or rtsps://...");
    };
    let authority = rest.split('/').next().unwrap_or(rest);
    let (login, place) = match authority.rfind('@') {
        Some(at) => (Some(&rest[..at]), &rest[at + 1..]),
        None => (None, rest),
    };
    let host = place.split(['/', '?']).next().unwrap_or(place);
    let port = host
        .rsplit(']')
        .next()
        .and_then(|tail| tail.split_once(':'));
    if host.is_empty() || port.is_some_and(|(_, port)| port.parse::<u16>().is_err()) {
        bail!(
            "CAMERA: no host and port where they should be; write odd characters of a login as %XX"
        );
    }
    let mut camera = WatchedCamera::new("camera", format!("{scheme}://{place}")).with(
        "zones = [{ id = \"picture\", polygon = [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]] }]\n\
         rules = [{ id = \"anything\", kind = \"intrusion\", zone = \"picture\" }]",
    )?;
    camera.login = login
        .map(|login| {
            let (user, password) = login.split_once(':').context(
                "CAMERA: the login has no password; expected rtsp://user:password@host/path",
            )?;
            anyhow::Ok((decoded(user)?, decoded(password)?))
        })
        .transpose()?;
    Ok(camera)
}

/// Undoes percent encoding, which is how an odd character gets into the login of an address.
fn decoded(text: &str) -> anyhow::Result<String> {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let byte = match byte {
            b'%' => {
                let digits: Vec<u8> = rest.by_ref().take(2).collect();
                let digits = std::str::from_utf8(&digits).unwrap_or_default();
                u8::from_str_radix(digits, 16).context("CAMERA: a % in the login that is no %XX")?
            }
            other => other,
        };
        bytes.push(byte);
    }
    String::from_utf8(bytes).context("CAMERA: the login is not UTF-8")
}

#[cfg(test)]
mod tests {
    use super::real_camera;

    #[test]
    fn a_login_leaves_the_address() {
        let camera =
            real_camera("rtsp://me:p%40ss:w/d@10.0.0.7:554/Streaming/101?x=a@b").unwrap_err();
        assert!(!camera.to_string().contains("p%40ss"), "{camera}");
        let camera = real_camera("rtsp://me:p%40s:s@10.0.0.7:554/Streaming/101?x=a@b").unwrap();
        assert_eq!(camera.url, "rtsp://10.0.0.7:554/Streaming/101?x=a@b");
        assert_eq!(camera.login, Some(("me".to_owned(), "p@s:s".to_owned())));
        let camera = real_camera("rtsp://10.0.0.7/stream?x=a@b").unwrap();
        assert_eq!(
            (camera.url.as_str(), camera.login),
            ("rtsp://10.0.0.7/stream?x=a@b", None)
        );
    }

    #[test]
    fn what_is_no_rtsp_address_is_refused_without_being_repeated() {
        for bad in [
            "http://me:secret@host/",
            "me:secret@host",
            "rtsp://secret@host/",
        ] {
            let error = format!("{:#}", real_camera(bad).unwrap_err());
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
