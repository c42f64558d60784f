//! An original is asked for and opened by those who may, for a reason, and the audit has both.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "what helps a test may fail like one"
)]

mod support;

use std::path::Path;

use command_center::{Centre, command::Signer, config, originals::SealKey};
use protocol::{Command, CommandRequest, Utc};
use serde_json::{Value, json};
use support::{
    http::Client,
    process::free_port,
    sample::{Node, administrator, at, record},
};
use uuid::Uuid;

const PASSWORD: &str = "correct horse battery";
const REASON: &str = "case 4711, theft of a bicycle";

/// A centre of which `anna` may have originals, and `desk` may not.
async fn start(folder: &Path) -> (Centre, SealKey) {
    Signer::generate(&folder.join("command.key")).unwrap();
    let key = SealKey::generate(&folder.join("seal.key")).unwrap();
    let text = format!(
        "data_dir = \"data\"\n[commands]\nkey_file = \"command.key\"\n[originals]\nrole = \"investigator\"\n\
         users = [\"anna\"]\nkey_file = \"seal.key\"\n[web]\nlisten = \"127.0.0.1:0\"\n\
         [mqtt]\nhost = \"127.0.0.1\"\nport = {}\n",
        free_port()
    );
    let centre = Centre::start(config::parse(&text, folder).unwrap())
        .await
        .unwrap();
    (centre, key)
}

async fn signed_in(centre: &Centre, name: &str) -> Client {
    let hash = command_center::password::hash(PASSWORD).unwrap();
    let added = centre.store().add_user(
        "test".to_owned(),
        name.to_owned(),
        hash,
        administrator(),
        at(0),
    );
    added.await.unwrap();
    let mut client = Client::new(centre.address());
    let form = json!({"name": name, "password": PASSWORD});
    assert_eq!(client.sign_in("/api/login", &form).await.status, 200);
    client
}

fn order(original: &Value) -> Value {
    json!({
        "kind": "fetch_incident_clip",
        "camera": "north",
        "incident": Uuid::from_u128(7),
        "original": original,
    })
}

#[tokio::test]
async fn who_may_have_an_original_says_why_and_the_audit_keeps_it() {
    let folder = tempfile::tempdir().unwrap();
    let (centre, key) = start(folder.path()).await;
    let mut node = Node::new("box-1");
    record(centre.store(), &[&node.health(Utc::now(), 0)]).await;
    let (anna, desk) = (
        signed_in(&centre, "anna").await,
        signed_in(&centre, "desk").await,
    );
    let path = format!(
        "/api/nodes/{}/{}/{}/commands",
        node.path.region, node.path.site, node.path.node
    );
    let why = json!({ "reason": REASON });
    for (client, original, status) in [
        (&desk, why.clone(), 403),
        (&anna, json!({"reason": "   so   "}), 422),
        (&anna, json!({"role": "mayor", "reason": REASON}), 422),
    ] {
        let refused = client.post(&path, &order(&original)).await;
        assert_eq!(refused.status, status, "{original}: {refused:?}");
    }
    let asked = anna.post(&path, &order(&why)).await;
    assert_eq!(asked.status, 202, "{asked:?}");
    let request: Uuid = asked.json()["request"].as_str().unwrap().parse().unwrap();
    let due = centre.store().due_commands(Utc::now()).await.unwrap();
    let pin = Signer::read(&folder.path().join("command.key"))
        .unwrap()
        .public_key();
    let opened = CommandRequest::open(&due[0].envelope, &[pin]).unwrap();
    let Command::FetchIncidentClip {
        original: Some(original),
        ..
    } = opened.command
    else {
        panic!("{opened:?}");
    };
    assert_eq!(
        (original.role.as_str(), original.reason.as_str()),
        ("investigator", REASON)
    );
    // Masked clips are anybody's who is signed in.
    assert_eq!(desk.post(&path, &order(&Value::Null)).await.status, 202);

    let recipient: age::x25519::Recipient = key.recipient().parse().unwrap();
    let sealed = age::encrypt(&recipient, b"the bytes of a video").unwrap();
    let chunk = node.chunk_of("original", request, &sealed, 0..sealed.len());
    record(centre.store(), &[&chunk]).await;
    let part = format!("/api/commands/{request}/evidence/original");
    assert_eq!(anna.get(&part).await.body, sealed, "at rest it is sealed");
    let unseal = format!("/api/commands/{request}/unseal");
    assert_eq!(desk.post(&unseal, &why).await.status, 403);
    assert_eq!(anna.post(&unseal, &json!({"reason": ""})).await.status, 422);
    let video = anna.post(&unseal, &why).await;
    assert_eq!(
        (video.status, video.body.as_slice()),
        (200, &b"the bytes of a video"[..])
    );
    assert_eq!(video.header("content-type"), Some("video/mp4"));
    assert_eq!(video.header("cache-control"), Some("no-store"));
    let unknown = format!("/api/commands/{}/unseal", Uuid::nil());
    assert_eq!(anna.post(&unknown, &why).await.status, 404);
    centre.stop().await;

    let audit = rusqlite::Connection::open(folder.path().join("data/centre.sqlite3")).unwrap();
    let mut entries = audit
        .prepare(
            "SELECT user, action, note FROM audit WHERE action LIKE 'original%' ORDER BY rowid",
        )
        .unwrap();
    let entries: Vec<(String, String, String)> = entries
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    let asked = format!("fetch_incident_clip north as investigator: {REASON}");
    let expected = [
        ("original_asked", asked.as_str()),
        ("original_unsealed", REASON),
    ];
    let expected = expected.map(|(action, note)| ("anna".into(), action.into(), note.into()));
    assert_eq!(entries, expected);
}
