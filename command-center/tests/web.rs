//! What operators may ask for, and what nobody may.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "what helps a test may fail like one"
)]

mod support;

use std::{path::Path, time::Duration};

use command_center::{Centre, config, store::Outcome, web};
use protocol::{IncidentState, Topic};
use serde_json::json;
use support::{
    http::Client,
    process::free_port,
    sample::{Node, administrator, announce, at, record},
};
use uuid::Uuid;

/// A centre in this process, with a broker that is away.
async fn start(folder: &Path) -> (Centre, Client) {
    let text = format!(
        "data_dir = \"data\"\n[web]\nlisten = \"127.0.0.1:0\"\n[mqtt]\nhost = \"127.0.0.1\"\nport = {}\n",
        free_port()
    );
    let settings = config::parse(&text, folder).unwrap();
    let centre = Centre::start(settings).await.unwrap();
    let client = Client::new(centre.address());
    (centre, client)
}

const PASSWORD: &str = "correct horse battery";

/// The same, with a user who is signed in.
async fn start_signed_in(folder: &Path) -> (Centre, Client) {
    let (centre, mut client) = start(folder).await;
    let hash = command_center::password::hash(PASSWORD).unwrap();
    let add = centre.store().add_user(
        "test".to_owned(),
        "desk".to_owned(),
        hash,
        administrator(),
        at(0),
    );
    add.await.unwrap();
    let form = json!({"name": "desk", "password": PASSWORD});
    assert_eq!(client.sign_in("/api/login", &form).await.status, 200);
    (centre, client)
}

/// An incident with its picture in the store.
async fn an_incident(centre: &Centre, node: &mut Node) -> Uuid {
    let picture = b"the bytes of a picture";
    let mut event = node.event(Uuid::now_v7(), IncidentState::Opened, at(0));
    announce(&mut event, picture);
    let id = event.data.incident_id;
    let chunk = node.chunk(id, picture, 0..picture.len());
    record(centre.store(), &[&node.send_event(&event), &chunk]).await;
    id
}

#[tokio::test]
async fn every_route_needs_a_session_unless_it_is_open_on_purpose() {
    let folder = tempfile::tempdir().unwrap();
    let (centre, client) = start(folder.path()).await;
    let (mut closed, mut open) = (0, 0);
    for (method, path, need) in web::route_list() {
        let path = path
            .replace("{id}", &Uuid::now_v7().to_string())
            .replace("{part}", "snapshot");
        let answer = client.ask(method, &path, "", "{}").await;
        if need == web::Need::Nothing {
            open += 1;
            assert_ne!(answer.json()["error"], "sign in first", "{path}");
        } else {
            closed += 1;
            assert_eq!(answer.status, 401, "{method} {path}");
        }
        assert!(answer.header("content-security-policy").is_some(), "{path}");
        assert_eq!(
            answer.header("x-content-type-options"),
            Some("nosniff"),
            "{path}"
        );
        let forged = Client {
            cookie: Some("safecity_session=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA".to_owned()),
            ..client.clone()
        };
        let forged = forged.ask(method, &path, "", "{}").await;
        assert_eq!(forged.status, answer.status, "{method} {path}");
    }
    assert_eq!((open, closed), (4, web::route_list().len() - 4));
    for path in [
        "/api/nothing",
        "/api",
        "/nothing",
        "/../Cargo.toml",
        "/%61pi/nodes",
    ] {
        assert_eq!(client.get(path).await.status, 401, "{path}");
    }
    centre.stop().await;
}

#[tokio::test]
async fn a_request_of_another_origin_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (centre, mut client) = start_signed_in(folder.path()).await;
    let id = an_incident(&centre, &mut Node::new("box-1")).await;
    client.same_origin = false;
    let path = format!("/api/incidents/{id}/acknowledge");
    assert_eq!(client.post(&path, &json!({})).await.status, 403);
    let incident = centre.store().incident(id).await.unwrap().unwrap().incident;
    assert_eq!(incident.acknowledged, None);
    centre.stop().await;
}

#[tokio::test]
async fn the_first_administrator_needs_the_token_and_comes_once() {
    let folder = tempfile::tempdir().unwrap();
    let (centre, mut client) = start(folder.path()).await;
    let state = client.get("/api/session").await.json();
    assert_eq!(state, json!({"first_admin_needed": true, "user": null}));
    let form = json!({"token": "guess", "name": "desk", "password": PASSWORD});
    assert_eq!(client.sign_in("/api/first-admin", &form).await.status, 403);
    assert!(!centre.store().has_users().await.unwrap());
    assert_eq!(client.cookie, None);
    centre.stop().await;
}

