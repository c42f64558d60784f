//! Whom the sink believes: the broker's certificate, its host and its dates, and what it shows of itself.

use std::{fs, net::TcpListener, path::Path, process::Command, sync::Arc, thread};

use edge_agent::{
    config::settings::{MqttSettings, Tls},
    sink::{Cause, Link},
};
use rustls::{
    ServerConfig, ServerConnection,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
};

use super::{Node, mosquitto::Mosquitto, settings};

fn openssl(dir: &Path, arguments: &str) {
    let done = Command::new("openssl")
        .current_dir(dir)
        .args(arguments.split_whitespace())
        .output();
    let done = done.expect("openssl runs");
    assert!(
        done.status.success(),
        "{}",
        String::from_utf8_lossy(&done.stderr)
    );
}

const KEY: &str = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";

/// An authority: `NAME.pem` and `NAME.key`.
fn authority(dir: &Path, name: &str) {
    openssl(
        dir,
        &format!("req -x509 {KEY} -keyout {name}.key -out {name}.pem -days 2 -subj /CN={name}"),
    );
}

/// A certificate `NAME.pem` for `host`, of the authority `by`, good from `from` to `until` (`YYYYMMDDHHMMSSZ`).
fn certificate(dir: &Path, name: &str, by: &str, host: &str, [from, until]: [&str; 2]) {
    openssl(
        dir,
        &format!("req {KEY} -keyout {name}.key -out {name}.csr -subj /CN={name}"),
    );
    let config = format!(
        "[ca]\ndefault_ca=c\n[c]\ndatabase=index\nnew_certs_dir=.\nrand_serial=yes\ndefault_md=sha256\npolicy=p\n\
         unique_subject=no\nx509_extensions=e\n[p]\ncommonName=supplied\n\
         [e]\nsubjectAltName=DNS:{host}\nbasicConstraints=CA:FALSE\n"
    );
    fs::write(dir.join("ca.conf"), config).expect("a file");
    fs::write(dir.join("index"), "").expect("a file");
    let sign = format!("-cert {by}.pem -keyfile {by}.key -startdate {from} -enddate {until}");
    openssl(
        dir,
        &format!("ca -batch -notext -config ca.conf {sign} -in {name}.csr -out {name}.pem"),
    );
}

const GOOD: [&str; 2] = ["20200101000000Z", "20491231235959Z"];

/// A folder with the authorities `city` and `stranger`, and of the first the certificates `broker` for localhost and
/// `node`.
pub(super) fn certificates() -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a temporary folder");
    authority(dir.path(), "city");
    authority(dir.path(), "stranger");
    certificate(dir.path(), "broker", "city", "localhost", GOOD);
    certificate(dir.path(), "node", "city", "node", GOOD);
    dir
}

/// What makes a listener show the certificate `name` of the folder.
pub(super) fn showing(dir: &Path, name: &str) -> String {
    let file = |name: &str| dir.join(name).display().to_string();
    format!(
        "cafile {}\ncertfile {}\nkeyfile {}\n",
        file("city.pem"),
        file(&format!("{name}.pem")),
        file(&format!("{name}.key"))
    )
}

/// A broker that shows the certificate `name` of the folder.
fn start(dir: &Path, name: &str, extra: &str) -> Option<Mosquitto> {
    let files = showing(dir, name);
    Mosquitto::start(dir, &format!("allow_anonymous true\n{files}{extra}"))
}

/// Settings that trust the authority `ca` of the folder.
pub(super) fn trusting(port: u16, dir: &Path, ca: &str) -> MqttSettings {
    let mut settings = settings(port);
    settings.tls = Tls::Verified {
        ca: dir.join(format!("{ca}.pem")),
        client: None,
        alpn: Vec::new(),
    };
    settings
}

/// Starts a sink, waits until it gives up because of TLS and gives the reason.
pub(super) async fn refuses(settings: MqttSettings) -> String {
    let mut node = Node::start(settings);
    let reason = node.falls(Cause::Tls).await;
    node.stop().await;
    reason
}

