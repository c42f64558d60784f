//! Output tensors of a model -> detections. One file a family. Shapes are checked when a decoder is built; decoding
//! itself cannot fail, and does not allocate once its buffers have grown.

mod crop;
mod distribution;
mod end_to_end;
mod fit;
mod yolov8;
mod yolox;

pub use crop::{CropDecoder, CropKind, Scoring};
pub use fit::Fit;
use thiserror::Error;

use crate::{
    detection::{ClassId, Detection},
    suppress::suppress_from,
};
use distribution::Distribution;
use end_to_end::EndToEnd;
use yolov8::Yolov8;
use yolox::Yolox;

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
    /// offset of the box's middle from the cell's corner x, y (in cells), log width, log height (in cells), objectness,
    /// class scores (sigmoid done; the score is objectness x class). Pictures are laid into the upper left corner.
    /// Suppression at 0.45.
    Yolox {
        /// Input pixels a cell, one a level, in the order of the rows; usually 8, 16, 32.
        strides: Vec<u32>,
    },
    /// YOLOv8 and its kin: one output `[1, 4 + classes, n]` (or `[1, n, 4 + classes]`): centre x, y, width, height in
    /// input pixels, then class scores (sigmoid done). Pictures are laid into the middle. Suppression at 0.6.
    Yolov8,
    /// Suppression done in the model. Either one output `[1, n, 6]`: x0, y0, x1, y1 in input pixels, score, class; or
    /// three outputs labels `[1, n]` (i64 or f32), boxes `[1, n, 4]` (x0, y0, x1, y1 in pixels of the picture whose size
    /// was the model's second input), scores `[1, n]`, in any order. DETR and its kin stretch the picture.
    EndToEnd,
    /// NanoDet, PicoDet: a class map `[1, cells, classes]` (sigmoid done) and a distribution map
    /// `[1, cells, 4 * (reg_max + 1)]` a level: the distances of the box's left, upper, right and lower edge from the
    /// cell's point, in cells, as logits of distributions over 0..=reg_max (Li et al., Generalized Focal Loss, 2020).
    /// Outputs in any order. PicoDet and OpenCV's NanoDet stretch the picture. Suppression at 0.6.
    Distribution {
        /// Input pixels a cell, one a level: 8, 16, 32 (NanoDet), and 64 (PicoDet).
        strides: Vec<u32>,
        /// Largest distance in cells; usually 7.
        reg_max: usize,
        /// Which point of a cell the distances are measured from.
        cell_point: CellPoint,
    },
    /// It finds nothing, it looks at what others have found, or at the picture as a whole: [`CropDecoder`] reads it.
    Crop(CropKind),
}

/// Which point of the cell (column, row) of a grid a distance is measured from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CellPoint {
    /// `(column + 1/2) * stride`: PicoDet.
    Centre,
    /// `column * stride + (stride - 1) / 2`: NanoDet.
    MiddlePixel,
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
        /// The model's outputs.
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
    layout: Layout,
    classes: usize,
    /// None where the model itself suppresses.
    nms_iou: Option<f32>,
}

