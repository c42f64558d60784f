//! Who may do what, and where; one-time codes; and the audit that shows who did.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "what helps a test may fail like one"
)]

mod support;

use std::path::Path;

use command_center::{
    Centre, config,
    role::{Grant, Grants, Right, Role},
    web::{self, Need},
};
use protocol::{IncidentState, Utc};
use serde_json::{Value, json};
use support::{
    http::{Answer, Client},
    process::free_port,
    sample::{Node, administrator, announce, at, record},
};
use totp_rs::{Builder, Secret};
use uuid::Uuid;

const PASSWORD: &str = "correct horse battery";
const REGION: &str = "tashkent";
const SITE: &str = "chorsu-crossroads";

/// A centre in this process, with a broker that is away.
async fn start(folder: &Path) -> Centre {
    let text = format!(
        "data_dir = \"data\"\n[web]\nlisten = \"127.0.0.1:0\"\n[mqtt]\nhost = \"127.0.0.1\"\nport = {}\n",
        free_port()
    );
    let settings = config::parse(&text, folder).unwrap();
    Centre::start(settings).await.unwrap()
}

async fn add(centre: &Centre, name: &str, granted: Vec<Grant>) {
    let hash = command_center::password::hash(PASSWORD).unwrap();
    let add = centre
        .store()
        .add_user("test".to_owned(), name.to_owned(), hash, granted, at(0));
    add.await.unwrap();
}

async fn log_in(centre: &Centre, name: &str, code: Option<&str>) -> (Answer, Client) {
    let mut client = Client::new(centre.address());
    let form = json!({"name": name, "password": PASSWORD, "code": code});
    let answer = client.sign_in("/api/login", &form).await;
    (answer, client)
}

/// A user with these grants who is signed in.
async fn user(centre: &Centre, name: &str, granted: Vec<Grant>) -> Client {
    add(centre, name, granted).await;
    let (answer, client) = log_in(centre, name, None).await;
    assert_eq!(answer.status, 200);
    client
}

async fn an_incident(centre: &Centre, node: &mut Node) -> Uuid {
    let picture = b"the bytes of a picture";
    let mut event = node.event(Uuid::now_v7(), IncidentState::Opened, at(0));
    announce(&mut event, picture);
    let id = event.data.incident_id;
    let chunk = node.chunk(id, picture, 0..picture.len());
    record(centre.store(), &[&node.send_event(&event), &chunk]).await;
    id
}

/// A command that the node of the incidents was given.
fn a_command(folder: &Path) -> Uuid {
    let request = Uuid::now_v7();
    let raw = rusqlite::Connection::open(folder.join("data/centre.sqlite3")).unwrap();
    raw.execute(
        "INSERT INTO command (request, node_id, command, asked_by, asked_us, expires_us, topic, envelope)
         VALUES (?1, 1, '{\"kind\":\"snapshot\",\"camera\":\"north\"}', 'x', 0, 1, 't', x'00')",
        [request.to_string()],
    )
    .unwrap();
    request
}

fn local(role: Role, region: &str, site: Option<&str>) -> Grant {
    Grant {
        role,
        region: Some(region.parse().unwrap()),
        site: site.map(|site| site.parse().unwrap()),
    }
}

fn allowed(need: Need, granted: &Grants) -> bool {
    match need {
        Need::Nothing | Need::Session => true,
        Need::Anywhere(right) => granted.may(right),
        Need::Everywhere(right) => granted.may_everywhere(right),
        Need::AtNode(right) | Need::AtIncident(right) | Need::AtCommand(right) => {
            granted.may_at(right, REGION, SITE)
        }
    }
}

