//! From files to [`Settings`]: reads, checks the whole and reports every problem at once.

use std::{net::SocketAddr, path::Path, time::Duration};

use protocol::{Name, NodePath, PinnedKey};

use super::{
    camera,
    check::{Check, Environment},
    layers::Layers,
    mqtt::is_loopback,
    problem::{At, ConfigErrors, Source},
    pushed::Pushed,
    raw::{RawCamera, RawCommands, RawFile, RawHttp, RawInference, RawMqtt, RawNode, RawSpool},
    reader::Field,
    settings::{CameraSettings, InferenceSettings, MqttSettings, Settings, Tls},
};
use crate::{
    inference::{folders::ModelFolders, provider::Provider},
    sink::Caps,
    spool::{Class, LOG, Quota},
};

/// Largest spool: 1 TiB.
const MAX_SPOOL_MIB: u64 = 1 << 20;

/// Largest budget of the link: 1 PiB.
const MAX_CAP_MIB: u64 = 1 << 30;

/// Reads and checks `path` and the files of `cameras.d/` beside it.
///
/// # Errors
/// [`ConfigErrors::Unreadable`] if a file cannot be read, [`ConfigErrors::Wrong`] with all problems otherwise.
pub fn load(path: &Path) -> Result<Settings, ConfigErrors> {
    load_with(path, &|name| std::env::var(name).ok())
}

/// As [`load`], with environment variables from `environment`.
///
/// # Errors
/// As [`load`].
pub fn load_with(path: &Path, environment: Environment<'_>) -> Result<Settings, ConfigErrors> {
    check(Layers::read(path, &Pushed::default())?, environment)
}

/// As [`load`], under what a centre has pushed.
///
/// # Errors
/// As [`load`].
pub fn load_under(path: &Path, pushed: &Pushed) -> Result<Settings, ConfigErrors> {
    let environment = |name: &str| std::env::var(name).ok();
    check(Layers::read(path, pushed)?, &environment)
}

/// As [`load_with`], of a text in place of a file that would stand at `path`; there is no `cameras.d/`.
///
/// # Errors
/// [`ConfigErrors::Wrong`] with all problems.
pub fn load_text(
    path: &Path,
    text: String,
    environment: Environment<'_>,
) -> Result<Settings, ConfigErrors> {
    let dir = path.parent().unwrap_or(Path::new("")).to_owned();
    let layers = Layers::of(dir, Source::new(path, text), Vec::new(), &Pushed::default());
    check(layers, environment)
}

/// The settings that the layers make.
///
/// # Errors
/// [`ConfigErrors::Wrong`] with all problems.
pub(super) fn check(
    layers: Layers,
    environment: Environment<'_>,
) -> Result<Settings, ConfigErrors> {
    let revision = layers.revision();
    let Layers {
        dir,
        file,
        cameras: raw_cameras,
        idle,
        mut drawn,
        problems,
        ..
    } = layers;
    let mut check = Check {
        dir: &dir,
        environment,
        problems,
    };
    let settings = file.as_ref().and_then(|file| {
        let mut cameras = check.cameras(&raw_cameras, file);
        for camera in &mut cameras {
            let id = camera.id.as_str();
            camera.idle_rules = idle.get(id).cloned().unwrap_or_default();
            camera.typed = drawn.remove(id).unwrap_or_default();
        }
        check.file(file, cameras, revision)
    });
    let mut problems = check.problems;
    match settings {
        Some(settings) if problems.is_empty() => Ok(settings),
        _ => {
            problems.sort();
            problems.dedup();
            Err(ConfigErrors::Wrong(problems))
        }
    }
}

