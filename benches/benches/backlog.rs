//! A backlog of 100,000 messages goes out: how fast, and with how much memory. No row of the table: it prints a line.

#![expect(clippy::print_stdout, reason = "its result is what it prints")]

use std::time::Instant;

use anyhow::{Context, ensure};
use benches::uplink::Uplink;

const BACKLOG: u64 = 100_000;
/// Appended at once.
const GROUP: u64 = 500;
/// What memory may grow by after the first tenth, KiB.
const GROWTH: u64 = 8 << 10;

fn main() -> anyhow::Result<()> {
    let mut uplink = Uplink::open()?;
    let begun = Instant::now();
    for _ in 0..BACKLOG / GROUP {
        uplink.append(GROUP as usize)?;
    }
    let appended = BACKLOG as f64 / begun.elapsed().as_secs_f64();
    let begun = Instant::now();
    uplink.connect()?;
    let mut resident = [0; 3];
    for (resident, done) in resident.iter_mut().zip([10, 50, 100]) {
        let stats = uplink.drained_to(BACKLOG / 100 * (100 - done))?;
        ensure!(stats.given_up == 0, "the quota gave up {}", stats.given_up);
        *resident = memory()?;
    }
    let drained = BACKLOG as f64 / begun.elapsed().as_secs_f64();
    let [tenth, half, all] = resident;
    println!(
        "backlog of {BACKLOG}: appended at {appended:.0}/s in groups of {GROUP}, drained at {drained:.0}/s; resident at \
         10 % {tenth} KiB, at 50 % {half} KiB, at 100 % {all} KiB"
    );
    ensure!(half.max(all) <= tenth + GROWTH, "memory grew");
    Ok(())
}

/// Resident memory of this process, KiB.
fn memory() -> anyhow::Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let word = line.and_then(|line| line.split_whitespace().nth(1));
    Ok(word.context("/proc/self/status: no VmRSS")?.parse()?)
}
