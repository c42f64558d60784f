//! A node gets another configuration while it runs: what changed begins anew, all else goes on, and a bad one changes nothing.

#![expect(
    clippy::unwrap_used,
    reason = "a failing step of a test ends it and says why"
)]

use camera_sim::serve::{CameraSettings, Server, ServerSettings};
use protocol::{CameraState, Health, NodeStatus};
use tests::harness::{
    Leash, Node, NodeConfig, PATIENCE, Scene, Told, Town, WatchedCamera, free_port, wait_for,
};

const WHOLE: &str = "[[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]";
const CORNER: &str = "[[0.0, 0.0], [0.01, 0.0], [0.01, 0.01], [0.0, 0.01]]";

/// A camera with the rule `name`, whose zone is `polygon`.
fn camera(id: &str, server: &Server, name: &str, polygon: &str) -> WatchedCamera {
    let fragment = format!(
        "zones = [{{ id = \"z\", polygon = {polygon} }}]\n\
         rules = [{{ id = \"{name}\", kind = \"intrusion\", zone = \"z\" }}]\n"
    );
    let camera = WatchedCamera::new(id, server.url(id));
    camera.with(&fragment).unwrap()
}

fn last_status(town: &Town) -> Option<NodeStatus> {
    let mut messages = town.recorder.messages().into_iter().rev();
    messages.find_map(|message| match message.told {
        Told::Status(status) => Some(status),
        _ => None,
    })
}

struct Street {
    town: Town,
    node: Node,
}

impl Street {
    fn wait<T>(&mut self, what: &str, mut is_so: impl FnMut(&Town) -> Option<T>) -> T {
        let town = &self.town;
        wait_for(what, PATIENCE, &mut [&mut self.node.process], || {
            Ok(is_so(town))
        })
        .unwrap()
    }

    fn wait_health(&mut self, what: &str, is_so: impl Fn(&Health) -> bool) {
        self.wait(what, |town| {
            town.recorder.last_health().filter(|h| is_so(h))
        });
    }

    /// How often a camera was connected to since the agent began.
    fn connections(&self, id: &str) -> u32 {
        let page = self.node.page("/metrics").unwrap();
        let name = format!("safecity_edge_camera_connections_total{{camera=\"{id}\"}} ");
        let line = page.lines().find_map(|line| line.strip_prefix(&name));
        line.map_or(0, |count| count.parse().unwrap())
    }
}

fn watched(health: &Health) -> Vec<&str> {
    let cameras = health.cameras.iter();
    let cameras = cameras.filter(|camera| camera.state == CameraState::Watching);
    cameras.map(|camera| camera.id.as_str()).collect()
}

#[test]
fn what_changed_begins_anew_and_all_else_goes_on() {
    let town = Town::start().unwrap();
    let scene = Scene::rendered("crossroads").unwrap();
    let cameras = ["a", "b", "c"].map(|mount| CameraSettings::new(mount, &scene.clip));
    let cache = town.folder().join("cache");
    let server = Server::start(ServerSettings::loopback(cache, cameras.into())).unwrap();
    let cameras = vec![
        camera("a", &server, "first", CORNER),
        camera("b", &server, "other", CORNER),
    ];
    let mut config = NodeConfig::new("moody", town.broker.port(), cameras);
    config.http_port = Some(free_port().unwrap());
    let node = Node::start(&town.folder().join("node"), &config, Leash::Drop).unwrap();
    let mut street = Street { town, node };
    street.wait_health("both cameras", |health| watched(health) == ["a", "b"]);
    let before = street.wait("its status", last_status);

    // A bad one: said, and nothing changes.
    let mut bad = config.clone();
    bad.cameras[0] = camera("a", &server, "first", "[[0.0, 0.0], [1.0, 0.0]]");
    street.node.reload(&bad).unwrap();
    street.wait_health("the refusal", |health| {
        let fault = health
            .faults
            .iter()
            .find(|f| f.starts_with("config_rejected: "));
        fault.is_some_and(|f| f.contains("polygon: a polygon needs at least 3 points, found 2"))
    });
    assert_eq!(
        watched(&street.town.recorder.last_health().unwrap()),
        ["a", "b"]
    );

    // One whose model is not there: refused as well, although the file itself is right.
    let mut strange = config.clone();
    strange.cameras[0] = camera("a", &server, "first", WHOLE)
        .with("model = \"nowhere\"")
        .unwrap();
    street.node.reload(&strange).unwrap();
    street.wait_health("the second refusal", |health| {
        health
            .faults
            .iter()
            .any(|f| f.contains("camera a: model nowhere"))
    });
    assert_eq!(
        last_status(&street.town).unwrap().config_revision,
        before.config_revision
    );

    // A zone of one camera: its stream goes on, and so does the other camera.
    config.cameras[0] = camera("a", &server, "second", WHOLE);
    street.node.reload(&config).unwrap();
    let incident = street.wait("an incident of the new rule", |town| {
        let incidents = town.recorder.incidents().into_iter();
        incidents
            .map(|event| event.data)
            .find(|data| data.rule.id.as_str() == "second")
    });
    assert_eq!(incident.camera.id.as_str(), "a");
    let status = street.wait("its new revision", |town| {
        last_status(town).filter(|status| status.config_revision != before.config_revision)
    });
    assert_eq!(status.bootid, before.bootid);
    street.wait_health("no refusal", |health| health.faults.is_empty());
    assert_eq!((street.connections("a"), street.connections("b")), (1, 1));

    // One camera goes, one comes.
    config.cameras[1] = camera("c", &server, "other", CORNER);
    street.node.reload(&config).unwrap();
    street.wait_health("the third camera", |health| watched(health) == ["a", "c"]);
    assert_eq!((street.connections("a"), street.connections("c")), (1, 1));

    // A setting of the node itself: the agent begins anew in the same process.
    config.inference.insert("ladder".to_owned(), false.into());
    let process = street.node.process.id();
    street.node.reload(&config).unwrap();
    street.wait("another boot", |town| {
        last_status(town).filter(|status| status.bootid != before.bootid)
    });
    street.wait_health("both cameras again", |health| {
        health.bootid != before.bootid && watched(health) == ["a", "c"]
    });
    assert_eq!(street.node.process.id(), process);
    assert!(street.node.process.ended().unwrap().is_none());
}