#[tokio::test]
async fn guessing_is_slowed_down_and_signing_out_ends_the_session() {
    let folder = tempfile::tempdir().unwrap();
    let (centre, mut client) = start_signed_in(folder.path()).await;
    assert_eq!(client.get("/api/nodes").await.status, 200);
    assert_eq!(client.post("/api/logout", &json!({})).await.status, 204);
    assert_eq!(client.get("/api/nodes").await.status, 401);
    let wrong = json!({"name": "desk", "password": "wrong wrong wrong"});
    for _ in 0..5 {
        assert_eq!(client.sign_in("/api/login", &wrong).await.status, 401);
    }
    let right = json!({"name": "desk", "password": PASSWORD});
    let answer = client.sign_in("/api/login", &right).await;
    assert_eq!(answer.status, 429);
    let wait: u64 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=300).contains(&wait), "{wait}");
    let unknown = json!({"name": "nobody", "password": PASSWORD});
    assert_eq!(client.sign_in("/api/login", &unknown).await.status, 401);
    centre.stop().await;
}

#[tokio::test]
async fn a_reset_password_ends_all_sessions() {
    let folder = tempfile::tempdir().unwrap();
    let (centre, client) = start_signed_in(folder.path()).await;
    let hash = command_center::password::hash("another password").unwrap();
    let by = "command line".to_owned();
    let reset = centre
        .store()
        .reset_password(by, "desk".to_owned(), hash, at(1));
    reset.await.unwrap();
    assert_eq!(client.get("/api/nodes").await.status, 401);
    centre.stop().await;
}

#[tokio::test]
async fn the_session_cookie_is_for_this_site_only() {
    let folder = tempfile::tempdir().unwrap();
    let (centre, mut client) = start_signed_in(folder.path()).await;
    let form = json!({"name": "desk", "password": PASSWORD});
    let first = client.cookie.clone();
    let answer = client.sign_in("/api/login", &form).await;
    let cookie = answer.header("set-cookie").unwrap();
    assert!(cookie.contains("; HttpOnly; SameSite=Strict"), "{cookie}");
    assert_ne!(client.cookie, first, "a new sign-in has a new token");
    let raw = rusqlite::Connection::open(folder.path().join("data/centre.sqlite3")).unwrap();
    let token = client.cookie.unwrap().split_once('=').unwrap().1.to_owned();
    let stored: i64 = raw
        .query_row(
            "SELECT count(*) FROM session WHERE token_hash = ?1",
            [token.as_bytes()],
            |r| r.get(0),
        )
        .unwrap();
    assert_eq!(stored, 0, "only a hash of the token is stored");
    centre.stop().await;
}

#[tokio::test]
async fn acknowledging_is_audited_and_the_first_who_does_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let (centre, client) = start_signed_in(folder.path()).await;
    let id = an_incident(&centre, &mut Node::new("box-1")).await;
    let path = format!("/api/incidents/{id}/acknowledge");
    let answer = client
        .post(&path, &json!({"note": "  patrol sent  "}))
        .await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let detail = answer.json();
    assert_eq!(detail["incident"]["acknowledged"]["by"], "desk");
    let at = detail["incident"]["acknowledged"]["at"].clone();
    assert_eq!(detail["history"][0]["user"], "desk");
    assert_eq!(detail["history"][0]["action"], "acknowledged");
    assert_eq!(detail["history"][0]["note"], "patrol sent");
    let again = client.post(&path, &json!({})).await.json();
    assert_eq!(again["incident"]["acknowledged"]["at"], at);
    assert_eq!(again["history"].as_array().unwrap().len(), 2);
    let to_do = client.get("/api/incidents?to_do=true").await.json();
    assert_eq!(to_do["incidents"], json!([]));
    let unknown = format!("/api/incidents/{}/acknowledge", Uuid::now_v7());
    assert_eq!(client.post(&unknown, &json!({})).await.status, 404);
    centre.stop().await;
}

#[tokio::test]
async fn a_picture_is_served_as_what_it_is_and_cached_by_its_hash() {
    let folder = tempfile::tempdir().unwrap();
    let (centre, client) = start_signed_in(folder.path()).await;
    let id = an_incident(&centre, &mut Node::new("box-1")).await;
    let path = format!("/api/incidents/{id}/evidence/snapshot");
    let answer = client.get(&path).await;
    assert_eq!(answer.body, b"the bytes of a picture");
    assert_eq!(answer.header("content-type"), Some("image/jpeg"));
    let tag = format!("If-None-Match: {}\r\n", answer.header("etag").unwrap());
    assert_eq!(client.ask("GET", &path, &tag, "").await.status, 304);
    let clip = format!("/api/incidents/{id}/evidence/clip");
    assert_eq!(client.get(&clip).await.status, 404);
    centre.stop().await;
}

