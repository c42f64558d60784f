//! Multiple object tracking against ground truth in the text form of MOT15 (Leal-Taixe et al., 2015): reading, tracking,
//! and scoring by CLEAR MOT (Bernardin and Stiefelhagen, 2008) and IDF1 (Ristani et al., 2016), both at IoU 0.5. The
//! figures agree with those of py-motmetrics 1.4 (`tests/mot/score.sh` prints them).

use std::{collections::BTreeMap, fmt::Write as _, fs, io, path::Path, time::Duration};

use analytics::{
    detection::{ClassId, Detection},
    geometry::Rect,
    track::{Appearance, Sketch, Tracker, TrackerSettings},
};
use pathfinding::{kuhn_munkres::kuhn_munkres, matrix::Matrix};

/// Boxes of one frame with the number of their object, normalised.
pub type Boxes = Vec<(u64, Rect)>;

/// A sequence: its public detections and its ground truth.
pub struct Sequence {
    /// Folder name.
    pub name: String,
    fps: f32,
    size: (f32, f32),
    /// Frame by frame, from the first.
    pub detections: Vec<Vec<Detection>>,
    /// The same for the truth.
    pub truth: Vec<Boxes>,
}

impl Sequence {
    /// Reads a folder with `seqinfo.ini`, `det/det.txt` and `gt/gt.txt`.
    ///
    /// # Errors
    /// Files that are missing or cannot be understood.
    pub fn read(folder: &Path) -> io::Result<Sequence> {
        let info = fs::read_to_string(folder.join("seqinfo.ini"))?;
        let value = |key: &str| {
            let line = info
                .lines()
                .find_map(|l| l.strip_prefix(key)?.strip_prefix('='));
            line.and_then(|v| v.trim().parse::<f32>().ok())
                .ok_or_else(|| {
                    io::Error::other(format!("{}: seqinfo.ini has no {key}", folder.display()))
                })
        };
        let (fps, frames) = (value("frameRate")?, value("seqLength")?);
        let size = (value("imWidth")?, value("imHeight")?);
        let frames = frames as usize;
        let mut sequence = Sequence {
            name: folder
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned(),
            fps,
            size,
            detections: vec![Vec::new(); frames],
            truth: vec![Boxes::new(); frames],
        };
        for (frame, _, rect, score) in rows(&folder.join("det/det.txt"), size)? {
            if let Some(dets) = sequence.detections.get_mut(frame) {
                let class = ClassId(0);
                dets.push(Detection { class, score, rect });
            }
        }
        for (frame, object, rect, counts) in rows(&folder.join("gt/gt.txt"), size)? {
            if let (true, Some(boxes)) = (counts > 0.0, sequence.truth.get_mut(frame)) {
                boxes.push((object as u64, rect));
            }
        }
        sequence.spread_scores();
        Ok(sequence)
    }

    /// These detectors' scores are no probabilities: they crowd below 1, differently from file to file. What is left to 1,
    /// as a logarithm, spreads them; the file's nine tenths quantile of that becomes score 1.
    fn spread_scores(&mut self) {
        let spread = |score: f32| -(1.0 - score).max(1e-4).log10();
        let mut all: Vec<f32> = self
            .detections
            .iter()
            .flatten()
            .map(|d| spread(d.score))
            .collect();
        all.sort_unstable_by(f32::total_cmp);
        let top = all.get(all.len() * 9 / 10).copied().unwrap_or(1.0);
        for det in self.detections.iter_mut().flatten() {
            det.score = (spread(det.score) / top).clamp(0.0, 1.0);
        }
    }

    /// Every so many frames of it, beginning with one of the first.
    pub fn every(&self, stride: usize, first: usize) -> Sequence {
        Sequence {
            name: self.name.clone(),
            fps: self.fps / stride as f32,
            size: self.size,
            detections: (self.detections.iter().skip(first))
                .step_by(stride)
                .cloned()
                .collect(),
            truth: (self.truth.iter().skip(first))
                .step_by(stride)
                .cloned()
                .collect(),
        }
    }

    /// Runs a tracker; gives the boxes of believed tracks in the frames that showed them.
    pub fn track(&self, settings: &TrackerSettings) -> Vec<Boxes> {
        self.track_by_looks(settings, |_, _, _| Vec::new())
    }

    /// As [`Sequence::track`], with what `look` sees in a frame, given what is known of the tracks.
    pub fn track_by_looks(
        &self,
        settings: &TrackerSettings,
        mut look: impl FnMut(usize, &[Sketch], &[Detection]) -> Vec<Appearance>,
    ) -> Vec<Boxes> {
        let mut tracker = Tracker::new(settings.clone());
        let mut frames = Vec::new();
        for (i, dets) in self.detections.iter().enumerate() {
            let at = Duration::from_secs_f32(i as f32 / self.fps);
            tracker.recognise(look(i, &tracker.sketches(), dets));
            let tracks = tracker.update(at, dets).iter();
            let shown = tracks.filter(|t| t.confirmed && t.seen);
            frames.push(shown.map(|t| (t.id.0, t.rect)).collect());
        }
        frames
    }

    /// A result file in MOT's text form.
    pub fn write(&self, frames: &[Boxes]) -> String {
        let mut text = String::new();
        for (i, boxes) in frames.iter().enumerate() {
            for (id, r) in boxes {
                let (x, y) = (r.x * self.size.0, r.y * self.size.1);
                let (w, h) = (r.w * self.size.0, r.h * self.size.1);
                writeln!(
                    text,
                    "{},{id},{x:.3},{y:.3},{w:.3},{h:.3},1,-1,-1,-1",
                    i + 1
                )
                .unwrap_or_default();
            }
        }
        text
    }
}

