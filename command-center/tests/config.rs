//! The configuration file: all that is wrong with it, each with its line and key.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "what helps a test may fail like one"
)]

use std::path::Path;

use command_center::config::{self, settings::Tls};

fn problems(text: &str) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let problems = config::parse(text, folder.path()).unwrap_err();
    let folder = folder.path().display().to_string();
    problems
        .iter()
        .map(|p| p.to_string().replace(&folder, "FOLDER"))
        .collect()
}

#[test]
fn the_smallest_file_is_enough_on_one_machine() {
    let text = "data_dir = \"data\"\n[mqtt]\nhost = \"localhost\"\n";
    let settings = config::parse(text, Path::new("/etc/safecity")).unwrap();
    assert_eq!(settings.data_dir, Path::new("/etc/safecity/data"));
    assert_eq!(settings.web.listen.to_string(), "127.0.0.1:8088");
    assert_eq!(
        (settings.mqtt.port, settings.mqtt.client_id.as_str()),
        (1883, "safecity-centre")
    );
    assert!(matches!(settings.mqtt.tls, Tls::Plaintext));
}

#[test]
fn the_example_is_valid() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../config/command-center.example.toml");
    config::load(&path).unwrap();
}

#[test]
fn all_problems_come_at_once_in_the_order_of_the_file() {
    let text = r#"data_dir = 7
node_silent_after = "soon"
colour = "blue"
[web]
listen = "everywhere"
[mqtt]
port = 70000
username = "centre"
client_cert_file = "centre.pem"
tls = true
"#;
    insta::assert_snapshot!(problems(text).join("\n"), @r#"
    1: data_dir: expected text in quotes, found an integer
    2: node_silent_after: expected a duration such as "30s", "5m" or "2h", found "soon"
    3: colour: unknown key; known here: data_dir, node_silent_after, evidence_max_bytes, commands, originals, metrics, web, mqtt
    5: web.listen: expected address:port such as "127.0.0.1:8088", found "everywhere"
    6: mqtt.host: is missing: name the broker
    7: mqtt.port: expected a whole number from 1 to 65535, found 70000
    8: mqtt.username: has no password: set mqtt.password_file or mqtt.password_env
    9: mqtt.client_cert_file: is set alone: mqtt.client_cert_file and mqtt.client_key_file belong together
    10: mqtt.tls: unknown key; known here: host, port, client_id, username, password_file, password_env, ca_file, client_cert_file, client_key_file, insecure_plaintext
    "#);
}

#[test]
fn text_that_is_no_toml_is_located() {
    let found = problems("data_dir = \"data\"\n[mqtt\nhost = 1\n");
    assert!(found[0].starts_with("2: "), "{found:?}");
}

#[test]
fn passwords_do_not_cross_a_network_in_clear_unless_somebody_says_so() {
    let web = "data_dir = \"d\"\n[web]\nlisten = \"0.0.0.0:80\"\n[mqtt]\nhost = \"127.0.0.1\"\n";
    assert!(problems(web)[0].starts_with("3: web.listen: passwords would cross"));
    let accepted = web.replace("[mqtt]", "tls_in_front = true\n[mqtt]");
    assert!(
        config::parse(&accepted, Path::new(""))
            .unwrap()
            .web
            .tls_in_front
    );
    let mqtt = "data_dir = \"d\"\n[mqtt]\nhost = \"broker.example\"\n";
    assert!(problems(mqtt)[0].starts_with("3: mqtt.host: incidents and the login"));
    let accepted = format!("{mqtt}insecure_plaintext = true\n");
    assert!(config::parse(&accepted, Path::new("")).is_ok());
}

#[test]
fn a_password_comes_from_a_file_and_no_log_shows_it() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("password"), "hunter2hunter2\n").unwrap();
    let text = "data_dir = \"d\"\n[mqtt]\nhost = \"::1\"\nusername = \"centre\"\npassword_file = \"password\"\n";
    let settings = config::parse(text, folder.path()).unwrap();
    let (user, password) = settings.mqtt.login.clone().unwrap();
    assert_eq!(
        (user.as_str(), password.reveal()),
        ("centre", "hunter2hunter2")
    );
    assert!(!format!("{settings:?}").contains("hunter2"));
}
