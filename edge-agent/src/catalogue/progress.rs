//! What a fetch says while it is at work: a bar for somebody who looks at it, single lines for a log.

use std::{
    io::{self, IsTerminal as _, Write as _},
    time::{Duration, Instant},
};

use super::install::bytes;

/// How often the bar is drawn anew.
const REDRAW: Duration = Duration::from_millis(100);
const WIDTH: usize = 30;

/// Where progress is shown.
#[derive(Debug)]
pub struct Progress {
    show: Show,
    name: String,
    /// When this try began, and with how much.
    began: (Instant, u64),
    drawn: Option<Instant>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Show {
    Nothing,
    Lines,
    Bar,
}

impl Progress {
    /// On standard error: a bar on a terminal, lines elsewhere.
    pub fn on_stderr(name: &str) -> Progress {
        let show = match io::stderr().is_terminal() {
            true => Show::Bar,
            false => Show::Lines,
        };
        Progress::new(name, show)
    }

    /// Nowhere.
    pub fn silent(name: &str) -> Progress {
        Progress::new(name, Show::Nothing)
    }

    fn new(name: &str, show: Show) -> Progress {
        Progress {
            show,
            name: name.to_owned(),
            began: (Instant::now(), 0),
            drawn: None,
        }
    }

    /// Bytes begin to come, after the first `length`.
    pub(super) fn begin(&mut self, length: u64) {
        self.began = (Instant::now(), length);
    }

    /// So many bytes of `total` are here.
    pub(super) fn at(&mut self, length: u64, total: u64) {
        let due = self.drawn.is_none_or(|drawn| drawn.elapsed() >= REDRAW) || length == total;
        if self.show == Show::Bar && due {
            self.drawn = Some(Instant::now());
            let line = bar(
                &self.name,
                length,
                total,
                self.began.0.elapsed(),
                self.began.1,
            );
            put(&format!("\r\x1b[K{line}"));
        }
    }

    /// Something worth a line.
    pub(super) fn say(&mut self, text: &str) {
        match self.show {
            Show::Nothing => {}
            Show::Lines => put(&format!("{}: {text}\n", self.name)),
            Show::Bar => put(&format!("\r\x1b[K{}: {text}\n", self.name)),
        }
        self.drawn = None;
    }
}

fn put(text: &str) {
    // A closed terminal must not stop the work.
    drop(io::stderr().write_all(text.as_bytes()));
}

/// `name  [####----]  45.0 %  1.7 MB of 3.8 MB  0.4 MB/s`
fn bar(name: &str, length: u64, total: u64, since: Duration, first: u64) -> String {
    let part = length as f64 / total.max(1) as f64;
    let filled = ((part * WIDTH as f64) as usize).min(WIDTH);
    let rate = length.saturating_sub(first) as f64 / since.as_secs_f64().max(0.001);
    format!(
        "{name}  [{}{}] {:>5.1} %  {} of {}  {}/s",
        "#".repeat(filled),
        "-".repeat(WIDTH - filled),
        part * 100.0,
        bytes(length),
        bytes(total),
        bytes(rate as u64),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_counts_what_came_in_this_try_for_its_rate() {
        let line = bar(
            "tiny",
            3_000_000,
            4_000_000,
            Duration::from_secs(2),
            1_000_000,
        );
        insta::assert_snapshot!(line, @"tiny  [######################--------]  75.0 %  3.0 MB of 4.0 MB  1.0 MB/s");
        let line = bar("tiny", 0, 0, Duration::ZERO, 0);
        insta::assert_snapshot!(line, @"tiny  [------------------------------]   0.0 %  0 bytes of 0 bytes  0 bytes/s");
    }
}