/// Frame from 0, object, normalised box, and the seventh column.
fn rows(file: &Path, size: (f32, f32)) -> io::Result<Vec<(usize, f32, Rect, f32)>> {
    let text = fs::read_to_string(file)?;
    let parse = |line: &str| {
        let numbers: Vec<f32> = line
            .split(',')
            .map_while(|v| v.trim().parse().ok())
            .collect();
        let [frame, object, x, y, w, h, last, ..] = numbers[..] else {
            return None;
        };
        let rect = Rect {
            x: x / size.0,
            y: y / size.1,
            w: w / size.0,
            h: h / size.1,
        };
        Some(((frame as usize).checked_sub(1)?, object, rect, last))
    };
    let lines = text.lines().filter(|l| !l.trim().is_empty()).enumerate();
    let bad =
        |i: usize| io::Error::other(format!("{}: line {} is no MOT row", file.display(), i + 1));
    lines
        .map(|(i, line)| parse(line).ok_or_else(|| bad(i)))
        .collect()
}

/// How well tracks follow the truth.
#[derive(Clone, Debug, Default)]
pub struct Score {
    /// Boxes of the truth.
    pub truth: usize,
    /// Boxes of tracks.
    pub boxes: usize,
    /// Boxes of tracks without truth.
    pub false_positives: usize,
    /// Boxes of the truth without a track.
    pub misses: usize,
    /// Objects that changed their track.
    pub switches: usize,
    /// Boxes that belong together under the best one to one mapping of whole tracks to whole objects.
    pub identified: usize,
}

impl Score {
    /// Scores result frames against truth frames.
    pub fn of(truth: &[Boxes], frames: &[Boxes]) -> Score {
        let mut score = Score {
            truth: truth.iter().map(Vec::len).sum(),
            boxes: frames.iter().map(Vec::len).sum(),
            ..Score::default()
        };
        let mut last: BTreeMap<u64, u64> = BTreeMap::new();
        let mut together: BTreeMap<(u64, u64), i64> = BTreeMap::new();
        for (objects, boxes) in truth.iter().zip(frames) {
            let near = |a: &Rect, b: &Rect| a.iou(b) >= 0.5;
            for (object, a) in objects {
                for (id, _) in boxes.iter().filter(|(_, b)| near(a, b)) {
                    *together.entry((*object, *id)).or_default() += 1;
                }
            }
            let pairs = clear_pairs(objects, boxes, &last);
            score.misses += objects.len() - pairs.len();
            score.false_positives += boxes.len() - pairs.len();
            for (object, id) in pairs {
                let before = last.insert(object, id);
                score.switches += usize::from(before.is_some_and(|b| b != id));
            }
        }
        score.identified = best_sum(&together);
        score
    }

    /// Multiple object tracking accuracy, in percent.
    pub fn mota(&self) -> f64 {
        let errors = self.false_positives + self.misses + self.switches;
        100.0 * (1.0 - errors as f64 / self.truth as f64)
    }

    /// F1 of identified boxes, in percent.
    pub fn idf1(&self) -> f64 {
        200.0 * self.identified as f64 / (self.truth + self.boxes) as f64
    }
}

/// Pairs of one frame: those of before first, where they still overlap; then as many as possible, nearest first.
fn clear_pairs(objects: &Boxes, boxes: &Boxes, last: &BTreeMap<u64, u64>) -> Vec<(u64, u64)> {
    let mut pairs: Vec<(u64, u64)> = Vec::new();
    for (object, a) in objects {
        let before = last
            .get(object)
            .and_then(|id| boxes.iter().find(|(b, _)| b == id));
        if let Some((id, b)) = before
            && a.iou(b) >= 0.5
            && pairs.iter().all(|p| p.1 != *id)
        {
            pairs.push((*object, *id));
        }
    }
    let mut weights = BTreeMap::new();
    for (object, a) in objects
        .iter()
        .filter(|(o, _)| pairs.iter().all(|p| p.0 != *o))
    {
        for (id, b) in boxes
            .iter()
            .filter(|(i, _)| pairs.iter().all(|p| p.1 != *i))
        {
            if a.iou(b) >= 0.5 {
                weights.insert(
                    (*object, *id),
                    1_000_000 + (f64::from(a.iou(b)) * 1000.0) as i64,
                );
            }
        }
    }
    pairs.extend(best_pairs(&weights));
    pairs
}

fn best_sum(weights: &BTreeMap<(u64, u64), i64>) -> usize {
    best_pairs(weights)
        .iter()
        .map(|p| weights[p] as usize)
        .sum()
}

/// The one to one mapping of the largest sum.
fn best_pairs(weights: &BTreeMap<(u64, u64), i64>) -> Vec<(u64, u64)> {
    let mut rows: Vec<u64> = weights.keys().map(|k| k.0).collect();
    let mut columns: Vec<u64> = weights.keys().map(|k| k.1).collect();
    for list in [&mut rows, &mut columns] {
        list.sort_unstable();
        list.dedup();
    }
    let width = columns.len().max(rows.len());
    if width == 0 {
        return Vec::new();
    }
    let weight = |(r, c): (usize, usize)| columns.get(c).and_then(|c| weights.get(&(rows[r], *c)));
    let matrix = Matrix::from_fn(rows.len(), width, |place| {
        weight(place).copied().unwrap_or(0)
    });
    let (_, chosen) = kuhn_munkres(&matrix);
    let possible = chosen
        .into_iter()
        .enumerate()
        .filter(|p| weight(*p).is_some());
    possible.map(|(r, c)| (rows[r], columns[c])).collect()
}
