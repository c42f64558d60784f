//! Waiting for a condition instead of for a time.

use std::time::{Duration, Instant};

use anyhow::bail;

use super::Process;

/// Long enough for a start on a busy machine with two cores.
pub const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(50);
const TAIL: usize = 30;

/// Looks again and again until there is an answer, and gives it.
///
/// # Errors
/// If `patience` ran out, or one of `processes`, without which there will be no answer, has ended; with the last lines
/// of their logs. An error of `look` ends the wait.
pub fn wait_for<T>(
    what: &str,
    patience: Duration,
    processes: &mut [&mut Process],
    mut look: impl FnMut() -> anyhow::Result<Option<T>>,
) -> anyhow::Result<T> {
    let deadline = Instant::now() + patience;
    loop {
        if let Some(found) = look()? {
            return Ok(found);
        }
        for process in processes.iter_mut() {
            if let Some(status) = process.ended()? {
                bail!(
                    "waited for {what}; {} ended: {status}\n{}",
                    process.name(),
                    process.tail(TAIL)
                );
            }
        }
        if Instant::now() > deadline {
            let tails: Vec<String> = processes
                .iter()
                .map(|p| format!("--- {}\n{}", p.name(), p.tail(TAIL)))
                .collect();
            bail!("waited {patience:?} for {what}\n{}", tails.join("\n"));
        }
        std::thread::sleep(PAUSE);
    }
}
