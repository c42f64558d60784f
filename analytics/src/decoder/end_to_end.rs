//! Models that suppress by themselves: one `[1, n, 6]` output, or labels, boxes and scores as DETR and its kin give them.

use super::{DecoderError, Found, Model, Tensor, TensorData, TensorShape, can_be, floats};

pub(super) const NAME: &str = "end_to_end";

#[derive(Clone, Debug)]
pub(super) enum EndToEnd {
    /// `[1, n, 6]`.
    Rows,
    /// Places of the three outputs.
    Detr {
        labels: usize,
        boxes: usize,
        scores: usize,
    },
}

/// One inference, whichever way it is written down.
#[derive(Clone, Copy)]
pub(super) enum Reading<'a> {
    Rows(&'a [f32]),
    Detr {
        labels: TensorData<'a>,
        boxes: &'a [f32],
        scores: &'a [f32],
    },
}

impl EndToEnd {
    pub(super) fn new(model: &Model<'_>) -> Result<Self, DecoderError> {
        model.check_classes(NAME)?;
        let layout = match model.outputs {
            [rows] if can_be(&rows.dims, &[Some(1), None, Some(6)]) => Some(EndToEnd::Rows),
            [_, _, _] => Self::detr(model.outputs),
            _ => None,
        };
        layout.ok_or_else(|| model.refuse(NAME, EndToEnd::Rows.expected()))
    }

    /// Boxes by their shape; labels and scores, which are shaped alike, by their names, else in that order.
    fn detr(outputs: &[TensorShape]) -> Option<Self> {
        let is_list = |o: &TensorShape| can_be(&o.dims, &[Some(1), None]);
        let is_boxes = |o: &TensorShape| can_be(&o.dims, &[Some(1), None, Some(4)]);
        let boxes = outputs.iter().position(is_boxes)?;
        let mut lists = outputs.iter().enumerate().filter(|(_, o)| is_list(o));
        let ((first, first_output), (second, _)) = (lists.next()?, lists.next()?);
        let (labels, scores) = if first_output.name.to_lowercase().contains("score") {
            (second, first)
        } else {
            (first, second)
        };
        Some(EndToEnd::Detr {
            labels,
            boxes,
            scores,
        })
    }

    pub(super) fn expected(&self) -> String {
        "one output [1, n, 6], or labels [1, n], boxes [1, n, 4] and scores [1, n]".to_owned()
    }

    pub(super) fn read<'a>(&self, outputs: &[Tensor<'a>]) -> Option<Reading<'a>> {
        match *self {
            EndToEnd::Rows => {
                let [rows] = outputs else { return None };
                let &[1, n, 6] = rows.shape else { return None };
                Some(Reading::Rows(floats(rows, &[1, n, 6])?))
            }
            EndToEnd::Detr {
                labels,
                boxes,
                scores,
            } => {
                let [labels, boxes, scores] = [
                    outputs.get(labels)?,
                    outputs.get(boxes)?,
                    outputs.get(scores)?,
                ];
                let &[1, n] = scores.shape else { return None };
                let labels_found = match labels.data {
                    TensorData::F32(data) => data.len(),
                    TensorData::I64(data) => data.len(),
                };
                let suits = labels.shape == [1, n] && labels_found == n;
                suits.then_some(Reading::Detr {
                    labels: labels.data,
                    boxes: floats(boxes, &[1, n, 4])?,
                    scores: floats(scores, &[1, n])?,
                })
            }
        }
    }

    pub(super) fn decode(&self, outputs: &[Tensor<'_>], found: &mut Found<'_>) {
        match self.read(outputs) {
            None => {}
            Some(Reading::Rows(data)) => {
                for row in data.chunks_exact(6) {
                    let &[x0, y0, x1, y1, score, class] = row else {
                        continue;
                    };
                    if let Some(class) = whole(class) {
                        found.push(class, score, [x0, y0, x1, y1]);
                    }
                }
            }
            Some(Reading::Detr {
                labels,
                boxes,
                scores,
            }) => {
                for (i, (corners, &score)) in boxes.chunks_exact(4).zip(scores).enumerate() {
                    let class = match labels {
                        TensorData::I64(labels) => {
                            labels.get(i).and_then(|&l| usize::try_from(l).ok())
                        }
                        TensorData::F32(labels) => labels.get(i).and_then(|&l| whole(l)),
                    };
                    if let (&[x0, y0, x1, y1], Some(class)) = (corners, class) {
                        found.push_in_picture(class, score, [x0, y0, x1, y1]);
                    }
                }
            }
        }
    }
}

/// A class number that came as a float; None where it is not one.
fn whole(class: f32) -> Option<usize> {
    let near = class.round();
    if !(0.0..=f32::from(u16::MAX)).contains(&near) {
        return None;
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a whole number of 0..=65535"
    )]
    let class = near as usize;
    Some(class)
}