#[tokio::test]
async fn every_route_lets_in_whom_it_should_and_nobody_else() {
    let folder = tempfile::tempdir().unwrap();
    let centre = start(folder.path()).await;
    add(&centre, "victim", administrator()).await;
    let incident = an_incident(&centre, &mut Node::new("box-1")).await;
    let request = a_command(folder.path());
    let mut tried = [0, 0];
    for role in Role::ALL {
        let places = [
            Grant::everywhere(role),
            local(role, REGION, Some(SITE)),
            local(role, "samarkand", None),
        ];
        for (i, grant) in places.into_iter().enumerate() {
            let granted = Grants(vec![grant.clone()]);
            let client = user(&centre, &format!("{}-{i}", role.as_str()), vec![grant]).await;
            for (method, path, need) in web::route_list() {
                let path = path
                    .replace("{id}", &incident.to_string())
                    .replace("{request}", &request.to_string())
                    .replace("{part}", "snapshot")
                    .replace("{region}", REGION)
                    .replace("{site}", SITE)
                    .replace("{node}", "box-1")
                    .replace("{name}", "victim");
                if path == "/api/logout" {
                    continue;
                }
                // The stream of live events has no end; its head tells as much.
                let method = if path == "/api/live" { "HEAD" } else { method };
                let answer = client.ask(method, &path, "", "{}").await;
                let right = allowed(need, &granted);
                let refused = matches!(answer.status, 401 | 403);
                let open = need == Need::Nothing;
                assert!(
                    open || refused != right,
                    "{method} {path} as {granted:?}: {}",
                    answer.status
                );
                tried[usize::from(right)] += 1;
            }
            assert_eq!(client.post("/api/logout", &json!({})).await.status, 204);
        }
    }
    assert!(tried[0] > 150 && tried[1] > 150, "{tried:?}");
    centre.stop().await;
}

#[test]
fn roles_are_what_their_names_say() {
    let may = |role: Role, right| role.rights().contains(&right);
    for role in Role::ALL {
        assert!(may(role, Right::See), "{role:?}");
        assert_eq!(may(role, Right::Administer), role == Role::Administrator);
    }
    let who = |right| {
        Role::ALL
            .into_iter()
            .filter(move |role| may(*role, right))
            .collect::<Vec<_>>()
    };
    use Role::{Administrator, Auditor, Integrator, Operator, Supervisor};
    assert_eq!(who(Right::Answer), [Operator, Supervisor, Administrator]);
    assert_eq!(who(Right::Configure), [Integrator, Administrator]);
    assert_eq!(who(Right::Originals), [Supervisor, Administrator]);
    assert_eq!(who(Right::Audit), [Administrator, Auditor]);
}

#[tokio::test]
async fn lists_hold_what_is_within_reach() {
    let folder = tempfile::tempdir().unwrap();
    let centre = start(folder.path()).await;
    add(&centre, "somebody", administrator()).await;
    let here = an_incident(&centre, &mut Node::new("box-1")).await;
    let mut away = Node::new("box-2");
    away.path.region = "samarkand".parse().unwrap();
    let there = an_incident(&centre, &mut away).await;
    let ids = async |client: &Client| {
        let page = client.get("/api/incidents").await.json();
        let incidents = page["incidents"].as_array().unwrap().iter();
        let mut ids: Vec<String> = incidents
            .map(|i| i["id"].as_str().unwrap().to_owned())
            .collect();
        ids.sort();
        ids
    };
    let all = user(&centre, "all", vec![Grant::everywhere(Role::Operator)]).await;
    let mut both = [here.to_string(), there.to_string()];
    both.sort();
    assert_eq!(ids(&all).await, both);
    let local = user(&centre, "local", vec![local(Role::Operator, REGION, None)]).await;
    assert_eq!(ids(&local).await, [here.to_string()]);
    let nodes = local.get("/api/nodes").await.json();
    assert_eq!(nodes["nodes"].as_array().map(Vec::len), Some(1));
    let rules = local.get("/api/verdicts?days=3650").await.json();
    assert_eq!(rules.as_array().map(Vec::len), Some(1), "{rules}");

    // What happens elsewhere is not told live either.
    let mut live = local.live(None).await;
    live.next("centre").await;
    an_incident(&centre, &mut away).await;
    let mine = an_incident(&centre, &mut Node::new("box-3")).await;
    assert_eq!(live.next("incident").await.data["id"], json!(mine));
    centre.stop().await;
}

fn code(secret: &str, steps_ahead: i64) -> String {
    let secret = Secret::try_from_base32(secret).unwrap();
    let totp = Builder::new()
        .with_secret(secret)
        .with_account_name("x")
        .build()
        .unwrap();
    let seconds = Utc::now().as_second() + 30 * steps_ahead;
    totp.generate(seconds.cast_unsigned()).to_string()
}

