//! Some nodes at one broker, with a centre's key.

#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "each test uses a part; a failing step of it ends it and says why"
)]

use std::time::Duration;

use camera_sim::serve::Server;
use protocol::{
    CameraState, Command, CommandRequest, DesiredConfig, NodePath, PinnedKey, PushReport, Receipt,
    ReportedConfig, Topic, Trial,
};
use ring::signature::Ed25519KeyPair;
use tests::harness::{Broker, Leash, Node, NodeConfig, Recorder, Told, WatchedCamera, wait_for};
use uuid::Uuid;

/// Twenty nodes share two cores.
const LONG: Duration = Duration::from_secs(240);

pub(crate) fn key(seed: u8) -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap()
}

/// One node and what it says.
pub(crate) struct Site {
    pub(crate) path: NodePath,
    pub(crate) node: Node,
    /// Where its messages begin among those of all.
    pub(crate) heard: usize,
}

/// Some nodes at one broker, with one camera each.
pub(crate) struct City {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) recorder: Recorder,
    pub(crate) sites: Vec<Site>,
    _broker: Broker,
}

impl City {
    pub(crate) fn start(servers: &[&Server]) -> City {
        City::at_rate(servers, 1.0)
    }

    /// Cameras of which so many pictures a second are looked at.
    pub(crate) fn at_rate(servers: &[&Server], fps: f32) -> City {
        let folder = tempfile::tempdir().unwrap();
        let broker = Broker::start(&folder.path().join("broker"), Leash::Drop).unwrap();
        let recorder = Recorder::start(broker.port()).unwrap();
        let sites = servers.iter().enumerate().map(|(i, server)| {
            let name = format!("n{i:02}");
            let camera = WatchedCamera::new("a", server.url("a"));
            let camera = camera
                .with(&format!("analysis_fps = {fps:.1}\nreel = \"0s\""))
                .unwrap();
            let mut config = NodeConfig::new(&name, broker.port(), vec![camera]);
            config.command_keys = vec![PinnedKey::of(&key(1)).to_string()];
            let [region, site, node] = config.path.clone();
            Site {
                path: NodePath {
                    region: region.parse().unwrap(),
                    site: site.parse().unwrap(),
                    node: node.parse().unwrap(),
                },
                node: Node::start(&folder.path().join(&name), &config, Leash::Drop).unwrap(),
                heard: 0,
            }
        });
        let mut city = City {
            sites: sites.collect(),
            folder,
            recorder,
            _broker: broker,
        };
        for site in 0..city.sites.len() {
            city.wait(site, "a camera being watched", |told| match told {
                Told::Health(health) => health
                    .cameras
                    .iter()
                    .any(|c| c.state == CameraState::Watching),
                _ => false,
            });
        }
        city
    }

    pub(crate) fn push(
        &self,
        site: usize,
        number: u64,
        document: &str,
        trial: &Trial,
        key: &Ed25519KeyPair,
    ) {
        let node = self.sites[site].path.clone();
        let topic = node.topic(&Topic::DesiredConfig);
        let desired = DesiredConfig {
            push: Uuid::now_v7(),
            number,
            node,
            issued: protocol::now(),
            document: document.to_owned(),
            trial: trial.clone(),
        };
        self.recorder
            .leave(&topic, desired.sign(key).unwrap())
            .unwrap();
    }

    /// The first message of a node, from where it was looked at last, that is so.
    pub(crate) fn wait(&mut self, site: usize, what: &str, is_so: impl Fn(&Told) -> bool) -> Told {
        let recorder = &self.recorder;
        let Site { path, node, heard } = &mut self.sites[site];
        wait_for(
            &format!("{what} of {path}"),
            LONG,
            &mut [&mut node.process],
            || {
                let messages = recorder.messages_from(*heard);
                let mine = messages
                    .into_iter()
                    .enumerate()
                    .filter(|(_, m)| m.node.as_ref() == Some(path));
                let found = mine.map(|(i, m)| (i, m.told)).find(|(_, told)| is_so(told));
                Ok(found.map(|(i, told)| {
                    *heard += i;
                    told
                }))
            },
        )
        .unwrap()
    }

    /// What a node says once its push `number` has come to its end.
    pub(crate) fn end(&mut self, site: usize, number: u64) -> (ReportedConfig, PushReport) {
        let is_over = |told: &ReportedConfig| {
            told.push
                .as_ref()
                .is_some_and(|push| push.number == number && push.stage.is_final())
        };
        let told = self.wait(
            site,
            &format!("the end of push {number}"),
            |told| match told {
                Told::Config(told) => is_over(told),
                _ => false,
            },
        );
        match told {
            Told::Config(told) => (*told.clone(), told.push.clone().unwrap()),
            _ => unreachable!(),
        }
    }
}

/// What a node answers to a command.
pub(crate) fn answer(city: &mut City, site: usize, command: Command) -> Receipt {
    let (node, request) = (city.sites[site].path.clone(), Uuid::now_v7());
    let issued = protocol::now();
    let asked = CommandRequest {
        request,
        node: node.clone(),
        issued,
        expires: issued + Duration::from_secs(60),
        command,
    };
    let topic = node.topic(&Topic::Command { request });
    city.recorder
        .publish(&topic, asked.sign(&key(1)).unwrap())
        .unwrap();
    let told = city.wait(
        site,
        "a receipt",
        |told| matches!(told, Told::Receipt(receipt) if receipt.request == request),
    );
    match told {
        Told::Receipt(receipt) => *receipt,
        _ => unreachable!(),
    }
}
