//! Somebody draws a zone in the console, sees what it would have raised, and sends it: the node goes by it.

#![expect(
    clippy::unwrap_used,
    reason = "a failing step of a test ends it and says why"
)]

use std::{env, path::Path, process::Command};

use camera_sim::serve::{CameraSettings, Server, ServerSettings};
use serde_json::{Value, json};
use tests::harness::{
    Leash, Node, NodeConfig, PATIENCE, Town, WatchedCamera, clip_of_a_day, wait_for, workspace,
};

const CONFIG: &str = "/api/nodes/test/street/door/config";

/// What the browser does; see there.
fn editor(town: &Town, token: &str) -> Command {
    let scripts = workspace().join("command-center/browser-tests");
    let screenshots = env::var_os("SAFECITY_SCREENSHOTS").map_or_else(
        || Path::new(env!("CARGO_TARGET_TMPDIR")).join("editor"),
        Into::into,
    );
    std::fs::create_dir_all(&screenshots).unwrap();
    let mut command = Command::new("node");
    command.arg("editor.mjs").current_dir(scripts);
    command.env("BASE_URL", town.centre.url());
    command.env("FIRST_ADMIN_TOKEN", token);
    command.env("SCREENSHOTS", screenshots);
    command
}

#[test]
fn what_is_drawn_in_the_console_is_what_the_node_goes_by() {
    if env::var_os("SAFECITY_SKIP_BROWSER").is_some_and(|v| v == "1") {
        println!("skipped: SAFECITY_SKIP_BROWSER=1");
        return;
    }
    let mut town = Town::start().unwrap();
    let clip = clip_of_a_day().unwrap();
    let camera = CameraSettings::new("a", &clip);
    let settings = ServerSettings::loopback(town.folder().join("cache"), vec![camera]);
    let server = Server::start(settings).unwrap();
    let watched = WatchedCamera::new("a", server.url("a"))
        .with("name = \"Bank door\"\nanalysis_fps = 5.0\nreel = \"0s\"")
        .unwrap();
    let mut config = NodeConfig::new("door", town.broker.port(), vec![watched]);
    config.command_keys = vec![town.centre.command_key().unwrap()];
    let mut node = Node::start(&town.folder().join("node"), &config, Leash::Drop).unwrap();
    let token = town.centre.first_admin_token().unwrap();
    let mut browser = editor(&town, &token).spawn().expect("node is needed");
    let done = wait_for(
        "the browser's part",
        PATIENCE * 4,
        &mut [&mut node.process],
        || Ok(browser.try_wait()?),
    );
    if done.is_err() {
        drop(browser.kill());
    }
    assert!(done.unwrap().success(), "the browser's part failed");

    town.centre.sign_in().unwrap();
    let told = town.centre.ask(CONFIG, None).unwrap();
    let (pushed, reported) = (&told["pushed"], &told["reported"]);
    assert_eq!(reported["push"]["push"], pushed["push"], "{told:#}");
    assert_eq!(reported["push"]["stage"], "confirmed");
    assert_eq!(told["good"], *pushed);
    let camera = &reported["cameras"]["a"];
    // The second push took the zone away, and with it the rule; what the first one drew besides is still there.
    assert_eq!(camera["zones"], json!([]), "{camera:#}");
    assert_eq!(camera["lines"][0]["id"], "line-1");
    assert_eq!(camera["rules"][0]["enabled"], false, "{camera:#}");
    let running = town.centre.ask("/api/nodes", None).unwrap();
    let revision = &running["nodes"][0]["config_revision"];
    assert_eq!(*revision, reported["revision"]);
    assert_ne!(*revision, Value::Null);
}
