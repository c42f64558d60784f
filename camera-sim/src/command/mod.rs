//! The subcommands, one file each.

pub(crate) mod case;
pub(crate) mod frames;
mod hostile;
pub(crate) mod quiet;
pub(crate) mod render;
pub(crate) mod serve;
pub(crate) mod sheet;

use std::io::{IsTerminal, Write};

use camera_sim::space::Size;

/// Parses `1280x720`; both sides must be even, as video wants them.
pub(crate) fn parse_size(text: &str) -> Result<Size, String> {
    let (width, height) = text
        .split_once('x')
        .ok_or("expected WIDTHxHEIGHT, as in 1280x720")?;
    let side = |s: &str| {
        s.parse::<u32>()
            .ok()
            .filter(|v| (64..=4096).contains(v) && v % 2 == 0)
    };
    match (side(width), side(height)) {
        (Some(width), Some(height)) => Ok(Size { width, height }),
        _ => Err("width and height must be even numbers from 64 to 4096".to_owned()),
    }
}

/// One line on stderr that counts pictures, where somebody looks at it: a log would keep every state of the line.
pub(crate) fn progress(done: usize, total: usize) {
    let mut to = std::io::stderr();
    if (done.is_multiple_of(25) || done == total) && to.is_terminal() {
        let end = if done == total { "\n" } else { "" };
        // A closed terminal must not stop the work.
        drop(write!(to, "\r{done} of {total} pictures{end}"));
    }
}
