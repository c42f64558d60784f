//! Tracks the public detections of MOT sequences with the tracker's own defaults and writes a result file each.
//!
//! `mot RESULTS SEQUENCE...`, folders with seqinfo.ini and det/det.txt; see tests/mot/score.sh.

use std::{env, fs, path::PathBuf};

use analytics::track::TrackerSettings;
use anyhow::{Context, Result, bail};
use tests::mot::Sequence;

fn main() -> Result<()> {
    let folders: Vec<PathBuf> = env::args_os().skip(1).map(PathBuf::from).collect();
    let [results, sequences @ ..] = folders.as_slice() else {
        bail!("usage: mot RESULTS SEQUENCE...");
    };
    fs::create_dir_all(results).with_context(|| format!("cannot make {}", results.display()))?;
    for folder in sequences {
        let sequence =
            Sequence::read(folder).with_context(|| format!("cannot read {}", folder.display()))?;
        let text = sequence.write(&sequence.track(&TrackerSettings::default()));
        let file = results.join(format!("{}.txt", sequence.name));
        fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))?;
    }
    Ok(())
}
