//! YOLOv8 and its kin: decoded boxes in input pixels, one score a class, no objectness.

use super::{DecoderError, Found, Model, Tensor, best, can_be, corners, floats};

pub(super) const NAME: &str = "yolov8";

#[derive(Clone, Debug)]
pub(super) struct Yolov8 {
    classes: usize,
    /// Per box the best class and its score so far.
    best: Vec<(usize, f32)>,
}

/// One inference.
#[derive(Clone, Copy)]
pub(super) enum Reading<'a> {
    /// `[1, n, 4 + classes]`: a row a box.
    Rows(&'a [f32]),
    /// `[1, 4 + classes, n]`: a line a quantity, and the number of boxes.
    Lines(&'a [f32], usize),
}

impl Yolov8 {
    pub(super) fn new(model: &Model<'_>) -> Result<Self, DecoderError> {
        model.check_classes(NAME)?;
        let layout = Yolov8 {
            classes: model.classes,
            best: Vec::new(),
        };
        let width = Some(4 + model.classes);
        let suits = |dims: &[Option<usize>]| {
            can_be(dims, &[Some(1), width, None]) || can_be(dims, &[Some(1), None, width])
        };
        match model.outputs {
            [output] if suits(&output.dims) => Ok(layout),
            _ => Err(model.refuse(NAME, layout.expected())),
        }
    }

    pub(super) fn expected(&self) -> String {
        let width = 4 + self.classes;
        format!("one output [1, {width}, n] or [1, n, {width}] (4 + classes)")
    }

    pub(super) fn read<'a>(&self, outputs: &[Tensor<'a>]) -> Option<Reading<'a>> {
        let [output] = outputs else { return None };
        let width = 4 + self.classes;
        match *output.shape {
            [1, w, n] if w == width && n > 0 => {
                Some(Reading::Lines(floats(output, &[1, w, n])?, n))
            }
            [1, n, w] if w == width => Some(Reading::Rows(floats(output, &[1, n, w])?)),
            _ => None,
        }
    }

    pub(super) fn decode(&mut self, outputs: &[Tensor<'_>], found: &mut Found<'_>) {
        match self.read(outputs) {
            None => {}
            Some(Reading::Rows(data)) => self.decode_rows(data, found),
            Some(Reading::Lines(data, count)) => self.decode_lines(data, count, found),
        }
    }

    fn decode_rows(&self, data: &[f32], found: &mut Found<'_>) {
        for row in data.chunks_exact(4 + self.classes) {
            let [x, y, w, h, classes @ ..] = row else {
                continue;
            };
            if let Some((class, score)) = best(classes) {
                found.push(class, score, corners(*x, *y, *w, *h));
            }
        }
    }

    /// Class lines are walked one after the other, as they lie in memory.
    fn decode_lines(&mut self, data: &[f32], count: usize, found: &mut Found<'_>) {
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
