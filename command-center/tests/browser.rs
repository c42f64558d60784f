//! The console in a real browser, with a real broker, and the centre as a program of its own.
//!
//! Wants Node, Chromium, `npm ci` in browser-tests/ and a built console (see CONTRIBUTING.md). It fails where one of
//! them is missing, unless `SAFECITY_SKIP_BROWSER=1` says that this is meant. Screenshots go to the folder that
//! `SAFECITY_SCREENSHOTS` names, or into target/tmp.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "what helps a test may fail like one"
)]

mod support;

use std::{
    env,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use protocol::{IncidentState, NodeState, Severity, Utc};
use support::{
    http::Client,
    picture,
    process::{CentreProgram, Guard, free_port, mosquitto, publish},
    sample::{Node, Sent, announce},
};
use uuid::Uuid;

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_sees_an_incident_arrive_and_acknowledges_it() {
    if env::var_os("SAFECITY_SKIP_BROWSER").is_some_and(|v| v == "1") {
        println!("skipped: SAFECITY_SKIP_BROWSER=1");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (_broker, broker_port) = mosquitto(folder.path()).await;
    let web_port = free_port();
    let start = || CentreProgram::start_on(folder.path(), broker_port, web_port);
    let mut centre = Some(start().await);
    let token = centre.as_ref().unwrap().first_admin_token().await;
    let page = Client::new(centre.as_ref().unwrap().address).get("/").await;
    let hint = "npm ci && npm run build in command-center/console, then build again";
    assert_eq!(page.status, 200, "the console is not built in: {hint}");
    let child = script("live.mjs", web_port)
        .env("FIRST_ADMIN_TOKEN", &token)
        .env("SCREENSHOTS", screenshots())
        .stdout(Stdio::piped())
        .spawn();
    let mut browser = Guard(child.expect("node is needed"));
    let mut steps = BufReader::new(browser.0.stdout.take().unwrap()).lines();
    let mut done = false;
    while let Some(step) = next(&mut steps).await {
        match step.as_str() {
            "READY" => publish(broker_port, &messages()).await,
            "STOP" => drop(centre.take()),
            "START" => centre = Some(start().await),
            "DONE" => done = true,
            other => panic!("unknown step {other:?}"),
        }
    }
    let status = browser.0.wait().unwrap();
    assert!(
        done && status.success(),
        "the browser's part failed: {status}"
    );
    let status = script("screenshot.mjs", web_port)
        .arg(screenshots().join("console.png"))
        .env("USER_NAME", "Control desk")
        .env("PASSWORD", "correct horse battery")
        .status();
    assert!(status.unwrap().success(), "screenshot.mjs failed");
}

type Steps = std::io::Lines<BufReader<std::process::ChildStdout>>;

/// The next line of the script, awaited away from the async thread.
async fn next(steps: &mut Steps) -> Option<String> {
    tokio::task::block_in_place(|| steps.next()).map(Result::unwrap)
}

fn screenshots() -> PathBuf {
    let folder = env::var_os("SAFECITY_SCREENSHOTS").map_or_else(
        || Path::new(env!("CARGO_TARGET_TMPDIR")).join("console"),
        PathBuf::from,
    );
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// A script of browser-tests/, once all that it needs is there.
fn script(name: &str, web_port: u16) -> Command {
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("browser-tests");
    assert!(
        scripts.join("node_modules/playwright-core").is_dir(),
        "npm ci has not run in {}",
        scripts.display()
    );
    let chromium = env::var("CHROMIUM").unwrap_or_else(|_| "/usr/bin/chromium".to_owned());
    assert!(
        Path::new(&chromium).is_file(),
        "{chromium} is not there: apt-get install chromium, or set CHROMIUM"
    );
    let mut command = Command::new("node");
    command
        .arg(name)
        .current_dir(scripts)
        .env("BASE_URL", format!("http://127.0.0.1:{web_port}/"))
        .env("CHROMIUM", chromium);
    command
}

fn ago(seconds: i64) -> Utc {
    Utc::from_microsecond(Utc::now().as_microsecond() - seconds * 1_000_000).unwrap()
}

/// What two nodes of a street say in a few minutes; the last message is a crossed line.
fn messages() -> Vec<Sent> {
    let mut node = Node::new("chorsu-1");
    let mut sent = vec![
        node.status(NodeState::Online, ago(600), &[]),
        node.health(ago(12), 27_000),
        node.health(ago(2), 27_050),
    ];
    let mut tell = |node: &mut Node, kind: &str, severity, seconds, end: Option<i64>, seed| {
        let id = Uuid::now_v7();
        let mut event = node.event(id, IncidentState::Opened, ago(seconds));
        event.data.severity = severity;
        event.data.rule.kind = kind.parse().unwrap();
        if kind == "stopped_vehicle" || kind == "wrong_way" {
            event.data.objects[0].class = "car".to_owned();
        }
        event.data.rule.id = format!("{}-1", kind.replace('_', "-")).parse().unwrap();
        let picture = picture::street(seed, event.data.objects[0].r#box);
        announce(&mut event, &picture);
        sent.push(node.send_event(&event));
        if seed > 0 {
            let half = picture.len() / 2;
            sent.push(node.chunk(id, &picture, 0..half));
            sent.push(node.chunk(id, &picture, half..picture.len()));
        }
        if let Some(end) = end {
            let mut closed = node.event(id, IncidentState::Closed, ago(end));
            closed.data.rule = event.data.rule.clone();
            closed.data.severity = severity;
            sent.push(node.send_event(&closed));
        }
    };
    tell(&mut node, "loitering", Severity::Warning, 512, Some(430), 1);
    tell(&mut node, "wrong_way", Severity::Info, 340, Some(338), 2);
    tell(
        &mut node,
        "stopped_vehicle",
        Severity::Warning,
        121,
        None,
        0,
    );
    tell(&mut node, "intrusion", Severity::Critical, 6, None, 3);
    node.seq += 1; // a message that is lost
    tell(&mut node, "line_crossing", Severity::Alarm, 1, None, 4);
    let last = sent.pop().unwrap();
    let mut other = Node::new("chorsu-2");
    other.faults = vec!["http.listen: 127.0.0.1:9464: address already in use".to_owned()];
    sent.push(other.health(ago(4000), 900));
    sent.push(other.status(NodeState::Offline, ago(4000), &[]));
    let torn = "safecity/v1/tashkent/chorsu-crossroads/chorsu-2/health";
    sent.push((torn.to_owned(), b"{\"bootid\": \"unknown\"".to_vec()));
    sent.push(last);
    sent
}
