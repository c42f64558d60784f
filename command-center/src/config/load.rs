//! From a file to [`Settings`]: all problems at once, each with its line and key, secrets read by path or name.

use std::{
    env, fmt, fs,
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    time::Duration,
};

use toml::de::DeTable;

use crate::{
    command::Signer,
    originals::{Originals, SealKey},
};

use super::{
    settings::{MqttSettings, Secret, Settings, Tls, WebSettings},
    table::{Located, Problem, Problems, Table, line_of},
};

const DEFAULT_LISTEN: &str = "127.0.0.1:8088";
const DEFAULT_CLIENT_ID: &str = "safecity-centre";
const DEFAULT_SILENT_AFTER: Duration = Duration::from_secs(60);
const DEFAULT_EVIDENCE_MAX: u64 = 64 << 20;

/// Why there are no settings.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file cannot be read.
    #[error("{}: {source}; give another with --config", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// It can be read, but not run on.
    #[error("{}", Listed(path, problems))]
    Invalid {
        /// Which file.
        path: PathBuf,
        /// All that is wrong with it, in the order of the file.
        problems: Vec<Problem>,
    },
}

struct Listed<'a>(&'a Path, &'a [Problem]);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, problem) in self.1.iter().enumerate() {
            let end = if i == 0 { "" } else { "\n" };
            write!(f, "{end}{}:{problem}", self.0.display())?;
        }
        Ok(())
    }
}

/// Reads and checks a configuration file. Paths in it are relative to its folder.
///
/// # Errors
/// [`LoadError`] with every problem of the file.
pub fn load(path: &Path) -> Result<Settings, LoadError> {
    let text = fs::read_to_string(path).map_err(|source| LoadError::Unreadable {
        path: path.to_owned(),
        source,
    })?;
    let folder = path.parent().unwrap_or(Path::new(""));
    parse(&text, folder).map_err(|problems| LoadError::Invalid {
        path: path.to_owned(),
        problems,
    })
}

/// Checks the text of a configuration whose paths are relative to `folder`.
///
/// # Errors
/// Every problem, in the order of the file.
pub fn parse(text: &str, folder: &Path) -> Result<Settings, Vec<Problem>> {
    let mut problems = Problems::default();
    let (document, broken) = DeTable::parse_recoverable(text);
    for error in broken {
        let offset = error.span().map_or(0, |span| span.start);
        problems.add(line_of(text, offset), "", error.message());
    }
    let settings = if problems.0.is_empty() {
        let mut root = Table::root(text, document.into_inner());
        let settings = read(&mut root, folder, &mut problems);
        root.finish(&mut problems);
        settings
    } else {
        None
    };
    match settings {
        Some(settings) if problems.0.is_empty() => Ok(settings),
        _ => {
            problems.0.sort_by_key(|p| p.line);
            Err(problems.0)
        }
    }
}

fn read(root: &mut Table<'_>, folder: &Path, problems: &mut Problems) -> Option<Settings> {
    let data_dir = root.text("data_dir", problems);
    if data_dir.is_none() && !problems.0.iter().any(|p| p.key == "data_dir") {
        problems.add(
            1,
            "data_dir",
            "is missing: name a folder for the database and the evidence",
        );
    }
    let node_silent_after = root.duration("node_silent_after", problems);
    let evidence_max_bytes = root.number("evidence_max_bytes", 1024..=(1 << 32), problems);
    let mut commands = root.table("commands", problems);
    let signer = read_signer(&mut commands, folder, problems);
    commands.finish(problems);
    let mut originals = root.table("originals", problems);
    let who = read_originals(&mut originals, folder, problems);
    originals.finish(problems);
    let mut metrics = root.table("metrics", problems);
    let metrics_listen = read_metrics(&mut metrics, problems);
    metrics.finish(problems);
    let web = read_web(root.table("web", problems), problems);
    let mut mqtt = root.table("mqtt", problems);
    let mqtt_settings = read_mqtt(&mut mqtt, folder, problems);
    mqtt.finish(problems);
    Some(Settings {
        data_dir: folder.join(data_dir?.value),
        node_silent_after: node_silent_after.unwrap_or(DEFAULT_SILENT_AFTER),
        evidence_max_bytes: evidence_max_bytes.unwrap_or(DEFAULT_EVIDENCE_MAX),
        signer,
        originals: who,
        metrics_listen,
        web: web?,
        mqtt: mqtt_settings?,
    })
}

