//! Nothing is lost: whatever happens to the link, the node, the broker or the centre, the set of messages at the centre
//! is the set that was raised. docs/reliability.md lists the faults.
//!
//! `make test` makes each fault a few times; SAFECITY_FAULTS=full (`make faults`) as often as the table says.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a failing step of a test ends it and says why"
)]

#[path = "faults/broker.rs"]
mod broker;
#[path = "faults/line.rs"]
mod line;
#[path = "faults/uplink.rs"]
mod uplink;

use std::{
    thread::sleep,
    time::{Duration, Instant},
};

use line::Line;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use tests::harness::{Conduct, PATIENCE, Process, Raising, Way, wait_for};

const SEED: u64 = 4;

/// `few` in a plain run, `many` at full length.
fn times(few: u64, many: u64) -> u64 {
    let full = std::env::var_os("SAFECITY_FAULTS").is_some_and(|value| value == "full");
    if full { many } else { few }
}

fn survived(what: &str, faults: u64, line: &Line, begun: Instant) {
    println!(
        "survived: {what}: {faults} faults, {} messages, {:.0} s",
        line.raised(),
        begun.elapsed().as_secs_f64()
    );
}

/// Cuts connections until there were so many cuts, then lets all arrive.
fn cut(what: &str, wanted: u64, cut_within: (u64, u64)) {
    let begun = Instant::now();
    // A connection carries about five messages until it is cut: what is raised outlasts the cuts.
    let mut line = Line::start(wanted * 20, Duration::from_micros(500), SEED);
    line.proxy.set(Conduct {
        cut_within,
        ..Conduct::GOOD
    });
    let (proxy, process) = (&line.proxy, &mut line.raiser.process);
    wait_for(
        "enough cuts",
        Duration::from_secs(900),
        &mut [process],
        || Ok((proxy.cuts() >= wanted).then_some(())),
    )
    .unwrap();
    line.proxy.set(Conduct::GOOD);
    line.proxy.cut();
    line.assert_nothing_lost(0);
    survived(what, line.proxy.cuts(), &line, begun);
}

#[test]
fn the_link_is_cut_at_a_random_byte() {
    cut("link cut at a random byte", times(8, 300), (12_000, 120));
}

#[test]
fn the_link_is_cut_between_publish_and_puback() {
    cut("link cut before a PUBACK", times(8, 300), (0, 120));
}

/// Kills a process so many times, each time after a random part of a second, and starts it again.
fn kill(
    line: &mut Line,
    wanted: u64,
    process: impl Fn(&mut Line) -> &mut Process,
    resume: impl Fn(&mut Line),
) {
    let mut random = StdRng::seed_from_u64(SEED);
    let mut kills = 0;
    while kills < wanted {
        // The moment of the fault, not a condition.
        sleep(Duration::from_millis(random.random_range(50..400)));
        let status = process(line).kill().unwrap();
        // One that had ended by itself was not killed.
        assert_eq!(status.code(), None, "ended after {kills} kills: {status}");
        kills += 1;
        resume(line);
    }
}

#[test]
fn the_node_is_killed_while_it_raises() {
    let begun = Instant::now();
    let kills = times(6, 200);
    let mut line = Line::start(kills * times(100, 50), Duration::from_millis(5), SEED);
    kill(
        &mut line,
        kills,
        |line| &mut line.raiser.process,
        |line| line.raiser.resume().unwrap(),
    );
    line.assert_nothing_lost(kills as usize);
    survived("SIGKILL of the node", kills, &line, begun);
}

#[test]
fn the_centre_is_killed_while_it_takes_messages() {
    let begun = Instant::now();
    let kills = times(6, 200);
    let mut line = Line::start(kills * times(100, 50), Duration::from_millis(4), SEED);
    kill(
        &mut line,
        kills,
        |line| &mut line.centre.process,
        |line| line.centre.resume().unwrap(),
    );
    line.assert_nothing_lost(0);
    survived("SIGKILL of the centre", kills, &line, begun);
}

#[test]
fn the_broker_is_restarted_between_opened_and_closed() {
    let begun = Instant::now();
    let restarts = times(3, 100);
    let mut line = Line::start(restarts * 100, Duration::from_millis(10), SEED);
    for _ in 0..restarts {
        line.wait_for_more(3);
        line.broker.stop().unwrap();
        // The closings of what was open are raised while nobody listens.
        line.wait_for_more(3);
        line.broker.resume().unwrap();
    }
    line.assert_nothing_lost(0);
    for incident in line.centre.incidents().unwrap() {
        assert_eq!(incident.state, "closed", "{incident:?}");
    }
    survived("broker restarted", restarts, &line, begun);
}