#[tokio::test]
async fn what_was_counted_is_asked_for_by_camera_and_time_and_comes_as_a_table() {
    let folder = tempfile::tempdir().unwrap();
    let (centre, client) = start_signed_in(folder.path()).await;
    let mut node = Node::new("box-1");
    let [north, later, south] =
        [("north", 0, 41), ("north", 300, 5), ("=south", 0, 9)].map(|(camera, from, cars)| {
            let totals = json!({
                "bootid": node.bootid, "seq": node.next_seq(), "camera": camera, "from": at(from), "until": at(from + 300),
                "seconds": 300.0, "analysed_s": 299.5, "clock": {"synchronised": true}, "rules": [{
                    "rule": {"id": "traffic", "kind": "counting", "revision": "sha256:00"}, "opened": 0, "suppressed": 0,
                    "crossings": [{"class": "car", "forward": cars, "backward": 3}]}],
            });
            let camera = camera.parse().unwrap();
            node.sent(&Topic::Totals { camera }, totals.to_string().as_bytes())
        });
    let outcomes = record(centre.store(), &[&north, &later, &south, &north]).await;
    assert_eq!(outcomes[2..], [Outcome::Stored, Outcome::Duplicate]);
    let path = format!("/api/nodes/{}/totals", node.path);
    let all = client.get(&path).await.json();
    assert_eq!(all.as_array().map(Vec::len), Some(3), "{all}");
    let one = client
        .get(&format!("{path}?camera=north&since={}", at(300)))
        .await
        .json();
    assert_eq!(one.as_array().map(Vec::len), Some(1), "{one}");
    assert_eq!(one[0]["rules"][0]["crossings"][0]["forward"], 5);
    let table = client.get(&format!("{path}.csv?until={}", at(300))).await;
    assert_eq!(
        table.header("content-type"),
        Some("text/csv; charset=utf-8")
    );
    let text = String::from_utf8(table.body).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 3, "{text}");
    assert!(lines[1].starts_with("\"'=south\","), "no formula: {text}");
    assert!(
        lines[2].ends_with(",\"traffic\",\"counting\",0,0,\"car\",41,3"),
        "{text}"
    );
}

#[tokio::test]
async fn a_page_is_followed_by_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let (centre, client) = start_signed_in(folder.path()).await;
    let mut node = Node::new("box-1");
    for i in 0..5 {
        let event = node.event(Uuid::now_v7(), IncidentState::Opened, at(i));
        record(centre.store(), &[&node.send_event(&event)]).await;
    }
    let mut ids = Vec::new();
    let mut path = "/api/incidents?limit=2".to_owned();
    loop {
        let page = client.get(&path).await.json();
        let incidents = page["incidents"].as_array().unwrap();
        ids.extend(incidents.iter().map(|i| i["id"].to_string()));
        let Some(next) = page["next"].as_str() else {
            break;
        };
        path = format!("/api/incidents?limit=2&before={next}");
    }
    assert_eq!(ids.len(), 5);
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 5);
    assert_eq!(client.get("/api/incidents?before=x").await.status, 400);
    centre.stop().await;
}

#[tokio::test]
async fn a_live_stream_goes_on_where_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let (centre, client) = start_signed_in(folder.path()).await;
    let mut node = Node::new("box-1");
    let mut events = client.live(None).await;
    assert_eq!(events.next("centre").await.data["broker_connected"], false);
    let first = an_incident(&centre, &mut node).await;
    let told = events.next("incident").await;
    assert_eq!(told.data["id"], first.to_string());
    drop(events);
    // missed while away: one new, and a change of the first
    let second = an_incident(&centre, &mut node).await;
    let path = format!("/api/incidents/{first}/acknowledge");
    client.post(&path, &json!({})).await;
    let mut events = client.live(Some(&told.id)).await;
    let missed = [events.next("incident").await, events.next("incident").await];
    assert_eq!(missed[0].data["id"], second.to_string());
    assert_eq!(missed[1].data["id"], first.to_string());
    assert_eq!(missed[1].data["acknowledged"]["by"], "desk");
    // a place that this store never had
    let mut events = client.live(Some("999999")).await;
    events.next("reset").await;
    let third = an_incident(&centre, &mut node).await;
    assert_eq!(events.next("incident").await.data["id"], third.to_string());
    let stopped = tokio::time::timeout(Duration::from_secs(5), centre.stop()).await;
    assert!(stopped.is_ok(), "an open stream does not hold up the stop");
}

#[tokio::test]
async fn a_body_that_is_too_long_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (centre, client) = start(folder.path()).await;
    let form = json!({"name": "desk", "password": "x".repeat(20_000)});
    assert_eq!(client.post("/api/login", &form).await.status, 413);
    centre.stop().await;
}