#[derive(Clone, Debug)]
enum Layout {
    Yolox(Yolox),
    Yolov8(Yolov8),
    EndToEnd(EndToEnd),
    Distribution(Distribution),
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
        let model = Model {
            input,
            classes,
            outputs,
        };
        let (layout, nms_iou) = match family {
            Family::Yolox { strides } => (Layout::Yolox(Yolox::new(&strides, &model)?), Some(0.45)),
            Family::Yolov8 => (Layout::Yolov8(Yolov8::new(&model)?), Some(0.6)),
            Family::EndToEnd => (Layout::EndToEnd(EndToEnd::new(&model)?), None),
            Family::Distribution {
                strides,
                reg_max,
                cell_point,
            } => {
                let layout = Distribution::new(&strides, reg_max, cell_point, &model)?;
                (Layout::Distribution(layout), Some(0.6))
            }
            Family::Crop(_) => {
                return Err(DecoderError::Settings {
                    family: "detector",
                    problem: "this model looks at crops and finds no objects".to_owned(),
                });
            }
        };
        Ok(Decoder {
            layout,
            classes,
            nms_iou,
        })
    }

    /// Replaces the family's usual threshold of suppression: boxes of one class whose intersection over union is larger
    /// are one object. End-to-end models are suppressed too once this is called.
    #[must_use]
    pub fn with_nms_iou(mut self, iou: f32) -> Decoder {
        self.nms_iou = Some(iou);
        self
    }

    /// Checks the outputs of a first inference: their number, their element types, and the dimensions that the model left
    /// open.
    ///
    /// # Errors
    /// What [`Decoder::decode`] would pass over in silence.
    pub fn check(&self, outputs: &[Tensor<'_>]) -> Result<(), DecoderError> {
        let (family, expected, suits) = match &self.layout {
            Layout::Yolox(l) => (yolox::NAME, l.expected(), l.read(outputs).is_some()),
            Layout::Yolov8(l) => (yolov8::NAME, l.expected(), l.read(outputs).is_some()),
            Layout::EndToEnd(l) => (end_to_end::NAME, l.expected(), l.read(outputs).is_some()),
            Layout::Distribution(l) => (distribution::NAME, l.expected(), l.suits(outputs)),
        };
        if suits {
            return Ok(());
        }
        let found = outputs.iter().map(|t| {
            let kind = match t.data {
                TensorData::F32(d) => format!("f32 x {}", d.len()),
                TensorData::I64(d) => format!("i64 x {}", d.len()),
            };
            format!("{:?} ({kind})", t.shape)
        });
        let found = found.collect::<Vec<_>>().join(", ");
        Err(DecoderError::Shape {
            family,
            expected,
            found,
        })
    }

    /// Appends the detections of score >= `min_score`, suppressed per class, by falling score. `outputs` in the order that
    /// was given to [`Decoder::new`]. Boxes and scores that are not finite are left out, as are boxes outside the picture;
    /// tensors of another shape give nothing (see [`Decoder::check`]).
    pub fn decode(
        &mut self,
        outputs: &[Tensor<'_>],
        fit: &Fit,
        min_score: f32,
        out: &mut Vec<Detection>,
    ) {
        let start = out.len();
        let mut found = Found {
            fit,
            classes: self.classes,
            min_score,
            out,
        };
        match &mut self.layout {
            Layout::Yolox(l) => l.decode(outputs, &mut found),
            Layout::Yolov8(l) => l.decode(outputs, &mut found),
            Layout::EndToEnd(l) => l.decode(outputs, &mut found),
            Layout::Distribution(l) => l.decode(outputs, &mut found),
        }
        if let Some(iou) = self.nms_iou {
            suppress_from(out, start, iou);
        }
    }
}

/// What is known of a model when its decoder is built.
struct Model<'a> {
    input: (u32, u32),
    classes: usize,
    outputs: &'a [TensorShape],
}

impl Model<'_> {
    /// Refuses a class count that no decoder can work with.
    fn check_classes(&self, family: &'static str) -> Result<(), DecoderError> {
        if self.classes == 0 || self.classes > usize::from(u16::MAX) {
            let problem = format!(
                "a model has between 1 and 65535 classes, not {}",
                self.classes
            );
            return Err(DecoderError::Settings { family, problem });
        }
        Ok(())
    }

    fn refuse(&self, family: &'static str, expected: String) -> DecoderError {
        let found = self.outputs.iter().map(|output| {
            let dims = output
                .dims
                .iter()
                .map(|d| d.map_or("?".to_owned(), |d| d.to_string()));
            format!("{} [{}]", output.name, dims.collect::<Vec<_>>().join(", "))
        });
        let found = found.collect::<Vec<_>>().join(", ");
        let found = if found.is_empty() {
            "nothing".to_owned()
        } else {
            found
        };
        DecoderError::Shape {
            family,
            expected,
            found,
        }
    }
}

