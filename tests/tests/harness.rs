//! The harness itself: what it starts is gone when it should be.

#![expect(clippy::unwrap_used, reason = "a failing step of a test ends it")]

use std::process::{Command, Stdio};

use tests::harness::{Broker, Leash, PATIENCE, Process, Recorder, wait_for};

/// A program that says its process id and then waits, deaf to SIGTERM or not.
fn sleeper(trap: &str) -> Command {
    let mut command = Command::new("sh");
    command.args([
        "-c",
        &format!("{trap} echo pid $$; while :; do sleep 0.1; done"),
    ]);
    command
}

fn pid(process: &mut Process) -> String {
    let log = process.log().to_owned();
    wait_for("the program's process id", PATIENCE, &mut [process], || {
        let said = std::fs::read_to_string(&log)?;
        let pid = said
            .split_once("pid ")
            .and_then(|(_, rest)| rest.split_once('\n'));
        Ok(pid.map(|(pid, _)| pid.to_owned()))
    })
    .unwrap()
}

fn is_alive(pid: &str) -> bool {
    Command::new("kill")
        .args(["-0", pid])
        .stderr(Stdio::null())
        .status()
        .unwrap()
        .success()
}

fn wait_until_gone(pid: &str) {
    wait_for("the program's end", PATIENCE, &mut [], || {
        Ok((!is_alive(pid)).then_some(()))
    })
    .unwrap();
}

#[test]
fn nothing_outlives_its_owner() {
    let folder = tempfile::tempdir().unwrap();
    for (leash, trap) in [
        (Leash::Drop, ""),
        (Leash::Pipe, ""),
        (Leash::Drop, "trap '' TERM;"),
    ] {
        let log = folder.path().join("log");
        let mut process = Process::spawn("sleeper", sleeper(trap), &log, leash).unwrap();
        let pid = pid(&mut process);
        assert!(is_alive(&pid));
        drop(process);
        wait_until_gone(&pid);
        std::fs::remove_file(&log).unwrap();
    }
}

#[test]
fn a_leashed_program_ends_when_its_parent_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let mut process = Process::spawn("sleeper", sleeper(""), &log, Leash::Pipe).unwrap();
    let pid = pid(&mut process);
    // What the program sees of its parent is the pipe, and that is all that this leaves alone.
    process.let_go();
    wait_until_gone(&pid);
}

#[test]
fn a_wait_ends_with_the_program_that_it_waits_for() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new("sh");
    command.args(["-c", "echo no such camera; exit 3"]);
    let mut process =
        Process::spawn("agent", command, &folder.path().join("log"), Leash::Pipe).unwrap();
    let error = wait_for("an alert", PATIENCE, &mut [&mut process], || Ok(None::<()>)).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("agent ended") && text.contains('3'), "{text}");
    assert!(text.contains("no such camera"), "{text}");
}

#[test]
fn a_broker_comes_back_on_its_port() {
    let folder = tempfile::tempdir().unwrap();
    let mut broker = Broker::start(folder.path(), Leash::Drop).unwrap();
    let port = broker.port();
    drop(Recorder::start(port).unwrap());
    broker.stop().unwrap();
    assert!(std::net::TcpStream::connect(("127.0.0.1", port)).is_err());
    broker.resume().unwrap();
    assert_eq!(broker.port(), port);
    drop(Recorder::start(port).unwrap());
}
