//! How a model's outputs are read, and what a camera can have the model for.

use analytics::decoder::{CropDecoder, Decoder, DecoderError, Family, Tensor, TensorShape};

use super::manifest::Manifest;

/// What a camera has a model for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It finds objects.
    Objects,
    /// It looks at their crops.
    Crops,
    /// It looks at whole pictures, and says what it sees by labels.
    Pictures,
    /// It tells objects apart by their crops.
    Likeness,
}

impl Role {
    /// All of them.
    pub const ALL: [Role; 4] = [Role::Objects, Role::Crops, Role::Pictures, Role::Likeness];
}

/// How its outputs are read.
pub(super) enum Head {
    Detector(Decoder),
    Crop(CropDecoder),
}

impl Head {
    pub(super) fn new(manifest: &Manifest, outputs: &[TensorShape]) -> Result<Head, DecoderError> {
        let labels = manifest.labels.len();
        if let Family::Crop(kind) = manifest.family {
            return CropDecoder::new(kind, labels, outputs).map(Head::Crop);
        }
        let size = manifest.spec.size;
        let decoder = Decoder::new(manifest.family.clone(), size, labels, outputs)?;
        Ok(Head::Detector(match manifest.nms_iou {
            Some(iou) => decoder.with_nms_iou(iou),
            None => decoder,
        }))
    }

    pub(super) fn check(&self, tensors: &[Tensor<'_>]) -> Result<(), DecoderError> {
        match self {
            Head::Detector(decoder) => decoder.check(tensors),
            Head::Crop(decoder) => decoder.check(tensors),
        }
    }

    /// Whether it does what the role asks for; else what it does, and where it belongs.
    pub(super) fn suits(&self, role: Role) -> Result<(), &'static str> {
        let labels = match self {
            Head::Crop(decoder) => Some(decoder.is_classifier()),
            Head::Detector(_) => None,
        };
        Err(match (role, labels) {
            (Role::Objects, None)
            | (Role::Crops, Some(_))
            | (Role::Pictures, Some(true))
            | (Role::Likeness, Some(false)) => return Ok(()),
            (Role::Objects, Some(_)) => {
                "looks at what another model has found: name it in [[cameras.cascades]]"
            }
            (Role::Crops, None) => "finds objects: it is a camera's model, not one of its cascades",
            (Role::Pictures, None) => "finds objects: it is a camera's model, not one of its looks",
            (Role::Likeness, None) => "finds objects: it cannot tell them apart",
            (Role::Pictures, Some(false)) => {
                "tells objects apart and knows no labels: it is none of a camera's looks"
            }
            (Role::Likeness, Some(true)) => "gives labels: it does not tell objects apart",
        })
    }
}