/// Whether dimensions stated by a model can be `want`.
fn can_be(dims: &[Option<usize>], want: &[Option<usize>]) -> bool {
    let alike = |(d, w): (&Option<usize>, &Option<usize>)| d.is_none() || w.is_none() || d == w;
    dims.len() == want.len() && dims.iter().zip(want).all(alike)
}

/// A tensor's floats, if its shape is `want` and all of them are there.
fn floats<'a>(tensor: &Tensor<'a>, want: &[usize]) -> Option<&'a [f32]> {
    match tensor.data {
        TensorData::F32(data)
            if tensor.shape == want && data.len() == want.iter().product::<usize>() =>
        {
            Some(data)
        }
        _ => None,
    }
}

/// A level of a detection grid: columns and rows of cells of `stride` input pixels, partly filled ones at the right and
/// lower edge included.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Grid {
    stride: u32,
    columns: usize,
    rows: usize,
}

impl Grid {
    /// One a stride; refuses none at all and strides of 0.
    fn levels(
        family: &'static str,
        strides: &[u32],
        input: (u32, u32),
    ) -> Result<Vec<Grid>, DecoderError> {
        if strides.is_empty() || strides.contains(&0) {
            let problem = format!("strides {strides:?}: one a level, none of them 0");
            return Err(DecoderError::Settings { family, problem });
        }
        let cells = |side: u32, stride: u32| side.div_ceil(stride) as usize;
        let level = |&stride| Grid {
            stride,
            columns: cells(input.0, stride),
            rows: cells(input.1, stride),
        };
        Ok(strides.iter().map(level).collect())
    }

    fn cells(&self) -> usize {
        self.columns * self.rows
    }

    fn stride(&self) -> f32 {
        number(self.stride as usize)
    }

    /// Column and row of all cells, row by row.
    fn places(self) -> impl Iterator<Item = (f32, f32)> {
        (0..self.rows)
            .flat_map(move |row| (0..self.columns).map(move |column| (number(column), number(row))))
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "counts of cells are far below 2^24"
)]
fn number(count: usize) -> f32 {
    count as f32
}

/// The best class of a row of scores. Scores that are not numbers are passed over.
fn best(scores: &[f32]) -> Option<(usize, f32)> {
    let mut best = None;
    let mut highest = f32::NEG_INFINITY;
    for (class, &score) in scores.iter().enumerate() {
        if score > highest {
            highest = score;
            best = Some((class, score));
        }
    }
    best
}

/// Where decoders put what they find.
struct Found<'a> {
    fit: &'a Fit,
    classes: usize,
    min_score: f32,
    out: &'a mut Vec<Detection>,
}

impl Found<'_> {
    /// Takes a box given by two corners in input pixels.
    fn push(&mut self, class: usize, score: f32, corners: [f32; 4]) {
        let fit = self.fit;
        self.push_fitted(fit, class, score, corners);
    }

    /// Takes a box given by two corners in pixels of the picture.
    fn push_in_picture(&mut self, class: usize, score: f32, corners: [f32; 4]) {
        let fit = Fit::stretch(self.fit.picture, self.fit.picture);
        self.push_fitted(&fit, class, score, corners);
    }

    fn push_fitted(&mut self, fit: &Fit, class: usize, score: f32, [x0, y0, x1, y1]: [f32; 4]) {
        let sound = score.is_finite() && [x0, y0, x1, y1].iter().all(|v| v.is_finite());
        if !sound || score < self.min_score || class >= self.classes {
            return;
        }
        let Ok(class) = u16::try_from(class) else {
            return;
        };
        let rect = fit.to_picture(x0, y0, x1, y1);
        if rect.is_sound() && rect.w > 0.0 && rect.h > 0.0 {
            self.out.push(Detection {
                class: ClassId(class),
                score: score.clamp(0.0, 1.0),
                rect,
            });
        }
    }
}

/// Corners of a box given by its middle and size.
fn corners(x: f32, y: f32, w: f32, h: f32) -> [f32; 4] {
    [x - w / 2.0, y - h / 2.0, x + w / 2.0, y + h / 2.0]
}