#[tokio::test]
async fn signing_in_takes_a_one_time_code_once() {
    let folder = tempfile::tempdir().unwrap();
    let centre = start(folder.path()).await;
    let client = user(&centre, "desk", administrator()).await;
    let refused = client
        .post("/api/me/totp", &json!({"password": "not this one"}))
        .await;
    assert_eq!(refused.status, 422);
    let offered = client
        .post("/api/me/totp", &json!({"password": PASSWORD}))
        .await
        .json();
    let secret = offered["secret"].as_str().unwrap();
    assert!(
        offered["picture"].as_str().unwrap().contains("<svg"),
        "{offered}"
    );
    // It counts only once the authenticator has shown that it has it.
    assert_eq!(log_in(&centre, "desk", None).await.0.status, 200);
    let wrong = client
        .post("/api/me/totp/confirm", &json!({"code": "000000"}))
        .await;
    assert_eq!(wrong.status, 422);
    let right = json!({"code": code(secret, -1)});
    assert_eq!(
        client.post("/api/me/totp/confirm", &right).await.status,
        204
    );

    let (without, _) = log_in(&centre, "desk", None).await;
    assert_eq!(without.status, 403);
    assert!(
        without.json()["error"]
            .as_str()
            .unwrap()
            .contains("one-time code")
    );
    let fresh = code(secret, 0);
    let (answer, _) = log_in(&centre, "desk", Some(&fresh)).await;
    assert_eq!(
        (answer.status, &answer.json()["user"]["totp"]),
        (200, &json!(true))
    );
    // Somebody who looked over the shoulder comes too late.
    assert_eq!(log_in(&centre, "desk", Some(&fresh)).await.0.status, 401);
    let off = client.post("/api/users/desk/totp/off", &json!({})).await;
    assert_eq!(off.status, 204);
    assert_eq!(client.get("/api/nodes").await.status, 401, "sessions ended");
    assert_eq!(log_in(&centre, "desk", None).await.0.status, 200);
    centre.stop().await;
}

#[tokio::test]
async fn grants_count_at_once_and_somebody_is_left_who_gives_them() {
    let folder = tempfile::tempdir().unwrap();
    let centre = start(folder.path()).await;
    let chief = user(&centre, "chief", administrator()).await;
    let form = json!({"name": "boris", "password": PASSWORD, "grants": [{"role": "auditor"}]});
    assert_eq!(chief.post("/api/users", &form).await.status, 201);
    assert_eq!(chief.post("/api/users", &form).await.status, 409);
    let (_, boris) = log_in(&centre, "boris", None).await;
    assert_eq!(boris.get("/api/audit").await.status, 200);
    let operator = json!({"grants": [{"role": "operator", "region": REGION, "site": SITE}]});
    assert_eq!(
        chief
            .post("/api/users/boris/grants", &operator)
            .await
            .status,
        204
    );
    assert_eq!(boris.get("/api/audit").await.status, 403);
    let odd = json!({"grants": [{"role": "operator", "site": SITE}]});
    assert_eq!(
        chief.post("/api/users/boris/grants", &odd).await.status,
        422
    );
    for (path, body) in [
        ("/api/users/chief/grants", json!({"grants": []})),
        ("/api/users/chief/disabled", json!({"disabled": true})),
    ] {
        let answer = chief.post(path, &body).await;
        assert_eq!(answer.status, 409, "{path}");
        assert!(
            answer.json()["error"]
                .as_str()
                .unwrap()
                .contains("last administrator")
        );
    }
    let disable = json!({"disabled": true});
    assert_eq!(
        chief
            .post("/api/users/boris/disabled", &disable)
            .await
            .status,
        204
    );
    assert_eq!(boris.get("/api/incidents").await.status, 401);
    assert_eq!(log_in(&centre, "boris", None).await.0.status, 401);
    let users = chief.get("/api/users").await.json();
    assert_eq!(users[0]["name"], "boris");
    assert_eq!(
        (&users[0]["disabled"], &users[0]["sessions"]),
        (&json!(true), &json!(0))
    );
    assert!(!users.to_string().contains("argon2"), "{users}");
    assert_eq!(
        chief
            .post("/api/users/nobody/disabled", &disable)
            .await
            .status,
        404
    );
    centre.stop().await;
}

