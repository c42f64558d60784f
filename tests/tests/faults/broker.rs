//! A broker that is slow to acknowledge, and one that loses what it had taken: a node deletes what the broker
//! acknowledged, so only the broker can keep it from then on, and the centre must say what it did not keep.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use tests::harness::{Conduct, PATIENCE, Raising, wait_for};

use super::{SEED, line::Line, survived, times};

#[test]
fn the_broker_acknowledges_every_two_seconds() {
    let begun = Instant::now();
    // One less than the broker's 20 are on their way at a time: so many acknowledgements come at once.
    let count = times(60, 950);
    let raising = Raising {
        count,
        pause: Duration::from_millis(1),
        ..Raising::default()
    };
    let further = "persistence true\nmax_inflight_messages 20\n";
    let mut line = Line::start_with(&raising, further, SEED);
    line.proxy.set(Conduct {
        batch: Some(Duration::from_secs(2)),
        ..Conduct::GOOD
    });
    line.proxy.cut();
    line.assert_nothing_lost(0);
    // Waiting is no fault: nobody connected anew because of it.
    assert!(line.proxy.connections() <= 2);
    survived("broker acknowledges every 2 s", count / 19, &line, begun);
}

#[test]
fn a_broker_that_keeps_nothing_is_killed() {
    let lost = forget("persistence false\n", times(1, 20));
    assert!(lost > 0, "no message was with the broker alone");
}

/// As `deploy/broker/mosquitto.conf` sets it up. It acknowledges before it has written.
#[test]
fn a_broker_that_writes_at_every_change_is_killed() {
    forget(
        "persistence true\nautosave_interval 1\nautosave_on_changes true\n",
        times(1, 20),
    );
}

/// Kills the broker while it holds messages that the centre has not taken. What the centre has not in the end is what
/// it shows as missing, to the number; gives how many those are.
fn forget(further: &str, kills: u64) -> usize {
    let begun = Instant::now();
    let raising = Raising {
        count: u64::MAX,
        pause: Duration::from_millis(5),
        ..Raising::default()
    };
    let mut line = Line::start_with(&raising, further, SEED);
    for _ in 0..kills {
        line.wait_for_more(20);
        line.centre.process.signal("-STOP").unwrap();
        line.wait_for_more(200);
        line.broker.kill().unwrap();
        line.broker.resume().unwrap();
        line.centre.process.signal("-CONT").unwrap();
        let mark = line.raised() as u64;
        wait_for(
            "the centre to take messages again",
            PATIENCE,
            &mut [],
            || Ok((highest(&line) > mark).then_some(())),
        )
        .unwrap();
    }
    line.raiser.process.kill().unwrap();
    line.centre.sign_in().unwrap();
    let all_shown = || {
        let missing = missing(&line);
        Ok((shown(&line)? == missing).then_some(missing))
    };
    let lost = wait_for(
        "the centre to show what is missing",
        PATIENCE,
        &mut [],
        all_shown,
    );
    let lost = lost.unwrap_or_else(|error| {
        let shown = shown(&line).unwrap();
        panic!("{error}: missing {:?}, shown {shown:?}", missing(&line))
    });
    println!("lost by the broker: {} of {}", lost.len(), line.raised());
    survived(&format!("broker killed, {further:?}"), kills, &line, begun);
    lost.len()
}

/// The highest number that came.
fn highest(line: &Line) -> u64 {
    line.came().iter().map(|m| m.seq).max().unwrap_or(0)
}

/// The numbers below the highest that did not come. The node was never started again: there is one boot.
fn missing(line: &Line) -> BTreeSet<u64> {
    let came: BTreeSet<u64> = line.came().iter().map(|m| m.seq).collect();
    let last = came.last().copied().unwrap_or(0);
    (1..=last).filter(|seq| !came.contains(seq)).collect()
}

/// The numbers that the centre shows as missing.
fn shown(line: &Line) -> anyhow::Result<BTreeSet<u64>> {
    let overview = line.centre.ask("/api/nodes", None)?;
    let nodes = overview["nodes"].as_array().into_iter().flatten();
    let gaps = nodes.flat_map(|node| node["gaps"].as_array().into_iter().flatten());
    let ends = gaps.map(|gap| Some((gap["first"].as_u64()?, gap["last"].as_u64()?)));
    Ok(ends
        .flatten()
        .flat_map(|(first, last)| first..=last)
        .collect())
}
