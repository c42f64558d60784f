//! A copy in H.264 of a file whose codec RTP cameras do not speak, made once and kept in a cache folder.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    path::{Path, PathBuf},
    time::UNIX_EPOCH,
};

use gstreamer as gst;
use gstreamer::prelude::*;

use super::clip::{ClipError, run_to_end};

/// The copy's path; it is made first where it is not there yet.
///
/// # Errors
/// [`ClipError`] if the file cannot be read or decoded or the cache cannot be written.
pub(crate) fn cached_h264(file: &Path, cache: &Path) -> Result<PathBuf, ClipError> {
    let open = |path: &Path, error| ClipError::Open {
        file: path.to_owned(),
        error,
    };
    let copy = cache.join(cache_name(file).map_err(|e| open(file, e))?);
    if copy.try_exists().map_err(|e| open(&copy, e))? {
        return Ok(copy);
    }
    std::fs::create_dir_all(cache).map_err(|e| open(cache, e))?;
    tracing::info!(file = %file.display(), copy = %copy.display(), "transcoding to H.264 once");
    // Two processes may do this at once: each writes its own file, and the last rename wins.
    let part = copy.with_extension(format!("{}.part", std::process::id()));
    let made = transcode(file, &part).map_err(|why| ClipError::media(file, why));
    let kept = made.and_then(|()| std::fs::rename(&part, &copy).map_err(|e| open(&copy, e)));
    if kept.is_err()
        && let Err(error) = std::fs::remove_file(&part)
    {
        tracing::debug!(%error, part = %part.display(), "no partial copy to remove");
    }
    kept.map(|()| copy)
}

/// Changes when the file does, by size or time of change.
fn cache_name(file: &Path) -> std::io::Result<String> {
    let about = std::fs::metadata(file)?;
    let changed = about.modified()?.duration_since(UNIX_EPOCH);
    let mut hasher = DefaultHasher::new();
    file.canonicalize()?.hash(&mut hasher);
    about.len().hash(&mut hasher);
    changed.unwrap_or_default().hash(&mut hasher);
    let stem = file.file_stem().unwrap_or_default().to_string_lossy();
    Ok(format!("{stem}-{:016x}.mp4", hasher.finish()))
}

fn transcode(file: &Path, copy: &Path) -> Result<(), String> {
    // A steady rate: AVI files with B-frames have doubled time stamps, which no container takes.
    // Constant quality 18 is close to invisible; a key frame a second lets clients join quickly.
    let line = "filesrc name=from ! decodebin ! videoconvert ! videorate ! video/x-raw,format=I420 ! \
                x264enc pass=quant quantizer=18 speed-preset=veryfast bframes=0 key-int-max=25 ! \
                h264parse ! mp4mux ! filesink name=to";
    let pipeline = gst::parse::launch(line)
        .map_err(|e| e.to_string())?
        .downcast::<gst::Pipeline>()
        .map_err(|_| "launch line is no pipeline".to_owned())?;
    for (name, path) in [("from", file), ("to", copy)] {
        pipeline
            .by_name(name)
            .ok_or_else(|| format!("no element {name}"))?
            .set_property("location", path);
    }
    run_to_end(&pipeline)
}
