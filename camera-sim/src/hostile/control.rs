//! Orders from outside: a port that takes lines of text, and a script that gives them at its times.

use std::{
    io::{BufRead, BufReader, ErrorKind, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use super::{HostileError, Orders, knock, order::Order};

/// Longest line that is read.
const MAX_LINE: u64 = 1 << 10;
/// How soon a thread sees that it is to stop.
const LOOK: Duration = Duration::from_millis(100);

/// A port that takes orders: `MOUNT ORDER` a line; each is answered with `ok` or `error: ...`.
///
/// Whoever can reach it can change what the cameras do: it is for the loopback interface.
#[derive(Debug)]
pub struct Control {
    address: SocketAddr,
    stopping: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Control {
    /// Listens on `address`; port 0 takes a free one.
    ///
    /// # Errors
    /// If the address cannot be listened on.
    pub fn start(address: SocketAddr, orders: Orders) -> Result<Self, HostileError> {
        let refused = |error| HostileError::Listen { address, error };
        let listener = TcpListener::bind(address).map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        let stopping = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&stopping);
        let thread = std::thread::Builder::new().name("hostile-control".to_owned());
        let thread = thread.spawn(move || {
            // One at a time: whoever gives orders wants to see them obeyed in turn.
            for client in listener.incoming() {
                if stop.load(Ordering::Relaxed) {
                    return;
                }
                if let Err(error) = client.and_then(|client| take(&client, &orders, &stop)) {
                    tracing::debug!(%error, "who gave orders left");
                }
            }
        })?;
        Ok(Control {
            address,
            stopping,
            thread: Some(thread),
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::Relaxed);
        knock(self.address);
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the control port panicked");
        }
    }
}

fn take(client: &TcpStream, orders: &Orders, stop: &AtomicBool) -> std::io::Result<()> {
    client.set_read_timeout(Some(LOOK))?;
    let mut lines = BufReader::new(client);
    let mut line = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let left = MAX_LINE.saturating_sub(line.len() as u64);
        match (&mut lines).take(left).read_until(b'\n', &mut line) {
            Ok(0) if line.is_empty() => return Ok(()),
            Ok(_) => {
                let text = String::from_utf8_lossy(&line).trim().to_owned();
                line.clear();
                let mut out = client;
                match give(&text, orders) {
                    Ok(()) => writeln!(out, "ok")?,
                    Err(why) => writeln!(out, "error: {why}")?,
                }
            }
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn give(text: &str, orders: &Orders) -> Result<(), String> {
    let (mount, order) = text
        .split_once(char::is_whitespace)
        .ok_or("expected MOUNT ORDER")?;
    let order: Order = order.parse().map_err(|e| format!("{e}"))?;
    orders.give(mount, order).map_err(|e| e.to_string())
}

/// Why a script cannot be run.
#[derive(Debug, thiserror::Error)]
pub enum ScriptError {
    /// It cannot be read.
    #[error("script {file}: {error}")]
    Read {
        /// Which file.
        file: PathBuf,
        /// The operating system's words.
        error: std::io::Error,
    },
    /// A line of it is wrong.
    #[error("script {file}: line {line}: {why}")]
    Line {
        /// Which file.
        file: PathBuf,
        /// Where, from 1.
        line: usize,
        /// What is wrong.
        why: String,
    },
    /// The operating system gives no thread.
    #[error("cannot start a thread: {0}")]
    Thread(#[from] std::io::Error),
}

/// A script that runs: each line is `SECONDS MOUNT ORDER`, in the order of time; `#` begins a comment.
#[derive(Debug)]
pub struct Script {
    stopping: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// When, to whom and what.
type Step = (Duration, String, Order);

impl Script {
    /// Reads and checks `file` whole, then runs it; its time begins now.
    ///
    /// # Errors
    /// [`ScriptError`] names the line.
    pub fn start(file: &Path, orders: Orders) -> Result<Self, ScriptError> {
        let text = std::fs::read_to_string(file).map_err(|error| ScriptError::Read {
            file: file.to_owned(),
            error,
        })?;
        let steps = read(&text).map_err(|(line, why)| ScriptError::Line {
            file: file.to_owned(),
            line,
            why,
        })?;
        let stopping = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&stopping);
        let thread = std::thread::Builder::new().name("hostile-script".to_owned());
        let thread = thread.spawn(move || run(steps, &orders, &stop))?;
        Ok(Script {
            stopping,
            thread: Some(thread),
        })
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the script panicked");
        }
    }
}

/// The steps of a script; a bad line's number and what is wrong with it.
fn read(text: &str) -> Result<Vec<Step>, (usize, String)> {
    let mut steps: Vec<Step> = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.split('#').next().unwrap_or_default().trim();
        if line.is_empty() {
            continue;
        }
        let step = step(line).map_err(|why| (number + 1, why))?;
        if steps.last().is_some_and(|(at, ..)| *at > step.0) {
            return Err((number + 1, "comes before the line above it".to_owned()));
        }
        steps.push(step);
    }
    Ok(steps)
}

fn step(line: &str) -> Result<Step, String> {
    let mut words = line.splitn(3, char::is_whitespace);
    let (Some(at), Some(mount), Some(order)) = (words.next(), words.next(), words.next()) else {
        return Err("expected SECONDS MOUNT ORDER".to_owned());
    };
    let at = at.parse::<f64>().ok();
    let at = at.and_then(|at| Duration::try_from_secs_f64(at).ok());
    let at = at.ok_or("expected seconds from the start, 0 or more")?;
    let order = order.parse::<Order>().map_err(|e| e.to_string())?;
    Ok((at, mount.to_owned(), order))
}

fn run(steps: Vec<Step>, orders: &Orders, stop: &AtomicBool) {
    let begun = Instant::now();
    for (at, mount, order) in steps {
        while begun.elapsed() < at {
            if stop.load(Ordering::Relaxed) {
                return;
            }
            std::thread::sleep(LOOK.min(at.saturating_sub(begun.elapsed())));
        }
        if let Err(error) = orders.give(&mount, order) {
            tracing::error!(%error, "a step of the script is left out");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_checked_whole() {
        let steps = read("# a bad day\n0 gate freeze on\n\n12.5 gate well # enough\n").unwrap();
        assert_eq!(
            steps,
            [
                (Duration::ZERO, "gate".to_owned(), Order::Freeze(true)),
                (
                    Duration::from_millis(12_500),
                    "gate".to_owned(),
                    Order::Well
                )
            ]
        );
        for (text, line, word) in [
            ("1 gate freeze on\n0 gate well", 2, "before"),
            ("\n\nsoon gate well", 3, "seconds"),
            ("1 gate", 1, "SECONDS MOUNT ORDER"),
            ("1 gate explode", 1, "no order"),
        ] {
            let (at, why) = read(text).unwrap_err();
            assert!(at == line && why.contains(word), "{text:?}: {at}: {why}");
        }
    }
}
