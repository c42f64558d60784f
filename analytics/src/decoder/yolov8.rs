//! YOLOv8 and its kin: decoded boxes in input pixels, one score a class, no objectness.

use super::{DecoderError, Found, Model, Tensor, best, can_be, corners, floats};

pub(super) const NAME: &str = "yolov8";

#[derive(Clone, Debug)]
pub(super) struct Yolov8 {
    classes: usize,
    /// `[1, n, 4 + classes]` rather than `[1, 4 + classes, n]`.
    rows: bool,
    count: Option<usize>,
    /// Per box the best class and its score so far.
    best: Vec<(usize, f32)>,
}

impl Yolov8 {
    pub(super) fn new(model: &Model<'_>) -> Result<Self, DecoderError> {
        model.check_classes(NAME)?;
        let width = Some(4 + model.classes);
        let mut layout = Yolov8 {
            classes: model.classes,
            rows: false,
            count: None,
            best: Vec::new(),
        };
        if let [output] = model.outputs {
            if can_be(&output.dims, &[Some(1), width, None]) {
                layout.count = output.dims.get(2).copied().flatten();
                return Ok(layout);
            }
            if can_be(&output.dims, &[Some(1), None, width]) {
                layout.rows = true;
                layout.count = output.dims.get(1).copied().flatten();
                return Ok(layout);
            }
        }
        Err(model.refuse(NAME, layout.expected()))
    }

    pub(super) fn expected(&self) -> String {
        let width = 4 + self.classes;
        format!("one output [1, {width}, n] or [1, n, {width}] (4 + classes)")
    }

    /// The data and the number of boxes.
    pub(super) fn read<'a>(&self, outputs: &[Tensor<'a>]) -> Option<(&'a [f32], usize)> {
        let [output] = outputs else { return None };
        let &[_, a, b] = output.shape else {
            return None;
        };
        let (count, width) = if self.rows { (a, b) } else { (b, a) };
        let suits = width == 4 + self.classes && count > 0 && self.count.is_none_or(|c| c == count);
        let data = floats(output, &[1, a, b])?;
        suits.then_some((data, count))
    }

    pub(super) fn decode(&mut self, outputs: &[Tensor<'_>], found: &mut Found<'_>) {
        let Some((data, count)) = self.read(outputs) else {
            return;
        };
        if self.rows {
            for row in data.chunks_exact(4 + self.classes) {
                let [x, y, w, h, classes @ ..] = row else {
                    continue;
                };
                if let Some((class, score)) = best(classes) {
                    found.push(class, score, corners(*x, *y, *w, *h));
                }
            }
            return;
        }
        // One line a quantity: class lines are walked one after the other, as they lie in memory.
        let mut lines = data.chunks_exact(count);
        let (Some(xs), Some(ys), Some(ws), Some(hs)) =
            (lines.next(), lines.next(), lines.next(), lines.next())
        else {
            return;
        };
        self.best.clear();
        self.best.resize(count, (0, f32::NEG_INFINITY));
        for (class, scores) in lines.enumerate() {
            for (best, &score) in self.best.iter_mut().zip(scores) {
                if score > best.1 {
                    *best = (class, score);
                }
            }
        }
        let boxes = xs.iter().zip(ys).zip(ws.iter().zip(hs));
        for (&(class, score), ((&x, &y), (&w, &h))) in self.best.iter().zip(boxes) {
            if score >= found.min_score {
                found.push(class, score, corners(x, y, w, h));
            }
        }
    }
}