#[tokio::test]
async fn who_looks_at_evidence_is_noted_once_a_session() {
    let folder = tempfile::tempdir().unwrap();
    let centre = start(folder.path()).await;
    let id = an_incident(&centre, &mut Node::new("box-1")).await;
    let client = user(&centre, "desk", administrator()).await;
    for _ in 0..3 {
        let seen = client
            .get(&format!("/api/incidents/{id}/evidence/snapshot"))
            .await;
        assert_eq!(seen.status, 200);
    }
    let noted = client.get("/api/audit?action=viewed").await.json();
    let lines = noted["lines"].as_array().unwrap();
    assert_eq!(lines.len(), 1, "{noted}");
    let line = &lines[0];
    assert_eq!(
        (&line["user"], &line["note"]),
        (&json!("desk"), &json!("snapshot"))
    );
    assert_eq!(line["subject"], id.to_string());
    let incident = client.get(&format!("/api/incidents/{id}")).await.json();
    assert_eq!(
        incident["history"],
        json!([]),
        "its record is what was done about it"
    );
    centre.stop().await;
}

#[tokio::test]
async fn a_change_of_the_past_shows() {
    let folder = tempfile::tempdir().unwrap();
    let centre = start(folder.path()).await;
    let chief = user(&centre, "chief", administrator()).await;
    for name in ["a", "b", "c"] {
        add(&centre, name, vec![]).await;
    }
    let check = async || chief.get("/api/audit/check").await.json();
    let whole = check().await;
    assert_eq!(
        (&whole["broken_at"], &whole["lines"]),
        (&Value::Null, &json!(5))
    );
    let head = whole["head"].as_str().unwrap().to_owned();
    assert!(centre.store().audit_had(head.clone()).await.unwrap());

    let raw = rusqlite::Connection::open(folder.path().join("data/centre.sqlite3")).unwrap();
    let edit = |sql: &str| raw.execute_batch(sql).unwrap();
    edit("DROP TRIGGER audit_is_not_changed; DROP TRIGGER audit_is_not_deleted");
    edit("UPDATE audit SET user = 'nobody' WHERE id = 4");
    assert_eq!(check().await["broken_at"], 4);
    edit("UPDATE audit SET user = 'test' WHERE id = 4");
    assert_eq!(check().await["broken_at"], Value::Null);
    edit("CREATE TABLE gone AS SELECT * FROM audit WHERE id = 3; DELETE FROM audit WHERE id = 3");
    assert_eq!(check().await["broken_at"], 4);
    edit("INSERT INTO audit SELECT * FROM gone");
    assert_eq!(check().await["broken_at"], Value::Null);
    // Lines at the end leave no gap: the head that was noted down elsewhere tells.
    edit("DELETE FROM audit WHERE id = 5");
    assert_eq!(check().await["broken_at"], Value::Null);
    assert!(!centre.store().audit_had(head).await.unwrap());
    centre.stop().await;
}

#[tokio::test]
async fn lines_from_before_there_were_hashes_are_held_by_the_first_that_has_one() {
    let folder = tempfile::tempdir().unwrap();
    let centre = start(folder.path()).await;
    for name in ["a", "b"] {
        add(&centre, name, administrator()).await;
    }
    let raw = rusqlite::Connection::open(folder.path().join("data/centre.sqlite3")).unwrap();
    raw.execute_batch("DROP TRIGGER audit_is_not_changed; UPDATE audit SET hash = NULL")
        .unwrap();
    add(&centre, "c", vec![]).await;
    let check = async || centre.store().check_audit().await.unwrap();
    assert_eq!((check().await.lines, check().await.broken_at), (3, None));
    raw.execute_batch("UPDATE audit SET subject = 'z' WHERE id = 1")
        .unwrap();
    assert_eq!(check().await.broken_at, Some(3));
    centre.stop().await;
}
