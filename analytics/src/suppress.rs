//! Suppression of boxes that show one object twice. Order-free: the result does not depend on the order of the input.

use std::cmp::Ordering;

use crate::detection::Detection;

/// Keeps, per class, the boxes of highest score, dropping those which overlap a kept one by more than `iou`.
/// What is left is ordered by falling score. No allocation.
pub fn suppress(dets: &mut Vec<Detection>, iou: f32) {
    suppress_from(dets, 0, iou);
}

/// [`suppress`] for the part of a list from `start` on.
pub(crate) fn suppress_from(dets: &mut Vec<Detection>, start: usize, iou: f32) {
    let Some(part) = dets.get_mut(start..) else {
        return;
    };
    part.sort_unstable_by(best_first);
    let mut kept = start;
    for i in start..dets.len() {
        let Some(&candidate) = dets.get(i) else { break };
        let doubled = dets.get(start..kept).is_some_and(|k| {
            k.iter()
                .any(|d| d.class == candidate.class && d.rect.iou(&candidate.rect) > iou)
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