#[test]
fn the_broker_is_away_while_many_are_raised() {
    let begun = Instant::now();
    let count = times(300, 60_000);
    // At full length ten minutes at a hundred a second.
    let mut line = Line::start(count, Duration::from_millis(10), SEED);
    line.wait_for_more(1);
    line.broker.stop().unwrap();
    let raiser = &line.raiser;
    wait_for(
        "all to be raised",
        Duration::from_secs(900),
        &mut [],
        || Ok((raiser.journal()?.len() as u64 >= count).then_some(())),
    )
    .unwrap();
    line.broker.resume().unwrap();
    line.assert_nothing_lost(0);
    survived("broker away", 1, &line, begun);
}

/// Changes the link's conduct to and fro while messages are raised.
fn disturb(what: &str, faults: u64, bad: &Conduct) {
    let begun = Instant::now();
    let mut line = Line::start(faults * 100, Duration::from_millis(4), SEED);
    for _ in 0..faults {
        line.wait_for_more(20);
        line.proxy.set(bad.clone());
        line.wait_for_more(20);
        line.proxy.set(Conduct::GOOD);
        if bad.way == Way::BlackHole {
            // What it swallowed is missing from the stream: no connection survives that.
            line.proxy.cut();
        }
    }
    line.assert_nothing_lost(0);
    survived(what, faults, &line, begun);
}

fn way(way: Way) -> Conduct {
    Conduct {
        way,
        ..Conduct::GOOD
    }
}

#[test]
fn the_link_stalls() {
    disturb("link stalled", times(3, 100), &way(Way::Stalled));
}

#[test]
fn the_link_swallows_what_is_sent() {
    disturb("link swallows all", times(3, 100), &way(Way::BlackHole));
}

#[test]
fn the_link_is_refused() {
    disturb("connection refused", times(3, 100), &way(Way::Refused));
}

#[test]
fn the_link_is_up_a_tenth_of_the_time() {
    let begun = Instant::now();
    let turns = times(2, 5);
    let up = Duration::from_millis(times(300, 6000));
    // A hundred a turn, spread over all of it.
    let mut line = Line::start(turns * 100, up / 10, SEED);
    for _ in 0..turns {
        line.proxy.set(way(Way::Refused));
        sleep(up * 9);
        line.proxy.set(way(Way::Open));
        sleep(up);
    }
    line.assert_nothing_lost(0);
    survived("link up one part in ten", turns, &line, begun);
}

#[test]
fn the_link_is_narrow_and_late() {
    let begun = Instant::now();
    let count = times(30, 500);
    let mut line = Line::start(count, Duration::from_millis(20), SEED);
    // 64 kbit/s each way, for connections from now on.
    line.proxy.set(Conduct {
        delay: Duration::from_millis(300),
        rate: Some(8000),
        ..Conduct::GOOD
    });
    line.proxy.cut();
    line.assert_nothing_lost(0);
    survived("link of 64 kbit/s with 300 ms delay", 1, &line, begun);
}

#[test]
fn the_clock_jumps_and_begins_in_1970() {
    let begun = Instant::now();
    let raising = Raising {
        count: times(112, 5000),
        pause: Duration::from_millis(2),
        wild_clock: true,
        ..Raising::default()
    };
    let mut line = Line::start_with(&raising, line::KEEPS, SEED);
    line.assert_nothing_lost(0);
    // Opened and closed bear stamps in any order: only their numbers say which is the later.
    let incidents = line.centre.incidents().unwrap();
    assert_eq!(incidents.len() as u64, raising.count / 2);
    for incident in incidents {
        assert_eq!(incident.state, "closed", "{incident:?}");
    }
    survived("steps of the clock", raising.count / 7, &line, begun);
}

/// Resident memory of a process in kibibytes.
fn resident(process: &Process) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", process.id())).unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn a_thousand_reconnections_leave_memory_flat() {
    let begun = Instant::now();
    let cycles = times(40, 1000);
    let mut line = Line::start(cycles * 60, Duration::from_millis(2), SEED);
    let mut early = 0;
    for cycle in 0..cycles {
        let connections = line.proxy.connections();
        let (proxy, process) = (&line.proxy, &mut line.raiser.process);
        proxy.cut();
        wait_for("a new connection", PATIENCE, &mut [process], || {
            Ok((proxy.connections() > connections).then_some(()))
        })
        .unwrap();
        if cycle == cycles / 4 {
            early = resident(&line.raiser.process);
        }
    }
    let late = resident(&line.raiser.process);
    println!("resident after a quarter of the cycles {early} KiB, in the end {late} KiB");
    // A leak of one window of messages a cycle would be 64 KiB times the cycles.
    assert!(late < early + 8 * 1024, "{early} KiB grew to {late} KiB");
    line.assert_nothing_lost(0);
    survived("reconnections", cycles, &line, begun);
}
