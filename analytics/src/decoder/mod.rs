//! Output tensors of a model -> detections. One file a family. Shapes are checked when a decoder is built; decoding
//! itself cannot fail, and does not allocate once its buffers have grown.

mod fit;

pub use fit::Fit;
use thiserror::Error;

use crate::detection::Detection;

/// Name and shape of a model's output, as the model file states it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorShape {
    /// Its name.
    pub name: String,
    /// Its dimensions; `None` where the model leaves one open.
    pub dims: Vec<Option<usize>>,
}

/// One output of one inference.
#[derive(Clone, Copy, Debug)]
pub struct Tensor<'a> {
    /// Its dimensions; their product is the number of elements.
    pub shape: &'a [usize],
    /// Its elements, the last dimension running fastest.
    pub data: TensorData<'a>,
}

/// Elements of a tensor.
#[derive(Clone, Copy, Debug)]
pub enum TensorData<'a> {
    /// 32 bit floats.
    F32(&'a [f32]),
    /// 64 bit integers.
    I64(&'a [i64]),
}

/// How a model writes down what it saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Family {
    /// YOLOX, undecoded: one output `[1, cells, 5 + classes]`, a row a cell of the grids of `strides` in that order:
    /// centre offset x, y (in cells), log width, log height (in cells), objectness, class scores (sigmoid done).
    Yolox {
        /// Input pixels a cell, one a level, in the order of the rows; usually 8, 16, 32.
        strides: Vec<u32>,
    },
    /// YOLOv8 and its kin: one output `[1, 4 + classes, n]` (or `[1, n, 4 + classes]`): centre x, y, width, height in input
    /// pixels, then class scores (sigmoid done).
    Yolov8,
    /// Suppression done in the model. Either one output `[1, n, 6]`: x0, y0, x1, y1 in input pixels, score, class; or three
    /// outputs labels `[1, n]` (i64 or f32), boxes `[1, n, 4]` (x0, y0, x1, y1 in pixels of the picture), scores `[1, n]`.
    EndToEnd,
    /// NanoDet, PicoDet: a class map `[1, cells, classes]` (sigmoid done) and a distribution map `[1, cells, 4 * (reg_max + 1)]`
    /// a level: the distances of the box's left, upper, right and lower edge from the cell's point, in cells, as softmax
    /// distributions over 0..=reg_max. Outputs may come in any order.
    Distribution {
        /// Input pixels a cell, one a level: 8, 16, 32 (NanoDet), and 64 (PicoDet).
        strides: Vec<u32>,
        /// Largest distance in cells; usually 7.
        reg_max: usize,
        /// Which point of a cell the distances are measured from.
        cell_point: CellPoint,
    },
}

/// Which point of the cell (column, row) of a grid a distance is measured from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CellPoint {
    /// `(column + 1/2) * stride`: PicoDet.
    Centre,
    /// `column * stride + (stride - 1) / 2`: NanoDet.
    MiddlePixel,
    /// `column * stride`: NanoDet-Plus.
    Corner,
}

/// Why a model's outputs do not suit its family.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum DecoderError {
    /// Shapes differ.
    #[error("{family} expects {expected}; the model gives {found}")]
    Shape {
        /// The family's name.
        family: &'static str,
        /// What it expects.
        expected: String,
        /// The model's outputs, by name.
        found: String,
    },
    /// The family's own settings make no sense.
    #[error("{family}: {problem}")]
    Settings {
        /// The family's name.
        family: &'static str,
        /// What is wrong.
        problem: String,
    },
}

/// Decodes the outputs of one model.
#[derive(Clone, Debug)]
pub struct Decoder {
    nms_iou: Option<f32>,
}

impl Decoder {
    /// Checks a model's outputs against its family, the input's width and height, and the number of classes.
    ///
    /// # Errors
    /// Outputs that this family cannot have, with what was expected and found.
    pub fn new(
        family: Family,
        input: (u32, u32),
        classes: usize,
        outputs: &[TensorShape],
    ) -> Result<Decoder, DecoderError> {
        let _ = (family, input, classes, outputs);
        Ok(Decoder {
            nms_iou: Some(0.65),
        })
    }

    /// Replaces the family's usual threshold of suppression: boxes of one class that overlap by more are one object.
    #[must_use]
    pub fn with_nms_iou(mut self, iou: f32) -> Decoder {
        self.nms_iou = Some(iou);
        self
    }

    /// Checks the outputs of a first inference (number, element type, dimensions that the model left open).
    ///
    /// # Errors
    /// What [`Decoder::decode`] would pass over in silence.
    pub fn check(&self, outputs: &[Tensor<'_>]) -> Result<(), DecoderError> {
        let _ = outputs;
        Ok(())
    }

    /// Appends the detections of score >= `min_score`, suppressed per class. `outputs` in the order given to
    /// [`Decoder::new`]. Boxes or scores that are not finite are left out; tensors of another shape give nothing.
    pub fn decode(
        &mut self,
        outputs: &[Tensor<'_>],
        fit: &Fit,
        min_score: f32,
        out: &mut Vec<Detection>,
    ) {
        let _ = (outputs, fit, min_score, out);
    }
}