fn read_signer(commands: &mut Table<'_>, folder: &Path, problems: &mut Problems) -> Option<Signer> {
    let file = commands.text("key_file", problems)?;
    Signer::read(&folder.join(&file.value))
        .map_err(|why| problems.add(file.line, file.key, why.to_string()))
        .ok()
}

fn read_originals(
    originals: &mut Table<'_>,
    folder: &Path,
    problems: &mut Problems,
) -> Option<Originals> {
    let role = originals.text("role", problems);
    let users = originals.texts("users", problems);
    let file = originals.text("key_file", problems);
    let key = file.as_ref().and_then(|file| {
        SealKey::read(&folder.join(&file.value))
            .map_err(|why| problems.add(file.line, file.key.clone(), why.to_string()))
            .ok()
    });
    let Some(users) = users else {
        if let Some(lonely) = role.or(file) {
            problems.add(lonely.line, lonely.key, "needs originals.users beside it");
        }
        return None;
    };
    let Some(role) = role else {
        problems.add(users.line, users.key, "needs originals.role beside it");
        return None;
    };
    match role.value.parse() {
        Ok(name) => Some(Originals {
            role: name,
            users: users.value.into_iter().collect(),
            key,
        }),
        Err(why) => {
            problems.add(role.line, role.key, format!("{:?} {why}", role.value));
            None
        }
    }
}

fn read_metrics(metrics: &mut Table<'_>, problems: &mut Problems) -> Option<SocketAddr> {
    let listen = metrics.text("listen", problems)?;
    match listen.value.parse::<SocketAddr>() {
        Ok(address) if address.ip().is_loopback() => Some(address),
        _ => {
            let what = format!(
                "expected a loopback address with a port such as \"127.0.0.1:9465\", found {:?}",
                listen.value
            );
            problems.add(listen.line, listen.key, what);
            None
        }
    }
}

fn read_web(mut web: Table<'_>, problems: &mut Problems) -> Option<WebSettings> {
    let listen = web.text("listen", problems).unwrap_or_else(|| Located {
        line: web.line(),
        key: web.name("listen"),
        value: DEFAULT_LISTEN.to_owned(),
    });
    let tls_in_front = web.flag("tls_in_front", problems);
    let insecure_http = web.flag("insecure_http", problems);
    web.finish(problems);
    let Ok(address) = listen.value.parse::<SocketAddr>() else {
        problems.add(
            listen.line,
            listen.key,
            format!(
                "expected address:port such as \"{DEFAULT_LISTEN}\", found {:?}",
                listen.value
            ),
        );
        return None;
    };
    if !address.ip().is_loopback() && !tls_in_front && !insecure_http {
        problems.add(
            listen.line,
            listen.key,
            format!(
                "passwords would cross the network in clear on {address}: put a TLS proxy in front and set \
                 web.tls_in_front = true, or accept it with web.insecure_http = true"
            ),
        );
        return None;
    }
    Some(WebSettings {
        listen: address,
        tls_in_front,
    })
}

