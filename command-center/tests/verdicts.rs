//! A verdict is kept with its incident, told to its node, shown with what became of it, and counted.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "what helps a test may fail like one"
)]

mod support;

use std::path::Path;

use command_center::{Centre, command::Signer, config, view::IncidentDetail};
use protocol::{
    Command, CommandOutcome, CommandRequest, IncidentState, Receipt, Topic, Utc, Verdict,
};
use serde_json::{Value, json};
use support::{
    http::Client,
    process::free_port,
    sample::{Node, administrator, at, record},
};
use uuid::Uuid;

const PASSWORD: &str = "correct horse battery";

/// A centre, with a key for commands or without, and somebody who is signed in.
async fn start(folder: &Path, key: bool) -> (Centre, Client) {
    let commands = match key {
        true => "[commands]\nkey_file = \"command.key\"\n",
        false => "",
    };
    if key {
        Signer::generate(&folder.join("command.key")).unwrap();
    }
    let text = format!(
        "data_dir = \"data\"\n{commands}[web]\nlisten = \"127.0.0.1:0\"\n[mqtt]\nhost = \"127.0.0.1\"\nport = {}\n",
        free_port()
    );
    let settings = config::parse(&text, folder).unwrap();
    let centre = Centre::start(settings).await.unwrap();
    let hash = command_center::password::hash(PASSWORD).unwrap();
    let added = centre.store().add_user(
        "test".to_owned(),
        "desk".to_owned(),
        hash,
        administrator(),
        at(0),
    );
    added.await.unwrap();
    let mut client = Client::new(centre.address());
    let form = json!({"name": "desk", "password": PASSWORD});
    assert_eq!(client.sign_in("/api/login", &form).await.status, 200);
    (centre, client)
}

/// Incidents of camera `north` that opened just now.
async fn incidents(centre: &Centre, node: &mut Node, count: usize) -> Vec<Uuid> {
    let mut ids = Vec::new();
    for _ in 0..count {
        let id = Uuid::now_v7();
        let event = node.event(id, IncidentState::Opened, Utc::now());
        record(centre.store(), &[&node.send_event(&event)]).await;
        ids.push(id);
    }
    ids
}

async fn judge(client: &Client, incident: Uuid, verdict: &Value, status: u16) -> Value {
    let path = format!("/api/incidents/{incident}/verdict");
    let answer = client.post(&path, verdict).await;
    assert_eq!(answer.status, status, "{}", answer.json());
    answer.json()
}

#[tokio::test]
async fn a_verdict_is_kept_told_to_the_node_and_its_answer_shown() {
    let folder = tempfile::tempdir().unwrap();
    let (centre, client) = start(folder.path(), true).await;
    let mut node = Node::new("box-1");
    let incident = incidents(&centre, &mut node, 1).await[0];
    judge(&client, incident, &json!({"verdict": "true"}), 200).await;
    let area = json!({"verdict": "false", "ignore": {}, "note": " a flag "});
    let shown = judge(&client, incident, &area, 200).await;
    let detail: IncidentDetail = serde_json::from_value(shown.clone()).unwrap();
    let verdict = detail.incident.verdict.unwrap();
    assert_eq!((verdict.verdict, verdict.ignored), (Verdict::False, true));
    assert_eq!(verdict.by, "desk");
    assert_eq!(shown["incident"]["verdict"]["told"], "waiting");
    let acts: Vec<&str> = detail.history.iter().map(|e| e.action.as_str()).collect();
    assert_eq!(acts, ["judged_true", "area_ignored"]);
    assert_eq!(detail.history[1].note.as_deref(), Some("a flag"));

    let due = centre.store().due_commands(Utc::now()).await.unwrap();
    let key = Signer::read(&folder.path().join("command.key")).unwrap();
    let last = due.iter().max_by_key(|command| command.request).unwrap();
    let opened = CommandRequest::open(&last.envelope, &[key.public_key()]).unwrap();
    assert!(
        matches!(&opened.command, Command::Verdict { incident: of, verdict: Verdict::False, ignore: Some(_), .. } if *of == incident),
        "{opened:?}"
    );
    let life = opened.expires.duration_since(opened.issued);
    assert_eq!(life.as_hours(), 24, "a node may be away for long");
    let receipt = Receipt {
        bootid: node.bootid,
        seq: node.next_seq(),
        request: opened.request,
        outcome: CommandOutcome::Done,
        reason: Some("no case was made of it".to_owned()),
        incident: Some(incident),
        evidence: Vec::new(),
        ignored: Vec::new(),
        preview: None,
        received: Utc::now(),
        answered: Utc::now(),
    };
    let topic = Topic::Receipt {
        request: opened.request,
    };
    let sent = node.sent(&topic, &serde_json::to_vec(&receipt).unwrap());
    record(centre.store(), &[&sent]).await;
    let detail = centre.store().incident(incident).await.unwrap().unwrap();
    let verdict = serde_json::to_value(detail.incident.verdict).unwrap();
    assert_eq!(verdict["told"], "done", "{verdict}");
    assert_eq!(verdict["reason"], "no case was made of it");
    centre.stop().await;
}

#[tokio::test]
async fn precision_is_of_what_was_judged_by_rule_and_camera() {
    let folder = tempfile::tempdir().unwrap();
    let (centre, client) = start(folder.path(), false).await;
    let mut node = Node::new("box-1");
    let ids = incidents(&centre, &mut node, 5).await;
    for (id, verdict) in [
        (ids[0], "true"),
        (ids[1], "true"),
        (ids[2], "true"),
        (ids[3], "false"),
    ] {
        let shown = judge(&client, id, &json!({"verdict": verdict}), 200).await;
        // Nobody can be told without a key.
        assert_eq!(shown["incident"]["verdict"]["told"], Value::Null);
    }
    let mut test = node.event(Uuid::now_v7(), IncidentState::Opened, Utc::now());
    test.data.test = true;
    record(centre.store(), &[&node.send_event(&test)]).await;
    judge(
        &client,
        test.data.incident_id,
        &json!({"verdict": "false"}),
        409,
    )
    .await;
    let ignore = json!({"verdict": "false", "ignore": {}});
    judge(&client, ids[4], &ignore, 409).await;
    judge(&client, Uuid::nil(), &json!({"verdict": "true"}), 404).await;
    judge(&client, ids[4], &json!({"verdict": "perhaps"}), 422).await;

    let rules = client.get("/api/verdicts?days=1").await.json();
    assert_eq!(rules.as_array().unwrap().len(), 1, "{rules}");
    let rule = &rules[0];
    let count = |key: &str| rule[key].as_u64().unwrap();
    assert_eq!(
        (
            count("judged_true"),
            count("judged_false"),
            count("unjudged")
        ),
        (3, 1, 1)
    );
    assert_eq!(rule["precision"], 0.75);
    assert_eq!(rule["camera"], "north");
    // Who thinks better of it is counted once.
    judge(&client, ids[3], &json!({"verdict": "true"}), 200).await;
    let rules = client.get("/api/verdicts").await.json();
    assert_eq!(rules[0]["precision"], 1.0);
    centre.stop().await;
}
