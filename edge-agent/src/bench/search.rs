//! The most cameras that lose nothing: more and more of them, then between the last that was well and the first that
//! was not. Each trial is a process of its own: the memory of one does not show in the next.

use std::{
    ffi::OsString,
    process::{Command, Stdio},
};

use anyhow::{Context as _, ensure};

use super::{BenchArgs, row::Row, say};

/// No box is tried with more.
pub(super) const MOST: usize = 256;

/// The rows of all trials, by the number of their cameras.
pub(super) fn most(args: &BenchArgs) -> anyhow::Result<Vec<Row>> {
    let mut rows: Vec<Row> = Vec::new();
    let found = search(|cameras| {
        say(&format!("trying {cameras} cameras"));
        let row = apart(args, cameras, rows.is_empty())?;
        let holds = row.holds();
        let least = row.fps.iter().copied().fold(f64::INFINITY, f64::min);
        let verdict = if holds { "well" } else { "too many" };
        say(&format!(
            "{cameras} cameras: {least:.2} a second at least, {verdict}"
        ));
        rows.push(row);
        anyhow::Ok(holds)
    })?;
    say(&format!("the most that this box holds: {found}"));
    rows.sort_by_key(|row| row.cameras);
    Ok(rows)
}

/// The highest number up to [`MOST`] for which `holds`, if that of all below it does; 0 for none.
fn search<E>(mut holds: impl FnMut(usize) -> Result<bool, E>) -> Result<usize, E> {
    let (mut well, mut bad) = (0, MOST + 1);
    while bad - well > 1 {
        // Doubling up to the first that is too many, then halfway.
        let next = if bad > MOST {
            (well * 2).clamp(1, MOST)
        } else {
            well.midpoint(bad)
        };
        if holds(next)? {
            well = next;
        } else {
            bad = next;
        }
    }
    Ok(well)
}

/// A trial in a process of its own; with the plain limit if `limit`.
fn apart(args: &BenchArgs, cameras: usize, limit: bool) -> anyhow::Result<Row> {
    let own = std::env::current_exe().context("own path")?;
    let child = Command::new(own)
        .args(arguments(args, cameras, limit))
        .env("RUST_LOG", "error")
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .context("a trial does not start")?;
    ensure!(
        child.status.success(),
        "a trial with {cameras} cameras failed"
    );
    serde_json::from_slice(&child.stdout).context("a trial's row cannot be read")
}

fn arguments(args: &BenchArgs, cameras: usize, limit: bool) -> Vec<OsString> {
    let mut words: Vec<OsString> = vec!["bench".into(), "--json".into()];
    let mut say = |option: &str, value: OsString| words.extend([option.into(), value]);
    say("--cameras", cameras.to_string().into());
    say("--clip", args.clip.clone().into());
    say("--model", args.model.clone().into());
    say("--fps", args.fps.to_string().into());
    say("--seconds", args.seconds.to_string().into());
    if let Some(quiet) = &args.quiet_clip {
        say("--quiet-clip", quiet.clone().into());
        say("--activity", args.activity.to_string().into());
    }
    for line in &args.camera {
        say("--camera", line.clone().into());
    }
    for line in &args.inference {
        say("--inference", line.clone().into());
    }
    for path in &args.places.weights {
        say("--weights", path.clone().into());
    }
    let paths = [
        ("--dir", &args.dir),
        ("--models", &args.places.models),
        ("--runtime", &args.places.runtime),
    ];
    for (option, path) in paths {
        if let Some(path) = path {
            say(option, path.clone().into());
        }
    }
    if !limit || args.no_limit {
        words.push("--no-limit".into());
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_is_found_whatever_it_is() {
        for most in [0, 1, 2, 3, 7, 8, 100, MOST] {
            let mut tried = Vec::new();
            let found = search(|n| {
                tried.push(n);
                Ok::<_, ()>(n <= most)
            });
            assert_eq!(found, Ok(most), "{tried:?}");
            assert!(tried.len() <= 18, "{tried:?}");
        }
    }
}
