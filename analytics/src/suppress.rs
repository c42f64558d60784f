//! Suppression of boxes that show one object twice. Order-free: the result does not depend on the order of the input.

use std::cmp::Ordering;

use crate::{detection::Detection, geometry::Rect};

/// Keeps, per class, the boxes of highest score, dropping those which overlap a kept one by more than `iou`.
/// What is left is ordered by falling score. No allocation.
pub fn suppress(dets: &mut Vec<Detection>, iou: f32) {
    suppress_from(dets, 0, iou);
}

/// [`suppress`] for the part of a list from `start` on.
pub(crate) fn suppress_from(dets: &mut Vec<Detection>, start: usize, iou: f32) {
    suppress_where(dets, start, iou, |a, b| a.class == b.class);
}

/// [`suppress`] among detections whose `key` is the same.
pub(crate) fn suppress_by<K: PartialEq>(
    dets: &mut Vec<Detection>,
    iou: f32,
    key: impl Fn(&Detection) -> K,
) {
    suppress_where(dets, 0, iou, |a, b| key(a) == key(b));
}

fn suppress_where(
    dets: &mut Vec<Detection>,
    start: usize,
    iou: f32,
    alike: impl Fn(&Detection, &Detection) -> bool,
) {
    let Some(part) = dets.get_mut(start..) else {
        return;
    };
    part.sort_unstable_by(best_first);
    let mut kept = start;
    for i in start..dets.len() {
        let Some(&candidate) = dets.get(i) else { break };
        let doubled = dets.get(start..kept).is_some_and(|k| {
            k.iter()
                .any(|d| alike(d, &candidate) && d.rect.iou(&candidate.rect) > iou)
        });
        if !doubled {
            dets.swap(kept, i);
            kept += 1;
        }
    }
    dets.truncate(kept);
}

/// Falling score; ties by place, so that equal scores do not depend on the order of the input either.
fn best_first(a: &Detection, b: &Detection) -> Ordering {
    b.score
        .total_cmp(&a.score)
        .then_with(|| a.class.cmp(&b.class))
        .then_with(|| a.rect.x.total_cmp(&b.rect.x))
        .then_with(|| a.rect.y.total_cmp(&b.rect.y))
        .then_with(|| a.rect.w.total_cmp(&b.rect.w))
        .then_with(|| a.rect.h.total_cmp(&b.rect.h))
}

/// A detection with the part of the picture it was found in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TileDetection {
    /// What was found, in coordinates of the whole picture.
    pub detection: Detection,
    /// The tile; the whole picture is a tile too.
    pub tile: Rect,
}

/// How near to a tile's edge a box counts as cut by it, as a share of the tile's side.
const CUT_MARGIN: f32 = 0.015;

/// How much of a box must lie in a larger one to be taken for a part of it.
const PART: f32 = 0.6;

/// Makes one list of what overlapping tiles found: a box that a tile's edge cuts gives way to a whole one,
/// of whatever class (parts look like other things),
/// two halves cut by facing edges become one box, then [`suppress`] at `iou`. `tiled` is used up; `out` is appended to.
pub fn merge_tiles(tiled: &mut Vec<TileDetection>, iou: f32, out: &mut Vec<Detection>) {
    tiled.sort_unstable_by(|a, b| best_first(&a.detection, &b.detection));
    let start = out.len();
    out.extend(tiled.iter().filter(|t| !is_cut(t)).map(|t| t.detection));
    tiled.retain(is_cut);
    let whole = out.len();
    for part in tiled.iter() {
        let det = part.detection;
        let (wholes, joined) = out.split_at_mut(whole);
        let is_part_of =
            |d: &Detection| det.rect.shared(&d.rect) >= PART * det.rect.area().min(d.rect.area());
        if wholes
            .get(start..)
            .is_some_and(|w| w.iter().any(is_part_of))
        {
            continue;
        }
        let belongs_to = |d: &Detection| is_part_of(d) || are_halves(&d.rect, &det.rect);
        match joined
            .iter_mut()
            .find(|d| d.class == det.class && belongs_to(d))
        {
            Some(other) => {
                other.rect = other.rect.union(&det.rect);
                other.score = other.score.max(det.score);
            }
            None => out.push(det),
        }
    }
    tiled.clear();
    suppress_from(out, start, iou);
}

/// Whether an edge of its tile that is no edge of the picture cuts a box.
fn is_cut(t: &TileDetection) -> bool {
    let (tile, rect) = (&t.tile, &t.detection.rect);
    let (near_x, near_y) = (CUT_MARGIN * tile.w, CUT_MARGIN * tile.h);
    (tile.x > 0.0 && rect.x < tile.x + near_x)
        || (tile.y > 0.0 && rect.y < tile.y + near_y)
        || (tile.x + tile.w < 1.0 && rect.x + rect.w > tile.x + tile.w - near_x)
        || (tile.y + tile.h < 1.0 && rect.y + rect.h > tile.y + tile.h - near_y)
}

/// Whether two boxes look like two parts of one object: they overlap, and along one axis they cover the same stretch.
fn are_halves(a: &Rect, b: &Rect) -> bool {
    let same = |a0: f32, a1: f32, b0: f32, b1: f32| {
        (a1.min(b1) - a0.max(b0)) >= 0.7 * (a1.max(b1) - a0.min(b0))
    };
    let level = same(a.y, a.y + a.h, b.y, b.y + b.h);
    let upright = same(a.x, a.x + a.w, b.x, b.x + b.w);
    a.shared(b) > 0.0 && (level || upright)
}