fn read_mqtt(mqtt: &mut Table<'_>, folder: &Path, problems: &mut Problems) -> Option<MqttSettings> {
    let host = mqtt.text("host", problems);
    if host.is_none() && !problems.0.iter().any(|p| p.key == "mqtt.host") {
        problems.add(mqtt.line(), "mqtt.host", "is missing: name the broker");
    }
    let port = mqtt.number("port", 1..=65535, problems);
    let client_id = mqtt.text("client_id", problems);
    let login = read_login(mqtt, folder, problems);
    let tls = read_tls(mqtt, folder, problems);
    let insecure = mqtt.flag("insecure_plaintext", problems);
    let host = host?;
    let tls = tls?;
    if matches!(tls, Tls::Plaintext) && !insecure && !is_loopback(&host.value) {
        problems.add(
            host.line,
            host.key,
            format!(
                "incidents and the login would cross the network in clear to {:?}: set mqtt.ca_file, or accept it \
                 with mqtt.insecure_plaintext = true",
                host.value
            ),
        );
        return None;
    }
    let usual = if matches!(tls, Tls::Plaintext) {
        1883
    } else {
        8883
    };
    Some(MqttSettings {
        host: host.value,
        port: port.and_then(|p| u16::try_from(p).ok()).unwrap_or(usual),
        client_id: client_id.map_or_else(|| DEFAULT_CLIENT_ID.to_owned(), |id| id.value),
        login: login?,
        tls,
    })
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// `None` where something is wrong; `Some(None)` where no login is wanted.
fn read_login(
    mqtt: &mut Table<'_>,
    folder: &Path,
    problems: &mut Problems,
) -> Option<Option<(String, Secret)>> {
    let before = problems.0.len();
    let username = mqtt.text("username", problems);
    let file = mqtt.text("password_file", problems);
    let variable = mqtt.text("password_env", problems);
    if problems.0.len() > before {
        return None;
    }
    match (username, file, variable) {
        (None, None, None) => Some(None),
        (Some(user), Some(file), None) => {
            let password = read_secret(folder, &file, problems)?;
            Some(Some((user.value, password)))
        }
        (Some(user), None, Some(variable)) => match env::var(&variable.value) {
            Ok(password) if !password.is_empty() => Some(Some((user.value, Secret::new(password)))),
            _ => {
                problems.add(
                    variable.line,
                    variable.key,
                    format!(
                        "environment variable {} is not set or empty",
                        variable.value
                    ),
                );
                None
            }
        },
        (Some(user), None, None) => {
            problems.add(
                user.line,
                user.key,
                "has no password: set mqtt.password_file or mqtt.password_env",
            );
            None
        }
        (_, Some(place), Some(_)) => {
            problems.add(
                place.line,
                place.key,
                "and mqtt.password_env are both set: keep one",
            );
            None
        }
        (None, Some(place), None) | (None, None, Some(place)) => {
            problems.add(place.line, place.key, "is set without mqtt.username");
            None
        }
    }
}

fn read_tls(mqtt: &mut Table<'_>, folder: &Path, problems: &mut Problems) -> Option<Tls> {
    let before = problems.0.len();
    let authority = mqtt.text("ca_file", problems);
    let certificate = mqtt.text("client_cert_file", problems);
    let key = mqtt.text("client_key_file", problems);
    let identity = match (certificate, key) {
        (None, None) => None,
        (Some(certificate), Some(key)) => {
            read_bytes(folder, &certificate, problems).zip(read_secret(folder, &key, problems))
        }
        (Some(place), None) | (None, Some(place)) => {
            problems.add(
                place.line,
                place.key,
                "is set alone: mqtt.client_cert_file and mqtt.client_key_file belong together",
            );
            None
        }
    };
    let tls = match authority {
        Some(place) => Tls::Verified {
            authority: read_bytes(folder, &place, problems).unwrap_or_default(),
            identity,
        },
        None if identity.is_some() => {
            problems.add(
                mqtt.line(),
                "mqtt.client_cert_file",
                "is set without mqtt.ca_file: a certificate is shown over TLS only",
            );
            return None;
        }
        None => Tls::Plaintext,
    };
    (problems.0.len() == before).then_some(tls)
}

fn read_bytes(folder: &Path, place: &Located<String>, problems: &mut Problems) -> Option<Vec<u8>> {
    let path = folder.join(&place.value);
    match fs::read(&path) {
        Ok(bytes) => Some(bytes),
        Err(error) => {
            problems.add(
                place.line,
                place.key.clone(),
                format!("{}: {error}", path.display()),
            );
            None
        }
    }
}

fn read_secret(folder: &Path, place: &Located<String>, problems: &mut Problems) -> Option<Secret> {
    let bytes = read_bytes(folder, place, problems)?;
    let text = String::from_utf8(bytes)
        .ok()
        .map(|t| t.trim_end_matches(['\r', '\n']).to_owned());
    match text {
        Some(text) if !text.is_empty() => Some(Secret::new(text)),
        _ => {
            problems.add(
                place.line,
                place.key.clone(),
                "the file is empty or not text",
            );
            None
        }
    }
}