/// Starts a sink and waits until it has sent a message.
pub(super) async fn delivers(settings: MqttSettings) {
    let mut node = Node::start(settings);
    node.append(&["sealed"]).await;
    node.link_becomes(|link| *link == Link::Up).await;
    node.pending_becomes(0).await;
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_authority_another_host_and_an_expired_certificate_are_told_apart() {
    let dir = certificates();
    let dir = dir.path();
    let past = ["20200101000000Z", "20200201000000Z"];
    certificate(dir, "old", "city", "localhost", past);
    certificate(dir, "elsewhere", "city", "broker.city", GOOD);
    let Some(broker) = start(dir, "broker", "") else {
        return;
    };
    delivers(trusting(broker.port, dir, "city")).await;
    let reason = refuses(trusting(broker.port, dir, "stranger")).await;
    assert!(
        reason.contains("of an authority that is not in mqtt.ca_file"),
        "{reason}"
    );
    drop(broker);

    let broker = start(dir, "old", "").expect("it started before");
    let reason = refuses(trusting(broker.port, dir, "city")).await;
    assert!(reason.contains("has expired"), "{reason}");
    drop(broker);

    let broker = start(dir, "elsewhere", "").expect("it started before");
    let mut settings = trusting(broker.port, dir, "city");
    let reason = refuses(settings.clone()).await;
    assert!(
        reason.contains("of another host") && reason.contains("mqtt.tls.server_name"),
        "{reason}"
    );
    settings.brokers[0].server_name = Some(ServerName::try_from("broker.city").unwrap());
    delivers(settings.clone()).await;
    // The given name is verified as strictly as the host.
    settings.brokers[0].server_name = Some(ServerName::try_from("broker.town").unwrap());
    assert!(refuses(settings).await.contains("of another host"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_authority_counts_from_the_next_attempt_on() {
    let dir = certificates();
    let ca = dir.path().join("trusted.pem");
    fs::copy(dir.path().join("stranger.pem"), &ca).unwrap();
    let Some(broker) = start(dir.path(), "broker", "") else {
        return;
    };
    let mut node = Node::start(trusting(broker.port, dir.path(), "trusted"));
    node.append(&["patient"]).await;
    node.falls(Cause::Tls).await;
    fs::copy(dir.path().join("city.pem"), &ca).unwrap();
    node.link_becomes(|link| *link == Link::Up).await;
    node.pending_becomes(0).await;
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_wants_certificates_takes_the_right_one_alone() {
    let dir = certificates();
    let dir = dir.path();
    certificate(dir, "impostor", "stranger", "node", GOOD);
    let Some(broker) = start(dir, "broker", "require_certificate true\n") else {
        return;
    };
    let with = |name: &str| {
        let mut settings = trusting(broker.port, dir, "city");
        if let Tls::Verified { client, .. } = &mut settings.tls {
            let file = |ending| dir.join(format!("{name}.{ending}"));
            *client = Some((file("pem"), file("key")));
        }
        settings
    };
    delivers(with("node")).await;
    for settings in [with("impostor"), trusting(broker.port, dir, "city")] {
        let reason = refuses(settings).await;
        assert!(reason.contains("mqtt.client_cert_file"), "{reason}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_protocols_of_the_settings_are_offered() {
    let dir = certificates();
    let pem = |name: &str| fs::read(dir.path().join(name)).unwrap();
    let chain = vec![CertificateDer::from_pem_slice(&pem("broker.pem")).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(&pem("broker.key")).unwrap();
    drop(rustls::crypto::ring::default_provider().install_default());
    let config = ServerConfig::builder().with_no_client_auth();
    let mut config = config.with_single_cert(chain, key).unwrap();
    config.alpn_protocols = vec![b"http/1.1".to_vec(), b"mqtt".to_vec()];
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut settings = trusting(listener.local_addr().unwrap().port(), dir.path(), "city");
    if let Tls::Verified { alpn, .. } = &mut settings.tls {
        *alpn = vec!["x-city".to_owned(), "mqtt".to_owned()];
    }
    let broker = thread::spawn(move || {
        let (mut tcp, _) = listener.accept().unwrap();
        let mut tls = ServerConnection::new(Arc::new(config)).unwrap();
        while tls.is_handshaking() {
            tls.complete_io(&mut tcp).unwrap();
        }
        tls.alpn_protocol().map(<[u8]>::to_vec)
    });
    let node = Node::start(settings);
    let chosen = tokio::task::spawn_blocking(|| broker.join().unwrap());
    assert_eq!(chosen.await.unwrap().as_deref(), Some(b"mqtt".as_slice()));
    node.stop().await;
}