impl Check<'_> {
    fn file(
        &mut self,
        file: &At<RawFile>,
        cameras: Vec<CameraSettings>,
        revision: String,
    ) -> Option<Settings> {
        let node = file
            .node
            .required(&file.place, "node", &mut self.problems)
            .cloned();
        let mqtt = file
            .mqtt
            .required(&file.place, "mqtt", &mut self.problems)
            .cloned();
        let node = node.and_then(|node| self.node(&node));
        let mqtt = mqtt.and_then(|mqtt| self.mqtt(&mqtt, node.as_ref()));
        let inference = self.inference(file.inference.given());
        let spool = self.spool(file.spool.given());
        let command_keys = self.command_keys(file.commands.given());
        let archive = self.archive(file.archive.given());
        let replay = self.replay(file.replay.given(), &archive);
        let http = file.http.given().and_then(|http| self.http(http));
        Some(Settings {
            revision,
            node: node?,
            state_dir: self.path(&file.state_dir.or("/var/lib/safecity/edge-agent".into())),
            spool,
            mqtt: mqtt?,
            inference,
            command_keys,
            archive,
            replay,
            cameras,
            http,
        })
    }

    fn command_keys(&mut self, raw: Option<&At<RawCommands>>) -> Vec<PinnedKey> {
        let keys = raw.and_then(|raw| raw.keys.given());
        let keys = keys.into_iter().flat_map(|keys| &keys.value);
        keys.filter_map(|key| match key.value.parse() {
            Ok(pinned) => Some(pinned),
            Err(why) => self.refuse(
                key,
                format!("{why}, as `command-center key show` prints it"),
            ),
        })
        .collect()
    }

    fn cameras(&mut self, raw: &[At<RawCamera>], file: &At<RawFile>) -> Vec<CameraSettings> {
        if raw.is_empty() && !matches!(file.cameras, Field::Faulty) {
            self.problems.push(file.place.of_key("cameras").problem(
                "no camera is configured: write a [[cameras]] table here or in a file of cameras.d",
            ));
        }
        let ids = raw.iter().filter_map(|camera| camera.value.id.given());
        self.unique("camera", ids);
        raw.iter()
            .filter_map(|raw| camera::check(self, raw))
            .collect()
    }

    fn node(&mut self, raw: &At<RawNode>) -> Option<NodePath> {
        let region = raw
            .region
            .required(&raw.place, "region", &mut self.problems)
            .cloned();
        let site = raw
            .site
            .required(&raw.place, "site", &mut self.problems)
            .cloned();
        let node = raw
            .name
            .required(&raw.place, "name", &mut self.problems)
            .cloned();
        let region = region.and_then(|r| self.name(&r));
        let site = site.and_then(|s| self.name(&s));
        let node = node.and_then(|n| self.name(&n));
        Some(NodePath {
            region: region?,
            site: site?,
            node: node?,
        })
    }

    fn mqtt(&mut self, raw: &At<RawMqtt>, node: Option<&NodePath>) -> Option<MqttSettings> {
        let login = self
            .login(&raw.place, &raw.user, &raw.password_file, &raw.password_env)
            .unwrap_or_else(|problem| {
                self.problems.push(problem);
                None
            });
        let tls = self.mqtt_tls(&raw.value);
        let websocket = self.websocket(&raw.value);
        let brokers = self.brokers(raw, &tls, websocket.is_some())?;
        let plain_abroad = matches!(tls, Tls::Off) && brokers.iter().any(|b| !is_loopback(&b.host));
        Some(MqttSettings {
            client_id: match raw.client_id.given() {
                Some(id) => id.value.clone(),
                None => node
                    .map(|n| n.to_string().replace('/', "-"))
                    .unwrap_or_default(),
            },
            brokers,
            probe_every: self.duration(&raw.probe_every, 1, 3600, Duration::from_secs(20)),
            version: self.mqtt_version(&raw.version),
            websocket,
            login,
            tls,
            keep_alive: self.duration(&raw.keep_alive, 5, 3600, Duration::from_secs(30)),
            bytes_per_second: raw.bytes_per_second.given().map(|_| {
                let rate = self.number(&raw.bytes_per_second, 1000..=1_000_000_000, 1000);
                u32::try_from(rate).unwrap_or(u32::MAX)
            }),
            onvif_prefix: self.onvif_prefix(&raw.onvif_prefix),
            caps: Caps {
                day: self.cap(&raw.mib_per_day),
                month: self.cap(&raw.mib_per_month),
            },
            insecure: if plain_abroad {
                vec!["mqtt_plaintext".to_owned()]
            } else {
                Vec::new()
            },
        })
    }

    fn onvif_prefix(&mut self, prefix: &Field<String>) -> Option<String> {
        let prefix = prefix.given()?;
        let level = |level: &str| level.parse::<Name>().is_ok();
        if prefix.value.split('/').all(level) {
            return Some(prefix.value.clone());
        }
        self.refuse(
            prefix,
            "must be levels of a topic such as \"city/vms\", without + # $ and white space",
        )
    }

    /// A bound in MiB as bytes.
    fn cap(&mut self, mib: &Field<u64>) -> Option<u64> {
        mib.given()?;
        Some(self.number(mib, 1..=MAX_CAP_MIB, 1) << 20)
    }

    fn inference(&mut self, raw: Option<&At<RawInference>>) -> InferenceSettings {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let Some(raw) = raw else {
            return InferenceSettings {
                runtime: None,
                provider: Provider::default(),
                sessions: cores,
                ladder: true,
                folders: ModelFolders::new(None, Vec::new()),
            };
        };
        let models = raw.models_dir.given().map(|at| self.path(&at.value));
        let weights = raw.weights_dirs.given().map(|list| {
            let folders = list.iter().map(|at| self.path(&at.value));
            folders.collect()
        });
        InferenceSettings {
            runtime: raw.runtime.given().map(|at| self.path(&at.value)),
            provider: self.provider(&raw.provider),
            sessions: self.number(&raw.sessions, 1..=64, cores as u64) as usize,
            ladder: raw.ladder.or(true),
            folders: ModelFolders::new(models, weights.unwrap_or_default()),
        }
    }

    fn provider(&mut self, raw: &Field<String>) -> Provider {
        let provider = raw.given().and_then(|at| {
            let known = Provider::ALL.map(|p| format!("{:?}", p.name())).join(", ");
            Provider::named(&at.value)
                .or_else(|| self.refuse(at, format!("{:?} is none of {known}", at.value)))
        });
        provider.unwrap_or_default()
    }

    fn spool(&mut self, raw: Option<&At<RawSpool>>) -> Quota {
        let default = Quota::default();
        let Some(At { value: raw, .. }) = raw else {
            return default;
        };
        let mib = |bytes: u64| bytes >> 20;
        let total = self.number(&raw.total_mib, 32..=MAX_SPOOL_MIB, mib(default.total + LOG));
        // Half of a small spool: pictures are to have a place in it.
        let usual = mib(default.reserved).min(total / 2);
        let most = total - mib(LOG);
        let reserved = self.number(&raw.reserved_mib, 0..=most, usual);
        let mut quota = Quota {
            total: (total << 20) - LOG,
            reserved: reserved << 20,
            ..default
        };
        for (class, field) in [
            (Class::Status, &raw.status_mib),
            (Class::Thumbnail, &raw.thumbnail_mib),
            (Class::Snapshot, &raw.snapshot_mib),
            (Class::Clip, &raw.clip_mib),
            (Class::Telemetry, &raw.telemetry_mib),
        ] {
            let usual = mib(quota.classes[class as usize]);
            quota.classes[class as usize] = self.number(field, 0..=MAX_SPOOL_MIB, usual) << 20;
        }
        quota
    }

    fn http(&mut self, raw: &At<RawHttp>) -> Option<SocketAddr> {
        let listen = raw
            .listen
            .required(&raw.place, "listen", &mut self.problems)?
            .clone();
        match listen.value.parse::<SocketAddr>() {
            Ok(address) if address.ip().is_loopback() => Some(address),
            Ok(_) => self.refuse(
                &listen,
                "is no loopback address: figures are served to this machine only",
            ),
            Err(_) => self.refuse(
                &listen,
                "must be an address and port such as \"127.0.0.1:9464\"",
            ),
        }
    }
}
