//! YOLOX without its final decoding step (Ge et al., 2021): grid offsets and log sizes, objectness x class.

use super::{DecoderError, Found, Grid, Model, Tensor, best, can_be, corners, floats};

pub(super) const NAME: &str = "yolox";

#[derive(Clone, Debug)]
pub(super) struct Yolox {
    levels: Vec<Grid>,
    shape: [usize; 3],
}

impl Yolox {
    pub(super) fn new(strides: &[u32], model: &Model<'_>) -> Result<Self, DecoderError> {
        model.check_classes(NAME)?;
        let levels = Grid::levels(NAME, strides, model.input)?;
        let cells = levels.iter().map(Grid::cells).sum();
        let layout = Yolox {
            levels,
            shape: [1, cells, 5 + model.classes],
        };
        match model.outputs {
            [output] if can_be(&output.dims, &layout.shape.map(Some)) => Ok(layout),
            _ => Err(model.refuse(NAME, layout.expected())),
        }
    }

    pub(super) fn expected(&self) -> String {
        let strides: Vec<u32> = self.levels.iter().map(|l| l.stride).collect();
        format!(
            "one output {:?} (strides {strides:?}, 5 + classes)",
            self.shape
        )
    }

    pub(super) fn read<'a>(&self, outputs: &[Tensor<'a>]) -> Option<&'a [f32]> {
        match outputs {
            [output] => floats(output, &self.shape),
            _ => None,
        }
    }

    pub(super) fn decode(&self, outputs: &[Tensor<'_>], found: &mut Found<'_>) {
        let Some(data) = self.read(outputs) else {
            return;
        };
        let places = self
            .levels
            .iter()
            .flat_map(|l| l.places().map(|p| (p, l.stride())));
        let [_, _, width] = self.shape;
        for (row, ((column, line), stride)) in data.chunks_exact(width).zip(places) {
            let [x, y, w, h, objectness, classes @ ..] = row else {
                continue;
            };
            if *objectness < found.min_score {
                continue;
            }
            let Some((class, score)) = best(classes) else {
                continue;
            };
            let score = score * objectness;
            if score >= found.min_score {
                let (x, y) = ((x + column) * stride, (y + line) * stride);
                found.push(
                    class,
                    score,
                    corners(x, y, w.exp() * stride, h.exp() * stride),
                );
            }
        }
    }
}
