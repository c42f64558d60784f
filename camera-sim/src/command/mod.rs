//! The subcommands, one file each.

pub(crate) mod frames;
pub(crate) mod serve;

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
