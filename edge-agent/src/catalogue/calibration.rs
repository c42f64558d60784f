//! Calibration pictures: the very tensors that a model gets from clips, through the agent's own decoder and preprocessor.

use std::{
    fs::File,
    io::{BufWriter, Write as _},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};

use crate::{
    camera::{Frame, file::Clip, gate::FrameGate},
    inference::{
        manifest::Manifest,
        preprocess::{Preprocessor, Region},
    },
};

/// Frames a second that pictures are chosen from.
const FPS: f32 = 5.0;

/// Calls `each` with the frames of a clip, `FPS` a second, as long as it returns true.
pub(super) fn frames(
    clip: &Path,
    mut each: impl FnMut(&Frame) -> anyhow::Result<bool>,
) -> anyhow::Result<()> {
    let mut clip = Clip::open(clip, FrameGate::new(FPS))?;
    while let Some(frame) = clip.next_frame()? {
        if !each(&frame)? {
            break;
        }
    }
    Ok(())
}

/// Writes about `pictures` input tensors, evenly out of the clips, as little-endian `f32` one after the other. Returns how
/// many.
///
/// # Errors
/// Where a clip cannot be read or has no picture, or the file cannot be written.
pub(super) fn write(
    path: &Path,
    manifest: &Manifest,
    clips: &[PathBuf],
    pictures: usize,
) -> anyhow::Result<usize> {
    let place = || path.display().to_string();
    let mut file = BufWriter::new(File::create(path).with_context(place)?);
    let mut preprocessor = Preprocessor::new(manifest.spec.clone());
    let mut tensor = vec![0.0; manifest.spec.len()];
    let share = pictures.div_ceil(clips.len().max(1)).max(1);
    let mut written = 0;
    for clip in clips {
        let mut count = 0_usize;
        frames(clip, |_| {
            count += 1;
            Ok(true)
        })?;
        if count == 0 {
            bail!("{}: has no picture", clip.display());
        }
        let (step, mut number) = (count.div_ceil(share), 0);
        frames(clip, |frame| {
            if number % step == 0 {
                let picture = frame.picture();
                let whole = Region::whole(picture.width, picture.height);
                preprocessor.run(&picture, whole, &mut tensor);
                for value in &tensor {
                    file.write_all(&value.to_le_bytes()).with_context(place)?;
                }
                written += 1;
            }
            number += 1;
            Ok(true)
        })?;
    }
    file.flush().with_context(place)?;
    Ok(written)
}
