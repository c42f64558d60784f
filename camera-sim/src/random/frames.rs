//! Labelled pictures on disk: JPEG files and one `labels.jsonl`, byte for byte the same for a seed.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use image::ExtendedColorType;
use image::codecs::jpeg::JpegEncoder;
use serde::Serialize;

use super::{plot, sky, traffic};
use crate::actor::Class;
use crate::dice::Dice;
use crate::lens::Glass;
use crate::lens::faults::blur;
use crate::sensor::{Capture, Frame};
use crate::space::Size;
use crate::stage::{Moment, Picture, Seen, Stage};
use crate::weather::falling::Falling;

/// Pictures that share one street, because painting a street costs more than painting its traffic.
const GROUP: usize = 8;

/// What to write.
#[derive(Clone, Debug)]
pub struct Order {
    pub count: usize,
    pub seed: u64,
    pub size: Size,
    pub out: PathBuf,
    /// Threads.
    pub jobs: usize,
}

/// One line of `labels.jsonl`.
#[derive(Clone, Debug, Serialize)]
pub struct Label {
    pub file: String,
    pub width: u32,
    pub height: u32,
    pub objects: Vec<Object>,
}

/// One object of a picture.
#[derive(Clone, Debug, Serialize)]
pub struct Object {
    pub class: Class,
    /// Left, top, width, height, pixels.
    #[serde(rename = "box")]
    pub bounds: [f32; 4],
    /// Part that shows, 0..1, rounded to hundredths.
    pub visibility: f32,
}

impl From<&Seen> for Object {
    fn from(seen: &Seen) -> Self {
        let b = seen.bounds;
        Self {
            class: seen.class,
            bounds: [b.left, b.top, b.right - b.left, b.bottom - b.top],
            visibility: (seen.visibility * 100.0).round() / 100.0,
        }
    }
}

/// Why pictures could not be written.
#[derive(Debug, thiserror::Error)]
pub enum FramesError {
    #[error("cannot write {path}: {source}; choose another --out or free some space")]
    Write {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("cannot encode {path} as JPEG: {source}")]
    Encode {
        path: PathBuf,
        source: image::ImageError,
    },
    #[error("cannot write labels as JSON: {0}")]
    Json(#[from] serde_json::Error),
    #[error("a rendering thread died; run again with --jobs 1 to see where")]
    Thread,
}

/// Writes `order.count` pictures and their labels; calls `progress` with the number done so far.
pub fn write(order: &Order, progress: &(dyn Fn(usize) + Sync)) -> Result<(), FramesError> {
    let at = |path: &Path| {
        let path = path.to_owned();
        move |source| FramesError::Write { path, source }
    };
    std::fs::create_dir_all(&order.out).map_err(at(&order.out))?;
    let groups = order.count.div_ceil(GROUP);
    let next = AtomicUsize::new(0);
    let done = AtomicUsize::new(0);
    let work = || -> Result<Vec<(usize, Vec<Label>)>, FramesError> {
        let mut mine = Vec::new();
        loop {
            let group = next.fetch_add(1, Ordering::Relaxed);
            if group >= groups {
                return Ok(mine);
            }
            let labels = write_group(order, group)?;
            progress(done.fetch_add(labels.len(), Ordering::Relaxed) + labels.len());
            mine.push((group, labels));
        }
    };
    let results: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..order.jobs.max(1)).map(|_| scope.spawn(work)).collect();
        threads
            .into_iter()
            .map(|t| t.join().unwrap_or(Err(FramesError::Thread)))
            .collect()
    });
    let mut labels = Vec::new();
    for result in results {
        labels.extend(result?);
    }
    labels.sort_by_key(|(group, _)| *group);
    let path = order.out.join("labels.jsonl");
    let mut file = BufWriter::new(File::create(&path).map_err(at(&path))?);
    for label in labels.iter().flat_map(|(_, labels)| labels) {
        let line = serde_json::to_string(label)?;
        writeln!(file, "{line}").map_err(at(&path))?;
    }
    file.flush().map_err(at(&path))
}

/// One street with up to `GROUP` different crowds.
fn write_group(order: &Order, group: usize) -> Result<Vec<Label>, FramesError> {
    let mut dice = Dice::salted(order.seed, group as u64);
    let plot = plot(&mut dice);
    let stage = Stage::new(&plot.world, &plot.mount, &plot.sky, order.size, dice.roll());
    let sensor = sky::sensor(&plot.sky, &mut dice);
    let camera = Camera {
        capture: Capture::new(sensor, order.size.width, dice.roll()),
        falling: Falling::new(&plot.sky.weather, &plot.sky.light, order.size, dice.roll()),
        bright: 1.0 - plot.sky.light.lamps,
    };
    let first = group * GROUP;
    (first..(first + GROUP).min(order.count))
        .map(|index| {
            let actors = traffic(&plot.world, &stage.view().camera, &mut dice);
            let time = dice.range(30.0, 900.0);
            let fires = sky::fires(&stage.view().camera, time, &mut dice);
            let picture = stage.draw(&Moment {
                time,
                actors: &actors,
                fires: &fires,
            });
            let frame = camera.take(&picture, time, &mut dice);
            let file = format!("{:06}.jpg", index + 1);
            save(
                &order.out.join(&file),
                &frame.to_rgb(),
                order.size,
                45 + dice.below(50) as u8,
            )?;
            let objects = picture.seen.iter().map(Object::from).collect();
            Ok(Label {
                file,
                width: order.size.width,
                height: order.size.height,
                objects,
            })
        })
        .collect()
}

/// The camera over one street; its glass and its focus change from picture to picture.
struct Camera {
    capture: Capture,
    falling: Falling,
    bright: f32,
}

impl Camera {
    fn take(&self, picture: &Picture, time: f32, dice: &mut Dice) -> Frame {
        let mut frame = self.capture.expose(&picture.pixmap);
        let size = frame.size;
        self.falling.over(&mut frame, dice.roll(), time);
        let glass = Glass::new(&sky::lens(dice), &[], size, self.bright, dice.roll());
        glass.through(&mut frame, time);
        let (luma, _) = frame.planes_mut();
        blur(luma, size.width as usize, sky::defocus(dice));
        self.capture
            .develop(&mut frame, dice.range(0.85, 1.15), dice.roll());
        glass.compress(&mut frame);
        frame
    }
}

fn save(path: &Path, rgb: &[u8], size: Size, quality: u8) -> Result<(), FramesError> {
    let file = File::create(path).map_err(|source| FramesError::Write {
        path: path.to_owned(),
        source,
    })?;
    JpegEncoder::new_with_quality(BufWriter::new(file), quality)
        .encode(rgb, size.width, size.height, ExtendedColorType::Rgb8)
        .map_err(|source| FramesError::Encode {
            path: path.to_owned(),
            source,
        })
}
