//! The broker as `deploy/broker` sets it up: TLS on both sides, and each node held to its own topics.

#![expect(clippy::unwrap_used, reason = "a failing step of a test ends it")]

use std::path::Path;

use tests::harness::{
    Broker, Centre, Certificates, Leash, Node, NodeConfig, PATIENCE, WatchedCamera, free_port,
    wait_for, workspace,
};

/// Starts the shipped configuration with the paths and the port of this test.
fn start_broker(folder: &Path) -> Broker {
    let certificates = folder.join("certs");
    let home = folder.join("broker");
    let shipped =
        std::fs::read_to_string(workspace().join("deploy/broker/mosquitto.conf")).unwrap();
    let places = [
        ("/etc/mosquitto/certs", certificates.display().to_string()),
        (
            "/etc/mosquitto/safecity.acl",
            workspace().join("deploy/broker/acl").display().to_string(),
        ),
    ];
    let mut config = shipped;
    for (place, here) in places {
        assert!(config.contains(place), "no {place} in mosquitto.conf");
        config = config.replace(place, &here);
    }
    assert!(config.contains("listener 8883\n"));
    Broker::start_with(&home, Leash::Drop, |port| {
        let here = config.replace("listener 8883\n", &format!("listener {port} 127.0.0.1\n"));
        // As Debian's own mosquitto.conf, which includes ours, says it.
        format!("{here}persistence_location {}/\n", home.display())
    })
    .unwrap()
}

/// A node with one camera that nobody answers for: it has a status and figures to tell.
fn node(name: &str, broker: &Broker, certificates: Certificates) -> NodeConfig {
    let url = format!("rtsp://127.0.0.1:{}/", free_port().unwrap());
    let mut config = NodeConfig::new(name, broker.port(), vec![WatchedCamera::new("cam", url)]);
    config.certificates = Some(certificates);
    config
}

fn start(folder: &Path, config: &NodeConfig) -> Node {
    Node::start(&folder.join(&config.path[2]), config, Leash::Drop).unwrap()
}

/// Waits until the node says why it has no connection.
fn wait_for_words(node: &mut Node, words: &str) {
    let log = node.process.log().to_owned();
    wait_for(words, PATIENCE, &mut [&mut node.process], || {
        let said = std::fs::read_to_string(&log)?;
        Ok(said.contains(words).then_some(()))
    })
    .unwrap();
}

#[test]
fn only_who_is_certified_speaks_and_only_for_itself() {
    let folder = tempfile::tempdir().unwrap();
    let certs = folder.path().join("certs");
    for words in [
        &["ca"][..],
        &["broker", "127.0.0.1"],
        &["centre"],
        &["node", "test/street/honest"],
    ] {
        Certificates::make(&certs, words).unwrap();
    }
    let broker = start_broker(folder.path());
    let of_centre = Certificates::of(&certs, "centre");
    let of_node = Certificates::of(&certs, "test/street/honest");
    let nobody = Certificates {
        own: None,
        ..of_node.clone()
    };
    let home = folder.path().join("centre");
    let mut centre =
        Centre::start_with(&home, broker.port(), Some(&of_centre), Leash::Drop).unwrap();
    centre.sign_in().unwrap();

    let mut stranger = start(folder.path(), &node("stranger", &broker, nobody));
    let mut impostor = start(folder.path(), &node("impostor", &broker, of_node.clone()));
    let mut config = node("honest", &broker, of_node);
    config.command_keys = vec![centre.command_key().unwrap()];
    let mut honest = start(folder.path(), &config);
    wait_for(
        "the honest node",
        PATIENCE,
        &mut [&mut honest.process],
        || {
            let nodes = centre.ask("/api/nodes", None)?.to_string();
            Ok((nodes.contains("\"honest\"") && nodes.contains("\"online\"")).then_some(()))
        },
    )
    .unwrap();
    wait_for_words(&mut impostor, "cause=\"authentication\"");
    wait_for_words(&mut stranger, "cause=\"tls\"");

    // The centre may give orders through the access list, and the node may hear and answer them.
    let ask = serde_json::json!({"kind": "snapshot", "camera": "cam"});
    let path = "/api/nodes/test/street/honest/commands";
    centre.ask(path, Some(&ask)).unwrap();
    wait_for("an answer", PATIENCE, &mut [&mut honest.process], || {
        let nodes = centre.ask("/api/nodes", None)?.to_string();
        Ok(nodes.contains("has shown no picture yet").then_some(()))
    })
    .unwrap();

    let nodes = centre.ask("/api/nodes", None).unwrap().to_string();
    assert!(
        !nodes.contains("impostor") && !nodes.contains("stranger"),
        "{nodes}"
    );
}
